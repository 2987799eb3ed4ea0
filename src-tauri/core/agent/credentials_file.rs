//! Temporary credentials in `~/.aws/credentials`, only where a person asked for it, and only while their session lasts.
//!
//! What should stand there is decided by the sessions: each look writes what is new and takes out what is over, at a renewal, a
//! stop and the end. What may stand there is written down before, so that after a crash the next start takes it out. Another's
//! section is never touched.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use time::OffsetDateTime;

use super::{Agent, Asker, issuing::Want, leads::Leads, patience::patiently_here};
use crate::{
    error::{Code, Error, Result},
    model::{access_key::AccessKeyId, credentials::TemporaryCredentials, credentials_file::CredentialsFileView, profile::ProfileName, prompt::Gives},
    store::{
        aws_files::written,
        settings::{ProfileChoices, SettingsFile, WrittenSection},
    },
};

/// How many access key IDs of a section are remembered: the one that stands there and the one that takes its place.
const REMEMBERED: usize = 4;

/// What was written into which section.
#[derive(Debug, Default)]
pub(super) struct WrittenFile {
    standing: Mutex<BTreeMap<ProfileName, Standing>>,
    /// One look at a time.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Standing {
    section: String,
    written: Option<(AccessKeyId, OffsetDateTime)>,
    /// What could not be written: the same is not tried at every look, but with the next credentials or when somebody asks.
    refused: Option<AccessKeyId>,
    error: Option<Error>,
}

/// What is to stand in a section.
struct Wanted {
    profile: ProfileName,
    section: String,
    /// Since a crash, for a person.
    waits: bool,
    credentials: Option<TemporaryCredentials>,
}

impl WrittenFile {
    fn standing(&self) -> MutexGuard<'_, BTreeMap<ProfileName, Standing>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a person sees of it.
    pub(super) fn view(&self, profile: &ProfileName, choices: &SettingsFile) -> Option<CredentialsFileView> {
        let section = choices.profiles.get(profile.as_str())?.credentials_section.clone()?;
        let standing = self.standing().get(profile).filter(|standing| standing.section == section).cloned().unwrap_or_default();
        Some(CredentialsFileView { section, expiration: standing.written.map(|(_, end)| end), error: standing.error })
    }
}

