//! Import of plaintext keys as a plan: each proven before its line leaves the file, and byte for byte back.
//!
//! The agent runs against the practice account, and the whole of what it left on this computer is compared.

use stagedoor_core::{
    agent::Agent,
    model::{
        access_key::AccessKeyId,
        setup::{ImportIntent, Intent, SetupState, Standing},
    },
};

use crate::{
    agent_home::{Home, name, start},
    setup_rotate::{applied, plan, undone},
};

/// Alice's key in a plain file, with comments and odd spacing around it.
async fn plain() -> (Home, String, Agent) {
    let home = Home::new().await;
    home.keys().delete_access_key(&home.ready.key.id).await.unwrap();
    let (id, secret) = (home.ready.key.id.as_str(), home.ready.key.secret.expose());
    let file = format!(
        "# mine\n[plain]\naws_access_key_id={id}\n# between\naws_secret_access_key   =  {secret}\n\n[soon]\naws_access_key_id = ASIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\naws_session_token = y\n"
    );
    home.credentials(&file);
    home.config(&format!(
        "\n[profile plain]\n{}\n[profile over]\nrole_arn = arn:aws:iam::{}:role/Reader\nsource_profile = plain\n{}",
        home.common(),
        home.ready.account_id,
        home.common()
    ));
    let config = home.config_now().replace(&format!("stagedoor_access_key_id = {id}\n"), "");
    home.rewrite_config(&config);
    let agent = home.agent().await;
    (home, file, agent)
}

fn all() -> Intent {
    Intent::Import(ImportIntent::default())
}

fn credentials(home: &Home) -> String {
    std::fs::read_to_string(home.paths().aws_credentials).unwrap()
}

async fn kept(home: &Home, id: &AccessKeyId) -> bool {
    home.keys().access_key(id).await.unwrap().is_some()
}

#[tokio::test]
async fn keys_go_into_the_keychain_and_come_back_byte_for_byte() {
    let (home, file, agent) = plain().await;
    let config = home.config_now();
    start(&agent, "over", None).await.unwrap();
    let planned = plan(&agent, all()).await;
    assert_eq!(planned.state, SetupState::Planned, "{planned:?}");
    assert_eq!((planned.title.as_str(), planned.steps.len()), ("Move 1 access key into the keychain", 1));
    assert!(planned.warnings.iter().any(|warning| warning.starts_with("soon has temporary credentials")), "{:?}", planned.warnings);
    assert!(!serde_json::to_string(&planned).unwrap().contains(home.ready.key.secret.expose()));

    let done = applied(&agent, &planned.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    assert!(!credentials(&home).contains(home.ready.key.secret.expose()));
    assert!(kept(&home, &home.ready.key.id).await);
    let asked = home.count("AssumeRole");
    start(&agent, "over", None).await.unwrap();
    assert_eq!(home.count("AssumeRole"), asked, "the session carries on");
    assert_eq!(plan(&agent, all()).await.state, SetupState::Nothing);
    let named = plan(&agent, Intent::Import(ImportIntent { profiles: vec![name("plain")] })).await;
    assert_eq!(named.steps[0].standing, Standing::Exists);

    let back = undone(&agent, &planned.id).await;
    assert_eq!(back.state, SetupState::Undone, "{back:?}");
    assert_eq!((credentials(&home), home.config_now()), (file, config));
    assert!(!kept(&home, &home.ready.key.id).await);
}

#[tokio::test]
async fn a_key_that_aws_does_not_take_stays_where_it_is() {
    let (home, file, agent) = plain().await;
    home.iam().await.delete_access_key().user_name(&home.ready.user_name).access_key_id(home.ready.key.id.as_str()).send().await.unwrap();
    let planned = plan(&agent, all()).await;
    let stopped = applied(&agent, &planned.id).await;
    assert_eq!(stopped.state, SetupState::Stopped, "{stopped:?}");
    assert_eq!(credentials(&home), file);
    assert!(!kept(&home, &home.ready.key.id).await);
    let back = undone(&agent, &planned.id).await;
    assert_eq!(back.state, SetupState::Undone, "{back:?}");
    assert_eq!(credentials(&home), file);
}
