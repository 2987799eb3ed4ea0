//! Handing profiles out and giving them back: our `credential_process` line, and every key that would win over it renamed.
//!
//! Giving back takes only what is ours and finds the rest as it was, also after a person edited the section, copied it, renamed
//! it or moved it meanwhile. A key that a person wrote beside a renamed one is the newer one and stays; no section ever gets a
//! key twice, because the AWS CLI refuses the whole file then.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use super::{
    both::{Edit, Files, Next, Order},
    change::{Change, Property},
    command, edit, keys,
    text::{Document, LineKind, SectionName},
};
use crate::{
    error::Result,
    model::{profile::ProfileName, resolve::missing_profile},
};

const ADDED: &str = "added";
const ADDED_FILE: &str = "added with the file";

impl Edit<'_> {
    /// Hands profiles out through Stagedoor.
    pub fn connect(profiles: &[ProfileName], program: &Path) -> Result<Self> {
        let lines = profiles.iter().map(|profile| Ok((profile.clone(), command::line(program, profile)?))).collect::<Result<Vec<_>>>()?;
        Ok(Self::new(Order::ConfigFirst, move |files| {
            let world = World::of(files);
            let (mut config, mut credentials) = (Change::new(&files.config.document), Change::new(&files.credentials.document));
            for (profile, command) in &lines {
                let [in_config, in_credentials] = world.sections(profile)?;
                let present = world.hand_out(&mut config, in_config, profile, command) | world.hand_out(&mut credentials, in_credentials, profile, command);
                let line = format!("{} = {command}", keys::PROCESS);
                match in_config.first() {
                    Some(_) if present => {}
                    Some(first) => config.insert_first(*first, &line),
                    None => {
                        let how = if files.config.found || config.appended() { ADDED } else { ADDED_FILE };
                        config.append(&[&edit::header(profile), &format!("{} = {how}", keys::OWN_SECTION), &line]);
                    }
                }
            }
            Ok((Next::Text(config.apply()), Next::Text(credentials.apply())))
        }))
    }

    /// Gives profiles back as they were. What was changed by hand since stays.
    pub fn disconnect(profiles: &[ProfileName]) -> Self {
        let profiles = profiles.to_vec();
        Self::new(Order::CredentialsFirst, move |files| {
            let world = World::of(files);
            let (mut config, mut credentials) = (Change::new(&files.config.document), Change::new(&files.credentials.document));
            let (mut with_file, mut removed) = (false, HashSet::new());
            for profile in &profiles {
                let [in_config, in_credentials] = world.sections(profile)?;
                with_file |= world.take_back(&mut config, in_config, profile, &mut removed);
                world.take_back(&mut credentials, in_credentials, profile, &mut HashSet::new());
            }
            if with_file {
                hand_on_the_file(&mut config, &removed);
            }
            let config = config.apply();
            let gone = with_file && config.trim_start_matches('\u{feff}').is_empty();
            Ok((if gone { Next::Gone } else { Next::Text(config) }, Next::Text(credentials.apply())))
        })
    }
}

/// Where the profiles of both files stand.
struct World<'a>([HashMap<&'a str, Vec<usize>>; 2]);

