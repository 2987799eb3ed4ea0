//! What a person chose, in memory and in `settings.json`.
//!
//! A disk can be slow, and every request looks at the choices: they are never locked while the file is written. Saves are made one
//! after the other, each to its end, whoever waits for it; what stands in the file already is not written again.

use std::sync::Arc;

use super::Agent;
use crate::{
    error::{Code, Error, Result},
    store::settings::SettingsFile,
};

/// What the file says, as far as this agent wrote it. Whoever holds the lock writes next.
pub(super) type Saved = Arc<tokio::sync::Mutex<Option<SettingsFile>>>;

type Turn = tokio::sync::OwnedMutexGuard<Option<SettingsFile>>;

impl Agent {
    /// Changes choices and writes them; a failure to write changes nothing.
    pub(super) async fn choose(&self, change: impl FnOnce(&mut SettingsFile) + Send) -> Result<()> {
        let chosen = self.choose_quietly(change).await;
        self.publish();
        chosen
    }

    /// The same without a snapshot: nobody sees it.
    pub(super) async fn choose_quietly(&self, change: impl FnOnce(&mut SettingsFile) + Send) -> Result<()> {
        let turn = Arc::clone(&self.0.saved).lock_owned().await;
        let before = self.choices().clone();
        let mut next = before.clone();
        change(&mut next);
        let _turn = self.save(turn, next.clone()).await?;
        let mut choices = self.choices();
        // Only the times of last use go on meanwhile.
        for (name, own) in &choices.profiles {
            if before.profiles.get(name).is_none_or(|before| before.last_used != own.last_used) {
                next.profiles.entry(name.clone()).or_default().last_used = own.last_used;
            }
        }
        *choices = next;
        Ok(())
    }

    /// Writes the times of last use, which change too often to be written each time.
    pub(super) async fn save_choices(&self) {
        let turn = Arc::clone(&self.0.saved).lock_owned().await;
        let now = self.choices().clone();
        let saved = self.save(turn, now).await;
        self.problems().unsaved = saved.err();
    }

    /// The turn goes with the writing, so that a caller who leaves lets no older text win.
    async fn save(&self, mut turn: Turn, next: SettingsFile) -> Result<Turn> {
        if turn.as_ref() == Some(&next) {
            return Ok(turn);
        }
        let paths = self.0.parts.paths.clone();
        let written = tokio::task::spawn_blocking(move || {
            // Whether it was written is not known until it was.
            *turn = None;
            next.save(&paths)?;
            *turn = Some(next);
            Ok(turn)
        });
        written.await.unwrap_or_else(|_| Err(Error::new(Code::File, "The settings could not be written", "Try again")))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::{path::Path, sync::Arc};

    use time::macros::datetime;

    use super::*;
    use crate::{
        agent::Parts,
        aws::Environment,
        clock::Clock,
        model::profile::ProfileName,
        paths::{Paths, Platform},
        store::{keychain::Memory, vault::Vault},
    };

    /// An agent with nothing around it.
    pub(in crate::agent) async fn alone(home: &Path) -> Agent {
        let paths = Paths::from_env(Platform::current(), |name| ["HOME", "STAGEDOOR_HOME"].contains(&name).then(|| home.to_string_lossy().into_owned()));
        let parts = Parts {
            vault: Vault::with_work(&paths, 4),
            paths,
            clock: Clock::driven(datetime!(2026-11-23 09:00 UTC)),
            keychain: Arc::new(Memory::new()),
            environment: Environment::default(),
            program: "/opt/stagedoor/stagedoor".into(),
            windowless: true,
        };
        Agent::open(parts).await.unwrap()
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_stands_in_the_file_is_not_written_again() {
        let home = tempfile::tempdir().unwrap();
        let agent = alone(home.path()).await;
        let name = ProfileName::new("dev");
        agent.set_favourite(&name, true).await.unwrap();
        let file = || std::os::unix::fs::MetadataExt::ino(&agent.0.parts.paths.config.join("settings.json").metadata().unwrap());
        let before = file();
        agent.save_choices().await;
        agent.set_favourite(&name, true).await.unwrap();
        assert_eq!(file(), before, "each writing makes a new file");
        agent.choices().profiles.entry("dev".to_owned()).or_default().last_used = Some(agent.now());
        agent.save_choices().await;
        assert_ne!(file(), before);
        assert_eq!(SettingsFile::load(&agent.0.parts.paths).0.profiles["dev"].last_used, Some(agent.now()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_last_choice_is_the_one_that_stands_in_the_file() {
        let home = tempfile::tempdir().unwrap();
        let agent = alone(home.path()).await;
        let mut choosing = tokio::task::JoinSet::new();
        for port in 1..=20 {
            let agent = agent.clone();
            choosing.spawn(async move {
                // One of two leaves before it is done.
                let choice = agent.choose_quietly(|choices| choices.practice_port = Some(port));
                let _ = tokio::time::timeout(std::time::Duration::from_millis(if port % 2 == 0 { 0 } else { 60_000 }), choice).await;
            });
        }
        choosing.join_all().await;
        agent.choose_quietly(|choices| choices.locked = true).await.unwrap();
        let (read, _) = SettingsFile::load(&agent.0.parts.paths);
        assert_eq!((read.practice_port, read.locked), (agent.choices().practice_port, true));
    }
}
