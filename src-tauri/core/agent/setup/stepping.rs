//! One step: look once more, write down what is about to be sent, send it, write down what came of it.
//!
//! What was changed by somebody else since the plan was made is not overwritten. A step that began before a crash is looked at again:
//! what its call made is taken over, or made anew where a secret was lost on the way. IAM needs a while to know what it was just told;
//! that is waited for, with a limit, and said.

use serde_json::{Value, json};
use time::Duration;

use super::{
    super::{Agent, profiles::KEY},
    planning::call_now,
    runs::Run,
    working::{Ended, seat_of},
};
use crate::{
    aws::Refusal,
    error::{Code, Error, Result},
    model::{access_key::AccessKeyId, mfa::TotpSeed, params::MfaSerial},
    setup::{
        call::Call,
        iam::{self, Codes, Fault, Seat, Sent},
        journal::Entry,
        moment,
        plan::Step,
        thing::{State, Thing},
    },
};

/// How long IAM may take to know what it was told.
const PATIENCE: Duration = Duration::seconds(90);

impl Agent {
    /// Does a step.
    pub(super) async fn step(&self, run: &Run, seats: &[Seat], step: &Step) -> Result<Ended> {
        self.show_step(run, &step.id, |progress| progress.running = true);
        let began = self.0.parts.clock.passed();
        let ended = match seat_of(&run.plan, seats, step) {
            Some(seat) => self.remote(run, seat, step).await,
            None => self.local_step(run, step).await,
        };
        let waits = matches!(ended, Ok(None));
        self.show_step(run, &step.id, |progress| (progress.running, progress.waits_for) = (false, progress.waits_for.take().filter(|_| waits)));
        match ended? {
            Some((found, made)) => {
                let took = u64::try_from(self.0.parts.clock.passed().saturating_sub(began).as_millis()).unwrap_or(u64::MAX);
                self.journalled(run, &Entry::Done { step: step.id.clone(), found, made, took })?;
                Ok(Ended::Done)
            }
            None => Ok(Ended::Waits),
        }
    }

    /// A step in an account: whether it was found done, and what came of it.
    async fn remote(&self, run: &Run, seat: &Seat, step: &Step) -> Result<Option<(bool, Value)>> {
        let now = self.looked(run, seat, step).await?;
        let begun = run.now().steps.get(&step.id).and_then(|progress| progress.begun.clone());
        let again = begun.is_some();
        if let Thing::NewKey { user } = &step.thing {
            return self.new_key(run, seat, step, user, now, begun).await.map(Some);
        }
        if let Thing::Device { serial } = &step.thing {
            return self.new_device(run, seat, step, serial, now, again).await.map(Some);
        }
        // A time that is part of it is the one at which it began.
        let timed = begun.as_ref().map(|(_, at)| moment::at(step, *at));
        let step = timed.as_ref().unwrap_or(step);
        if step.thing.same(&now, &step.to) {
            self.key_gone(step).await?;
            let made = if again { iam::unique_id(seat, &step.thing).await.ok().flatten() } else { None };
            let version = now.as_ref().and_then(|now| now.get("VersionId")).filter(|_| again).cloned();
            return Ok(Some((!again, made_of(made, version))));
        }
        let before = begun.map_or_else(|| step.before.clone(), |(before, _)| before);
        if !step.thing.same(&now, &before) {
            return Err(changed(step));
        }
        let step = &if again { step.clone() } else { self.begins(run, step, &now)? };
        let codes = match &step.thing {
            Thing::DeviceOf { serial, .. } => Some(self.two_codes(serial, seat).await?),
            _ => None,
        };
        let Some(call) = call_now(&run.plan, step, &now) else { return Err(no_way(step)) };
        let sent = self.sent(run, seat, step, &call, codes).await?;
        self.key_gone(step).await?;
        Ok(Some((false, made_of(sent.unique_id, sent.version.map(Value::from)))))
    }

    /// What the thing is now; who made something a moment ago may not see it yet.
    async fn looked(&self, run: &Run, seat: &Seat, step: &Step) -> Result<State> {
        self.patiently(run, &step.id, seat, || iam::look(seat, &step.thing), |refusal| matches!(refusal, Refusal::Key)).await
    }

    /// Writes down that its call is about to be sent; the step as it is sent.
    fn begins(&self, run: &Run, step: &Step, now: &State) -> Result<Step> {
        let at = self.now();
        self.journalled(run, &Entry::Begun { step: step.id.clone(), before: now.clone(), at })?;
        Ok(moment::at(step, at))
    }

