//! The last versions of the AWS files: what each said before and after an edit of ours, so that a person can go back.
//!
//! They may hold access keys in plain text, so each is sealed like the sessions, with the key from the keychain; where the
//! keychain does not answer, they wait in memory and are sealed with the next one. What other programs wrote is kept too, as
//! far as it was found before an edit. One folder a file, one sealed file a version, mode 0600 in 0700.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    files,
    keychain::{Bytes, Item, Keys},
    sealed_sessions::{seal, unseal},
};
use crate::{
    clock::Clock,
    error::{Code, Error, Result},
    paths::Paths,
};

/// How many versions of each file are kept.
pub const KEPT: usize = 10;

/// What a version is called that was there before an edit of ours.
const FOUND: &str = "as another program left it";

type Key = Zeroizing<[u8; 32]>;

/// The versions of both files.
#[derive(Clone)]
pub struct Versions {
    folder: PathBuf,
    keys: Keys,
    clock: Clock,
    waiting: Arc<Mutex<Vec<Waiting>>>,
}

/// One version.
pub struct Version {
    /// Counts up for each file.
    pub number: u32,
    /// What was said of it.
    pub about: About,
    /// The file as it was.
    pub content: Bytes,
}

/// What is kept with a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// When it was seen.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What made it: `connect dev`.
    pub by: String,
}

struct Waiting {
    file: PathBuf,
    about: About,
    content: Bytes,
}

/// Keeps versions of one edit; the key was fetched before, so that nothing waits while files are locked.
pub struct Keeper {
    versions: Versions,
    key: Result<Key>,
    by: String,
}

impl std::fmt::Debug for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Versions").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Versions {
    /// In the data folder; touches nothing.
    pub fn new(paths: &Paths, keys: Keys, clock: Clock) -> Self {
        Self { folder: paths.data.join("versions"), keys, clock, waiting: Arc::default() }
    }

    /// For one edit, called `by`. The keychain not answering does not keep the edit from being made.
    pub async fn keeper(&self, by: &str) -> Keeper {
        Keeper { key: self.key().await, versions: self.clone(), by: by.to_owned() }
    }

    /// The versions of a file, newest first. What does not open any more is left out.
    pub async fn list(&self, file: &Path) -> Result<Vec<Version>> {
        let (key, folder) = (self.key().await?, self.folder_of(file));
        self.seal_waiting(&key)?;
        let mut found: Vec<Version> = numbers(&folder)?.into_iter().filter_map(|number| open(&key, &folder, number)).collect();
        found.reverse();
        Ok(found)
    }

    /// One of them.
    pub async fn get(&self, file: &Path, number: u32) -> Result<Version> {
        let (key, folder) = (self.key().await?, self.folder_of(file));
        self.seal_waiting(&key)?;
        open(&key, &folder, number)
            .ok_or_else(|| Error::new(Code::InvalidValue, format!("There is no version {number} of {}", file.display()), "Run: stagedoor files"))
    }

    /// A key of its own, grown from that of the sealed sessions; asked for each time, so that a locked Stagedoor holds none.
    async fn key(&self) -> Result<Key> {
        let root = self.keys.key_material(Item::SealKey).await?;
        let mut digest = Sha256::new();
        digest.update(b"stagedoor: versions of the AWS files\n");
        digest.update(&root[..]);
        Ok(Zeroizing::new(digest.finalize().into()))
    }

    /// Files of other places (another `AWS_CONFIG_FILE`) have versions of their own.
    fn folder_of(&self, file: &Path) -> PathBuf {
        let digest = Sha256::digest(file.as_os_str().as_encoded_bytes());
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.folder.join(digest.iter().take(4).fold(format!("{name}-"), |name, byte| name + &format!("{byte:02x}")))
    }

    fn seal_waiting(&self, key: &Key) -> Result<()> {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().try_for_each(|one| self.add(key, &one.file, &one.about, &one.content))
    }

    /// Adds a version unless the newest one says the same; the oldest ones go.
    fn add(&self, key: &Key, file: &Path, about: &About, content: &[u8]) -> Result<()> {
        let folder = self.folder_of(file);
        let numbers = numbers(&folder)?;
        let last = numbers.last().copied().unwrap_or(0);
        if open(key, &folder, last).is_some_and(|newest| newest.content[..] == *content) {
            return Ok(());
        }
        let unsealed = || Error::new(Code::File, "Could not seal a version of an AWS file", "Try again");
        let head = serde_json::to_string(&(last + 1, about)).map_err(|_| unsealed())?;
        let mut payload = Zeroizing::new(Vec::with_capacity(head.len() + 1 + content.len()));
        payload.extend_from_slice(head.as_bytes());
        payload.push(b'\n');
        payload.extend_from_slice(content);
        let sealed = seal(key, &payload).ok_or_else(unsealed)?;
        files::private_folder(&self.folder)?;
        files::private_folder(&folder)?;
        files::write_atomic(&path(&folder, last + 1), &sealed)?;
        let surplus = (numbers.len() + 1).saturating_sub(KEPT);
        numbers.iter().take(surplus).try_for_each(|number| files::remove(&path(&folder, *number)))
    }
}

impl Keeper {
    /// Keeps a file as it was found before the edit.
    pub fn before(&self, file: &Path, content: &[u8]) -> Result<()> {
        self.keep(file, FOUND, content)
    }

    /// Keeps it as the edit left it.
    pub fn after(&self, file: &Path, content: &[u8]) -> Result<()> {
        self.keep(file, &self.by, content)
    }

    /// An error says why it only waits in memory.
    fn keep(&self, file: &Path, by: &str, content: &[u8]) -> Result<()> {
        let about = About { at: self.versions.clock.now(), by: by.to_owned() };
        match &self.key {
            Ok(key) => {
                self.versions.seal_waiting(key)?;
                self.versions.add(key, file, &about, content)
            }
            Err(error) => {
                let mut waiting = self.versions.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                let newest = waiting.iter().rfind(|one| one.file == file).map(|one| &one.content[..]);
                if newest != Some(content) {
                    waiting.push(Waiting { file: file.to_owned(), about, content: Zeroizing::new(content.to_vec()) });
                    let here = waiting.iter().filter(|one| one.file == file).count();
                    if here > KEPT
                        && let Some(oldest) = waiting.iter().position(|one| one.file == file)
                    {
                        waiting.remove(oldest);
                    }
                }
                Err(error.clone())
            }
        }
    }
}

fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.sealed"))
}

/// The numbers of the versions in a folder, ascending.
fn numbers(folder: &Path) -> Result<Vec<u32>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("read", folder, &error)),
    };
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".sealed")?.parse().ok();
    let mut numbers: Vec<u32> = entries.filter_map(Result::ok).filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// `None`: it is not there, or does not open any more.
fn open(key: &Key, folder: &Path, number: u32) -> Option<Version> {
    let payload = unseal(key, &std::fs::read(path(folder, number)).ok()?)?;
    let end = payload.iter().position(|byte| *byte == b'\n')?;
    let (own, about): (u32, About) = serde_json::from_slice(&payload[..end]).ok()?;
    (own == number).then(|| Version { number, about, content: Zeroizing::new(payload[end + 1..].to_vec()) })
}
