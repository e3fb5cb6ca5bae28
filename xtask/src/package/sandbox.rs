//! An overlay of this machine's system for trials: its writes are in memory and vanish with it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};

/// A mount namespace with an overlay of `/`. It lives as long as the process that holds it, which ends when this one
/// does.
pub(crate) struct Sandbox {
    holder: Child,
    /// Where the overlay is mounted, seen from inside the namespace.
    folder: PathBuf,
}

/// Mounts, prints that it is ready, and waits until its input is closed.
///
/// Relative names, since the options of `mount` would need quoting. Its own `/run`: without `/run/systemd/system` no
/// script speaks to the systemd of this machine.
const HOLD: &str = r#"
set -e
cd "$1"
mount -t tmpfs -o mode=755 layer .
cd "$1"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
mount --rbind /proc root/proc
mount --rbind /dev root/dev
mount -t tmpfs -o mode=755 run root/run
mount -t tmpfs -o mode=1777 tmp root/tmp
echo ready
exec cat
"#;

impl Sandbox {
    /// Makes a new one, mounted at `folder` for itself only. Fails where that is not allowed.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Sandbox> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", HOLD, "hold"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("`unshare` cannot be started")?;
        let mut line = String::new();
        let output = holder.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() != "ready" {
            let mut told = String::new();
            holder.stderr.take().context("no output")?.read_to_string(&mut told)?;
            holder.wait()?;
            bail!("no overlay of / can be mounted here: {}", told.trim());
        }
        Ok(Sandbox {
            holder,
            folder: folder.to_owned(),
        })
    }

    /// Returns the path by which this process reaches `path` of the sandbox.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.seen_from_here("root").join(path.trim_start_matches('/'))
    }

    /// Removes what a machine on which the package was used has at these paths, so that the trial begins on a clean
    /// one.
    pub(crate) fn clear(&self, paths: &[&str]) -> anyhow::Result<()> {
        self.run(&[&["rm", "-rf", "--"], paths].concat()).map(|_| ())
    }

    /// Returns whatever inside was written or changed and has this in its name, sorted.
    ///
    /// What the overlay keeps to hide a deleted file of the machine below it does not count: a character device with
    /// the number 0/0.
    pub(crate) fn left_behind(&self, name: &str) -> anyhow::Result<Vec<String>> {
        let mut find = Command::new("find");
        find.arg(self.seen_from_here("upper")).args([
            "!",
            "-type",
            "c",
            "-name",
            &format!("*{name}*"),
            "-printf",
            "/%P\n",
        ]);
        let mut paths: Vec<String> = crate::cargo::output_of(&mut find)?.lines().map(str::to_owned).collect();
        paths.sort();
        Ok(paths)
    }

    fn seen_from_here(&self, name: &str) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        let inside = self.folder.strip_prefix("/").unwrap_or(&self.folder);
        Path::new(&root).join(inside).join(name)
    }

    /// Returns a command that runs inside, as root, in `/`.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id()))
            .arg("chroot")
            .arg(self.folder.join("root"))
            .args(words)
            .stdin(Stdio::null())
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs it inside and returns all that it said; anything but success is an error with that.
    pub(crate) fn run(&self, words: &[&str]) -> anyhow::Result<String> {
        println!("  # {}", words.join(" "));
        let output = self.command(words).output().context("`nsenter` cannot be started")?;
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        if !output.status.success() {
            bail!("`{}` ended with {}:\n{told}", words.join(" "), output.status);
        }
        Ok(told)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