impl<'a> World<'a> {
    fn of(files: &'a Files) -> Self {
        Self([&files.config.document, &files.credentials.document].map(|document: &'a Document| {
            let mut index: HashMap<&str, Vec<usize>> = HashMap::new();
            for (at, section) in document.sections.iter().enumerate() {
                if let SectionName::Profile(name) = &section.name {
                    index.entry(name).or_default().push(at);
                }
            }
            index
        }))
    }

    /// The sections of a profile in each file; an error when there are none.
    fn sections(&self, profile: &ProfileName) -> Result<[&[usize]; 2]> {
        let found = [0, 1].map(|file: usize| self.0[file].get(profile.as_str()).map_or(&[][..], Vec::as_slice));
        if found.iter().all(|sections| sections.is_empty()) { Err(missing_profile(profile)) } else { Ok(found) }
    }

    /// Whether a property is a line of ours: it names this profile; or one that is gone, because the section was renamed; or
    /// another one, where the section was copied with the keys that we renamed.
    fn is_ours(&self, document: &Document, property: &Property, beside: &[Property], profile: &ProfileName) -> bool {
        if property.name != keys::PROCESS {
            return false;
        }
        let Some(named) = command::profile_of(document.at(&property.value)) else { return false };
        let known = self.0.iter().any(|index| index.contains_key(named.as_str()));
        named == profile.as_str() || !known || beside.iter().any(|other| keys::was_renamed(&other.name) || other.name == keys::OWN_SECTION)
    }

    /// Renames what would win over our line; returns whether the line is there already.
    fn hand_out(&self, change: &mut Change<'_>, sections: &[usize], profile: &ProfileName, command: &str) -> bool {
        let mut present = false;
        for section in sections {
            let properties = change.properties_of(*section);
            for property in &properties {
                if self.is_ours(change.document, property, &properties, profile) {
                    present = true;
                    change.replace(property.value.clone(), command);
                } else if keys::is_renamed(&property.name) {
                    for older in properties.iter().filter(|other| keys::was_renamed(&other.name) && keys::effective(&other.name) == property.name) {
                        change.remove_property(older.line);
                    }
                    let key = format!("{}{}", keys::PREFIX, change.document.at(&property.key));
                    change.replace(property.key.clone(), key);
                }
            }
        }
        present
    }

    /// Undoes [`hand_out`](Self::hand_out) in one file; returns whether the file itself was made for our section.
    fn take_back(&self, change: &mut Change<'_>, sections: &[usize], profile: &ProfileName, removed: &mut HashSet<usize>) -> bool {
        let mut with_file = false;
        for section in sections {
            let properties = change.properties_of(*section);
            let is_marker = |property: &Property| property.name == keys::OWN_SECTION;
            let ours =
                |property: &Property| is_marker(property) || property.name == keys::HAND_OUT || self.is_ours(change.document, property, &properties, profile);
            let decided: Vec<bool> = properties.iter().map(ours).collect();
            with_file |= properties.iter().any(|property| is_marker(property) && change.document.at(&property.value) == ADDED_FILE);
            if properties.iter().any(is_marker) && decided.iter().all(|ours| *ours) && is_as_we_wrote_it(change, *section, profile) {
                removed.insert(*section);
                change.remove_section(*section);
                continue;
            }
            let theirs: HashSet<&str> = properties.iter().zip(&decided).filter(|(_, ours)| !**ours).map(|(property, _)| property.name.as_str()).collect();
            for (property, ours) in properties.iter().zip(&decided) {
                if *ours || (keys::was_renamed(&property.name) && theirs.contains(keys::effective(&property.name))) {
                    change.remove_property(property.line);
                } else if keys::was_renamed(&property.name) {
                    change.replace(property.key.start..property.key.start + keys::PREFIX.len(), "");
                }
            }
        }
        with_file
    }
}

/// Whether nobody has written anything else into a section of ours: a comment, or something that is no property.
fn is_as_we_wrote_it(change: &Change<'_>, section: usize, profile: &ProfileName) -> bool {
    let document = change.document;
    let line = &document.lines[document.sections[section].line];
    let body = document.body(section).start..=change.last_of(section);
    document.text[line.start..line.end] == edit::header(profile)
        && body.clone().all(|line| matches!(document.lines[line].kind, LineKind::Property { .. } | LineKind::Blank))
}

/// The file was made for a section that goes; another of ours that stays remembers it from now on.
fn hand_on_the_file(change: &mut Change<'_>, removed: &HashSet<usize>) {
    let staying = (0..change.document.sections.len()).filter(|section| !removed.contains(section));
    let marker = staying.flat_map(|section| change.properties_of(section)).find(|property| property.name == keys::OWN_SECTION);
    if let Some(marker) = marker.filter(|marker| change.document.at(&marker.value) == ADDED) {
        change.replace(marker.value, ADDED_FILE);
    }
}