    /// The secret of a key that is no more leaves the keychain, unless a profile still names it.
    async fn key_gone(&self, step: &Step) -> Result<()> {
        let Thing::OldKey { key, .. } = &step.thing else { return Ok(()) };
        if self.files()?.profiles().iter().any(|profile| profile.get(KEY) == Some(key.as_str())) {
            return Ok(());
        }
        let gone = self.0.keys.delete_access_key(key).await;
        self.keychain_said(gone.as_ref().err());
        gone
    }

    /// Sends a call. What IAM may only not know yet is tried again.
    pub(super) async fn sent(&self, run: &Run, seat: &Seat, step: &Step, call: &Call, codes: Option<Codes>) -> Result<Sent> {
        // What is made of nothing waits for nothing but whom it names; all else hangs on something that may just have been made.
        let of_nothing = call.action.starts_with("Create") && !matches!(call.action.as_str(), "CreateAccessKey" | "CreatePolicyVersion");
        let may_come = |refusal| matches!(refusal, Refusal::UnknownPrincipal | Refusal::NotYet | Refusal::Key) || refusal == Refusal::NotThere && !of_nothing;
        let fresh = run.now().steps.values().any(|progress| progress.begun.is_some());
        self.patiently(run, &step.id, seat, || iam::send(seat, call, codes.clone()), |refusal| fresh && may_come(refusal)).await
    }

    async fn patiently<T, F>(&self, run: &Run, step: &str, seat: &Seat, mut ask: impl FnMut() -> F, may_come: impl Fn(Refusal) -> bool) -> Result<T>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let clock = &self.0.aws.clock;
        let (end, mut pause) = (clock.now_of(&seat.teller) + PATIENCE, Duration::milliseconds(250));
        loop {
            let fault = match ask().await {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            let now = clock.now_of(&seat.teller);
            if !may_come(fault.refusal) || now >= end {
                return Err(fault.error);
            }
            self.show_step(run, step, |progress| progress.waits_for = Some(waits_for(fault.refusal).to_owned()));
            clock.sleep_until_of(&seat.teller, now + pause).await;
            pause = Duration::min(pause * 2, Duration::seconds(4));
        }
    }

    /// A new access key: its secret goes into the keychain before anything else is done. A key whose secret was lost in a crash is deleted.
    async fn new_key(
        &self,
        run: &Run,
        seat: &Seat,
        step: &Step,
        user: &str,
        now: State,
        begun: Option<(State, time::OffsetDateTime)>,
    ) -> Result<(bool, Value)> {
        let ids = |state: &State| -> Vec<String> {
            let ids = state.as_ref().and_then(|keys| keys.get("AccessKeyIds")?.as_array().cloned()).unwrap_or_default();
            ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
        };
        if let Some((before, _)) = begun {
            if let Some(id) = self.orphan(seat, user, &ids(&before), &ids(&now)).await? {
                return Ok((false, json!({ "AccessKeyId": id.as_str() })));
            }
        } else if !as_planned(run, &ids(&now), &ids(&step.before)) {
            return Err(changed(step));
        } else {
            self.begins(run, step, &now)?;
        }
        let Some(call) = call_now(&run.plan, step, &None) else { return Err(no_way(step)) };
        let Some(key) = self.sent(run, seat, step, &call, None).await?.key else { return Err(no_way(step)) };
        let stored = self.0.keys.put_access_key(&key).await;
        self.keychain_said(stored.as_ref().err());
        if let Err(error) = stored {
            // A key that nobody has the secret of must not stay.
            let gone = Call { action: "DeleteAccessKey".to_owned(), request: json!({ "UserName": user, "AccessKeyId": key.id.as_str() }), needs: Vec::new() };
            let _ = iam::send(seat, &gone, None).await;
            return Err(error);
        }
        Ok((false, json!({ "AccessKeyId": key.id.as_str() })))
    }

    /// The key that a call made whose answer may have been lost: taken over where its secret is in the keychain, else deleted.
    pub(super) async fn orphan(&self, seat: &Seat, user: &str, before: &[String], now: &[String]) -> Result<Option<AccessKeyId>> {
        let new: Vec<&String> = now.iter().filter(|id| !before.contains(id)).collect();
        for id in &new {
            let id = AccessKeyId::parse(id)?;
            if self.0.keys.access_key(&id).await?.is_some() {
                return Ok(Some(id));
            }
        }
        let [id] = new[..] else {
            return if new.is_empty() { Ok(None) } else { Err(strangers(user, &new)) };
        };
        if !iam::newest_key(seat, id).await.map_err(|fault| fault.error)? {
            return Err(strangers(user, &new));
        }
        let gone = Call { action: "DeleteAccessKey".to_owned(), request: json!({ "UserName": user, "AccessKeyId": id }), needs: Vec::new() };
        iam::send(seat, &gone, None).await.map_err(|fault| fault.error)?;
        Ok(None)
    }

