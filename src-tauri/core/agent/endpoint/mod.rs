//! The container endpoint: credentials over HTTP on loopback, for commands that run longer than a session.
//!
//! It listens from the first `exec --endpoint` on, on a port that this agent was given, and ends with the agent; port and tokens
//! are in memory only, so the next agent has others. Who may ask is decided in `gate`, how connections are kept short in
//! `server`. What is handed out goes through [`Agent::hand`] like everything else.

mod children;
mod gate;
mod peer;
mod server;

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::net::{TcpListener, TcpStream};

use self::{children::Child, peer::Peer, server::Seats};
pub use self::{
    gate::{Gate, Refusal},
    server::converse,
};
use super::{Agent, Asker, activity::How, protocol::Variable};
use crate::{
    deliver::{self, Handed},
    error::{Code, Error, Result},
    model::{profile::ProfileName, prompt::PromptKind, secret::Secret},
};

/// How a session was handed out this way.
pub(super) const DELIVERY: &str = "endpoint";

/// What `exec --endpoint` itself is called in the activity.
pub(super) const OPENED: &str = "exec --endpoint";

/// What a question at the endpoint is called in the activity.
pub(super) const FETCH: &str = "container endpoint";

/// How long looking for the process that asks may take: it is told to people and decides nothing.
const LOOK_WITHIN: Duration = Duration::from_millis(300);

/// How long all of an answer but the look and the network may take.
const ASKED_WITHIN: Duration = Duration::from_millis(1150);

/// Refusals are told at most this often.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What there is of it.
#[derive(Debug, Default)]
pub(super) struct Endpoint {
    gate: tokio::sync::Mutex<Option<Arc<Gate>>>,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    children: Vec<Child>,
    asked: Option<Instant>,
    /// When a refusal was told last, and how many came since.
    told: Option<Instant>,
    untold: u64,
}

impl Endpoint {
    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many refusals are to be told now; `None`: one was told a moment ago.
    fn tells(&self) -> Option<u64> {
        let mut used = self.used();
        used.untold += 1;
        if used.told.is_some_and(|at| at.elapsed() < TELL_AGAIN_AFTER) {
            return None;
        }
        used.told = Some(Instant::now());
        Some(std::mem::take(&mut used.untold))
    }
}

impl Agent {
    /// The variables that lead a command to the endpoint. Its credentials are there when this returns, so that its first question
    /// is answered at once. `pid`: the process that becomes the command.
    pub async fn endpoint_for(&self, profile: &ProfileName, asker: &Asker, pid: Option<u32>) -> Result<Vec<Variable>> {
        let led = self.led(profile);
        let handed = self.hand(profile, DELIVERY, OPENED, asker).await?;
        self.allow_command(&led?.leads, asker, pid)?;
        let gate = self.gate().await?;
        let (url, token) = gate.key(profile)?;
        {
            let mut used = self.0.endpoint.used();
            used.children.retain(Child::runs);
            used.children.push(Child::new(pid));
            used.asked = Some(Instant::now());
        }
        let variables = deliver::container_variables(&url, &token, &handed);
        Ok(variables.into_iter().map(|(name, value)| Variable { name: name.to_owned(), value: Secret::new(value.as_str()) }).collect())
    }

    /// Whether a command that was led here still runs, or asked within `recently`.
    pub(super) fn endpoint_is_used(&self, recently: Duration) -> bool {
        let mut used = self.0.endpoint.used();
        used.children.retain(Child::runs);
        !used.children.is_empty() || used.asked.is_some_and(|at| at.elapsed() < recently)
    }

