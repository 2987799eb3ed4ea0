//! The Unix socket.
//!
//! Its folder is 0700 and the socket 0600, and still the peer's user is asked of the kernel: a folder can be opened up by hand.
//! Who holds the agent's lock may replace what lies there.

use std::{
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{Interest, Ready},
    net::{UnixListener, UnixStream},
};

use super::Caller;
use crate::{
    error::{Error, Result},
    paths::Paths,
    store::files,
};

/// A connection.
pub type Stream = UnixStream;

/// How often it is looked whether somebody who waits is still there.
const LOOK: Duration = Duration::from_millis(250);

/// Returns when the other side is gone. One that only said all it had to say is still there.
pub(in crate::agent) async fn left(stream: &Stream) {
    while !stream.ready(Interest::WRITABLE).await.is_ok_and(Ready::is_write_closed) {
        tokio::time::sleep(LOOK).await;
    }
}

/// The socket of the one agent. Removed again when dropped.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    /// Device and inode: somebody else's socket may lie there one day.
    own: Option<(u64, u64)>,
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

impl Listener {
    /// Binds it. Only the holder of the agent's lock may call this: what lies there is a dead agent's.
    pub fn bind(paths: &Paths) -> Result<Self> {
        files::private_folder(&paths.runtime)?;
        let path = paths.socket();
        let failed = |error: &io::Error| Error::file("open the socket", &path, error);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
            Ok(()) | Err(_) => {}
        }
        let socket = UnixListener::bind(&path).map_err(|error| failed(&error))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(|error| failed(&error))?;
        Ok(Self { socket, own: identity(&path), path })
    }

    /// The next connection. Another user's is closed and told.
    pub async fn accept(&self) -> io::Result<Caller> {
        let (stream, _) = self.socket.accept().await?;
        let peer = stream.peer_cred()?;
        if peer.uid() == rustix::process::geteuid().as_raw() {
            Ok(Caller::Own(stream, peer.pid().and_then(|pid| u32::try_from(pid).ok())))
        } else {
            Ok(Caller::Other(peer.uid()))
        }
    }

    /// Whether others still find this socket: its folder may have been deleted, or another one put in its place.
    pub fn is_there(&self) -> bool {
        self.own.is_some() && identity(&self.path) == self.own
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.is_there() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
