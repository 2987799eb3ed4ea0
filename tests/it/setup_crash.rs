//! The process that applies a plan ends before and after every single call: it can be gone on with, and it can be taken back.
//!
//! Each case is an account and a computer of its own. What counts is the whole account, the AWS file byte for byte and what the
//! keychain has, before and after.

use stagedoor_core::{
    agent::Asker,
    model::setup::{
        Change, ChangeIntent, GroupIntent, Intent, PolicyHome, RevokeIntent, RevokeTarget, RoleIntent, RolePermission, SetupState, Tag, Trusted, UserIntent,
    },
};

use crate::{
    agent_home::{Home, name},
    setup_home::{self, Process, ended, here, listing, pump_until, undo},
};

/// How a case goes on after the crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Gone on with, then taken back.
    Resume,
    /// Taken back at once.
    Undo,
}

fn user(home: &Home) -> Intent {
    let account = &home.ready.account_id;
    Intent::User(UserIntent {
        admin: name("admin"),
        name: "dana".to_owned(),
        path: Some("/people/".to_owned()),
        tags: vec![Tag { key: "team".to_owned(), value: "payments".to_owned() }],
        access_key: true,
        mfa: true,
        may_assume: vec![format!("arn:aws:iam::{account}:role/Reader"), home.ready.mfa_role_arn.as_str().to_owned()],
        self_service: true,
        groups: vec!["payments".to_owned()],
        ..UserIntent::default()
    })
}

/// A role with an instance profile's worth of parts: trust, group policy, inline and attached permissions, tags.
fn role(home: &Home) -> Intent {
    Intent::Role(RoleIntent {
        admin: name("admin"),
        name: "deploy".to_owned(),
        description: Some("Deploys".to_owned()),
        tags: vec![Tag { key: "team".to_owned(), value: "payments".to_owned() }],
        trusted: vec![
            Trusted::User { name: home.ready.user_name.clone() },
            Trusted::Group { name: "payments".to_owned() },
            Trusted::Service { name: "ec2".to_owned() },
        ],
        permissions: vec![RolePermission::Bucket { bucket: "payments-data".to_owned() }, RolePermission::Managed { arn: reports(home) }],
        max_session: Some(7200),
        ..RoleIntent::default()
    })
}

/// A new version of a managed policy.
fn edit(home: &Home) -> Intent {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}"#;
    let change = Change::EditPolicy { policy: reports(home), text: text.to_owned(), drop_oldest: false };
    Intent::Change(ChangeIntent { admin: name("admin"), change })
}

fn group(home: &Home) -> Intent {
    Intent::Group(GroupIntent {
        admin: name("admin"),
        name: "auditors".to_owned(),
        may_assume: vec![home.ready.mfa_role_arn.as_str().to_owned()],
        members: vec![home.ready.user_name.clone()],
        require_mfa: true,
        policy_home: PolicyHome::Managed,
        ..GroupIntent::default()
    })
}

fn revoke(_: &Home) -> Intent {
    Intent::Revoke(RevokeIntent { admin: name("admin"), target: RevokeTarget::Role { role: "Reader".to_owned() } })
}

fn reports(home: &Home) -> String {
    format!("arn:aws:iam::{}:policy/Reports", home.ready.account_id)
}

async fn ready() -> Home {
    let home = setup_home::home().await;
    let iam = home.iam().await;
    iam.create_group().group_name("payments").send().await.unwrap();
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    iam.create_policy().policy_name("Reports").policy_document(text).send().await.unwrap();
    home
}

