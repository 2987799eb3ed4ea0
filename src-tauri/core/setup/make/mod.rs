//! Plans, made of what a person wants and of what there is: a file for each kind. Reads only.
//!
//! [`Making`] collects: it looks at each thing, says what becomes of it, and keeps what may not be looked at as missing permissions, so
//! that all of them are told at once.

mod change;
mod change_policy;
mod change_trust;
mod check;
mod group;
mod import;
mod local_people;
pub(crate) mod profiles;
mod revoke;
mod role;
mod role_parts;
mod role_proofs;
mod role_trust;
mod role_trusted;
mod rotate;
mod user;

use serde_json::Value;
use time::OffsetDateTime;

use super::{
    iam::{self, Seat, look},
    plan::{Plan, PlanSeat, Proof, ProofCall, Step},
    thing::{State, Thing},
};
use crate::{
    aws::Refusal,
    error::{Code, Error, Result},
    model::{
        access_key::AccessKeyId,
        profile::ProfileName,
        setup::{Expected, Intent, MissingPermission, SetupNote, Standing},
    },
    store::aws_files::AwsFiles,
};

/// What a plan is made on.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The admin first, then those of other accounts.
    pub seats: &'a [Seat],
    /// The AWS files as they are.
    pub files: &'a AwsFiles,
    /// Unique IDs of what earlier plans made and did not take back.
    pub own: &'a [String],
    /// Access keys that the keychain has.
    pub kept: &'a [AccessKeyId],
    /// MFA devices whose seed the keychain has, by their serial.
    pub seeds: &'a [String],
    /// Profiles that hold a session now.
    pub held: &'a [ProfileName],
    /// When.
    pub now: OffsetDateTime,
    /// Names the plan.
    pub id: String,
}

/// Makes the plan of an intent. The caller checks permissions afterwards.
pub async fn make(intent: &Intent, ground: &Ground<'_>) -> Result<Plan> {
    let mut making = Making::new(ground);
    match intent {
        Intent::User(wanted) => user::make(&mut making, wanted).await?,
        Intent::Rotate(wanted) => rotate::make(&mut making, wanted).await?,
        Intent::Import(wanted) => import::make(&mut making, wanted)?,
        Intent::Revoke(wanted) => revoke::make(&mut making, wanted).await?,
        Intent::Role(wanted) => role::make(&mut making, wanted).await?,
        Intent::Group(wanted) => group::make(&mut making, wanted).await?,
        Intent::Change(wanted) => change::make(&mut making, wanted).await?,
    }
    Ok(making.plan(intent.clone()))
}

/// A plan on its way.
pub(in crate::setup) struct Making<'a> {
    pub(in crate::setup) ground: &'a Ground<'a>,
    /// As the ground's, with what is learnt on the way of where things lie.
    pub(in crate::setup) seats: Vec<Seat>,
    title: String,
    pub(in crate::setup) steps: Vec<Step>,
    proofs: Vec<Proof>,
    pub(in crate::setup) warnings: Vec<String>,
    pub(in crate::setup) notes: Vec<SetupNote>,
    missing: Vec<MissingPermission>,
}

/// The words of a step: what it will do, what it did, and more.
pub(in crate::setup) struct Words {
    pub(in crate::setup) title: String,
    pub(in crate::setup) done: String,
    pub(in crate::setup) detail: String,
}

/// `Words` from three texts.
pub(in crate::setup) fn words(title: impl Into<String>, done: impl Into<String>, detail: impl Into<String>) -> Words {
    Words { title: title.into(), done: done.into(), detail: detail.into() }
}

impl<'a> Making<'a> {
    fn new(ground: &'a Ground<'a>) -> Self {
        Self {
            ground,
            seats: ground.seats.to_vec(),
            title: String::new(),
            steps: Vec::new(),
            proofs: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            missing: Vec::new(),
        }
    }

