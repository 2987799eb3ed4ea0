//! The passphrase vault: the keychain's items in one age file, for systems without a keychain, or for who wants it so.
//!
//! It implements the port of the keychain. Open, it holds the items and the file key in memory and reads from there; the
//! passphrase is forgotten as soon as it was used. Every write looks first whether the file is still the one that it knows,
//! keeps the version before as `vault.age.bak`, and replaces the file as a whole. A file that does not open is never touched.

mod age;
mod file;
mod items;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use self::age::{Lock, Shut};
pub use self::{
    age::WORK,
    items::{Items, normal},
};
use super::keychain::{Bytes, Item, Keychain, Reply};
use crate::{
    error::{Code, Error, Result},
    model::secret::Secret,
    paths::Paths,
};

/// What it is called before a person.
pub const NAME: &str = "the vault";

/// The shortest passphrase that a new vault takes.
const SHORTEST: usize = 8;

/// The fewest different characters in it: `aaaaaaaaaaaa` and `12121212` are the first that anybody tries.
const DIFFERENT: usize = 4;

/// How many attempts to open it may wait for their turn: one is made at a time, however many programs try.
const WAITING: usize = 8;

/// What to do about a vault that nobody can put back.
const GONE: &str = "If it is gone for good, so are the access keys and MFA seeds in it; then begin anew: stagedoor vault create --lost, or stagedoor \
                    vault migrate --to keychain --lost";

/// The vault. Clones are the same one.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    file: PathBuf,
    work: u8,
    open: Mutex<Option<Open>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: Arc<Semaphore>,
}

/// What there is while it is open. The bytes and the key are wiped when it is dropped.
struct Open {
    lock: Lock,
    items: Items,
    /// The file as it was last read or written.
    seen: file::Digest,
}

/// The right to make one attempt; it ends with the work, also when nobody waits for the answer any more.
struct Turn {
    _one: OwnedMutexGuard<()>,
    _place: OwnedSemaphorePermit,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// The file in the data folder; touches nothing.
    pub fn new(paths: &Paths) -> Self {
        Self::with_work(paths, WORK)
    }

    /// With another work factor (a power of two) for what is written, for tests that have no second to spend.
    pub fn with_work(paths: &Paths, work: u8) -> Self {
        let file = paths.data.join("vault.age");
        Self(Arc::new(Inner { file, work, open: Mutex::default(), turn: Arc::default(), waiting: Arc::new(Semaphore::new(WAITING)) }))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.0.file
    }

    /// Where the version before the last change lies, if there is one.
    pub fn backup(&self) -> PathBuf {
        file::backup(self.path())
    }

    /// Whether there is one.
    pub fn exists(&self) -> bool {
        self.0.file.symlink_metadata().is_ok()
    }

    /// Whether its items can be read now.
    pub fn is_open(&self) -> bool {
        self.open_now().is_some()
    }

    /// Forgets the items and the key.
    pub fn lock(&self) {
        *self.open_now() = None;
    }

    /// Makes an empty one, which is then open. One that is there already stays as it is.
    pub async fn create(&self, passphrase: Secret) -> Result<()> {
        fit(&passphrase)?;
        let turn = self.turn().await?;
        self.slowly(move |vault| {
            let _turn = turn;
            if vault.exists() {
                return Err(Error::new(
                    Code::File,
                    format!("There is a vault already: {}", vault.path().display()),
                    "Use it (stagedoor unlock), or move that file away first",
                ));
            }
            let lock = Lock::make(&passphrase, vault.0.work).ok_or_else(no_random)?;
            let seen = file::first(vault.path(), &sealed(&lock, &Items::default())?)?;
            *vault.open_now() = Some(Open { lock, items: Items::default(), seen });
            Ok(())
        })
        .await
    }

    /// Opens it. Takes about a second, and one attempt is made at a time.
    pub async fn unlock(&self, passphrase: Secret) -> Result<()> {
        let turn = self.turn().await?;
        self.slowly(move |vault| {
            let _turn = turn;
            let (lock, found) = vault.picked(&passphrase)?;
            let items = vault.read(&lock, &found)?;
            *vault.open_now() = Some(Open { lock, items, seen: file::digest(&found) });
            Ok(())
        })
        .await
    }

