//! The life of the agent: the tasks that run beside requests, and the requests that come over the socket.
//!
//! Publishing, sealing, renewing and glancing at the files each wait for their own signal, so that a burst of requests is one
//! snapshot and one sealing. What a request means is in `sessions` and `profiles`; here it is only read and answered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use time::OffsetDateTime;
use tokio::{
    io::{AsyncRead, AsyncWrite, BufReader},
    sync::Semaphore,
    task::JoinSet,
};
use zeroize::Zeroizing;

use super::{
    Agent, Asker, NewAccessKey,
    issuing::Want,
    leads::Leads,
    protocol::{Line, Request, Response, SessionLine, VERSION, Variable},
    renewal::Decision,
    socket::{Listener, read_line, write_line},
    state::WARN_BEFORE,
};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::AccessKey,
        mfa::{MfaCode, TotpSeed},
        params::MfaSerial,
        profile::ProfileName,
        snapshot::Event,
    },
};

/// The renewal looks at least this often.
const LOOK: time::Duration = time::Duration::seconds(30);

/// How many requests to AWS the renewal has under way at once.
const IN_FLIGHT: usize = 20;

/// How often the AWS files and the practice account are looked at for other people's changes.
const GLANCE: Duration = Duration::from_secs(1);

/// Snapshots for small changes are not made more often than this.
const BREATH: Duration = Duration::from_millis(40);

/// An agent without a window and without a session ends after this long without a question.
const IDLE: Duration = Duration::from_mins(30);

/// Runs everything that runs beside requests, until [`Agent::close`].
pub async fn run(agent: Agent) {
    let mut closing = agent.closing();
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = publishing(&agent) => {}
        () = sealing(&agent) => {}
        () = renewing(&agent) => {}
        () = glancing(&agent) => {}
    }
}

async fn publishing(agent: &Agent) {
    loop {
        agent.0.touched.notified().await;
        agent.publish();
        tokio::time::sleep(BREATH).await;
    }
}

async fn sealing(agent: &Agent) {
    loop {
        agent.0.unsealed.notified().await;
        let _ = agent.seal().await;
        agent.save_choices();
        agent.publish();
    }
}

async fn glancing(agent: &Agent) {
    loop {
        tokio::time::sleep(GLANCE).await;
        let _ = agent.files();
        agent.look_at_practice().await;
    }
}

async fn renewing(agent: &Agent) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        let now = agent.now();
        for event in agent.endings(now) {
            agent.tell(event);
        }
        if agent.state().sweep(now) {
            agent.0.touched.notify_one();
        }
        for profile in agent.due(now) {
            let (agent, permits) = (agent.clone(), Arc::clone(&permits));
            tokio::spawn(async move {
                let _permit = permits.acquire_owned().await;
                agent.renew(&profile).await;
            });
        }
        let next = agent.next_look(now);
        tokio::select! {
            () = agent.0.parts.clock.sleep_until(next) => {}
            () = agent.0.due.notified() => {}
        }
    }
}

impl Agent {
    /// Sessions that should be renewed now and can be without a person.
    fn due(&self, now: OffsetDateTime) -> Vec<ProfileName> {
        let due = |(profile, session): (&ProfileName, &super::state::Session)| {
            let held = session.held.as_ref()?;
            let alone = session.person_from.is_none_or(|from| now < from);
            (alone
                && now >= held.due()
                && session.renewal.decide(Some(held), now) == Decision::Ask
                && !self.0.flights.has(&(profile.clone(), session.mark.clone())))
            .then(|| (profile.clone(), session.mark.clone()))
        };
        let due: Vec<_> = self.state().sessions.iter().filter_map(due).collect();
        let Ok(files) = self.files() else { return Vec::new() };
        // A profile that leads elsewhere by now is not renewed: it is another session, which somebody starts.
        let current = |(profile, of): &(ProfileName, String)| Leads::of(&files, profile).is_ok_and(|leads| leads.mark == *of);
        due.into_iter().filter(current).map(|(profile, _)| profile).collect()
    }

