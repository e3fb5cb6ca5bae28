//! The values of one answer behind the guard.

use std::sync::Arc;

use feed_classification::{FalsePositives, Guard, GuardRule, Guarded, GuardedBuilder, IndicatorType, Verdict};

use crate::harmless_values::HarmlessValues;
use crate::{Question, Snapshot, families};

/// Collects the values of an answer. Only values that the guard touches, and networks beside harmless addresses, are
/// judged.
#[derive(Debug)]
pub(crate) struct GuardedValues<'q> {
    guard: &'q Guard,
    /// The type as which the values are kept.
    kind: IndicatorType,
    harmless: Option<HarmlessValues>,
    no_address: FalsePositives,
    /// The ranks that the guard touches, in ascending order.
    touched: Arc<Vec<u32>>,
    /// The first of them that is not passed yet: values come in order of their ranks.
    next: usize,
    values: GuardedBuilder,
}

impl<'q> GuardedValues<'q> {
    pub(crate) fn of(snapshot: &Snapshot, question: &'q Question) -> Self {
        let (kind, guard) = (question.kind, &question.guard);
        let harmless = question.harmless.as_ref();
        Self {
            guard,
            kind: families::kept_as(kind),
            harmless: harmless.and_then(|harmless| HarmlessValues::of(snapshot, kind, harmless)),
            no_address: FalsePositives::default(),
            touched: snapshot.class(kind).guarded(guard, kind),
            next: 0,
            values: match question.wants_times {
                true => GuardedBuilder::timed(kind),
                false => GuardedBuilder::new(kind),
            },
        }
    }

    /// Adds a value of the class with its time. Returns the rule that does not let it pass as it is.
    pub(crate) fn push(&mut self, rank: u32, value: &str, time: i64) -> Option<GuardRule> {
        let verdict = self.verdict(rank, value);
        let rule = verdict.rule();
        self.values.push_at(value, time, verdict);
        rule
    }

    /// Returns whether the guard lets a value of the class pass as it is.
    pub(crate) fn is_exported(&mut self, rank: u32, value: &str) -> bool {
        self.verdict(rank, value) == Verdict::Exported
    }

    /// Adds an address of a network of the class, which need not be judged if the guard lets the network pass.
    pub(crate) fn push_of_network(&mut self, address: &str, time: i64, is_exported: bool) -> Option<GuardRule> {
        let verdict = match is_exported {
            true => Verdict::Exported,
            false => self.guard.judge(self.kind, address, self.harmless_addresses()),
        };
        let rule = verdict.rule();
        self.values.push_at(address, time, verdict);
        rule
    }

    /// Returns the number of values so far, exported ones and others; repetitions may count.
    pub(crate) fn pushed(&self) -> usize {
        self.values.pushed()
    }

    pub(crate) fn finish(self) -> Guarded {
        self.values.finish()
    }

    fn verdict(&mut self, rank: u32, value: &str) -> Verdict {
        let harmless = self.harmless.as_ref();
        if harmless.is_some_and(|harmless| harmless.contains(rank, value)) {
            return Verdict::Refused(GuardRule::FalsePositive);
        }
        let is_network = self.kind == IndicatorType::Ip && value.contains('/');
        if self.is_touched(rank) || (is_network && !self.harmless_addresses().is_empty()) {
            return self.guard.judge(self.kind, value, self.harmless_addresses());
        }
        Verdict::Exported
    }

    fn is_touched(&mut self, rank: u32) -> bool {
        while self.touched.get(self.next).is_some_and(|touched| *touched < rank) {
            self.next += 1;
        }
        self.touched.get(self.next) == Some(&rank)
    }

    fn harmless_addresses(&self) -> &FalsePositives {
        self.harmless
            .as_ref()
            .map_or(&self.no_address, HarmlessValues::addresses)
    }
}
