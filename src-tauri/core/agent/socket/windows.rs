//! The named pipe of Windows: a random name, kept in a file that only this user may read.
//!
//! The default access list of a pipe lets nobody but this user, administrators and the system write to it, and whoever
//! cannot write cannot ask. Remote clients are refused. Compiled by construction; see the README for what was run where.

use std::io;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::{
    net::windows::named_pipe::{NamedPipeServer, ServerOptions},
    sync::Mutex,
};

use super::Caller;
use crate::{
    error::{Code, Error, Result},
    paths::Paths,
    store::files,
};

/// A connection.
pub type Stream = NamedPipeServer;

/// Returns when the other side is gone: a pipe does not tell before something is written, so whoever waits is waited for.
pub(in crate::agent) async fn left(_: &Stream) {
    std::future::pending().await
}

/// The pipe of the one agent.
#[derive(Debug)]
pub struct Listener {
    name: String,
    waiting: Mutex<NamedPipeServer>,
}

impl Listener {
    /// Creates the pipe under a new name and writes the name down.
    pub fn bind(paths: &Paths) -> Result<Self> {
        let failed = |why: String| Error::new(Code::Agent, format!("Could not open the agent's pipe: {why}"), "Quit the other Stagedoor, then try again");
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(|error| failed(error.to_string()))?;
        let name = format!(r"\\.\pipe\stagedoor-{}", URL_SAFE_NO_PAD.encode(random));
        let first = ServerOptions::new().first_pipe_instance(true).reject_remote_clients(true).create(&name);
        let waiting = Mutex::new(first.map_err(|error| failed(error.to_string()))?);
        files::private_folder(&paths.runtime)?;
        files::write_atomic(&paths.pipe_name(), name.as_bytes())?;
        Ok(Self { name, waiting })
    }

    /// The next connection. The client's process ID is not known here. Dropping the future loses no client.
    pub async fn accept(&self) -> io::Result<Caller> {
        let mut waiting = self.waiting.lock().await;
        waiting.connect().await?;
        let next = ServerOptions::new().reject_remote_clients(true).create(&self.name)?;
        Ok(Caller::Own(std::mem::replace(&mut *waiting, next), None))
    }

    /// A pipe lives as long as its server.
    pub const fn is_there(&self) -> bool {
        true
    }
}
