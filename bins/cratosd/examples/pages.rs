//! Writes shell completions and manual pages, made from the command line itself, into a directory: `cargo xtask dist`
//! does that.

use std::path::PathBuf;
use std::{env, fs, io};

use clap_complete::Shell;

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("usage: pages DIRECTORY"));
    };
    let (completions, manual) = (folder.join("completions"), folder.join("man"));
    fs::create_dir_all(&completions)?;
    fs::create_dir_all(&manual)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut cratosd::cli::command(), "cratosd", &completions)?;
    }
    clap_mangen::generate_to(cratosd::cli::command(), &manual)
}
