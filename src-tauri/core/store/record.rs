//! The record of activity on disk: JSON lines in the data folder, the newest file `activity.jsonl`, older ones numbered.
//!
//! A file is closed when it has 2 MB or its first line is thirty days old; five are kept. Whoever writes is the one agent of
//! this user. A line that cannot be read, torn by a crash or changed by hand, is skipped and counted.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read},
    path::PathBuf,
};

use time::{Duration, OffsetDateTime};

use super::append;
use crate::{
    error::{Code, Error, Result},
    model::activity::{ActivityLine, ActivityPage, ActivityQuery},
    paths::Paths,
};

/// How many files there are at most.
const FILES: usize = 5;

/// A file is closed before it grows beyond this.
const LARGEST: u64 = 2 << 20;

/// A file is closed when its first line is this old.
const OLDEST: Duration = Duration::days(30);

/// No line of ours is longer.
const LONGEST_LINE: u64 = 64 * 1024;

/// The record.
#[derive(Clone, Debug)]
pub struct Record {
    folder: PathBuf,
}

impl Record {
    /// Touches nothing yet.
    pub fn new(paths: &Paths) -> Self {
        Self { folder: paths.data.clone() }
    }

    /// One of its files; the newest is number 0.
    pub fn file(&self, number: usize) -> PathBuf {
        self.folder.join(if number == 0 { "activity.jsonl".to_owned() } else { format!("activity.{number}.jsonl") })
    }

    /// Adds lines, oldest first.
    pub fn add(&self, lines: &[ActivityLine], now: OffsetDateTime) -> Result<()> {
        let path = self.file(0);
        let failed = |error: io::Error| refused(&path, &error);
        super::files::private_folder(&self.folder)?;
        let mut text = Vec::with_capacity(lines.len() * 384);
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(|error| failed(error.into()))?;
            text.push(b'\n');
        }
        if self.is_full(text.len(), now) {
            self.turn().map_err(failed)?;
        }
        append::append(&path, &text).map_err(failed)
    }

    /// The lines that are asked for, newest first. `unwritten`: lines that are newer than all that is on disk, oldest first.
    pub fn read(&self, query: &ActivityQuery, unwritten: &[ActivityLine]) -> Result<ActivityPage> {
        let mut page = ActivityPage::default();
        let size = query.size();
        // Whether there is nothing more to look for.
        let take = |page: &mut ActivityPage, line: ActivityLine| {
            let last = query.after.is_some_and(|after| line.n <= after + 1);
            if query.wants(&line) {
                page.more = page.lines.len() == size;
                if !page.more {
                    page.lines.push(line);
                }
            }
            last || page.more
        };
        for line in unwritten.iter().rev() {
            if take(&mut page, line.clone()) {
                return Ok(page);
            }
        }
        for number in 0..FILES {
            let Some(text) = self.text(number)? else { continue };
            for line in text.split(|byte| *byte == b'\n').rev().filter(|line| !line.is_empty()) {
                let Ok(line) = serde_json::from_slice(line) else {
                    page.unreadable += 1;
                    continue;
                };
                if take(&mut page, line) {
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }

    /// A whole file; `None` where there is none.
    fn text(&self, number: usize) -> Result<Option<Vec<u8>>> {
        let path = self.file(number);
        let mut text = Vec::new();
        // Whatever somebody else put there, it is not read without an end.
        let read = append::read(&path).and_then(|file| file.take(4 * LARGEST).read_to_end(&mut text));
        match read {
            Ok(_) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused(&path, &error)),
        }
    }

    fn is_full(&self, more: usize, now: OffsetDateTime) -> bool {
        let Ok(file) = append::read(&self.file(0)) else { return false };
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut first = Vec::new();
        let line = BufReader::new(file).take(LONGEST_LINE).read_until(b'\n', &mut first).ok();
        let first = line.and_then(|_| serde_json::from_slice::<ActivityLine>(&first).ok());
        length > 0 && length + more as u64 > LARGEST || first.is_some_and(|first| now - first.at > OLDEST)
    }

    /// Each file becomes the next older one; the oldest goes.
    fn turn(&self) -> io::Result<()> {
        for number in (0..FILES - 1).rev() {
            match fs::rename(self.file(number), self.file(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

fn refused(path: &std::path::Path, error: &io::Error) -> Error {
    let plain = fs::symlink_metadata(path).is_ok_and(|found| !found.is_file());
    if plain {
        return Error::new(
            Code::File,
            format!("The record of activity is not kept: {} is no plain file", path.display()),
            "Move what lies there away; a link is not followed",
        );
    }
    let told = Error::file("use", path, error);
    Error { message: format!("The record of activity is not kept: {}", told.message), ..told }
}
