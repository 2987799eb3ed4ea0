//! Sealed sessions: what the next agent finds, and what it makes of a file or a keychain in a bad state.
//!
//! Each test opens a second agent on the same home, as a restart does. What was never handed over must not be asked for again, and
//! what cannot be opened must not be lost.

use std::fs;

use stagedoor_core::{agent::Agent, error::Code, model::snapshot::SessionState};
use time::Duration;

use crate::agent_home::{Home, key_id, name, process, session, start, until};

/// A first agent with `writer` and an MFA session behind `dev`, ended properly; the key ID that `dev` had.
async fn earlier(home: &Home) -> String {
    let agent = home.agent().await;
    start(&agent, "dev", Some(home.code())).await.unwrap();
    start(&agent, "writer", None).await.unwrap();
    let id = key_id(&agent, "dev").await.unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    assert!(home.sealed().exists());
    id
}

fn problems(agent: &Agent) -> Vec<Code> {
    agent.snapshot().borrow().problems.iter().map(|problem| problem.code).collect()
}

#[tokio::test]
async fn the_next_agent_has_the_session_and_the_mfa_session_without_asking_aws() {
    let home = Home::new().await;
    let before = earlier(&home).await;
    let asked = home.tap.total();
    let agent = home.agent().await;
    let view = session(&agent.snapshot().borrow(), "dev").unwrap();
    assert_eq!((view.state, &*view.delivered), (SessionState::Active, &["process".to_owned()][..]));
    assert_eq!(key_id(&agent, "dev").await.unwrap(), before);
    assert_eq!(home.tap.total(), asked);
    // Another role behind the same device needs no code either.
    start(&agent, "ops", None).await.unwrap();
    assert_eq!((home.count("GetSessionToken"), home.count("AssumeRole")), (1, 3));
}

#[tokio::test]
async fn a_session_is_sealed_without_anybody_ending_the_agent() {
    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "reader", None).await.unwrap();
    let sealed = async {
        while !home.sealed().exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), sealed).await.expect("it is sealed by itself");
}

#[tokio::test]
async fn what_has_expired_meanwhile_is_not_there() {
    let home = Home::new().await;
    let before = earlier(&home).await;
    home.advance(Duration::hours(1));
    let agent = home.agent().await;
    assert_eq!(session(&agent.snapshot().borrow(), "dev"), None);
    assert_ne!(key_id(&agent, "dev").await.unwrap(), before, "the MFA session of twelve hours still serves");
    assert_eq!(home.count("GetSessionToken"), 1);
}

#[tokio::test]
async fn a_profile_that_was_changed_does_not_get_the_old_roles_session() {
    let home = Home::new().await;
    let before = earlier(&home).await;
    let changed = home.config_now().replacen("role_session_name = dev", "role_session_name = dev-2", 1);
    home.rewrite_config(&changed);
    let agent = home.agent().await;
    assert_eq!(session(&agent.snapshot().borrow(), "dev"), None);
    assert_ne!(key_id(&agent, "dev").await.unwrap(), before);
    // The same while it runs.
    let second = key_id(&agent, "dev").await.unwrap();
    home.rewrite_config(&changed.replacen("role_session_name = dev-2", "role_session_name = dev-33", 1));
    assert_ne!(key_id(&agent, "dev").await.unwrap(), second);
}

#[tokio::test]
async fn a_file_that_does_not_open_is_a_problem_and_no_crash() {
    let home = Home::new().await;
    earlier(&home).await;
    let good = fs::read(home.sealed()).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [&good[..good.len() / 2], &flipped, b"", b"STAGEDOOR", b"{\"sessions\":[]}"] {
        home.put(&home.sealed(), bad);
        let agent = home.agent().await;
        assert_eq!(problems(&agent), [Code::File]);
        let problem = agent.snapshot().borrow().problems[0].clone();
        assert!(problem.hint.contains("set aside"), "{problem:?}");
        assert_eq!(session(&agent.snapshot().borrow(), "dev"), None);
        start(&agent, "reader", None).await.unwrap();
        // What it has to write, it writes before the next file takes the place of its own.
        agent.close(std::time::Duration::ZERO).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_stopped_is_gone_from_the_disk_too() {
    let home = Home::new().await;
    earlier(&home).await;
    let agent = home.agent().await;
    agent.stop(&name("dev")).await.unwrap();
    drop(agent);
    let agent = home.agent().await;
    assert_eq!(session(&agent.snapshot().borrow(), "dev"), None);
    agent.stop_all().await.unwrap();
    drop(agent);
    let agent = home.agent().await;
    assert_eq!(process(&agent, "dev").await.unwrap_err().code, Code::MfaCodeRequired, "the MFA session is gone as well");
}

#[tokio::test]
async fn a_keychain_that_is_locked_at_the_start_loses_nothing() {
    let home = Home::new().await;
    let before = earlier(&home).await;
    let asked = home.tap.total();
    home.keychain.lock();
    let agent = home.agent().await;
    assert_eq!(problems(&agent), [Code::KeychainLocked]);
    let error = process(&agent, "dev").await.unwrap_err();
    assert_eq!((error.code, error.exit_code()), (Code::KeychainLocked, 3));
    until(&agent, "it is told", |snapshot| snapshot.keychain.error.is_some()).await;
    // What runs beside requests tries in vain as well.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    home.keychain.unlock();
    key_id(&agent, "writer").await.unwrap();
    assert_eq!(key_id(&agent, "dev").await.unwrap(), before);
    assert_eq!(home.tap.total(), asked, "the earlier session serves");
    until(&agent, "nothing is wrong any more", |snapshot| snapshot.problems.is_empty() && snapshot.keychain.error.is_none()).await;
}

#[tokio::test]
async fn what_was_stopped_while_the_keychain_was_locked_stays_stopped() {
    let home = Home::new().await;
    earlier(&home).await;
    home.keychain.lock();
    let agent = home.agent().await;
    // Whether it can be written now or not: it counts.
    let _ = agent.stop(&name("dev")).await;
    home.keychain.unlock();
    start(&agent, "reader", None).await.unwrap();
    assert_eq!(session(&agent.snapshot().borrow(), "dev"), None);
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    assert_eq!(session(&home.agent().await.snapshot().borrow(), "dev"), None);
}

#[tokio::test]
async fn a_code_of_a_seed_is_not_used_again_after_a_restart() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
    start(&agent, "dev", None).await.unwrap();
    agent.stop_all().await.unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    let agent = home.agent().await;
    let starting = tokio::spawn({
        let agent = agent.clone();
        async move { start(&agent, "dev", None).await }
    });
    until(&agent, "it waits for the next code", |snapshot| session(snapshot, "dev").is_some()).await;
    home.advance(Duration::seconds(30));
    starting.await.unwrap().unwrap();
    assert!(home.world.calls().iter().all(|call| call.error_code.is_none()));
}
