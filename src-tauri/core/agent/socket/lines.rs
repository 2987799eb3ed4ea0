//! One line at a time, from whoever connected, in memory that is wiped.
//!
//! A line may hold an access key or a seed, so no copy of it stays behind: not in a buffer that grew, and not in one that was read
//! ahead. It may be too long, may never end, and may come a byte a minute.

use std::{mem, time::Duration};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use crate::agent::protocol::LONGEST_LINE;

/// How long a line may take to come, and an answer to be taken.
const SILENCE: Duration = Duration::from_secs(30);

/// What is read at once at first: nearly every question fits.
const USUAL: usize = 1024;

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// The other side is done, or has said nothing for a while.
    Done,
    /// It stopped within a line.
    Half,
    /// The line goes on and on.
    TooLong,
}

/// The lines of one connection.
#[derive(Debug)]
pub struct Lines<S> {
    stream: S,
    /// What was read and is no line yet.
    ahead: Zeroizing<Vec<u8>>,
}

impl<S: AsyncRead + Unpin> Lines<S> {
    /// Of this connection.
    pub fn of(stream: S) -> Self {
        Self { stream, ahead: Zeroizing::new(Vec::with_capacity(USUAL)) }
    }

    /// What they come over.
    pub const fn stream(&self) -> &S {
        &self.stream
    }

    /// The next line, with its end.
    pub async fn next(&mut self) -> Result<Zeroizing<Vec<u8>>, End> {
        let read = tokio::time::timeout(SILENCE, self.read()).await;
        read.unwrap_or_else(|_| Err(self.ended()))
    }

    fn ended(&self) -> End {
        if self.ahead.is_empty() { End::Done } else { End::Half }
    }

    async fn read(&mut self) -> Result<Zeroizing<Vec<u8>>, End> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.ahead[searched..].iter().position(|byte| *byte == b'\n') {
                let mut rest = Zeroizing::new(Vec::with_capacity(USUAL.max(self.ahead.len())));
                rest.extend_from_slice(&self.ahead[searched + at + 1..]);
                let mut line = mem::replace(&mut self.ahead, rest);
                line.truncate(searched + at + 1);
                return Ok(line);
            }
            searched = self.ahead.len();
            if searched >= LONGEST_LINE {
                return Err(End::TooLong);
            }
            if searched == self.ahead.capacity() {
                let mut larger = Zeroizing::new(Vec::with_capacity((searched * 4).min(LONGEST_LINE)));
                larger.extend_from_slice(&self.ahead);
                self.ahead = larger;
            }
            match self.stream.read_buf(&mut *self.ahead).await {
                Ok(count) if count > 0 => {}
                Ok(_) | Err(_) => return Err(self.ended()),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Lines<S> {
    /// Writes a line that has its end; whether it was taken.
    pub async fn say(&mut self, line: &[u8]) -> bool {
        let written = async {
            self.stream.write_all(line).await?;
            self.stream.flush().await
        };
        matches!(tokio::time::timeout(SILENCE, written).await, Ok(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[tokio::test]
    async fn lines_come_whole_however_they_are_cut() {
        let text = format!("one\n\n{}\nhalf", "x".repeat(5000));
        for piece in [1, 7, 1000, 10_000] {
            let (mut here, there) = duplex(64);
            let text = text.clone();
            let sending = tokio::spawn(async move {
                for piece in text.as_bytes().chunks(piece) {
                    here.write_all(piece).await.unwrap();
                }
            });
            let mut lines = Lines::of(there);
            let mut lengths = Vec::new();
            let end = loop {
                match lines.next().await {
                    Ok(line) => lengths.push(line.len()),
                    Err(end) => break end,
                }
            };
            sending.await.unwrap();
            assert_eq!((lengths, end), (vec![4, 1, 5001], End::Half));
        }
    }

    #[tokio::test]
    async fn a_line_that_goes_on_is_given_up_and_takes_no_more_memory() {
        let (mut here, there) = duplex(64 * 1024);
        let sending = tokio::spawn(async move { while here.write_all(&[b'x'; 4096]).await.is_ok() {} });
        let mut lines = Lines::of(there);
        assert_eq!(lines.next().await.unwrap_err(), End::TooLong);
        assert_eq!(lines.ahead.capacity(), LONGEST_LINE);
        drop(lines);
        sending.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_dawdles_is_given_up() {
        let (mut here, there) = duplex(64);
        let mut lines = Lines::of(there);
        let dawdling = async {
            for _ in 0..100 {
                here.write_all(b"x").await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let began = tokio::time::Instant::now();
        let end = tokio::select! { end = lines.next() => end.unwrap_err(), () = dawdling => End::Done };
        assert_eq!((end, began.elapsed()), (End::Half, SILENCE), "a byte a second does not keep it");
        let (_here, there) = duplex(64);
        assert_eq!(Lines::of(there).next().await.unwrap_err(), End::Done);
        let (_reads_nothing, there) = duplex(64);
        assert!(!Lines::of(there).say(&[b'x'; 1000]).await, "nor one who does not take the answer");
    }
}
