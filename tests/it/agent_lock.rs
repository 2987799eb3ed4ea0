//! Locked: nothing is handed out and nothing is left in memory; unlocked: everything goes on as it was.
//!
//! On demand, after a time without a request, when the vault's time is over, and through a restart. The clock is driven.

use stagedoor_core::{
    agent::{self, Agent, ConsoleTarget},
    error::Code,
    model::{
        lock::SecretsPlace,
        secret::Secret,
        snapshot::{Event, Settings},
    },
};
use time::Duration;

use crate::{
    agent_home::{Home, events_so_far, key_id, name, process, session, start, until},
    agent_tap::Line,
};

const PASSPHRASE: &str = "correct horse battery staple";

fn passphrase() -> Secret {
    Secret::new(PASSPHRASE)
}

/// An agent with a vault that counts, alice's key in it.
async fn with_vault(home: &Home) -> Agent {
    let agent = home.agent().await;
    agent.create_vault(Secret::new(PASSPHRASE)).await.unwrap();
    agent.migrate(SecretsPlace::Vault, None, false).await.unwrap();
    agent
}

async fn set(agent: &Agent, change: impl FnOnce(&mut Settings)) {
    let mut settings = agent.snapshot().borrow().settings.clone();
    change(&mut settings);
    agent.set_settings(settings).await.unwrap();
}

fn locked(agent: &Agent) -> bool {
    agent.snapshot().borrow().secrets.locked
}

#[tokio::test]
async fn locked_it_gives_nothing_by_any_way_and_unlocked_the_same_sessions_again() {
    for vault in [false, true] {
        let home = Home::new().await;
        let agent = if vault { with_vault(&home).await } else { home.agent().await };
        start(&agent, "dev", Some(home.code())).await.unwrap();
        let before = key_id(&agent, "dev").await.unwrap();
        let asked = home.tap.total();
        agent.lock().await.unwrap();
        agent.lock().await.unwrap();
        let us = agent::Asker::stagedoor();
        let dev = name("dev");
        for error in [
            process(&agent, "dev").await.unwrap_err(),
            process(&agent, "key").await.unwrap_err(),
            start(&agent, "writer", None).await.unwrap_err(),
            agent.for_child(&dev, &us).await.map(|_| ()).unwrap_err(),
            agent.environment(&dev, stagedoor_core::model::snapshot::Shell::Bash, &us).await.map(|_| ()).unwrap_err(),
            agent.console_link(&dev, &ConsoleTarget::default(), &us).await.map(|_| ()).unwrap_err(),
            agent.who_am_i(&dev, &us).await.map(|_| ()).unwrap_err(),
            agent.mfa_code(&home.ready.mfa_serial).await.map(|_| ()).unwrap_err(),
            agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap_err(),
            agent.migrate(SecretsPlace::Vault, Some(passphrase()), true).await.map(|_| ()).unwrap_err(),
        ] {
            assert_eq!((error.code, error.exit_code()), (Code::Locked, 3), "{error:?}");
            assert!(error.hint.contains("stagedoor unlock"), "{error:?}");
        }
        assert!(locked(&agent) && session(&agent.snapshot().borrow(), "dev").is_none());
        assert_eq!(home.tap.total(), asked, "AWS is not asked");
        agent.unlock(Some(passphrase())).await.unwrap();
        assert!(!locked(&agent));
        assert_eq!(key_id(&agent, "dev").await.unwrap(), before);
        start(&agent, "ops", None).await.expect("the MFA session is back too");
        assert_eq!(home.count("GetSessionToken"), 1);
    }
}

#[tokio::test]
async fn the_vault_opens_with_its_passphrase_only_and_the_keychain_when_it_answers() {
    let home = Home::new().await;
    let agent = with_vault(&home).await;
    agent.lock().await.unwrap();
    assert!(agent.unlock(None).await.unwrap_err().message.contains("passphrase of the vault is needed"));
    assert!(agent.unlock(Some(Secret::new("something else"))).await.unwrap_err().message.contains("does not open the vault"));
    assert!(locked(&agent));
    agent.unlock(Some(passphrase())).await.unwrap();

    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "writer", None).await.unwrap();
    agent.lock().await.unwrap();
    home.keychain.lock();
    assert_eq!(agent.unlock(None).await.unwrap_err().code, Code::KeychainLocked);
    assert_eq!(process(&agent, "writer").await.unwrap_err().code, Code::Locked);
    home.keychain.unlock();
    agent.unlock(None).await.unwrap();
    assert!(session(&agent.snapshot().borrow(), "writer").is_some());
}

#[tokio::test]
async fn it_stays_locked_through_a_restart_and_the_sealed_sessions_wait() {
    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "dev", Some(home.code())).await.unwrap();
    let before = key_id(&agent, "dev").await.unwrap();
    agent.lock().await.unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    let agent = home.agent().await;
    assert!(locked(&agent));
    assert_eq!(process(&agent, "dev").await.unwrap_err().code, Code::Locked);
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    assert!(home.sealed().exists());
    let agent = home.agent().await;
    agent.unlock(None).await.unwrap();
    assert_eq!(key_id(&agent, "dev").await.unwrap(), before);
}

