//! Sessions: start, stop, and every way in which one is handed out.
//!
//! How credentials are come by is in `issuing`; here is what may be done with them: never anything expired, never the access key
//! itself unless the person said so, and every use leaves a line of activity without a secret.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use time::OffsetDateTime;

use super::{
    Agent, Asker, ConsoleTarget,
    activity::How,
    approval::gives,
    door, endpoint,
    issuing::{Got, Want},
    leads::Leads,
    lease,
};
use crate::{
    aws::Signer,
    deliver::{self, Handed, console},
    error::{Code, Error, Result},
    issue::{CallerIdentity, Federated, caller_identity, federation_token, partition_of},
    model::{
        arn::Partition,
        chain::{Base, Chain},
        credentials::TemporaryCredentials,
        lease_policy::SessionPolicy,
        mfa::{MfaCode, STEP_SECONDS, TotpSeed},
        params::{MfaSerial, SessionDuration},
        profile::ProfileName,
        prompt::Gives,
        secret::Secret,
        snapshot::{Event, Shell},
    },
};

/// The SDKs that do not wait for ever give a `credential_process` a minute; the rest is for starting and for telling.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(45);

/// A stored seed's code, shown to a person.
#[derive(Clone, Debug)]
pub struct ShownCode {
    /// Six digits.
    pub code: Secret,
    /// When the next one comes.
    pub valid_until: OffsetDateTime,
}

impl Agent {
    /// Gets credentials for a profile and keeps them renewed. Fails with `mfa_code_required` when a person must give a code.
    pub async fn start(&self, profile: &ProfileName, code: Option<MfaCode>, asker: &Asker) -> Result<()> {
        let began = Instant::now();
        let result = self.ensure(profile, Want { prolong: true, code, ..Want::person() }).await;
        match &result {
            Ok(got) => {
                self.used(profile);
                self.write_file_again(profile);
                self.note(profile, asker, "start", How::Got(got, began));
            }
            Err(error) if error.code == Code::MfaCodeRequired => {}
            Err(error) => {
                self.code_not_taken(profile, error);
                self.note(profile, asker, "start", How::Refused(error, began));
            }
        }
        self.publish();
        result.map(|_| ())
    }

    /// Forgets a profile's credentials. Its MFA session stays: other roles may stand on it.
    pub async fn stop(&self, profile: &ProfileName) -> Result<()> {
        self.unlocked()?;
        let known = self.state().sessions.contains_key(profile) || self.0.flights.keys().iter().any(|(flying, _)| flying == profile);
        if known {
            self.state().stop(profile);
        }
        let files = self.files()?;
        if !known {
            // What nobody can have is not remembered as stopped.
            if files.profile(profile).is_none() {
                return files.resolve(profile).map(|_| ());
            }
            self.state().stop(profile);
        }
        // A plain profile's session is the GetSessionToken session itself.
        if let Ok(Chain { base: Base::AccessKey { access_key_id, .. }, hops, .. }) = files.resolve(profile)
            && hops.is_empty()
        {
            self.state().sources.retain(|source, _| source.key != access_key_id || source.mfa_serial.is_some());
        }
        self.note(profile, &Asker::stagedoor(), "stop", "");
        self.look_at_credentials_file().await;
        self.publish();
        self.seal().await
    }

    /// Forgets all credentials, MFA sessions too.
    pub async fn stop_all(&self) -> Result<()> {
        let active: Vec<_> = self.state().sessions.keys().cloned().collect();
        for profile in active {
            self.note(&profile, &Asker::stagedoor(), "stop", "");
        }
        self.state().stop_all();
        self.forget_leases();
        self.0.aws.hang_up();
        self.look_at_credentials_file().await;
        self.publish();
        if self.locked() {
            // All of them are sealed, and nothing of them is to come back.
            return self.0.sealed.remove().await;
        }
        self.seal().await
    }

    /// The document for `credential_process`.
    pub async fn process_document(&self, profile: &ProfileName, asker: &Asker) -> Result<Secret> {
        self.hand(profile, "process", "credential_process", asker).await.map(|handed| deliver::process(&handed))
    }

    /// What a child process gets.
    pub async fn for_child(&self, profile: &ProfileName, asker: &Asker) -> Result<Handed> {
        self.hand(profile, "exec", "exec", asker).await
    }

    /// `export` lines for a shell.
    pub async fn environment(&self, profile: &ProfileName, shell: Shell, asker: &Asker) -> Result<Secret> {
        self.hand(profile, "environment", "environment", asker).await.map(|handed| deliver::environment(&handed, shell))
    }

