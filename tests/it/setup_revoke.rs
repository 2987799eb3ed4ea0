//! Revocation as a plan: what it hits is told first, the policy has the time of applying, and what is kept here is forgotten.
//!
//! The agent runs against the practice account, and the whole of what it left on this computer is compared.

use std::fs;

use stagedoor_core::{
    agent::Asker,
    model::{
        lease::Narrowing,
        setup::{Intent, RevokeIntent, RevokeTarget, SetupState},
    },
};
use time::Duration;

use crate::{
    agent_home::{Home, key_id, name, session, start},
    agent_lease::{lease, leased_id, request},
    setup_home::{apply, ended, waits},
    setup_rotate::{allowed, plan, undone},
};

fn role(admin: &str, role: &str) -> Intent {
    Intent::Revoke(RevokeIntent { admin: name(admin), target: RevokeTarget::Role { role: role.to_owned() } })
}

async fn policy(home: &Home) -> Option<String> {
    let answer = home.iam().await.get_role_policy().role_name("Reader").policy_name("AWSRevokeOlderSessions").send().await.ok()?;
    Some(percent_encoding::percent_decode_str(answer.policy_document()).decode_utf8_lossy().into_owned())
}

#[tokio::test]
async fn sessions_of_a_role_end_as_of_the_moment_of_applying() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    for profile in ["reader", "writer"] {
        start(&agent, profile, None).await.unwrap();
    }
    let writer = key_id(&agent, "writer").await.unwrap();
    let ends = lease(&agent, request("reader", Narrowing::NoIam, 30)).await.unwrap();
    let stays = lease(&agent, request("writer", Narrowing::NoIam, 30)).await.unwrap();
    let cache = home.path(".aws/cli/cache");
    fs::create_dir_all(&cache).unwrap();
    let cached = |name: &str, role: &str| {
        let text = format!(
            r#"{{"Credentials":{{"AccessKeyId":"ASIAIOSFODNN7EXAMPLE"}},"AssumedRoleUser":{{"Arn":"arn:aws:sts::{}:assumed-role/{role}/cli"}}}}"#,
            home.ready.account_id
        );
        home.put(&cache.join(name), text.as_bytes());
    };
    cached("a.json", "Reader");
    cached("b.json", "Writer");
    cached("c.txt", "Reader");

    let planned = plan(&agent, role("key", &format!("arn:aws:iam::{}:role/Reader", home.ready.account_id))).await;
    assert_eq!(planned.state, SetupState::Planned, "{planned:?}");
    assert!(planned.steps[0].document.as_ref().unwrap().text.contains("(the moment when this is applied)"));
    let told = planned.warnings.join("\n");
    assert!(
        told.contains("On this computer it ends the sessions of reader") && told.contains("again at once") && told.contains("Reader was last used on")
            || told.contains("no use of Reader"),
        "{told}"
    );
    home.advance(Duration::minutes(7));
    let done = apply(&home, &agent, &planned.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    let written = policy(&home).await.unwrap();
    assert!(written.contains("2026-11-23T09:07:00.000Z") && written.contains("aws:TokenIssueTime"), "{written}");
    assert!(session(&agent.snapshot().borrow(), "reader").is_none());
    assert!(leased_id(&agent, &ends.id).await.is_err(), "its leases end with it");
    assert_eq!(key_id(&agent, "writer").await.unwrap(), writer, "others are left alone");
    assert!(leased_id(&agent, &stays.id).await.is_ok());
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    let restarted = home.agent().await;
    assert!(leased_id(&restarted, &ends.id).await.is_err() && leased_id(&restarted, &stays.id).await.is_ok(), "it was not sealed");
    let agent = restarted;
    assert_eq!((cache.join("a.json").exists(), cache.join("b.json").exists(), cache.join("c.txt").exists()), (false, true, true));

    let again = plan(&agent, role("key", "Reader")).await;
    assert_eq!(again.steps[0].action, "PutRolePolicy");
    assert!(again.steps[0].diff.iter().any(|line| format!("{line:?}").contains("09:07")), "{:?}", again.steps[0].diff);
    home.advance(Duration::minutes(1));
    assert_eq!(apply(&home, &agent, &again.id).await.state, SetupState::Done);
    assert!(policy(&home).await.unwrap().contains("09:08"));
    assert_eq!(undone(&agent, &again.id).await.state, SetupState::Undone);
    assert_eq!(policy(&home).await.unwrap(), written, "the policy of before is back");
    assert_eq!(undone(&agent, &planned.id).await.state, SetupState::Undone);
    assert_eq!(policy(&home).await, None);
}

