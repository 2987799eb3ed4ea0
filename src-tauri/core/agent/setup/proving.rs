//! A proof: the call is really made, and AWS's answer is what counts.
//!
//! What must be allowed is tried until IAM knows of it, with a limit; what must be refused is called once. A refusal that succeeds
//! is a defect, and the statements that allow it are looked up. What a proof gets is thrown away at once.

use aws_sdk_sts::error::ProvideErrorMetadata;
use time::Duration;

use super::{
    super::{Agent, issuing::Want, profiles::KEY},
    runs::Run,
};
use crate::{
    aws::{Carried, Refusal, Signer, refusal, said, told_without},
    error::{Code, Error, Result},
    issue::sts_client,
    model::{
        access_key::{AccessKey, AccessKeyId},
        credentials::TemporaryCredentials,
        params::MfaSerial,
        profile::{Profile, ProfileName},
        setup::{Expected, Intent},
    },
    setup::{
        iam::Seat,
        journal::Entry,
        plan::{By, Proof, ProofCall},
    },
};

/// How long IAM may take to let somebody in.
const PATIENCE: Duration = Duration::seconds(90);

/// So long lasts a session that is only good for proofs, in seconds.
const SHORTEST: u32 = 900;

/// How a call went.
struct Answer {
    outcome: Option<Expected>,
    said: String,
    /// It may go otherwise in a moment.
    may_come: bool,
}

impl Agent {
    /// Makes a proof and writes down how it went.
    pub(super) async fn prove(&self, run: &Run, seats: &[Seat], proof: &Proof) -> Option<Expected> {
        self.show(run, |progress| progress.proofs.entry(proof.id.clone()).or_default().running = true);
        let began = self.0.parts.clock.passed();
        let answer = match self.proven(run, seats, proof).await {
            Ok(answer) => answer,
            Err(error) => Answer { outcome: None, said: format!("{}. {}", error.message, error.hint), may_come: false },
        };
        let took = u64::try_from(self.0.parts.clock.passed().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
        let because = match (answer.outcome, proof.expected) {
            (Some(Expected::Allowed), Expected::Denied) => self.what_allows(run, seats, proof).await,
            _ => Vec::new(),
        };
        self.show(run, |progress| {
            let own = progress.proofs.entry(proof.id.clone()).or_default();
            (own.running, own.waits_for) = (false, None);
        });
        self.noted(run, &Entry::Proved { proof: proof.id.clone(), outcome: answer.outcome, said: Some(answer.said), because, took });
        answer.outcome
    }

    async fn proven(&self, run: &Run, seats: &[Seat], proof: &Proof) -> Result<Answer> {
        let by = match &proof.call {
            ProofCall::Assume { by, .. } | ProofCall::Identity { by } => by,
        };
        let (signer, seat) = self.prover(run, seats, by).await?;
        let end = self.now_of(&seat.teller) + PATIENCE;
        let mut pause = Duration::milliseconds(500);
        loop {
            let answer = self.called(&signer, seat, run, proof).await?;
            let now = self.now_of(&seat.teller);
            // What should be refused and was not is not asked again, but where it was allowed until now: IAM may not know of the change yet.
            let may_come = match (proof.expected, answer.outcome) {
                (Expected::Denied, Some(Expected::Allowed)) => matches!(run.plan.intent, Intent::Change(_)),
                (Expected::Denied | Expected::Allowed, _) => answer.may_come,
            };
            if answer.outcome == Some(proof.expected) || !may_come || now >= end {
                return Ok(answer);
            }
            self.wait_shown(run, proof, "IAM to know the new permissions");
            self.0.aws.clock.sleep_until_of(&seat.teller, now + pause).await;
            pause = Duration::min(pause * 2, Duration::seconds(4));
        }
    }

    fn wait_shown(&self, run: &Run, proof: &Proof, what: &str) {
        self.show(run, |progress| progress.proofs.entry(proof.id.clone()).or_default().waits_for = Some(what.to_owned()));
    }

    /// Whose credentials, and the way there.
    pub(super) async fn prover<'a>(&self, run: &Run, seats: &'a [Seat], by: &By) -> Result<(Signer, &'a Seat)> {
        let seat = seats.first().ok_or_else(|| Error::new(Code::NoCredentials, "There is no account to prove it in", "Make the plan anew"))?;
        let kept = async |id: &str| {
            let id = AccessKeyId::parse(id)?;
            let key = self.0.keys.access_key(&id).await;
            self.keychain_said(key.as_ref().err());
            key?.ok_or_else(|| Error::new(Code::NoCredentials, format!("The access key {id} is not in the keychain"), "Undo the setup and apply it anew"))
        };
        Ok(match by {
            By::NewKey { step } => {
                let planned = run.plan.step(step).and_then(|step| step.made.get("AccessKeyId")?.as_str().map(str::to_owned));
                let id = run.now().made(step, "AccessKeyId").or(planned).unwrap_or_default();
                (Signer::Key(kept(&id).await?), seat)
            }
            By::Profile { profile } => {
                let (_, key) = self.imported_key(profile).await?;
                (Signer::Key(key), seat)
            }
            By::Seat { seat: at } => {
                let seat = seats.get(*at).unwrap_or(seat);
                (seat.signer.clone(), seat)
            }
        })
    }

