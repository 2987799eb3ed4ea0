//! What people make in the practice account outlives a restart: the world by itself, and the agent's.
//!
//! A kept world is opened by its own seed only, and holds no readable secret.

use std::fs;

use aws_credential_types::Credentials;
use aws_sdk_iam::{config::SharedCredentialsProvider, error::ProvideErrorMetadata};
use stagedoor_core::practice::World;

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

    // What cannot be opened is no reason not to start.
    let file = home.paths().data.join("practice.sealed");
    assert!(fs::read_to_string(&file).unwrap().len() > 1000);
    home.put(&file, b"damaged");
    let agent = home.agent().await;
    let endpoint = agent.snapshot().borrow().practice.endpoint.clone().unwrap();
    let gone = iam(&home, &endpoint, &root).get_user().user_name("made-by-hand").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchEntity"));
    iam(&home, &endpoint, &root).get_user().user_name("alice").send().await.unwrap();
}
