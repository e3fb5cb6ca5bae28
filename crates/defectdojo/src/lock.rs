//! One run at a time on this host.

use std::path::Path;
use std::time::{Duration, Instant};

use state_file::{LockError, LockFile};

const PAUSE: Duration = Duration::from_millis(100);

/// Takes the lock of the folder, which is created if it is missing, and waits for another run at most for `patience`.
pub(crate) async fn take(folder: &Path, patience: Duration) -> Result<LockFile, LockError> {
    let path = folder.join("defectdojo.lock");
    state_file::make_folder(folder).map_err(|source| LockError::File {
        path: path.clone(),
        source,
    })?;
    let began = Instant::now();
    loop {
        match LockFile::try_take(&path) {
            Err(LockError::Taken { .. }) if began.elapsed() < patience => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_run_waits_and_is_refused_when_its_patience_ends() {
        let dir = tempfile::tempdir().unwrap();
        let first = take(dir.path(), Duration::ZERO).await.unwrap();
        let refused = take(dir.path(), Duration::from_millis(1)).await.unwrap_err();
        assert!(
            refused.to_string().starts_with("another process holds the lock "),
            "{refused}"
        );
        let (second, ()) = tokio::join!(take(dir.path(), Duration::from_secs(60)), async { drop(first) });
        second.unwrap();
    }
}