/// One case; `false`: the plan ended before its call number `at`.
async fn case(intent: fn(&Home) -> Intent, at: usize, after: bool, then: Then) -> bool {
    let home = ready().await;
    let (account, own) = (listing(&home).await, here(&home));
    let first = Process::start(&home).await;
    let view = setup_home::plan(&first.agent, intent(&home)).await.unwrap();
    let reached = home.tap.ends_at(at, after);
    let (agent, id) = (first.agent.clone(), view.id.clone());
    let _applying = first.spawn(async move { agent.setup_apply(&id, &Asker::stagedoor()).await });
    let killed = pump_until(&home, &first.agent, &view.id, reached).await.is_some();
    home.tap.ends_nowhere();
    first.kill().await;
    let second = Process::start(&home).await;
    let what = format!("call {at}, {} it, then {then:?}", if after { "after" } else { "before" });
    let Ok(found) = second.agent.setup_view(&view.id) else {
        // It ended before anything was written down.
        assert_eq!(listing(&home).await, account, "{what}");
        return killed;
    };
    if then == Then::Resume && found.resumable {
        second.agent.setup_resume(&view.id, &Asker::stagedoor()).await.unwrap();
        let resumed = ended(&home, &second.agent, &view.id).await;
        assert_eq!(resumed.state, SetupState::Done, "{what}: {:?} {:?}", resumed.error, resumed.proofs);
    }
    let found = second.agent.setup_view(&view.id).unwrap();
    if found.undoable {
        let undone = undo(&home, &second.agent, &view.id).await;
        assert_eq!(undone.state, SetupState::Undone, "{what}: {:?}", undone.error);
    }
    assert_eq!(listing(&home).await, account, "{what}");
    assert_eq!(here(&home), own, "{what}");
    killed
}

/// All of them: each call, before and after.
async fn everywhere(intent: fn(&Home) -> Intent, then: Then) {
    let mut calls = 0;
    while case(intent, calls, false, then).await {
        assert!(case(intent, calls, true, then).await);
        calls += 1;
    }
    assert!(calls > 3, "{calls} calls were found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_plan_that_was_killed_goes_on() {
    everywhere(user, Then::Resume).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_plan_that_was_killed_is_taken_back() {
    everywhere(user, Then::Undo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_plan_that_was_killed_goes_on_or_is_taken_back() {
    everywhere(role, Then::Resume).await;
    everywhere(role, Then::Undo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_plan_that_was_killed_goes_on_or_is_taken_back() {
    everywhere(group, Then::Resume).await;
    everywhere(group, Then::Undo).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_version_and_a_revocation_that_were_killed_go_on_or_are_taken_back() {
    for then in [Then::Resume, Then::Undo] {
        everywhere(edit, then).await;
        everywhere(revoke, then).await;
    }
}

/// The way back is itself killed at every call; taken back once more, all is as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_was_killed_goes_on() {
    for at in 0.. {
        for after in [false, true] {
            let home = ready().await;
            let (account, own) = (listing(&home).await, here(&home));
            let first = Process::start(&home).await;
            let view = setup_home::plan(&first.agent, user(&home)).await.unwrap();
            assert_eq!(setup_home::apply(&home, &first.agent, &view.id).await.state, SetupState::Done);
            let reached = home.tap.ends_at(at, after);
            let (agent, id) = (first.agent.clone(), view.id.clone());
            let _undoing = first.spawn(async move { agent.setup_undo(&id, &Asker::stagedoor()).await });
            let killed = undo_reached(&home, &first, &view.id, reached).await;
            home.tap.ends_nowhere();
            first.kill().await;
            let second = Process::start(&home).await;
            if second.agent.setup_view(&view.id).unwrap().undoable {
                let undone = undo(&home, &second.agent, &view.id).await;
                assert_eq!(undone.state, SetupState::Undone, "call {at}: {undone:?}");
            }
            assert_eq!(listing(&home).await, account, "call {at}");
            assert_eq!(here(&home), own, "call {at}");
            if !killed {
                assert!(at > 8, "{at} calls were found");
                return;
            }
        }
    }
}

/// Whether the call was reached before the undo ended.
async fn undo_reached(home: &Home, process: &Process, id: &str, reached: tokio::sync::oneshot::Receiver<()>) -> bool {
    let mut reached = std::pin::pin!(reached);
    loop {
        tokio::select! {
            biased;
            _ = &mut reached => return true,
            () = tokio::time::sleep(std::time::Duration::from_millis(2)) => {}
        }
        let view = process.agent.setup_view(id).unwrap();
        if view.state == SetupState::Undone {
            return false;
        }
        if setup_home::waits(&view) {
            home.advance(time::Duration::seconds(1));
        }
    }
}