    fn plan(self, intent: Intent) -> Plan {
        let seats = self.seats.iter().map(|seat| PlanSeat {
            profile: seat.profile.clone(),
            place: seat.place.clone(),
            arn: seat.arn.clone(),
            alias: seat.alias.clone(),
        });
        Plan {
            id: self.ground.id.clone(),
            intent,
            title: self.title,
            at: self.ground.now,
            seats: seats.collect(),
            steps: self.steps,
            proofs: self.proofs,
            warnings: self.warnings,
            notes: self.notes,
            missing: self.missing,
        }
    }

    /// What the plan is called.
    pub(in crate::setup) fn called(&mut self, title: impl Into<String>) {
        self.title = title.into();
    }

    /// The seat of an account, by its place.
    pub(in crate::setup) fn seat_of(&self, account_id: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.place.account_id == account_id)
    }

    /// What a thing is now. That it may not be looked at is noted, and is `Err(())`.
    pub(in crate::setup) async fn look(&mut self, seat: usize, thing: &Thing) -> Result<Result<State, ()>> {
        match look(&self.seats[seat], thing).await {
            Ok(state) => Ok(Ok(state)),
            Err(fault) if fault.refusal == Refusal::Denied => {
                self.lacks(seat, iam::reads(thing), "it cannot be looked at");
                Ok(Err(()))
            }
            Err(fault) => Err(fault.error),
        }
    }

    /// Whether an earlier plan made it, by its unique ID.
    pub(in crate::setup) async fn is_own(&self, seat: usize, thing: &Thing) -> Result<bool> {
        if self.ground.own.is_empty() {
            return Ok(false);
        }
        let id = iam::unique_id(&self.seats[seat], thing).await.map_err(|fault| fault.error)?;
        Ok(id.is_some_and(|id| self.ground.own.contains(&id)))
    }

    /// Notes a permission that an admin lacks.
    pub(in crate::setup) fn lacks(&mut self, seat: usize, action: &str, why: &str) {
        let missing = MissingPermission { profile: self.seats[seat].profile.clone(), action: action.to_owned(), resource: "*".to_owned(), why: why.to_owned() };
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    /// Adds a step about a thing that was looked at.
    pub(in crate::setup) fn add(&mut self, seat: Option<usize>, thing: Thing, before: Result<State, ()>, to: State, words: Words) -> &mut Step {
        let standing = match (&before, &to) {
            (Err(()), _) => Standing::Unknown,
            (Ok(before), to) if thing.same(before, to) => Standing::Exists,
            (Ok(None), _) => Standing::New,
            (Ok(Some(_)), None) => Standing::Remove,
            (Ok(Some(_)), Some(_)) => Standing::Change,
        };
        let id = (self.steps.len() + 1).to_string();
        let at = self.steps.len();
        let Words { title, done, detail } = words;
        self.steps.push(Step { id, seat, thing, before: before.unwrap_or(None), to, title, done_title: done, detail, standing, ..Step::default() });
        &mut self.steps[at]
    }

    /// Adds a proof.
    pub(in crate::setup) fn prove(&mut self, expected: Expected, call: ProofCall, title: impl Into<String>, done: impl Into<String>) -> &mut Proof {
        let (id, at) = (format!("p{}", self.proofs.len() + 1), self.proofs.len());
        self.proofs.push(Proof { id, title: title.into(), done_title: done.into(), expected, call, before: None });
        &mut self.proofs[at]
    }
}

impl Step {
    /// Something is in the way.
    pub(in crate::setup) fn conflict(&mut self, message: impl Into<String>, way_out: impl Into<String>) {
        self.standing = Standing::Conflict;
        self.conflict = Some(Error::new(Code::Conflict, message, way_out.into()));
    }
}

/// Whether it is as it shall be.
pub(in crate::setup) fn same(thing: &Thing, before: &Result<State, ()>, to: &State) -> bool {
    before.as_ref().is_ok_and(|before| thing.same(before, to))
}

/// A state of named values, without those that are not there.
#[expect(clippy::unnecessary_wraps, reason = "it is a state, and one of something that is there")]
pub(in crate::setup) fn state<const N: usize>(members: [(&str, Option<Value>); N]) -> State {
    Some(Value::Object(members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()))
}
