//! The value of an explanation, in the forms in which a catalogue may hold it.

use feed_classification::{DropReason, Extractor, IndicatorType, canonical_key, network_of};

use crate::find::Query;
use crate::network_lengths::key_of;
use crate::{Class, Question, families};

/// The value of an explanation.
pub(super) struct Asked {
    /// In plain form: a defanged value is restored.
    pub(super) text: String,
    /// In the form in which feeds have it.
    pub(super) value: String,
    /// The type as which the catalogue keeps it.
    kept_as: IndicatorType,
    pub(super) invalid: Option<DropReason>,
}

impl Asked {
    pub(super) fn read(question: &Question, text: &str) -> Self {
        let text = Query::asking(text).looked_up().to_owned();
        let kept_as = families::kept_as(question.kind);
        // Under this name MISP keeps plain values of the type.
        let plain = |kind: IndicatorType| kind.default_attribute_types().first().copied().unwrap_or_default();
        let mut value = None;
        let kept = Extractor::new(kept_as).extract(plain(kept_as), &text, &mut |form| value = Some(form.to_owned()));
        let of_type = Extractor::new(question.kind).max_expand(question.max_expand);
        let outcome = kept.and_then(|()| of_type.extract(plain(question.kind), &text, &mut |_| {}));
        Self {
            value: value.unwrap_or_else(|| text.clone()),
            text,
            kept_as,
            invalid: outcome.err(),
        }
    }

    pub(super) fn ranks(&self, class: &Class) -> Vec<u32> {
        let key = canonical_key(self.kept_as, &self.value);
        let has_key = |rank: &u32| {
            let value = class.values().value(*rank).unwrap_or_default();
            canonical_key(self.kept_as, value) == key
        };
        class.ranks_of_key(&key).into_iter().filter(has_key).collect()
    }

    /// Returns the networks that contain the address and that the feed writes out as single addresses.
    pub(super) fn written_out(&self, question: &Question, class: &Class) -> Vec<String> {
        let is_expanding = matches!(question.kind, IndicatorType::Ipv4Ext | IndicatorType::Ipv6Ext);
        if !is_expanding || self.invalid.is_some() {
            return Vec::new();
        }
        let fits = |network: &String| {
            let bits = network_of(network).map(|network| u32::from(network.max_prefix_len() - network.prefix_len()));
            bits.and_then(|bits| 1_u32.checked_shl(bits))
                .is_some_and(|addresses| addresses <= question.max_expand)
        };
        self.wider(class).into_iter().filter(fits).collect()
    }

    /// Returns the networks that contain the address or network and may be listed, the smallest first.
    pub(super) fn wider(&self, class: &Class) -> Vec<String> {
        let Some(network) = network_of(&self.value).filter(|_| self.kept_as == IndicatorType::Ip) else {
            return Vec::new();
        };
        class.network_lengths().wider(network).map(key_of).collect()
    }
}
