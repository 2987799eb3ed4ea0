//! What people make in the practice account outlives a restart: the world by itself, and the agent's.
//!
//! A kept world is opened by its own seed only, and holds no readable secret.

use std::fs;

use aws_credential_types::Credentials;
use aws_sdk_iam::{config::SharedCredentialsProvider, error::ProvideErrorMetadata};
use stagedoor_core::{agent::Agent, practice::World};

use crate::{agent_home::Home, practice::Practice};

const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

#[tokio::test]
async fn a_kept_world_is_the_same_world_for_its_own_seed_only() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{}:user/alice"}},"Action":"sts:AssumeRole"}}]}}"#,
        practice.made.account_id
    );
    iam.create_role().role_name("mine").assume_role_policy_document(trust).send().await.unwrap();
    iam.put_role_policy().role_name("mine").policy_name("all").policy_document(EVERYTHING).send().await.unwrap();
    let key = iam.create_access_key().user_name("alice").send().await.unwrap().access_key.unwrap();
    practice.with_code(0).send().await.unwrap();

    let kept = practice.world.keep().unwrap();
    assert!(!kept.contains(key.secret_access_key()) && !kept.contains("alice"), "sealed");
    let (world, made) = World::kept([1; 32], practice.clock.clone(), &kept).expect("the same seed opens it");
    assert_eq!(made.key, practice.made.key);
    let server = stagedoor_core::practice::Server::start(world.clone(), 0).await.unwrap();
    let again = Practice { world, server, made, clock: practice.clock.clone() };
    let second = Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
    let role = format!("arn:aws:iam::{}:role/mine", again.made.account_id);
    let session = again.assume(&second, &role).send().await.unwrap();
    again.iam(&crate::practice::temporary(session.credentials)).list_users().send().await.unwrap();
    let used = again.with_code(0).send().await.unwrap_err();
    assert_eq!(used.code(), Some("AccessDenied"), "a code that was used stays used");

    assert!(World::kept([2; 32], practice.clock.clone(), &kept).is_none(), "another seed");
    assert!(World::kept([1; 32], practice.clock.clone(), &kept[..kept.len() - 8]).is_none(), "cut off");
    assert!(World::kept([1; 32], practice.clock.clone(), "").is_none(), "empty");
}

/// IAM of the agent's practice account.
fn iam(home: &Home, endpoint: &str, session: &Credentials) -> aws_sdk_iam::Client {
    let config = aws_sdk_iam::Config::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_types::region::Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(session.clone()))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .time_source(crate::practice::Driven(home.clock.clone()))
        // Who is cut off does not come back later.
        .retry_config(aws_sdk_iam::config::retry::RetryConfig::disabled())
        .build();
    aws_sdk_iam::Client::from_conf(config)
}

#[tokio::test]
async fn the_agent_keeps_it_over_a_restart() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.start_practice().await.unwrap();
    let endpoint = agent.snapshot().borrow().practice.endpoint.clone().unwrap();
    let root = agent.practice_root().await.unwrap();
    let root = Credentials::new(root.id.as_str(), root.secret.expose(), None, None, "test");
    iam(&home, &endpoint, &root).create_user().user_name("made-by-hand").send().await.unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();

    let agent = home.agent().await;
    let endpoint = agent.snapshot().borrow().practice.endpoint.clone().unwrap();
    iam(&home, &endpoint, &root).get_user().user_name("made-by-hand").send().await.unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
}

/// Root of the agent's practice account, and where it is.
async fn root_of(agent: &Agent) -> (Credentials, String) {
    let root = agent.practice_root().await.unwrap();
    let endpoint = agent.snapshot().borrow().practice.endpoint.clone().unwrap();
    (Credentials::new(root.id.as_str(), root.secret.expose(), None, None, "test"), endpoint)
}

#[tokio::test]
async fn what_was_acknowledged_while_it_closes_is_kept() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.start_practice().await.unwrap();
    let (root, endpoint) = root_of(&agent).await;
    let (made, mut first) = tokio::sync::mpsc::unbounded_channel();
    let hands: Vec<_> = (0..8)
        .map(|hand| {
            let (iam, made) = (iam(&home, &endpoint, &root), made.clone());
            tokio::spawn(async move {
                let mut names = Vec::new();
                loop {
                    let name = format!("hand-{hand}-{}", names.len());
                    if iam.create_user().user_name(&name).send().await.is_err() {
                        return names;
                    }
                    names.push(name);
                    let _ = made.send(());
                }
            })
        })
        .collect();
    for _ in 0..16 {
        first.recv().await.unwrap();
    }
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    let agent = home.agent().await;
    let users: Vec<String> = agent.practice_overview().await.unwrap().accounts[0].users.iter().map(|user| user.name.clone()).collect();
    for hand in hands {
        for name in hand.await.unwrap() {
            assert!(users.contains(&name), "{name} is lost");
        }
    }
}

