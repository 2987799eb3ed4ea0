//! Edits of the AWS files that a person asks for: hand a profile out or take it back, move an access key, change a key.
//!
//! Each changes single lines ([`Change`]) of both files at once (`both`), so that undoing it finds them byte for byte as
//! they were. All of them may be repeated.

use std::path::Path;

use super::{
    both::{Next, Order, edit},
    change::{Change, Property},
    command, keys,
    text::{self, Document, SectionName},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::{AccessKey, AccessKeyId},
        profile::ProfileName,
        resolve::missing_profile,
        secret::Secret,
    },
    paths::Paths,
    store::aws_files::AwsFiles,
};

const ADDED: &str = "added";
const ADDED_FILE: &str = "added with the file";

/// Hands a profile out through Stagedoor: our `credential_process` line, and every key that would win over it renamed.
pub fn connect(paths: &Paths, profile: &ProfileName, program: &Path) -> Result<()> {
    let command = command::line(program, profile)?;
    let name = section(profile);
    edit(paths, Order::ConfigFirst, |files| {
        let (mut config, mut credentials) = (Change::new(&files.config.document), Change::new(&files.credentials.document));
        let sections = config.sections(&name);
        if sections.is_empty() && credentials.sections(&name).is_empty() {
            return Err(missing_profile(profile));
        }
        let mut present = false;
        for change in [&mut config, &mut credentials] {
            for property in change.properties(&name) {
                if is_our_line(change.document, &property, profile) {
                    present = true;
                    change.replace(property.value, &*command);
                } else if keys::is_renamed(&property.name) {
                    let key = format!("{}{}", keys::PREFIX, change.document.at(&property.key));
                    change.replace(property.key, key);
                }
            }
        }
        let line = format!("{} = {command}", keys::PROCESS);
        match sections.first() {
            Some(_) if present => {}
            Some(first) => config.insert_first(*first, &line),
            None => {
                let how = if files.config.found { ADDED } else { ADDED_FILE };
                config.append(&[&header(profile), &format!("{} = {how}", keys::OWN_SECTION), &line]);
            }
        }
        Ok((Next::Text(config.apply()), Next::Text(credentials.apply())))
    })
}

/// Gives a profile back as it was: our line removed, the renamed keys renamed back. What was changed by hand since stays.
pub fn disconnect(paths: &Paths, profile: &ProfileName) -> Result<()> {
    let name = section(profile);
    edit(paths, Order::CredentialsFirst, |files| {
        let (mut config, mut credentials) = (Change::new(&files.config.document), Change::new(&files.credentials.document));
        if config.sections(&name).is_empty() && credentials.sections(&name).is_empty() {
            return Err(missing_profile(profile));
        }
        let mut with_file = false;
        for change in [&mut config, &mut credentials] {
            with_file |= take_back(change, &name, profile);
        }
        let config = config.apply();
        let gone = with_file && config.trim_start_matches('\u{feff}').is_empty();
        Ok((if gone { Next::Gone } else { Next::Text(config) }, Next::Text(credentials.apply())))
    })
}

/// Moves an access key out of the files: its ID stays under our own key, its secret is gone. The keychain must have it by then.
pub fn take_key(paths: &Paths, profile: &ProfileName, key_id: &AccessKeyId) -> Result<()> {
    let name = section(profile);
    edit(paths, Order::CredentialsFirst, |files| {
        let read = AwsFiles::of([(&paths.aws_config, &files.config.document), (&paths.aws_credentials, &files.credentials.document)]);
        let key = read.plaintext_key(profile).filter(|key| key.id == *key_id).ok_or_else(|| no_such_key(profile, key_id))?;
        let mut changes = [Change::new(&files.config.document), Change::new(&files.credentials.document)];
        for change in &mut changes {
            for property in change.properties(&name) {
                let value = change.document.value(property.line);
                match keys::effective(&property.name) {
                    keys::ID if value == key_id.as_str() => change.replace_key(&property, keys::OWN_ID),
                    keys::SECRET if Secret::new(value.as_str()) == key.secret => {
                        change.replace_key(&property, keys::OWN_PLACE);
                        change.replace(property.value, keys::KEYCHAIN);
                    }
                    _ => {}
                }
            }
        }
        let [config, credentials] = changes.map(|change| Next::Text(change.apply()));
        Ok((config, credentials))
    })
}

