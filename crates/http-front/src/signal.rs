//! Work that a signal may end or change, at little cost while there is none.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

pin_project! {
    /// A signal with a flag that is set before it comes. The task of a connection is woken for each request, and asking
    /// the signal each time would take its lock. So it is asked only once for each waker, and when the flag is set.
    pub(crate) struct Signal<F, I> {
        #[pin]
        comes: F,
        is_set: I,
        waker: Option<Waker>,
    }
}

impl<F: Future, I: Fn() -> bool> Signal<F, I> {
    /// Returns the signal that comes when `comes` ends. `is_set` must be true before its waker is woken,
    /// and `comes` must not be cooperative: tokio's budget would keep it from registering the waker.
    pub(crate) fn new(comes: F, is_set: I) -> Self {
        Self {
            comes,
            is_set,
            waker: None,
        }
    }
}

impl<F: Future, I: Fn() -> bool> Future for Signal<F, I> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let is_known = |waker: &Waker| waker.will_wake(context.waker());
        if this.waker.as_ref().is_some_and(is_known) && !(this.is_set)() {
            return Poll::Pending;
        }
        *this.waker = Some(context.waker().clone());
        this.comes.poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn a_signal_ends_the_wait_and_is_asked_seldom() {
        // The waker of a task is always known again. That of a block, or one that does nothing, may have a table of
        // functions in each part of the program.
        tokio::spawn(asked_seldom()).await.unwrap();
    }

    async fn asked_seldom() {
        let (is_set, notify, asked) = (AtomicBool::new(false), Notify::new(), AtomicUsize::new(0));
        let mut notified = Box::pin(notify.notified());
        let comes = std::future::poll_fn(|context| {
            asked.fetch_add(1, Ordering::Relaxed);
            notified.as_mut().poll(context)
        });
        let mut signal = std::pin::pin!(Signal::new(comes, || is_set.load(Ordering::Relaxed)));
        std::future::poll_fn(|context| {
            for _ in 0..5 {
                assert!(signal.as_mut().poll(context).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        let tell = async {
            is_set.store(true, Ordering::Relaxed);
            notify.notify_one();
        };
        // The flag and the signal come while the wait is under way.
        tokio::join!(signal, tell);
    }
}
