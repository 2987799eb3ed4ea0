//! The operating system's keychain: Keychain, Credential Manager, or the Secret Service of GNOME Keyring, KWallet, KeePassXC.
//!
//! The only file that knows the keyring crate. Its calls block, so they go down one [`Lane`]. On Linux the connection is
//! ours and not keyring's global one, for two reasons: entries get a label that a person can read in Seahorse, and a Secret
//! Service that starts late or is started anew is found again without restarting the agent.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use keyring::{Entry, Error as Refusal};

use super::{Bytes, DEADLINE, Item, Keychain, Reply, absent, lane::Lane, locked, no_default, refused, silent};
use crate::{error::Result, paths::Paths};

/// The operating system's keychain.
#[derive(Debug)]
pub struct System {
    service: String,
    lane: Lane<Store>,
    /// What a person calls it, once it is known.
    called: Arc<OnceLock<&'static str>>,
}

/// The three things that are asked of an entry.
enum Request {
    Read,
    Store(Bytes),
    Delete,
}

/// Why there is no answer.
enum Failure {
    /// There is nothing to connect to, in the platform's words.
    Absent(String),
    /// The entry's own refusal.
    Entry(Refusal),
}

impl System {
    /// Touches nothing yet. Entries of another `STAGEDOOR_HOME` have its folder in their name.
    pub fn new(paths: &Paths) -> Self {
        let service = if paths.instance.is_empty() { "Stagedoor".to_owned() } else { format!("Stagedoor ({})", paths.instance) };
        Self { service, lane: Lane::new(DEADLINE, Store::default), called: Arc::default() }
    }

    /// With another deadline than [`DEADLINE`], for tests of what happens when nobody answers.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { lane: Lane::new(deadline, Store::default), ..self }
    }

    fn known_name(&self) -> &'static str {
        self.called.get().copied().unwrap_or(UNKNOWN)
    }

    async fn ask(&self, item: Item, request: Request) -> Result<Option<Bytes>> {
        let (service, account, doing, called) = (self.service.clone(), item.to_string(), request.doing(), Arc::clone(&self.called));
        let work = move |store: &mut Store| {
            let answer = store.answer(&service, &account, &request);
            if answer.is_ok() && called.get().is_none() {
                // Another call may have been first; it found the same.
                let _ = called.set(store.called());
            }
            answer
        };
        let answer = self.lane.call(work).await;
        let name = self.known_name();
        match answer {
            Err(_) => Err(silent(name)),
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(Failure::Absent(reason))) => Err(absent(&reason)),
            Ok(Err(Failure::Entry(refusal))) => Err(told(name, doing, &item, &refusal)),
        }
    }
}

impl Keychain for System {
    fn name(&self) -> String {
        self.known_name().to_owned()
    }

    fn get(&self, item: Item) -> Reply<'_, Option<Bytes>> {
        Box::pin(self.ask(item, Request::Read))
    }

    fn set(&self, item: Item, bytes: Bytes) -> Reply<'_, ()> {
        Box::pin(async { self.ask(item, Request::Store(bytes)).await.map(drop) })
    }

    fn delete(&self, item: Item) -> Reply<'_, ()> {
        Box::pin(async { self.ask(item, Request::Delete).await.map(drop) })
    }
}

impl Request {
    const fn doing(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Store(_) => "store",
            Self::Delete => "delete",
        }
    }

    /// Asks it of one entry. What is not there reads as nothing and counts as deleted.
    fn of(&self, entry: &Entry) -> keyring::Result<Option<Bytes>> {
        let answer = match self {
            Self::Read => entry.get_secret().map(|bytes| Some(Bytes::new(bytes))),
            Self::Store(bytes) => entry.set_secret(bytes).map(|()| None),
            Self::Delete => entry.delete_credential().map(|()| None),
        };
        match (self, answer) {
            (Self::Read | Self::Delete, Err(Refusal::NoEntry)) => Ok(None),
            (_, answer) => answer,
        }
    }
}

/// What stands behind the entries; lives on the lane's thread.
#[derive(Default)]
struct Store {
    #[cfg(all(unix, not(target_os = "macos")))]
    connection: Option<Arc<zbus_secret_service_keyring_store::Store>>,
}

#[cfg(all(unix, not(target_os = "macos")))]
impl Store {
    fn answer(&mut self, service: &str, account: &str, request: &Request) -> Result<Option<Bytes>, Failure> {
        let kept = self.connection.is_some();
        match self.attempt(service, account, request) {
            // The service may have been restarted since the connection was made. Every request can be made twice.
            Err(Failure::Entry(Refusal::PlatformFailure(_))) if kept => {
                self.connection = None;
                self.attempt(service, account, request)
            }
            answer => answer,
        }
    }

    fn attempt(&mut self, service: &str, account: &str, request: &Request) -> Result<Option<Bytes>, Failure> {
        use keyring_core::api::CredentialStoreApi;

        let store = if let Some(store) = &self.connection {
            store
        } else {
            let made = zbus_secret_service_keyring_store::Store::new().map_err(|refusal| Failure::Absent(unreachable_because(&refusal)))?;
            self.connection.insert(made)
        };
        let label = format!("{service}: {account}");
        let inner = store.build(service, account, Some(&[("label", label.as_str())].into())).map_err(Failure::Entry)?;
        request.of(&Entry { inner }).map_err(Failure::Entry)
    }

