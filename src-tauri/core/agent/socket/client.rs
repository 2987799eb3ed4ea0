//! The blocking client: one question, one answer.

use std::io::{self, BufRead, BufReader, Read, Write};

use zeroize::Zeroizing;

use crate::{
    agent::protocol::{Line, Request, Response, VERSION},
    error::{Code, Error, Result},
    paths::Paths,
};

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// Nobody listens.
    Nobody,
    /// It went away before it answered: another agent may be taking over.
    Gone,
    /// Anything else.
    Other(Error),
}

#[cfg(unix)]
type Channel = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Channel = std::fs::File;

#[cfg(unix)]
fn connect(paths: &Paths) -> io::Result<Channel> {
    let stream = Channel::connect(paths.socket())?;
    // Only an agent of the same user is told anything.
    match rustix::fs::stat(paths.socket()) {
        Ok(stat) if stat.st_uid == rustix::process::geteuid().as_raw() => Ok(stream),
        Ok(_) | Err(_) => Err(io::ErrorKind::NotFound.into()),
    }
}

#[cfg(windows)]
fn connect(paths: &Paths) -> io::Result<Channel> {
    std::fs::OpenOptions::new().read(true).write(true).open(pipe_name(paths))
}

/// The name of the pipe: one for each user and each `STAGEDOOR_HOME`.
#[cfg(windows)]
pub(super) fn pipe_name(paths: &Paths) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(paths.runtime.to_string_lossy().to_lowercase().as_bytes());
    let id = digest.iter().take(12).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!(r"\\.\pipe\stagedoor-{id}")
}

/// Asks the agent that listens now.
pub fn ask(paths: &Paths, request: &Request) -> Result<Response, Failure> {
    let mut channel = connect(paths).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::Nobody,
        io::ErrorKind::WouldBlock => Failure::Gone,
        _ => Failure::Other(Error::new(Code::Agent, format!("Could not talk to the Stagedoor agent: {error}"), "Quit Stagedoor and start it again")),
    })?;
    let mut line = Zeroizing::new(serde_json::to_vec(&Line::new(request)).map_err(|_| Failure::Gone)?);
    line.push(b'\n');
    channel.write_all(&line).map_err(|_| Failure::Gone)?;
    let mut answer = Zeroizing::new(Vec::with_capacity(4096));
    // An answer can hold many sessions; 64 MiB is beyond any.
    BufReader::with_capacity(8192, channel.take(64 << 20)).read_until(b'\n', &mut answer).map_err(|_| Failure::Gone)?;
    if !answer.ends_with(b"\n") {
        return Err(Failure::Gone);
    }
    // serde_json's errors can quote what they read, so they are not passed on.
    let unreadable = || {
        Failure::Other(Error::new(
            Code::Agent,
            "The running Stagedoor is another version than this program",
            "Quit Stagedoor (or stop “stagedoor agent”) and start it again",
        ))
    };
    let answer: Line<Response> = serde_json::from_slice(&answer).map_err(|_| unreadable())?;
    if answer.v == VERSION { Ok(answer.body) } else { Err(unreadable()) }
}