    /// Renews one session; a failure is told once for each expiration.
    async fn renew(&self, profile: &ProfileName) {
        // It may have been stopped while this waited for its turn.
        if !self.state().sessions.contains_key(profile) {
            return;
        }
        self.ensure(profile, Want::program()).await.map(|_| ()).unwrap_or_default();
        let failed = {
            let mut state = self.state();
            state.sessions.get_mut(profile).and_then(|session| {
                let error = session.error.clone()?;
                let expiration = session.held.as_ref().map(|held| held.credentials.expiration);
                let news = session.told_failure.is_none() || session.told_failure != expiration;
                session.told_failure = expiration.or(session.told_failure);
                (news && error.code != Code::MfaCodeRequired).then_some(error)
            })
        };
        if let Some(error) = failed {
            self.tell(Event::RenewalFailed { profile: profile.clone(), error });
        }
        self.0.touched.notify_one();
    }

    /// MFA-bound sessions that end within ten minutes and that nobody was told about.
    fn endings(&self, now: OffsetDateTime) -> Vec<Event> {
        let mut events = Vec::new();
        for (profile, session) in &mut self.state().sessions {
            let Some(expiration) = session.held.as_ref().map(|held| held.credentials.expiration) else { continue };
            let bound = session.person_from.zip(session.held.as_ref()).is_some_and(|(from, held)| from <= held.due().max(now));
            if bound && session.told_ending != Some(expiration) && now < expiration && expiration - now <= WARN_BEFORE {
                session.told_ending = Some(expiration);
                events.push(Event::SessionEnding { profile: profile.clone(), expiration });
            }
        }
        events
    }

    /// Nothing would be lost if this agent ended.
    fn has_nothing(&self) -> bool {
        let state = self.state();
        state.sources.is_empty() && state.sessions.values().all(|session| session.held.is_none())
    }

    fn next_look(&self, now: OffsetDateTime) -> OffsetDateTime {
        let state = self.state();
        let moments = state.sessions.values().filter_map(|session| session.held.as_ref()).flat_map(|held| {
            let end = held.credentials.expiration;
            [held.due(), end - WARN_BEFORE, end]
        });
        moments.filter(|at| *at > now).min().map_or(now + LOOK, |at| at.min(now + LOOK))
    }

    /// Writes the times of last use, which change too often to be written each time.
    pub(super) fn save_choices(&self) {
        let saved = self.choices().save(&self.0.parts.paths);
        self.problems().unsaved = saved.err();
    }
}

/// Waits until it is so, without holding on to the channel: its guard must not cross threads.
async fn so(what: &mut tokio::sync::watch::Receiver<bool>) {
    let _ = what.wait_for(|so| *so).await;
}

/// Answers the socket until [`Agent::close`] is done; then lets the last answers go out. The socket is gone when this returns.
/// Whoever asks while it closes is told to try again, so that nobody starts another agent meanwhile.
pub async fn serve(agent: Agent, listener: Listener) {
    let mut closed = agent.0.closed.subscribe();
    let mut connections = JoinSet::new();
    let mut asked = Instant::now();
    loop {
        tokio::select! {
            () = so(&mut closed) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, pid)) => {
                    asked = Instant::now();
                    connections.spawn(answer_all(agent.clone(), stream, pid));
                }
                // Out of file descriptors, for instance: what is open goes on, and accepting is tried again.
                Err(error) => { tracing::warn!(%error, "could not accept a connection"); tokio::time::sleep(Duration::from_millis(50)).await; }
            },
            _ = connections.join_next(), if !connections.is_empty() => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => {
                let idle = agent.0.parts.windowless && asked.elapsed() > IDLE && agent.has_nothing();
                if idle || (agent.0.parts.windowless && !listener.is_there()) {
                    let _ = agent.close(Duration::ZERO).await;
                    break;
                }
            }
        }
    }
    drop(listener);
    let last = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_secs(3), last).await;
}