/// Keeps the file as the sessions are, until the agent closes.
pub(super) async fn keeping(agent: &Agent) {
    let mut snapshot = agent.snapshot();
    loop {
        agent.look_at_credentials_file().await;
        let ends = agent.0.written_file.standing().values().filter_map(|standing| Some(standing.written.as_ref()?.1)).min();
        let over = async {
            match ends {
                Some(end) => agent.0.aws.clock.sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = snapshot.changed() => if changed.is_err() { return },
            () = over => {}
        }
    }
}

impl Agent {
    /// Writes a profile's temporary credentials into a section of the credentials file from now on, and starts its session.
    /// Fails with `mfa_code_required` when a person must give a code.
    pub async fn write_file(&self, profile: &ProfileName, section: Option<&str>, asker: &Asker) -> Result<CredentialsFileView> {
        let section = section.unwrap_or(profile.as_str());
        self.unlocked()?;
        let leads = Leads::of(&*self.files()?, profile)?;
        self.allowed(&leads, "file", Gives::CredentialsFile, asker, self.arrival()).await?;
        let known = {
            let choices = self.choices();
            let other = choices.profiles.iter().find(|(other, own)| *other != profile.as_str() && own.credentials_section.as_deref() == Some(section));
            if let Some((other, _)) = other {
                return Err(Error::new(
                    Code::InvalidValue,
                    format!("[{section}] in the credentials file is for {other}"),
                    format!("Choose another name: stagedoor write {profile} --as NAME"),
                ));
            }
            known(&choices, section)
        };
        let (paths, owned) = (self.0.parts.paths.clone(), (section.to_owned(), profile.clone()));
        let turn = Arc::clone(&self.0.editing).lock_owned().await;
        drop(blocking(turn, move || written::check(&paths, &owned.0, &owned.1, &known)).await?);
        self.ensure(profile, Want::person()).await?;
        self.0.written_file.standing().remove(profile);
        self.choose(|choices| {
            let own = choices.profiles.entry(profile.as_str().to_owned()).or_default();
            (own.credentials_section, own.credentials_wait) = (Some(section.to_owned()), false);
        })
        .await?;
        self.look_at_credentials_file().await;
        self.note(profile, asker, "credentials file", format!("section [{section}]").as_str());
        self.publish();
        let view = self.0.written_file.view(profile, &self.choices());
        match view {
            Some(CredentialsFileView { error: Some(error), .. }) => Err(error),
            Some(view) => Ok(view),
            None => Err(Error::new(Code::Agent, format!("{profile} was changed meanwhile"), "Try again")),
        }
    }

    /// Writes them no more, and takes out what stands there.
    pub async fn write_file_no_more(&self, profile: &ProfileName) -> Result<()> {
        let section = self.choices().profiles.get(profile.as_str()).and_then(|own| own.credentials_section.clone());
        let Some(section) = section else {
            self.files()?.resolve(profile)?;
            return Ok(());
        };
        self.choose(|choices| {
            if let Some(own) = choices.profiles.get_mut(profile.as_str()) {
                (own.credentials_section, own.credentials_wait) = (None, false);
            }
        })
        .await?;
        self.look_at_credentials_file().await;
        let left = self.choices().written.contains_key(&section);
        self.publish();
        if left { self.take_out(&section).await } else { Ok(()) }
    }

    /// A profile is handed out in one way at a time under its own name: the tools differ in which of two they take.
    pub(super) fn may_connect(&self, profile: &ProfileName) -> Result<()> {
        let choices = self.choices();
        if choices.profiles.get(profile.as_str()).is_none_or(|own| own.credentials_section.as_deref() != Some(profile.as_str())) {
            return Ok(());
        }
        Err(Error::new(
            Code::InvalidValue,
            format!("The temporary credentials of {profile} are written into [{profile}] of the credentials file already"),
            format!("Take them out first: stagedoor write {profile} --off"),
        ))
    }

    /// Takes out what an agent left that did not end by itself. Its sealed sessions go on, but into the file they come only when a
    /// person starts the profile: a secret that lay there without its keeper is not put back by itself.
    pub(super) async fn clear_credentials_file_after_a_crash(&self) {
        let waiting = self.choose_quietly(|choices| {
            for own in choices.profiles.values_mut() {
                own.credentials_wait |= own.credentials_section.as_ref().is_some_and(|section| choices.written.contains_key(section));
            }
        });
        if let Err(error) = waiting.await {
            tracing::warn!("{}", error.message);
        }
        self.clear_credentials_file().await;
    }

    /// A person started a profile: what waited since a crash is written from now on.
    pub(super) fn write_file_again(&self, profile: &ProfileName) {
        if let Some(own) = self.choices().profiles.get_mut(profile.as_str()) {
            own.credentials_wait = false;
        }
    }

    /// Takes out everything that was written.
    pub(super) async fn clear_credentials_file(&self) {
        let _one = self.0.written_file.looking.lock().await;
        let sections: Vec<_> = self.choices().written.keys().cloned().collect();
        for section in sections {
            if let Err(error) = self.take_out(&section).await {
                tracing::warn!(section, "{}", error.message);
            }
        }
        self.0.written_file.standing().clear();
    }

    /// Makes the file as the sessions are now.
    pub(super) async fn look_at_credentials_file(&self) {
        let (any_choice, any_written) = {
            let choices = self.choices();
            (choices.profiles.values().any(|own| own.credentials_section.is_some()), !choices.written.is_empty())
        };
        if !any_choice && !any_written {
            self.0.written_file.standing().clear();
            return;
        }
        let _one = self.0.written_file.looking.lock().await;
        // Whoever ends or locks takes everything out.
        if *self.0.closing.borrow() || self.locked() {
            return;
        }
        let wanted = self.wanted_in_file();
        let live: Vec<&String> = wanted.iter().filter(|wanted| wanted.credentials.is_some()).map(|wanted| &wanted.section).collect();
        let over: Vec<String> = self.choices().written.keys().filter(|section| !live.contains(section)).cloned().collect();
        let mut failed = BTreeMap::new();
        for section in over {
            if let Err(error) = self.take_out(&section).await {
                failed.insert(section, error);
            }
        }
        let mut next = BTreeMap::new();
        for Wanted { profile, section, waits, credentials } in wanted {
            let before = self.0.written_file.standing().get(&profile).filter(|before| before.section == section).cloned();
            let standing = match credentials {
                Some(credentials) => {
                    let written = Some((credentials.access_key_id.clone(), credentials.expiration));
                    match before {
                        Some(before) if before.written == written || before.refused.as_ref() == Some(&credentials.access_key_id) => before,
                        _ => match self.put_in(&profile, &section, &credentials).await {
                            Ok(()) => Standing { section, written, ..Standing::default() },
                            Err(error) => {
                                let _ = self.take_out(&section).await;
                                Standing { section, refused: Some(credentials.access_key_id), error: Some(error), ..Standing::default() }
                            }
                        },
                    }
                }
                None => Standing { error: failed.remove(&section).or_else(|| waits.then(|| waiting(&profile, &section))), section, ..Standing::default() },
            };
            next.insert(profile, standing);
        }
        let changed = {
            let mut standing = self.0.written_file.standing();
            let changed = *standing != next;
            *standing = next;
            changed
        };
        if changed {
            self.0.touched.notify_one();
        }
    }

    /// The file was changed as a whole: what belongs there is written once more.
    pub(super) async fn write_credentials_again(&self) {
        self.0.written_file.standing().clear();
        self.look_at_credentials_file().await;
    }

    /// Which profiles are to stand in which sections, with what they have now.
    fn wanted_in_file(&self) -> Vec<Wanted> {
        let chosen: Vec<_> = {
            let choices = self.choices();
            let chosen = |(name, own): (&String, &ProfileChoices)| Some((ProfileName::new(name), own.credentials_section.clone()?, own.credentials_wait));
            choices.profiles.iter().filter_map(chosen).collect()
        };
        let files = self.files();
        let of = |profile: &ProfileName| {
            let files = files.as_ref().ok()?;
            let (mark, now) = (Leads::of(files, profile).ok()?.mark, self.now_of(&self.0.aws.teller(files, profile.as_str())));
            self.state().valid(profile, &mark, now).map(|held| held.credentials.clone())
        };
        let wanted = |(profile, section, waits)| Wanted { credentials: if waits { None } else { of(&profile) }, profile, section, waits };
        chosen.into_iter().map(wanted).collect()
    }

    async fn put_in(&self, profile: &ProfileName, section: &str, credentials: &TemporaryCredentials) -> Result<()> {
        let turn = Arc::clone(&self.0.editing).lock_owned().await;
        let known = known(&self.choices(), section);
        let new = credentials.access_key_id.as_str();
        // First written down, then written: a crash between the two leaves a note of nothing, never a secret that nobody knows of.
        self.choose_quietly(|choices| {
            let record = choices.written.entry(section.to_owned()).or_default();
            record.access_key_ids.retain(|id| id != new);
            record.access_key_ids.push(new.to_owned());
            let surplus = record.access_key_ids.len().saturating_sub(REMEMBERED);
            record.access_key_ids.drain(..surplus);
        })
        .await?;
        let (paths, owned) = (self.0.parts.paths.clone(), (section.to_owned(), profile.clone(), credentials.clone()));
        let write = move || patiently_here(|| written::write(&paths, &owned.0, &owned.1, &known, &owned.2));
        let (_turn, made) = blocking(turn, write).await?;
        if made {
            self.choose_quietly(|choices| choices.written.entry(section.to_owned()).or_default().made_file = true).await?;
        }
        if let Some(session) = self.state().sessions.get_mut(profile) {
            session.delivered.insert("file".to_owned());
        }
        Ok(())
    }

    async fn take_out(&self, section: &str) -> Result<()> {
        let turn = Arc::clone(&self.0.editing).lock_owned().await;
        let record = self.choices().written.get(section).cloned();
        let Some(WrittenSection { access_key_ids, made_file }) = record else { return Ok(()) };
        let (paths, owned) = (self.0.parts.paths.clone(), section.to_owned());
        let remove = move || patiently_here(|| written::remove(&paths, &owned, &access_key_ids, made_file));
        let (_turn, ()) = blocking(turn, remove).await?;
        self.choose_quietly(|choices| {
            choices.written.remove(section);
        })
        .await
    }
}

/// The right to edit the AWS files.
type Turn = tokio::sync::OwnedMutexGuard<()>;

/// Does what may wait for a disk, or for another program's lock, where nobody else waits for it. The turn goes with it: what was
/// begun by a caller who left is done before anything is taken out.
async fn blocking<T: Send + 'static>(turn: Turn, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<(Turn, T)> {
    tokio::task::spawn_blocking(move || work().map(|done| (turn, done)))
        .await
        .unwrap_or_else(|_| Err(Error::new(Code::File, "The credentials file could not be changed", "Try again")))
}

fn known(choices: &SettingsFile, section: &str) -> Vec<String> {
    choices.written.get(section).map(|record| record.access_key_ids.clone()).unwrap_or_default()
}

fn waiting(profile: &ProfileName, section: &str) -> Error {
    Error::new(
        Code::Agent,
        format!("Stagedoor had ended without taking [{section}] out of the credentials file, so it was taken out at the next start"),
        format!("Have it written again: stagedoor start {profile}"),
    )
}
