#![doc = include_str!("../README.md")]

mod atomic_file;
mod file;
mod folder;
mod lock_file;
mod log;
mod owner;
mod walk;

pub use atomic_file::{Placed, Staged, remove_leftovers, replace};
pub use file::{make_folder, open, open_or_create, remove, rename, sync_folder};
pub use lock_file::{LockError, LockFile};
pub use log::{check_log, open_log};
