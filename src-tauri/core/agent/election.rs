//! One agent per user: who holds the lock is it. The operating system frees the lock when its holder dies.
//!
//! The app takes over from an agent without a window: it asks it to seal its sessions and end, then takes the lock.

use std::{
    fs::{File, OpenOptions, TryLockError},
    time::{Duration, Instant},
};

use super::{
    protocol::{Request, Response},
    socket::client,
};
use crate::{
    error::{Code, Error, Result},
    paths::Paths,
    store::files,
};

/// How long an agent has to land its flights, seal and go.
const PATIENCE: Duration = Duration::from_mins(1);

/// The right to be the agent, as long as it is held.
#[derive(Debug)]
pub struct Elected {
    _lock: File,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// This process is the agent now.
    Elected(Elected),
    /// There is one already, and it stays.
    AlreadyRunning {
        /// It has no window.
        windowless: bool,
    },
}

/// Stands for election. `take_over`: an agent without a window is asked to make room. Blocks.
pub fn stand(paths: &Paths, take_over: bool) -> Result<Outcome> {
    files::private_folder(&paths.runtime)?;
    let path = paths.agent_lock();
    let open = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let lock = open().map_err(|error| Error::file("open", &path, &error))?;
    let began = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Outcome::Elected(Elected { _lock: lock })),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", &path, &error)),
        }
        if began.elapsed() > PATIENCE {
            return Err(Error::new(Code::Agent, "Another Stagedoor holds on and does not answer", "End the process “stagedoor”, then try again"));
        }
        match client::ask(paths, &Request::Hello) {
            Ok(Response::Hello { windowless, .. }) if !(take_over && windowless) => return Ok(Outcome::AlreadyRunning { windowless }),
            // Answers when everything is sealed. Whatever it says, the lock tells whether it is gone.
            Ok(Response::Hello { .. }) => drop(client::ask(paths, &Request::Close)),
            // It is just starting or just ending.
            Ok(_) | Err(client::Failure::Nobody | client::Failure::Gone | client::Failure::Late) => {}
            Err(client::Failure::Other(error)) => return Err(error),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
