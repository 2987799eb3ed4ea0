//! The named pipe of Windows. Its default access list lets nobody but this user, administrators and the system write to it,
//! and whoever cannot write cannot ask. Remote clients are refused.

use std::{io, sync::Mutex};

use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

use crate::{
    error::{Code, Error, Result},
    paths::Paths,
};

/// A connection.
pub type Stream = NamedPipeServer;

/// The pipe of the one agent.
#[derive(Debug)]
pub struct Listener {
    name: String,
    next: Mutex<Option<NamedPipeServer>>,
}

impl Listener {
    /// Creates the first instance: if another program holds that name, this fails instead of joining it.
    pub fn bind(paths: &Paths) -> Result<Self> {
        let name = super::client::pipe_name(paths);
        let first = ServerOptions::new().first_pipe_instance(true).reject_remote_clients(true).create(&name);
        let first =
            first.map_err(|error| Error::new(Code::Agent, format!("Could not open the pipe {name}: {error}"), "Quit the other Stagedoor, then try again"))?;
        Ok(Self { name, next: Mutex::new(Some(first)) })
    }

    /// The next connection. The client's process ID is not known here.
    pub async fn accept(&self) -> io::Result<(Stream, Option<u32>)> {
        let waiting = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let server = match waiting {
            Some(server) => server,
            None => ServerOptions::new().reject_remote_clients(true).create(&self.name)?,
        };
        server.connect().await?;
        let next = ServerOptions::new().reject_remote_clients(true).create(&self.name)?;
        *self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(next);
        Ok((server, None))
    }

    /// A pipe lives as long as its server.
    pub const fn is_there(&self) -> bool {
        true
    }
}
