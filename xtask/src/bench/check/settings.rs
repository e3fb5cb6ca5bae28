//! What counts of instructions depend on beside the code.

use std::collections::BTreeMap;
use std::process::Command;

use crate::cargo;

/// The settings of the release profile, so that everyone counts the same build.
pub(super) const PROFILE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "2"),
];

const PROFILE_NAME: &str = "profile (lto, codegen units, opt level)";

/// Settings by their names.
pub(super) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Returns those of this machine.
    pub(super) fn here() -> anyhow::Result<Self> {
        let mut compiler = Command::new("rustc");
        let compiler = cargo::output_of(compiler.arg("-vV").current_dir(cargo::root()))?;
        let valgrind = cargo::output_of(Command::new("valgrind").arg("--version"))?;
        let profile = PROFILE.map(|(_, value)| value);
        let settings = [
            ("compiler", compiler.lines().next().unwrap_or_default().to_owned()),
            ("target", field(&compiler, "host: ")),
            (PROFILE_NAME, profile.join(", ")),
            ("rustflags", flags(&std::env::var("RUSTFLAGS").unwrap_or_default())),
            ("valgrind", valgrind.trim().to_owned()),
            ("processor", processor()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        Ok(Self(settings.into()))
    }

    /// Reads lines such as `compiler: rustc 1.95.0`.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = pairs.filter_map(|line| line.split_once(':'));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.trim().to_owned());
        Self(pairs.map(owned).collect())
    }

    pub(super) fn written(&self) -> String {
        let line = |(name, value): (&String, &String)| format!("{}\n", format!("{name}: {value}").trim_end());
        self.0.iter().map(line).collect()
    }

    /// Returns compiler, profile and valgrind for a reader.
    pub(super) fn in_words(&self) -> String {
        let of = |name: &str| self.0.get(name).cloned().unwrap_or_default();
        let (compiler, profile, valgrind) = (of("compiler"), of(PROFILE_NAME), of("valgrind"));
        format!("Counted with {valgrind} and {compiler},\n{PROFILE_NAME}: {profile}")
    }

    /// Returns in words the first setting in which these differ from a baseline's.
    pub(super) fn difference(&self, here: &Self) -> Option<String> {
        let mut names = self.0.keys().chain(here.0.keys());
        let name = names.find(|name| self.0.get(*name) != here.0.get(*name))?;
        let of = |settings: &Self| settings.0.get(name).cloned().unwrap_or_default();
        Some(format!(
            "the baseline has the {name} \"{}\", and this is \"{}\"",
            of(self),
            of(here)
        ))
    }
}

fn field(text: &str, name: &str) -> String {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_default().to_owned()
}

/// The linker does not change the counts.
fn flags(flags: &str) -> String {
    let words = flags.split_whitespace().filter(|word| !word.starts_with("-Clink-arg"));
    words.collect::<Vec<_>>().join(" ")
}

/// Libraries choose their code by what the processor can do; valgrind passes on these of its abilities.
fn processor() -> String {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let has = |ability: &&str| about.split_whitespace().any(|word| word == *ability);
    let abilities: Vec<&str> = ["sse4_2", "aes", "avx", "avx2", "asimd"]
        .into_iter()
        .filter(has)
        .collect();
    abilities.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_compiler_is_named() {
        let before = Settings::parse("# first line\ncompiler: rustc 1.94.0\nvalgrind: 3.19");
        let here = Settings::parse("compiler: rustc 1.95.0\nvalgrind: 3.19");
        let difference = before.difference(&here).unwrap();
        assert!(
            difference.contains("compiler") && difference.contains("1.94.0"),
            "{difference}"
        );
    }

    #[test]
    fn a_setting_that_the_baseline_does_not_have_is_a_difference() {
        let before = Settings::parse("compiler: rustc 1.95.0");
        let here = Settings::parse("compiler: rustc 1.95.0\nrustflags: -Ctarget-cpu=native");
        assert!(before.difference(&here).is_some());
        assert!(before.difference(&Settings::parse("compiler: rustc 1.95.0")).is_none());
    }

    #[test]
    fn the_linker_is_no_setting() {
        assert_eq!(
            flags("-Clink-arg=-fuse-ld=mold -Ctarget-cpu=native"),
            "-Ctarget-cpu=native"
        );
    }
}
