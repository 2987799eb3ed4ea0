//! Access keys on their way: imported, replaced, connected, and everything as before when a step fails.
//!
//! Every step is made to fail once, at AWS, in the keychain and in the file, and the other two are compared with what they were.

use std::fs;

use stagedoor_core::{
    agent::{Agent, NewAccessKey},
    error::Code,
    model::{
        access_key::{AccessKey, AccessKeyId},
        params::MfaSerial,
        secret::Secret,
    },
};

use crate::{
    agent_home::{Home, key_id, name},
    agent_tap::Line,
};

/// A comment, Windows' line ends and no end at all: what an edit must not touch.
fn plaintext(home: &Home, secret: &str) -> Vec<u8> {
    let id = &home.ready.key.id;
    let text = format!("# mine\r\n[plain]\r\naws_access_key_id = {id} # the old one\r\naws_secret_access_key = {secret}\r\n\r\n[other]\r\nregion = x");
    home.credentials(&text);
    let config = format!("{}\n[profile plain]\n{}", home.config_now(), home.common());
    home.rewrite_config(&config);
    text.into_bytes()
}

fn now(home: &Home) -> (Vec<u8>, Vec<u8>) {
    (fs::read(home.paths().aws_config).unwrap(), fs::read(home.paths().aws_credentials).unwrap_or_default())
}

/// A home whose keychain does not have alice's key.
async fn without_key() -> Home {
    let home = Home::new().await;
    home.keys().delete_access_key(&home.ready.key.id).await.unwrap();
    home
}

async fn kept(home: &Home) -> Option<AccessKey> {
    home.keys().access_key(&home.ready.key.id).await.unwrap()
}

#[tokio::test]
async fn an_import_that_aws_does_not_prove_changes_nothing() {
    let home = without_key().await;
    let iam = home.iam().await;
    plaintext(&home, "wrongwrongwrongwrongwrongwrongwrongwrong");
    let before = now(&home);
    let agent = home.agent().await;
    let fails = async |code| {
        let error = agent.import(&name("plain")).await.unwrap_err();
        assert_eq!(error.code, code, "{error:?}");
        assert!(error.message.contains("the file is as it was"), "{error:?}");
        assert_eq!(now(&home), before);
        assert_eq!(kept(&home).await, None);
    };
    fails(Code::AccessKeyRefused).await;
    home.tap.becomes(Line::Page(503, "text/html", "down"));
    fails(Code::AwsUnreachable).await;
    home.tap.becomes(Line::Through);
    let inactive = aws_sdk_iam::types::StatusType::Inactive;
    iam.update_access_key().user_name(&home.ready.user_name).access_key_id(home.ready.key.id.as_str()).status(inactive).send().await.unwrap();
    fails(Code::AccessKeyRefused).await;
}

#[tokio::test]
async fn a_failed_import_leaves_the_key_that_the_keychain_had() {
    let home = Home::new().await;
    plaintext(&home, "wrongwrongwrongwrongwrongwrongwrongwrong");
    assert_eq!(home.agent().await.import(&name("plain")).await.unwrap_err().code, Code::AccessKeyRefused);
    assert_eq!(kept(&home).await.as_ref(), Some(&home.ready.key), "other profiles live on it");
}

#[tokio::test]
async fn an_import_with_a_locked_keychain_changes_nothing() {
    let home = without_key().await;
    plaintext(&home, home.ready.key.secret.expose());
    let (before, agent) = (now(&home), home.agent().await);
    home.keychain.lock();
    assert_eq!(agent.import(&name("plain")).await.unwrap_err().code, Code::KeychainLocked);
    assert_eq!(now(&home), before);
    assert_eq!(home.count("GetCallerIdentity"), 0);
}

#[tokio::test]
async fn an_import_moves_the_key_and_can_be_undone_byte_for_byte() {
    let home = without_key().await;
    plaintext(&home, home.ready.key.secret.expose());
    let (before, agent) = (now(&home), home.agent().await);
    agent.import(&name("plain")).await.unwrap();
    let (config, credentials) = now(&home);
    for file in [&config, &credentials] {
        assert!(!String::from_utf8_lossy(file).contains(home.ready.key.secret.expose()));
    }
    assert!(String::from_utf8_lossy(&config).contains(&format!("stagedoor_access_key_id = {}", home.ready.key.id)));
    assert_eq!(kept(&home).await.as_ref(), Some(&home.ready.key));
    assert!(key_id(&agent, "plain").await.unwrap().starts_with("ASIA"));
    agent.undo_import(&name("plain")).await.unwrap();
    assert_eq!(now(&home), before);
    // `key` and its roles still name it.
    assert_eq!(kept(&home).await.as_ref(), Some(&home.ready.key));
}

#[tokio::test]
async fn an_undo_takes_the_key_out_of_the_keychain_when_nobody_else_names_it() {
    let home = without_key().await;
    plaintext(&home, home.ready.key.secret.expose());
    home.rewrite_config(&format!("[profile plain]\n{}", home.common()));
    let (before, agent) = (now(&home), home.agent().await);
    agent.import(&name("plain")).await.unwrap();
    agent.undo_import(&name("plain")).await.unwrap();
    assert_eq!((now(&home), kept(&home).await), (before, None));
}

#[tokio::test]
async fn a_file_that_cannot_be_written_keeps_the_key_where_it_was() {
    let home = without_key().await;
    plaintext(&home, home.ready.key.secret.expose());
    let agent = home.agent().await;
    let before = now(&home);
    block_writes(&home);
    assert_eq!(agent.import(&name("plain")).await.unwrap_err().code, Code::File);
    assert_eq!((now(&home), kept(&home).await), (before.clone(), None));
    let new = NewAccessKey { profile: name("new"), key: home.ready.key.clone(), region: None, mfa_serial: None };
    assert_eq!(agent.add_access_key(new).await.unwrap_err().code, Code::File);
    assert_eq!((now(&home), kept(&home).await), (before, None));
}

