//! The vault as a person uses it: make one, change its passphrase, move the items there or back.
//!
//! The keychain cannot be listed, so what may lie in it is known from the profiles, the stored MFA devices, and the two keys of
//! Stagedoor's own.

use serde::{Deserialize, Serialize};

use super::{Agent, locking::passphrase_needed};
use crate::{
    error::{Code, Error, Result},
    model::{access_key::AccessKeyId, lock::SecretsPlace, params::MfaSerial, secret::Secret},
    store::{keychain::Item, secrets::Secrets},
};

/// What came of moving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Migration {
    /// The items, by the names that people read.
    pub items: Vec<String>,
    /// Why some of them still lie in the old place too.
    pub left: Option<Error>,
}

/// A vault that was opened for a move alone. However the move ends, it is closed again where it does not count.
struct Opened<'a>(&'a Secrets);

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        if self.0.place() == SecretsPlace::Keychain {
            self.0.vault().lock();
        }
    }
}

impl Agent {
    /// Makes a vault. Where the keychain is absent or holds nothing of Stagedoor's it counts from now on; else moving the items is a
    /// step of its own. Says whether it counts.
    pub async fn create_vault(&self, passphrase: Secret) -> Result<SecretsPlace> {
        self.not_lost()?;
        self.unlocked()?;
        let _turn = self.0.locking.turn.lock().await;
        let secrets = &self.0.secrets;
        secrets.vault().create(passphrase).await?;
        if secrets.place() == SecretsPlace::Keychain {
            let empty = match secrets.would_move(SecretsPlace::Vault, &self.known_items()?).await {
                Ok(moved) => moved.items.is_empty(),
                Err(error) => error.code == Code::KeychainAbsent,
            };
            let place = if empty { SecretsPlace::Vault } else { SecretsPlace::Keychain };
            self.choose(|choices| choices.secrets = Some(place)).await?;
            if empty {
                secrets.choose(place);
                self.settled().await;
            }
        }
        self.publish();
        Ok(secrets.place())
    }

    /// The vault counts and its file is gone: goes on with an empty one, or with the keychain, because a person said that what was in
    /// it may stay lost.
    pub async fn give_up_lost_vault(&self, to: SecretsPlace, passphrase: Option<Secret>) -> Result<()> {
        let secrets = &self.0.secrets;
        {
            let _turn = self.0.locking.turn.lock().await;
            match self.not_lost() {
                Ok(()) => {
                    let hint = "Leave --lost away: it is for a vault that counts and whose file is gone for good";
                    return Err(Error::new(Code::InvalidValue, "The vault is not lost", hint));
                }
                // Its copy, or the memory, has nearly everything, and a new vault would write over it.
                Err(error) if secrets.vault().backup().exists() || secrets.vault().is_open() => return Err(error),
                Err(_) => {}
            }
            match to {
                SecretsPlace::Vault => secrets.vault().create(passphrase.ok_or_else(passphrase_needed)?).await?,
                SecretsPlace::Keychain => {
                    secrets.answers(to).await?;
                    self.choose(|choices| choices.secrets = Some(to)).await?;
                    secrets.choose(to);
                }
            }
        }
        tracing::warn!("the vault was lost, and given up");
        if self.locked() {
            return self.unlock_opened().await;
        }
        self.settled().await;
        self.publish();
        Ok(())
    }

    /// An error where the vault counts and there is none: what was in it is lost, unless the file comes back.
    pub(super) fn not_lost(&self) -> Result<()> {
        let vault = self.0.secrets.vault();
        if self.0.secrets.place() == SecretsPlace::Vault && !vault.exists() { Err(vault.missing()) } else { Ok(()) }
    }

    /// Encrypts the vault to another passphrase.
    pub async fn change_passphrase(&self, old: Secret, new: Secret) -> Result<()> {
        let changed = self.0.secrets.vault().change_passphrase(old, new).await;
        self.publish();
        changed
    }

    /// Moves every item to `to`, which counts from then on. With `dry_run` it says what would be moved. The passphrase is needed where
    /// the vault is not open.
    pub async fn migrate(&self, to: SecretsPlace, passphrase: Option<Secret>, dry_run: bool) -> Result<Migration> {
        if !self.0.secrets.vault().is_open() {
            self.not_lost()?;
        }
        self.unlocked()?;
        let (secrets, vault) = (&self.0.secrets, self.0.secrets.vault());
        let needed = to == SecretsPlace::Keychain || !dry_run;
        let opened = if needed && vault.exists() && !vault.is_open() {
            let needed = || Error {
                hint: "Type it when you are asked for it at a terminal, or pipe it in, as one line of standard input".to_owned(),
                ..passphrase_needed()
            };
            vault.unlock(passphrase.ok_or_else(needed)?).await?;
            Some(Opened(secrets))
        } else {
            None
        };
        let known = self.known_items()?;
        let moved = if dry_run {
            secrets.would_move(to, &known).await?
        } else {
            if to == SecretsPlace::Vault && !vault.exists() {
                return Err(Error::new(Code::File, "There is no vault yet", "Make one first: stagedoor vault create"));
            }
            let _turn = self.0.locking.turn.lock().await;
            let _edit = self.0.editing.lock().await;
            self.unlocked()?;
            let before = secrets.place();
            let moved = secrets.migrate(to, &known, async || self.choose(|choices| choices.secrets = Some(to)).await).await?;
            if before != to {
                self.settled().await;
            }
            moved
        };
        drop(opened);
        self.publish();
        Ok(Migration { items: moved.items, left: moved.left })
    }

    /// Another place counts: its time begins, and the key of the sealed sessions is the one that lies there.
    async fn settled(&self) {
        self.problems().keychain = None;
        self.0.locking.opened(self.now());
        self.0.sealed.forget_key().await;
        self.seal_soon();
    }

    /// What may lie in the keychain.
    pub(super) fn known_items(&self) -> Result<Vec<Item>> {
        let files = self.files()?;
        let keys = files.profiles().iter().filter_map(|profile| profile.get(super::profiles::KEY)).filter_map(|id| AccessKeyId::parse(id).ok());
        let seeds: Vec<_> = self.choices().mfa_devices.iter().filter_map(|serial| MfaSerial::parse(serial).ok()).collect();
        Ok(keys.map(Item::AccessKey).chain(seeds.into_iter().map(Item::TotpSeed)).chain([Item::SealKey, Item::PracticeSeed]).collect())
    }
}
