//! What the guard does with the value of an explanation.

use feed_classification::{FalsePositives, GuardRule, Verdict, network_of};

use super::asked::Asked;
use crate::answer::{Fit, fit_of};
use crate::harmless_values::HarmlessValues;
use crate::{Question, Snapshot};

/// The guard before one value, with the harmless addresses if they matter to it.
pub(super) struct Guarding<'q> {
    question: &'q Question,
    harmless: FalsePositives,
    /// The listed networks that contain the value.
    wider: Vec<String>,
}

impl<'q> Guarding<'q> {
    pub(super) fn of(snapshot: &Snapshot, question: &'q Question, asked: &Asked) -> Self {
        let class = snapshot.class(question.kind);
        let is_listed = |network: &String| class.values().rank_of(network).is_some();
        let wider: Vec<String> = asked.wider(class).into_iter().filter(is_listed).collect();
        // A network may be cut around any of them.
        let matters = asked.value.contains('/') || !wider.is_empty();
        let harmless = question.harmless.as_ref().filter(|_| matters);
        let harmless = harmless.and_then(|harmless| HarmlessValues::of(snapshot, question.kind, harmless));
        Self {
            question,
            harmless: harmless.map(|values| values.addresses().clone()).unwrap_or_default(),
            wider,
        }
    }

    /// Returns the rule that does not let the value pass as it is.
    pub(super) fn rule(&self, value: &str) -> Option<GuardRule> {
        self.judge(value).rule()
    }

    /// Returns the listed networks that the feed has in parts, where the value is one of these parts.
    pub(super) fn networks_in_parts(&self, value: &str) -> Vec<String> {
        let Some(part) = network_of(value) else {
            return Vec::new();
        };
        let is_cut = |network: &&String| {
            fit_of(self.question.kind, network) == Fit::Whole
                && matches!(self.judge(network), Verdict::Cut(_, parts) if parts.contains(&part))
        };
        self.wider.iter().filter(is_cut).cloned().collect()
    }

    fn judge(&self, value: &str) -> Verdict {
        self.question.guard.judge(self.question.kind, value, &self.harmless)
    }
}
