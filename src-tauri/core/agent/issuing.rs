//! How a profile gets its credentials: which STS calls, in which order, with whose MFA code.
//!
//! One GetSessionToken with MFA serves every role behind the same key. Only where a single role needs more than an hour does
//! the code go on AssumeRole itself, because a role assumed from a session token counts as chained.

use time::{Duration, OffsetDateTime};

use super::{
    Agent,
    leads::{Leads, Led},
    renewal::{Decision, Held},
    state::{NextCode, Source, WARN_BEFORE},
};
use crate::{
    aws::{Signer, Teller, endpoints, may_recover},
    error::{Code, Error, Result},
    issue::{Given, long_lived, partition_of, process_credentials},
    model::{
        access_key::{AccessKey, AccessKeyId},
        arn::Partition,
        chain::{Base, Chain, KeyPlace},
        credentials::TemporaryCredentials,
        mfa::MfaCode,
        params::{MfaSerial, RoleSessionName},
        profile::ProfileName,
    },
    store::aws_files::AwsFiles,
};

/// A session token with less than this left is not worth a call.
pub(super) const LEFT_FOR_A_CALL: Duration = Duration::minutes(1);

/// How long a caller waits for a renewal while credentials that still hold are there.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(4);

/// The same for a caller who gives up after two seconds.
const LITTLE_PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// How somebody wants credentials.
#[derive(Clone, Debug)]
pub(super) struct Want {
    /// A person asks: earlier failures do not count.
    pub(super) person: bool,
    /// The person wants it to last: a session that is about to end is not good enough, and what keeps it from lasting is told.
    pub(super) prolong: bool,
    /// What the person typed.
    pub(super) code: Option<MfaCode>,
    /// What still holds is good enough after a moment, however little is left of it.
    pub(super) at_once: bool,
}

impl Want {
    /// A program asks, or the renewal.
    pub(super) const fn program() -> Self {
        Self { person: false, prolong: false, code: None, at_once: false }
    }

    /// A program asks that waits for two seconds at most: the container endpoint.
    pub(super) const fn at_once() -> Self {
        Self { person: false, prolong: false, code: None, at_once: true }
    }

    /// A person uses what is there, and can be asked where there is nothing.
    pub(super) const fn person() -> Self {
        Self { person: true, prolong: false, code: None, at_once: false }
    }
}

/// Credentials, and how they were come by.
#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) held: Held,
    pub(super) chain: Chain,
    pub(super) from_memory: bool,
}

impl Agent {
    /// Valid credentials of a profile: from memory, or from AWS through one flight for all who ask.
    pub(super) async fn ensure(&self, profile: &ProfileName, want: Want) -> Result<Got> {
        self.unlocked()?;
        self.ensure_led(&self.led(profile)?, want).await
    }

    /// The same of a profile that was looked up for this very request.
    pub(super) async fn ensure_led(&self, Led { files, leads }: &Led, want: Want) -> Result<Got> {
        self.unlocked()?;
        let Leads { chain, mark, .. } = &**leads;
        let profile = &chain.profile;
        let teller = self.0.aws.teller(files, profile.as_str());
        let got = |held: Held, from_memory: bool| Got { held, chain: chain.clone(), from_memory };
        let mut force = want.code.is_some() || want.prolong && self.ends_soon(profile, mark, &teller);
        if want.person
            && let Some(session) = self.state().sessions.get_mut(profile)
        {
            session.renewal.forgive();
        }
        let mut waits = !want.at_once;
        for _ in 0..4 {
            let now = self.now_of(&teller);
            let valid = self.state().valid(profile, mark, now).cloned();
            if !force {
                // Nothing is locked while it waits.
                let decided = self.state().decide(profile, mark, now);
                match (decided, &valid) {
                    (Decision::Hand, Some(held)) => return Ok(got(held.clone(), true)),
                    (Decision::Tell(error), _) => {
                        let next = self.state().next_try(profile, mark, now);
                        let Some(next) = next.filter(|_| std::mem::take(&mut waits)) else { return Err(error) };
                        self.next_try(next, now).await;
                        continue;
                    }
                    (Decision::Hand, None) | (Decision::Ask, _) => {}
                }
            }
            let fly = || self.clone().fly(profile.clone(), chain.clone(), (mark.clone(), teller.clone()), want.clone(), force);
            let flight = self.0.flights.join((profile.clone(), mark.clone()), fly);
            let (began, landed) = match &valid {
                Some(held) if !want.prolong && (want.at_once || held.credentials.expiration - now > super::renewal::MANDATORY_WINDOW) => {
                    match tokio::time::timeout(if want.at_once { LITTLE_PATIENCE } else { PATIENCE }, flight).await {
                        Ok(landed) => landed,
                        Err(_) if held.credentials.expired(self.now_of(&teller)) => continue,
                        Err(_) => return Ok(got(held.clone(), true)),
                    }
                }
                Some(_) | None => flight.await,
            };
            match landed {
                Ok(held) => return Ok(got(held, false)),
                // Somebody else's flight lacked the code that we have.
                Err(error) if !began && want.code.is_some() && error.code == Code::MfaCodeRequired => force = true,
                // Somebody else mistyped a code; that is not this caller's answer.
                Err(error) if !began && want.code.is_none() && error.code == Code::MfaCodeRefused => {}
                Err(error) => {
                    let still = self.state().valid(profile, mark, self.now_of(&teller)).cloned();
                    return match still {
                        Some(held) if !want.prolong && may_recover(&error) => Ok(got(held, true)),
                        Some(_) | None => Err(error),
                    };
                }
            }
        }
        Err(Error::new(Code::Agent, format!("Too many programs start {profile} at once"), "Try again"))
    }