    /// Encrypts it to another passphrase. The copy of the version before, which the old one opens, goes.
    pub async fn change_passphrase(&self, old: Secret, new: Secret) -> Result<()> {
        fit(&new)?;
        let turn = self.turn().await?;
        self.slowly(move |vault| {
            let _turn = turn;
            let (lock, found) = vault.picked(&old)?;
            let items = vault.read(&lock, &found)?;
            let lock = Lock::make(&new, vault.0.work).ok_or_else(no_random)?;
            // Held to the end: an item that is stored meanwhile waits, and then finds the new key.
            let mut open = vault.open_now();
            let seen = file::replace(vault.path(), &file::digest(&found), &sealed(&lock, &items)?)?;
            if open.is_some() {
                *open = Some(Open { lock, items, seen });
            }
            drop(open);
            file::forget_backup(vault.path())
        })
        .await
    }

    /// It counts, and its file is gone: what was in it is lost, unless the file comes back.
    pub fn missing(&self) -> Error {
        let (path, backup) = (self.path().display(), self.backup());
        let hint = if self.is_open() {
            "What was in it is still in memory, until Stagedoor locks or ends. Save it: stagedoor vault migrate --to keychain".to_owned()
        } else if backup.exists() {
            format!("The version before the last change is there. Put it back under this name: mv {} {path}", backup.display())
        } else {
            format!("Put the file back, from a backup for instance. {GONE}")
        };
        Error::new(Code::File, format!("The vault is missing: there is no {path}"), hint)
    }

    /// Whether the file looks like one that a passphrase opens, as far as can be seen without: for the doctor. Without a file there
    /// is nothing wrong with it.
    pub fn check(&self) -> Result<()> {
        let Some(found) = file::read(self.path())? else { return Ok(()) };
        match self.open_now().as_ref() {
            Some(open) => self.read(&open.lock, &found).map(drop),
            None => age::looks_right(&found).map_err(|shut| self.shut(&shut)),
        }
    }

    /// What lies in it.
    pub fn list(&self) -> Result<Vec<Item>> {
        self.open_now().as_ref().map(|open| open.items.keys().cloned().collect()).ok_or_else(locked)
    }

    /// Stores all of them in one write.
    pub async fn put_all(&self, more: Items) -> Result<()> {
        self.slowly(move |vault| vault.change(|items| items.extend(more))).await
    }

    /// The items as they lie on the disk now.
    pub async fn on_disk(&self) -> Result<Items> {
        self.slowly(|vault| {
            let open = vault.open_now();
            let open = open.as_ref().ok_or_else(locked)?;
            vault.read(&open.lock, &vault.found()?)
        })
        .await
    }

    /// Removes the file and its copy, if the file is the one that is known. For what was moved elsewhere and verified there.
    pub async fn discard(&self) -> Result<()> {
        self.slowly(|vault| {
            let mut open = vault.open_now();
            let seen = open.as_ref().ok_or_else(locked)?.seen;
            file::discard(vault.path(), &seen)?;
            *open = None;
            Ok(())
        })
        .await
    }

    /// The lock by a passphrase, and the file that it was found in.
    fn picked(&self, passphrase: &Secret) -> Result<(Lock, Vec<u8>)> {
        let found = self.found()?;
        let lock = Lock::pick(&found, passphrase).map_err(|shut| self.shut(&shut))?;
        Ok((lock, found))
    }

    fn found(&self) -> Result<Vec<u8>> {
        file::read(self.path())?.ok_or_else(|| {
            let hint = if file::backup(self.path()).exists() {
                format!("Put its copy back under this name: {}", file::backup(self.path()).display())
            } else {
                "Make one: stagedoor vault create".to_owned()
            };
            Error::new(Code::File, format!("There is no vault at {}", self.path().display()), hint)
        })
    }

    fn read(&self, lock: &Lock, found: &[u8]) -> Result<Items> {
        let plain = lock.open(found).map_err(|shut| self.shut(&shut))?;
        items::read(&plain).map_err(|why| self.shut(&Shut::Damaged(why)))
    }

    /// Changes the items and writes them; a failure changes nothing.
    fn change(&self, change: impl FnOnce(&mut Items)) -> Result<()> {
        let mut now = self.open_now();
        let open = now.as_mut().ok_or_else(locked)?;
        let mut items = open.items.clone();
        change(&mut items);
        if items == open.items {
            return Ok(());
        }
        let text = sealed(&open.lock, &items)?;
        match file::replace(self.path(), &open.seen, &text) {
            Ok(seen) => {
                (open.items, open.seen) = (items, seen);
                Ok(())
            }
            Err(error) if file::is_conflict(&error) => Err(file::keep_ours(self.path(), &text, error)),
            Err(error) => Err(error),
        }
    }

