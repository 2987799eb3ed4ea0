//! Who works on a setup: one at a time, from the first look at where it stands until it stands still again.
//!
//! The window, the tray and any number of terminals may ask for the same setup at once. The first has it; the others are told who
//! that is, and nothing is called twice. A claim ends with whoever holds it: with its task, and with its process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    super::{Agent, Asker},
    runs::Run,
    working::Work,
};
use crate::{
    error::{Code, Error, Result},
    setup::at_work::AtWork,
};

/// All that are held.
#[derive(Debug, Default)]
pub(super) struct Claims(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    /// By the setups' names: what is done, and by whom it was begun.
    by: BTreeMap<String, (Work, String)>,
    /// As long as there is any.
    process: Option<AtWork>,
}

/// The right to work on a setup, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Mutex<Held>>,
    id: String,
}

fn lock(claims: &Mutex<Held>) -> MutexGuard<'_, Held> {
    claims.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = lock(&self.claims);
        held.by.remove(&self.id);
        if held.by.is_empty() {
            held.process = None;
        }
    }
}

impl Agent {
    /// Takes a setup for `asker`, or says who has it. Where it stands is read again: another process may have gone on with it.
    pub(super) fn claim(&self, run: &Run, work: Work, asker: &Asker) -> Result<Claim> {
        let claims = &self.0.setups.claims.0;
        let mut held = lock(claims);
        if let Some((work, who)) = held.by.get(&run.plan.id) {
            let doing = if *work == Work::Apply { "applied" } else { "taken back" };
            return Err(busy(run, &format!("“{}” is being {doing} already, begun {who}", run.plan.title)));
        }
        if held.process.is_none() {
            match AtWork::begin(&self.0.parts.paths.data)? {
                Ok(lock) => held.process = Some(lock),
                Err(process) => {
                    let which = process.map(|id| format!(", process {id},")).unwrap_or_default();
                    return Err(busy(run, &format!("Another Stagedoor{which} is working on setups of this computer")));
                }
            }
        }
        held.by.insert(run.plan.id.clone(), (work, by(asker)));
        drop(held);
        let claim = Claim { claims: Arc::clone(claims), id: run.plan.id.clone() };
        self.read_again(run)?;
        Ok(claim)
    }
}

fn busy(run: &Run, message: &str) -> Error {
    Error::new(Code::Conflict, message, format!("Wait until that has ended; how far it is: stagedoor setup show {}", run.plan.id))
}

/// From where, in words.
fn by(asker: &Asker) -> String {
    match asker.pid {
        None if asker.is_ours() => "in the Stagedoor app".to_owned(),
        None => format!("by {}", asker.name),
        Some(pid) => format!("by {} (process {pid})", asker.name),
    }
}