    /// A session that a person must prolong, and that ends within the time of the warning.
    fn ends_soon(&self, profile: &ProfileName, mark: &str, teller: &Teller) -> bool {
        let now = self.now_of(teller);
        let state = self.state();
        let bound = state.sessions.get(profile).is_some_and(|session| session.person_from.is_some());
        bound && state.valid(profile, mark, now).is_some_and(|held| held.credentials.expiration - now <= WARN_BEFORE)
    }

    /// One flight: looks once more, issues, and writes down what came of it.
    async fn fly(self, profile: ProfileName, chain: Chain, (mark, teller): (String, Teller), want: Want, force: bool) -> Result<Held> {
        self.unseal_late().await;
        if !force && let Some(held) = self.landed(&profile, &mark, &teller) {
            return Ok(held);
        }
        let stops = self.state().stops(&profile);
        if want.person {
            self.publish();
        } else {
            self.0.touched.notify_one();
        }
        let result = self.issue(&chain, &want).await;
        if let Ok(files) = self.files() {
            self.line_said(&way(&files, &chain), &result);
        }
        let now = self.now_of(&teller);
        self.unlocked()?;
        if self.state().stops(&profile) != stops {
            return Err(Error::new(Code::Agent, format!("{profile} was stopped meanwhile"), format!("Start it again: stagedoor start {profile}")));
        }
        let result = result.and_then(|(held, person_from)| {
            // As the SDKs do: what is over when it arrives is a failure.
            if held.credentials.expired(now) {
                return Err(Error::new(
                    Code::AwsUnreachable,
                    format!("AWS gave {profile} credentials that have ended already"),
                    "Check this computer's clock, then try again",
                ));
            }
            let mut state = self.state();
            // It was locked or stopped in this very moment.
            if state.stops(&profile) != stops {
                return Err(crate::store::secrets::locked());
            }
            state.issued(&profile, (&mark, &teller), held.clone(), person_from);
            Ok(held)
        });
        if let Err(error) = &result {
            self.state().failed(&profile, (&mark, &teller), error, now, want.code.is_some());
        }
        self.seal_soon();
        self.0.due.notify_one();
        self.landed_something();
        result
    }

    /// What another flight brought since the caller looked.
    fn landed(&self, profile: &ProfileName, mark: &str, teller: &Teller) -> Option<Held> {
        let now = self.now_of(teller);
        let state = self.state();
        let fresh = state.decide(profile, mark, now) == Decision::Hand;
        state.valid(profile, mark, now).filter(|_| fresh).cloned()
    }

