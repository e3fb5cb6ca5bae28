//! Static files: one table, filled when the program is built. No file is read from a disk.

use std::sync::LazyLock;

use bytes::Bytes;

use crate::stored_body::StoredBody;

const SVG: &str = "image/svg+xml";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const TXT: &str = "text/plain; charset=utf-8";

/// Every file under `/static/`, by its name there. To add one: the file in `assets/`, and a line here.
static ASSETS: [Asset; 15] = [
    Asset::icon("favicon.ico", include_bytes!("../assets/favicon.ico")),
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

/// One file.
#[derive(Debug)]
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) body: StoredBody,
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
            body: StoredBody::text(content_type, Bytes::from_static(plain)),
        }
    }

    const fn icon(name: &'static str, plain: &'static [u8]) -> Self {
        Self {
            name,
            body: StoredBody::packed("image/vnd.microsoft.icon", Bytes::from_static(plain)),
        }
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
                asset.name.bytes().all(is_plain) && !asset.body.plain().is_empty(),
                "{}",
                asset.name
            );
        }
    }

    #[test]
    fn no_file_names_another_host_to_load_from() {
        let text = |asset: &Asset| String::from_utf8(asset.body.plain().to_vec()).unwrap();
        for asset in ASSETS.iter().filter(|asset| asset.body.content_type == CSS) {
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
