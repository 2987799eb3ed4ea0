//! Rotation of access keys as a plan: the safe order, the wait with its reminder, sessions that carry on, and the way back.
//!
//! The agent runs against the practice account; the clock is driven, so that a day passes at once.

use stagedoor_core::{
    agent::{Agent, Asker},
    error::Code,
    model::{
        access_key::AccessKeyId,
        setup::{Intent, RotateIntent, SetupState, SetupView, Standing},
        snapshot::Event,
    },
};
use time::Duration;

use crate::{
    agent_home::{Home, key_id, name, next_event, start},
    setup_home,
};

/// Alice may see to her own keys.
pub(crate) async fn allowed(home: &Home) {
    let own = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}"#;
    home.iam().await.put_user_policy().user_name(&home.ready.user_name).policy_name("Own").policy_document(own).send().await.unwrap();
}

fn wanted(wait: u32, drop: Option<AccessKeyId>) -> Intent {
    Intent::Rotate(RotateIntent { profile: name("key"), admin: None, wait, drop })
}

pub(crate) async fn plan(agent: &Agent, intent: Intent) -> SetupView {
    agent.setup_plan(intent, &Asker::stagedoor()).await.unwrap()
}

/// Follows a setup until it stands.
pub(crate) async fn settled(agent: &Agent, id: &str) -> SetupView {
    let mut view = agent.setup_view(id).unwrap();
    while matches!(view.state, SetupState::Applying | SetupState::Undoing) {
        view = agent.setup_follow(id, view.revision).await.unwrap();
    }
    view
}

pub(crate) async fn applied(agent: &Agent, id: &str) -> SetupView {
    agent.setup_apply(id, &Asker::stagedoor()).await.unwrap();
    settled(agent, id).await
}

pub(crate) async fn resumed(agent: &Agent, id: &str) -> SetupView {
    agent.setup_resume(id, &Asker::stagedoor()).await.unwrap();
    settled(agent, id).await
}

pub(crate) async fn undone(agent: &Agent, id: &str) -> SetupView {
    agent.setup_undo(id, &Asker::stagedoor()).await.unwrap();
    settled(agent, id).await
}

/// Alice's keys as IAM has them: ID and status, in order.
pub(crate) async fn keys(home: &Home) -> Vec<(String, String)> {
    let answer = home.iam().await.list_access_keys().user_name(&home.ready.user_name).send().await.unwrap();
    let mut keys: Vec<_> =
        answer.access_key_metadata.iter().map(|key| (key.access_key_id().unwrap().to_owned(), key.status().unwrap().as_str().to_owned())).collect();
    keys.sort();
    keys
}

async fn kept(home: &Home, id: &str) -> bool {
    home.keys().access_key(&AccessKeyId::parse(id).unwrap()).await.unwrap().is_some()
}

fn actions(view: &SetupView) -> Vec<&str> {
    view.steps.iter().map(|step| step.action.as_str()).collect()
}

#[tokio::test]
async fn a_key_is_replaced_by_its_own_user_and_nothing_stops_working() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    let old = home.ready.key.id.as_str().to_owned();
    start(&agent, "dev", Some(home.code())).await.unwrap();
    let session = key_id(&agent, "dev").await.unwrap();

    let planned = plan(&agent, wanted(0, None)).await;
    assert_eq!(planned.state, SetupState::Planned, "{planned:?}");
    assert_eq!(actions(&planned), ["CreateAccessKey", "SetProfileKey", "UpdateAccessKey", "DeleteAccessKey"]);
    let done = applied(&agent, &planned.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    let new = done.steps[0].made.clone().unwrap();
    assert_eq!(keys(&home).await, [(new.clone(), "Active".to_owned())]);
    assert!(kept(&home, &new).await && !kept(&home, &old).await);
    assert!(home.config_now().contains(&format!("stagedoor_access_key_id = {new}\n")), "{}", home.config_now());
    assert!(!done.undoable, "the old key is gone for ever");
    assert!(agent.setup_undo(&planned.id, &Asker::stagedoor()).await.is_err());

    assert_eq!(key_id(&agent, "dev").await.unwrap(), session, "the session carries on");
    start(&agent, "ops", None).await.expect("the MFA session serves the other roles, without another code");
    start(&agent, "reader", None).await.expect("the new key signs");
}

