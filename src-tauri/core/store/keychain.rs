//! The keychain: typed items, each call with a deadline.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use crate::{
    error::Result,
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

/// Bytes that are wiped when dropped.
pub type Bytes = zeroize::Zeroizing<Vec<u8>>;

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

impl Keys {
    /// The access key with this ID.
    pub async fn access_key(&self, id: &AccessKeyId) -> Result<Option<AccessKey>> {
        let _ = id;
        todo!()
    }
    /// Stores an access key.
    pub async fn put_access_key(&self, key: &AccessKey) -> Result<()> {
        let _ = key;
        todo!()
    }
    /// Removes an access key.
    pub async fn delete_access_key(&self, id: &AccessKeyId) -> Result<()> {
        let _ = id;
        todo!()
    }
    /// The seed of an MFA device.
    pub async fn totp_seed(&self, serial: &MfaSerial) -> Result<Option<TotpSeed>> {
        let _ = serial;
        todo!()
    }
    /// Stores a seed.
    pub async fn put_totp_seed(&self, serial: &MfaSerial, seed: &TotpSeed) -> Result<()> {
        let _ = (serial, seed);
        todo!()
    }
    /// 32 random bytes under `item`, made at the first call.
    pub async fn key_material(&self, item: Item) -> Result<zeroize::Zeroizing<[u8; 32]>> {
        let _ = item;
        todo!()
    }
}
