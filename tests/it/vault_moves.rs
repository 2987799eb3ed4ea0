//! Moving everything between keychain and vault: copy, verify, switch, delete; and what is there when it breaks off.
//!
//! At every step something fails once. Afterwards each item must lie in the place that counts, and doing it again must finish it.

use stagedoor_core::{
    agent::Agent,
    error::{Code, Result},
    model::{
        lock::SecretsPlace::{self, Keychain as InKeychain, Vault as InVault},
        params::MfaSerial,
        secret::Secret,
    },
    store::{
        keychain::{Item, Keychain},
        vault::Vault,
    },
};

use crate::agent_home::{Home, key_id, name, process, start};

const PASSPHRASE: &str = "correct horse battery staple";

fn passphrase() -> Secret {
    Secret::new(PASSPHRASE)
}

/// An agent with an access key, a seed, the key of the sealed sessions and an empty vault beside.
async fn with_items(home: &Home) -> Agent {
    let agent = home.agent().await;
    agent.add_totp_seed(&home.ready.mfa_serial.clone(), home.ready.mfa_seed.clone()).await.unwrap();
    start(&agent, "dev", None).await.unwrap();
    agent.start_practice().await.unwrap();
    agent.create_vault(passphrase()).await.unwrap();
    agent
}

async fn moves(agent: &Agent, to: SecretsPlace) -> Result<usize> {
    agent.migrate(to, Some(passphrase()), false).await.and_then(|moved| moved.left.map_or(Ok(moved.items.len()), Err))
}

fn place(agent: &Agent) -> SecretsPlace {
    agent.snapshot().borrow().secrets.place
}

/// The items in the vault as the next process would find them; none where there is no vault.
async fn in_vault(home: &Home) -> Vec<Item> {
    let vault = Vault::with_work(&home.paths(), 4);
    if !vault.exists() {
        return Vec::new();
    }
    vault.unlock(passphrase()).await.unwrap();
    vault.list().unwrap()
}

#[tokio::test]
async fn everything_moves_to_the_vault_and_back_and_sessions_go_on() {
    let home = Home::new().await;
    let agent = with_items(&home).await;
    assert_eq!(place(&agent), InKeychain, "a keychain with items in it stays until they are moved");
    let would = agent.migrate(InVault, None, true).await.unwrap();
    // alice's key, the practice account's, its seed, the device's seed, the key of the sealed sessions
    assert_eq!(would.items.len(), 6, "{would:?}");
    assert_eq!((in_vault(&home).await.len(), home.keychain.items().len()), (0, 6), "a dry run changes nothing");
    let before = key_id(&agent, "dev").await.unwrap();

    assert_eq!(moves(&agent, InVault).await, Ok(6));
    assert_eq!((place(&agent), in_vault(&home).await.len(), home.keychain.items().len()), (InVault, 6, 0));
    assert_eq!(agent.snapshot().borrow().keychain.name, "the vault");
    home.keychain.absent();
    assert!(process(&agent, "writer").await.is_ok(), "the key comes from the vault");
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();

    // The next one begins locked, and has the sessions as soon as it is unlocked.
    let agent = home.agent().await;
    assert_eq!(process(&agent, "dev").await.unwrap_err().code, Code::Locked);
    agent.unlock(Some(passphrase())).await.unwrap();
    assert_eq!(key_id(&agent, "dev").await.unwrap(), before);

    home.keychain.unlock();
    assert_eq!(moves(&agent, InKeychain).await, Ok(6));
    assert_eq!((place(&agent), home.keychain.items().len()), (InKeychain, 6));
    for end in ["age", "age.bak"] {
        assert!(!home.paths().data.join(format!("vault.{end}")).exists(), "what was moved and verified does not lie about: {end}");
    }
    assert_eq!(key_id(&agent, "dev").await.unwrap(), before);
}

#[tokio::test]
async fn without_a_keychain_a_new_vault_counts_at_once_and_after_a_restart() {
    let home = Home::new().await;
    home.keychain.absent();
    let agent = home.agent().await;
    assert_eq!(process(&agent, "writer").await.unwrap_err().code, Code::KeychainAbsent, "no silent fallback");
    assert!(agent.migrate(InVault, None, false).await.unwrap_err().hint.contains("stagedoor vault create"));
    assert_eq!(agent.create_vault(passphrase()).await, Ok(InVault));
    let serial = MfaSerial::parse("arn:aws:iam::111122223333:mfa/bob").unwrap();
    agent.add_totp_seed(&serial, home.ready.mfa_seed.clone()).await.unwrap();
    agent.close(std::time::Duration::ZERO).await.unwrap();
    let agent = home.agent().await;
    assert!(agent.snapshot().borrow().secrets.locked && place(&agent) == InVault);
    assert_eq!(agent.mfa_code(&serial).await.unwrap_err().code, Code::Locked);
    agent.unlock(Some(passphrase())).await.unwrap();
    assert!(agent.mfa_code(&serial).await.is_ok());
}

