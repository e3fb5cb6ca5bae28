//! House rules that no compiler knows, one file each: every breach is reported with its place, all at once.

mod columns;
mod crates;
mod dependencies;
pub(crate) mod files;
mod links;
mod prose;
mod sizes;
mod words;

use anyhow::bail;

use crate::metadata::Workspace;
use crate::outcome::Outcome;

pub(crate) fn run() -> anyhow::Result<Outcome> {
    let files = files::all()?;
    let workspace = Workspace::read()?;
    let sizes = sizes::look(&files);
    for note in &sizes.notes {
        println!("look twice: {note}");
    }
    let breaches = [
        words::breaches(&files),
        links::breaches(&files),
        columns::breaches(&files),
        prose::breaches(&files)?,
        sizes.breaches,
        crates::breaches(&workspace),
        dependencies::breaches(&workspace, &files)?,
    ]
    .concat();
    if !breaches.is_empty() {
        bail!(
            "{} breaches of the house rules\n{}",
            breaches.len(),
            breaches.join("\n")
        );
    }
    Ok(Outcome::Passed)
}
