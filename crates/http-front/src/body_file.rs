//! Bodies in files of memory, which the kernel sends without a copy.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use hyper::body::Bytes;

#[cfg(target_os = "linux")]
use self::linux::File;
#[cfg(not(target_os = "linux"))]
use self::other::File;

/// A shorter body is copied as fast.
pub(crate) const LEAST_BYTES: usize = 64 * 1024;

/// A longer body would be copied into its file for too long at once.
const LONGEST_BYTES: usize = 8 * 1024 * 1024;

/// The most bytes of all files. They are memory of the process, beside the bodies.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// The most files: each is a descriptor.
const MOST_FILES: usize = 64;

/// A body and the file with its bytes. Connections that send it keep it.
pub(crate) struct BodyFile {
    /// The file stands for these very bytes in memory.
    body: Bytes,
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there is none"))]
    file: File,
}

/// The files that exist, of all connections. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct BodyFiles(Arc<Mutex<Vec<Weak<BodyFile>>>>);

impl BodyFiles {
    /// Returns the file of this body, which is made if there is room for it and the system allows it.
    pub(crate) fn of(&self, body: &Bytes) -> Option<Arc<BodyFile>> {
        if !(LEAST_BYTES..=LONGEST_BYTES).contains(&body.len()) {
            return None;
        }
        let existing = self.existing();
        if let Some(file) = existing.iter().find(|file| file.is_of(body)) {
            return Some(Arc::clone(file));
        }
        let bytes: usize = existing.iter().map(|file| file.length()).sum();
        if existing.len() >= MOST_FILES || bytes + body.len() > MOST_BYTES {
            return None;
        }
        // Not under the lock, since it takes milliseconds. Two connections may both make one.
        let file = Arc::new(BodyFile {
            file: File::with(body).ok()?,
            body: body.clone(),
        });
        self.lock().push(Arc::downgrade(&file));
        Some(file)
    }

    fn existing(&self) -> Vec<Arc<BodyFile>> {
        let mut files = self.lock();
        files.retain(|file| file.strong_count() > 0);
        files.iter().filter_map(Weak::upgrade).collect()
    }

    /// Nothing that can panic runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<BodyFile>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodyFile {
    /// Returns whether it has these bytes: not equal ones, but the same in memory.
    pub(crate) fn is_of(&self, body: &Bytes) -> bool {
        (self.body.as_ptr(), self.body.len()) == (body.as_ptr(), body.len())
    }

    /// Returns the number of bytes.
    pub(crate) fn length(&self) -> usize {
        self.body.len()
    }
}

impl fmt::Debug for BodyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length())
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, Write as _};
    use std::os::fd::AsFd;

    use rustix::fs::{MemfdFlags, memfd_create, sendfile};

    use super::BodyFile;

    /// A file without a name.
    pub(super) struct File(std::fs::File);

    impl File {
        pub(super) fn with(bytes: &[u8]) -> io::Result<Self> {
            let mut file = std::fs::File::from(memfd_create("cratos-body", MemfdFlags::CLOEXEC)?);
            file.write_all(bytes)?;
            Ok(Self(file))
        }
    }

    impl BodyFile {
        /// Sends the bytes from `offset` on into a socket that does not block; returns how many it took.
        pub(crate) fn send(&self, socket: impl AsFd, offset: usize) -> io::Result<usize> {
            let mut place = offset as u64;
            let rest = self.length().saturating_sub(offset);
            Ok(sendfile(socket, &self.file.0, Some(&mut place), rest)?)
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;

    /// There is none.
    pub(super) struct File;

    impl File {
        pub(super) fn with(_: &[u8]) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn body(length: usize) -> Bytes {
        vec![b'x'; length].into()
    }

    #[test]
    fn a_body_has_one_file_as_long_as_a_connection_keeps_it() {
        let (files, body) = (BodyFiles::default(), body(100_000));
        let file = files.of(&body).unwrap();
        assert!(Arc::ptr_eq(&file, &files.of(&body).unwrap()));
        assert!(file.is_of(&body));
        let equal = Bytes::from(body.to_vec());
        assert!(!file.is_of(&equal) && !file.is_of(&body.slice(1..)));
        drop(file);
        assert_eq!(files.0.lock().unwrap()[0].strong_count(), 0);
    }

    #[test]
    fn short_bodies_and_those_beyond_the_bound_have_none() {
        let files = BodyFiles::default();
        assert!(files.of(&body(1_000)).is_none());
        assert!(files.of(&body(MOST_BYTES)).is_none());
        let kept: Vec<_> = (0..9).filter_map(|_| files.of(&body(LONGEST_BYTES))).collect();
        assert_eq!(kept.len(), 8);
        drop(kept);
        let kept: Vec<_> = (0..=MOST_FILES).filter_map(|_| files.of(&body(100_000))).collect();
        assert_eq!(kept.len(), MOST_FILES);
    }
}
