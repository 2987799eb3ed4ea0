//! Which process works on setups: who holds the lock beside the journals. The operating system frees it when its holder dies.
//!
//! There is one agent per user, but two may share one data folder: one in the desktop's session and one of a login without a
//! runtime folder. A journal has one writer all the same.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::journal;
use crate::{
    error::{Error, Result},
    store::files,
};

/// As long as it is kept, no other process works on setups of this data folder.
#[derive(Debug)]
pub struct AtWork(File);

impl AtWork {
    /// Takes the lock and leaves the number of this process for others to read. The error says which process has it, if it told.
    pub fn begin(data: &Path) -> Result<std::result::Result<Self, Option<u32>>> {
        let folder = journal::folder(data);
        files::private_folder(&folder)?;
        let path = folder.join("at-work.lock");
        let failed = |error: &std::io::Error| Error::file("lock", &path, error);
        let mut lock = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(|error| failed(&error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut told = String::new();
                // Windows lets nobody read a file that another process has locked.
                return Ok(Err(lock.read_to_string(&mut told).ok().and_then(|_| told.trim().parse().ok())));
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(|error| failed(&error))?;
        Ok(Ok(Self(lock)))
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // A child that was started meanwhile may have the file open for a moment longer.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_works_and_the_other_is_told_who() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = AtWork::begin(folder.path()).expect("a lock").expect("it is free");
        let second = AtWork::begin(folder.path()).expect("a lock").expect_err("somebody has it");
        assert_eq!(second, cfg!(unix).then(std::process::id));
        drop(first);
        AtWork::begin(folder.path()).expect("a lock").expect("it is free again");
    }
}