    /// Hands a profile out. Never anything expired; the access key itself only where the person said so.
    pub(super) async fn hand(&self, profile: &ProfileName, delivery: &str, what: &str, asker: &Asker) -> Result<Handed> {
        let (began, arrival) = (Instant::now(), self.arrival());
        self.unlocked().inspect_err(|error| self.refused_to(profile, asker, what, error, began))?;
        let refused = |error: &Error| self.refused_to(profile, asker, what, error, began);
        let mut led = self.led(profile).inspect_err(refused)?;
        // Who opens the endpoint waits for a person, as every command; who asks there cannot.
        let way = if what == endpoint::OPENED { "exec" } else { delivery };
        // However it was opened, there is nothing but temporary credentials at the endpoint.
        let gives = gives(&led.leads.chain, delivery);
        self.allowed(&led.leads, way, gives, asker, arrival).await.inspect_err(refused)?;
        let allowed = Arc::clone(&led.leads);
        if allowed.chain.asks {
            // A person took their time, and the files may say something else by now.
            led = self.led(profile).inspect_err(refused)?;
        }
        let (chain, files) = (&allowed.chain, &led.files);
        let endpoint_url = files.profile(profile).and_then(|found| found.get("endpoint_url")).map(str::to_owned);
        if let (Gives::AccessKey, Base::AccessKey { profile: owner, access_key_id, place, .. }) = (gives, &chain.base) {
            let key = self.access_key(owner, access_key_id, *place).await.and_then(|key| self.unlocked().map(|()| key));
            let key = key.inspect_err(refused)?;
            self.used(profile);
            self.note_of(Some(files), profile, asker, what, How::AccessKey(&key.id));
            self.0.touched.notify_one();
            // Without an end a tool would never ask again, and stopping would have no effect.
            let expiration = self.now() + time::Duration::HOUR;
            return Ok(Handed {
                access_key_id: key.id,
                secret_access_key: key.secret,
                session_token: None,
                expiration,
                account_id: None,
                region: chain.region.clone(),
                endpoint_url,
            });
        }
        let got = self.ensure_for(&led, way, asker, arrival).await;
        // It may have been locked while a person was asked.
        let got = got.and_then(|got| self.unlocked().map(|()| got)).and_then(|got| same_as_allowed(got, chain)).inspect_err(refused)?;
        {
            let mut state = self.state();
            if let Some(session) = state.sessions.get_mut(profile) {
                session.delivered.insert(delivery.to_owned());
            }
        }
        self.used(profile);
        self.note_of(Some(files), profile, asker, what, How::Got(&got, began));
        self.0.touched.notify_one();
        Ok(Handed::temporary(&got.held.credentials, got.chain.region, endpoint_url))
    }

    /// A program got nothing: noted, and told to a person where a person can help.
    fn refused_to(&self, profile: &ProfileName, asker: &Asker, what: &str, error: &Error, began: Instant) {
        self.note(profile, asker, what, How::Refused(error, began));
        self.0.touched.notify_one();
        let now = self.now();
        // Where a person was asked and gave no answer, there is nothing to tell them.
        let asked = error.code == Code::ApprovalRequired || error.code == Code::MfaCodeRequired && self.can_ask(asker);
        let exists = || self.files().is_ok_and(|files| files.profile(profile).is_some());
        if error.exit_code() == 3 && !asked && exists() && self.state().ask_a_person(profile, now) {
            self.tell(Event::PersonNeeded { profile: profile.clone(), who: asker.name.clone(), error: error.clone() });
        }
    }

    /// A federated sign-in link; a secret, good for 15 minutes.
    pub async fn console_link(&self, profile: &ProfileName, target: &ConsoleTarget, asker: &Asker) -> Result<Secret> {
        let began = Instant::now();
        self.unlocked().inspect_err(|error| self.refused_to(profile, asker, "console", error, began))?;
        let leads = Leads::of(&*self.files()?, profile)?;
        let allowed = self.allowed(&leads, "console", Gives::Console, asker, self.arrival()).await;
        allowed.inspect_err(|error| self.refused_to(profile, asker, "console", error, began))?;
        let got = self.ensure(profile, Want::person()).await.and_then(|got| same_as_allowed(got, &leads.chain));
        let got = got.inspect_err(|error| self.refused_to(profile, asker, "console", error, began))?;
        let (files, chain) = (self.files()?, &got.chain);
        let own = chain.hops.last().map(|hop| hop.role_arn.partition());
        let region = self.0.aws.region(&files, profile.as_str(), own.unwrap_or(Partition::Aws))?;
        let partition = own.unwrap_or_else(|| partition_of(Some(&region)));
        let destination = console::destination(partition, target, &region)?;
        let endpoint = console::federation_endpoint(partition, self.0.aws.signin_endpoint(&files, profile.as_str()).as_deref())?;
        let refused = |error: &Error| self.refused_to(profile, asker, "console", error, began);
        let (credentials, duration) = self.for_console(&got, target.duration).await.inspect_err(refused)?;
        let connector = self.0.aws.connector(&files, profile.as_str());
        let link = console::login_link(&connector, &endpoint, &credentials, duration, &destination).await.inspect_err(refused)?;
        if let Some(session) = self.state().sessions.get_mut(profile) {
            session.delivered.insert("console".to_owned());
        }
        self.used(profile);
        self.note(profile, asker, "console", How::Got(&got, began));
        self.publish();
        Ok(link)
    }