#[tokio::test]
async fn it_locks_after_a_time_without_a_request_and_renewal_is_none() {
    let home = Home::new().await;
    let agent = home.agent().await;
    set(&agent, |settings| settings.lock_after_seconds = 1800).await;
    start(&agent, "writer", None).await.unwrap();
    for _ in 0..4 {
        home.advance(Duration::minutes(20));
        agent.seen();
        assert!(process(&agent, "writer").await.is_ok(), "a request every twenty minutes keeps it open");
    }
    home.advance(Duration::minutes(29));
    assert!(!agent.locked());
    home.advance(Duration::minutes(2));
    assert_eq!(process(&agent, "writer").await.unwrap_err().code, Code::Locked, "at once, though the task may not have run yet");
    agent.seen();
    until(&agent, "locked", |snapshot| snapshot.secrets.locked).await;
    assert_eq!(process(&agent, "writer").await.unwrap_err().code, Code::Locked, "asking does not open it");
}

#[tokio::test]
async fn the_vaults_time_ends_however_busy_it_is() {
    let home = Home::new().await;
    let agent = with_vault(&home).await;
    set(&agent, |settings| settings.vault_unlocked_seconds = 3600).await;
    start(&agent, "writer", None).await.unwrap();
    for _ in 0..5 {
        home.advance(Duration::minutes(10));
        agent.seen();
        assert!(process(&agent, "writer").await.is_ok());
    }
    assert!(agent.snapshot().borrow().secrets.locks_at.is_some());
    home.advance(Duration::minutes(11));
    until(&agent, "locked, and its key gone", |snapshot| snapshot.secrets.locked && !snapshot.secrets.vault_open).await;
    agent.unlock(Some(passphrase())).await.unwrap();
    home.advance(Duration::minutes(59));
    assert!(process(&agent, "writer").await.is_ok(), "and begins anew");
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for (idle, vault) in [(59, 0), (86_401, 0), (0, 59), (0, 604_801)] {
        let mut settings = agent.snapshot().borrow().settings.clone();
        (settings.lock_after_seconds, settings.vault_unlocked_seconds) = (idle, vault);
        assert_eq!(agent.set_settings(settings).await.unwrap_err().code, Code::InvalidValue);
    }
}

#[tokio::test]
async fn what_is_under_way_when_it_locks_brings_nothing_back() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let (open, held) = tokio::sync::watch::channel(false);
    home.tap.becomes(Line::Held(held));
    let starting = tokio::spawn({
        let agent = agent.clone();
        async move { start(&agent, "writer", None).await }
    });
    while home.tap.total() == 0 {
        tokio::task::yield_now().await;
    }
    agent.lock().await.unwrap();
    open.send(true).unwrap();
    assert_eq!(starting.await.unwrap().unwrap_err().code, Code::Locked);
    agent.unlock(None).await.unwrap();
    assert!(session(&agent.snapshot().borrow(), "writer").is_none());
}

#[tokio::test]
async fn what_was_stopped_before_or_while_it_was_locked_stays_stopped() {
    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "writer", None).await.unwrap();
    start(&agent, "reader", None).await.unwrap();
    agent.stop(&name("reader")).await.unwrap();
    agent.lock().await.unwrap();
    assert_eq!(agent.stop(&name("writer")).await.unwrap_err().code, Code::Locked);
    agent.unlock(None).await.unwrap();
    let seen = |profile: &str| session(&agent.snapshot().borrow(), profile).is_some();
    assert!(seen("writer") && !seen("reader"));
    agent.lock().await.unwrap();
    agent.stop_all().await.unwrap();
    agent.unlock(None).await.unwrap();
    assert!(!seen("writer"));
}

#[tokio::test]
async fn a_program_that_asks_while_it_is_locked_tells_the_person_and_gets_nothing() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let mut events = agent.events();
    agent.lock().await.unwrap();
    assert_eq!(process(&agent, "dev").await.unwrap_err().code, Code::Locked);
    let told = events_so_far(&mut events);
    assert!(told.iter().any(|event| matches!(event, Event::PersonNeeded { error, .. } if error.code == Code::Locked)), "{told:?}");
}

#[tokio::test]
async fn nobody_is_called_for_a_profile_that_there_is_not() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.lock().await.unwrap();
    let mut events = agent.events();
    for profile in ["nobody", "dev"] {
        assert_eq!(process(&agent, profile).await.unwrap_err().code, Code::Locked);
    }
    let called: Vec<_> =
        events_so_far(&mut events).into_iter().filter_map(|event| if let Event::PersonNeeded { profile, .. } = event { Some(profile) } else { None }).collect();
    assert_eq!(called, [name("dev")]);
}