    /// The Secret Service has no name of its own, but the program behind it has.
    #[expect(clippy::unused_self, reason = "elsewhere it is a constant of the system")]
    fn called(&self) -> &'static str {
        let program = || -> Option<String> {
            let bus = zbus::blocking::Connection::session().ok()?;
            let service = zbus::names::BusName::try_from("org.freedesktop.secrets").ok()?;
            let process = zbus::blocking::fdo::DBusProxy::new(&bus).ok()?.get_connection_unix_process_id(service).ok()?;
            std::fs::read_to_string(format!("/proc/{process}/comm")).ok()
        };
        match program().as_deref().map(str::trim) {
            Some("gnome-keyring-d") => "GNOME Keyring",
            Some("kwalletd5" | "kwalletd6" | "ksecretd") => "KWallet",
            Some("keepassxc") => "KeePassXC",
            Some(_) | None => UNKNOWN,
        }
    }
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
impl Store {
    #[expect(clippy::unused_self, reason = "elsewhere it holds the connection")]
    fn answer(&mut self, service: &str, account: &str, request: &Request) -> Result<Option<Bytes>, Failure> {
        if let Err(refusal) = Entry::store_status() {
            return Err(Failure::Absent(reason(refusal)));
        }
        Entry::new(service, account).and_then(|entry| request.of(&entry)).map_err(Failure::Entry)
    }

    #[expect(clippy::unused_self, reason = "elsewhere it asks")]
    fn called(&self) -> &'static str {
        UNKNOWN
    }
}

/// What to call it as long as nobody knows better.
const UNKNOWN: &str = if cfg!(target_os = "macos") {
    "Keychain"
} else if cfg!(windows) {
    "Credential Manager"
} else {
    "Secret Service"
};

/// Why nothing answers on the bus, in words.
#[cfg(all(unix, not(target_os = "macos")))]
fn unreachable_because(refusal: &Refusal) -> String {
    let reason = reason(refusal);
    if reason.contains("ServiceUnknown") || reason.contains("NameHasNoOwner") {
        "no Secret Service runs in this session".to_owned()
    } else if reason.contains("no secret service provider or dbus session") || reason.contains("Failed to connect") {
        "no session bus (D-Bus) answers".to_owned()
    } else {
        reason
    }
}

/// One refusal as one of the three errors.
fn told(name: &str, doing: &str, item: &Item, refusal: &Refusal) -> crate::error::Error {
    let reason = reason(refusal);
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    match refusal {
        // errSecNoSuchKeychain, errSecNotAvailable; the Secret Service without a default collection.
        Refusal::NoStorageAccess(_) if says(&["result not returned", "keychain could not be found", "No keychain is available"]) => no_default(),
        Refusal::NoStorageAccess(_) => locked(name),
        // errSecInteractionNotAllowed, errSecUserCanceled; a prompt that went away with its service.
        Refusal::PlatformFailure(_) if says(&["interaction is not allowed", "canceled", "IsLocked", "before prompt completed"]) => locked(name),
        Refusal::NoDefaultStore => absent("the system offers none"),
        _ => refused(name, doing, item, &reason),
    }
}

/// The platform's reason in words: one line, without its full stop. Never the bytes that two of the variants carry.
fn reason(refusal: &Refusal) -> String {
    let text = match refusal {
        Refusal::PlatformFailure(source) | Refusal::NoStorageAccess(source) => source.to_string(),
        Refusal::BadEncoding(_) | Refusal::BadDataFormat(..) => "its content is not what was stored".to_owned(),
        Refusal::Ambiguous(entries) => format!("{} entries have this name", entries.len()),
        other => other.to_string(),
    };
    text.lines().next().unwrap_or_default().trim_end_matches('.').chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn refusals() -> Vec<(Refusal, Code)> {
        let because = |text: &str| -> Box<dyn std::error::Error + Send + Sync> { text.into() };
        vec![
            (Refusal::NoStorageAccess(because("SS error: prompt dismissed")), Code::KeychainLocked),
            (Refusal::NoStorageAccess(because("SS Error: object locked")), Code::KeychainLocked),
            (Refusal::NoStorageAccess(because("SS error: result not returned from SS API")), Code::KeychainAbsent),
            (Refusal::NoStorageAccess(because("The specified keychain could not be found.")), Code::KeychainAbsent),
            (Refusal::PlatformFailure(because("User interaction is not allowed.")), Code::KeychainLocked),
            (Refusal::PlatformFailure(because("disk on fire.\nand more")), Code::KeychainRefused),
            (Refusal::BadEncoding(b"hunter2".to_vec()), Code::KeychainRefused),
            (Refusal::BadDataFormat(b"hunter2".to_vec(), because("[104, 117, 110]")), Code::KeychainRefused),
            (Refusal::Ambiguous(Vec::new()), Code::KeychainRefused),
            (Refusal::TooLong("secret".to_owned(), 2560), Code::KeychainRefused),
            (Refusal::NoDefaultStore, Code::KeychainAbsent),
        ]
    }

    #[test]
    fn every_refusal_is_one_of_three_errors_and_shows_no_bytes() {
        for (refusal, code) in refusals() {
            let error = told("The keyring", "read", &Item::SealKey, &refusal);
            assert_eq!(error.code, code, "{error:?}");
            assert!(!error.message.ends_with('.') && !error.message.contains('\n'), "{error:?}");
            assert!(!format!("{error:?}").contains("hunter2") && !format!("{error:?}").contains("104"), "{error:?}");
        }
    }
}
