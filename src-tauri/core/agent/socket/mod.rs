//! The local socket: where it is, who may use it, one line at a time.
//!
//! A Unix socket (0600 in a 0700 folder, the peer's user checked), or a named pipe on Windows. The client is blocking and small
//! on purpose: `credential-process` runs it hundreds of times a day and needs no runtime.

pub mod client;
#[cfg(unix)]
#[path = "unix.rs"]
mod platform;
#[cfg(windows)]
#[path = "windows.rs"]
mod platform;

use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

pub(super) use self::platform::left;
pub use self::platform::{Listener, Stream};
use super::protocol::LONGEST_LINE;

/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// Reads one line; `None` at the end, when it is too long, or when nothing comes.
pub(super) async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> Option<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    let mut limited = reader.take(LONGEST_LINE);
    let read = tokio::time::timeout(SILENCE, limited.read_until(b'\n', &mut line)).await;
    matches!(read, Ok(Ok(count)) if count > 0 && line.ends_with(b"\n")).then_some(line)
}

/// Writes one line.
pub(super) async fn write_line(writer: &mut (impl AsyncWrite + Unpin), line: &[u8]) -> std::io::Result<()> {
    writer.write_all(line).await?;
    writer.write_all(b"\n").await?;
    writer.flush().await
}