/// The reverse of [`take_key`].
pub fn put_key_back(paths: &Paths, profile: &ProfileName, key: &AccessKey) -> Result<()> {
    let name = section(profile);
    edit(paths, Order::CredentialsFirst, |files| {
        let mut changes = [Change::new(&files.config.document), Change::new(&files.credentials.document)];
        let connected = changes.iter().any(|change| change.properties(&name).iter().any(|property| is_our_line(change.document, property, profile)));
        let prefix = if connected { keys::PREFIX } else { "" };
        let (mut ids, mut secrets) = (0, 0);
        for change in &mut changes {
            let properties = change.properties(&name);
            let at = |property: &Property| change.document.at(&property.value).to_owned();
            let is_id = |property: &Property| property.name == keys::OWN_ID;
            // A place belongs to the ID in its section, or to whichever there is when its section has none.
            let of_other_key = |place: &Property| {
                let mut beside = properties.iter().filter(|other| is_id(other) && other.section == place.section).peekable();
                beside.peek().is_some() && beside.all(|other| at(other) != key.id.as_str())
            };
            let found: Vec<_> = properties
                .iter()
                .map(|property| {
                    (
                        is_id(property) && at(property) == key.id.as_str(),
                        property.name == keys::OWN_PLACE && at(property) == keys::KEYCHAIN && !of_other_key(property),
                    )
                })
                .collect();
            for (property, (is_id, is_place)) in properties.into_iter().zip(found) {
                if is_id {
                    ids += 1;
                    change.replace_key_with_prefix(&property, prefix, keys::ID);
                } else if is_place {
                    secrets += 1;
                    change.replace_key_with_prefix(&property, prefix, keys::SECRET);
                    change.replace(property.value, key.secret.expose());
                }
            }
        }
        if ids == 0 || secrets == 0 {
            return Err(Error::new(
                Code::NoCredentials,
                format!("The access key {} of the profile “{profile}” did not come from a file, so there is no place to put it back to", key.id),
                "It stays in the keychain",
            ));
        }
        let [config, credentials] = changes.map(|change| Next::Text(change.apply()));
        Ok((config, credentials))
    })
}

/// Adds a profile at the end of the config file; an error when there is one of that name.
pub fn add_profile(paths: &Paths, profile: &ProfileName, properties: &[(&str, &str)]) -> Result<()> {
    check_name(profile)?;
    for (key, value) in properties {
        check_property(key, value)?;
    }
    let name = section(profile);
    edit(paths, Order::ConfigFirst, |files| {
        let mut config = Change::new(&files.config.document);
        if !config.sections(&name).is_empty() || !Change::new(&files.credentials.document).sections(&name).is_empty() {
            return Err(Error::new(Code::InvalidValue, format!("There is a profile “{profile}” already"), "Choose another name, or change that profile"));
        }
        let lines: Vec<_> = [header(profile)].into_iter().chain(properties.iter().map(|(key, value)| format!("{key} = {value}"))).collect();
        config.append(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        Ok((Next::Text(config.apply()), Next::Same))
    })
}

/// Replaces, adds or removes one property of a profile in the config file; adds the section where it is missing.
pub fn set(paths: &Paths, profile: &ProfileName, key: &str, value: Option<&str>) -> Result<()> {
    set_all(paths, profile, &[(key, value)])
}

/// As [`set`], several properties at once: all of them or none.
pub fn set_all(paths: &Paths, profile: &ProfileName, properties: &[(&str, Option<&str>)]) -> Result<()> {
    for (key, value) in properties {
        check_property(key, value.unwrap_or("x"))?;
    }
    let name = section(profile);
    edit(paths, Order::ConfigFirst, |files| {
        let mut config = Change::new(&files.config.document);
        let found = config.properties(&name);
        let connected = found.iter().any(|property| is_our_line(config.document, property, profile));
        let mut added = Vec::new();
        for (key, value) in properties {
            let key = if connected && keys::is_renamed(key) { format!("{}{key}", keys::PREFIX) } else { (*key).to_owned() };
            let mut same: Vec<_> = found.iter().filter(|property| property.name == key && !is_our_line(config.document, property, profile)).collect();
            match (value, same.pop()) {
                (None, last) => same.into_iter().chain(last).for_each(|property| config.remove_property(property.line)),
                (Some(value), Some(last)) => {
                    config.remove_continuations(last.line);
                    // Where there was no value, a comment may follow at once.
                    let space = if last.value.is_empty() && last.value.end < config.document.lines[last.line].end { " " } else { "" };
                    config.replace(last.value.clone(), format!("{value}{space}"));
                }
                (Some(value), None) => added.push(format!("{key} = {value}")),
            }
        }
        let added: Vec<_> = added.iter().map(String::as_str).collect();
        match config.sections(&name).last() {
            _ if added.is_empty() => {}
            Some(last) => config.insert_last(*last, &added),
            None => {
                check_name(profile)?;
                let header = header(profile);
                config.append(&[&[header.as_str()], &added[..]].concat());
            }
        }
        Ok((Next::Text(config.apply()), Next::Same))
    })
}

/// Removes a profile's sections from the config file.
pub fn remove_profile(paths: &Paths, profile: &ProfileName) -> Result<()> {
    remove_sections(paths, &section(profile))
}

/// Sets a nested property of `[services SECTION]`, such as `endpoint_url` of `sts`.
pub fn set_services(paths: &Paths, section: &str, service: &str, key: &str, value: &str) -> Result<()> {
    check_name(&ProfileName::new(section))?;
    check_property(service, "x")?;
    check_property(key, value)?;
    let name = SectionName::Services(section.to_owned());
    edit(paths, Order::ConfigFirst, |files| {
        let mut config = Change::new(&files.config.document);
        let line = format!("  {key} = {value}");
        let here = config.properties(&name).into_iter().rfind(|property| property.name == service);
        match (here, config.sections(&name).last()) {
            (Some(here), _) => {
                let is_key = |line: &usize| config.document.nested_key(*line).is_some_and(|found| found.eq_ignore_ascii_case(key));
                let old = config.document.continuations(here.line).filter(is_key).last();
                match old {
                    Some(old) => config.replace(config.document.lines[old].start..config.document.lines[old].end, line),
                    None => config.insert_after(here.line, &[&line]),
                }
            }
            (None, Some(last)) => config.insert_last(*last, &[&format!("{service} ="), &line]),
            (None, None) => config.append(&[&format!("[services {section}]"), &format!("{service} ="), &line]),
        }
        Ok((Next::Text(config.apply()), Next::Same))
    })
}

/// Removes `[services SECTION]`.
pub fn remove_services(paths: &Paths, section: &str) -> Result<()> {
    remove_sections(paths, &SectionName::Services(section.to_owned()))
}

fn remove_sections(paths: &Paths, name: &SectionName) -> Result<()> {
    edit(paths, Order::ConfigFirst, |files| {
        let mut config = Change::new(&files.config.document);
        for section in config.sections(name) {
            config.remove_section(section);
        }
        Ok((Next::Text(config.apply()), Next::Same))
    })
}

/// Undoes [`connect`] in one file; returns whether the file itself was made for our section.
fn take_back(change: &mut Change<'_>, name: &SectionName, profile: &ProfileName) -> bool {
    let properties = change.properties(name);
    let is_marker = |property: &Property| property.name == keys::OWN_SECTION;
    let ours = |property: &Property| is_marker(property) || is_our_line(change.document, property, profile);
    let marked: Vec<_> = properties.iter().filter(|property| is_marker(property)).map(|property| property.section).collect();
    let with_file = properties.iter().any(|property| is_marker(property) && change.document.at(&property.value) == ADDED_FILE);
    let only_ours = |section: usize| marked.contains(&section) && properties.iter().filter(|other| other.section == section).all(ours);
    let decided: Vec<_> = properties.iter().map(|property| (only_ours(property.section), ours(property))).collect();
    let mut removed = Vec::new();
    for (property, (whole, ours)) in properties.into_iter().zip(decided) {
        if whole && !removed.contains(&property.section) {
            removed.push(property.section);
            change.remove_section(property.section);
        } else if !whole && ours {
            change.remove_property(property.line);
        } else if !whole && keys::was_renamed(&property.name) {
            change.replace(property.key.start..property.key.start + keys::PREFIX.len(), "");
        }
    }
    with_file
}

impl Change<'_> {
    /// Gives a property another key, in capitals where the old one was.
    fn replace_key(&mut self, property: &Property, key: &str) {
        self.replace_key_with_prefix(property, "", key);
    }

    fn replace_key_with_prefix(&mut self, property: &Property, prefix: &str, key: &str) {
        let old = self.document.at(&property.key);
        let old = if keys::was_renamed(&property.name) { &old[keys::PREFIX.len()..] } else { old };
        let capitals = !old.bytes().any(|b| b.is_ascii_lowercase());
        let key = if capitals { key.to_ascii_uppercase() } else { key.to_owned() };
        self.replace(property.key.clone(), format!("{prefix}{key}"));
    }
}

