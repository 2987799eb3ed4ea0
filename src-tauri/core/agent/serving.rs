//! The socket: questions are read and answered, one after the other on each connection, until the agent has closed.
//!
//! What a request means is in `sessions`, `profiles` and their neighbours; here it is only read, handed on and answered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{io::BufReader, task::JoinSet};
use zeroize::Zeroizing;

use super::{
    Agent, Asker, NewAccessKey,
    protocol::{Line, Request, Response, SessionLine, VERSION, Variable},
    socket::{Listener, Stream, left, read_line, write_line},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::AccessKey,
        mfa::{MfaCode, TotpSeed},
        params::MfaSerial,
    },
};

/// An agent without a window and without a session ends after this long without a question.
const IDLE: Duration = Duration::from_mins(30);

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
async fn answer_all(agent: Agent, stream: Stream, pid: Option<u32>) {
    let mut stream = BufReader::new(stream);
    while let Some(line) = read_line(&mut stream).await {
        let response = match serde_json::from_slice::<Line<Request>>(&line) {
            Ok(line) if line.v == VERSION => {
                let may_leave = line.body.may_be_left();
                let answered = tokio::select! {
                    answered = agent.answer(line.body, pid) => answered,
                    // Whoever was killed waits for nobody.
                    () = left(stream.get_ref()), if may_leave => return,
                };
                answered.unwrap_or_else(|error| Response::Failed { error })
            }
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
        if !matches!(request, Request::Hello | Request::Status | Request::Lock) {
            self.seen();
        }
        let asker = || pid.map_or_else(Asker::unknown, |pid| Asker::through(pid, &self.0.parts.program));
        let text = |text| Response::Text { text };
        let done = |()| Response::Done;
        match request {
            Request::Hello => Ok(Response::Hello {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                windowless: self.0.parts.windowless,
                pid: std::process::id(),
                surroundings: self.0.aws.environment.surroundings(),
                locked: self.locked(),
            }),
            Request::CredentialProcess { profile } => self.process_document(&profile, &asker()).await.map(text),
            Request::Exec { profile, at_terminal } => {
                self.for_child(&profile, &asker().with_terminal(at_terminal)).await.map(|handed| Response::Variables { variables: Variable::all(&handed) })
            }
            Request::Environment { profile, shell, at_terminal } => self.environment(&profile, shell, &asker().with_terminal(at_terminal)).await.map(text),
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
            Request::Ask { profile, yes } => self.set_asks(&profile, yes, &asker()).await.map(done),
            Request::AddTotpSeed { serial, seed } => self.add_totp_seed(&MfaSerial::parse(&serial)?, TotpSeed::parse(seed.expose())?).await.map(done),
            Request::MfaCode { serial } => {
                self.mfa_code(&MfaSerial::parse(&serial)?).await.map(|shown| Response::Code { code: shown.code, valid_until: shown.valid_until })
            }
            Request::MfaDevices => Ok(Response::Names { names: self.mfa_devices() }),
            Request::Lock => self.lock().await.map(done),
            Request::Unlock { passphrase } => self.unlock(passphrase).await.map(done),
            Request::CreateVault { passphrase } => self.create_vault(passphrase).await.map(|place| Response::Place { place }),
            Request::ChangePassphrase { old, new } => self.change_passphrase(old, new).await.map(done),
            Request::Migrate { to, passphrase, dry_run } => self.migrate(to, passphrase, dry_run).await.map(|migration| Response::Migrated { migration }),
            Request::ShowWindow => {
                self.show_window();
                Ok(Response::Done)
            }
            Request::Close => self.close(super::sessions::ANSWER_WITHIN).await.map(done),
        }
    }
}
