//! Both AWS files as one thing to write: an [`Edit`] says what becomes of them, whatever they say by then.
//!
//! They are read anew, changed, and each takes its file's place only if that is still what was read; otherwise it starts over
//! with the new text. Where both change and the second cannot be written, the first is put back. The same edit shows what it
//! would do ([`Edit::preview`]) and does it.

use std::path::Path;

use zeroize::Zeroizing;

use super::{
    bytes,
    text::{Document, FileKind},
};
use crate::{
    error::{Code, Error, Result},
    paths::Paths,
    store::files,
};

/// How often an edit starts over because somebody else wrote a file meanwhile.
const ATTEMPTS: usize = 20;

const CONTESTED: &str = "The AWS files are being changed by another program";

/// Both files at one moment.
pub(super) struct Files {
    pub(super) config: Before,
    pub(super) credentials: Before,
}

/// One file at one moment.
pub(super) struct Before {
    pub(super) found: bool,
    pub(super) document: Document,
}

impl Before {
    fn of(kind: FileKind, text: Option<&str>) -> Self {
        Self { found: text.is_some(), document: Document::parse(kind, text.unwrap_or_default().to_owned()) }
    }

    /// What it is after a step.
    fn after(self, kind: FileKind, next: Next) -> Self {
        match next {
            Next::Same => self,
            Next::Text(text) if text == self.document.text => self,
            Next::Text(text) => Self::of(kind, Some(&text)),
            Next::Gone => Self::of(kind, None),
        }
    }

    /// The same as bytes, for the last step: nobody needs to know any more what each line is.
    fn bytes_after(&self, next: Next) -> Content {
        match next {
            Next::Same => self.found.then(|| bytes::encode(&self.document.text)),
            Next::Text(text) if text == self.document.text => self.found.then(|| bytes::encode(&text)),
            Next::Text(text) => Some(bytes::encode(&text)),
            Next::Gone => None,
        }
    }
}

/// What becomes of a file.
pub(super) enum Next {
    Same,
    Text(Zeroizing<String>),
    Gone,
}

/// Which file is written first: the one after which a profile still works should the second one fail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    ConfigFirst,
    CredentialsFirst,
}

/// What a file holds; `None`: there is none.
pub type Content = Option<Zeroizing<Vec<u8>>>;

/// One file before and after an edit.
pub struct Changed {
    /// As it was found.
    pub before: Content,
    /// As it is then.
    pub after: Content,
}

impl Changed {
    /// Whether it becomes another.
    pub fn differs(&self) -> bool {
        self.before != self.after
    }
}

/// Both files before and after an edit.
pub struct Changes {
    /// `~/.aws/config`
    pub config: Changed,
    /// `~/.aws/credentials`
    pub credentials: Changed,
}

type Step<'a> = Box<dyn Fn(&Files) -> Result<(Next, Next)> + Send + Sync + 'a>;

/// What shall become of the AWS files.
pub struct Edit<'a> {
    order: Order,
    steps: Vec<Step<'a>>,
}

impl<'a> Edit<'a> {
    pub(super) fn new(order: Order, change: impl Fn(&Files) -> Result<(Next, Next)> + Send + Sync + 'a) -> Self {
        Self { order, steps: vec![Box::new(change)] }
    }

    /// Both edits in one write, the other one on what this one leaves.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self
    }

    /// What it would change, and nothing else.
    pub fn preview(&self, paths: &Paths) -> Result<Changes> {
        changes(paths, &self.steps())
    }

    /// What it makes of these files; nothing is read or written. The paths are for messages.
    pub fn on(&self, paths: &Paths, config: Content, credentials: Content) -> Result<Changes> {
        changes_of(paths, config, credentials, &self.steps())
    }

    /// Makes it so, and tells what changed.
    pub fn write(&self, paths: &Paths) -> Result<Changes> {
        self.write_after(paths, |_| {})
    }

    /// As [`write`](Self::write); what will be replaced is shown just before it is, at each attempt.
    pub fn write_after(&self, paths: &Paths, about_to: impl FnMut(&Changes)) -> Result<Changes> {
        self.write_under(&lock(paths), paths, about_to)
    }

    /// The same under a lock that the caller waited for where it holds nobody up.
    pub(crate) fn write_under(&self, lock: &files::Lock, paths: &Paths, about_to: impl FnMut(&Changes)) -> Result<Changes> {
        write_all(lock, paths, self.order, &self.steps(), about_to)
    }

    fn steps(&self) -> Vec<&Does<'_>> {
        self.steps.iter().map(|step| &**step as &Does<'_>).collect()
    }
}

