//! The number of a vulnerability.

use std::fmt;
use std::str::FromStr;

/// A CVE number in capital letters, `CVE-2026-12345`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cve(String);

/// The error of a text that is not a CVE number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no CVE number")]
pub struct NoCve;

impl Cve {
    /// Returns the number as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Cve {
    type Err = NoCve;

    /// Reads a number in upper or lower case. Other vulnerability ids, for example `GHSA-…` or `RUSTSEC-…`, are errors.
    fn from_str(text: &str) -> Result<Self, NoCve> {
        let text = text.trim().to_ascii_uppercase();
        let (year, number) = text
            .strip_prefix("CVE-")
            .and_then(|rest| rest.split_once('-'))
            .ok_or(NoCve)?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = year.len() == 4 && digits(year) && (4..=19).contains(&number.len()) && digits(number);
        if fits { Ok(Self(text)) } else { Err(NoCve) }
    }
}

impl fmt::Display for Cve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_whole() {
        assert_eq!("cve-2026-0001".parse::<Cve>().unwrap().as_str(), "CVE-2026-0001");
        for wrong in [
            "",
            "CVE-",
            "CVE-2026-1",
            "CVE-26-12345",
            "CVE-2026-12345x",
            "xCVE-2026-12345",
            "CVE-2026-1234\nCVE-2026-1235",
            "GHSA-jfh8-c2jp-5v3q",
            "CVE-2026-12345678901234567890",
        ] {
            assert_eq!(wrong.parse::<Cve>(), Err(NoCve), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again(text in "\\PC{0,30}|[cC][vV][eE]-[0-9]{4}-[0-9]{1,20}") {
            if let Ok(cve) = text.parse::<Cve>() {
                prop_assert_eq!(cve.as_str().parse::<Cve>(), Ok(cve.clone()));
            }
        }
    }
}
