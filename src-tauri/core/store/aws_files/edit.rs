//! Edits of the AWS files that a person asks for: hand a profile out or take it back, move an access key, change a key.
//!
//! Each changes single lines ([`Change`]) of both files at once ([`Edit`]), so that undoing it finds them byte for byte as
//! they were. All of them may be repeated. The functions write at once; who shows or keeps what changes takes the [`Edit`].

use std::path::Path;

pub(crate) use super::both::lock;
pub use super::both::{Changed, Changes, Content, Edit, contested, is_contested};
use super::{
    both::{Next, Order},
    bytes,
    change::{Change, Property},
    command, keys,
    text::{self, Document, SectionName},
    written,
};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::{AccessKey, AccessKeyId},
        profile::ProfileName,
    },
    paths::Paths,
};

/// One of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum AwsFile {
    /// `~/.aws/config`
    Config,
    /// `~/.aws/credentials`
    Credentials,
}

/// Writes [`Edit::connect`] for one profile.
pub fn connect(paths: &Paths, profile: &ProfileName, program: &Path) -> Result<()> {
    Edit::connect(std::slice::from_ref(profile), program)?.write(paths).map(drop)
}

/// Writes [`Edit::disconnect`] for one profile.
pub fn disconnect(paths: &Paths, profile: &ProfileName) -> Result<()> {
    Edit::disconnect(std::slice::from_ref(profile)).write(paths).map(drop)
}

/// Writes [`Edit::take_key`].
pub fn take_key(paths: &Paths, profile: &ProfileName, key_id: &AccessKeyId) -> Result<()> {
    Edit::take_key(paths.clone(), profile.clone(), key_id.clone()).write(paths).map(drop)
}

/// Writes [`Edit::put_key_back`].
pub fn put_key_back(paths: &Paths, profile: &ProfileName, key: &AccessKey) -> Result<()> {
    Edit::put_key_back(profile.clone(), key.clone()).write(paths).map(drop)
}

/// Writes [`Edit::add_profile`].
pub fn add_profile(paths: &Paths, profile: &ProfileName, properties: &[(&str, &str)]) -> Result<()> {
    Edit::add_profile(profile, properties)?.write(paths).map(drop)
}

/// Writes [`Edit::set_all`] for one property.
pub fn set(paths: &Paths, profile: &ProfileName, key: &str, value: Option<&str>) -> Result<()> {
    set_all(paths, profile, &[(key, value)])
}

/// Writes [`Edit::set_all`].
pub fn set_all(paths: &Paths, profile: &ProfileName, properties: &[(&str, Option<&str>)]) -> Result<()> {
    Edit::set_all(profile, properties)?.write(paths).map(drop)
}

/// Writes [`Edit::remove_profile`].
pub fn remove_profile(paths: &Paths, profile: &ProfileName) -> Result<()> {
    Edit::remove_profile(profile).write(paths).map(drop)
}

/// Writes [`Edit::set_services`].
pub fn set_services(paths: &Paths, section: &str, service: &str, key: &str, value: &str) -> Result<()> {
    Edit::set_services(section, service, key, value)?.write(paths).map(drop)
}

/// Writes [`Edit::remove_services`].
pub fn remove_services(paths: &Paths, section: &str) -> Result<()> {
    Edit::remove_services(section).write(paths).map(drop)
}

