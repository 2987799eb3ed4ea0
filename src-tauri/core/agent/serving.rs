//! The socket: questions are read and answered, one after the other on each connection, until the agent has closed.
//!
//! What a request means is in `sessions`, `profiles` and their neighbours; here it is only read, handed on and answered.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{
    Agent, Asker, Migration, NewAccessKey,
    protocol::{Line, Request, Response, SessionLine, VERSION, Variable},
    refusals::{Refusal, Refusals},
    socket::{Caller, End, Lines, Listener, SEATS, Seat, Seats, Stream, left},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::AccessKey,
        lock::SecretsPlace,
        mfa::{MfaCode, TotpSeed},
        params::MfaSerial,
        secret::wiped_line,
    },
};

/// An agent without a window and without a session ends after this long without a question.
const IDLE: Duration = Duration::from_mins(30);

/// Whether two paths lead to one file, which may not be there yet.
fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| {
        let missing = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
        path.canonicalize().ok().or_else(missing)
    };
    a == b || std::path::absolute(a).is_ok_and(|a| a == b) || real(a).is_some_and(|a| Some(a) == real(b))
}

/// Waits until it is so, without holding on to the channel: its guard must not cross threads.
async fn so(what: &mut tokio::sync::watch::Receiver<bool>) {
    let _ = what.wait_for(|so| *so).await;
}

/// Answers the socket until [`Agent::close`] is done; then lets the last answers go out. The socket is gone when this returns.
/// Whoever asks while it closes is told to try again, so that nobody starts another agent meanwhile.
pub async fn serve(agent: Agent, mut listener: Listener) {
    let mut closed = agent.0.closed.subscribe();
    let (seats, refusals) = (Seats::new(SEATS), Arc::new(Refusals::default()));
    let mut connections = JoinSet::new();
    let mut asked = Instant::now();
    loop {
        tokio::select! {
            () = so(&mut closed) => break,
            (seat, accepted) = next(&seats, &listener) => match (seat, accepted) {
                (Some(seat), Ok(Caller::Own(stream, pid))) => {
                    asked = Instant::now();
                    connections.spawn(answer_all(agent.clone(), Arc::clone(&refusals), seat, stream, pid));
                }
                (_, Ok(Caller::Other(user))) => refusals.note(Refusal::AnotherUser, Some(user), 1),
                (None, Ok(Caller::Own(..))) => {}
                // Out of file descriptors, for instance: what is open goes on, and accepting is tried again.
                (_, Err(error)) => { tracing::warn!(%error, "could not accept a connection"); tokio::time::sleep(Duration::from_millis(50)).await; }
            },
            _ = connections.join_next(), if !connections.is_empty() => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => {
                let idle = agent.0.parts.windowless && asked.elapsed() > IDLE && agent.has_nothing() && !agent.endpoint_is_used(IDLE);
                let lost = !listener.is_there();
                if idle || (agent.0.parts.windowless && lost) {
                    if lost {
                        tracing::warn!("the socket was removed or replaced: this agent ends, and the next call starts another");
                    }
                    let _ = agent.close(Duration::ZERO).await;
                    break;
                }
                if lost {
                    match Listener::bind(&agent.0.parts.paths) {
                        Ok(again) => { tracing::warn!("the socket was removed or replaced: it is there again"); listener = again; }
                        Err(error) => tracing::warn!(message = error.message, "the socket was removed or replaced"),
                    }
                }
            }
        }
    }
    drop(listener);
    let last = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_secs(3), last).await;
}

/// A seat, and then who takes it.
async fn next(seats: &Arc<Seats>, listener: &Listener) -> (Option<Seat>, std::io::Result<Caller>) {
    let seat = seats.take().await;
    (seat, listener.accept().await)
}

/// One connection: question, answer, question, answer. What is no question is answered once, and ends it.
async fn answer_all(agent: Agent, refusals: Arc<Refusals>, seat: Seat, stream: Stream, pid: Option<u32>) {
    let mut lines = Lines::of(stream);
    loop {
        let line = match seat.hear(lines.next()).await {
            Some(Ok(line)) => line,
            Some(Err(End::Done)) => return,
            Some(Err(End::Half)) => return refusals.note(Refusal::HalfALine, pid, 1),
            Some(Err(End::TooLong)) => return refusals.note(Refusal::TooLong, pid, 1),
            None => return refusals.note(Refusal::TooMany, pid, 1),
        };
        let (response, more) = match serde_json::from_slice::<Line<Request>>(&line) {
            Ok(line) if line.v == VERSION => {
                let may_leave = line.body.may_be_left();
                let answer = async {
                    match line.files.and_then(|files| agent.reads_other_files(&files)) {
                        Some(error) => Err(error),
                        None => agent.answer(line.body, pid).await,
                    }
                };
                let answered = tokio::select! {
                    // What is there at once is not watched over at all.
                    biased;
                    answered = answer => answered,
                    // Whoever was killed waits for nobody.
                    () = left(lines.stream()), if may_leave => return,
                };
                (answered.unwrap_or_else(|error| Response::Failed { error }), true)
            }
            Ok(_) | Err(_) => {
                refusals.note(Refusal::NoQuestion, pid, 1);
                let error = Error::new(
                    Code::Agent,
                    "The running Stagedoor does not understand this program",
                    "Quit Stagedoor (or stop “stagedoor agent”) and start it again",
                );
                (Response::Failed { error }, false)
            }
        };
        // Not kept while the next question is waited for.
        drop(line);
        let Some(answer) = wiped_line(&Line::new(response)) else { return };
        if !(lines.say(&answer).await && more) {
            return;
        }
    }
}

