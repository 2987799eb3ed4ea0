//! Lock and unlock: nothing is handed out while it is locked, and nothing that could be is left in memory.
//!
//! Locking seals the sessions first, then forgets them, the key that they were sealed with and, with the vault, everything in it.
//! It happens on demand, after a time without a request, and when the vault's time is over; it outlives the agent. Renewal is no
//! request. What is under way when it is locked is thrown away when it lands.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;

use super::Agent;
use crate::{
    error::{Code, Error, Result},
    model::{
        lock::{SecretsPlace, SecretsView},
        secret::Secret,
        snapshot::Settings,
    },
    store::secrets,
};

/// How Stagedoor stands between locked and not.
#[derive(Debug)]
pub(super) struct Locking {
    /// Set first when it locks, and taken away last when it unlocks.
    shut: AtomicBool,
    /// Since when it is unlocked, and the last request.
    times: Mutex<(OffsetDateTime, OffsetDateTime)>,
    /// The time of locking is another one.
    pub(super) again: Notify,
    /// One change at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
}

impl Locking {
    pub(super) fn new(shut: bool, now: OffsetDateTime) -> Self {
        Self { shut: AtomicBool::new(shut), times: Mutex::new((now, now)), again: Notify::new(), turn: tokio::sync::Mutex::default() }
    }

    fn times(&self) -> (OffsetDateTime, OffsetDateTime) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn opened(&self, now: OffsetDateTime) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = (now, now);
        self.again.notify_one();
    }
}

/// What the two times may be.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let fits = |seconds: u32, longest: u32| seconds == 0 || (60..=longest).contains(&seconds);
    if !fits(settings.lock_after_seconds, 86_400) {
        return Err(Error::invalid("time without a request to lock after", &settings.lock_after_seconds.to_string(), "0 (never) or 60 to 86400 seconds"));
    }
    if !fits(settings.vault_unlocked_seconds, 604_800) {
        let what = settings.vault_unlocked_seconds.to_string();
        return Err(Error::invalid("time for the vault to stay unlocked", &what, "0 (until it is locked) or 60 to 604800 seconds"));
    }
    Ok(())
}

impl Agent {
    /// Whether nothing is handed out.
    pub fn locked(&self) -> bool {
        self.0.locking.shut.load(Ordering::SeqCst)
    }

    /// An error while it is locked, or should be by now.
    pub(super) fn unlocked(&self) -> Result<()> {
        if self.locked() || self.overdue() { Err(secrets::locked()) } else { Ok(()) }
    }

    /// Somebody asks for something: the time without a request begins anew.
    pub fn seen(&self) {
        if !self.overdue() {
            let now = self.now();
            self.0.locking.times.lock().unwrap_or_else(PoisonError::into_inner).1 = now;
        }
    }

    /// The moment of locking has come, and the task that does it has not run yet, as after a laptop's sleep.
    fn overdue(&self) -> bool {
        let over = self.locks_at().is_some_and(|at| at <= self.now());
        if over {
            self.0.locking.again.notify_one();
        }
        over
    }

    /// When it locks by itself, as things stand.
    fn locks_at(&self) -> Option<OffsetDateTime> {
        if self.locked() {
            return None;
        }
        let (since, last) = self.0.locking.times();
        let (idle, vault) = {
            let settings = &self.choices().settings;
            (settings.lock_after_seconds, settings.vault_unlocked_seconds)
        };
        let after = |from: OffsetDateTime, seconds: u32| (seconds > 0).then(|| from + Duration::seconds(seconds.into()));
        let idle = after(last, idle);
        let vault = after(since, vault).filter(|_| self.0.secrets.place() == SecretsPlace::Vault);
        idle.into_iter().chain(vault).min()
    }

    /// Locks when the time has come, for ever.
    pub(super) async fn lock_in_time(&self) {
        loop {
            if self.overdue() {
                let _ = self.lock().await;
            }
            let again = self.0.locking.again.notified();
            match self.locks_at() {
                Some(at) => tokio::select! {
                    () = self.0.aws.clock.sleep_until(at) => {}
                    () = again => {}
                },
                None => again.await,
            }
        }
    }

    /// Locks. Doing it twice is no error.
    pub async fn lock(&self) -> Result<()> {
        let _turn = self.0.locking.turn.lock().await;
        if self.locked() {
            return Ok(());
        }
        // From here on nothing is handed out and nothing that lands is kept, so that what is sealed now is all there is.
        self.0.locking.shut.store(true, Ordering::SeqCst);
        self.forget_approvals();
        // Whoever waits for a code is told now instead of in a minute.
        self.dismiss(|_| true);
        let sealed = self.seal().await;
        self.state().put_away(sealed.is_ok());
        self.put_leases_away();
        self.clear_credentials_file().await;
        self.0.secrets.lock();
        self.0.sealed.forget_key().await;
        self.0.aws.hang_up();
        tracing::info!("locked");
        let written = self.choose(|choices| choices.locked = true).await;
        self.publish();
        // What could not be sealed is told in the snapshot; it is locked all the same.
        written.map_err(|error| Error { message: format!("Stagedoor is locked, but the next start will not know it: {}", error.message), ..error })
    }

    /// Unlocks: with the passphrase where the vault counts, else if the keychain answers, which may ask the person itself.
    pub async fn unlock(&self, passphrase: Option<Secret>) -> Result<()> {
        if !self.locked() {
            return Ok(());
        }
        // Before the turn: whoever waits for it must not wait for wrong passphrases of others.
        self.open_place(passphrase).await?;
        self.unlock_opened().await
    }

    /// The place is open: what was sealed comes back.
    pub(super) async fn unlock_opened(&self) -> Result<()> {
        let _turn = self.0.locking.turn.lock().await;
        if !self.locked() {
            return Ok(());
        }
        // Not written, it only costs the next start an unlocking.
        let _ = self.choose(|choices| choices.locked = false).await;
        self.0.secrets.unlock();
        self.unseal().await;
        self.forget_stopped_leases().await;
        self.0.locking.opened(self.now());
        self.0.locking.shut.store(false, Ordering::SeqCst);
        tracing::info!("unlocked");
        self.resume_practice().await;
        self.renew_what_is_due_soon();
        self.publish();
        Ok(())
    }

    async fn open_place(&self, passphrase: Option<Secret>) -> Result<()> {
        self.not_lost()?;
        let (secrets, vault) = (&self.0.secrets, self.0.secrets.vault());
        match (secrets.place(), passphrase) {
            (SecretsPlace::Vault, Some(passphrase)) => vault.unlock(passphrase).await,
            (SecretsPlace::Vault, None) => Err(passphrase_needed()),
            // Its own prompt may appear. Where there is none, there is nothing to unlock.
            (SecretsPlace::Keychain, _) => match secrets.answers(SecretsPlace::Keychain).await {
                Err(error) if error.code != Code::KeychainAbsent => Err(error),
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }

    pub(super) fn secrets_view(&self) -> SecretsView {
        let (secrets, vault) = (&self.0.secrets, self.0.secrets.vault());
        SecretsView {
            place: secrets.place(),
            locked: self.locked(),
            vault_path: self.0.parts.paths.told(vault.path()),
            vault_exists: vault.exists(),
            vault_open: vault.is_open(),
            locks_at: self.locks_at(),
        }
    }
}

/// Whoever asks must give the passphrase.
pub(super) fn passphrase_needed() -> Error {
    Error::new(Code::Locked, "The passphrase of the vault is needed", "Run: stagedoor unlock, or unlock it in Stagedoor's window")
}
