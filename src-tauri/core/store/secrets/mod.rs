//! Where secrets lie: in the system's keychain or in the vault, as the person chose, and in neither while Stagedoor is locked.
//!
//! The one place that chooses. It implements the keychain's port, so that nobody else knows which of the two answers; there is no
//! fallback from one to the other. `migration` moves the items, and nobody stores one meanwhile.

mod migration;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::RwLock;

pub use self::migration::Moved;
use super::{
    keychain::{Bytes, Item, Keychain, Reply},
    vault::Vault,
};
use crate::{
    error::{Code, Error, Result},
    model::lock::SecretsPlace,
};

/// The chosen place. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Secrets(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keychain: Arc<dyn Keychain>,
    vault: Vault,
    place: Mutex<SecretsPlace>,
    locked: AtomicBool,
    /// Held for writing while items move from one place to the other.
    moving: RwLock<()>,
}

impl Secrets {
    /// Both places, and which of them counts. `chosen`: what the settings say; where they say nothing a vault that is there is the
    /// choice that was made, because nothing else makes one.
    pub fn new(keychain: Arc<dyn Keychain>, vault: Vault, chosen: Option<SecretsPlace>) -> Self {
        let place = chosen.unwrap_or(if vault.exists() { SecretsPlace::Vault } else { SecretsPlace::Keychain });
        Self(Arc::new(Inner { keychain, vault, place: Mutex::new(place), locked: AtomicBool::new(false), moving: RwLock::default() }))
    }

    /// Which place counts.
    pub fn place(&self) -> SecretsPlace {
        *self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this one counts.
    pub fn choose(&self, place: SecretsPlace) {
        *self.0.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// The vault, whether it counts or not.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Whether nothing is given out.
    pub fn locked(&self) -> bool {
        self.0.locked.load(Ordering::SeqCst)
    }

    /// Gives nothing out any more; an open vault closes.
    pub fn lock(&self) {
        self.0.locked.store(true, Ordering::SeqCst);
        self.0.vault.lock();
    }

    /// Gives out again what the place gives.
    pub fn unlock(&self) {
        self.0.locked.store(false, Ordering::SeqCst);
    }

    /// Whether a place answers, also while Stagedoor is locked.
    pub async fn answers(&self, place: SecretsPlace) -> Result<()> {
        self.at(place).get(Item::SealKey).await.map(drop)
    }

    /// The one that counts, also while Stagedoor is locked: for asking whether it answers.
    pub fn chosen(&self) -> &dyn Keychain {
        self.at(self.place())
    }

    fn at(&self, place: SecretsPlace) -> &dyn Keychain {
        match place {
            SecretsPlace::Keychain => &*self.0.keychain,
            SecretsPlace::Vault => &self.0.vault,
        }
    }

    fn given(&self) -> Result<&dyn Keychain> {
        if self.locked() { Err(locked()) } else { Ok(self.chosen()) }
    }
}

/// Nothing is given out: a person must unlock Stagedoor.
pub(crate) fn locked() -> Error {
    Error::new(Code::Locked, "Stagedoor is locked", "Unlock it: stagedoor unlock, or in its window")
}

impl Keychain for Secrets {
    fn name(&self) -> String {
        self.chosen().name()
    }

    fn get(&self, item: Item) -> Reply<'_, Option<Bytes>> {
        Box::pin(async move {
            let _still = self.0.moving.read().await;
            self.given()?.get(item).await
        })
    }

    fn set(&self, item: Item, bytes: Bytes) -> Reply<'_, ()> {
        Box::pin(async move {
            let _still = self.0.moving.read().await;
            self.given()?.set(item, bytes).await
        })
    }

    fn delete(&self, item: Item) -> Reply<'_, ()> {
        Box::pin(async move {
            let _still = self.0.moving.read().await;
            self.given()?.delete(item).await
        })
    }
}
