//! The battery fails for an exporter with one fault, for each rule that is not about escaping (`battery.rs` has those).

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use feed_classification::export::testkit;
use feed_classification::{
    About, ExportCounts, Exporter, FeedInfo, Indicator, IndicatorType, QuarantineReason, TypeSet,
};

/// What an exporter does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Writes how often it was called.
    OtherBytesEachTime,
    /// Drops the writer's errors.
    LosesErrors,
    /// Drops the writer's error in a feed without entries.
    LosesErrorsOfEmptyFeeds,
    /// Writes half a document for a feed without entries.
    BreaksEmptyFeeds,
    /// Counts one indicator too few.
    CountsWrong,
    /// Leaves values out without counting them.
    LeavesOutSilently,
    /// Writes types that it does not accept.
    WritesOtherTypes,
    /// Writes the name of the feed without declaring it.
    WritesUndeclaredTitle,
    /// Collects the whole body before it writes.
    CollectsTheBody,
    /// Gives up at the thousandth value.
    EndsEarly,
}

/// A writer that never fails, whatever becomes of the bytes.
struct Deaf<'w>(&'w mut dyn Write);

impl Write for Deaf<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Faulty {
    fault: Option<Fault>,
    calls: AtomicU64,
}

fn faulty(fault: impl Into<Option<Fault>>) -> Faulty {
    Faulty {
        fault: fault.into(),
        calls: AtomicU64::new(0),
    }
}

impl Faulty {
    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn write_entries(
        &self,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let mut exported = ExportCounts::default();
        for item in items {
            let is_accepted = self.about().accepts.contains(item.kind);
            if !is_accepted && !self.has(Fault::WritesOtherTypes) {
                continue;
            }
            if self.leaves_out(&item).is_some() {
                exported.quarantined += u64::from(!self.has(Fault::LeavesOutSilently));
                continue;
            }
            out.write_all(if exported.written == 0 { b"[" } else { b"," })?;
            self.entry(&item, out)?;
            exported.written += 1;
            if exported.written == 1000 && self.has(Fault::EndsEarly) {
                break;
            }
        }
        Ok(exported)
    }

    fn write_document(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let exported = self.write_entries(items, out)?;
        if exported.written == 0 {
            self.empty(feed, out)?;
        } else if self.has(Fault::WritesUndeclaredTitle) {
            write!(out, ",\"{}\"]", feed.name)?;
        } else {
            out.write_all(b"]")?;
        }
        Ok(exported)
    }
}

impl Exporter for Faulty {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("faulty", "A JSON array.")
            .content_type("application/json")
            .accepts(TypeSet::of(&[IndicatorType::Domain, IndicatorType::FileMd5]));
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        item.value.contains('_').then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        if self.has(Fault::OtherBytesEachTime) {
            write!(out, "\"{}-{calls}\"", item.value)
        } else {
            write!(out, "\"{}\"", item.value)
        }
    }

    fn empty(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self.fault {
            Some(Fault::BreaksEmptyFeeds) => out.write_all(b"["),
            Some(Fault::LosesErrorsOfEmptyFeeds) => {
                let _ = out.write_all(b"[]");
                Ok(())
            }
            _ => out.write_all(b"[]"),
        }
    }

    fn count(&self, items: &mut dyn Iterator<Item = Indicator<'_>>) -> ExportCounts {
        let accepted = &mut items.filter(|item| self.about().accepts.contains(item.kind));
        let mut counted = ExportCounts::default();
        for item in accepted.skip(usize::from(self.has(Fault::CountsWrong))) {
            match self.leaves_out(&item) {
                Some(_) => counted.quarantined += 1,
                None => counted.written += 1,
            }
        }
        counted
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        match self.fault {
            Some(Fault::LosesErrors) => self.write_document(feed, items, &mut Deaf(out)),
            Some(Fault::CollectsTheBody) => {
                let mut body = Vec::new();
                let exported = self.write_document(feed, items, &mut body)?;
                out.write_all(&body)?;
                Ok(exported)
            }
            _ => self.write_document(feed, items, out),
        }
    }
}

#[test]
fn the_exporter_without_a_fault_passes() {
    testkit::check(&faulty(None));
    testkit::check_million(&faulty(None));
}

#[test]
#[should_panic(expected = "other bytes")]
fn other_bytes_each_time_fail() {
    testkit::check(&faulty(Fault::OtherBytesEachTime));
}

#[test]
#[should_panic(expected = "is lost")]
fn a_lost_error_of_the_writer_fails() {
    testkit::check(&faulty(Fault::LosesErrors));
}

#[test]
#[should_panic(expected = "is lost")]
fn a_lost_error_of_the_writer_in_an_empty_feed_fails() {
    testkit::check(&faulty(Fault::LosesErrorsOfEmptyFeeds));
}

#[test]
#[should_panic(expected = "an empty feed is no json")]
fn half_a_document_for_an_empty_feed_fails() {
    testkit::check(&faulty(Fault::BreaksEmptyFeeds));
}

#[test]
#[should_panic(expected = "counting gives other numbers")]
fn a_wrong_count_fails() {
    testkit::check(&faulty(Fault::CountsWrong));
}

#[test]
#[should_panic(expected = "is left out and not counted")]
fn values_left_out_silently_fail() {
    testkit::check(&faulty(Fault::LeavesOutSilently));
}

#[test]
#[should_panic(expected = "a type that is not accepted shows")]
fn types_that_are_not_accepted_fail() {
    testkit::check(&faulty(Fault::WritesOtherTypes));
}

#[test]
#[should_panic(expected = "a fact that the exporter does not declare")]
fn an_undeclared_title_fails() {
    testkit::check(&faulty(Fault::WritesUndeclaredTitle));
}

#[test]
#[should_panic(expected = "does not stream")]
fn a_body_that_is_collected_before_it_is_written_fails() {
    testkit::check_million(&faulty(Fault::CollectsTheBody));
}

#[test]
#[should_panic(expected = "neither written nor quarantined")]
fn an_end_before_the_last_of_a_million_values_fails() {
    testkit::check_million(&faulty(Fault::EndsEarly));
}

#[test]
#[should_panic(expected = "is lost")]
fn a_lost_error_in_the_middle_of_a_million_values_fails() {
    testkit::check_million(&faulty(Fault::LosesErrors));
}

#[test]
#[should_panic(expected = "other bytes")]
fn other_bytes_of_the_same_million_values_fail() {
    testkit::check_million(&faulty(Fault::OtherBytesEachTime));
}