/// Makes every write of the AWS files fail, also for root: beside a file whose name is as long as names can be there is no
/// room for a temporary one.
fn block_writes(home: &Home) {
    for (file, letter) in [(home.paths().aws_config, "c"), (home.paths().aws_credentials, "k")] {
        let longest = file.with_file_name(letter.repeat(255));
        fs::rename(&file, &longest).unwrap();
        std::os::unix::fs::symlink(&longest, &file).unwrap();
    }
}

fn other_key() -> AccessKey {
    AccessKey { id: AccessKeyId::parse("AKIAOTHEROTHEROTHER0").unwrap(), secret: Secret::new("otherotherotherotherotherotherotherother") }
}

async fn add(agent: &Agent, profile: &str, key: AccessKey, region: Option<&str>) -> stagedoor_core::error::Result<()> {
    agent.add_access_key(NewAccessKey { profile: name(profile), key, region: region.map(str::to_owned), mfa_serial: None }).await
}

#[tokio::test]
async fn a_replaced_key_leaves_the_keychain_when_nobody_names_it() {
    let home = Home::new().await;
    let agent = home.agent().await;
    add(&agent, "second", home.ready.key.clone(), None).await.unwrap();
    add(&agent, "key", other_key(), None).await.unwrap();
    assert!(kept(&home).await.is_some(), "the profile second still names it");
    add(&agent, "second", other_key(), None).await.unwrap();
    assert_eq!(kept(&home).await, None);
    assert_eq!(home.keys().access_key(&other_key().id).await.unwrap(), Some(other_key()));
}

#[tokio::test]
async fn a_key_that_cannot_be_added_leaves_everything_as_it_was() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let before = now(&home);
    // The profile exists and has a key: neither half of it may be replaced alone.
    assert_eq!(add(&agent, "key", other_key(), Some("eu\nwest")).await.unwrap_err().code, Code::InvalidValue);
    assert_eq!((now(&home), kept(&home).await), (before.clone(), Some(home.ready.key.clone())));
    assert_eq!(home.keys().access_key(&other_key().id).await.unwrap(), None);
    // The same ID with another secret: what lies there is what other profiles live on.
    let mistyped = AccessKey { secret: Secret::new("mistypedmistypedmistypedmistypedmistyped"), ..home.ready.key.clone() };
    assert_eq!(add(&agent, "fresh", mistyped, Some("# no region")).await.unwrap_err().code, Code::InvalidValue);
    assert_eq!((now(&home), kept(&home).await), (before, Some(home.ready.key.clone())));
}

#[tokio::test]
async fn temporary_credentials_are_no_access_key_to_store() {
    let home = without_key().await;
    let agent = home.agent().await;
    let before = now(&home);
    let temporary = AccessKey { id: AccessKeyId::parse("ASIAOTHEROTHEROTHER0").unwrap(), ..other_key() };
    let refused = add(&agent, "short", temporary, None).await.unwrap_err();
    assert!(refused.code == Code::InvalidValue && refused.hint.contains("AKIA"), "{refused:?}");
    assert_eq!(now(&home), before);
}

#[tokio::test]
async fn a_key_is_not_stored_where_it_would_never_be_used() {
    let home = without_key().await;
    let agent = home.agent().await;
    add(&agent, "source", home.ready.key.clone(), None).await.unwrap();
    home.config(&format!("{}\n[profile role]\nrole_arn = {}\nsource_profile = source\n", home.config_now(), home.ready.partner_role_arn));
    let before = now(&home);
    assert_eq!(add(&agent, "role", other_key(), None).await.unwrap_err().code, Code::InvalidValue);
    assert_eq!(now(&home), before);
}

#[tokio::test]
async fn a_new_profile_has_everything_that_was_given() {
    let home = without_key().await;
    let agent = home.agent().await;
    let serial = MfaSerial::parse("arn:aws:iam::111122223333:mfa/ada").unwrap();
    let new = NewAccessKey { profile: name("ada"), key: other_key(), region: Some(" eu-central-1 ".to_owned()), mfa_serial: Some(serial) };
    agent.add_access_key(new).await.unwrap();
    let text = home.config_now();
    assert!(
        text.ends_with(
            "[profile ada]\nstagedoor_access_key_id = AKIAOTHEROTHEROTHER0\nregion = eu-central-1\nmfa_serial = arn:aws:iam::111122223333:mfa/ada\n"
        )
    );
    assert!(!text.contains(other_key().secret.expose()));
}

#[tokio::test]
async fn connect_and_disconnect_are_each_others_reverse() {
    let home = Home::new().await;
    let (before, agent) = (now(&home), home.agent().await);
    for profile in ["key", "dev"] {
        agent.connect(&name(profile)).await.unwrap();
    }
    assert!(home.config_now().contains("credential_process = /opt/stagedoor/stagedoor credential-process dev\n"));
    assert!(agent.snapshot().borrow().profiles.iter().filter(|view| view.connected).count() == 2);
    // A connected role still resolves to itself and not to our own line.
    assert!(key_id(&agent, "reader").await.unwrap().starts_with("ASIA"));
    agent.disconnect(&name("dev")).await.unwrap();
    agent.disconnect(&name("key")).await.unwrap();
    assert_eq!(now(&home), before);
    assert_eq!(agent.connect(&name("nobody")).await.unwrap_err().code, Code::MissingProfile);
}
