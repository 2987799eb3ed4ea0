//! A new version of a managed policy is taken back in two calls: the version before is the default again, then the new one goes.
//!
//! A crash between the two must not leave the new one, so what it is called is in the journal before the first of them. A version
//! that somebody else made is never deleted: names of versions are not used twice.

use serde_json::json;

use super::{super::Agent, runs::Run};
use crate::{
    error::{Code, Error, Result},
    setup::{
        call::{call, text},
        iam::{self, Seat},
        journal::Entry,
        plan::Step,
        thing::{State, Thing},
    },
};

impl Agent {
    /// Whatever the state: first the default is set back if it is ours, then ours goes if it is there.
    pub(super) async fn undo_version(&self, run: &Run, seat: &Seat, step: &Step, policy: &str, (now, before): (&State, &State)) -> Result<()> {
        let (current, old) = (text(now, "VersionId"), text(before, "VersionId"));
        let Some(old) = old else { return Ok(()) };
        let mut own = run.now().made(&step.id, "VersionId");
        if own.is_none() {
            // The answer of its call may be lost: then ours is the default, and says what we wrote.
            own = current.clone().filter(|current| *current != old && step.thing.same(now, &step.to));
            if let Some(own) = &own {
                self.journalled(run, &Entry::Done { step: step.id.clone(), found: false, made: json!({ "VersionId": own }), took: 0 })?;
            }
        }
        let Some(own) = own else { return Ok(()) };
        if current.as_ref() == Some(&own) {
            let thing = Thing::DefaultVersion { policy: policy.to_owned() };
            let back = call(&thing, &Some(json!({ "VersionId": own })), &Some(json!({ "VersionId": old })), &seat.place);
            if let Some(back) = back {
                self.sent(run, seat, step, &back, None).await?;
            }
        } else if current.as_ref() != Some(&old) {
            return Err(Error::new(
                Code::Conflict,
                format!("{}: another version is the default by now, {}", step.done_title, current.unwrap_or_default()),
                "Make the version of this setup the default again, or delete it by hand",
            ));
        }
        let thing = Thing::Version { policy: policy.to_owned(), version: own };
        let there = iam::look(seat, &thing).await.map_err(|fault| fault.error)?;
        match call(&thing, &there, &None, &seat.place) {
            Some(gone) => self.sent(run, seat, step, &gone, None).await.map(drop),
            None => Ok(()),
        }
    }

    /// Whether the version is still there that shall be the default again.
    pub(super) async fn versions_as_left(&self, seat: &Seat, thing: &Thing, now: &State, before: &State) -> Result<bool> {
        let (Thing::DefaultDocument { policy } | Thing::DefaultVersion { policy }) = thing else { return Ok(true) };
        let (Some(current), Some(old)) = (text(now, "VersionId"), text(before, "VersionId")) else { return Ok(true) };
        if current == old {
            return Ok(true);
        }
        let version = Thing::Version { policy: policy.clone(), version: old };
        Ok(iam::look(seat, &version).await.map_err(|fault| fault.error)?.is_some())
    }
}
