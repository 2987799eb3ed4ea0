//! A section of the credentials file that holds temporary credentials, written by us and taken out again.
//!
//! It is known by its mark and by the access key IDs that were written before: what somebody changed or wrote is never
//! overwritten or removed. The section's name must be free, because keys in the credentials file win over some sources of a
//! profile in one SDK and lose in another: botocore prefers them to `credential_process`, the Rust SDK does not, and a role wins
//! in both.

use std::{cell::Cell, collections::BTreeSet};

use zeroize::Zeroizing;

use super::{
    both::{Next, Order, edit},
    bytes,
    change::{Change, Property},
    keys,
    text::{self, Document, FileKind, SectionName},
};
use crate::{
    deliver::rfc3339,
    error::{Code, Error, Result},
    model::{credentials::TemporaryCredentials, profile::ProfileName},
    paths::Paths,
    store::files,
};

/// Says that a section is ours, and whose credentials it holds.
const MARK: &str = "stagedoor_written";
const TOKEN: &str = "aws_session_token";
/// When they end, as saml2aws and gimme-aws-creds write it.
const EXPIRES: &str = "x_security_token_expires";
const OURS: [&str; 5] = [keys::ID, keys::SECRET, TOKEN, EXPIRES, MARK];

/// Refuses a section that is somebody else's, or that tools would not read as it stands there. `known`: the IDs written before.
pub fn check(paths: &Paths, section: &str, profile: &ProfileName, known: &[String]) -> Result<()> {
    edit(paths, Order::CredentialsFirst, |read| {
        free(&read.config.document, &read.credentials.document, section, profile, known)?;
        Ok((Next::Same, Next::Same))
    })
}

