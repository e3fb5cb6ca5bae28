//! Files of rules for an engine: those for our indicators, and those of analysts.

use std::io::{self, Write};
use std::sync::Arc;

use crate::export::numbered_rules::{self, Choice, Rules};
use crate::export::rule_texts::{self, Dialect};
use crate::export::sids::{self, Sids};
use crate::export::{About, ExportCounts, ExportOption, Exporter, FeedInfo, Options, QuarantineReason, Rivalry};
use crate::{Indicator, IndicatorType, TypeSet};

/// The type of the rules of analysts, which MISP keeps for both engines.
pub(super) const OF_ANALYSTS: TypeSet = TypeSet::of(&[IndicatorType::Snort]);

const ACTION: &str = "action";
const BASE: &str = "sid_base";
const COUNT: &str = "sid_count";

pub(super) const OPTIONS: &[ExportOption] = &[
    ExportOption::word(
        ACTION,
        "What the engine does with a match of an indicator. It drops and rejects only as an inline IPS. Rules of \
         analysts alert.",
        &["alert", "drop", "reject"],
    ),
    ExportOption::number(
        BASE,
        "The first number of rules without one of their own. Two feeds with a value in common need ranges apart on \
         one sensor.",
        sids::FIRST as u64,
        1..=(sids::GREATEST - sids::FEWEST + 1) as u64,
    ),
    ExportOption::number(
        COUNT,
        "How many numbers the range has; it ends at 2147483647 at the latest.",
        sids::COUNT as u64,
        sids::FEWEST as u64..=sids::COUNT as u64,
    ),
];

/// A file of rules: a feed of indicators has rules that we write, and one of rules of analysts has their rules.
#[derive(Debug, Clone)]
pub(crate) struct RuleFile {
    about: About,
    rules: Rules,
    revision: u32,
    dialect: &'static Dialect,
    options: Options,
}

impl RuleFile {
    /// Makes a file for an engine with these words. `revision` is the `rev` of the rules that we write.
    pub(super) const fn new(about: About, rules: Rules, revision: u32, dialect: &'static Dialect) -> Self {
        Self {
            options: Options::defaults(about.options),
            about,
            rules,
            revision,
            dialect,
        }
    }

    fn sids(&self) -> Sids {
        let number = |name| u32::try_from(self.options.number(name)).unwrap_or(u32::MAX);
        Sids::within(number(BASE), number(COUNT))
    }
}

impl Exporter for RuleFile {
    fn about(&self) -> &About {
        &self.about
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        let options = options.clone();
        Some(Arc::new(Self {
            options,
            ..self.clone()
        }))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if OF_ANALYSTS.contains(item.kind) {
            rule_texts::refuses(item.value, self.dialect)
        } else {
            (self.rules.of)(item).err()
        }
    }

    fn rivalry(&self, item: &Indicator<'_>, items: &mut dyn Iterator<Item = Indicator<'_>>) -> Option<Rivalry> {
        let is_text = OF_ANALYSTS.contains(item.kind);
        is_text.then(|| rule_texts::rivalry(self.dialect, self.sids(), item.value, items))?
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.export(&FeedInfo::new(item.kind, ""), &mut std::iter::once(*item), out)
            .map(drop)
    }

    fn count(&self, items: &mut dyn Iterator<Item = Indicator<'_>>) -> ExportCounts {
        // A feed has one type, but a caller of this function does not say which.
        let mut items = items.peekable();
        if items.peek().is_some_and(|item| OF_ANALYSTS.contains(item.kind)) {
            return rule_texts::count(self.dialect, self.sids(), &mut items);
        }
        numbered_rules::count(self.rules, &mut items)
    }

    fn export(
        &self,
        feed: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        if OF_ANALYSTS.contains(feed.kind) {
            return rule_texts::export(self.dialect, self.sids(), items, out);
        }
        let choice = Choice {
            action: self.options.word(ACTION),
            revision: self.revision,
        };
        numbered_rules::export(self.rules, &choice, self.sids(), items, out)
    }
}
