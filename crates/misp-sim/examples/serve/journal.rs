//! The edits so far in a file, so that a stand-in that was killed comes back as it was.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Write},
};

use misp_sim::{Clock, Edit, SimBuilder};
use serde::{Deserialize, Serialize};

use crate::Failed;

/// A file with the time of the first start, then an edit a line.
pub(crate) struct Journal {
    file: File,
    edits: Vec<Line>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    /// When it happened, unix seconds.
    at: i64,
    /// None in the first line.
    edit: Option<Edit>,
}

impl Journal {
    /// Opens or makes the file, and sets the clock to the time of the first start.
    pub(crate) fn open(path: &str, clock: &Clock) -> Result<Self, Failed> {
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let (mut edits, mut whole) = (Vec::new(), 0);
        for line in BufReader::new(&file).split(b'\n') {
            let line = line?;
            // A line that a kill cut off was not answered: it is overwritten.
            let Ok(edit) = serde_json::from_slice::<Line>(&line) else {
                break;
            };
            edits.push(edit);
            whole += u64::try_from(line.len())? + 1;
        }
        file.set_len(whole)?;
        match edits.first() {
            Some(start) => clock.set(start.at),
            None => write(&mut file, clock.now(), None)?,
        }
        Ok(Self { file, edits })
    }

    /// Carries the edits out again when the stand-in starts, then lets the clock show the time of day.
    pub(crate) fn replayed(&self, sim: SimBuilder, clock: Clock) -> SimBuilder {
        let edits = self.edits.clone();
        sim.edit(move |store| {
            for line in edits {
                clock.set(line.at);
                if let Some(edit) = &line.edit {
                    // What could not be done then cannot be done now.
                    let _same_as_then = store.apply(edit);
                }
            }
            clock.set(Clock::default().now());
        })
    }

    pub(crate) fn add(&mut self, at: i64, edit: &Edit) -> Result<(), Failed> {
        write(&mut self.file, at, Some(edit.clone()))
    }
}

fn write(file: &mut File, at: i64, edit: Option<Edit>) -> Result<(), Failed> {
    let mut line = serde_json::to_vec(&Line { at, edit })?;
    line.push(b'\n');
    file.write_all(&line)?;
    Ok(())
}