#[tokio::test]
async fn the_old_key_waits_inactive_and_a_person_is_reminded_when_its_time_comes() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    let mut events = agent.events();
    let old = home.ready.key.id.as_str().to_owned();
    let planned = plan(&agent, wanted(86_400, None)).await;
    assert_eq!(actions(&planned), ["CreateAccessKey", "SetProfileKey", "UpdateAccessKey", "Wait", "DeleteAccessKey"]);
    let waiting = applied(&agent, &planned.id).await;
    assert_eq!((waiting.state, waiting.waits_until), (SetupState::Waiting, Some(crate::agent_home::BEGIN + Duration::DAY)), "{waiting:?}");
    assert!(waiting.undoable && waiting.resumable);
    assert!(waiting.steps[3].waits_for.as_ref().unwrap().contains(&old), "{waiting:?}");
    assert!(keys(&home).await.contains(&(old.clone(), "Inactive".to_owned())));
    assert!(kept(&home, &old).await, "it may be needed again");

    home.advance(Duration::hours(3));
    let still = resumed(&agent, &planned.id).await;
    assert_eq!((still.state, still.waits_until), (SetupState::Waiting, waiting.waits_until), "too early changes nothing");
    // Another agent, after a restart, counts from the same beginning.
    agent.close(std::time::Duration::from_secs(1)).await.unwrap();
    drop(events);
    let agent = home.agent().await;
    events = agent.events();
    home.advance(Duration::hours(21));
    let event = next_event(&mut events, |event| matches!(event, Event::SetupDue { .. })).await;
    assert!(matches!(&event, Event::SetupDue { id, title } if *id == planned.id && title == "New access key for key"), "{event:?}");
    let done = resumed(&agent, &planned.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    assert_eq!(keys(&home).await.len(), 1);
    assert!(!kept(&home, &old).await);
}

#[tokio::test]
async fn until_the_old_key_is_deleted_all_of_it_can_be_taken_back() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    start(&agent, "dev", Some(home.code())).await.unwrap();
    let (session, config, before) = (key_id(&agent, "dev").await.unwrap(), home.config_now(), keys(&home).await);
    let planned = plan(&agent, wanted(600, None)).await;
    let waiting = applied(&agent, &planned.id).await;
    assert_eq!(waiting.state, SetupState::Waiting, "{waiting:?}");
    let new = waiting.steps[0].made.clone().unwrap();
    let back = undone(&agent, &planned.id).await;
    assert_eq!(back.state, SetupState::Undone, "{back:?}");
    assert_eq!((home.config_now(), keys(&home).await), (config, before));
    assert!(!kept(&home, &new).await && kept(&home, home.ready.key.id.as_str()).await);
    assert_eq!(key_id(&agent, "dev").await.unwrap(), session, "the session carried on there and back");
    start(&agent, "reader", None).await.expect("the old key signs again");
}

#[tokio::test]
async fn iam_may_take_its_time_to_know_the_new_key() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    let planned = plan(&agent, wanted(0, None)).await;
    home.world.set_eventual(std::time::Duration::from_secs(6));
    let view = setup_home::apply(&home, &agent, &planned.id).await;
    assert_eq!(view.state, SetupState::Done, "{view:?}");
    assert!(home.clock.now() - crate::agent_home::BEGIN >= Duration::seconds(6), "the old key was not touched before the new one was known");
}

#[tokio::test]
async fn of_two_keys_one_has_to_be_chosen_to_go() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    let second = home.iam().await.create_access_key().user_name(&home.ready.user_name).send().await.unwrap().access_key.unwrap();
    let (old, second) = (home.ready.key.id.as_str(), second.access_key_id());
    let blocked = plan(&agent, wanted(0, None)).await;
    assert_eq!(blocked.state, SetupState::Blocked);
    let conflict = blocked.steps[0].error.clone().unwrap();
    assert!([old, second, "active", "never used"].iter().all(|part| conflict.message.contains(part)), "{conflict:?}");
    assert!(conflict.hint.ends_with(&format!("--drop {second}")), "{conflict:?}");
    let refused = agent.setup_plan(wanted(0, Some(home.ready.key.id.clone())), &Asker::stagedoor()).await.unwrap_err();
    assert_eq!(refused.code, Code::InvalidValue);

    let planned = plan(&agent, wanted(0, Some(AccessKeyId::parse(second).unwrap()))).await;
    assert_eq!(actions(&planned)[..2], ["DeleteAccessKey", "CreateAccessKey"]);
    assert!(planned.steps[0].irreversible && planned.steps[0].standing == Standing::Remove);
    let done = applied(&agent, &planned.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    assert_eq!(keys(&home).await, [(done.steps[1].made.clone().unwrap(), "Active".to_owned())]);
}

#[tokio::test]
async fn what_has_no_key_of_its_own_is_refused_in_words() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    let admin = Some(name("key"));
    let rotate = |profile: &str| Intent::Rotate(RotateIntent { profile: name(profile), admin: admin.clone(), wait: 0, drop: None });
    let refused = agent.setup_plan(rotate("reader"), &Asker::stagedoor()).await.unwrap_err();
    assert_eq!(refused.message, "reader has no access key of its own: it gets its credentials with the key of key");
    assert_eq!(refused.hint, "Rotate that one: stagedoor keys rotate key");

    let root = home.world.root_key();
    home.keys().put_access_key(&root).await.unwrap();
    home.config(&format!("\n[profile root]\nstagedoor_access_key_id = {}\n{}\n", root.id, home.common()));
    let own = Intent::Rotate(RotateIntent { profile: name("root"), admin: None, wait: 0, drop: None });
    for intent in [rotate("root"), own] {
        let refused = agent.setup_plan(intent, &Asker::stagedoor()).await.unwrap_err();
        assert!(refused.message.contains("root user") && refused.hint.contains("stagedoor setup user"), "{refused:?}");
    }
}