#[tokio::test]
async fn a_session_that_began_within_the_second_of_the_policy_is_forgotten_too() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    let planned = plan(&agent, role("key", "Reader")).await;
    home.advance(Duration::milliseconds(500));
    agent.setup_apply(&planned.id, &Asker::stagedoor()).await.unwrap();
    let mut view = agent.setup_view(&planned.id).unwrap();
    while !waits(&view) {
        assert_eq!(view.state, SetupState::Applying, "it waits for the second to pass: {view:?}");
        view = agent.setup_follow(&planned.id, view.revision).await.unwrap();
    }
    assert!(view.steps[1].waits_for.as_ref().unwrap().contains("the second"), "{view:?}");
    start(&agent, "reader", None).await.unwrap();
    let made = lease(&agent, request("reader", Narrowing::NoIam, 30)).await.unwrap();
    assert_eq!(ended(&home, &agent, &planned.id).await.state, SetupState::Done);
    assert!(session(&agent.snapshot().borrow(), "reader").is_none(), "AWS would deny it everything");
    assert!(leased_id(&agent, &made.id).await.is_err());
    key_id(&agent, "reader").await.expect("and who needs it gets another");
}

#[tokio::test]
async fn roles_that_others_own_are_refused_with_where_to_go() {
    let home = Home::new().await;
    allowed(&home).await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    iam.create_role().role_name("AWSReservedSSO_Admin_0123456789abcdef").assume_role_policy_document(trust).send().await.unwrap();
    let refused = async |wanted: &str| agent.setup_plan(role("key", wanted), &Asker::stagedoor()).await.unwrap_err();
    let center = refused("AWSReservedSSO_Admin_0123456789abcdef").await;
    assert!(center.hint.contains("IAM Identity Center (Users, Active sessions)"), "{center:?}");
    assert!(refused("Nobody").await.message.starts_with("There is no role Nobody"));
    let other = refused("arn:aws:iam::444455556666:role/Reader").await;
    assert!(other.message.contains("is in account 444455556666") && other.hint.contains("--as"), "{other:?}");
}

#[tokio::test]
async fn a_key_is_switched_off_and_what_came_of_it_is_forgotten_here() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let root = home.world.root_key();
    home.keys().put_access_key(&root).await.unwrap();
    home.config(&format!("\n[profile admin]\nstagedoor_access_key_id = {}\n{}\n", root.id, home.common()));
    start(&agent, "dev", Some(home.code())).await.unwrap();
    let made = lease(&agent, request("reader", Narrowing::NoIam, 30)).await.unwrap();
    let key = |admin: &str| Intent::Revoke(RevokeIntent { admin: name(admin), target: RevokeTarget::Key { user: None, key: home.ready.key.id.clone() } });
    allowed(&home).await;
    let own = plan(&agent, key("key")).await;
    assert_eq!(own.state, SetupState::Blocked, "nobody saws off the branch they sit on");

    let planned = plan(&agent, key("admin")).await;
    assert_eq!(planned.title, format!("Revoke the access key {} of alice", home.ready.key.id));
    assert!(planned.warnings.iter().any(|warning| warning.contains("last used on 2026-11-23")), "{:?}", planned.warnings);
    let done = apply(&home, &agent, &planned.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    assert!(session(&agent.snapshot().borrow(), "dev").is_none());
    assert!(agent.leases().is_empty(), "{} ends with the key", made.id);
    assert!(start(&agent, "dev", None).await.is_err(), "its MFA session is forgotten too");
    let back = undone(&agent, &planned.id).await;
    assert_eq!(back.state, SetupState::Undone, "{back:?}");
    start(&agent, "reader", None).await.expect("the key is active again");
}
