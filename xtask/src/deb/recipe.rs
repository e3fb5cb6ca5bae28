//! What a package is made of, as `[package.metadata.deb]` says it.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::metadata::Member;

/// The metadata, read: the keys of cargo-deb that our packages need.
#[derive(Debug)]
pub(crate) struct Recipe {
    pub(crate) package: String,
    /// The upstream version, then a hyphen and the revision.
    pub(crate) version: String,
    pub(crate) maintainer: String,
    pub(crate) section: String,
    pub(crate) priority: String,
    /// With `$auto` in it, where what the program is linked with belongs.
    pub(crate) depends: String,
    /// Further lines of the control file: `Recommends`, for one, and its value.
    pub(crate) relations: Vec<(&'static str, String)>,
    pub(crate) synopsis: String,
    pub(crate) description: String,
    /// The folder with `postinst` and its like.
    pub(crate) scripts: Option<PathBuf>,
    pub(crate) assets: Vec<Asset>,
    /// Programs of the crate: these are stripped, and looked at for `$auto`.
    pub(crate) programs: Vec<String>,
    /// What assets are relative to.
    pub(crate) folder: PathBuf,
}

/// A line of `assets`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    /// A file, or files by a `*` in the last component; below `target/release/`, it was built.
    pub(crate) from: String,
    /// Without a leading slash; with one at its end, a folder that keeps the file's name.
    pub(crate) to: String,
    /// Octal.
    pub(crate) mode: u32,
}

/// Keys that become lines of the control file as they stand.
const RELATIONS: &[(&str, &str)] = &[
    ("recommends", "Recommends"),
    ("suggests", "Suggests"),
    ("conflicts", "Conflicts"),
    ("replaces", "Replaces"),
];

/// All others that are understood.
const KEYS: &[&str] = &[
    "name",
    "maintainer",
    "section",
    "priority",
    "depends",
    "extended-description",
    "maintainer-scripts",
    "assets",
    "revision",
];

impl Recipe {
    /// Reads the metadata of a crate that has some. A key that is not understood is an error: cargo-deb would do what
    /// we do not.
    pub(crate) fn of(member: &Member) -> anyhow::Result<Recipe> {
        let name = &member.name;
        let deb = member.deb.as_ref().and_then(Value::as_object);
        let deb = deb.with_context(|| format!("{name} has no [package.metadata.deb]"))?;
        let known = |key: &str| KEYS.contains(&key) || RELATIONS.iter().any(|(relation, _)| *relation == key);
        if let Some(key) = deb.keys().find(|key| !known(key)) {
            bail!("{name}: xtask/src/deb/recipe.rs does not know `{key}` of [package.metadata.deb]");
        }
        let optional = |key: &str| deb.get(key).and_then(Value::as_str).map(str::to_owned);
        let text = |key: &str| optional(key).with_context(|| format!("{name}: [package.metadata.deb] has no `{key}`"));
        let lines = deb.get("assets").and_then(Value::as_array).into_iter().flatten();
        let assets = lines.map(|line| Asset::from_json(line).with_context(|| format!("{name}: the asset {line}")));
        let relations = RELATIONS
            .iter()
            .filter_map(|(key, field)| Some((*field, optional(key)?)));
        let revision = optional("revision").unwrap_or_else(|| "1".to_owned());
        Ok(Recipe {
            package: optional("name").unwrap_or_else(|| name.clone()),
            // A version before the release sorts before it with a tilde only.
            version: format!("{}-{revision}", member.version.replace('-', "~")),
            maintainer: text("maintainer")?,
            section: text("section")?,
            priority: text("priority")?,
            depends: text("depends")?,
            relations: relations.collect(),
            synopsis: member.description.trim_end_matches('.').to_owned(),
            description: text("extended-description")?,
            scripts: optional("maintainer-scripts").map(|folder| member.folder.join(folder)),
            assets: assets.collect::<anyhow::Result<_>>()?,
            programs: member.programs.clone(),
            folder: member.folder.clone(),
        })
    }

