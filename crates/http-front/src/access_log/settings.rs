//! Where the access log is, and how its lines look.

use std::path::PathBuf;

/// The settings of an [`AccessLog`](super::AccessLog).
///
/// ```
/// use http_front::{AccessLogFormat, AccessLogSettings};
///
/// let mut settings = AccessLogSettings::to("/var/log/hello/access.log");
/// settings.format = AccessLogFormat::Json;
/// assert_eq!((settings.max_bytes, settings.rotations), (10 * 1024 * 1024, 5));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessLogSettings {
    /// The file. Without one no line is written.
    pub path: Option<PathBuf>,
    /// How a line looks.
    pub format: AccessLogFormat,
    /// The size at which the file is rotated, in bytes. Default: 10 MiB.
    pub max_bytes: u64,
    /// The number of rotated files that are kept: `access.log.1` is the newest. With 0 the file grows. Default: 5.
    pub rotations: u32,
    /// The JSON key of [`AccessDetails::account`](super::AccessDetails::account). Default: `account`.
    pub account_key: &'static str,
    /// A first path segment that is followed by a secret, which is not written. For example, with `t` the path
    /// `/t/SECRET/items` is written as `/t/ANONYMIZED/items`. Default: none.
    pub secret_prefix: Option<&'static str>,
}

/// How a line of the access log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLogFormat {
    /// The combined format of web servers with the account in the place of the user, then the seconds until the answer
    /// was ready, and the token and the reason of [`AccessDetails`](super::AccessDetails).
    #[default]
    Text,
    /// One JSON object.
    Json,
}

impl AccessLogSettings {
    /// Returns the settings of a service without access log.
    #[must_use]
    pub fn off() -> Self {
        Self {
            path: None,
            format: AccessLogFormat::default(),
            max_bytes: 10 * 1024 * 1024,
            rotations: 5,
            account_key: "account",
            secret_prefix: None,
        }
    }

    /// Returns the default settings for a log in this file.
    pub fn to(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            ..Self::off()
        }
    }
}
