//! The practice world on its way through a restart: everything that people made in it, sealed.
//!
//! One sealed text that only the same seed opens. What came another way, from another version or another world is no world:
//! then the practice account begins anew. Calls and pending delays are not kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    ReadyMade, World,
    lag::Owners,
    ready_made,
    state::{Account, State},
};
use crate::{
    clock::Clock,
    model::{mfa::TotpSeed, secret::Secret},
};

/// Rises when the shape changes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Keep<'a> {
    version: u32,
    accounts: &'a BTreeMap<String, Account>,
    owners: &'a Owners,
}

#[derive(Deserialize)]
struct Kept {
    version: u32,
    accounts: BTreeMap<String, Account>,
    owners: Owners,
}

impl World {
    /// Everything that exists, sealed.
    pub fn keep(&self) -> Option<String> {
        let mut state = self.0.state();
        let State { accounts, owners, draw, .. } = &mut *state;
        self.0.worlds.seal(&Keep { version: VERSION, accounts, owners }, draw)
    }

    /// A ready-made world as it was kept. `None`: it was not this world, or not this version.
    pub fn kept(seed: [u8; 32], clock: Clock, sealed: &str) -> Option<(Self, ReadyMade)> {
        let world = Self::new(seed, clock);
        let Kept { version, accounts, owners } = world.0.worlds.open(sealed)?;
        if version != VERSION || !accounts.contains_key(&world.account_id()) {
            return None;
        }
        let (made, _) = ready_made::plan(&world);
        {
            let mut state = world.0.state();
            (state.accounts, state.owners) = (accounts, owners);
        }
        Some((world, made))
    }
}

/// For sealing only: a secret serialises nowhere else.
pub(super) fn secret<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// The same for the seed of a device.
pub(super) fn seed<S: Serializer>(seed: &TotpSeed, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(seed.expose())
}