    /// Returns the control file, for a package whose programs need `linked` and that takes `kibibytes` when installed.
    pub(crate) fn control(&self, architecture: &str, linked: &str, kibibytes: u64) -> String {
        let depends = self.depends.replace("$auto", linked);
        let mut lines = vec![
            format!("Package: {}", self.package),
            format!("Version: {}", self.version),
            format!("Architecture: {architecture}"),
            format!("Maintainer: {}", self.maintainer),
            format!("Installed-Size: {kibibytes}"),
            format!("Depends: {depends}"),
        ];
        lines.extend(self.relations.iter().map(|(field, value)| format!("{field}: {value}")));
        lines.push(format!("Section: {}", self.section));
        lines.push(format!("Priority: {}", self.priority));
        lines.push(format!("Description: {}", self.synopsis));
        // An empty line would end the file; a dot stands for it.
        let paragraphs = self.description.trim().lines().map(str::trim);
        lines.extend(paragraphs.map(|line| format!(" {}", if line.is_empty() { "." } else { line })));
        lines.join("\n") + "\n"
    }
}

impl Recipe {
    /// Returns the control file of the package with the symbols, in Debian's form for such packages.
    pub(crate) fn symbols_control(&self, architecture: &str, kibibytes: u64) -> String {
        let (package, version) = (&self.package, &self.version);
        format!(
            "Package: {package}-dbgsym\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: {}\n\
             Installed-Size: {kibibytes}\nDepends: {package} (= {version})\nSection: debug\nPriority: optional\n\
             Auto-Built-Package: debug-symbols\nDescription: debug symbols for {package}\n",
            self.maintainer
        )
    }
}

impl Asset {
    fn from_json(line: &Value) -> anyhow::Result<Asset> {
        let words: Option<Vec<&str>> = line
            .as_array()
            .and_then(|words| words.iter().map(Value::as_str).collect());
        let Some([from, to, mode]) = words.as_deref() else {
            bail!("is not [\"from\", \"to\", \"mode\"]");
        };
        Ok(Asset {
            from: (*from).to_owned(),
            to: to.trim_start_matches('/').to_owned(),
            mode: u32::from_str_radix(mode, 8).context("the mode is not octal")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(deb: &str) -> Member {
        Member {
            name: "tool".to_owned(),
            version: "1.2.0-rc.1".to_owned(),
            description: "Does it.".to_owned(),
            deb: serde_json::from_str(deb).unwrap(),
            ..Member::default()
        }
    }

    const DEB: &str = r#"{
        "maintainer": "Somebody <somebody@example.org>", "section": "net", "priority": "optional", "depends": "$auto, adduser",
        "recommends": "nftables", "extended-description": "One.\n\nTwo.\n",
        "assets": [["target/release/tool", "usr/bin/", "755"]]
    }"#;

    #[test]
    fn the_control_file_says_what_the_metadata_says() {
        let control = Recipe::of(&member(DEB))
            .unwrap()
            .control("amd64", "libc6 (>= 2.34)", 12);
        assert_eq!(
            control,
            "Package: tool\nVersion: 1.2.0~rc.1-1\nArchitecture: amd64\nMaintainer: Somebody <somebody@example.org>\n\
             Installed-Size: 12\nDepends: libc6 (>= 2.34), adduser\nRecommends: nftables\nSection: net\nPriority: optional\n\
             Description: Does it\n One.\n .\n Two.\n"
        );
    }

    #[test]
    fn the_symbols_belong_to_exactly_one_version() {
        let control = Recipe::of(&member(DEB)).unwrap().symbols_control("amd64", 9);
        assert_eq!(
            control,
            "Package: tool-dbgsym\nVersion: 1.2.0~rc.1-1\nArchitecture: amd64\nMaintainer: Somebody <somebody@example.org>\n\
             Installed-Size: 9\nDepends: tool (= 1.2.0~rc.1-1)\nSection: debug\nPriority: optional\n\
             Auto-Built-Package: debug-symbols\nDescription: debug symbols for tool\n"
        );
    }

    #[test]
    fn a_key_that_would_be_left_out_is_an_error() {
        let deb = DEB.replace("recommends", "triggers-file");
        assert!(
            Recipe::of(&member(&deb))
                .unwrap_err()
                .to_string()
                .contains("triggers-file")
        );
    }

    #[test]
    fn an_asset_without_a_mode_is_an_error() {
        let deb = DEB.replace(", \"755\"", "");
        assert!(format!("{:#}", Recipe::of(&member(&deb)).unwrap_err()).contains("usr/bin/"));
    }
}
