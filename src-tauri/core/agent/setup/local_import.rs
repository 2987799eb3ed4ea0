//! The access key of a profile moves from its plain file into the keychain, and back.
//!
//! The moving itself, with its proof, is the agent's `import`. Here is what makes a step of it: what lies where, and what a crash left.

use serde_json::{Value, json};

use super::{super::Agent, runs::Run, stepping::changed};
use crate::{
    error::Result,
    model::{access_key::AccessKeyId, profile::ProfileName},
    setup::{call::text, journal::Entry, plan::Step},
};

/// Where a profile's key lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    File,
    Keychain,
    Nowhere,
}

impl Agent {
    pub(super) async fn import_step(&self, run: &Run, step: &Step, profile: &str) -> Result<(bool, Value)> {
        let profile = ProfileName::new(profile);
        let again = run.now().steps.get(&step.id).is_some_and(|progress| progress.begun.is_some());
        match self.lies(&profile)? {
            Lies::Nowhere => Err(changed(step)),
            Lies::Keychain => Ok((!again, json!({}))),
            Lies::File => {
                let before = self.files()?;
                if !again {
                    let id = before.plaintext_key(&profile).map(|key| key.id);
                    let kept = match &id {
                        Some(id) => self.0.keys.access_key(id).await?.is_some(),
                        None => false,
                    };
                    let before = json!({ "Place": "file", "AccessKeyId": id.as_ref().map(AccessKeyId::as_str), "Kept": kept });
                    self.journalled(run, &Entry::Begun { step: step.id.clone(), before: Some(before), at: self.now() })?;
                }
                self.import(&profile).await?;
                let _one = self.0.editing.lock().await;
                self.carry_sessions(&before)?;
                self.seal_soon();
                Ok((false, json!({})))
            }
        }
    }

    pub(super) fn import_changed(&self, run: &Run, step: &Step, profile: &str) -> Result<bool> {
        let profile = ProfileName::new(profile);
        let moved = begun_with(run, step);
        let files = self.files()?;
        let now = match self.lies(&profile)? {
            Lies::File => files.plaintext_key(&profile).map(|key| key.id.as_str().to_owned()),
            Lies::Keychain => files.profile(&profile).and_then(|found| found.get(super::super::profiles::KEY).map(str::to_owned)),
            Lies::Nowhere => None,
        };
        Ok(now != moved.0)
    }

    pub(super) async fn undo_import_step(&self, run: &Run, step: &Step, profile: &str) -> Result<()> {
        let profile = ProfileName::new(profile);
        let (id, kept) = begun_with(run, step);
        let id = id.and_then(|id| AccessKeyId::parse(&id).ok());
        let before = self.files()?;
        match (self.lies(&profile)?, &id) {
            (Lies::Keychain, Some(id)) => {
                let key = if kept { self.0.keys.access_key(id).await? } else { None };
                self.undo_import(&profile).await?;
                if let Some(key) = key {
                    self.0.keys.put_access_key(&key).await?;
                }
                let _one = self.0.editing.lock().await;
                self.carry_sessions(&before)?;
                self.seal_soon();
            }
            // Its process was killed when the keychain had the key and the file did too.
            (Lies::File, Some(id)) if !kept => {
                let used = before.profiles().iter().any(|other| other.get(super::super::profiles::KEY) == Some(id.as_str()));
                if !used {
                    self.0.keys.delete_access_key(id).await?;
                }
            }
            (Lies::File | Lies::Keychain | Lies::Nowhere, _) => {}
        }
        Ok(())
    }

    fn lies(&self, profile: &ProfileName) -> Result<Lies> {
        let files = self.files()?;
        Ok(if files.plaintext_key(profile).is_some() {
            Lies::File
        } else if files.profile(profile).is_some_and(|found| found.get(super::super::profiles::KEY).is_some()) {
            Lies::Keychain
        } else {
            Lies::Nowhere
        })
    }
}

/// The key that was moved, and whether the keychain had it before.
fn begun_with(run: &Run, step: &Step) -> (Option<String>, bool) {
    let before = run.now().steps.get(&step.id).and_then(|progress| progress.begun.clone()).and_then(|(before, _)| before);
    let kept = before.as_ref().and_then(|before| before.get("Kept")?.as_bool()).unwrap_or_default();
    (text(&before, "AccessKeyId"), kept)
}
