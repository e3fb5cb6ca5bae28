//! What must be known of a copy on disk before a request with its MISP key comes: its upstream and its own key.

use std::fmt;

use misp_client::Protocol;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::Upstream;

/// The first entry of the sealed text.
const FORMAT: &str = "cratos: mirror, 1";

/// The entry for one copy.
#[derive(Clone)]
pub(super) struct Registration {
    pub(super) site: String,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
    pub(super) auth_key: SecretString,
    /// The key of the records of the copy, drawn when the copy was made. A new encryption key seals this entry anew and
    /// leaves the copy alone.
    pub(super) store_key: Zeroizing<[u8; 32]>,
    /// When a request with this MISP key last came, in unix seconds; at most an hour earlier than it truly came.
    pub(super) used_at: i64,
}

/// The entries of the text in order: format, site, protocol, port, MISP key, key of the copy in hex, last use.
type Entries<'t> = (&'t str, &'t str, &'t str, u16, &'t str, &'t str, i64);

impl Registration {
    /// Returns an entry with a drawn key for a new copy. Nothing if the system gives no random bytes, or the upstream
    /// has no MISP.
    pub(super) fn drawn(upstream: &Upstream, used_at: i64) -> Option<Self> {
        let (protocol, port, auth_key) = upstream.misp_address()?;
        let mut store_key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *store_key).ok()?;
        Some(Self {
            site: upstream.name().to_owned(),
            protocol,
            port,
            auth_key: auth_key.clone(),
            store_key,
            used_at,
        })
    }

    /// Returns it as text, which is secret.
    pub(super) fn written(&self) -> Zeroizing<Vec<u8>> {
        let store_key: Zeroizing<String> =
            Zeroizing::new(self.store_key.iter().map(|byte| format!("{byte:02x}")).collect());
        let entries: Entries<'_> = (
            FORMAT,
            &self.site,
            self.protocol.as_str(),
            self.port,
            self.auth_key.expose_secret(),
            &store_key,
            self.used_at,
        );
        // Texts and numbers can always be written.
        Zeroizing::new(serde_json::to_vec(&entries).unwrap_or_default())
    }

    /// Reads the text that [`written`](Self::written) made.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let (format, site, protocol, port, auth_key, store_key, used_at): Entries<'_> =
            serde_json::from_slice(text).ok()?;
        let mut bytes = Zeroizing::new([0; 32]);
        let is_key = store_key.len() == 64 && store_key.is_ascii();
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(store_key.get(place * 2..place * 2 + 2)?, 16).ok()?;
        }
        (format == FORMAT && is_key).then_some(Self {
            site: site.to_owned(),
            protocol: protocol.parse().ok()?,
            port,
            auth_key: auth_key.to_owned().into(),
            store_key: bytes,
            used_at,
        })
    }
}

/// Shows no key.
impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("site", &self.site)
            .field("used_at", &self.used_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use site_config::Site;

    use super::*;

    fn upstream() -> Upstream {
        let site = Site::from_yaml("misp.example.net".parse().unwrap(), "tag: example").unwrap();
        Upstream::new(
            Arc::new(site),
            Arc::default(),
            Protocol::Https,
            8443,
            "k".repeat(40).into(),
        )
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let entry = Registration::drawn(&upstream(), 1_800_000_000).unwrap();
        let read = Registration::read(&entry.written()).unwrap();
        assert_eq!(
            (&*read.site, read.protocol, read.port),
            ("misp.example.net", Protocol::Https, 8443)
        );
        assert_eq!(read.auth_key.expose_secret(), "k".repeat(40));
        assert_eq!((read.store_key, read.used_at), (entry.store_key, 1_800_000_000));
        let another = Registration::drawn(&upstream(), 0).unwrap();
        assert_ne!(
            another.store_key,
            Registration::drawn(&upstream(), 0).unwrap().store_key
        );
    }

    #[test]
    fn another_text_is_no_entry() {
        let text = Registration::drawn(&upstream(), 0).unwrap().written();
        for end in 0..text.len() {
            assert!(Registration::read(&text[..end]).is_none(), "{end}");
        }
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(Registration::read(text.replace("mirror, 1", "mirror, 2").as_bytes()).is_none());
    }
}