impl Agent {
    /// Why nothing is handed out to somebody who reads these AWS files: a profile of the same name may be another one there.
    fn reads_other_files(&self, theirs: &[String; 2]) -> Option<Error> {
        let paths = &self.0.parts.paths;
        let own = [(&paths.aws_config, "AWS_CONFIG_FILE"), (&paths.aws_credentials, "AWS_SHARED_CREDENTIALS_FILE")];
        let ((own, variable), theirs) = own.into_iter().zip(theirs).find(|((own, _), theirs)| !same_file(own, Path::new(theirs)))?;
        Some(Error::new(
            Code::Agent,
            format!("The Stagedoor that runs reads {} and this program {}, so its profiles may be others", paths.told(own), paths.told(Path::new(theirs))),
            format!(
                "Set {variable} alike for both: quit Stagedoor and start it from here; or give this terminal an agent of its own: export STAGEDOOR_HOME=FOLDER"
            ),
        ))
    }

    /// Answers one question of the process `pid`.
    async fn answer(&self, request: Request, pid: Option<u32>) -> Result<Response> {
        request.check_names()?;
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
            Request::Endpoint { profile, at_terminal } => {
                self.endpoint_for(&profile, &asker().with_terminal(at_terminal), pid).await.map(|variables| Response::Variables { variables })
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
            Request::Activity { query } => self.activity(query).await.map(|page| Response::Activity { page }),
            Request::Doctor => Ok(Response::Doctor { report: self.doctor().await }),
            Request::WhoAmI { profile } => self.who_am_i(&profile, &asker()).await.map(|identity| Response::Identity { identity }),
            Request::AddAccessKey { profile, access_key_id, secret_access_key } => {
                let key = AccessKey::parse(&access_key_id, secret_access_key)?;
                self.add_access_key(NewAccessKey { profile, key, region: None, mfa_serial: None }).await.map(done)
            }
            Request::Import { profile } => self.import(&profile).await.map(done),
            Request::Files { ask } => self.about_files(ask, &asker()).await.map(|answer| Response::Files { answer }),
            Request::Setup { ask } => self.about_setup(ask, &asker()).await.map(|answer| Response::Setup { answer }),
            Request::Ask { profile, yes } => self.set_asks(&profile, yes, &asker()).await.map(done),
            Request::AddTotpSeed { serial, seed } => self.add_totp_seed(&MfaSerial::parse(&serial)?, TotpSeed::parse(seed.expose())?).await.map(done),
            Request::MfaCode { serial } => {
                self.mfa_code(&MfaSerial::parse(&serial)?).await.map(|shown| Response::Code { code: shown.code, valid_until: shown.valid_until })
            }
            Request::MfaDevices => Ok(Response::Names { names: self.mfa_devices() }),
            Request::Lock => self.lock().await.map(done),
            Request::Unlock { passphrase } => self.unlock(passphrase).await.map(done),
            Request::CreateVault { passphrase, lost: true } => {
                self.give_up_lost_vault(SecretsPlace::Vault, Some(passphrase)).await.map(|()| Response::Place { place: SecretsPlace::Vault })
            }
            Request::Migrate { to: to @ SecretsPlace::Keychain, lost: true, .. } => {
                let migration = Migration { items: Vec::new(), left: None };
                self.give_up_lost_vault(to, None).await.map(|()| Response::Migrated { migration })
            }
            Request::CreateVault { passphrase, lost: false } => self.create_vault(passphrase).await.map(|place| Response::Place { place }),
            Request::ChangePassphrase { old, new } => self.change_passphrase(old, new).await.map(done),
            Request::Migrate { to, passphrase, dry_run, lost: _ } => {
                self.migrate(to, passphrase, dry_run).await.map(|migration| Response::Migrated { migration })
            }
            Request::Lease { request, mfa_code } => {
                let code = mfa_code.map(|code| MfaCode::parse(code.expose())).transpose()?;
                self.lease(request, code, &asker()).await.map(|lease| Response::Leases { leases: vec![lease] })
            }
            Request::Leases => Ok(Response::Leases { leases: self.leases() }),
            Request::LeaseExec { lease } => {
                self.lease_for_child(&lease, &asker()).await.map(|handed| Response::Variables { variables: Variable::all(&handed) })
            }
            Request::LeaseProcess { lease } => self.lease_document(&lease, &asker()).await.map(text),
            Request::StopLease { lease: Some(lease) } => self.stop_lease(&lease, &asker()).await.map(done),
            Request::StopLease { lease: None } => self.stop_leases(&asker()).await.map(done),
            Request::WriteFile { profile, section } => self.write_file(&profile, section.as_deref(), &asker()).await.map(|file| Response::File { file }),
            Request::WriteFileNoMore { profile } => self.write_file_no_more(&profile).await.map(done),
            Request::ShowWindow => {
                self.show_window();
                Ok(Response::Done)
            }
            Request::Close => self.close(super::sessions::ANSWER_WITHIN).await.map(done),
        }
    }
}