impl Edit<'_> {
    /// Changes nothing.
    pub fn nothing() -> Self {
        Self::new(Order::ConfigFirst, |_| Ok((Next::Same, Next::Same)))
    }

    /// Puts an earlier text in a file's place. Temporary credentials that we wrote are no part of it: nobody would take them out.
    pub fn restore(file: AwsFile, content: &[u8]) -> Self {
        let text = match file {
            AwsFile::Config => zeroize::Zeroizing::new(bytes::decode(content)),
            AwsFile::Credentials => written::without(content).0,
        };
        Self::new(Order::ConfigFirst, move |_| {
            let next = Next::Text(text.clone());
            Ok(match file {
                AwsFile::Config => (next, Next::Same),
                AwsFile::Credentials => (Next::Same, next),
            })
        })
    }

    /// Adds a profile at the end of the config file; an error when there is one of that name.
    pub fn add_profile(profile: &ProfileName, properties: &[(&str, &str)]) -> Result<Self> {
        check_name(profile)?;
        for (key, value) in properties {
            check_property(key, value)?;
        }
        let name = section(profile);
        let lines: Vec<_> = [header(profile)].into_iter().chain(properties.iter().map(|(key, value)| format!("{key} = {value}"))).collect();
        let profile = profile.clone();
        Ok(Self::new(Order::ConfigFirst, move |files| {
            let mut config = Change::new(&files.config.document);
            if !config.sections(&name).is_empty() || !Change::new(&files.credentials.document).sections(&name).is_empty() {
                return Err(Error::new(Code::InvalidValue, format!("There is a profile “{profile}” already"), "Choose another name, or change that profile"));
            }
            config.append(&lines.iter().map(String::as_str).collect::<Vec<_>>());
            Ok((Next::Text(config.apply()), Next::Same))
        }))
    }

    /// Replaces, adds or removes properties of a profile in the config file, all of them or none; adds the section where it is missing.
    pub fn set_all(profile: &ProfileName, properties: &[(&str, Option<&str>)]) -> Result<Self> {
        for (key, value) in properties {
            check_property(key, value.unwrap_or("x"))?;
        }
        let (name, profile) = (section(profile), profile.clone());
        let properties: Vec<_> = properties.iter().map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned))).collect();
        Ok(Self::new(Order::ConfigFirst, move |files| {
            let mut config = Change::new(&files.config.document);
            let found = config.properties(&name);
            let connected = found.iter().any(|property| is_our_line(config.document, property, &profile));
            let mut added = Vec::new();
            for (key, value) in &properties {
                let key = if connected && keys::is_renamed(key) { format!("{}{key}", keys::PREFIX) } else { key.clone() };
                let mut same: Vec<_> = found.iter().filter(|property| property.name == key && !is_our_line(config.document, property, &profile)).collect();
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
                    check_name(&profile)?;
                    let header = header(&profile);
                    config.append(&[&[header.as_str()], &added[..]].concat());
                }
            }
            Ok((Next::Text(config.apply()), Next::Same))
        }))
    }

    /// Removes a profile's sections from the config file.
    pub fn remove_profile(profile: &ProfileName) -> Self {
        Self::remove_sections(section(profile))
    }

    /// Sets a nested property of `[services SECTION]`, such as `endpoint_url` of `sts`.
    pub fn set_services(section: &str, service: &str, key: &str, value: &str) -> Result<Self> {
        check_name(&ProfileName::new(section))?;
        check_property(service, "x")?;
        check_property(key, value)?;
        let name = SectionName::Services(section.to_owned());
        let (section, service, key, line) = (section.to_owned(), service.to_owned(), key.to_owned(), format!("  {key} = {value}"));
        Ok(Self::new(Order::ConfigFirst, move |files| {
            let mut config = Change::new(&files.config.document);
            let here = config.properties(&name).into_iter().rfind(|property| property.name == service);
            match (here, config.sections(&name).last()) {
                (Some(here), _) => {
                    let is_key = |line: &usize| config.document.nested_key(*line).is_some_and(|found| found.eq_ignore_ascii_case(&key));
                    let old = config.document.continuations(here.line).filter(is_key).last();
                    match old {
                        Some(old) => config.replace(config.document.lines[old].start..config.document.lines[old].end, line.as_str()),
                        None => config.insert_after(here.line, &[&line]),
                    }
                }
                (None, Some(last)) => config.insert_last(*last, &[&format!("{service} ="), &line]),
                (None, None) => config.append(&[&format!("[services {section}]"), &format!("{service} ="), &line]),
            }
            Ok((Next::Text(config.apply()), Next::Same))
        }))
    }

    /// Removes `[services SECTION]`.
    pub fn remove_services(section: &str) -> Self {
        Self::remove_sections(SectionName::Services(section.to_owned()))
    }

    fn remove_sections(name: SectionName) -> Self {
        Self::new(Order::ConfigFirst, move |files| {
            let mut config = Change::new(&files.config.document);
            for section in config.sections(&name) {
                config.remove_section(section);
            }
            Ok((Next::Text(config.apply()), Next::Same))
        })
    }
}

pub(super) fn section(profile: &ProfileName) -> SectionName {
    SectionName::Profile(profile.as_str().to_owned())
}

pub(super) fn header(profile: &ProfileName) -> String {
    if profile.as_str() == "default" { "[default]".to_owned() } else { format!("[profile {profile}]") }
}

pub(super) fn is_our_line(document: &Document, property: &Property, profile: &ProfileName) -> bool {
    property.name == keys::PROCESS && command::is_ours(document.at(&property.value), profile.as_str())
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
