//! `settings.json`: choices, favourites, colours. No secrets.
//!
//! One versioned file in the config folder. Keys that this version does not know survive a rewrite, so that an older and a
//! newer Stagedoor can share it. A file that cannot be read is set aside and reported, and the defaults hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::{
    files::{read_plain, write_atomic},
    set_aside::set_aside,
    vault::Vault,
};
use crate::{
    error::{Code, Error, Result},
    model::{lock::SecretsPlace, snapshot::Settings},
    paths::Paths,
};

/// The version that is written. A file of a higher one is not ours to read.
const VERSION: u64 = 1;

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingsFile {
    /// What the person chose.
    pub settings: Settings,
    /// What the person chose for single profiles, by name.
    pub profiles: BTreeMap<String, ProfileChoices>,
    /// The MFA devices whose seeds are in the keychain: it cannot be listed, so their serials are kept here.
    pub mfa_devices: BTreeSet<String>,
    /// The port of the practice account, while the person keeps it.
    pub practice_port: Option<u16>,
    /// Where secrets lie, once the person chose.
    pub secrets: Option<SecretsPlace>,
    /// A person locked Stagedoor, or it locked itself: the next agent begins locked.
    pub locked: bool,
    /// The leases that were stopped while they lay sealed, so that unlocking does not bring them back.
    pub stopped_leases: StoppedLeases,
    /// What of ours may stand in the credentials file, by its section: told here before it is written there.
    pub written: BTreeMap<String, WrittenSection>,
    /// As it was read, for the keys that this version does not know.
    read: Map<String, Value>,
}

/// Leases that were stopped while it was locked: they cannot be taken out of the sealed file then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoppedLeases {
    /// All of them.
    pub all: bool,
    /// These, by their IDs.
    pub ids: BTreeSet<String>,
}

impl StoppedLeases {
    /// Whether the lease of this ID is among them.
    pub fn has(&self, id: &str) -> bool {
        self.all || self.ids.contains(id)
    }
}

/// What belongs to a profile and not into `~/.aws/config`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileChoices {
    /// Starred.
    pub favourite: bool,
    /// 1 to 8; `None`: by the account.
    pub colour: Option<u8>,
    /// The person's tags.
    pub tags: Vec<String>,
    /// When it was last started or handed out.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_used: Option<OffsetDateTime>,
    /// The section of the credentials file that its temporary credentials are written into.
    pub credentials_section: Option<String>,
    /// An agent ended without taking them out: they are written again when a person starts the profile, not by themselves.
    pub credentials_wait: bool,
}

/// A section of the credentials file that was written by us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WrittenSection {
    /// The access key IDs that were or were about to be written, the newest last. Another ID is somebody else's.
    pub access_key_ids: Vec<String>,
    /// There was no credentials file before.
    pub made_file: bool,
}

impl SettingsFile {
    /// Reads the file; the defaults where there is none. The second is what to tell the person.
    pub fn load(paths: &Paths) -> (Self, Option<Error>) {
        let path = file(paths);
        let text = match read_plain(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (Self::default(), None),
            Err(error) => return (Self::default(), Some(Error::file("read", &path, &error))),
        };
        match Self::parse(&text) {
            Ok(read) => (read, None),
            Err(why) => (Self::default(), Some(put_away(&path, &why))),
        }
    }

    /// Whether the next agent begins locked, as far as the file tells. Changes nothing, whatever is wrong with it.
    pub fn begins_locked(paths: &Paths) -> bool {
        let vault = || Vault::new(paths).exists();
        match read_plain(&file(paths)).map(|text| Self::parse(&text)) {
            Ok(Ok(read)) => read.locked || read.secrets.map_or_else(vault, |place| place == SecretsPlace::Vault),
            Ok(Err(_)) | Err(_) => vault(),
        }
    }

    /// Where secrets lie, as far as the file tells. Changes nothing, whatever is wrong with it.
    pub fn secrets_place(paths: &Paths) -> SecretsPlace {
        let chosen = fs::read(file(paths)).ok().and_then(|text| Self::parse(&text).ok()).and_then(|read| read.secrets);
        chosen.unwrap_or_else(|| if Vault::new(paths).exists() { SecretsPlace::Vault } else { SecretsPlace::Keychain })
    }

    /// Writes the file, atomically.
    pub fn save(&self, paths: &Paths) -> Result<()> {
        let path = file(paths);
        let write = |error: serde_json::Error| Error::file("write", &path, &error.into());
        let mut bytes = serde_json::to_vec_pretty(&self.document().map_err(write)?).map_err(write)?;
        bytes.push(b'\n');
        write_atomic(&path, &bytes)
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        // Some editors put a byte order mark in front.
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let read: Map<String, Value> = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        match read.get("version").map(Value::as_u64) {
            None | Some(Some(VERSION)) => {}
            Some(other) => return Err(format!("its version is {}, this Stagedoor knows {VERSION}", other.map_or("unknown".to_owned(), |v| v.to_string()))),
        }
        Ok(Self {
            settings: part(&read, "settings")?,
            profiles: part(&read, "profiles")?,
            mfa_devices: part(&read, "mfa_devices")?,
            practice_port: part(&read, "practice_port")?,
            secrets: part(&read, "secrets")?,
            locked: part(&read, "locked")?,
            stopped_leases: part(&read, "stopped_leases")?,
            written: part(&read, "written")?,
            read,
        })
    }

