//! Makes a plan: opens the admin profiles, looks, and asks what they may do, before anything is sent.
//!
//! What a plan is made of is in `core/setup/make`; here is what only the agent knows: sessions, files, what earlier plans made.

use super::super::{Agent, Asker, profiles::KEY};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::AccessKeyId,
        profile::ProfileName,
        setup::{Intent, MissingPermission, Standing},
    },
    setup::{
        call::call,
        iam::{self, Seat},
        journal,
        make::{self, Ground},
        plan::Plan,
    },
};

impl Agent {
    /// A plan of what is wanted, on what there is now.
    pub(super) async fn planned(&self, intent: Intent, asker: &Asker) -> Result<Plan> {
        self.unlocked()?;
        let seats = self.seats(&admins(&intent), asker).await?;
        let files = self.files()?;
        let own = self.made_before();
        let kept: Vec<_> = files.profiles().iter().filter_map(|profile| AccessKeyId::parse(profile.get(KEY)?).ok()).collect();
        let seeds: Vec<String> = self.choices().mfa_devices.iter().cloned().collect();
        let now = self.now();
        let held = self.holding();
        let ground = Ground { seats: &seats, files: &files, own: &own, kept: &kept, seeds: &seeds, held: &held, now, id: new_id(&intent, now)? };
        let mut plan = make::make(&intent, &ground).await?;
        self.preflight(&mut plan, &seats).await;
        Ok(plan)
    }

    /// The unique IDs of what earlier plans made and did not take back.
    fn made_before(&self) -> Vec<String> {
        let runs = journal::ids(&self.0.parts.paths.data).into_iter().filter_map(|id| self.run_of(&id).ok());
        runs.flat_map(|run| {
            let progress = run.now();
            run.plan.steps.iter().filter_map(|step| progress.made(&step.id, "UniqueId")).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Notes which of the needed permissions the admins lack.
    async fn preflight(&self, plan: &mut Plan, seats: &[Seat]) {
        for (at, seat) in seats.iter().enumerate() {
            let steps = plan.steps.iter().filter(|step| step.seat == Some(at) && matches!(step.standing, Standing::New | Standing::Change | Standing::Remove));
            let mut needs: Vec<_> = steps.filter_map(|step| plan.call(step)).flat_map(|call| call.needs).collect();
            needs.dedup();
            if needs.is_empty() {
                continue;
            }
            match iam::may(seat, &needs).await {
                Ok(lacks) => plan.missing.extend(lacks.into_iter().map(|lacks| MissingPermission {
                    profile: seat.profile.clone(),
                    action: lacks.action,
                    resource: lacks.resource,
                    why: lacks.why,
                })),
                // Not everybody may simulate, and not everything that answers in AWS's place can.
                Err(_) => plan.warnings.push(format!(
                    "Whether {} may do all of this could not be asked ahead (iam:SimulatePrincipalPolicy): what it may not do stops the plan there, and all before it can be undone",
                    seat.profile
                )),
            }
        }
    }

    /// Seats for a plan that was made before: each must be in the account that it was in.
    pub(super) async fn seats_again(&self, plan: &Plan, asker: &Asker) -> Result<Vec<Seat>> {
        let mut seats = Vec::new();
        for planned in &plan.seats {
            let mut seat = self.seat(&planned.profile, asker).await?;
            if seat.place.account_id != planned.place.account_id {
                return Err(Error::new(
                    Code::Conflict,
                    format!("{} is in account {} now, and the plan is for account {}", planned.profile, seat.place.account_id, planned.place.account_id),
                    "Let the profile lead to that account again, or make the plan anew",
                ));
            }
            seat.place = planned.place.clone();
            seats.push(seat);
        }
        Ok(seats)
    }
}

/// The profiles that change something in AWS.
fn admins(intent: &Intent) -> Vec<ProfileName> {
    let with = |admin: &ProfileName, others: &[ProfileName]| [admin].into_iter().chain(others).cloned().collect();
    match intent {
        Intent::User(it) => with(&it.admin, &it.others),
        Intent::Role(it) => with(&it.admin, &it.others),
        Intent::Group(it) => with(&it.admin, &it.others),
        Intent::Change(it) => with(&it.admin, &[]),
        Intent::Rotate(it) => vec![it.admin.clone().unwrap_or_else(|| it.profile.clone())],
        Intent::Import(_) => Vec::new(),
        Intent::Revoke(it) => with(&it.admin, &[]),
    }
}

/// `user-dana-20261123T101500-7f3a`
fn new_id(intent: &Intent, now: time::OffsetDateTime) -> Result<String> {
    let about = match intent {
        Intent::User(it) => it.name.as_str(),
        Intent::Role(it) => it.name.as_str(),
        Intent::Group(it) => it.name.as_str(),
        Intent::Rotate(it) => it.profile.as_str(),
        Intent::Change(_) | Intent::Import(_) | Intent::Revoke(_) => "",
    };
    let about: String = about.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    let mut random = [0; 3];
    getrandom::fill(&mut random).map_err(|_| Error::new(Code::NotSupported, "The system gave no random bytes", "Try again"))?;
    let time = now.replace_nanosecond(0).unwrap_or(now);
    let at = format!("{}{:02}{:02}T{:02}{:02}{:02}", time.year(), u8::from(time.month()), time.day(), time.hour(), time.minute(), time.second());
    let random = random.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    Ok([intent.kind(), &about, &at, &random].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-"))
}

/// What a step would send now, from what the thing is now.
pub(super) fn call_now(plan: &Plan, step: &crate::setup::plan::Step, now: &crate::setup::thing::State) -> Option<crate::setup::call::Call> {
    call(&step.thing, now, &step.to, &plan.place(step))
}
