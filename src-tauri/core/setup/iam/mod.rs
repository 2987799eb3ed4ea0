//! IAM through the AWS SDK, as plans use it: look at a thing (`look`), and send a call (`send`).
//!
//! Whose credentials sign is a [`Seat`]; how often something is tried, and what is waited for, is the agent's business.

mod behind;
mod hanging;
mod listing;
mod look;
mod policies;
mod send;
mod simulate;
mod uses;

use aws_config::SdkConfig;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

pub use self::{
    behind::{attachments, client_ids, is_policy, is_saml_provider, members, role_in},
    hanging::hangs_on,
    listing::{ListedKey, all_roles, all_users, choices, keys_of, newest_key, versions},
    look::{look, reads, unique_id},
    policies::{policies_of_user, user_of_key},
    send::{Codes, Sent, send},
    simulate::{Lacks, may},
    uses::{KeyUse, RoleUse, key_use, role_use},
};
use super::call::Place;
use crate::{
    aws::{Carried, Refusal, Signer, Teller, refusal, said, told_without},
    error::{Code, Error},
    model::profile::ProfileName,
};

/// An admin profile in its account.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Which.
    pub profile: ProfileName,
    /// Its account.
    pub place: Place,
    /// Who it is there.
    pub arn: String,
    /// The account's alias, where it may be seen.
    pub alias: Option<String>,
    /// The way there.
    pub config: SdkConfig,
    /// What signs.
    pub signer: Signer,
    /// Whose clock counts there.
    pub teller: Teller,
    /// Its credentials were got with an MFA code.
    pub with_mfa: bool,
}

impl Seat {
    /// A client of its credentials.
    pub fn iam(&self) -> aws_sdk_iam::Client {
        iam(&self.config, &self.signer)
    }
}

/// A client that signs with `signer`.
pub fn iam(config: &SdkConfig, signer: &Signer) -> aws_sdk_iam::Client {
    let builder = aws_sdk_iam::config::Builder::from(config).credentials_provider(signer.credentials()).retry_classifier(crate::aws::AskAgain);
    aws_sdk_iam::Client::from_conf(builder.build())
}

/// Why a call of IAM came to nothing.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What a plan can act on.
    pub refusal: Refusal,
    /// For the person.
    pub error: Error,
    /// AWS's own words.
    pub said: Option<String>,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { refusal: Refusal::Other, error, said: None }
    }
}

/// What a refused call means. `asked`: `CreateUser of dana`.
fn fault<E>(asked: &str, signer: &Signer, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let (refusal, said) = (refusal(error), said(error, Carried::by(signer)));
    let mut told = told_without(asked, error, Carried::by(signer));
    let hint = match refusal {
        Refusal::Denied => "Ask for this permission, or choose another admin profile; then go on",
        Refusal::NotThere => "Somebody may have deleted it: make the plan anew",
        Refusal::AlreadyThere => "Choose another name, or take away what is there; then make the plan anew",
        Refusal::Limit => "Take away what is not used any more, or ask AWS for a higher quota; then go on",
        Refusal::InUse => "Something that this plan did not make hangs on it: take that away first, then try again",
        Refusal::UnknownPrincipal => "Check the names in the trust policy: each user, role or account must exist",
        Refusal::Malformed => "Mend the policy, then make the plan anew",
        Refusal::NotYet => "Wait a moment, then go on",
        Refusal::Code => "Wait for the device’s next code, then go on",
        Refusal::NotImplemented => "Check the endpoint_url: what answers there is not all of AWS",
        Refusal::Key | Refusal::Other => "",
    };
    if !hint.is_empty() {
        hint.clone_into(&mut told.hint);
        if told.code == Code::NotSupported {
            told.code = Code::AwsRefused;
        }
    }
    Fault { refusal, error: told, said }
}

/// A policy as IAM gives it: percent-encoded.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What is missing is no failure.
fn found<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.refusal == Refusal::NotThere => Ok(None),
        Err(fault) => Err(fault),
    }
}
