//! A plan is taken back: in reverse order, only what its journal says was made or changed, and only as long as it is still that.
//!
//! All of it is looked at first. Where somebody changed a thing since, nothing is taken back, and each such thing is named.

use serde_json::{Value, json};

use super::{super::Agent, runs::Run, working::seat_of};
use crate::{
    error::{Code, Error, Result},
    model::{access_key::AccessKeyId, params::MfaSerial},
    setup::{
        call::{Call, call},
        iam::{self, Seat},
        journal::Entry,
        moment,
        plan::Step,
        thing::{State, Thing},
        view,
    },
};

impl Agent {
    /// Gives the line that says how it ended.
    pub(super) async fn undo(&self, run: &Run, seats: &[Seat]) -> Entry {
        let progress = run.now();
        let steps: Vec<&Step> = run.plan.steps.iter().rev().filter(|step| progress.touched(&step.id) && !step.irreversible).collect();
        let ready = match self.old_keys_there(run, seats).await {
            Ok(()) => self.all_as_left(run, seats, &steps).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ready {
            return Entry::UndoFailed { step: None, error };
        }
        for step in steps {
            self.show_step(run, &step.id, |progress| progress.running = true);
            let undone = match self.journalled(run, &Entry::UndoBegun { step: step.id.clone() }) {
                Ok(()) => self.undo_step(run, seats, step).await,
                Err(error) => Err(error),
            };
            self.show_step(run, &step.id, |progress| (progress.running, progress.waits_for) = (false, None));
            match undone {
                Ok(()) => self.noted(run, &Entry::Undone { step: step.id.clone() }),
                Err(error) => return Entry::UndoFailed { step: Some(step.id.clone()), error },
            }
        }
        Entry::AllUndone
    }

    /// A rotation whose last call was under way in a crash: once the old key is gone, the new one is all that there is.
    async fn old_keys_there(&self, run: &Run, seats: &[Seat]) -> Result<()> {
        let progress = run.now();
        let replaced = view::replaced(&run.plan).filter(|step| progress.touched(&step.id));
        if let Some((step, seat)) = replaced.and_then(|step| Some((step, seat_of(&run.plan, seats, step)?)))
            && iam::look(seat, &step.thing).await.map_err(|fault| fault.error)?.is_none()
        {
            return Err(Error::new(
                Code::Conflict,
                format!("Nothing was undone: {}, and the new key is the only one that works", step.done_title),
                "Go on: what is left is only to write that down",
            ));
        }
        Ok(())
    }

    /// Refuses where somebody changed a thing since.
    async fn all_as_left(&self, run: &Run, seats: &[Seat], steps: &[&Step]) -> Result<()> {
        let mut other = Vec::new();
        let own: Vec<&Thing> = steps.iter().map(|step| &step.thing).collect();
        for step in steps {
            match seat_of(&run.plan, seats, step) {
                Some(seat) => {
                    if !self.as_left(run, seat, step).await? {
                        other.push(format!("{} is another now", step.thing.told()));
                    }
                    if step.before.is_none() {
                        other.extend(self.strange(run, seat, step, &own).await?);
                    }
                }
                None if self.local_changed(run, step)? => other.push(format!("{} is another now", step.thing.told())),
                None => {}
            }
        }
        if other.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            Code::Conflict,
            format!("Nothing was undone, because this changed since: {}", other.join("; ")),
            "Bring that back to what the setup made of it, or take the rest back by hand",
        ))
    }

    /// What somebody else hung on something that this plan made, and that would keep it from going.
    async fn strange(&self, run: &Run, seat: &Seat, step: &Step, own: &[&Thing]) -> Result<Vec<String>> {
        let progress = run.now();
        let found = iam::hangs_on(seat, &step.thing).await.map_err(|fault| fault.error)?;
        let is_own = |thing: &Thing| match thing {
            // A new key is known by what its step made; where that is not known, it is looked for at its own step.
            Thing::OldKey { key, .. } => {
                own.iter().any(|it| matches!(it, Thing::NewKey { .. })) && {
                    let made: Vec<_> = run.plan.steps.iter().filter_map(|step| progress.made(&step.id, "AccessKeyId")).collect();
                    made.is_empty() || made.iter().any(|id| id == key.as_str())
                }
            }
            thing => own.contains(&thing),
        };
        Ok(found.iter().filter(|thing| !is_own(thing)).map(|thing| format!("{} was added", thing.told())).collect())
    }

    /// Whether a thing is what its step made of it, or what it was before.
    async fn as_left(&self, run: &Run, seat: &Seat, step: &Step) -> Result<bool> {
        let now = iam::look(seat, &step.thing).await.map_err(|fault| fault.error)?;
        let progress = run.now();
        match &step.thing {
            // Keys are known by their IDs, not by how many there are; a device is gone, or there.
            Thing::NewKey { .. } | Thing::Device { .. } => Ok(true),
            thing => {
                let before = progress.steps.get(&step.id).and_then(|own| own.begun.as_ref()).map_or(&step.before, |(before, _)| before);
                let known = progress.made(&step.id, "UniqueId");
                let same_one = match (&now, known) {
                    (Some(_), Some(known)) => iam::unique_id(seat, thing).await.map_err(|fault| fault.error)?.is_none_or(|id| id == known),
                    _ => true,
                };
                if !self.versions_as_left(seat, thing, &now, before).await? {
                    return Ok(false);
                }
                let to = progress.steps.get(&step.id).and_then(|own| own.begun.as_ref()).map_or_else(|| step.to.clone(), |(_, at)| moment::at(step, *at).to);
                Ok(same_one && (thing.same(&now, &to) || thing.same(&now, before)))
            }
        }
    }

    async fn undo_step(&self, run: &Run, seats: &[Seat], step: &Step) -> Result<()> {
        let Some(seat) = seat_of(&run.plan, seats, step) else { return self.undo_local(run, step).await };
        let now = iam::look(seat, &step.thing).await.map_err(|fault| fault.error)?;
        let progress = run.now();
        let before = progress.steps.get(&step.id).and_then(|own| own.begun.as_ref()).map_or_else(|| step.before.clone(), |(before, _)| before.clone());
        match &step.thing {
            Thing::NewKey { user } => {
                let id = match progress.made(&step.id, "AccessKeyId") {
                    Some(id) => Some(AccessKeyId::parse(&id)?),
                    // Its call may have been made: found by comparing, as after a crash.
                    None => self.orphan(seat, user, &ids(&before), &ids(&now)).await?,
                };
                let Some(id) = id else { return Ok(()) };
                if ids(&now).iter().any(|there| there == id.as_str()) {
                    let gone =
                        Call { action: "DeleteAccessKey".to_owned(), request: json!({ "UserName": user, "AccessKeyId": id.as_str() }), needs: Vec::new() };
                    self.sent(run, seat, step, &gone, None).await?;
                }
                self.0.keys.delete_access_key(&id).await
            }
            Thing::Device { serial } => {
                if let Some(call) = call(&step.thing, &now, &None, &seat.place) {
                    self.sent(run, seat, step, &call, None).await?;
                }
                let serial = MfaSerial::parse(serial)?;
                self.0.keys.delete_totp_seed(&serial).await?;
                self.choose(|choices| {
                    choices.mfa_devices.remove(serial.as_str());
                })
                .await
            }
            Thing::DefaultDocument { policy } => self.undo_version(run, seat, step, policy, (&now, &before)).await,
            thing => match call(thing, &now, &before, &seat.place) {
                Some(call) => self.sent(run, seat, step, &call, None).await.map(drop),
                None => Ok(()),
            },
        }
    }
}

fn ids(state: &State) -> Vec<String> {
    let ids = state.as_ref().and_then(|keys| keys.get("AccessKeyIds")?.as_array().cloned()).unwrap_or_default();
    ids.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
