//! Moving the items from one place to the other: copy, verify, switch, and only then delete.
//!
//! Whatever breaks off on the way, each item lies in the place that counts: until the switch the old one has them all, after it the
//! new one has. Doing it again goes on where it broke off. The keychain cannot be listed, so the caller says what may be in it.

use std::collections::HashSet;

use super::{Secrets, locked};
use crate::{
    error::{Code, Error, Result},
    model::lock::SecretsPlace,
    store::{
        keychain::Item,
        vault::{self, Items},
    },
};

/// What was moved, and what could not be taken away from where it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The items, by the names that people read.
    pub items: Vec<String>,
    /// Why some of them still lie in the old place too.
    pub left: Option<Error>,
}

impl Secrets {
    /// What would be moved to `to`. Changes nothing.
    pub async fn would_move(&self, to: SecretsPlace, known: &[Item]) -> Result<Moved> {
        self.may_move()?;
        let _alone = self.0.moving.write().await;
        Ok(Moved { items: names(&self.found(to.other(), known).await?), left: None })
    }

    /// What there is at a place that does not count: an earlier move broke off there. Changes nothing.
    pub async fn beside(&self, known: &[Item]) -> Result<Moved> {
        self.may_move()?;
        let _still = self.0.moving.read().await;
        Ok(Moved { items: names(&self.found(self.place().other(), known).await?), left: None })
    }

    /// Moves everything to `to`. `switch` writes down that it counts from now on.
    pub async fn migrate(&self, to: SecretsPlace, known: &[Item], switch: impl AsyncFnOnce() -> Result<()>) -> Result<Moved> {
        self.may_move()?;
        let _alone = self.0.moving.write().await;
        let counts = self.place();
        let mut items = self.found(to.other(), known).await?;
        if items.is_empty() && to == SecretsPlace::Keychain {
            // Nothing was stored there that would show that there is one.
            self.answers(to).await?;
        }
        if counts == to {
            // An earlier move broke off after the switch: what the place that counts has by now is not overwritten.
            self.keep_newer(to, &mut items).await?;
        }
        self.copy(to, &items).await?;
        self.verify(to, &items).await?;
        if counts != to {
            switch().await?;
            self.choose(to);
        }
        let left = self.delete(to.other(), &items).await.err();
        Ok(Moved { items: names(&items), left })
    }

    fn may_move(&self) -> Result<()> {
        if self.locked() { Err(locked()) } else { Ok(()) }
    }

    /// What there is at `from`.
    async fn found(&self, from: SecretsPlace, known: &[Item]) -> Result<Items> {
        let mut wanted: HashSet<_> = known.iter().cloned().collect();
        if from == SecretsPlace::Vault {
            // The file of an open one may be gone: its items are not.
            if !self.0.vault.exists() && !self.0.vault.is_open() {
                return Ok(Items::default());
            }
            wanted.extend(self.0.vault.list()?);
        }
        let mut found = Items::default();
        for item in wanted {
            let Some(bytes) = self.at(from).get(item.clone()).await? else { continue };
            let Some(bytes) = vault::normal(&item, &bytes) else {
                return Err(Error::new(
                    Code::KeychainRefused,
                    format!("The entry “{item}” in {} is not in Stagedoor's format, so nothing was moved", self.at(from).name()),
                    "Delete the entry there, or add it again in Stagedoor, then move again",
                ));
            };
            found.insert(item, bytes);
        }
        Ok(found)
    }

    /// Drops what `to` has in another form already; it stays where it is too.
    async fn keep_newer(&self, to: SecretsPlace, items: &mut Items) -> Result<()> {
        let mut differing = Vec::new();
        for (item, bytes) in &*items {
            if let Some(there) = self.at(to).get(item.clone()).await?
                && vault::normal(item, &there).as_ref() != Some(bytes)
            {
                differing.push(item.clone());
            }
        }
        items.retain(|item, _| !differing.contains(item));
        Ok(())
    }

    async fn copy(&self, to: SecretsPlace, items: &Items) -> Result<()> {
        if to == SecretsPlace::Vault {
            return self.0.vault.put_all(items.clone()).await;
        }
        for (item, bytes) in items {
            self.0.keychain.set(item.clone(), bytes.clone()).await?;
        }
        Ok(())
    }

    /// Reads each of them back, from where it will be read the next time.
    async fn verify(&self, to: SecretsPlace, items: &Items) -> Result<()> {
        let on_disk = if to == SecretsPlace::Vault { Some(self.0.vault.on_disk().await?) } else { None };
        for (item, bytes) in items {
            let there = match &on_disk {
                Some(on_disk) => on_disk.get(item).cloned(),
                None => self.0.keychain.get(item.clone()).await?,
            };
            if there.and_then(|there| vault::normal(item, &there)).as_ref() != Some(bytes) {
                return Err(Error::new(
                    Code::KeychainRefused,
                    format!("“{item}” did not come back from {} as it was stored, so nothing was taken away", self.at(to).name()),
                    "Everything is where it was; try again",
                ));
            }
        }
        Ok(())
    }

    async fn delete(&self, from: SecretsPlace, items: &Items) -> Result<()> {
        let still = |error: Error| Error {
            message: format!("The items were moved, but some still lie in {} too: {}", self.at(from).name(), error.message),
            hint: format!("Move again to take them away there; first: {}", error.hint),
            ..error
        };
        if from == SecretsPlace::Vault {
            let all = self.0.vault.exists() && self.0.vault.list().is_ok_and(|there| there.iter().all(|item| items.contains_key(item)));
            return if all { self.0.vault.discard().await.map_err(still) } else { Ok(()) };
        }
        for item in items.keys() {
            self.0.keychain.delete(item.clone()).await.map_err(still)?;
        }
        Ok(())
    }
}

fn names(items: &Items) -> Vec<String> {
    let mut names: Vec<_> = items.keys().map(ToString::to_string).collect();
    names.sort();
    names
}