    /// A new virtual MFA device: its seed goes into the keychain before anything else is done.
    async fn new_device(&self, run: &Run, seat: &Seat, step: &Step, serial: &str, now: State, again: bool) -> Result<(bool, Value)> {
        let kept = MfaSerial::parse(serial)?;
        let made = json!({ "SerialNumber": serial });
        if now.is_some() {
            if !again {
                return Err(changed(step));
            }
            if self.0.keys.totp_seed(&kept).await?.is_some() {
                self.seed_kept(&kept).await?;
                return Ok((false, made));
            }
            let gone = Call { action: "DeleteVirtualMFADevice".to_owned(), request: json!({ "SerialNumber": serial }), needs: Vec::new() };
            iam::send(seat, &gone, None).await.map_err(|fault| fault.error)?;
        } else if !again {
            self.begins(run, step, &now)?;
        }
        let Some(call) = call_now(&run.plan, step, &None) else { return Err(no_way(step)) };
        let Some((got, seed)) = self.sent(run, seat, step, &call, None).await?.device else { return Err(no_way(step)) };
        let stored = self.add_totp_seed(&MfaSerial::parse(&got)?, seed).await;
        if let Err(error) = stored {
            let gone = Call { action: "DeleteVirtualMFADevice".to_owned(), request: json!({ "SerialNumber": got }), needs: Vec::new() };
            let _ = iam::send(seat, &gone, None).await;
            return Err(error);
        }
        Ok((false, made))
    }

    /// The settings know of a seed that the keychain has.
    async fn seed_kept(&self, serial: &MfaSerial) -> Result<()> {
        self.choose(|choices| {
            choices.mfa_devices.insert(serial.as_str().to_owned());
        })
        .await
    }

    /// The last code and the one before: two in a row, used up thereby.
    async fn two_codes(&self, serial: &str, seat: &Seat) -> Result<Codes> {
        let serial = MfaSerial::parse(serial)?;
        let seed = self.0.keys.totp_seed(&serial).await;
        self.keychain_said(seed.as_ref().err());
        let seed = seed?.ok_or_else(|| Error::mfa_code_required(serial.as_str()))?;
        let second = self.code(&serial, None, &seat.teller).await?;
        let step = TotpSeed::step(self.now_of(&seat.teller));
        // The code that was given may be the one of a moment ago.
        let step = if seed.code(step) == second { step } else { step - 1 };
        Ok((seed.code(step - 1), second))
    }
}

/// The keys that were there when the plan was made; one that it deleted may still be listed.
fn as_planned(run: &Run, now: &[String], before: &[String]) -> bool {
    let gone =
        |id: &String| run.plan.steps.iter().any(|step| matches!(&step.thing, Thing::OldKey { key, .. } if key.as_str() == *id) && run.now().touched(&step.id));
    now.iter().filter(|id| before.contains(id) || !gone(id)).eq(before)
}

fn made_of(unique_id: Option<String>, version: Option<Value>) -> Value {
    let mut made = serde_json::Map::new();
    made.extend(unique_id.map(|id| ("UniqueId".to_owned(), Value::from(id))));
    made.extend(version.map(|version| ("VersionId".to_owned(), version)));
    Value::Object(made)
}

const fn waits_for(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownPrincipal => "IAM to know whom the policy names",
        Refusal::Key => "AWS to know the new access key",
        Refusal::Denied => "IAM to know the new permissions",
        Refusal::NotYet => "IAM to finish the change before",
        Refusal::NotThere
        | Refusal::AlreadyThere
        | Refusal::Limit
        | Refusal::InUse
        | Refusal::Malformed
        | Refusal::Code
        | Refusal::NotImplemented
        | Refusal::Other => "IAM to know what was just made",
    }
}

/// It is not what it was when the plan was made.
pub(super) fn changed(step: &Step) -> Error {
    Error::new(
        Code::Conflict,
        format!("{}: somebody changed this since the plan was made, and it is left as it is", step.title),
        "Undo what was done so far, or make the plan anew on what is there now",
    )
}

fn no_way(step: &Step) -> Error {
    Error::new(Code::Conflict, format!("{}: there is no call that makes this of what is there now", step.title), "Make the plan anew")
}

fn strangers(user: &str, ids: &[&String]) -> Error {
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    Error::new(
        Code::Conflict,
        format!("{user} has a new access key that this plan may not have made: {}", ids.join(", ")),
        "Delete it in IAM if nobody uses it, then go on",
    )
}
