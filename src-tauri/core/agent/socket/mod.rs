//! The local socket: where it is, who may use it, one line at a time.
//!
//! A Unix socket (0600 in a 0700 folder, the peer's user checked), or a named pipe on Windows. The client is blocking and small
//! on purpose: `credential-process` runs it hundreds of times a day and needs no runtime.

pub mod client;
mod lines;
#[cfg(unix)]
#[path = "unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "windows.rs"]
mod platform;
mod seats;

pub(super) use self::platform::left;
pub use self::{
    lines::{End, Lines},
    platform::{Listener, Stream},
    seats::{SEATS, Seat, Seats},
};

/// Who connected.
#[derive(Debug)]
pub enum Caller {
    /// This user, with the process where the system tells it.
    Own(Stream, Option<u32>),
    /// Another user, by number; the connection is closed already.
    Other(u32),
}