    /// The gate; it listens from now on.
    async fn gate(&self) -> Result<Arc<Gate>> {
        let mut slot = self.0.endpoint.gate.lock().await;
        if let Some(gate) = &*slot {
            return Ok(Arc::clone(gate));
        }
        let failed = |error: std::io::Error| {
            Error::new(Code::Agent, format!("The container endpoint could not be opened: {error}"), "Run the command without --endpoint, or try again")
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let gate = Arc::new(Gate::new(listener.local_addr().map_err(failed)?.port()));
        tracing::info!("the container endpoint listens");
        tokio::spawn(listen(self.clone(), listener, Arc::clone(&gate)));
        *slot = Some(Arc::clone(&gate));
        Ok(gate)
    }

    /// Hands out what is there or can be had in a moment.
    async fn fetched(&self, profile: &ProfileName, stream: Option<(SocketAddrV4, SocketAddrV4)>) -> Result<Handed> {
        self.0.endpoint.used().asked = Some(Instant::now());
        let look = async { tokio::task::spawn_blocking(move || stream.map_or(Peer::Unknown, |(theirs, ours)| peer::look(theirs, ours))).await };
        let asker = match tokio::time::timeout(LOOK_WITHIN, look).await {
            Ok(Ok(Peer::Stranger(user))) => {
                tracing::warn!(user, %profile, "refused another user at the container endpoint");
                return Err(Error::new(
                    Code::ApprovalDenied,
                    "The container endpoint answers only the user who runs Stagedoor",
                    "Run the command as that user; sudo changes it",
                ));
            }
            Ok(Ok(Peer::Own(Some(pid)))) => Asker::behind(pid),
            Ok(Ok(Peer::Own(None) | Peer::Unknown) | Err(_)) | Err(_) => Asker::at_endpoint(),
        };
        tokio::time::timeout(ASKED_WITHIN, self.hand(profile, DELIVERY, FETCH, &asker)).await.unwrap_or_else(|_| Err(self.late(profile)))
    }

    /// Why there is no answer in time: the question is open, or AWS is slow.
    fn late(&self, profile: &ProfileName) -> Error {
        let open = self.prompts().views().into_iter().find(|prompt| prompt.profile == *profile);
        match open.map(|prompt| prompt.kind) {
            Some(PromptKind::MfaCode) => Error::new(
                Code::MfaCodeRequired,
                format!("An MFA code is needed for {profile}, and Stagedoor asks for it now"),
                "Type it there; the command asks again by itself or when it is run again",
            ),
            Some(PromptKind::Approval | PromptKind::StopAsking) => Error::new(
                Code::ApprovalRequired,
                format!("{profile} asks before it is handed out, and Stagedoor asks now"),
                "Allow it there; the command asks again by itself or when it is run again",
            ),
            None => server::late(profile),
        }
    }

    /// Logs a refusal, and writes it into the activity of the profile that was asked for: one of a burst.
    fn refused_at_endpoint(&self, profile: Option<ProfileName>, refusal: &Refusal) {
        let Some(count) = self.0.endpoint.tells() else { return };
        tracing::warn!(code = refusal.code, count, "refused at the container endpoint");
        if let Some(profile) = profile {
            let error = Error::new(Code::InvalidValue, refusal.message.clone(), "Run the command again with: stagedoor exec PROFILE --endpoint -- CMD");
            self.note(&profile, &Asker::at_endpoint(), FETCH, How::Refused(&error, Instant::now()));
            self.0.touched.notify_one();
        }
    }
}

/// Answers until the agent closes.
async fn listen(agent: Agent, listener: TcpListener, gate: Arc<Gate>) {
    let mut closing = agent.closing();
    // Dropped with this task, and every connection with it.
    let mut seats = Seats::default();
    loop {
        let accepted = tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, for instance: wait for one to come back.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (agent, gate) = (agent.clone(), Arc::clone(&gate));
        seats.give(|busy| async move {
            let ends = ends(&stream);
            let refused = |path: &str, refusal: &Refusal| agent.refused_at_endpoint(gate.named(path), refusal);
            let give = |profile: ProfileName| {
                let agent = &agent;
                async move { agent.fetched(&profile, ends).await }
            };
            converse(stream, &gate, &busy, give, refused).await;
        });
    }
}

/// The other end of a connection, and this one.
fn ends(stream: &TcpStream) -> Option<(SocketAddrV4, SocketAddrV4)> {
    let _unimportant = stream.set_nodelay(true);
    match (stream.peer_addr().ok()?, stream.local_addr().ok()?) {
        (SocketAddr::V4(theirs), SocketAddr::V4(ours)) => Some((theirs, ours)),
        _ => None,
    }
}
