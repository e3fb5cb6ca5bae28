#![doc = include_str!("../README.md")]

mod atomic_file;
mod folder;
mod lock_file;
mod owner;

pub use atomic_file::{Placed, Staged, remove_leftovers, replace};
pub use folder::sync_folder;
pub use lock_file::{LockError, LockFile};
pub use owner::give_to_folder_owner;
