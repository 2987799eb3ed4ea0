//! A home in which setups are tried: an admin profile, the account as one comparable text, and waiting for a plan to end.
//!
//! The admin is the practice account's root. The clock stands still but where a plan waits for it.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_iam::types::{AssignmentStatusType, EntityType};
use stagedoor_core::{
    agent::{Agent, Asker},
    error::Result,
    model::setup::{Intent, SetupState, SetupView, StepState},
};

use crate::agent_home::Home;

/// A home with the profile `admin`, its key in the keychain.
pub(crate) async fn home() -> Home {
    let home = Home::new().await;
    let root = home.world.root_key();
    home.keys().put_access_key(&root).await.unwrap();
    home.config(&format!("\n[profile admin]\nstagedoor_access_key_id = {}\n{}", root.id, home.common()));
    home
}

/// All of the account but dates: users, keys, devices, groups, roles, policies with their versions, instance profiles.
pub(crate) async fn listing(home: &Home) -> String {
    let iam = home.iam().await;
    let mut listed = BTreeMap::new();
    let all = [EntityType::User, EntityType::Role, EntityType::Group, EntityType::LocalManagedPolicy];
    let mut pages = iam.get_account_authorization_details().set_filter(Some(all.to_vec())).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        for user in page.user_detail_list() {
            let keys = iam.list_access_keys().user_name(user.user_name().unwrap()).send().await.unwrap();
            let keys: Vec<_> = keys.access_key_metadata().iter().map(|key| (key.access_key_id(), key.status())).collect();
            listed.insert(user.arn().unwrap().to_owned(), format!("{user:?} {keys:?}"));
        }
        listed.extend(page.role_detail_list().iter().map(|role| (role.arn().unwrap().to_owned(), format!("{:?}", without_use(role)))));
        listed.extend(page.group_detail_list().iter().map(|group| (group.arn().unwrap().to_owned(), format!("{group:?}"))));
        for policy in page.policies() {
            let versions: Vec<_> = policy.policy_version_list().iter().map(|it| (it.version_id(), it.is_default_version(), it.document())).collect();
            listed.insert(policy.arn().unwrap().to_owned(), format!("{:?} {:?} {versions:?}", policy.attachment_count(), policy.default_version_id()));
        }
    }
    let devices = iam.list_virtual_mfa_devices().assignment_status(AssignmentStatusType::Any).send().await.unwrap();
    for device in devices.virtual_mfa_devices() {
        listed.insert(device.serial_number().to_owned(), format!("{:?} {:?}", device.user().map(|user| user.user_name().to_owned()), device.tags()));
    }
    let profiles = iam.list_instance_profiles().send().await.unwrap();
    for profile in profiles.instance_profiles() {
        let roles: Vec<_> = profile.roles().iter().map(|role| role.role_name().to_owned()).collect();
        listed.insert(profile.arn().to_owned(), format!("{roles:?}"));
    }
    listed.into_iter().fold(String::new(), |text, (arn, what)| text + &format!("{arn}: {what}\n"))
}

/// A role but when it was last used.
fn without_use(role: &aws_sdk_iam::types::RoleDetail) -> impl std::fmt::Debug {
    let (profiles, attached) = (role.instance_profile_list().to_vec(), role.attached_managed_policies().to_vec());
    let inline = role.role_policy_list().to_vec();
    (role.role_id().map(str::to_owned), role.assume_role_policy_document().map(str::to_owned), profiles, attached, inline, role.tags().to_vec())
}

/// What lies on this computer: the AWS file as it is, and the names of what the keychain has.
pub(crate) fn here(home: &Home) -> (String, Vec<String>) {
    let mut items: Vec<_> = home.keychain.items().iter().map(ToString::to_string).collect();
    items.sort();
    // Made at their first use, whatever that is.
    items.retain(|item| item != "sealed sessions");
    (home.config_now(), items)
}

/// Makes a plan.
pub(crate) async fn plan(agent: &Agent, intent: Intent) -> Result<SetupView> {
    agent.setup_plan(intent, &Asker::stagedoor()).await
}

/// Waits until nobody works on a plan any more; lets time pass where it waits for it.
pub(crate) async fn ended(home: &Home, agent: &Agent, id: &str) -> SetupView {
    let mut view = agent.setup_view(id).unwrap();
    for _ in 0..20_000 {
        if !matches!(view.state, SetupState::Applying | SetupState::Undoing) {
            return view;
        }
        if waits(&view) {
            home.advance(time::Duration::seconds(1));
            tokio::task::yield_now().await;
        }
        let seen = view.revision;
        view = tokio::time::timeout(std::time::Duration::from_millis(20), agent.setup_follow(id, seen))
            .await
            .map_or_else(|_| agent.setup_view(id).unwrap(), Result::unwrap);
    }
    panic!("it never ended: {view:?}");
}

/// Whether something is waited for.
pub(crate) fn waits(view: &SetupView) -> bool {
    view.steps.iter().any(|step| step.waits_for.is_some()) || view.proofs.iter().any(|proof| proof.waits_for.is_some())
}

/// Applies a plan to its end.
pub(crate) async fn apply(home: &Home, agent: &Agent, id: &str) -> SetupView {
    agent.setup_apply(id, &Asker::stagedoor()).await.unwrap();
    ended(home, agent, id).await
}

/// Takes a plan back to its end.
pub(crate) async fn undo(home: &Home, agent: &Agent, id: &str) -> SetupView {
    agent.setup_undo(id, &Asker::stagedoor()).await.unwrap();
    ended(home, agent, id).await
}

/// An agent in a runtime of its own, which can be ended as a killed process ends.
pub(crate) struct Process {
    runtime: Option<tokio::runtime::Runtime>,
    pub(crate) agent: Agent,
}

impl Process {
    /// Starts one.
    pub(crate) async fn start(home: &Home) -> Self {
        let parts = home.parts();
        let started = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let agent = runtime.block_on(Agent::open(parts)).unwrap();
            (runtime, agent)
        });
        let (runtime, agent) = started.await.unwrap();
        Self { runtime: Some(runtime), agent }
    }

    /// Does something in it.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
        self.runtime.as_ref().unwrap().spawn(work)
    }

    /// Ends it where it stands.
    pub(crate) async fn kill(mut self) {
        let runtime = self.runtime.take().unwrap();
        // Comes back when nothing of it runs any more.
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(std::time::Duration::from_secs(5))).await.unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The state of each step, by its action.
pub(crate) fn states(view: &SetupView) -> Vec<(String, StepState)> {
    view.steps.iter().map(|step| (step.action.clone(), step.state)).collect()
}

/// For a plan at work in another process.
pub(crate) async fn pump_until<T>(home: &Home, agent: &Agent, id: &str, wanted: impl Future<Output = T>) -> Option<T> {
    let mut wanted = std::pin::pin!(wanted);
    let agent = Arc::new(agent.clone());
    for _ in 0..20_000 {
        tokio::select! {
            biased;
            got = &mut wanted => return Some(got),
            () = tokio::time::sleep(std::time::Duration::from_millis(2)) => {}
        }
        let view = agent.setup_view(id).unwrap();
        if waits(&view) {
            home.advance(time::Duration::seconds(1));
        } else if !matches!(view.state, SetupState::Applying | SetupState::Undoing | SetupState::Planned) {
            return None;
        }
    }
    panic!("neither came nor ended: {:?}", agent.setup_view(id));
}
