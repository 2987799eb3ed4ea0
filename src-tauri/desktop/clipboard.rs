//! The clipboard, for secrets that a person asked to copy.
//!
//! What goes in is marked as nothing for clipboard histories where the platform knows such a mark, and is taken out again
//! after half a minute if it is still there. To know that, a digest is kept, not the text.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use stagedoor_core::{
    error::{Code, Error, Result},
    model::secret::Secret,
};
use zeroize::Zeroizing;

/// How long a secret stays.
const STAYS: Duration = Duration::from_secs(30);

/// What holds the text: the desktop's, or a test's.
pub(crate) trait Board: Sized + Send + 'static {
    /// The one there is.
    fn open() -> Result<Self, arboard::Error>;
    /// Puts a secret in.
    fn put(&mut self, secret: &Secret) -> Result<(), arboard::Error>;
    /// What is in it, where that is a text.
    fn text(&mut self) -> Option<Zeroizing<String>>;
    /// Takes out what is in it.
    fn empty(&mut self);
}

/// The clipboard while it holds something of ours. On X11 the owner answers for its content, so the connection is kept.
pub(crate) struct Clipboard<B = arboard::Clipboard>(Arc<Mutex<Option<Ours<B>>>>);

struct Ours<B> {
    board: B,
    digest: [u8; 32],
    copied: u64,
}

impl<B> Default for Clipboard<B> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<B: Board> Clipboard<B> {
    /// Puts a secret in and clears it later.
    pub(crate) fn copy(&self, secret: &Secret) -> Result<()> {
        let digest = Sha256::digest(secret.expose()).into();
        let copied = {
            let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let copied = held.as_ref().map_or(0, |ours| ours.copied) + 1;
            let mut board = held.take().map_or_else(B::open, |ours| Ok(ours.board)).map_err(|error| refused(&error))?;
            board.put(secret).map_err(|error| refused(&error))?;
            *held = Some(Ours { board, digest, copied });
            copied
        };
        let this = Self(Arc::clone(&self.0));
        tokio::spawn(async move {
            tokio::time::sleep(STAYS).await;
            this.clear_copy(Some(copied));
        });
        Ok(())
    }

    /// Takes out what is still ours.
    pub(crate) fn clear(&self) {
        self.clear_copy(None);
    }

    fn clear_copy(&self, only: Option<u64>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ours) = held.as_mut()
            && only.is_none_or(|copied| copied == ours.copied)
            && ours.board.text().is_some_and(|text| <[u8; 32]>::from(Sha256::digest(text.as_bytes())) == ours.digest)
        {
            ours.board.empty();
        }
    }
}

impl Board for arboard::Clipboard {
    fn open() -> Result<Self, arboard::Error> {
        Self::new()
    }

    fn put(&mut self, secret: &Secret) -> Result<(), arboard::Error> {
        put(self, secret)
    }

    fn text(&mut self) -> Option<Zeroizing<String>> {
        self.get_text().ok().map(Zeroizing::new)
    }

    fn empty(&mut self) {
        // Where it cannot be cleared there is nobody to tell; the mark for histories still holds.
        let _ = self.clear();
    }
}

fn refused(error: &arboard::Error) -> Error {
    Error::new(
        Code::NotSupported,
        format!("The clipboard could not be used: {error}"),
        "Use the command line instead: stagedoor env, stagedoor console --print",
    )
}

#[cfg(target_os = "linux")]
fn put(clipboard: &mut arboard::Clipboard, secret: &Secret) -> Result<(), arboard::Error> {
    use arboard::SetExtLinux as _;
    clipboard.set().exclude_from_history().text(secret.expose())
}

#[cfg(target_os = "macos")]
fn put(clipboard: &mut arboard::Clipboard, secret: &Secret) -> Result<(), arboard::Error> {
    use arboard::SetExtApple as _;
    clipboard.set().exclude_from_history().text(secret.expose())
}

#[cfg(windows)]
fn put(clipboard: &mut arboard::Clipboard, secret: &Secret) -> Result<(), arboard::Error> {
    use arboard::SetExtWindows as _;
    clipboard.set().exclude_from_history().exclude_from_cloud().exclude_from_monitoring().text(secret.expose())
}