#[tokio::test]
async fn settings_that_were_lost_do_not_lead_back_to_the_keychain() {
    let home = Home::new().await;
    home.keychain.absent();
    let agent = home.agent().await;
    agent.create_vault(passphrase()).await.unwrap();
    agent.close(std::time::Duration::ZERO).await.unwrap();
    home.put(&home.paths().config.join("settings.json"), b"{ broken");
    assert_eq!(place(&home.agent().await), InVault);
}

#[tokio::test]
async fn whatever_call_of_the_keychain_fails_nothing_is_lost_and_again_finishes_it() {
    for to in [InVault, InKeychain] {
        let mut finished_at = None;
        for calls in 0..40 {
            let home = Home::new().await;
            let agent = with_items(&home).await;
            if to == InKeychain {
                moves(&agent, InVault).await.unwrap();
            }
            home.keychain.refuse_after(calls);
            let result = moves(&agent, to).await;
            home.keychain.unlock();
            let counts = place(&agent);
            let there = if counts == InVault { in_vault(&home).await } else { home.keychain.items() };
            assert_eq!(there.len(), 6, "{to:?}, call {calls}: {result:?}, {counts:?} has {there:?}");
            if result.is_ok() {
                finished_at = Some(calls);
                break;
            }
            // The next process, as after a crash right there, finishes it.
            agent.close(std::time::Duration::from_secs(5)).await.unwrap();
            let agent = home.agent().await;
            agent.unlock(Some(passphrase())).await.unwrap();
            moves(&agent, to).await.unwrap();
            assert_eq!(place(&agent), to);
            let (vault, keychain) = (in_vault(&home).await.len(), home.keychain.items().len());
            assert_eq!((vault, keychain), if to == InVault { (6, 0) } else { (0, 6) }, "{to:?}, call {calls}");
            assert!(key_id(&agent, "dev").await.is_ok());
        }
        // Six are read, and deleted; or six are stored, and read back.
        assert_eq!(finished_at, Some(12), "{to:?}: each call had its turn to fail");
    }
}

#[tokio::test]
async fn a_switch_that_cannot_be_written_leaves_everything_where_it_was() {
    let home = Home::new().await;
    let agent = with_items(&home).await;
    let settings = home.paths().config.join("settings.json");
    std::fs::remove_file(&settings).unwrap();
    std::fs::create_dir(&settings).unwrap();
    assert_eq!(moves(&agent, InVault).await.unwrap_err().code, Code::File);
    assert_eq!((place(&agent), home.keychain.items().len()), (InKeychain, 6));
    std::fs::remove_dir(&settings).unwrap();
    assert_eq!(moves(&agent, InVault).await, Ok(6));
}

#[tokio::test]
async fn a_vault_that_cannot_be_written_leaves_everything_where_it_was() {
    let home = Home::new().await;
    let agent = with_items(&home).await;
    // Another program changed it meanwhile.
    let file = home.paths().data.join("vault.age");
    home.put(&file, b"something else");
    assert_eq!(moves(&agent, InVault).await.unwrap_err().code, Code::File);
    assert_eq!((place(&agent), home.keychain.items().len()), (InKeychain, 6));
}

#[tokio::test]
async fn an_item_that_comes_back_differently_stops_the_move_before_anything_is_taken_away() {
    let home = Home::new().await;
    let agent = with_items(&home).await;
    // An entry that somebody else wrote cannot be typed, and is named.
    let item = Item::AccessKey(home.ready.key.id.clone());
    home.keychain.set(item, zeroize::Zeroizing::new(b"hunter2".to_vec())).await.unwrap();
    let error = moves(&agent, InVault).await.unwrap_err();
    assert!(error.code == Code::KeychainRefused && error.message.contains(home.ready.key.id.as_str()) && !format!("{error:?}").contains("hunter2"));
    assert_eq!((place(&agent), home.keychain.items().len(), in_vault(&home).await.len()), (InKeychain, 6, 0));
}

#[tokio::test]
async fn a_move_that_fails_leaves_no_vault_open_that_does_not_count() {
    let home = Home::new().await;
    let agent = with_items(&home).await;
    agent.lock().await.unwrap();
    agent.unlock(None).await.unwrap();
    let open = || agent.snapshot().borrow().secrets.vault_open;
    assert!(!open());
    home.keychain.lock();
    assert_eq!(moves(&agent, InVault).await.unwrap_err().code, Code::KeychainLocked);
    agent.set_favourite(&name("key"), true).await.unwrap();
    assert!(!open() && place(&agent) == InKeychain);
}
