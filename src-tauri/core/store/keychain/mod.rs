//! The keychain: typed items, each call with a deadline.
//!
//! [`Keychain`] is the port: get, set and delete of bytes under an [`Item`]. [`System`] is the operating system's keychain
//! and the only place that knows the keyring crate; [`Memory`] is for tests. [`Keys`] puts the model's types on top.
//! Locked, absent and refused are three errors, because a person does three different things about them. There is no
//! silent fallback to a file, and no list of items: the access key IDs come from the AWS files.

mod lane;
mod memory;
mod system;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

pub use self::{memory::Memory, system::System};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::{AccessKey, AccessKeyId},
        mfa::TotpSeed,
        params::MfaSerial,
    },
};

/// How long a call may take when nobody has to be asked. A prompt of the system may hold a call longer; then it is reported as locked.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// What an item is; decides its name in the keychain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// The secret of an access key. Bytes: JSON of ID and secret.
    AccessKey(AccessKeyId),
    /// The seed of a virtual MFA device.
    TotpSeed(MfaSerial),
    /// The key of the sealed sessions: 32 bytes.
    SealKey,
    /// The 32 bytes that the practice account grows from.
    PracticeSeed,
}

/// As a person reads it in the keychain's own window: the account of the entry.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessKey(id) => write!(f, "access key {id}"),
            Self::TotpSeed(serial) => write!(f, "MFA seed {}", serial.as_str()),
            Self::SealKey => f.write_str("sealed sessions"),
            Self::PracticeSeed => f.write_str("practice account"),
        }
    }
}

/// Bytes that are wiped when dropped.
pub type Bytes = Zeroizing<Vec<u8>>;

/// A boxed future, so that the keychain can be a trait object.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The port. The real one is the operating system's keychain; tests that need none use [`Memory`].
pub trait Keychain: fmt::Debug + Send + Sync {
    /// What to call it before a person: `GNOME Keyring`, `Keychain`, `Credential Manager`.
    fn name(&self) -> String;
    /// `None`: there is no such item.
    fn get(&self, item: Item) -> Reply<'_, Option<Bytes>>;
    /// Creates or replaces.
    fn set(&self, item: Item, bytes: Bytes) -> Reply<'_, ()>;
    /// Deleting what is not there is no error.
    fn delete(&self, item: Item) -> Reply<'_, ()>;
}

/// Typed access on top of the port.
#[derive(Clone, Debug)]
pub struct Keys(pub Arc<dyn Keychain>);

/// An access key as it lies in its entry.
#[derive(Serialize)]
struct Stored<'a> {
    id: &'a str,
    secret: &'a str,
}

/// Held while key material is looked up and made, so that two first uses at once agree on the same 32 bytes.
static MAKING: Mutex<()> = Mutex::const_new(());

impl Keys {
    /// The access key with this ID.
    pub async fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKey>> {
        let item = Item::AccessKey(id.clone());
        let Some(bytes) = self.0.get(item.clone()).await? else { return Ok(None) };
        // serde_json's errors can quote what they read, so they are not passed on.
        match serde_json::from_slice::<AccessKey>(&bytes) {
            Ok(key) if key.id == *id => Ok(Some(key)),
            Ok(_) => Err(self.damaged(&item, "it holds another access key")),
            Err(_) => Err(self.damaged(&item, "it is not in Stagedoor's format")),
        }
    }

    /// Stores an access key.
    pub async fn put_access_key(&self, key: &AccessKey) -> Result<()> {
        let item = Item::AccessKey(key.id.clone());
        let (id, secret) = (key.id.as_str(), key.secret.expose());
        // Large enough for the worst escaping: a buffer that grows would leave copies of the secret behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(32 + 6 * (id.len() + secret.len())));
        if serde_json::to_writer(&mut *bytes, &Stored { id, secret }).is_err() {
            return Err(self.damaged(&item, "it cannot be written as JSON"));
        }
        self.0.set(item, bytes).await
    }

    /// Removes an access key.
    pub async fn delete_access_key(&self, id: &AccessKeyId) -> Result<()> {
        self.0.delete(Item::AccessKey(id.clone())).await
    }

    /// The seed of an MFA device.
    pub async fn totp_seed(&self, serial: &MfaSerial) -> Result<Option<TotpSeed>> {
        let item = Item::TotpSeed(serial.clone());
        let Some(bytes) = self.0.get(item.clone()).await? else { return Ok(None) };
        let seed = std::str::from_utf8(&bytes).ok().and_then(|text| TotpSeed::parse(text).ok());
        seed.map(Some).ok_or_else(|| self.damaged(&item, "it is no base32 seed"))
    }

