//! What a person has to allow before a setup goes on, beyond the admin profiles themselves.
//!
//! A proof calls as somebody whose key this computer has, and taking an import back lays a key in a plain file. A profile that asks
//! before it is handed out asks here, too, before anything is sent: no program gets round it by way of a plan.

use super::{
    super::{Agent, Asker, profiles::KEY},
    runs::Run,
};
use crate::{
    error::Result,
    model::profile::ProfileName,
    setup::{
        plan::{By, Proof, ProofCall},
        thing::Thing,
    },
};

impl Agent {
    /// The profiles that the proofs call as.
    pub(super) async fn may_prove(&self, run: &Run, asker: &Asker) -> Result<()> {
        let progress = run.now();
        let to_come = |proof: &&Proof| {
            let made = progress.proofs.get(&proof.id).and_then(|own| own.made.as_ref()?.outcome);
            proof.before.is_some() || made != Some(proof.expected)
        };
        let mut asked: Vec<ProfileName> = Vec::new();
        for proof in run.plan.proofs.iter().filter(to_come) {
            let (ProofCall::Assume { by, .. } | ProofCall::Identity { by }) = &proof.call;
            if let Some(profile) = self.profile_behind(run, by)?
                && !asked.contains(&profile)
            {
                self.allowed_by_name(&profile, "setup", asker).await?;
                asked.push(profile);
            }
        }
        Ok(())
    }

    /// The profile whose key a proof calls with; `None`: the admin's, who was asked for, or a key that the plan makes.
    fn profile_behind(&self, run: &Run, by: &By) -> Result<Option<ProfileName>> {
        Ok(match by {
            By::Profile { profile } => Some(profile.clone()),
            By::Seat { .. } => None,
            // A key that was there before the plan is that of a profile.
            By::NewKey { step } => {
                let there = run.plan.step(step).and_then(|step| step.made.get("AccessKeyId")?.as_str());
                let files = self.files()?;
                let found = there.and_then(|id| files.profiles().iter().find(|profile| profile.get(KEY) == Some(id)));
                found.map(|profile| ProfileName::new(&*profile.name))
            }
        })
    }

    /// Taking an import back lays a secret in a plain file: whoever set a profile to ask is asked.
    pub(super) async fn may_lay_open(&self, run: &Run, asker: &Asker) -> Result<()> {
        let progress = run.now();
        for step in run.plan.steps.iter().filter(|step| progress.touched(&step.id)) {
            if let Thing::KeyPlace { profile } = &step.thing {
                self.allowed_by_name(&ProfileName::new(profile.as_str()), "plain_file", asker).await?;
            }
        }
        Ok(())
    }
}
