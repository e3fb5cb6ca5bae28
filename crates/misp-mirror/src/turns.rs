//! The right to ask MISP one question.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// The future that [`Turns::turn`] returns.
pub type NextTurn<'a> = Pin<Box<dyn Future<Output = Turn> + Send + 'a>>;

/// Decides when the mirror may ask MISP a question.
///
/// A program that asks the same MISP for other things bounds all its questions with it, and lets the mirror wait for
/// those that a person waits for. The mirror takes two turns at a time at most: it reads events ahead while it stores
/// others. A question of several pages is one turn.
pub trait Turns: fmt::Debug + Send + Sync + 'static {
    /// Waits until the mirror may ask; the question has ended when the turn is dropped.
    fn turn(&self) -> NextTurn<'_>;
}

/// The right to ask one question, until it is dropped.
pub struct Turn {
    _permit: Option<Box<dyn Any + Send>>,
}

impl Turn {
    /// Returns a turn that keeps this permit until the question has ended.
    #[must_use]
    pub fn holding(permit: impl Send + 'static) -> Self {
        Self {
            _permit: Some(Box::new(permit)),
        }
    }

    /// Returns a turn that nothing depends on.
    #[must_use]
    pub fn free() -> Self {
        Self { _permit: None }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

/// Lets the mirror ask at any time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AnyTime;

impl Turns for AnyTime {
    fn turn(&self) -> NextTurn<'_> {
        Box::pin(std::future::ready(Turn::free()))
    }
}
