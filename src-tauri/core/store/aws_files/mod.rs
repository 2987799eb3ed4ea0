//! `~/.aws/config` and `~/.aws/credentials`: read without loss, edited in place.
//!
//! [`AwsFiles`] is what both say together, at the moment they were read: per key the credentials file wins, keys that
//! Stagedoor has renamed count as what they stand for, and secrets stand apart from the properties. [`edit`] changes single
//! lines and leaves every other byte alone. `text` knows what each line is, `parts` which sections are as they were.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::Path,
    sync::Arc,
};

use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::AccessKey,
        chain::Chain,
        profile::{Profile, ProfileName},
        resolve,
        secret::Secret,
    },
    paths::Paths,
    store::files,
};

mod both;
mod bytes;
mod change;
mod command;
mod connecting;
pub mod diff;
pub mod edit;
pub(crate) mod keys;
mod merge;
mod moving;
pub mod origins;
mod parts;
mod text;
pub mod written;

use text::Document;

pub use merge::{Change, Profiles};

/// Nested properties of a section: `sts =` with `endpoint_url = …` below it.
type Nested = BTreeMap<String, BTreeMap<String, String>>;

/// The secrets of one profile.
#[derive(Clone, Default)]
struct Plaintext {
    secret: Option<Secret>,
    token: Option<Secret>,
}

/// Both files as they were read.
#[derive(Clone, Default)]
pub struct AwsFiles {
    profiles: Vec<Arc<Profile>>,
    index: HashMap<String, usize>,
    /// Beside each profile, what its files hold in plain text.
    secrets: Vec<Plaintext>,
    sso_sessions: HashMap<String, BTreeMap<String, String>>,
    services: HashMap<String, Nested>,
    problems: Vec<Error>,
    found: bool,
    readable_by_others: bool,
    /// The config and the credentials.
    parts: [parts::File; 2],
}

impl fmt::Debug for AwsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsFiles").field("profiles", &self.profiles).field("problems", &self.problems).finish_non_exhaustive()
    }
}

impl AwsFiles {
    /// Reads both files. What they say never makes it fail: broken lines are [`problems`](Self::problems) and are skipped.
    /// A file that is there and cannot be read as text is an error.
    pub fn read(paths: &Paths) -> Result<Self> {
        let mut read = Self::default();
        read.refresh(paths)?;
        Ok(read)
    }

    /// Reads both files again, takes over what is not as it was, and says what that is. After an error nothing has changed.
    pub fn refresh(&mut self, paths: &Paths) -> Result<Change> {
        let paths = [&*paths.aws_config, &*paths.aws_credentials];
        let text = |path: &Path| match files::read(path)? {
            Some(found) => bytes::text_of(path, &found).map(|mut text| Some(std::mem::take(&mut *text))),
            None => Ok(None),
        };
        let texts = [text(paths[0])?, text(paths[1])?];
        let foreign: Vec<_> = paths.iter().zip(&texts).filter_map(|(path, text)| not_utf8(path, text.as_ref()?)).collect();
        let change = self.take_over(paths, texts);
        self.problems.extend(foreign);
        Ok(change)
    }

    /// What documents that are at hand say.
    fn of(documents: [(&Path, &Document); 2]) -> Self {
        let mut read = Self::default();
        read.take_over(documents.map(|(path, _)| path), documents.map(|(_, document)| Some((*document.text).clone())));
        read
    }

    /// The profiles in the order of the files, the config first; merged and effective.
    pub fn profiles(&self) -> Profiles<'_> {
        Profiles(&self.profiles)
    }

    /// One profile.
    pub fn profile(&self, name: &ProfileName) -> Option<&Profile> {
        self.named(name.as_str())
    }

    /// What is wrong with the files: a sentence each, with file and line, and a hint.
    pub fn problems(&self) -> &[Error] {
        &self.problems
    }

    /// Whether a profile is handed out through Stagedoor.
    pub fn is_connected(&self, name: &str) -> bool {
        self.named(name).is_some_and(|profile| profile.connected)
    }

    /// The nested properties of `[services NAME]`.
    pub fn services(&self, section: &str) -> Option<&BTreeMap<String, BTreeMap<String, String>>> {
        self.services.get(section)
    }

    /// The properties of `[sso-session NAME]`.
    pub fn sso_session(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.sso_sessions.get(name)
    }

    /// The access key whose secret lies in the files, unless it is temporary or no access key.
    pub fn plaintext_key(&self, name: &ProfileName) -> Option<AccessKey> {
        let at = *self.index.get(name.as_str())?;
        if self.profiles[at].session_token {
            return None;
        }
        AccessKey::parse(self.profiles[at].get("aws_access_key_id")?, self.secrets[at].secret.clone()?).ok()
    }

    /// The temporary credentials that the files hold: the key and its session token.
    pub fn plaintext_session(&self, name: &ProfileName) -> Option<(AccessKey, Secret)> {
        let at = *self.index.get(name.as_str())?;
        let token = self.secrets[at].token.clone().filter(|token| !token.is_empty())?;
        let key = AccessKey::parse(self.profiles[at].get("aws_access_key_id")?, self.secrets[at].secret.clone()?).ok()?;
        Some((key, token))
    }

    /// Whether a file that holds a secret can be read by others than its owner.
    pub fn readable_by_others(&self) -> bool {
        self.readable_by_others
    }

    /// Whether there is any file at all.
    pub fn found(&self) -> bool {
        self.found
    }

    /// Where a profile's credentials come from, without any call.
    pub fn resolve(&self, name: &ProfileName) -> Result<Chain> {
        resolve::resolve(name, &resolve::World { profile: &|name| self.named(name), sso_session: &|name| self.sso_session(name) }).map_err(|mut error| {
            if error.code == Code::MissingProfile {
                self.hint_at_near_miss(name, &mut error);
            }
            error
        })
    }

    /// Why a profile that somebody thinks is there is not: its section was skipped, or the capitals differ.
    fn hint_at_near_miss(&self, name: &ProfileName, error: &mut Error) {
        let shown = [format!("“{}”", name.as_str().escape_debug()), format!("[{name}]"), format!("[profile {name}]")];
        if let Some(problem) = self.problems.iter().find(|problem| shown.iter().any(|shown| problem.message.contains(shown))) {
            error.hint = format!("{}. {}", problem.message, problem.hint);
        } else if let Some(near) = self.profiles.iter().find(|profile| profile.name.eq_ignore_ascii_case(name.as_str().trim())) {
            error.hint = format!("Did you mean “{}”? Capitals count", near.name);
        }
    }

    fn named(&self, name: &str) -> Option<&Profile> {
        self.index.get(name).map(|at| &*self.profiles[*at])
    }
}

/// AWS's own tools refuse such a file; here the rest of it counts.
fn not_utf8(path: &Path, text: &str) -> Option<Error> {
    let line = bytes::first_foreign_line(text)?;
    let hint = "Open it in an editor and save it as UTF-8: AWS's own tools refuse the whole file";
    Some(Error::new(Code::File, format!("Line {line} of {} is not UTF-8 text", path.display()), hint))
}
