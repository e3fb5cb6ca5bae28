//! The keys `token_limits.*`: how much one token may ask.

use config_file::{Section, default, reader};

config_file::keys! {
    /// The keys `token_limits.*`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct TokenLimits {
        ours "token_limits.per_second", "1 to 1000000", default("200"),
            "requests of one token a second that are answered in the long run; more are answered with 429"
            => per_second: u32 = reader::number(1, 1_000_000);
        ours "token_limits.burst", "1 to 1000000", default("5000"),
            "requests of one token that are answered at one go, after a pause"
            => burst: u32 = reader::number(1, 1_000_000);
        ours "token_limits.at_once", "1 to 100000", default("1000"),
            "requests of one token that wait for their answer at the same time"
            => at_once: u32 = reader::number(1, 100_000);
    }
}

pub(super) fn read(section: &mut Section<'_>) -> TokenLimits {
    let mut inner = section.inner("token_limits", "token_limits.");
    let limits = TokenLimits::read_keys(&mut inner)();
    inner.finish();
    limits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Core;

    fn read(lines: &str) -> Result<TokenLimits, String> {
        let core = format!(
            "encryption_key: \"{0}{0}\"\nsalt: \"{0}\"\n{lines}",
            "0123456789ABCDEF0123456789ABCDEF"
        );
        Core::from_yaml(&core)
            .map(|core| core.token_limits)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn each_limit_has_a_default_and_can_be_set() {
        let numbers = |limits: TokenLimits| (limits.per_second, limits.burst, limits.at_once);
        assert_eq!(numbers(read("").unwrap()), (200, 5_000, 1_000));
        let lines = "token_limits: { per_second: 2, burst: 3, at_once: 4 }\n";
        assert_eq!(numbers(read(lines).unwrap()), (2, 3, 4));
        for wrong in ["per_second: 0", "burst: 0", "at_once: 0", "per_hour: 1"] {
            let told = read(&format!("token_limits: {{ {wrong} }}\n")).unwrap_err();
            assert!(told.contains("token_limits."), "{wrong}: {told}");
        }
    }
}
