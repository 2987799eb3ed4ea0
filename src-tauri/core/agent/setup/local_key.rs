//! A profile gets another access key, and its sessions carry on.
//!
//! What AWS gave with the old key holds until it expires, also when that key is inactive or gone. Sessions are kept under marks that
//! name the key, so they are moved along: nobody has to type an MFA code because a key was rotated.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    super::{
        Agent,
        leads::Leads,
        profiles::KEY,
        state::{Source, State},
    },
    local::resolved,
    runs::Run,
    stepping::changed,
};
use crate::{
    error::Result,
    model::{access_key::AccessKeyId, profile::ProfileName},
    setup::{call::text, journal::Entry, plan::Step, thing::State as Found},
    store::aws_files::{AwsFiles, edit::Edit},
};

impl Agent {
    pub(super) async fn key_step(&self, run: &Run, step: &Step, profile: &str) -> Result<(bool, Value)> {
        let again = run.now().steps.get(&step.id).is_some_and(|progress| progress.begun.is_some());
        let (profile, wanted) = (ProfileName::new(profile), resolved(&step.to, &run.now()));
        let one = self.0.editing.lock().await;
        let now = key_of(&*self.files()?, &profile);
        if now != wanted {
            if now != step.before {
                return Err(changed(step));
            }
            if !again {
                self.journalled(run, &Entry::Begun { step: step.id.clone(), before: now, at: self.now() })?;
            }
            self.give_key(&profile, &wanted, &format!("setup {}", run.plan.id)).await?;
        }
        drop(one);
        // After a crash the file may have the new key already, and what was sealed still names the old one.
        self.carry_sources(&step.before, &wanted);
        self.seal_soon();
        self.publish();
        Ok((!again && !run.now().touched(&step.id), json!({})))
    }

    pub(super) fn key_changed(&self, run: &Run, step: &Step, profile: &str) -> Result<bool> {
        let now = key_of(&*self.files()?, &ProfileName::new(profile));
        Ok(now != step.before && now != resolved(&step.to, &run.now()))
    }

    pub(super) async fn undo_key(&self, run: &Run, step: &Step, profile: &str) -> Result<()> {
        let profile = ProfileName::new(profile);
        let one = self.0.editing.lock().await;
        let now = key_of(&*self.files()?, &profile);
        if now != step.before {
            self.give_key(&profile, &step.before, &format!("undo of setup {}", run.plan.id)).await?;
        }
        drop(one);
        self.carry_sources(&resolved(&step.to, &run.now()), &step.before);
        self.seal_soon();
        self.publish();
        Ok(())
    }

    async fn give_key(&self, profile: &ProfileName, key: &Found, by: &str) -> Result<()> {
        let before = self.files()?;
        let key = text(key, "AccessKeyId");
        self.write_kept(&Edit::set_all(profile, &[(KEY, key.as_deref())])?, by).await?;
        self.carry_sessions(&before)
    }

    /// The sessions of profiles that the files lead elsewhere now, by the same way with another key. The caller holds `editing`.
    pub(super) fn carry_sessions(&self, before: &Arc<AwsFiles>) -> Result<()> {
        let after = self.files()?;
        self.state().follow(before, &after);
        Ok(())
    }

    /// The GetSessionToken sessions of one key become those of another key of the same user.
    fn carry_sources(&self, from: &Found, to: &Found) {
        let id = |state: &Found| AccessKeyId::parse(&text(state, "AccessKeyId")?).ok();
        if let (Some(from), Some(to)) = (id(from), id(to)) {
            // While another profile still has the old key, the session is both's.
            let still = self.files().is_ok_and(|files| files.profiles().iter().any(|profile| profile.get(KEY) == Some(from.as_str())));
            self.state().pass_on(&from, &to, still);
        }
    }
}

impl State {
    fn follow(&mut self, before: &AwsFiles, after: &AwsFiles) {
        for (profile, session) in &mut self.sessions {
            let Ok(old) = Leads::of(before, profile) else { continue };
            if old.mark == session.mark
                && let Ok(new) = Leads::of(after, profile)
            {
                session.mark = new.mark;
            }
        }
    }

    fn pass_on(&mut self, from: &AccessKeyId, to: &AccessKeyId, still: bool) {
        let own: Vec<(Source, _)> =
            self.sources.iter().filter(|(source, _)| source.key == *from).map(|(source, held)| (source.clone(), held.clone())).collect();
        for (source, held) in own {
            if !still {
                self.sources.remove(&source);
            }
            self.sources.entry(Source { key: to.clone(), ..source }).or_insert(held);
        }
    }
}

fn key_of(files: &AwsFiles, profile: &ProfileName) -> Found {
    files.profile(profile)?.get(KEY).map(|id| json!({ "AccessKeyId": id }))
}
