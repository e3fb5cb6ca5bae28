//! The time that all pages of one search may take together.

use std::time::Duration;

use crate::{Error, ErrorKind};

/// The rest of the time of a search. The caller's work between two pages does not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SearchTime {
    whole: Duration,
    left: Duration,
}

impl SearchTime {
    pub(crate) fn new(whole: Duration) -> Self {
        Self { whole, left: whole }
    }

    /// Returns how long the next page may take, at most `wanted`.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] when the pages before took all the time.
    pub(crate) fn of_page(&self, wanted: Duration) -> Result<Duration, Error> {
        if self.left.is_zero() {
            let detail = format!("the pages of the search took {} s together", self.whole.as_secs());
            return Err(Error::new(ErrorKind::Timeout).with_detail(detail));
        }
        Ok(wanted.min(self.left))
    }

    /// Notes what a page took.
    pub(crate) fn spend(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_take_their_time_from_that_of_the_search_until_there_is_none() {
        let seconds = Duration::from_secs;
        let mut time = SearchTime::new(seconds(100));
        assert_eq!(time.of_page(seconds(60)).unwrap(), seconds(60));
        time.spend(seconds(60));
        assert_eq!(time.of_page(seconds(60)).unwrap(), seconds(40));
        time.spend(seconds(41));
        let error = time.of_page(seconds(60)).unwrap_err();
        assert!(
            error.is_timeout() && error.to_string().contains("took 100 s together"),
            "{error}"
        );
    }
}
