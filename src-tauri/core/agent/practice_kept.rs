//! The practice account's file: what people made in it, written a moment after each change and when it ends.
//!
//! What the file holds is the practice world's business. One that does not open is set aside and told, as sealed sessions are:
//! a person, or another version of Stagedoor, may still want it. Nothing slow is done on the threads that answer.

use std::{io, path::PathBuf, sync::PoisonError, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle};

use super::Agent;
use crate::{
    error::{Code, Error, Result},
    practice::{ReadyMade, World},
    store::{files, set_aside::set_aside},
};

/// How long changes gather before they are written.
const SETTLE: Duration = Duration::from_secs(1);

/// The task that keeps what people make in the practice account; it ends with this.
pub(super) struct Keeping {
    /// Dropped, it ends the task.
    running: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Keeping {
    pub(super) fn begin(agent: &Agent, world: &World) -> Self {
        let (running, ended) = oneshot::channel();
        Self { running, task: tokio::spawn(keep_changes(agent.clone(), world.clone(), ended)) }
    }

    /// Ends it. What it is just writing is written first.
    pub(super) async fn end(self) {
        drop(self.running);
        let _ended = self.task.await;
    }
}

impl Agent {
    fn practice_file(&self) -> PathBuf {
        self.0.parts.paths.data.join("practice.sealed")
    }

    /// The practice account as it was kept. `None`: it begins anew, and what did not open lies beside.
    pub(super) fn kept_practice(&self, seed: &[u8; 32]) -> Result<Option<(World, ReadyMade)>> {
        let (file, clock) = (self.practice_file(), &self.0.parts.clock);
        let sealed = match files::read_plain(&file) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::file("read", &file, &error)),
        };
        let kept = str::from_utf8(&sealed).ok().and_then(|sealed| World::kept(*seed, clock.clone(), sealed));
        if kept.is_none() {
            // Where that fails it does not start, because the next change would replace the file.
            let aside = set_aside(&file, clock.now()).map_err(|error| Error::file("set aside", &file, &error))?;
            self.problems().practice_set_aside = Some(Error::new(
                Code::File,
                "What was made in the practice account could not be opened: another version of Stagedoor wrote it, it was changed, or its key is no longer in the keychain",
                format!("The practice account began anew; the file was set aside as {aside} and can be deleted"),
            ));
        }
        Ok(kept)
    }

    /// Writes what people made in the practice account, sealed.
    pub(super) async fn keep_practice(&self, world: &World) {
        let (agent, world) = (self.clone(), world.clone());
        let kept = tokio::task::spawn_blocking(move || {
            let _one = agent.0.keeping.lock().unwrap_or_else(PoisonError::into_inner);
            let unsealed = || Error::new(Code::File, "it could not be sealed", "It is in memory and ends with the agent; change something to try again");
            files::write_atomic(&agent.practice_file(), world.keep().ok_or_else(unsealed)?.as_bytes())
        });
        let kept = kept.await.unwrap_or_else(|error| Err(Error::new(Code::File, error.to_string(), "Restart Stagedoor")));
        self.problems().practice =
            kept.err().map(|error| Error { message: format!("What changed in the practice account was not kept: {}", error.message), ..error });
    }
}

/// Many changes at once are one write.
async fn keep_changes(agent: Agent, world: World, mut ended: oneshot::Receiver<()>) {
    let mut changes = world.changes();
    loop {
        tokio::select! {
            _ = &mut ended => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
        tokio::select! {
            _ = &mut ended => return,
            () = tokio::time::sleep(SETTLE) => {}
        }
        changes.mark_unchanged();
        agent.keep_practice(&world).await;
    }
}