    fn document(&self) -> Result<Map<String, Value>, serde_json::Error> {
        let mut document = self.read.clone();
        document.insert("version".to_owned(), VERSION.into());
        let settings = over(document.remove("settings"), serde_json::to_value(&self.settings)?);
        document.insert("settings".to_owned(), settings);
        document.insert("mfa_devices".to_owned(), serde_json::to_value(&self.mfa_devices)?);
        document.insert("practice_port".to_owned(), serde_json::to_value(self.practice_port)?);
        document.insert("secrets".to_owned(), serde_json::to_value(self.secrets)?);
        document.insert("locked".to_owned(), self.locked.into());
        document.insert("stopped_leases".to_owned(), serde_json::to_value(&self.stopped_leases)?);
        document.insert("written".to_owned(), serde_json::to_value(&self.written)?);
        let mut before = match document.remove("profiles") {
            Some(Value::Object(profiles)) => profiles,
            Some(_) | None => Map::new(),
        };
        let mut profiles = Map::new();
        for (name, choices) in &self.profiles {
            profiles.insert(name.clone(), over(before.remove(name), serde_json::to_value(choices)?));
        }
        document.insert("profiles".to_owned(), profiles.into());
        Ok(document)
    }
}

fn file(paths: &Paths) -> PathBuf {
    paths.config.join("settings.json")
}

/// One part of the document; its default where it is missing.
fn part<T: DeserializeOwned + Default>(read: &Map<String, Value>, name: &str) -> Result<T, String> {
    read.get(name).map_or_else(|| Ok(T::default()), |value| T::deserialize(value).map_err(|error| format!("{name}: {error}")))
}

/// `known` laid over what was read.
fn over(read: Option<Value>, known: Value) -> Value {
    match (read, known) {
        (Some(Value::Object(mut read)), Value::Object(known)) => {
            read.extend(known);
            read.into()
        }
        (_, known) => known,
    }
}

fn put_away(path: &std::path::Path, why: &str) -> Error {
    // The time at which the broken file was written says more than the time at which it was noticed.
    let written = fs::metadata(path).and_then(|metadata| metadata.modified()).map_or(OffsetDateTime::UNIX_EPOCH, OffsetDateTime::from);
    match set_aside(path, written) {
        Ok(aside) => Error::new(
            Code::File,
            format!("The settings could not be read, so the defaults hold: {why}"),
            format!("Mend the file, which was set aside as {aside}, and put it back, or choose your settings again"),
        ),
        Err(error) => Error::file("set aside", path, &error),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::{model::snapshot::Theme, paths::Platform};

    fn place() -> (tempfile::TempDir, Paths) {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().to_str().unwrap().to_owned();
        let paths = Paths::from_env(Platform::Linux, |name| (name == "STAGEDOOR_HOME").then(|| root.clone()));
        (home, paths)
    }

    #[test]
    fn what_was_chosen_is_there_the_next_time() {
        let (_home, paths) = place();
        assert_eq!(SettingsFile::load(&paths), (SettingsFile::default(), None));
        let mut chosen = SettingsFile::default();
        chosen.settings.theme = Theme::Dark;
        let choices = ProfileChoices {
            favourite: true,
            colour: Some(3),
            tags: vec!["prod".to_owned()],
            last_used: Some(datetime!(2026-11-23 09:00 UTC)),
            credentials_section: None,
            credentials_wait: false,
        };
        chosen.profiles.insert("with [brackets]".to_owned(), choices.clone());
        chosen.save(&paths).unwrap();
        let (read, problem) = SettingsFile::load(&paths);
        assert_eq!(problem, None);
        assert_eq!((read.settings.theme, read.profiles.get("with [brackets]")), (Theme::Dark, Some(&choices)));
    }

    #[test]
    fn unknown_keys_survive_and_dropped_profiles_do_not() {
        let (_home, paths) = place();
        let before = r#"{"version":1,"later":[1],"settings":{"theme":"light","sound":"ping"},"profiles":{"a":{"favourite":true,"note":"x"},"b":{}}}"#;
        write_atomic(&file(&paths), before.as_bytes()).unwrap();
        let (mut read, problem) = SettingsFile::load(&paths);
        assert_eq!(problem, None);
        read.settings.theme = Theme::Dark;
        read.profiles.remove("b");
        read.save(&paths).unwrap();
        let after: Value = serde_json::from_slice(&fs::read(file(&paths)).unwrap()).unwrap();
        assert_eq!(after["later"], serde_json::json!([1]));
        assert_eq!((&after["settings"]["theme"], &after["settings"]["sound"]), (&"dark".into(), &"ping".into()));
        assert_eq!((&after["profiles"]["a"]["favourite"], &after["profiles"]["a"]["note"]), (&true.into(), &"x".into()));
        assert_eq!(after["profiles"].get("b"), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_set_aside_and_the_defaults_hold() {
        for broken in ["{", "", "[]", "\u{0}", r#"{"version":2}"#, r#"{"version":"x"}"#, r#"{"settings":{"theme":"purple"}}"#, r#"{"profiles":[]}"#] {
            let (_home, paths) = place();
            write_atomic(&file(&paths), broken.as_bytes()).unwrap();
            let (read, problem) = SettingsFile::load(&paths);
            assert_eq!(read, SettingsFile::default(), "{broken}");
            let problem = problem.unwrap();
            assert!(problem.hint.contains("settings.json.set-aside-"), "{problem:?}");
            assert!(!file(&paths).exists());
            assert_eq!(fs::read_dir(&paths.config).unwrap().count(), 1, "{broken}");
            read.save(&paths).unwrap();
            assert_eq!(SettingsFile::load(&paths).1, None);
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_reason_to_lose_settings() {
        let (_home, paths) = place();
        write_atomic(&file(&paths), b"\xEF\xBB\xBF{\"settings\":{\"theme\":\"dark\"}}").unwrap();
        assert_eq!(SettingsFile::load(&paths).0.settings.theme, Theme::Dark);
    }
}
