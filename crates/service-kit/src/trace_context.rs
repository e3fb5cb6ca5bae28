//! The place of a request in a trace that other programs began: the header `traceparent` of W3C Trace Context.

use std::fmt;
use std::future::Future;

/// A request in a trace.
///
/// ```
/// use service_kit::TraceContext;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let here = TraceContext::below(header).expect("a valid header");
/// assert_eq!(here.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// // A request that this one causes is in the same trace, below this one.
/// let next = TraceContext::below(&here.traceparent()).expect("a valid header");
/// assert_eq!((next.trace_id(), next.parent()), (here.trace_id(), here.span()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: TraceId,
    parent: SpanId,
    span: SpanId,
    is_sampled: bool,
}

/// The identity of a trace, never zero. Its text is 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// The identity of a step in a trace, never zero. Its text is 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

tokio::task_local! {
    static CURRENT: TraceContext;
}

impl TraceContext {
    /// Returns a new step below the one in this header, or nothing if the header breaks the standard: then the request
    /// has no trace.
    #[must_use]
    pub fn below(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = hex(version, 2)?;
        // The first version has nothing behind the flags, later ones may.
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let trace = Some(hex(trace, 32)?).filter(|id| *id != 0)?;
        let parent = u64::try_from(hex(parent, 16)?).ok().filter(|id| *id != 0)?;
        Some(Self {
            trace: TraceId(trace),
            parent: SpanId(parent),
            span: SpanId::drawn(),
            is_sampled: hex(flags, 2)? & 1 == 1,
        })
    }

    /// Returns a new step below this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            parent: self.span,
            span: SpanId::drawn(),
            ..*self
        }
    }

    /// Returns the identity of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// Returns the identity of this step.
    #[must_use]
    pub fn span(&self) -> SpanId {
        self.span
    }

    /// Returns the identity of the step above this one.
    #[must_use]
    pub fn parent(&self) -> SpanId {
        self.parent
    }

    /// Returns whether the program that began the trace records it.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// Returns the header for a request that this step sends.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.trace, self.span, u8::from(self.is_sampled))
    }

    /// Returns the context of the work that is going on.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|context| *context).ok()
    }

    /// Does work in this context.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

/// Does work in a context, if there is one: for work that another task does in the name of the one that starts it.
pub async fn in_trace<F: Future>(context: Option<TraceContext>, work: F) -> F::Output {
    match context {
        Some(context) => context.scope(work).await,
        None => work.await,
    }
}

impl TraceId {
    /// Returns the number.
    #[must_use]
    pub fn to_u128(self) -> u128 {
        self.0
    }
}

impl SpanId {
    /// Returns the number.
    #[must_use]
    pub fn to_u64(self) -> u64 {
        self.0
    }

    /// Draws one. Without random numbers of the system it is 1: a trace is no secret, and a request must not fail for
    /// it.
    fn drawn() -> Self {
        let drawn = getrandom::u64().unwrap_or(1);
        Self(drawn.max(1))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Reads so many digits, in lower case as the standard wants them.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_right = text.len() == digits && text.bytes().all(is_digit);
    is_right.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn a_header_is_read_and_a_new_step_is_below_its_sender() {
        let here = TraceContext::below(&format!("00-{TRACE}-{PARENT}-01")).unwrap();
        assert_eq!(here.trace_id().to_string(), TRACE);
        assert_eq!(here.parent().to_string(), PARENT);
        assert!(here.is_sampled() && here.span() != here.parent());
        assert_eq!(here.traceparent(), format!("00-{TRACE}-{}-01", here.span()));
        let child = here.child();
        assert_eq!((child.trace_id(), child.parent()), (here.trace_id(), here.span()));
        assert_ne!(child.span(), here.span());
        let unsampled = TraceContext::below(&format!("00-{TRACE}-{PARENT}-00")).unwrap();
        assert!(!unsampled.is_sampled() && unsampled.traceparent().ends_with("-00"));
    }

    #[test]
    fn later_versions_are_read_as_far_as_this_one_knows_them() {
        let later = TraceContext::below(&format!("cc-{TRACE}-{PARENT}-03-what-follows")).unwrap();
        assert!(later.is_sampled() && later.traceparent().starts_with("00-"));
    }

    #[test]
    fn a_header_that_breaks_the_standard_is_no_trace() {
        let zero = |digits| "0".repeat(digits);
        let but = |gone| TRACE.chars().skip(gone).collect::<String>();
        for header in [
            String::new(),
            "-".repeat(55),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", zero(32)),
            format!("00-{TRACE}-{}-01", zero(16)),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{}-{PARENT}-01", but(1)),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-0g"),
            format!("00-+{}-{PARENT}-01", but(1)),
            format!(" 00-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01 "),
            format!("00-{}\u{e9}-{PARENT}-01", but(2)),
        ] {
            assert_eq!(TraceContext::below(&header), None, "{header}");
        }
    }

    #[test]
    fn work_has_the_context_of_its_scope_and_no_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let here = TraceContext::below(&format!("00-{TRACE}-{PARENT}-01")).unwrap();
        runtime.block_on(async {
            assert_eq!(TraceContext::current(), None);
            let seen = here.scope(async { TraceContext::current() }).await;
            assert_eq!(seen, Some(here));
            let in_another_task = async {
                let context = TraceContext::current();
                let task = tokio::spawn(in_trace(context, async { TraceContext::current() }));
                task.await.unwrap()
            };
            assert_eq!(here.scope(in_another_task).await, Some(here));
            assert_eq!(in_trace(None, async { TraceContext::current() }).await, None);
        });
    }
}
