//! The time in which a certificate is valid.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

/// Certificates are usually renewed a month before their end. With fewer days left than this, the renewal has failed.
const FEW_DAYS: i64 = 14;

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The begin and the end of that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dates {
    begins: Timestamp,
    pub(super) ends: Timestamp,
}

/// Whether a certificate is valid at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    /// Valid for this many whole days more, fewer than 14.
    EndsSoon(i64),
    Ended,
    NotYet,
}

impl Dates {
    /// Returns the dates of a certificate, or `None` if the bytes are not a certificate.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, read) = X509Certificate::from_der(certificate).ok()?;
        let validity = read.validity();
        Some(Self {
            begins: Timestamp::from_second(validity.not_before.timestamp()).ok()?,
            ends: Timestamp::from_second(validity.not_after.timestamp()).ok()?,
        })
    }

    /// Returns whether the certificate is valid at `now`.
    pub(super) fn at(self, now: Timestamp) -> Standing {
        let left = self.ends.as_second() - now.as_second();
        if now < self.begins {
            Standing::NotYet
        } else if left < 0 {
            Standing::Ended
        } else if left < FEW_DAYS * DAY_SECONDS {
            Standing::EndsSoon(left / DAY_SECONDS)
        } else {
            Standing::Good
        }
    }

    /// Returns the begin.
    pub(super) fn begins(self) -> Timestamp {
        self.begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_two_weeks_are_soon() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let dates = Dates {
            begins: at("2026-01-10T12:00:00Z"),
            ends: at("2026-03-10T12:00:00Z"),
        };
        for (now, standing) in [
            ("2026-01-10T11:59:59Z", Standing::NotYet),
            ("2026-01-10T12:00:00Z", Standing::Good),
            ("2026-02-24T12:00:00Z", Standing::Good),
            ("2026-02-24T12:00:01Z", Standing::EndsSoon(13)),
            ("2026-03-10T12:00:00Z", Standing::EndsSoon(0)),
            ("2026-03-10T12:00:01Z", Standing::Ended),
        ] {
            assert_eq!(dates.at(at(now)), standing, "{now}");
        }
    }

    #[test]
    fn dates_are_those_in_the_certificate() {
        let mut params = rcgen::CertificateParams::new(["cratos.example.net".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 10);
        params.not_after = rcgen::date_time_ymd(2026, 3, 10);
        let key = rcgen::KeyPair::generate().unwrap();
        let dates = Dates::of(params.self_signed(&key).unwrap().der()).unwrap();
        assert_eq!(dates.begins().to_string(), "2026-01-10T00:00:00Z");
        assert_eq!(dates.ends.to_string(), "2026-03-10T00:00:00Z");
        assert_eq!(Dates::of(&CertificateDer::from(vec![0x30, 0x03, 1, 1, 1])), None);
    }
}
