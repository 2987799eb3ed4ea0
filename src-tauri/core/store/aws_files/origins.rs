//! Where each property of a profile stands, and which of several lines counts: for explaining, not for resolving.
//!
//! The files are read once more, because what the rest of the product keeps of them knows no lines. No secret is kept: of a line
//! that holds one, only that it is there.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    command, keys,
    text::{self, Document, FileKind, LineKind, SectionName},
};
use crate::{error::Result, paths::Paths, store::files};

/// One line of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// As it is written, in small letters.
    pub written: String,
    /// What it stands for: without the prefix of keys that Stagedoor renamed.
    pub key: String,
    /// Its file.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// Its value; `None` where that is a secret or nobody's business.
    pub value: Option<String>,
    /// It holds a secret in plain text.
    pub secret: bool,
    /// Another line for the same key counts instead.
    pub overruled: bool,
    /// It is our own `credential_process` line, by which the profile is handed out; the program that it names.
    pub hands_out: Option<PathBuf>,
    /// The program that a `credential_process` line starts, whoever's it is.
    pub starts: Option<PathBuf>,
}

/// All lines of all profiles, by their names, in the order of the files.
pub fn origins(paths: &Paths) -> Result<BTreeMap<String, Vec<Origin>>> {
    let mut found: BTreeMap<String, Vec<Origin>> = BTreeMap::new();
    for (path, kind) in [(&paths.aws_config, FileKind::Config), (&paths.aws_credentials, FileKind::Credentials)] {
        let Some(text) = files::read_text(path)? else { continue };
        let document = Document::parse(kind, text);
        for (index, line) in document.lines.iter().enumerate() {
            let LineKind::Property { section, key, .. } = &line.kind else { continue };
            let SectionName::Profile(name) = &document.sections[*section].name else { continue };
            let written = document.at(key).to_ascii_lowercase();
            if !text::is_identifier(&written) {
                continue;
            }
            let of_profile = found.entry(name.clone()).or_default();
            let value = document.value(index);
            let effective = keys::effective(&written);
            let secret = !value.is_empty() && (effective == keys::SECRET || keys::is_token(effective));
            let starts = (written == keys::PROCESS).then(|| command::program(&value)).flatten();
            let (value, hands_out) = told(&written, value, secret, name);
            for before in of_profile.iter_mut().filter(|before| before.written == written) {
                before.overruled = true;
            }
            let key = keys::effective(&written).to_owned();
            of_profile.push(Origin { written, key, file: path.clone(), line: index + 1, value, secret, overruled: false, hands_out, starts });
        }
    }
    Ok(found)
}

/// What may be told of a value, and whose program it names if it is our line.
fn told(written: &str, value: String, secret: bool, profile: &str) -> (Option<String>, Option<PathBuf>) {
    let ours = written == keys::PROCESS && command::is_ours(&value, profile);
    let program = ours.then(|| command::program(&value)).flatten();
    ((!secret && keys::is_shown(written)).then_some(value), program)
}

impl Origin {
    /// Whether it wins over our `credential_process` in at least one SDK, so that a tool would not ask Stagedoor.
    pub fn beats_us(&self) -> bool {
        keys::is_renamed(&self.written) && self.hands_out.is_none() && !self.overruled
    }
}
