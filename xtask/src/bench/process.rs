//! A child process that is measured, and ends with us.

use std::process::{Child, Command};

use anyhow::{Context as _, bail};

use super::processor_time::ProcessorTime;

pub(crate) struct Process(Child);

impl Process {
    /// Starts the command, and hands out the child for its pipes.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        Ok(Self(child))
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Returns the number of its open files and sockets.
    pub(crate) fn descriptors(&self) -> anyhow::Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.0.id()))?.count())
    }

    /// Returns the processor time of its threads and its children so far, in nanoseconds.
    pub(crate) fn processor_time(&self) -> anyhow::Result<ProcessorTime> {
        ProcessorTime::of(self.0.id())
    }

    /// Returns the processor time that it has used so far, also of threads that ended, in hundredths of a second.
    pub(crate) fn processor_seconds(&self) -> anyhow::Result<f64> {
        Ok(self.processor_time()?.coarse().as_secs_f64())
    }

    /// Makes the present memory the most that it has ever held.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        // `5` in proc(5).
        std::fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5")?;
        Ok(())
    }

    /// Returns the most memory that it has ever held.
    pub(crate) fn peak_resident_bytes(&self) -> anyhow::Result<u64> {
        self.memory("VmHWM:")
    }

    /// Returns the memory that it holds.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.memory("VmRSS:")
    }

    /// Returns the memory that it and its children hold, for example the workers of nginx. Pages that they share count
    /// for each.
    pub(crate) fn resident_bytes_with_children(&self) -> anyhow::Result<u64> {
        self.memory_with_children("VmRSS:")
    }

    /// Returns the sum of the most memory that it and each of its children ever held.
    pub(crate) fn peak_resident_bytes_with_children(&self) -> anyhow::Result<u64> {
        self.memory_with_children("VmHWM:")
    }

    fn memory_with_children(&self, name: &str) -> anyhow::Result<u64> {
        let id = self.0.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        let children = children.split_whitespace().map(|child| memory_of(child, name));
        Ok(self.memory(name)? + children.sum::<anyhow::Result<u64>>()?)
    }

    fn memory(&self, name: &str) -> anyhow::Result<u64> {
        memory_of(&self.0.id().to_string(), name)
    }
}

fn memory_of(process: &str, name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .with_context(|| format!("no {name} line"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nothing left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the next line of a process that is starting.
pub(crate) fn line_of(output: &mut impl std::io::BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    if output.read_line(&mut line)? == 0 {
        bail!("the process ended without saying where it listens");
    }
    Ok(line.trim().to_owned())
}