    async fn called(&self, signer: &Signer, seat: &Seat, run: &Run, proof: &Proof) -> Result<Answer> {
        match &proof.call {
            ProofCall::Identity { .. } => {
                let sts = sts_client(&seat.config, signer);
                let asked = format!("GetCallerIdentity with {}", signer.access_key_id());
                let answer = sts.get_caller_identity().send().await;
                Ok(match answer {
                    Ok(answer) => allowed(format!("AWS knows it as {}", answer.arn().unwrap_or_default())),
                    Err(error) => refused(&error, Carried::by(signer), || told_without(&asked, &error, Carried::by(signer)))?,
                })
            }
            ProofCall::Assume { role_arn, mfa_serial, external_id, source_identity, tags, .. } => {
                let signer = match (mfa_serial, signer) {
                    (Some(serial), Signer::Key(key)) => match self.mfa_session(run, seat, proof, key, &MfaSerial::parse(serial)?).await {
                        Ok(session) => &Signer::Temporary(session),
                        // IAM does not know the key or the device yet.
                        Err(error) if matches!(error.code, Code::AccessKeyRefused | Code::MfaCodeRefused) => {
                            return Ok(Answer { outcome: None, said: error.message, may_come: true });
                        }
                        Err(error) => return Err(error),
                    },
                    (Some(_), Signer::Temporary(_)) | (None, _) => signer,
                };
                let sts = sts_client(&seat.config, signer);
                let tags: Result<Vec<_>, _> = tags.iter().map(|tag| aws_sdk_sts::types::Tag::builder().key(&tag.key).value(&tag.value).build()).collect();
                let tags = tags.map_err(|_| Error::invalid("list of session tags", &run.plan.id, "every tag with a key and a value"))?;
                let answer = sts
                    .assume_role()
                    .role_arn(role_arn)
                    .role_session_name("stagedoor-proof")
                    .set_external_id(external_id.clone())
                    .set_source_identity(source_identity.clone())
                    .set_tags((!tags.is_empty()).then_some(tags))
                    .duration_seconds(900)
                    .send()
                    .await;
                let carried = Carried::by(signer);
                Ok(match answer {
                    Ok(answer) => allowed(format!("AWS gave a session of {}", answer.assumed_role_user().map_or(role_arn.as_str(), |user| user.arn()))),
                    Err(error) => refused(&error, carried, || told_without(&format!("AssumeRole of {role_arn}"), &error, carried))?,
                })
            }
        }
    }

    /// The MFA session of a key: one code serves all proofs, and the profiles of the key after them.
    async fn mfa_session(&self, run: &Run, seat: &Seat, proof: &Proof, key: &AccessKey, serial: &MfaSerial) -> Result<TemporaryCredentials> {
        let files = self.files()?;
        let own = |profile: &&Profile| profile.get(KEY) == Some(key.id.as_str()) && profile.get("mfa_serial") == Some(serial.as_str());
        let plain = files.profiles().iter().filter(own).filter_map(|profile| files.resolve(&ProfileName::new(&*profile.name)).ok());
        let chain = plain.into_iter().find(|chain| chain.hops.is_empty());
        self.wait_shown(run, proof, "the next MFA code");
        if let Some(chain) = chain {
            return Ok(self.session_of(&chain, key, Some(serial), &Want::person(), &seat.config).await?.credentials);
        }
        let known = run.session_of(key.id.as_str()).filter(|session| session.expiration > self.now_of(&seat.teller) + Duration::minutes(2));
        if let Some(session) = known {
            return Ok(session);
        }
        let held = self.session_given((&seat.config, &seat.teller), key, Some(serial), None, SHORTEST).await?;
        run.keep_session(key.id.as_str(), held.credentials.clone());
        Ok(held.credentials)
    }
}

fn allowed(said: String) -> Answer {
    Answer { outcome: Some(Expected::Allowed), said, may_come: false }
}

/// AWS's no; anything else than a no is an error.
fn refused<E>(
    error: &aws_sdk_sts::error::SdkError<E, aws_smithy_runtime_api::client::orchestrator::HttpResponse>,
    carried: Carried<'_>,
    told: impl Fn() -> Error,
) -> Result<Answer>
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let words = said(error, carried);
    match (refusal(error), words) {
        (Refusal::Denied, Some(said)) => Ok(Answer { outcome: Some(Expected::Denied), said, may_come: true }),
        // The key is not known yet.
        (Refusal::Key, Some(said)) => Ok(Answer { outcome: None, said, may_come: true }),
        (_, Some(said)) if error.as_service_error().is_some() => Ok(Answer { outcome: None, said, may_come: false }),
        _ => Err(told()),
    }
}