    /// Waits for its turn; too many who wait are sent away.
    async fn turn(&self) -> Result<Turn> {
        let place = Arc::clone(&self.0.waiting).try_acquire_owned().map_err(|_| {
            Error::new(Code::Locked, "Too many programs try to open the vault at once", "Look which program that is (stagedoor status), then try again")
        })?;
        Ok(Turn { _one: Arc::clone(&self.0.turn).lock_owned().await, _place: place })
    }

    /// Does what takes long, or touches the disk, beside the threads that answer.
    async fn slowly<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let vault = self.clone();
        let ended = |_| Err(Error::new(Code::Agent, "The vault could not be used: the work on it broke off", "Try again"));
        tokio::task::spawn_blocking(move || work(&vault)).await.unwrap_or_else(ended)
    }

    fn open_now(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shut(&self, shut: &Shut) -> Error {
        let path = self.path().display();
        let error = |message: String, hint: &str| Error::new(Code::File, message, hint.to_owned());
        match shut {
            Shut::Passphrase => Error::new(Code::Locked, "That passphrase does not open the vault", "Type it again; upper and lower case count"),
            Shut::TooCostly => error(
                format!("{path} asks for more memory to open than Stagedoor gives (1 GiB)"),
                "Write it again with age and its usual work factor, or put back the file that Stagedoor wrote",
            ),
            Shut::Foreign(why) | Shut::Damaged(why) => {
                let backup = file::backup(self.path());
                let hint = if backup.exists() {
                    format!("Nothing was changed. The version before it is {}: move it to {path} to go on with that", backup.display())
                } else {
                    format!("Nothing was changed. Put a good copy back as {path}, or move it away and run: stagedoor vault create")
                };
                error(format!("The vault {path} cannot be used: {why}"), &hint)
            }
        }
    }
}

impl Keychain for Vault {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn get(&self, item: Item) -> Reply<'_, Option<Bytes>> {
        Box::pin(async move { self.open_now().as_ref().map(|open| open.items.get(&item).cloned()).ok_or_else(locked) })
    }

    fn set(&self, item: Item, bytes: Bytes) -> Reply<'_, ()> {
        Box::pin(async move {
            let Some(bytes) = normal(&item, &bytes) else {
                return Err(Error::new(Code::KeychainRefused, format!("The vault cannot hold “{item}”: it is not in Stagedoor's format"), "Add it again"));
            };
            self.slowly(move |vault| vault.change(|items| drop(items.insert(item, bytes)))).await
        })
    }

    fn delete(&self, item: Item) -> Reply<'_, ()> {
        Box::pin(self.slowly(move |vault| vault.change(|items| drop(items.remove(&item)))))
    }
}

/// It is closed.
pub(crate) fn locked() -> Error {
    Error::new(Code::Locked, "The vault is locked", "Unlock it: stagedoor unlock, or in Stagedoor's window")
}

fn fit(passphrase: &Secret) -> Result<()> {
    let chars = || passphrase.expose().chars();
    let different = chars().collect::<std::collections::BTreeSet<_>>().len();
    let why = match (chars().count(), different) {
        (..SHORTEST, _) => "is too short",
        (_, ..DIFFERENT) => "is the same few characters over and over",
        _ => return Ok(()),
    };
    Err(Error::new(
        Code::InvalidValue,
        format!("That passphrase {why}"),
        format!("Take at least {SHORTEST} characters, {DIFFERENT} of them different; four or five words that have nothing to do with each other are good"),
    ))
}

fn sealed(lock: &Lock, items: &Items) -> Result<Zeroizing<Vec<u8>>> {
    let text = items::written(items).ok_or_else(|| Error::new(Code::KeychainRefused, "An item is not in Stagedoor's format", "Add it again"))?;
    lock.seal(&text).map(Zeroizing::new).ok_or_else(no_random)
}

fn no_random() -> Error {
    Error::new(Code::File, "The system gave no random bytes to encrypt the vault with", "Try again; if it stays so, restart the computer")
}