    /// The calls themselves. The second value: from when a renewal needs a person.
    pub(super) async fn issue(&self, chain: &Chain, want: &Want) -> Result<(Held, Option<OffsetDateTime>)> {
        let files = self.files()?;
        let region = self.0.aws.region(&files, chain.profile.as_str(), chain.hops.first().map_or(Partition::Aws, |hop| hop.role_arn.partition()))?;
        let partition = chain.hops.first().map_or_else(|| partition_of(Some(&region)), |hop| hop.role_arn.partition());
        let config = self.0.aws.config(&files, chain.profile.as_str(), partition).await;
        let teller = self.0.aws.teller(&files, chain.profile.as_str());
        let now = || self.now_of(&teller);
        let mut signer = match &chain.base {
            Base::AccessKey { profile, access_key_id, place, .. } => Signer::Key(self.access_key(profile, access_key_id, *place).await?),
            Base::Process { profile, command } => match process_credentials(profile, command, now()).await? {
                Given::Key(_) if chain.hops.is_empty() => return Err(long_lived(profile)),
                Given::Key(key) => Signer::Key(key),
                Given::Temporary(credentials) if chain.hops.is_empty() => return Ok((Held { credentials, issued: now() }, None)),
                Given::Temporary(credentials) => Signer::Temporary(credentials),
            },
            Base::Static { profile, .. } if !chain.hops.is_empty() => Signer::Temporary(self.written_session(profile, now())?),
            Base::Static { .. } | Base::Source { .. } | Base::WebIdentity { .. } | Base::IdentityCenter { .. } | Base::Login { .. } => {
                return Err(not_yet(chain));
            }
        };
        let serial = chain.mfa_serial().cloned();
        let mut person_from = None;
        let mut code_for_role = None;
        if let Signer::Key(key) = &signer {
            if chain.hops.is_empty() || (serial.is_some() && !chain.mfa_on_role()) {
                let source = self.session_of(chain, key, serial.as_ref(), want, &config).await?;
                if serial.as_ref().is_some_and(|serial| !self.seed_stored(serial)) {
                    person_from = Some(if chain.hops.is_empty() { source.issued } else { source.credentials.expiration - LEFT_FOR_A_CALL });
                }
                if chain.hops.is_empty() {
                    return Ok((source, person_from));
                }
                signer = Signer::Temporary(source.credentials);
            } else if let (true, Some(serial)) = (chain.mfa_on_role(), &serial) {
                code_for_role = Some(serial.clone());
                person_from = (!self.seed_stored(serial)).then(now);
            }
        }
        let name = self.session_name();
        let mut issued = now();
        for hop in &chain.hops {
            let (credentials, at) = self.assumed((&config, &teller), &signer, hop, code_for_role.take().as_ref(), want.code.as_ref(), &name).await?;
            (signer, issued) = (Signer::Temporary(credentials), at);
        }
        match signer {
            Signer::Temporary(credentials) => Ok((Held { credentials, issued }, person_from)),
            Signer::Key(_) => Err(not_yet(chain)),
        }
    }

    /// The access key at the base of a chain.
    pub(super) async fn access_key(&self, profile: &ProfileName, id: &AccessKeyId, place: KeyPlace) -> Result<AccessKey> {
        let gone = |why: &str| {
            Error::new(Code::NoCredentials, format!("The access key {id} of {profile} {why}"), format!("Store it again: stagedoor keys add {profile}"))
        };
        match place {
            KeyPlace::File => self.files()?.plaintext_key(profile).filter(|key| key.id == *id).ok_or_else(|| gone("is not complete in its file")),
            KeyPlace::Keychain => {
                let key = self.0.keys.access_key(id).await;
                self.keychain_said(key.as_ref().err());
                key?.ok_or_else(|| gone(&format!("is not in {}", self.0.secrets.place().words())))
            }
        }
    }

    /// Temporary credentials that another tool wrote into a file: good for a call now; nobody knows for how long.
    fn written_session(&self, profile: &ProfileName, now: OffsetDateTime) -> Result<TemporaryCredentials> {
        let Some((key, session_token)) = self.files()?.plaintext_session(profile) else {
            return Err(Error::new(
                Code::NoCredentials,
                format!("The temporary credentials of {profile} are not complete in their file"),
                "Have the tool that wrote them write them again",
            ));
        };
        let expiration = now + Duration::HOUR;
        Ok(TemporaryCredentials { access_key_id: key.id, secret_access_key: key.secret, session_token, expiration, account_id: None, arn: None })
    }

