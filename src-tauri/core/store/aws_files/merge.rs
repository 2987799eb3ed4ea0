//! Both files as one: what each section says goes to the profile of its name, the config first.
//!
//! Taken over is only what changed: a profile of which no section came, went or differs stays the very one it was, and whoever
//! keeps something made of a profile learns from [`Change`] whether it still holds.

use std::{collections::HashSet, path::Path, sync::Arc};

use super::{
    AwsFiles, Plaintext, command, keys,
    parts::{Changed, File, Properties},
    text::{FileKind, SPACE, SectionName},
};
use crate::{
    model::{profile::Profile, secret::Secret},
    store::files,
};

const KINDS: [FileKind; 2] = [FileKind::Config, FileKind::Credentials];

/// What a reading found changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The profiles of which a section came, went or differs.
    pub profiles: HashSet<String>,
    /// Profiles came, went or have another place.
    pub places: bool,
    /// Sections that any profile may name are not as they were, or all of it is new.
    pub common: bool,
}

/// Profiles in the order of the files.
#[derive(Clone, Copy, Debug)]
pub struct Profiles<'a>(pub(super) &'a [Arc<Profile>]);

impl<'a> Profiles<'a> {
    /// One after the other.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a Profile> {
        self.0.iter().map(|profile| &**profile)
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl AwsFiles {
    /// Takes over what both files say now.
    pub(super) fn take_over(&mut self, paths: [&Path; 2], texts: [Option<String>; 2]) -> Change {
        let [config, credentials] = texts;
        let mut parts = std::mem::take(&mut self.parts);
        let mut changed = [parts[0].update(KINDS[0], config), parts[1].update(KINDS[1], credentials)];
        let first = self.profiles.is_empty();
        let change = if first { Change { profiles: HashSet::new(), places: true, common: true } } else { what_changed(&parts, &changed) };
        if change.places {
            self.place(&parts, &change.profiles);
        } else {
            for profile in &change.profiles {
                self.begin(profile);
            }
        }
        if change.common {
            self.sso_sessions.clear();
            self.services.clear();
        }
        let wanted = |name: &SectionName| match name {
            SectionName::Profile(profile) => first || change.profiles.contains(profile),
            SectionName::SsoSession(_) | SectionName::Services(_) => change.common,
            SectionName::Other => false,
        };
        if change.common || !change.profiles.is_empty() {
            for ((file, kind), changed) in parts.iter().zip(KINDS).zip(&mut changed) {
                for (name, properties) in file.properties(kind, changed, wanted) {
                    self.add(name, properties);
                }
            }
        }
        self.problems = parts.iter().zip(paths).flat_map(|(file, path)| file.problems(path)).collect();
        self.found = parts.iter().any(|file| file.found);
        self.readable_by_others = parts.iter().zip(paths).any(|(file, path)| file.holds_secret && files::readable_by_others(path));
        self.parts = parts;
        change
    }

    /// Gives every profile its place, in the order of the files; those that changed begin anew.
    fn place(&mut self, parts: &[File; 2], changed: &HashSet<String>) {
        let (profiles, index) = (std::mem::take(&mut self.profiles), std::mem::take(&mut self.index));
        let mut secrets = std::mem::take(&mut self.secrets);
        for name in parts.iter().flat_map(File::sections) {
            let SectionName::Profile(name) = name else { continue };
            if self.index.contains_key(name) {
                continue;
            }
            self.index.insert(name.clone(), self.profiles.len());
            let kept = index.get(name).filter(|_| !changed.contains(name));
            self.profiles.push(kept.map_or_else(|| empty(name), |at| Arc::clone(&profiles[*at])));
            self.secrets.push(kept.map(|at| std::mem::take(&mut secrets[*at])).unwrap_or_default());
        }
    }

    /// A profile that changed, before it is read again.
    fn begin(&mut self, name: &str) {
        if let Some(at) = self.index.get(name) {
            self.profiles[*at] = empty(name);
            self.secrets[*at] = Plaintext::default();
        }
    }

    /// Adds what one section says.
    fn add(&mut self, section: &SectionName, properties: Properties) {
        match section {
            SectionName::Profile(name) => {
                let Some(at) = self.index.get(name).copied() else { return };
                let profile = Arc::make_mut(&mut self.profiles[at]);
                for (key, value) in properties {
                    property(profile, &mut self.secrets[at], key, value);
                }
            }
            SectionName::SsoSession(name) => self.sso_sessions.entry(name.clone()).or_default().extend(properties),
            SectionName::Services(name) => {
                let services = self.services.entry(name.clone()).or_default();
                for (key, value) in properties {
                    let nested = value.lines().filter_map(|line| line.split_once('='));
                    let nested = nested.map(|(key, value)| (key.trim_matches(SPACE).to_ascii_lowercase(), value.trim_matches(SPACE).to_owned()));
                    services.entry(key).or_default().extend(nested);
                }
            }
            SectionName::Other => {}
        }
    }
}

fn what_changed(parts: &[File; 2], changed: &[Changed; 2]) -> Change {
    let mut change = Change::default();
    for (file, changed) in parts.iter().zip(changed) {
        let (gone, new) = changed.names(file);
        change.places |= gone != new;
        for name in gone.into_iter().chain(new) {
            match name {
                SectionName::Profile(profile) => {
                    // Whether `[default]` counts may have changed.
                    change.places |= name.is_default();
                    change.profiles.insert(profile.clone());
                }
                SectionName::SsoSession(_) | SectionName::Services(_) => change.common = true,
                SectionName::Other => {}
            }
        }
    }
    change
}

fn empty(name: &str) -> Arc<Profile> {
    Arc::new(Profile { name: name.to_owned(), ..Profile::default() })
}

/// Merges one property into a profile.
fn property(profile: &mut Profile, plaintext: &mut Plaintext, written: String, value: String) {
    let key = keys::effective(&written);
    if key == keys::PROCESS && command::is_ours(&value, &profile.name) {
        profile.connected = true;
    } else if key == keys::SECRET {
        profile.plaintext_key = !value.is_empty();
        plaintext.secret = Some(Secret::new(value));
    } else if keys::is_token(key) {
        profile.session_token = !value.is_empty();
        plaintext.token = Some(Secret::new(value));
    } else if keys::is_shown(key) {
        let key = if key.len() == written.len() { written } else { key.to_owned() };
        profile.properties.insert(key, value);
    }
}
