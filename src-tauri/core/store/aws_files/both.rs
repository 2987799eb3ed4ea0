//! Both AWS files as one thing to write.
//!
//! They are read anew, changed and written only if they are still what was read; otherwise it starts over. Where both
//! change and the second cannot be written, the first is put back.

use std::path::Path;

use zeroize::Zeroizing;

use super::text::{Document, FileKind};
use crate::{
    error::{Code, Error, Result},
    paths::Paths,
    store::files,
};

/// How often an edit starts over because somebody else wrote a file meanwhile.
const ATTEMPTS: usize = 5;

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
    fn read(path: &Path, kind: FileKind) -> Result<Self> {
        let text = files::read_text(path)?;
        Ok(Self { found: text.is_some(), document: Document::parse(kind, text.unwrap_or_default()) })
    }

    fn is_still(&self, path: &Path) -> Result<bool> {
        let now = files::read_text(path)?.map(Zeroizing::new);
        Ok(now.is_some() == self.found && now.as_deref().map_or("", String::as_str) == self.document.text.as_str())
    }
}

/// What becomes of a file.
pub(super) enum Next {
    Same,
    Text(Zeroizing<String>),
    Gone,
}

/// Which file is written first: the one after which a profile still works should the second one fail.
#[derive(Clone, Copy)]
pub(super) enum Order {
    ConfigFirst,
    CredentialsFirst,
}

/// Reads, changes, writes.
pub(super) fn edit(paths: &Paths, order: Order, change: impl Fn(&Files) -> Result<(Next, Next)>) -> Result<()> {
    let _guard = files::lock_folder_of(&paths.aws_config);
    for _ in 0..ATTEMPTS {
        let read =
            Files { config: Before::read(&paths.aws_config, FileKind::Config)?, credentials: Before::read(&paths.aws_credentials, FileKind::Credentials)? };
        let (config, credentials) = change(&read)?;
        let mut writes = [(&*paths.aws_config, &read.config, config), (&*paths.aws_credentials, &read.credentials, credentials)];
        if matches!(order, Order::CredentialsFirst) {
            writes.reverse();
        }
        if !(read.config.is_still(&paths.aws_config)? && read.credentials.is_still(&paths.aws_credentials)?) {
            continue;
        }
        let [first, second] = &writes;
        write(first)?;
        return write(second).inspect_err(|_| put_back(first));
    }
    Err(Error::new(Code::File, "The AWS files are being changed by another program", "Try again when it is done; nothing was changed"))
}

type Write<'a> = (&'a Path, &'a Before, Next);

fn write((path, before, next): &Write<'_>) -> Result<()> {
    match next {
        Next::Text(text) if *text != before.document.text => files::write_atomic(path, text.as_bytes()),
        Next::Gone if before.found => files::remove(path),
        Next::Same | Next::Text(_) | Next::Gone => Ok(()),
    }
}

/// The second file could not be written: the first becomes what it was, as far as that can be had.
fn put_back((path, before, next): &Write<'_>) {
    let changed = match next {
        Next::Text(text) => *text != before.document.text,
        Next::Gone => before.found,
        Next::Same => false,
    };
    if changed {
        // The failure that led here is the one to report; the next edit completes what this one leaves.
        let _ = if before.found { files::write_atomic(path, before.document.text.as_bytes()) } else { files::remove(path) };
    }
}
