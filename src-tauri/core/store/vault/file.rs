//! The vault's file: read with a limit, compared before each write, with a copy of the version before.
//!
//! The folder is synchronised by some people and edited by none: when the file is not the one that was last read or written,
//! nothing is replaced, and what would have been written is kept beside it.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::{
    error::{Code, Error, Result},
    store::files,
};

/// Far above thousands of keys: what is larger is not read into memory.
const LARGEST: u64 = 16 << 20;

/// Tells one content from another.
pub(super) type Digest = [u8; 32];

pub(super) fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// `None`: there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let done = files::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    match done {
        Ok(_) if bytes.len() as u64 > LARGEST => Err(Error::new(
            Code::File,
            format!("{} is too large for a vault", path.display()),
            format!("Put the right file back; its copy may be {}", backup(path).display()),
        )),
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", path, &error)),
    }
}

/// Where the version before lies.
pub(super) fn backup(path: &Path) -> PathBuf {
    path.with_extension("age.bak")
}

/// Writes a vault where none is.
pub(super) fn first(path: &Path, bytes: &[u8]) -> Result<Digest> {
    files::write_atomic(path, bytes)?;
    Ok(digest(bytes))
}

/// Replaces the file that `seen` is of; the version before becomes the copy.
pub(super) fn replace(path: &Path, seen: &Digest, bytes: &[u8]) -> Result<Digest> {
    let _lock = files::Lock::of(&[path]);
    let before = known(path, seen)?;
    files::write_atomic(&backup(path), &before)?;
    files::write_atomic(path, bytes)?;
    Ok(digest(bytes))
}

/// Removes the file that `seen` is of, and the copy.
pub(super) fn discard(path: &Path, seen: &Digest) -> Result<()> {
    let _lock = files::Lock::of(&[path]);
    known(path, seen)?;
    // The copy first: a failure in between leaves what is newer.
    forget_backup(path)?;
    files::remove(path)
}

/// Removes the copy.
pub(super) fn forget_backup(path: &Path) -> Result<()> {
    files::remove(&backup(path))
}

/// The file, if it is the one that `seen` is of.
fn known(path: &Path, seen: &Digest) -> Result<Vec<u8>> {
    match read(path)? {
        Some(found) if digest(&found) == *seen => Ok(found),
        Some(_) | None => Err(Error::new(
            Code::File,
            format!("{}{CONFLICT}", path.display()),
            "Lock and unlock it (stagedoor lock, stagedoor unlock) to go on with what lies there now, then try again",
        )),
    }
}

const CONFLICT: &str = " was changed by another program, so nothing was written";

/// Whether nothing was written because the file is another one.
pub(super) fn is_conflict(error: &Error) -> bool {
    error.message.ends_with(CONFLICT)
}

/// Keeps what could not be written beside the file, and says so.
pub(super) fn keep_ours(path: &Path, bytes: &[u8], error: Error) -> Error {
    let beside = path.with_extension("age.conflict");
    match files::write_atomic(&beside, bytes) {
        Ok(()) => Error { hint: format!("{}; what would have been written is {}, with the passphrase as it was", error.hint, beside.display()), ..error },
        Err(_) => error,
    }
}
