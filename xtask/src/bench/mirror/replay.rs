//! The questions of a first load, asked again by `curl`, which only reads the answers.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant;

use super::stand_in::{Asked, StandIn};
use crate::bench::directory::Directory;
use crate::cargo;

/// How the table calls it.
pub(super) const READER: &str = "`curl`";

/// Returns how long one `curl` takes for all of them, one after the other on one connection.
pub(super) fn seconds(misp: &StandIn, questions: &[Asked]) -> anyhow::Result<f64> {
    let folder = Directory::new()?;
    let mut config = String::new();
    for (number, asked) in questions.iter().enumerate() {
        let (address, path, method) = (misp.address(), &asked.path, &asked.method);
        let key = &misp.process().key;
        if number > 0 {
            config.push_str("next\n");
        }
        write!(
            config,
            "silent\nfail\nshow-error\nurl = \"http://{address}{path}\"\nrequest = {method}\noutput = /dev/null\nheader = \"Authorization: {key}\"\nheader = \"Accept: application/json\"\n"
        )?;
        if !asked.body.is_null() {
            let file = folder.path().join(number.to_string());
            std::fs::write(&file, asked.body.to_string())?;
            let file = file.display();
            write!(
                config,
                "header = \"Content-Type: application/json\"\ndata-binary = \"@{file}\"\n"
            )?;
        }
    }
    let file = folder.path().join("config");
    std::fs::write(&file, config)?;
    let began = Instant::now();
    cargo::run(Command::new("curl").arg("--config").arg(file))?;
    Ok(began.elapsed().as_secs_f64())
}
