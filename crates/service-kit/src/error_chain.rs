//! The text of an error together with its causes.

use std::error::Error;

/// Returns an error and its causes as one line: `error: cause: cause of the cause`.
///
/// ```
/// #[derive(Debug, thiserror::Error)]
/// #[error("the site file cannot be read")]
/// struct Unreadable(#[source] std::io::Error);
///
/// let error = Unreadable(std::io::Error::other("permission denied"));
/// assert_eq!(service_kit::chain(&error), "the site file cannot be read: permission denied");
/// ```
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    for cause in causes(error) {
        line.push_str(": ");
        line.push_str(&cause.to_string());
    }
    line
}

/// Returns the causes of an error, the nearest first; the error itself is not among them.
///
/// For example, a client asks with it whether a `rustls::Error` made the connection fail.
pub fn causes<'e>(error: &'e (dyn Error + 'e)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'e (dyn Error + 'static)| {
        Error::source(*cause)
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("middle")]
    struct Middle(#[source] io::Error);

    #[test]
    fn causes_follow_each_other_on_one_line() {
        let error = Outer(Middle(io::Error::other("inner")));
        assert_eq!(chain(&error), "outer: middle: inner");
        assert_eq!(chain(&io::Error::other("alone")), "alone");
    }

    #[test]
    fn a_cause_is_found_by_its_type() {
        let error = Outer(Middle(io::Error::other("inner")));
        assert!(causes(&error).any(|cause| cause.is::<io::Error>()));
        assert!(
            !causes(&error).any(|cause| cause.is::<Outer>()),
            "the error is no cause of itself"
        );
    }
}
