//! What this computer keeps of a role's or a key's sessions is forgotten: Stagedoor's own, and what the AWS CLI cached.
//!
//! Only files of `~/.aws/cli/cache` that say themselves that they are of that role or key are taken away. It cannot be undone, and
//! there is nothing to undo: who needs credentials gets new ones.

use std::{collections::BTreeSet, path::PathBuf};

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::{super::Agent, runs::Run};
use crate::{
    error::{Error, Result},
    model::{
        chain::{Base, Chain},
        profile::ProfileName,
    },
    setup::{journal::Entry, moment, plan::Step},
};

impl Agent {
    /// The profiles that hold a session now.
    pub(super) fn holding(&self) -> Vec<ProfileName> {
        let state = self.state();
        let live =
            state.sessions.iter().filter(|(_, session)| session.held.as_ref().is_some_and(|held| !held.credentials.expired(self.now_of(&session.teller))));
        live.map(|(profile, _)| profile.clone()).collect()
    }

    /// AWS writes down to the second when a session began: one of the policy's own second is denied, too, though it began after.
    async fn second_over(&self, run: &Run, step: &Step) {
        let Some(over) = after(run).filter(|over| self.now() < *over) else { return };
        self.show_step(run, &step.id, |progress| progress.waits_for = Some("the second to pass in which sessions are denied".to_owned()));
        self.0.aws.clock.sleep_until(over).await;
        self.show_step(run, &step.id, |progress| progress.waits_for = None);
    }

    pub(super) async fn sessions_step(&self, run: &Run, step: &Step, of: &str) -> Result<(bool, Value)> {
        if run.now().steps.get(&step.id).is_none_or(|progress| progress.begun.is_none()) {
            self.journalled(run, &Entry::Begun { step: step.id.clone(), before: None, at: self.now() })?;
        }
        self.second_over(run, step).await;
        // Nobody locks meanwhile: what is sealed and put away would come back with the next unlocking.
        let turn = self.0.locking.turn.lock().await;
        self.unlocked()?;
        self.unseal_late().await;
        let files = self.files()?;
        let leads = |profile: &ProfileName| files.resolve(profile).is_ok_and(|chain| is_of(&chain, of));
        let mut held: BTreeSet<ProfileName> = self.state().sessions.keys().cloned().collect();
        // What is under way began before, and must not land after.
        held.extend(self.0.flights.keys().into_iter().map(|(profile, _)| profile));
        let hit: Vec<_> = held.into_iter().filter(|profile| leads(profile)).collect();
        {
            let mut state = self.state();
            for profile in &hit {
                state.stop(profile);
            }
            state.sources.retain(|source, _| source.key.as_str() != of);
        }
        let leases = self.forget_leases_of(leads);
        drop(turn);
        let home = self.0.parts.paths.home.clone();
        let cached = {
            let of = of.to_owned();
            tokio::task::spawn_blocking(move || purge(&home.join(".aws/cli/cache"), &of)).await.unwrap_or(Ok(0))?
        };
        self.seal().await?;
        self.write_credentials_again().await;
        self.publish();
        Ok((false, json!({ "Sessions": hit.len(), "Leases": leases, "CacheFiles": cached })))
    }
}

/// The second after the one in which the policy says that older sessions are denied; `None`: no policy does.
fn after(run: &Run) -> Option<OffsetDateTime> {
    let progress = run.now();
    let written = run.plan.steps.iter().find(|step| moment::is_timed(step))?;
    let (_, at) = progress.steps.get(&written.id)?.begun.clone()?;
    Some(at.replace_nanosecond(0).unwrap_or(at) + Duration::seconds(1))
}

/// Whether credentials come by a role or a key.
fn is_of(chain: &Chain, of: &str) -> bool {
    chain.hops.iter().any(|hop| hop.role_arn.as_str() == of) || matches!(&chain.base, Base::AccessKey { access_key_id, .. } if access_key_id.as_str() == of)
}

/// Takes away the cache files that are of a role or a key; how many.
fn purge(folder: &std::path::Path, of: &str) -> Result<usize> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(0) };
    let mut gone = 0;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path: &PathBuf| path.extension().is_some_and(|end| end == "json")) {
        if std::fs::read(&path).is_ok_and(|content| says(&content, of)) {
            std::fs::remove_file(&path).map_err(|error| Error::file("delete the AWS CLI’s cached session", &path, &error))?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// Whether a cache file says that it is of that role or key.
fn says(content: &[u8], of: &str) -> bool {
    let Ok(cached) = serde_json::from_slice::<Value>(content) else { return false };
    let key = cached.pointer("/Credentials/AccessKeyId").and_then(Value::as_str);
    let session = cached.pointer("/AssumedRoleUser/Arn").and_then(Value::as_str);
    key == Some(of) || session.is_some_and(|arn| role_of(arn).is_some() && role_of(arn) == named(of))
}

/// Account and name of `arn:aws:sts::111122223333:assumed-role/Name/session`.
fn role_of(arn: &str) -> Option<(&str, &str)> {
    let (head, rest) = arn.split_once(":assumed-role/")?;
    Some((head.rsplit(':').next()?, rest.split('/').next()?))
}

/// Account and name of `arn:aws:iam::111122223333:role/path/Name`.
fn named(arn: &str) -> Option<(&str, &str)> {
    let (head, rest) = arn.split_once(":role/")?;
    Some((head.rsplit(':').next()?, rest.rsplit('/').next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_session_is_known_by_its_account_and_role() {
        let file = |arn: &str| format!(r#"{{"Credentials":{{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE"}},"AssumedRoleUser":{{"Arn":"{arn}"}}}}"#);
        let role = "arn:aws:iam::111122223333:role/ops/Deploy";
        assert!(says(file("arn:aws:sts::111122223333:assumed-role/Deploy/dana").as_bytes(), role));
        assert!(!says(file("arn:aws:sts::111122223333:assumed-role/Deploy2/dana").as_bytes(), role));
        assert!(!says(file("arn:aws:sts::444455556666:assumed-role/Deploy/dana").as_bytes(), role));
        assert!(!says(b"{}", role), "what says nothing is left alone");
        assert!(says(file("").as_bytes(), "ASIAIOSFODNN7EXAMPLE"));
    }
}
