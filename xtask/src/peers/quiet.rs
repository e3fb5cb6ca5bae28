//! Packages installed without their services: nothing is started, and nothing is enabled for the next boot.
//!
//! The scripts of Debian packages reach services through four programs. For the one process that installs, and in a
//! mount namespace of its own, these are replaced by one that does nothing. The machine's own files stay as they are,
//! whatever ends the process.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;

use crate::cargo::target_dir;

/// What scripts of packages call to start a service, or to have it started at boot.
const SERVICE_PROGRAMS: [&str; 4] = [
    "/usr/bin/deb-systemd-helper",
    "/usr/bin/deb-systemd-invoke",
    "/usr/sbin/invoke-rc.d",
    "/usr/sbin/update-rc.d",
];

/// Covers each program that is there with the first argument, and becomes the rest.
const COVER: &str = r#"
set -e
nothing=$1
shift
for program in /usr/bin/deb-systemd-helper /usr/bin/deb-systemd-invoke /usr/sbin/invoke-rc.d /usr/sbin/update-rc.d; do
    if [ -e "$program" ]; then mount --bind "$nothing" "$program"; fi
done
exec "$@"
"#;

/// Returns a command that runs a program with these words and cannot reach services.
///
/// Where no namespace can be made, in some containers, it is the plain command, and standard error says so.
pub(super) fn command(program: &str, words: &[&str]) -> anyhow::Result<Command> {
    let (cover, nothing) = (script("quiet.sh", COVER)?, script("nothing.sh", "#!/bin/sh\nexit 0\n")?);
    let covered = || {
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--propagation", "private", "sh"])
            .arg(&cover)
            .arg(&nothing);
        command
    };
    let is_possible = covered().arg("true").output();
    if is_possible.is_ok_and(|output| output.status.success()) {
        let mut command = covered();
        command.arg(program).args(words);
        return Ok(command);
    }
    eprintln!(
        "no mount namespace can be made here: packages may enable their services ({})",
        SERVICE_PROGRAMS.join(", ")
    );
    let mut plain = Command::new(program);
    plain.args(words);
    Ok(plain)
}

/// Writes a script below `target/peers` and returns its path.
fn script(name: &str, text: &str) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = target_dir()?.join("peers");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(name);
    let place = || path.display().to_string();
    std::fs::write(&path, text).with_context(place)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).with_context(place)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_script_covers_every_program_that_reaches_services() {
        for program in SERVICE_PROGRAMS {
            assert!(COVER.contains(program), "{program}");
        }
    }

    /// As root on Debian only: elsewhere there is nothing to cover.
    #[test]
    fn what_is_installed_cannot_enable_a_service() {
        let helper = Path::new("/usr/bin/deb-systemd-helper");
        if !helper.exists() || !crate::peers::is_root() {
            eprintln!("skipped: this needs root on Debian");
            return;
        }
        let text = std::fs::read(helper).unwrap();
        let wrong = [helper.to_str().unwrap(), "no-such-action"];
        let plain = Command::new("sh")
            .args(["-c", r#"exec "$@""#, "sh"])
            .args(wrong)
            .output()
            .unwrap();
        assert!(!plain.status.success(), "it takes every action, so this shows nothing");
        let mut covered = command("sh", &["-c", r#"exec "$@""#, "sh", wrong[0], wrong[1]]).unwrap();
        let output = covered.output().unwrap();
        let is_plain = covered.get_program() != "unshare";
        assert!(is_plain || output.status.success(), "{output:?}");
        assert_eq!(std::fs::read(helper).unwrap(), text, "the machine's own file changed");
    }
}
