//! Static files: one table, filled when the program is built. No file is read from a disk.

use std::fmt::Write as _;
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use feed_engine::{Encoding, FeedError};
use sha2::{Digest as _, Sha256};

const ICON: &str = "image/vnd.microsoft.icon";
const SVG: &str = "image/svg+xml";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const TXT: &str = "text/plain; charset=utf-8";

/// Every file under `/static/`, by its name there. To add one: the file in `assets/`, and a line here.
static ASSETS: [Asset; 15] = [
    Asset::new("favicon.ico", ICON, include_bytes!("../assets/favicon.ico")),
    Asset::new("icon.svg", SVG, include_bytes!("../assets/icon.svg")),
    Asset::new("api-pages.css", CSS, include_bytes!("../assets/api-pages.css")),
    Asset::new("help.js", JS, include_bytes!("../assets/help.js")),
    Asset::new("redoc.js", JS, include_bytes!("../assets/redoc.js")),
    Asset::new(
        "swagger-ui.css",
        CSS,
        include_bytes!("../assets/swagger-ui/swagger-ui.css"),
    ),
    Asset::new(
        "swagger-ui-bundle.js",
        JS,
        include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js"),
    ),
    Asset::new(
        "swagger-ui-bundle.js.LICENSE.txt",
        TXT,
        include_bytes!("../assets/swagger-ui/swagger-ui-bundle.js.LICENSE.txt"),
    ),
    Asset::new(
        "swagger-ui.LICENSE.txt",
        TXT,
        include_bytes!("../assets/swagger-ui/LICENSE"),
    ),
    Asset::new(
        "swagger-ui.NOTICE.txt",
        TXT,
        include_bytes!("../assets/swagger-ui/NOTICE"),
    ),
    Asset::new("rapidoc-min.js", JS, include_bytes!("../assets/rapidoc/rapidoc-min.js")),
    Asset::new(
        "rapidoc-min.js.LICENSE.txt",
        TXT,
        include_bytes!("../assets/rapidoc/rapidoc-min.js.LICENSE.txt"),
    ),
    Asset::new(
        "rapidoc.LICENSE.txt",
        TXT,
        include_bytes!("../assets/rapidoc/LICENSE.txt"),
    ),
    Asset::new("token.css", CSS, include_bytes!("../assets/token.css")),
    Asset::new("token.js", JS, include_bytes!("../assets/token.js")),
];

/// The time of the last change of the files: that of the program that holds them.
static CHANGED_AT: LazyLock<jiff::Timestamp> = LazyLock::new(|| {
    let program = std::env::current_exe().and_then(|path| path.metadata()?.modified());
    program
        .ok()
        .and_then(|moment| jiff::Timestamp::try_from(moment).ok())
        .unwrap_or_else(jiff::Timestamp::now)
});

/// One file, with its entity tag and compressed forms once a request needs them.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    plain: &'static [u8],
    etag: OnceLock<String>,
    zstd: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

/// The bytes of a file in one encoding.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) body: Bytes,
    pub(crate) encoding: Encoding,
    /// Strong entity tag with its quotes.
    pub(crate) etag: String,
}

/// Returns the file with this name; case counts.
pub(crate) fn by_name(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// Returns every file.
pub(crate) fn all() -> &'static [Asset] {
    &ASSETS
}

/// Returns when the files last changed.
pub(crate) fn changed_at() -> jiff::Timestamp {
    *CHANGED_AT
}

impl Asset {
    const fn new(name: &'static str, content_type: &'static str, plain: &'static [u8]) -> Self {
        Self {
            name,
            content_type,
            plain,
            etag: OnceLock::new(),
            zstd: OnceLock::new(),
            brotli: OnceLock::new(),
            gzip: OnceLock::new(),
        }
    }

    /// Returns the bytes in this encoding, compressed at the first request; plain if the format is compressed itself,
    /// for example PNG.
    ///
    /// # Errors
    /// When the compression fails, which is a defect.
    pub(crate) fn form(&self, wanted: Encoding) -> Result<Form, FeedError> {
        let encoding = if self.content_type == ICON {
            Encoding::Identity
        } else {
            wanted
        };
        let plain = Bytes::from_static(self.plain);
        let kept = match encoding {
            Encoding::Zstd => &self.zstd,
            Encoding::Brotli => &self.brotli,
            Encoding::Gzip => &self.gzip,
            _ => {
                return Ok(Form {
                    body: plain,
                    encoding: Encoding::Identity,
                    etag: self.etag(Encoding::Identity),
                });
            }
        };
        let body = match kept.get() {
            Some(body) => body.clone(),
            None => {
                let packed = encoding.compress(&plain)?;
                kept.get_or_init(|| packed).clone()
            }
        };
        Ok(Form {
            body,
            encoding,
            etag: self.etag(encoding),
        })
    }

    /// 128 bits of the SHA-256, as for feeds: the same on every replica.
    fn etag(&self, encoding: Encoding) -> String {
        let digest = self.etag.get_or_init(|| {
            let mut text = String::with_capacity(32);
            for byte in Sha256::digest(self.plain).iter().take(16) {
                // Writing into a String cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            text
        });
        format!("\"{digest}{}\"", encoding.etag_suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_need_no_escape_in_a_path() {
        let names: BTreeSet<&str> = ASSETS.iter().map(|asset| asset.name).collect();
        assert_eq!(names.len(), ASSETS.len());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        for asset in &ASSETS {
            assert!(
                asset.name.bytes().all(is_plain) && !asset.plain.is_empty(),
                "{}",
                asset.name
            );
        }
    }

    #[test]
    fn each_form_has_its_own_tag_and_unpacks_to_the_file() {
        use std::io::Read as _;
        let asset = by_name("icon.svg").unwrap();
        let tags: BTreeSet<String> = Encoding::ALL
            .iter()
            .map(|encoding| asset.form(*encoding).unwrap().etag)
            .collect();
        assert_eq!(tags.len(), Encoding::ALL.len());
        let packed = asset.form(Encoding::Gzip).unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*packed.body)
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, asset.plain);
        // The second call returns the same bytes.
        assert_eq!(packed.body.as_ptr(), asset.form(Encoding::Gzip).unwrap().body.as_ptr());
    }

    #[test]
    fn no_file_names_another_host_to_load_from() {
        let text = |asset: &Asset| String::from_utf8(asset.plain.to_vec()).unwrap();
        for asset in ASSETS.iter().filter(|asset| asset.content_type == CSS) {
            let css = text(asset);
            assert!(!css.contains("@import"), "{}", asset.name);
            for target in css.split("url(").skip(1) {
                let target = target.trim_start_matches(['"', '\'']);
                assert!(target.starts_with("data:"), "{}", asset.name);
            }
        }
        // Third-party scripts hold links to click on; the browser tests watch what they load. Our own files name no
        // host at all.
        for name in ["help.js", "redoc.js", "api-pages.css"] {
            assert!(!text(by_name(name).unwrap()).contains("//www") && !text(by_name(name).unwrap()).contains("://"));
        }
    }

    #[test]
    fn names_that_only_look_alike_are_no_files() {
        for name in ["", ".", "Favicon.ico", "favicon.ico/", "../favicon.ico", "favicon"] {
            assert!(by_name(name).is_none(), "{name}");
        }
    }
}