#[tokio::test]
async fn what_was_made_until_it_is_stopped_is_there_when_it_starts_again() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for round in 0..3 {
        agent.start_practice().await.unwrap();
        let (root, endpoint) = root_of(&agent).await;
        let iam = iam(&home, &endpoint, &root);
        let before = iam.list_users().path_prefix("/round/").send().await.unwrap().users.len();
        assert_eq!(before, round);
        iam.create_user().path("/round/").user_name(format!("round-{round}")).send().await.unwrap();
        agent.stop_practice().await.unwrap();
    }
}

#[tokio::test]
async fn a_stopped_server_lets_nothing_more_change() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.create_user().user_name("before").send().await.unwrap();
    let Practice { world, server, .. } = practice;
    server.stop().await;
    let count = world.call_count();
    assert!(iam.create_user().user_name("after").send().await.is_err());
    assert_eq!(world.call_count(), count);
}

#[tokio::test]
async fn a_file_that_does_not_open_is_set_aside_and_told() {
    for damaged in [&b"damaged"[..], b"\xff\xfe not text", b""] {
        let home = Home::new().await;
        let agent = home.agent().await;
        agent.start_practice().await.unwrap();
        let (root, endpoint) = root_of(&agent).await;
        iam(&home, &endpoint, &root).create_user().user_name("made-by-hand").send().await.unwrap();
        agent.close(std::time::Duration::from_secs(5)).await.unwrap();
        let file = home.paths().data.join("practice.sealed");
        assert!(fs::read_to_string(&file).unwrap().len() > 1000);
        home.put(&file, damaged);

        let agent = home.agent().await;
        let (root, endpoint) = root_of(&agent).await;
        let gone = iam(&home, &endpoint, &root).get_user().user_name("made-by-hand").send().await.unwrap_err();
        assert_eq!(gone.code(), Some("NoSuchEntity"));
        iam(&home, &endpoint, &root).get_user().user_name("alice").send().await.unwrap();
        let aside = "practice.sealed.set-aside-20261123T090000Z";
        assert_eq!(fs::read(file.with_file_name(aside)).unwrap(), damaged);
        let told = |agent: &Agent| agent.snapshot().borrow().problems.iter().any(|problem| problem.hint.contains(aside));
        assert!(told(&agent), "{:?}", agent.snapshot().borrow().problems);
        // It stays news when the new one is written well.
        agent.stop_practice().await.unwrap();
        agent.start_practice().await.unwrap();
        assert!(told(&agent));
    }
}

#[tokio::test]
async fn a_world_that_begins_again_keeps_iam_s_delay() {
    let practice = Practice::start().await;
    practice.world.set_eventual(std::time::Duration::from_secs(5));
    let (fresh, _) = World::ready_made([1; 32], practice.clock.clone());
    practice.world.begin_again(&fresh);
    let iam = practice.iam(&practice.root());
    let key = iam.create_access_key().user_name("alice").send().await.unwrap().access_key.unwrap();
    let late = Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
    let refused = practice.sts(&late).get_caller_identity().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidClientTokenId"));
    practice.clock.advance(time::Duration::seconds(6));
    practice.sts(&late).get_caller_identity().send().await.unwrap();
}

#[tokio::test]
async fn the_last_calls_come_newest_first_and_no_more_than_were_asked_for() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.list_users().send().await.unwrap();
    let before = practice.world.call_count();
    iam.list_roles().send().await.unwrap();
    iam.list_groups().send().await.unwrap();
    let names = |count| practice.world.last_calls(count).into_iter().map(|call| call.action).collect::<Vec<_>>();
    assert_eq!(names(2), ["ListGroups", "ListRoles"]);
    assert!(names(0).is_empty());
    assert!(practice.world.last_call(before, |call| call.action == "ListRoles").is_some());
    assert!(practice.world.last_call(before, |call| call.action == "ListUsers").is_none(), "that was before");
}