    /// GetSessionToken of a chain's key: the one that is there, or a new one.
    pub(super) async fn session_of(
        &self,
        chain: &Chain,
        key: &AccessKey,
        serial: Option<&MfaSerial>,
        want: &Want,
        config: &aws_config::SdkConfig,
    ) -> Result<Held> {
        let files = self.files()?;
        let (place, teller) = (endpoints(&files, chain.profile.as_str()), self.0.aws.teller(&files, chain.profile.as_str()));
        let source = Source { key: key.id.clone(), mfa_serial: serial.map(|s| s.as_str().to_owned()), place, teller };
        let plain = chain.hops.is_empty();
        // A person who starts what is about to end wants it to go on, and that takes a new code.
        let renewing = want.prolong && serial.is_some_and(|serial| !self.seed_stored(serial));
        let usable = |agent: &Self| {
            let now = agent.now_of(&source.teller);
            let state = agent.state();
            // A plain profile's session is this very one, so it is renewed in time; for a role it only has to last for the call.
            let ended = |held: &&Held| renewing && held.credentials.expiration - now <= WARN_BEFORE;
            state.source(&source, now, LEFT_FOR_A_CALL).filter(|held| !plain || now < held.due()).filter(|held| !ended(held)).cloned()
        };
        if want.code.is_none()
            && let Some(held) = usable(self)
        {
            return Ok(held);
        }
        let seconds = chain
            .session_duration
            .filter(|_| plain)
            .map_or_else(|| self.choices().settings.mfa_session_seconds, crate::model::params::SessionDuration::seconds);
        let make = || {
            let (agent, source, key, serial, code, config) = (self.clone(), source.clone(), key.clone(), serial.cloned(), want.code.clone(), config.clone());
            // Stopping a plain profile ends its own session; an MFA session ends only with all.
            let (owner, plain) = (chain.profile.clone(), plain);
            async move {
                let stops = |agent: &Self| if plain { agent.state().stops(&owner) } else { agent.state().stops_of_all() };
                let began = stops(&agent);
                let held = agent.session_given((&config, &source.teller), &key, serial.as_ref(), code.as_ref(), seconds).await?;
                if stops(&agent) == began && !agent.locked() {
                    agent.state().sources.insert(source, held.clone());
                }
                Ok(held)
            }
        };
        match self.0.source_flights.join(source.clone(), make).await {
            (false, Err(error)) if error.code == Code::MfaCodeRequired && want.code.is_some() => self.0.source_flights.join(source.clone(), make).await.1,
            (_, result) => result,
        }
    }

    /// A code that was never used: the typed one, or the next of the stored seed.
    pub(super) async fn code(&self, serial: &MfaSerial, typed: Option<&MfaCode>, teller: &Teller) -> Result<MfaCode> {
        if let Some(typed) = typed {
            let now = self.now_of(teller);
            return self.state().use_typed(serial, typed.clone(), now);
        }
        if !self.seed_stored(serial) {
            return Err(Error::mfa_code_required(serial.as_str()));
        }
        let seed = self.0.keys.totp_seed(serial).await;
        self.keychain_said(seed.as_ref().err());
        let Some(seed) = seed? else { return Err(Error::mfa_code_required(serial.as_str())) };
        loop {
            let now = self.now_of(teller);
            let next = self.state().use_seed(serial, &seed, now);
            match next {
                NextCode::Code(code) => return Ok(code),
                NextCode::Wait(until) => self.0.aws.clock.sleep_until_of(teller, until).await,
            }
        }
    }

    /// Whether nobody has to be asked for this device's codes.
    pub(super) fn seed_stored(&self, serial: &MfaSerial) -> bool {
        self.choices().mfa_devices.contains(serial.as_str())
    }

    /// The session name where a profile names none: CloudTrail shows it as the one who did it.
    fn session_name(&self) -> RoleSessionName {
        let environment = &self.0.aws.environment;
        let user = environment.get("USER").or_else(|| environment.get("USERNAME")).unwrap_or_default();
        let user: String = user.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        let name = if user.is_empty() { "stagedoor".to_owned() } else { format!("stagedoor-{user}") };
        RoleSessionName::parse(&name).or_else(|_| RoleSessionName::parse("stagedoor")).unwrap_or_else(|_| unreachable!("a constant that is valid"))
    }
}

/// Where the requests of a chain go.
fn way(files: &AwsFiles, chain: &Chain) -> String {
    Leads::of(files, &chain.profile).map(|leads| leads.way()).unwrap_or_default()
}

fn not_yet(chain: &Chain) -> Error {
    let (what, instead) = match &chain.base {
        Base::Static { .. } => {
            ("temporary credentials that another tool wrote into the file", "Use an access key or a role as its source, or let that tool go on serving it")
        }
        Base::Source { .. } => ("credentials of the environment, a container or an instance", "Use an access key as its source"),
        Base::WebIdentity { .. } => ("a web identity token", "The AWS tools read this profile themselves"),
        Base::IdentityCenter { .. } => ("IAM Identity Center", "Sign in with: aws sso login; the AWS tools read this profile themselves"),
        Base::Login { .. } => ("an aws login session", "Sign in with: aws login; the AWS tools read this profile themselves"),
        Base::AccessKey { .. } | Base::Process { .. } => ("this", "Run: stagedoor resolve PROFILE"),
    };
    Error::new(Code::NotSupported, format!("{} gets its credentials from {what}, which this version of Stagedoor cannot start", chain.profile), instead)
}
