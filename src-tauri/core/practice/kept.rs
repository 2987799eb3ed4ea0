//! The practice world on its way through a restart or a reset: everything that people made in it, sealed or thrown away.
//!
//! One sealed text that only the same seed opens. What came another way, from another version or another world is no world:
//! then the practice account begins anew. Calls and pending delays are not kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{ReadyMade, World, ids::Draw, lag::Owners, ready_made, state::Account};
use crate::{
    clock::Clock,
    model::{mfa::TotpSeed, secret::Secret},
};

/// Rises when the shape changes.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: u32,
    accounts: BTreeMap<String, Account>,
    owners: Owners,
}

impl World {
    /// Everything that exists, sealed. Calls wait only while it is copied.
    pub fn keep(&self) -> Option<String> {
        let kept = {
            let state = self.0.state();
            Kept { version: VERSION, accounts: state.accounts.clone(), owners: state.owners.clone() }
        };
        self.0.worlds.seal(&kept, &mut Draw::fresh(&self.0.seed, self.0.clock.now()))
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

    /// Takes over everything that exists in `fresh`, a world of the same seed: whoever is connected goes on with it, and IAM's
    /// delay stays as it was set.
    pub fn begin_again(&self, fresh: &Self) {
        {
            let (mut state, mut fresh) = (self.0.state(), fresh.0.state());
            fresh.lag.delay = state.lag.delay;
            std::mem::swap(&mut *state, &mut *fresh);
        }
        self.0.changes.send_modify(|count| *count += 1);
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