    /// Stores a seed.
    pub async fn put_totp_seed(&self, serial: &MfaSerial, seed: &TotpSeed) -> Result<()> {
        self.0.set(Item::TotpSeed(serial.clone()), Zeroizing::new(seed.expose().as_bytes().to_vec())).await
    }

    /// Removes a seed.
    pub async fn delete_totp_seed(&self, serial: &MfaSerial) -> Result<()> {
        self.0.delete(Item::TotpSeed(serial.clone())).await
    }

    /// 32 random bytes under `item`, made at the first call.
    pub async fn key_material(&self, item: Item) -> Result<Zeroizing<[u8; 32]>> {
        let _one_at_a_time = MAKING.lock().await;
        if let Some(bytes) = self.0.get(item.clone()).await? {
            return self.material(&item, &bytes);
        }
        let mut fresh = Zeroizing::new(vec![0; 32]);
        if getrandom::fill(&mut fresh).is_err() {
            return Err(Error::new(Code::KeychainRefused, "The system gave no random bytes for a new key", "Try again; if it stays so, restart the computer"));
        }
        // Twice, because secrets can move between keychain and vault in between: what was stored in the one is then not in the other.
        for _ in 0..2 {
            self.0.set(item.clone(), fresh.clone()).await?;
            // What is sealed with a key that was not kept is lost, so only what comes back is used.
            match self.0.get(item.clone()).await? {
                Some(kept) if kept == fresh => return self.material(&item, &kept),
                Some(_) => break,
                None => {}
            }
        }
        Err(self.damaged(&item, "it was not kept as it was stored"))
    }

    fn material(&self, item: &Item, bytes: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(self.damaged(item, "it does not hold 32 bytes"));
        }
        key.copy_from_slice(bytes);
        Ok(key)
    }

    fn damaged(&self, item: &Item, why: &str) -> Error {
        Error::new(
            Code::KeychainRefused,
            format!("The entry “{item}” in {} cannot be used: {why}", self.0.name()),
            "Delete the entry there and add it again in Stagedoor",
        )
    }
}

/// It is locked; `name` is what a person calls it.
fn locked(name: &str) -> Error {
    Error::new(Code::KeychainLocked, format!("{name} is locked"), UNLOCK)
}

/// It took too long: most likely its prompt is open somewhere.
fn silent(name: &str) -> Error {
    Error::new(Code::KeychainLocked, format!("{name} did not answer; it waits for its prompt or is locked"), UNLOCK)
}

/// There is none; `reason` is the platform's.
fn absent(reason: &str) -> Error {
    Error::new(Code::KeychainAbsent, format!("There is no keychain to talk to: {reason}"), INSTALL)
}

/// It is there and has no place yet to keep things in.
fn no_default() -> Error {
    let hint = if cfg!(target_os = "macos") {
        INSTALL
    } else {
        "Make a default keyring in “Passwords and Keys” (seahorse) or KWalletManager; signing in to the desktop with a password makes one too. Or keep secrets in a passphrase vault instead: stagedoor vault create"
    };
    Error::new(Code::KeychainAbsent, "The system's keychain has no default keyring yet", hint)
}

/// It said no to `doing` (read, store, delete) for `reason`, the platform's.
fn refused(name: &str, doing: &str, item: &Item, reason: &str) -> Error {
    Error::new(
        Code::KeychainRefused,
        format!("{name} refused to {doing} “{item}”: {reason}"),
        "Look at the entry there; deleting it and adding it again often helps",
    )
}

/// Where it is unlocked.
const UNLOCK: &str = if cfg!(target_os = "macos") {
    "Answer its prompt, or unlock the login keychain in Keychain Access, then try again"
} else if cfg!(windows) {
    "Sign in to Windows again, then try again"
} else {
    "Answer its prompt, or unlock the login keyring in “Passwords and Keys” (seahorse) or KWalletManager, then try again"
};

/// Where one comes from.
const INSTALL: &str = if cfg!(target_os = "macos") {
    "Create a default keychain in Keychain Access, then try again; or keep secrets in a passphrase vault instead: stagedoor vault create"
} else if cfg!(windows) {
    "Start the service “Credential Manager” (VaultSvc), then try again; or keep secrets in a passphrase vault instead: stagedoor vault create"
} else {
    "Install gnome-keyring (sudo apt install gnome-keyring) or KWallet and start Stagedoor in the desktop session; without a desktop, keep secrets in a passphrase vault instead: stagedoor vault create"
};

#[cfg(test)]
mod tests;