fn section(profile: &ProfileName) -> SectionName {
    SectionName::Profile(profile.as_str().to_owned())
}

fn header(profile: &ProfileName) -> String {
    if profile.as_str() == "default" { "[default]".to_owned() } else { format!("[profile {profile}]") }
}

fn is_our_line(document: &Document, property: &Property, profile: &ProfileName) -> bool {
    property.name == keys::PROCESS && command::is_ours(document.at(&property.value), profile.as_str())
}

fn no_such_key(profile: &ProfileName, key_id: &AccessKeyId) -> Error {
    Error::new(
        Code::NoCredentials,
        format!("The access key {key_id} of the profile “{profile}” is not in the files any more, or is no complete access key"),
        "See what the files hold with: stagedoor profiles",
    )
}

fn check_name(profile: &ProfileName) -> Result<()> {
    if text::is_identifier(profile.as_str()) {
        Ok(())
    } else {
        Err(Error::invalid("profile name", profile.as_str(), "one word of letters, digits and _-/.%@:+"))
    }
}

/// Refuses what would not be read back as it was written.
fn check_property(key: &str, value: &str) -> Result<()> {
    if !text::is_identifier(key) || key.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(Error::invalid("key", key, "one word of small letters, digits and _-/.%@:+"));
    }
    let comment = value.starts_with(['#', ';']) || value.split(char::is_whitespace).any(|word| word.starts_with(['#', ';']));
    if value.is_empty() || value.trim() != value || value.chars().any(char::is_control) || comment {
        // Not shown: somebody may have put a secret there.
        return Err(Error::new(
            Code::InvalidValue,
            format!("The value for {key} cannot be written into the config file"),
            "Expected: one line, without # or ; after a space",
        ));
    }
    Ok(())
}
