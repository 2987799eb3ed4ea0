//! A plan: steps in order, the proofs after them, and what a person should know. Without a secret, because it is journalled.
//!
//! It says what each thing was when the plan was made (`before`): whatever is another by the time it is applied is not overwritten.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::{
    call::{Call, Place, call},
    thing::{State, Thing},
};
use crate::{
    error::Error,
    model::{
        profile::ProfileName,
        setup::{Expected, Intent, MissingPermission, SetupNote, Standing, Tag},
    },
};

/// A plan as it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Names it.
    pub id: String,
    /// What it was made of.
    pub intent: Intent,
    /// `New IAM user dana`
    pub title: String,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// Who does it, and where.
    pub seats: Vec<PlanSeat>,
    /// In the order in which they are done.
    pub steps: Vec<Step>,
    /// After the steps.
    pub proofs: Vec<Proof>,
    /// Before it is applied.
    pub warnings: Vec<String>,
    /// For others.
    pub notes: Vec<SetupNote>,
    /// What the admins lack.
    pub missing: Vec<MissingPermission>,
}

/// An admin profile of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSeat {
    /// Which.
    pub profile: ProfileName,
    /// Its account.
    pub place: Place,
    /// Who it is there.
    pub arn: String,
    /// The account's alias.
    pub alias: Option<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Names it within its plan.
    pub id: String,
    /// Who does it, by its place in `seats`; `None`: it is done on this computer.
    pub seat: Option<usize>,
    /// What it is about.
    pub thing: Thing,
    /// What that was when the plan was made.
    pub before: State,
    /// What it shall be.
    pub to: State,
    /// `Create the IAM user dana`
    pub title: String,
    /// `Created the IAM user dana`
    pub done_title: String,
    /// More of it, in a few words.
    pub detail: String,
    /// What becomes of it.
    pub standing: Standing,
    /// What is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Error>,
    /// It cannot be undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub irreversible: bool,
    /// What is known to have come of it already: the `AccessKeyId` of a key that is there.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub made: Value,
}

impl Default for Step {
    fn default() -> Self {
        Self {
            id: String::new(),
            seat: None,
            thing: Thing::Pause { what: String::new() },
            before: None,
            to: None,
            title: String::new(),
            done_title: String::new(),
            detail: String::new(),
            standing: Standing::Unknown,
            conflict: None,
            irreversible: false,
            made: Value::Null,
        }
    }
}

/// A call that shows that the setup holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Names it within its plan.
    pub id: String,
    /// `Assume the role deploy as dana`
    pub title: String,
    /// `Assumed the role deploy as dana`
    pub done_title: String,
    /// What must come of it.
    pub expected: Expected,
    /// What is called.
    pub call: ProofCall,
    /// It is made before this step, which would be wrong without it; `None`: after all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// Whose credentials a proof is made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum By {
    /// The access key that a step of this plan made.
    NewKey {
        /// The step.
        step: String,
    },
    /// The access key of a profile on this computer.
    Profile {
        /// Which.
        profile: ProfileName,
    },
    /// The admin.
    Seat {
        /// By its place in `seats`.
        seat: usize,
    },
}

/// What a proof calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum ProofCall {
    /// AssumeRole.
    Assume {
        /// Who.
        by: By,
        /// What.
        role_arn: String,
        /// With a code of this device.
        mfa_serial: Option<String>,
        /// `ExternalId`
        external_id: Option<String>,
        /// `SourceIdentity`
        source_identity: Option<String>,
        /// Session tags.
        tags: Vec<Tag>,
    },
    /// GetCallerIdentity.
    Identity {
        /// Who.
        by: By,
    },
}

impl ProofCall {
    /// The AWS operation.
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Assume { .. } => "AssumeRole",
            Self::Identity { .. } => "GetCallerIdentity",
        }
    }
}

impl Plan {
    /// Where a step's calls go.
    pub fn place(&self, step: &Step) -> Place {
        step.seat.and_then(|seat| self.seats.get(seat)).map_or_else(Place::default, |seat| seat.place.clone())
    }

    /// What a step sends.
    pub fn call(&self, step: &Step) -> Option<Call> {
        call(&step.thing, &step.before, &step.to, &self.place(step))
    }

    /// Whether there is something to send.
    pub fn changes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.standing, Standing::New | Standing::Change | Standing::Remove))
    }

    /// Why nothing may be sent.
    pub fn blocked(&self) -> bool {
        !self.missing.is_empty() || self.steps.iter().any(|step| matches!(step.standing, Standing::Conflict | Standing::Unknown))
    }

    /// A step by its name.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }
}
