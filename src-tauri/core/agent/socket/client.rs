//! The blocking client: one question, one answer.
//!
//! No runtime and no retries: who gets no answer learns why and decides. The server's side of the socket is checked too, because
//! secrets go in this direction as well.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    agent::protocol::{Line, Request, Response, VERSION},
    error::{Code, Error, Result},
    model::secret::{Secret, wiped_line},
    paths::Paths,
};

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// Nobody listens.
    Nobody,
    /// It went away before it answered: another agent may be taking over.
    Gone,
    /// It is there and does not answer.
    Late,
    /// Anything else.
    Other(Error),
}

/// An answer can hold many sessions; this is beyond any.
const LONGEST_ANSWER: usize = 64 << 20;

#[cfg(unix)]
type Channel = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Channel = std::fs::File;

#[cfg(unix)]
fn connect(paths: &Paths, end: Instant) -> io::Result<Channel> {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with, sockopt};

    // Not with the standard library's, which waits as long as it takes where the queue of an agent that hangs is full.
    #[cfg(target_os = "linux")]
    let flags = SocketFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = SocketFlags::empty();
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let patience = Some(end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, patience)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, patience)?;
    connect(&socket, &SocketAddrUnix::new(paths.socket())?)?;
    // Only an agent of the same user is told anything.
    if is_own(&socket, paths) { Ok(Channel::from(socket)) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Whether this user serves the other end. The kernel knows of the connection itself, whatever lies at the path by now.
#[cfg(target_os = "linux")]
fn is_own(socket: &impl std::os::fd::AsFd, _paths: &Paths) -> bool {
    rustix::net::sockopt::socket_peercred(socket).is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

/// Whether the socket at the path is this user's.
#[cfg(all(unix, not(target_os = "linux")))]
fn is_own(_socket: &impl std::os::fd::AsFd, paths: &Paths) -> bool {
    rustix::fs::stat(paths.socket()).is_ok_and(|stat| stat.st_uid == rustix::process::geteuid().as_raw())
}

#[cfg(windows)]
fn connect(paths: &Paths, _end: Instant) -> io::Result<Channel> {
    use std::os::windows::fs::OpenOptionsExt;
    let name = std::fs::read_to_string(paths.pipe_name())?;
    // SECURITY_IDENTIFICATION: whoever serves the pipe may see who we are, and not act as us.
    std::fs::OpenOptions::new().read(true).write(true).security_qos_flags(0x0001_0000).open(name)
}

/// Asks the agent that listens now.
pub fn ask(paths: &Paths, request: &Request) -> Result<Response, Failure> {
    ask_until(paths, request, Instant::now() + request.patience())
}

/// Asks the agent that listens now, and waits no longer than until `end`. On Windows a pipe knows no such limit.
pub fn ask_until(paths: &Paths, request: &Request, end: Instant) -> Result<Response, Failure> {
    let mut channel = connect(paths, end).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::Nobody,
        io::ErrorKind::WouldBlock => Failure::Late,
        // ERROR_PIPE_BUSY: all instances of the pipe are taken for a moment.
        _ if cfg!(windows) && error.raw_os_error() == Some(231) => Failure::Gone,
        _ => Failure::Other(Error::new(Code::Agent, format!("Could not talk to the Stagedoor agent: {error}"), "Quit Stagedoor and start it again")),
    })?;
    let line = wiped_line(&Line::asked(request, paths)).ok_or(Failure::Gone)?;
    channel.write_all(&line).map_err(|_| Failure::Gone)?;
    let answer = read_line(&mut channel, end)?;
    // serde_json's errors can quote what they read, so they are not passed on.
    let unreadable = || {
        Failure::Other(Error::new(
            Code::Agent,
            "The running Stagedoor is another version than this program",
            "Quit Stagedoor (or stop “stagedoor agent”) and start it again",
        ))
    };
    // What is asked for most is read without the detour that an enum with a tag takes, which copies every text.
    if let Ok(TextLine { v: VERSION, is: "text", text }) = serde_json::from_slice(&answer) {
        return Ok(Response::Text { text });
    }
    let answer: Line<Response> = serde_json::from_slice(&answer).map_err(|_| unreadable())?;
    if answer.v == VERSION { Ok(answer.body) } else { Err(unreadable()) }
}

/// A [`Response::Text`] in its line.
#[derive(Deserialize)]
struct TextLine<'a> {
    v: u32,
    is: &'a str,
    text: Secret,
}

/// One line, in memory that is wiped: a buffer that is too small is replaced, not grown.
fn read_line(channel: &mut impl Read, end: Instant) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut line = Zeroizing::new(vec![0; 4096]);
    let mut filled = 0;
    while filled < LONGEST_ANSWER {
        if filled == line.len() {
            let mut larger = Zeroizing::new(vec![0; filled * 2]);
            larger[..filled].copy_from_slice(&line);
            line = larger;
        }
        match channel.read(&mut line[filled..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(count) if count > 0 => {
                filled += count;
                if line[filled - 1] == b'\n' {
                    line.truncate(filled);
                    return Ok(line);
                }
                // Each piece has the whole time; who sends a byte now and then has not.
                if Instant::now() >= end {
                    return Err(Failure::Late);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Failure::Late),
            Ok(_) | Err(_) => return Err(Failure::Gone),
        }
    }
    Err(Failure::Gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_the_short_way_as_by_the_enum() {
        for text in ["{\"Version\":1,\"SessionToken\":\"a/b+c\"}", "export A='é\\n'\n", ""] {
            let line = wiped_line(&Line::new(Response::Text { text: Secret::new(text) })).unwrap();
            let TextLine { v, is, text: short } = serde_json::from_slice(&line).unwrap();
            let Response::Text { text: long } = serde_json::from_slice::<Line<Response>>(&line).unwrap().body else { panic!("{text}") };
            assert_eq!((v, is, short.expose()), (VERSION, "text", long.expose()));
        }
        for other in [Response::Done, Response::Ending, Response::Names { names: vec!["text".to_owned()] }] {
            let line = wiped_line(&Line::new(other)).unwrap();
            assert!(serde_json::from_slice::<TextLine<'_>>(&line).is_err());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_connection_tells_who_serves_it_whatever_lies_at_the_path() {
        let (here, _there) = Channel::pair().unwrap();
        let nowhere = Paths::from_env(crate::paths::Platform::current(), |name| (name == "STAGEDOOR_HOME").then(|| "/nonexistent".to_owned()));
        assert!(is_own(&here, &nowhere));
    }
}
