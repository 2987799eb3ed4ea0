//! A profile that asks before it is handed out also asks before a setup proves something with its key, and nothing is sent before.
//!
//! In process, with a program that asks and a person at the window.

use stagedoor_core::{
    agent::{Agent, Asker},
    error::{Code, Result},
    model::{
        prompt::PromptAnswer,
        setup::{Intent, RoleIntent, SetupState, Trusted, UserIntent},
    },
};
use tokio::task::JoinHandle;

use crate::{
    agent_home::{Home, name},
    agent_prompt::{Tool, app, question},
    setup_home::{apply, ended, home, listing, plan, undo},
};

/// A role that alice may assume, proven with the key of the profile `key`.
fn role(home: &Home) -> Intent {
    let trusted = vec![Trusted::User { name: home.ready.user_name.clone() }];
    Intent::Role(RoleIntent { admin: name("admin"), name: "deploy".to_owned(), trusted, require_mfa: true, ..RoleIntent::default() })
}

/// Another right for alice, proven with the key that she has already.
fn right(home: &Home) -> Intent {
    Intent::User(UserIntent {
        admin: name("admin"),
        name: home.ready.user_name.clone(),
        existing: true,
        access_key: true,
        no_profiles: true,
        may_assume: vec![format!("arn:aws:iam::{}:role/Reader", home.ready.account_id)],
        ..UserIntent::default()
    })
}

fn applies(agent: &Agent, id: &str, asker: Asker) -> JoinHandle<Result<()>> {
    let (agent, id) = (agent.clone(), id.to_owned());
    tokio::spawn(async move { agent.setup_apply(&id, &asker).await })
}

async fn asking(home: &Home, agent: &Agent) {
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
    agent.set_asks(&name("key"), true, &Asker::stagedoor()).await.unwrap();
}

#[tokio::test]
async fn a_proof_by_a_profile_that_asks_is_allowed_by_a_person_before_anything_is_sent() {
    for intent in [role, right] {
        let home = home().await;
        let (agent, tool) = (app(&home).await, Tool::sleep());
        asking(&home, &agent).await;
        let account = listing(&home).await;
        let id = agent.setup_plan(intent(&home), &tool.asker()).await.expect("a plan uses nobody's key but the admin's").id;
        for (answer, code) in [(PromptAnswer::Deny, Code::ApprovalDenied), (PromptAnswer::Dismiss, Code::ApprovalRequired)] {
            let applying = applies(&agent, &id, tool.asker());
            let asked = question(&agent, 1).await;
            assert_eq!((&asked.profile, asked.way.as_str()), (&name("key"), "setup"));
            agent.answer_prompt(asked.id, answer).unwrap();
            assert_eq!(applying.await.unwrap().unwrap_err().code, code);
            assert_eq!(agent.setup_view(&id).unwrap().state, SetupState::Planned);
            assert_eq!(listing(&home).await, account);
        }
        assert_eq!(home.count("AssumeRole") + home.count("GetSessionToken"), 0);
        let applying = applies(&agent, &id, tool.asker());
        agent.answer_prompt(question(&agent, 1).await.id, PromptAnswer::Allow).unwrap();
        applying.await.unwrap().unwrap();
        let done = ended(&home, &agent, &id).await;
        assert_eq!(done.state, SetupState::Done, "{:?} {:?}", done.error, done.proofs);
        // Taking it back calls as nobody but the admin.
        agent.setup_undo(&id, &tool.asker()).await.unwrap();
        assert_eq!(ended(&home, &agent, &id).await.state, SetupState::Undone);
    }
}

#[tokio::test]
async fn a_person_at_the_window_is_not_asked_and_where_nobody_can_be_it_is_refused() {
    let home = home().await;
    let (agent, tool) = (home.agent().await, Tool::sleep());
    asking(&home, &agent).await;
    let account = listing(&home).await;
    let id = plan(&agent, role(&home)).await.unwrap().id;
    let refused = agent.setup_apply(&id, &tool.asker()).await.unwrap_err();
    assert_eq!(refused.code, Code::ApprovalRequired, "{refused:?}");
    assert_eq!(listing(&home).await, account);
    assert_eq!(apply(&home, &agent, &id).await.state, SetupState::Done);
    assert_eq!(undo(&home, &agent, &id).await.state, SetupState::Undone);
}

/// What stopped is gone on with by whoever may: its proofs ask again, as far as they are still to be made.
#[tokio::test]
async fn going_on_asks_for_the_proofs_that_are_left() {
    let home = home().await;
    let (agent, tool) = (app(&home).await, Tool::sleep());
    asking(&home, &agent).await;
    let id = plan(&agent, role(&home)).await.unwrap().id;
    // Somebody else was faster: the plan stops before its proofs.
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let iam = home.iam().await;
    iam.create_role().role_name("deploy").assume_role_policy_document(trust).send().await.unwrap();
    assert_eq!(apply(&home, &agent, &id).await.state, SetupState::Stopped);
    iam.delete_role().role_name("deploy").send().await.unwrap();
    let going_on = tokio::spawn({
        let (agent, id, asker) = (agent.clone(), id.clone(), tool.asker());
        async move { agent.setup_resume(&id, &asker).await }
    });
    let asked = question(&agent, 1).await;
    assert_eq!(asked.profile, name("key"));
    agent.answer_prompt(asked.id, PromptAnswer::Deny).unwrap();
    assert_eq!(going_on.await.unwrap().unwrap_err().code, Code::ApprovalDenied);
    assert_eq!(agent.setup_view(&id).unwrap().state, SetupState::Stopped);
}