/// One connection: question, answer, question, answer.
async fn answer_all(agent: Agent, stream: impl AsyncRead + AsyncWrite + Unpin, pid: Option<u32>) {
    let mut stream = BufReader::new(stream);
    while let Some(line) = read_line(&mut stream).await {
        let response = match serde_json::from_slice::<Line<Request>>(&line) {
            Ok(line) if line.v == VERSION => agent.answer(line.body, pid).await.unwrap_or_else(|error| Response::Failed { error }),
            Ok(_) | Err(_) => {
                let error = Error::new(
                    Code::Agent,
                    "The running Stagedoor does not understand this program",
                    "Quit Stagedoor (or stop “stagedoor agent”) and start it again",
                );
                Response::Failed { error }
            }
        };
        let Ok(text) = serde_json::to_vec(&Line::new(response)).map(Zeroizing::new) else { return };
        if write_line(&mut stream, &text).await.is_err() {
            return;
        }
    }
}

impl Agent {
    /// Answers one question of the process `pid`.
    async fn answer(&self, request: Request, pid: Option<u32>) -> Result<Response> {
        if *self.0.closing.borrow() && !matches!(request, Request::Hello | Request::Close) {
            return Ok(Response::Ending);
        }
        let asker = || pid.map_or_else(Asker::unknown, Asker::behind);
        let text = |text| Response::Text { text };
        let done = |()| Response::Done;
        match request {
            Request::Hello => Ok(Response::Hello {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                windowless: self.0.parts.windowless,
                pid: std::process::id(),
                surroundings: self.0.aws.environment.surroundings(),
            }),
            Request::CredentialProcess { profile } => self.process_document(&profile, &asker()).await.map(text),
            Request::Exec { profile } => self.for_child(&profile, &asker()).await.map(|handed| Response::Variables { variables: Variable::all(&handed) }),
            Request::Environment { profile, shell } => self.environment(&profile, shell, &asker()).await.map(text),
            Request::Start { profile, mfa_code } => {
                let code = mfa_code.map(|code| MfaCode::parse(code.expose())).transpose()?;
                self.start(&profile, code, &asker()).await.map(done)
            }
            Request::Stop { profile } => self.stop(&profile).await.map(done),
            Request::StopAll => self.stop_all().await.map(done),
            Request::Status => {
                self.publish();
                let snapshot = Arc::clone(&self.snapshot().borrow());
                Ok(Response::Status { sessions: SessionLine::all(&snapshot), problems: snapshot.problems.clone() })
            }
            Request::Console { profile, target, link: true } => self.console_link(&profile, &target, &asker()).await.map(text),
            Request::Console { profile, target, link: false } => self.console_door(&profile, &target, &asker()).await.map(|url| text(url.as_str().into())),
            Request::WhoAmI { profile } => self.who_am_i(&profile, &asker()).await.map(|identity| Response::Identity { identity }),
            Request::AddAccessKey { profile, access_key_id, secret_access_key } => {
                let key = AccessKey::parse(&access_key_id, secret_access_key)?;
                self.add_access_key(NewAccessKey { profile, key, region: None, mfa_serial: None }).await.map(done)
            }
            Request::Import { profile } => self.import(&profile).await.map(done),
            Request::UndoImport { profile } => self.undo_import(&profile).await.map(done),
            Request::Connect { profile, access_key } => {
                self.hand_out_access_key(&profile, access_key).await?;
                self.connect(&profile).await.map(done)
            }
            Request::Disconnect { profile } => self.disconnect(&profile).await.map(done),
            Request::AddTotpSeed { serial, seed } => self.add_totp_seed(&MfaSerial::parse(&serial)?, TotpSeed::parse(seed.expose())?).await.map(done),
            Request::MfaCode { serial } => {
                self.mfa_code(&MfaSerial::parse(&serial)?).await.map(|shown| Response::Code { code: shown.code, valid_until: shown.valid_until })
            }
            Request::MfaDevices => Ok(Response::Names { names: self.mfa_devices() }),
            Request::ShowWindow => {
                self.show_window();
                Ok(Response::Done)
            }
            Request::Close => self.close(super::sessions::ANSWER_WITHIN).await.map(done),
        }
    }
}
