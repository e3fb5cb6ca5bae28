//! The indicator types whose values can be looked up.

use feed_classification::{IndicatorType, TypeSet};

/// The types of feeds whose values can be looked up: all except rules, since no log line holds the text of a rule.
pub const LOOKED_UP_FEEDS: TypeSet = TypeSet::ALL.without(TypeSet::RULES);

/// The types of a look-up, the narrowest first; `ip` stands for all types of addresses and networks.
pub const LOOKUP_TYPES: &[IndicatorType] = &[
    IndicatorType::Ip,
    IndicatorType::Domain,
    IndicatorType::Hostname,
    IndicatorType::Url,
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
    IndicatorType::X509FingerprintMd5,
    IndicatorType::X509FingerprintSha1,
    IndicatorType::X509FingerprintSha256,
    IndicatorType::EmailAddress,
    IndicatorType::Vulnerability,
    IndicatorType::Ja3,
    IndicatorType::Ja4,
    IndicatorType::HasshMd5,
    IndicatorType::HasshServerMd5,
    IndicatorType::Imphash,
    IndicatorType::ChromeExtensionId,
    IndicatorType::EdgeExtensionId,
    IndicatorType::CryptoCurrency,
    IndicatorType::Filename,
    IndicatorType::EmailAttachment,
    IndicatorType::EmailSubject,
    IndicatorType::UserAgent,
    IndicatorType::Mutex,
];

/// Those of them that take any text, so that the look of a value says nothing.
pub(super) const TEXTS: TypeSet = TypeSet::of(&[
    IndicatorType::Filename,
    IndicatorType::EmailAttachment,
    IndicatorType::EmailSubject,
    IndicatorType::UserAgent,
    IndicatorType::Mutex,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_feed_but_rules_can_be_looked_up() {
        let told_apart: TypeSet = LOOKUP_TYPES.iter().copied().collect();
        let addresses = TypeSet::ADDRESSES.without(TypeSet::of(&[IndicatorType::Ip]));
        assert_eq!(told_apart, LOOKED_UP_FEEDS.without(addresses));
        assert!(TEXTS.without(told_apart).is_empty());
    }
}