/// What a step makes of both files.
type Does<'a> = dyn Fn(&Files) -> Result<(Next, Next)> + 'a;

/// Reads, changes, writes, for an edit that nobody has to see before.
pub(super) fn edit(paths: &Paths, order: Order, change: impl Fn(&Files) -> Result<(Next, Next)>) -> Result<()> {
    write_all(&lock(paths), paths, order, &[&change], |_| {}).map(drop)
}

/// Keeps other Stagedoor processes from editing both files. Can block for seconds.
pub(crate) fn lock(paths: &Paths) -> files::Lock {
    files::Lock::of(&[&paths.aws_config, &paths.aws_credentials])
}

fn changes(paths: &Paths, steps: &[&Does<'_>]) -> Result<Changes> {
    changes_of(paths, files::read(&paths.aws_config)?, files::read(&paths.aws_credentials)?, steps)
}

fn changes_of(paths: &Paths, config: Content, credentials: Content, steps: &[&Does<'_>]) -> Result<Changes> {
    let before = |path: &Path, kind, content: &Content| {
        let text = content.as_ref().map(|found| bytes::text_of(path, found)).transpose()?;
        Ok(Before::of(kind, text.as_ref().map(|text| text.as_str())))
    };
    let mut now = Files {
        config: before(&paths.aws_config, FileKind::Config, &config)?,
        credentials: before(&paths.aws_credentials, FileKind::Credentials, &credentials)?,
    };
    let Some((last, others)) = steps.split_last() else {
        return Ok(Changes {
            config: Changed { after: config.clone(), before: config },
            credentials: Changed { after: credentials.clone(), before: credentials },
        });
    };
    for step in others {
        let (next_config, next_credentials) = step(&now)?;
        now = Files { config: now.config.after(FileKind::Config, next_config), credentials: now.credentials.after(FileKind::Credentials, next_credentials) };
    }
    let (next_config, next_credentials) = last(&now)?;
    Ok(Changes {
        config: Changed { before: config, after: now.config.bytes_after(next_config) },
        credentials: Changed { before: credentials, after: now.credentials.bytes_after(next_credentials) },
    })
}

fn write_all(_: &files::Lock, paths: &Paths, order: Order, steps: &[&Does<'_>], mut about_to: impl FnMut(&Changes)) -> Result<Changes> {
    for _ in 0..ATTEMPTS {
        let changes = changes(paths, steps)?;
        about_to(&changes);
        let mut writes = [(&*paths.aws_config, &changes.config), (&*paths.aws_credentials, &changes.credentials)];
        if order == Order::CredentialsFirst {
            writes.reverse();
        }
        let [first, second] = writes;
        if !write(first)? {
            continue;
        }
        match write(second) {
            Ok(true) => return Ok(changes),
            Ok(false) => put_back(first),
            Err(error) => {
                put_back(first);
                return Err(error);
            }
        }
    }
    Err(contested())
}

/// Somebody else writes the files all the time.
pub fn contested() -> Error {
    Error::new(Code::File, CONTESTED, "Try again when it is done; nothing was changed")
}

/// Whether an edit failed because somebody else writes the files, so that it may be tried again.
pub fn is_contested(error: &Error) -> bool {
    error.code == Code::File && error.message == CONTESTED
}

/// Writes one file; `false`: somebody else did meanwhile.
fn write((path, changed): (&Path, &Changed)) -> Result<bool> {
    match (&changed.before, &changed.after) {
        (before, after) if before == after => Ok(true),
        (before, Some(after)) => files::exchange(path, before.as_ref().map(|bytes| &bytes[..]), after),
        (Some(before), None) => files::take_away(path, before),
        (None, None) => Ok(true),
    }
}

/// The second file could not be written: the first becomes what it was, unless somebody has changed it again.
fn put_back((path, changed): (&Path, &Changed)) {
    let back = match (&changed.before, &changed.after) {
        (before, after) if before == after => return,
        (Some(before), after) => files::exchange(path, after.as_ref().map(|bytes| &bytes[..]), before),
        (None, Some(after)) => files::take_away(path, after),
        (None, None) => return,
    };
    // The failure that led here is the one to report; the next edit completes what this one leaves.
    drop(back);
}
