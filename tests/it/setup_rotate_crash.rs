//! The process that rotates or imports a key ends before and after every call: it goes on, or all is as it was.
//!
//! As with every plan, the whole account, the AWS files byte for byte and the keychain count. What a finished rotation deleted is gone;
//! until then there is a way back from everywhere.

use stagedoor_core::{
    agent::Asker,
    model::setup::{Intent, RotateIntent, SetupState},
};

use crate::{
    agent_home::{Home, name},
    setup_home::{self, Process, ended, here, listing, pump_until, undo},
    setup_rotate::{allowed, keys},
};

fn wanted(admin: Option<&str>) -> Intent {
    Intent::Rotate(RotateIntent { profile: name("key"), admin: admin.map(name), wait: 0, drop: None })
}

/// One case; `false`: the plan ended before its call number `at`.
async fn case(admin: Option<&str>, at: usize, after: bool, resume: bool) -> bool {
    let home: Home = setup_home::home().await;
    allowed(&home).await;
    let (account, own) = (listing(&home).await, here(&home));
    let first = Process::start(&home).await;
    let view = setup_home::plan(&first.agent, wanted(admin)).await.unwrap();
    let reached = home.tap.ends_at(at, after);
    let (agent, id) = (first.agent.clone(), view.id.clone());
    let _applying = first.spawn(async move { agent.setup_apply(&id, &Asker::stagedoor()).await });
    let killed = pump_until(&home, &first.agent, &view.id, reached).await.is_some();
    home.tap.ends_nowhere();
    first.kill().await;
    let second = Process::start(&home).await;
    let what = format!("by {admin:?}, call {at}, {} it, resume {resume}", if after { "after" } else { "before" });
    let Ok(found) = second.agent.setup_view(&view.id) else {
        assert_eq!((listing(&home).await, here(&home)), (account, own), "{what}");
        return killed;
    };
    if !resume && found.undoable {
        let undone = undo(&home, &second.agent, &view.id).await;
        if undone.state == SetupState::Undone {
            assert_eq!((listing(&home).await, here(&home)), (account, own), "{what}");
            return killed;
        }
        let why = undone.error.unwrap().message;
        assert!(why.contains("the new key is the only one that works"), "{what}: {why}");
    }
    if second.agent.setup_view(&view.id).unwrap().resumable {
        second.agent.setup_resume(&view.id, &Asker::stagedoor()).await.unwrap();
        let resumed = ended(&home, &second.agent, &view.id).await;
        assert_eq!(resumed.state, SetupState::Done, "{what}: {:?} {:?}", resumed.error, resumed.proofs);
    }
    let left = keys(&home).await;
    let new = left.iter().find(|(id, _)| id != home.ready.key.id.as_str());
    match new {
        Some((id, status)) => {
            assert_eq!((left.len(), status.as_str()), (1, "Active"), "{what}: {left:?}");
            assert!(home.config_now().contains(id.as_str()), "{what}");
            assert!(home.keys().access_key(&home.ready.key.id).await.unwrap().is_none(), "{what}: the old secret is gone too");
        }
        None => assert_eq!((listing(&home).await, here(&home)), (account, own), "{what}"),
    }
    killed
}

async fn everywhere(admin: Option<&str>, resume: bool) {
    let mut calls = 0;
    while case(admin, calls, false, resume).await {
        assert!(case(admin, calls, true, resume).await);
        calls += 1;
    }
    assert!(calls > 6, "{calls} calls were found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_was_killed_goes_on() {
    everywhere(None, true).await;
    everywhere(Some("admin"), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_was_killed_is_taken_back() {
    everywhere(None, false).await;
    everywhere(Some("admin"), false).await;
}
