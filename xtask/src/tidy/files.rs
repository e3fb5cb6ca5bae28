//! The text files of the workspace.

use std::path::Path;

use anyhow::Context as _;

use crate::cargo::root;

/// A file of the repository, without generated ones.
pub(crate) struct File {
    /// From the workspace's root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn has_extension(&self, wanted: &[&str]) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|extension| wanted.iter().any(|name| extension == *name))
    }
}

/// Folders with what tools make.
const MADE_BY_TOOLS: &[&str] = &["artifacts", "corpus", "target"];

/// Hidden folders that are ours.
const HIDDEN_BUT_OURS: &[&str] = &[".cargo", ".ci"];

/// Reads every text file; binary ones are left out.
pub(crate) fn all() -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    collect(&root(), "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<File>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let ours = if name.starts_with('.') {
                HIDDEN_BUT_OURS.contains(&&*name)
            } else {
                // Tools make nothing among the sources, where `target` is a module like any other.
                prefix.split('/').any(|part| part == "src") || !MADE_BY_TOOLS.contains(&&*name)
            };
            if ours {
                collect(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if kind.is_file()
            // In a second work tree git's own entry is a file, with a path of this machine in it.
            && name != ".git"
            && let Ok(text) = String::from_utf8(std::fs::read(entry.path()).with_context(|| path.clone())?)
        {
            files.push(File { path, text });
        }
    }
    Ok(())
}