/// Writes credentials into their section. Says whether the file was made for it.
pub fn write(paths: &Paths, section: &str, profile: &ProfileName, known: &[String], credentials: &TemporaryCredentials) -> Result<bool> {
    let expires = rfc3339(credentials.expiration);
    let values = [
        (keys::ID, credentials.access_key_id.as_str()),
        (keys::SECRET, credentials.secret_access_key.expose()),
        (TOKEN, credentials.session_token.expose()),
        (EXPIRES, &expires),
        (MARK, profile.as_str()),
    ];
    if values.iter().any(|(_, value)| value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic() || b == b' ') || value.contains(" #")) {
        return Err(Error::new(Code::InvalidValue, format!("What {profile} has cannot be written into a file"), "Use credential_process: stagedoor connect"));
    }
    // Nobody else may read what is about to be there.
    files::only_for_its_owner(&paths.aws_credentials)?;
    let made = Cell::new(false);
    edit(paths, Order::CredentialsFirst, |read| {
        made.set(!read.credentials.found);
        free(&read.config.document, &read.credentials.document, section, profile, known)?;
        let mut change = Change::new(&read.credentials.document);
        let name = SectionName::Profile(section.to_owned());
        let properties = change.properties(&name);
        if let Some(last) = change.sections(&name).last() {
            let mut added = Vec::new();
            for (key, value) in values {
                match properties.iter().rfind(|property| property.name == key) {
                    Some(property) => change.replace(property.value.clone(), value),
                    None => added.push(format!("{key} = {value}")),
                }
            }
            if !added.is_empty() {
                change.insert_last(*last, &added.iter().map(String::as_str).collect::<Vec<_>>());
            }
        } else {
            let lines: Vec<_> = [format!("[{section}]")].into_iter().chain(values.iter().map(|(key, value)| format!("{key} = {value}"))).collect();
            change.append(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Ok((Next::Same, Next::Text(change.apply())))
    })?;
    Ok(made.get())
}

/// Takes our section out again; what others added to it stays. `known`: the IDs that we wrote.
pub fn remove(paths: &Paths, section: &str, known: &[String], made_file: bool) -> Result<()> {
    edit(paths, Order::CredentialsFirst, |read| {
        if !read.credentials.found {
            return Ok((Next::Same, Next::Same));
        }
        let document = &read.credentials.document;
        let mut change = Change::new(document);
        for at in change.sections(&SectionName::Profile(section.to_owned())) {
            let properties = of_section(&change, section, at);
            if !is_ours(document, &properties, known) {
                continue;
            }
            take_ours(&mut change, at, &properties);
        }
        let text = change.apply();
        let gone = made_file && text.trim_start_matches('\u{feff}').is_empty();
        Ok((Next::Same, if gone { Next::Gone } else { Next::Text(text) }))
    })
}

/// A version of the file without what we wrote into it, and the profiles whose credentials that was.
pub fn without(content: &[u8]) -> (Zeroizing<String>, BTreeSet<String>) {
    let document = Document::parse(FileKind::Credentials, bytes::decode(content));
    let (mut change, mut profiles) = (Change::new(&document), BTreeSet::new());
    for at in 0..document.sections.len() {
        let properties = change.properties_of(at);
        let Some(profile) = value(&document, &properties, MARK).filter(|_| !value(&document, &properties, keys::ID).is_some_and(lasts)) else { continue };
        profiles.insert(profile.to_owned());
        take_ours(&mut change, at, &properties);
    }
    (change.apply(), profiles)
}

/// Takes what we wrote out of a section: all of it, unless others added to it.
fn take_ours(change: &mut Change<'_>, at: usize, properties: &[Property]) {
    if properties.iter().all(|property| OURS.contains(&&*property.name)) {
        change.remove_section(at);
    } else {
        for property in properties.iter().filter(|property| OURS.contains(&&*property.name)) {
            change.remove_property(property.line);
        }
    }
}

/// A key that does not end is nobody's session.
fn lasts(id: &str) -> bool {
    !id.starts_with("ASIA")
}

/// Whether a section holds what we wrote: it is no profile of its own to us. A key that does not end makes it somebody's own.
pub(super) fn is_written(properties: &[(String, String)]) -> bool {
    let value = |wanted: &str| properties.iter().rfind(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
    value(MARK).is_some() && !value(keys::ID).is_some_and(lasts)
}

fn of_section(change: &Change<'_>, name: &str, at: usize) -> Vec<Property> {
    change.properties(&SectionName::Profile(name.to_owned())).into_iter().filter(|property| property.section == at).collect()
}

fn value<'a>(document: &'a Document, properties: &[Property], key: &str) -> Option<&'a str> {
    properties.iter().rfind(|property| property.name == key).map(|property| document.at(&property.value))
}

fn is_ours(document: &Document, properties: &[Property], known: &[String]) -> bool {
    let id = value(document, properties, keys::ID);
    value(document, properties, MARK).is_some() && id.is_some_and(|id| known.iter().any(|known| known == id))
}

fn free(config: &Document, credentials: &Document, section: &str, profile: &ProfileName, known: &[String]) -> Result<()> {
    if !text::is_identifier(section) {
        return Err(Error::invalid("section name", section, "one word of letters, digits and _-/.%@:+"));
    }
    let name = SectionName::Profile(section.to_owned());
    let another = format!("Choose another name: stagedoor write {profile} --as {profile}-session");
    let taken = |what: &str| Error::new(Code::InvalidValue, format!("[{section}] {what}"), another.clone());
    let change = Change::new(credentials);
    for at in change.sections(&name) {
        if !is_ours(credentials, &of_section(&change, section, at), known) {
            return Err(taken("in the credentials file was written by somebody else and stays as it is"));
        }
    }
    let written = Change::new(config).properties(&name);
    let other = |property: &Property| property.name == keys::OWN_ID && section != profile.as_str();
    if written.iter().any(|property| keys::is_renamed(&property.name) || other(property)) {
        return Err(taken("gets its credentials from elsewhere in the config file, and the tools differ in which of the two they take"));
    }
    Ok(())
}