    /// Credentials that may sign in, and the duration that may be asked for with them.
    async fn for_console(&self, got: &Got, asked: Option<SessionDuration>) -> Result<(TemporaryCredentials, Option<SessionDuration>)> {
        let chain = &got.chain;
        if !chain.hops.is_empty() {
            // AWS refuses a duration when roles are chained, and an MFA session before the role makes it chained too.
            let direct = chain.hops.len() == 1 && matches!(chain.base, Base::AccessKey { .. }) && (chain.mfa_serial().is_none() || chain.mfa_on_role());
            return Ok((got.held.credentials.clone(), asked.filter(|_| direct)));
        }
        let Base::AccessKey { profile, access_key_id, place, .. } = &chain.base else { return Ok((got.held.credentials.clone(), None)) };
        let key = self.access_key(profile, access_key_id, *place).await?;
        let files = self.files()?;
        let region = self.0.aws.region(&files, profile.as_str(), Partition::Aws)?;
        let config = self.0.aws.config(&files, profile.as_str(), partition_of(Some(&region))).await;
        let (name, policy) = (lease::federated_name(profile.as_str()), SessionPolicy::default());
        let federated = Federated { name: &name, duration: asked.unwrap_or(SessionDuration::LONGEST), policy: &policy, tags: &[] };
        let teller = self.0.aws.teller(&files, profile.as_str());
        Ok((self.asked(&teller, || federation_token(&config, &key, federated)).await?.0, None))
    }

    /// A loopback URL that leads once, within a minute, to the sign-in link: safe to hand to a browser as an argument.
    pub async fn console_door(&self, profile: &ProfileName, target: &ConsoleTarget, asker: &Asker) -> Result<String> {
        let link = self.console_link(profile, target, asker).await?;
        door::open(link).await
    }

    /// GetCallerIdentity, with the account's alias where it may be seen.
    pub async fn who_am_i(&self, profile: &ProfileName, asker: &Asker) -> Result<CallerIdentity> {
        let began = Instant::now();
        let got = self.ensure(profile, Want::person()).await?;
        let files = self.files()?;
        let partition = got.chain.hops.last().map_or_else(|| partition_of(got.chain.region.as_deref()), |hop| hop.role_arn.partition());
        let config = self.0.aws.config(&files, profile.as_str(), partition).await;
        let signer = Signer::Temporary(got.held.credentials.clone());
        let teller = self.0.aws.teller(&files, profile.as_str());
        let identity = self.asked(&teller, || caller_identity(&config, &signer, true)).await.map(|(identity, _)| identity);
        if let Err(Error { code: Code::AwsRefused | Code::AccessKeyRefused, .. }) = &identity {
            let mut state = self.state();
            if let Some(session) = state.sessions.get_mut(profile) {
                let held = session.held.clone();
                session.renewal.invalidate(got.held.credentials.access_key_id.as_str(), held.as_ref());
            }
            // A plain profile's session is the GetSessionToken session itself, which would be found again.
            state.sources.retain(|_, source| source.credentials.access_key_id != got.held.credentials.access_key_id);
        }
        self.note(profile, asker, "whoami", identity.as_ref().map_or_else(|error| How::Refused(error, began), |_| How::Got(&got, began)));
        self.publish();
        identity
    }

    /// Stores the seed of an MFA device, so that nobody has to type codes.
    pub async fn add_totp_seed(&self, serial: &MfaSerial, seed: TotpSeed) -> Result<()> {
        let stored = self.0.keys.put_totp_seed(serial, &seed).await;
        self.keychain_said(stored.as_ref().err());
        stored?;
        self.choose(|choices| {
            choices.mfa_devices.insert(serial.as_str().to_owned());
        })
        .await?;
        self.landed_something();
        Ok(())
    }

    /// The code that a stored seed shows now. Looking at it does not use it.
    pub async fn mfa_code(&self, serial: &MfaSerial) -> Result<ShownCode> {
        let seed = self.0.keys.totp_seed(serial).await;
        self.keychain_said(seed.as_ref().err());
        let Some(seed) = seed? else {
            return Err(Error::new(
                Code::NoCredentials,
                format!("The seed of {} is not in {}", serial.as_str(), self.0.secrets.place().words()),
                format!("Store it: stagedoor mfa add {}", serial.as_str()),
            ));
        };
        let step = TotpSeed::step(self.now());
        let valid_until = OffsetDateTime::from_unix_timestamp((step + 1) * STEP_SECONDS).unwrap_or_else(|_| self.now());
        Ok(ShownCode { code: Secret::new(seed.code(step).expose()), valid_until })
    }

    /// The devices whose seeds are stored.
    pub fn mfa_devices(&self) -> Vec<String> {
        self.choices().mfa_devices.iter().cloned().collect()
    }

    /// Writes that a profile got somebody something: it is among the recent ones.
    fn used(&self, profile: &ProfileName) {
        let at = self.now();
        self.choices().profiles.entry(profile.as_str().to_owned()).or_default().last_used = Some(at);
    }
}

/// What was allowed leads where it led when a person was asked.
fn same_as_allowed(got: Got, allowed: &Chain) -> Result<Got> {
    if (allowed.asks || got.chain.asks) && got.chain != *allowed {
        return Err(Error::new(Code::ApprovalRequired, format!("{} was changed while a person was asked about it", allowed.profile), "Run this again"));
    }
    Ok(got)
}
