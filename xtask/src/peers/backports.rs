//! Programs that a Debian release itself does not have, from its backports.
//!
//! The machine's own sources stay as they are: `apt-get` is given a folder of sources for this one call, the machine's
//! and one more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::apt_get;
use crate::cargo::output_of;

/// Where apt looks for sources, unless its configuration says otherwise.
const SOURCES: [&str; 2] = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"];

/// What apt is asked of its sources: where each comes from, which release it is, and which part of it.
const FORMAT: &str = "$(REPO_URI) $(CODENAME) $(COMPONENT)";

/// Installs packages from the backports of the release that runs here; `folder` is for what apt needs on the way.
pub(super) fn install(packages: &[&str], folder: &Path) -> anyhow::Result<()> {
    let release = fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
    let codename = codename(&release).context("/etc/os-release names no release")?;
    let targets =
        output_of(Command::new("apt-get").args(["indextargets", "--format", FORMAT, "Created-By: Packages"]))?;
    let archive = archive(&targets, codename).context("apt knows no archive of the release that runs here")?;
    let backports = format!("{codename}-backports");
    let apt = Apt::with(&format!("deb {archive} {backports} main\n"), folder)?;
    let mut install = vec!["install", "-y", "-q", "--no-install-recommends", "-t", &backports];
    install.extend(packages);
    let installed = apt.run(&["update", "-q"]).and_then(|()| apt.run(&install));
    fs::remove_dir_all(folder).context("what apt needed on the way")?;
    installed
}

/// A way to call `apt-get` that sees the machine's sources and one more, and keeps its lists to itself.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn with(source: &str, folder: &Path) -> anyhow::Result<Self> {
        let (parts, lists) = (folder.join("sources"), folder.join("lists"));
        // Left by a run that was interrupted.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(&parts).context("a folder for sources")?;
        fs::create_dir_all(lists.join("partial")).context("a folder for lists")?;
        for file in machines_own() {
            let name = file.file_name().context("a source without a name")?;
            let name = if name == "sources.list" {
                "machine.list".as_ref()
            } else {
                name
            };
            fs::copy(&file, parts.join(name)).with_context(|| file.display().to_string())?;
        }
        fs::write(parts.join("cratos-backports.list"), source).context("a source of our own")?;
        let options = [
            "Dir::Etc::SourceList=/dev/null".to_owned(),
            format!("Dir::Etc::SourceParts={}", parts.display()),
            format!("Dir::State::Lists={}", lists.display()),
        ];
        Ok(Self {
            options: options
                .into_iter()
                .flat_map(|option| ["-o".to_owned(), option])
                .collect(),
        })
    }

    fn run(&self, words: &[&str]) -> anyhow::Result<()> {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        apt_get(&[options.as_slice(), words].concat())
    }
}

/// The files in which the machine's sources stand.
fn machines_own() -> Vec<PathBuf> {
    let [file, folder] = SOURCES.map(PathBuf::from);
    let parts = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    std::iter::once(file)
        .chain(parts)
        .filter(|path| path.is_file())
        .collect()
}

fn codename(os_release: &str) -> Option<&str> {
    let value = os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches('"')).filter(|name| !name.is_empty())
}

/// The archive that has the release itself, and so its backports.
fn archive<'a>(targets: &'a str, codename: &str) -> Option<&'a str> {
    targets.lines().find_map(|line| {
        let mut words = line.split(' ');
        let uri = words.next()?;
        (words.next() == Some(codename) && words.next() == Some("main")).then_some(uri)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_of_the_release_is_found_among_others() {
        let targets = "http://security.example/ bookworm-security main\n\
            http://other.example/ nodistro main\n\
            http://mirror.example/debian/ bookworm contrib\n\
            http://mirror.example/debian/ bookworm main\n";
        assert_eq!(archive(targets, "bookworm"), Some("http://mirror.example/debian/"));
        assert_eq!(archive(targets, "trixie"), None);
        assert_eq!(archive("", "bookworm"), None);
    }

    #[test]
    fn the_release_is_read_with_and_without_quotes() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n"), Some("bookworm"));
        assert_eq!(codename("VERSION_CODENAME=\"noble\"\n"), Some("noble"));
        assert_eq!(codename("VERSION_CODENAME=\nID=debian\n"), None);
        assert_eq!(codename("ID=arch\n"), None);
    }
}
