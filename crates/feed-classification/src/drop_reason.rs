//! Reasons why a value of MISP gave no indicator.

/// The reason why an attribute gave no indicator of the requested type. A value is never "repaired" into another one.
///
/// ```
/// use feed_classification::{DropReason, Extractor, IndicatorType};
///
/// let reason = Extractor::new(IndicatorType::Url).extract("url", "hxxp://evil.example/", &mut |_| ()).unwrap_err();
/// assert_eq!(reason, DropReason::Defanged);
/// assert_eq!(reason.as_str(), "defanged");
/// assert!(!reason.belongs_elsewhere());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DropReason {
    /// The host of the URL is neither a name nor an address.
    #[error("the host of the url is neither a name nor an address")]
    BadHost,
    /// A label of the name is empty, longer than 63, begins or ends with a hyphen, or has a character that no name has.
    #[error("a label of the name is empty, too long, has a hyphen at an end or a character that no name has")]
    BadLabel,
    /// The port of a composite attribute or of a URL is not 1 to 65535 in digits.
    #[error("the port is not a number from 1 to 65535")]
    BadPort,
    /// The value has a line break, another control character, or a code point that is not a character.
    #[error("a line break or another control character in the value")]
    ControlCharacter,
    /// A URL in a spelling that keeps people from clicking on it, such as `hxxp://` or `evil[.]example`.
    #[error("a url in a defanged spelling such as hxxp:// or evil[.]example")]
    Defanged,
    /// The value is nothing but white space and invisible characters.
    #[error("nothing but white space and invisible characters")]
    Empty,
    /// An invisible character inside of a name or a URL.
    #[error("an invisible character inside of a name or url")]
    InvisibleCharacter,
    /// The name is longer than 253 characters.
    #[error("the name is longer than 253 characters")]
    NameTooLong,
    /// The network has more addresses than [`max_expand`](crate::Extractor::max_expand).
    #[error("the network has more addresses than may be written out")]
    NetworkTooLarge,
    /// The URL has a scheme and no host.
    #[error("the url has no host")]
    NoHost,
    /// The attribute type never holds a value of the requested type.
    #[error("this attribute type holds no value of the asked type")]
    NoSuchPart,
    /// Neither an address nor a network (ranges, leading zeros and zone ids are refused too).
    #[error("neither an address nor a network")]
    NotAnAddress,
    /// Not one local part, one `@` and a domain.
    #[error("not an e-mail address")]
    NotAnEmailAddress,
    /// Not 32 letters from `a` to `p`.
    #[error("not 32 letters from a to p")]
    NotAnExtensionId,
    /// Not `CVE-`, four digits, `-`, 4 to 19 digits.
    #[error("not a cve identifier")]
    NotACve,
    /// Not a name of the DNS in any spelling, or an address in the place of a name.
    #[error("not a domain or host name")]
    NotAName,
    /// The attribute type promises two values with a `|` between them, and the value has no `|`.
    #[error("the | between the two parts is missing")]
    NotComposite,
    /// A network, and the type holds single addresses only.
    #[error("a network where single addresses are asked for")]
    NotSingle,
    /// Neither a URL with a scheme nor one that begins with a domain or an address.
    #[error("not a url")]
    NotAUrl,
    /// Not a Bitcoin, Monero or Dash address.
    #[error("not a bitcoin, monero or dash address")]
    NotAWallet,
    /// A hash with a character that is not a hexadecimal digit.
    #[error("a character that is no hexadecimal digit")]
    NotHexadecimal,
    /// Not a JA4 fingerprint.
    #[error("not a ja4 fingerprint")]
    NotJa4,
    /// An address or network of the other family.
    #[error("an address or network of the other family")]
    OtherFamily,
    /// A single address, and the type holds networks only.
    #[error("a single address where networks are asked for")]
    SingleAddress,
    /// A name without a dot.
    #[error("a name without a dot")]
    SingleLabel,
    /// The value is longer than [`crate::MAX_VALUE_BYTES`] or, for rules, [`crate::MAX_RULE_BYTES`].
    #[error("the value is too long")]
    TooLong,
    /// A name with a `*`.
    #[error("a name with a wildcard")]
    Wildcard,
    /// A hash with more or fewer digits than its kind has.
    #[error("a hash of the wrong length")]
    WrongLength,
}

impl DropReason {
    /// All reasons.
    pub const ALL: &'static [Self] = &[
        Self::BadHost,
        Self::BadLabel,
        Self::BadPort,
        Self::ControlCharacter,
        Self::Defanged,
        Self::Empty,
        Self::InvisibleCharacter,
        Self::NameTooLong,
        Self::NetworkTooLarge,
        Self::NoHost,
        Self::NoSuchPart,
        Self::NotAnAddress,
        Self::NotAnEmailAddress,
        Self::NotAnExtensionId,
        Self::NotACve,
        Self::NotAName,
        Self::NotComposite,
        Self::NotSingle,
        Self::NotAUrl,
        Self::NotAWallet,
        Self::NotHexadecimal,
        Self::NotJa4,
        Self::OtherFamily,
        Self::SingleAddress,
        Self::SingleLabel,
        Self::TooLong,
        Self::Wildcard,
        Self::WrongLength,
    ];

    /// Returns the name of the reason for metrics and logs: lower case with underscores, never changed once released.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadHost => "bad_host",
            Self::BadLabel => "bad_label",
            Self::BadPort => "bad_port",
            Self::ControlCharacter => "control_character",
            Self::Defanged => "defanged",
            Self::Empty => "empty",
            Self::InvisibleCharacter => "invisible_character",
            Self::NameTooLong => "name_too_long",
            Self::NetworkTooLarge => "network_too_large",
            Self::NoHost => "no_host",
            Self::NoSuchPart => "no_such_part",
            Self::NotAnAddress => "not_an_address",
            Self::NotAnEmailAddress => "not_an_email_address",
            Self::NotAnExtensionId => "not_an_extension_id",
            Self::NotACve => "not_a_cve",
            Self::NotAName => "not_a_name",
            Self::NotComposite => "not_composite",
            Self::NotSingle => "not_single",
            Self::NotAUrl => "not_a_url",
            Self::NotAWallet => "not_a_wallet",
            Self::NotHexadecimal => "not_hexadecimal",
            Self::NotJa4 => "not_ja4",
            Self::OtherFamily => "other_family",
            Self::SingleAddress => "single_address",
            Self::SingleLabel => "single_label",
            Self::TooLong => "too_long",
            Self::Wildcard => "wildcard",
            Self::WrongLength => "wrong_length",
        }
    }

    /// Returns whether nothing is wrong with the value and it only belongs to another indicator type.
    ///
    /// MISP keeps addresses and networks of both families in the same attribute types. So an `ipv4` feed meets IPv6
    /// addresses and networks all day, and a `ja4` feed meets ordinary texts. They are not a sign of bad data.
    #[must_use]
    pub const fn belongs_elsewhere(self) -> bool {
        matches!(
            self,
            Self::NotJa4 | Self::NotSingle | Self::OtherFamily | Self::SingleAddress
        )
    }
}
