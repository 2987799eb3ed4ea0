//! The steps that are done on this computer: profiles in the AWS files, and what the keychain has.
//!
//! Looked at, journalled and taken back like those in an account.

use serde_json::{Value, json};

use super::{super::Agent, runs::Run, stepping::changed};
use crate::{
    error::{Code, Error, Result},
    model::profile::ProfileName,
    setup::{
        journal::{Entry, Progress},
        make::profiles::written,
        plan::Step,
        thing::{State, Thing},
    },
    store::aws_files::edit::Edit,
};

impl Agent {
    /// Does a step on this computer: whether it was found done, and what came of it; `None` where it waits.
    pub(super) async fn local_step(&self, run: &Run, step: &Step) -> Result<Option<(bool, Value)>> {
        match &step.thing {
            Thing::Profiles { .. } => self.profiles_step(run, step).await.map(Some),
            Thing::ProfileKey { profile } => self.key_step(run, step, profile).await.map(Some),
            Thing::KeyPlace { profile } => self.import_step(run, step, profile).await.map(Some),
            Thing::LocalSessions { of } => self.sessions_step(run, step, of).await.map(Some),
            Thing::Pause { what } => self.pause_step(run, step, what),
            _ => Err(Error::new(Code::NotSupported, format!("{} is nothing of this computer", step.title), "Make the plan anew")),
        }
    }

    async fn profiles_step(&self, run: &Run, step: &Step) -> Result<(bool, Value)> {
        let wanted = profiles_of(&resolved(&step.to, &run.now()));
        let again = run.now().steps.get(&step.id).is_some_and(|progress| progress.begun.is_some());
        let one = self.0.editing.lock().await;
        let now = written(&*self.files()?, &wanted);
        if step.thing.same(&now, &Some(json!({ "Profiles": wanted }))) {
            return Ok((!again, json!({})));
        }
        if now.is_some() {
            return Err(changed(step));
        }
        if !again {
            self.journalled(run, &Entry::Begun { step: step.id.clone(), before: now, at: self.now() })?;
        }
        let mut edit = Edit::nothing();
        for profile in &wanted {
            let name = name_of(profile);
            let properties: Vec<(&str, &str)> = properties_of(profile);
            edit = edit.then(Edit::add_profile(&name, &properties)?).then(Edit::connect(&[name], &self.0.parts.program)?);
        }
        self.write_kept(&edit, &format!("setup {}", run.plan.id)).await?;
        drop(one);
        self.publish();
        Ok((false, json!({})))
    }

    /// What stands in the way of taking a step back that was done on this computer.
    pub(super) fn local_changed(&self, run: &Run, step: &Step) -> Result<bool> {
        match &step.thing {
            Thing::Profiles { .. } => {
                let wanted = profiles_of(&resolved(&step.to, &run.now()));
                let now = written(&*self.files()?, &wanted);
                Ok(now.is_some() && !step.thing.same(&now, &Some(json!({ "Profiles": wanted }))))
            }
            Thing::ProfileKey { profile } => self.key_changed(run, step, profile),
            Thing::KeyPlace { profile } => self.import_changed(run, step, profile),
            _ => Ok(false),
        }
    }

    /// Takes back a step that was done on this computer.
    pub(super) async fn undo_local(&self, run: &Run, step: &Step) -> Result<()> {
        match &step.thing {
            Thing::Profiles { names } => {
                let one = self.0.editing.lock().await;
                let files = self.files()?;
                let mut edit = Edit::nothing();
                for name in names.iter().rev().map(ProfileName::new).filter(|name| files.profile(name).is_some()) {
                    self.state().stop(&name);
                    edit = edit.then(Edit::remove_profile(&name));
                }
                self.write_kept(&edit, &format!("undo of setup {}", run.plan.id)).await?;
                drop(one);
                self.seal_soon();
                self.publish();
                Ok(())
            }
            Thing::ProfileKey { profile } => self.undo_key(run, step, profile).await,
            Thing::KeyPlace { profile } => self.undo_import_step(run, step, profile).await,
            // Time that passed needs nothing.
            Thing::Pause { .. } => Ok(()),
            _ => Err(Error::new(Code::NotSupported, format!("{} cannot be taken back", step.done_title), "Take it back by hand")),
        }
    }
}

/// A state with what came of the steps before in the place of its names.
pub(super) fn resolved(state: &State, progress: &Progress) -> State {
    fn fill(value: &Value, progress: &Progress) -> Value {
        match value {
            Value::String(text) => {
                let mut parts = text.strip_prefix("$made:").into_iter().flat_map(|rest| rest.split(':'));
                let made = parts.next().zip(parts.next()).and_then(|(step, what)| progress.made(step, what));
                made.map_or_else(|| value.clone(), Value::from)
            }
            Value::Array(values) => values.iter().map(|value| fill(value, progress)).collect(),
            Value::Object(object) => Value::Object(object.iter().map(|(key, value)| (key.clone(), fill(value, progress))).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
    state.as_ref().map(|value| fill(value, progress))
}

fn profiles_of(state: &State) -> Vec<Value> {
    state.as_ref().and_then(|state| state.get("Profiles")?.as_array().cloned()).unwrap_or_default()
}

fn name_of(profile: &Value) -> ProfileName {
    ProfileName::new(profile.get("Name").and_then(Value::as_str).unwrap_or_default())
}

fn properties_of(profile: &Value) -> Vec<(&str, &str)> {
    let properties = profile.get("Properties").and_then(Value::as_object);
    properties.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}
