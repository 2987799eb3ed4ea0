//! A vault whose file is gone, cut or open to others, a move that broke off: what the doctor says of it, and the ways out.
//!
//! Nothing is given up that a person did not say may be lost, and nothing that still lies in a copy or in memory.

use stagedoor_core::{
    agent::Agent,
    error::Code,
    model::{
        doctor::{Finding, Level},
        lock::SecretsPlace,
        secret::Secret,
    },
    store::keychain::{Item, Keychain},
};

use crate::agent_home::{Home, process, start};

const PASSPHRASE: &str = "correct horse battery staple";

/// An agent with a vault that counts, alice's key in it.
async fn with_vault(home: &Home) -> Agent {
    let agent = home.agent().await;
    agent.create_vault(Secret::new(PASSPHRASE)).await.unwrap();
    agent.migrate(SecretsPlace::Vault, None, false).await.unwrap();
    agent
}

async fn next(home: &Home, agent: Agent) -> Agent {
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    home.agent().await
}

fn vault(home: &Home, end: &str) -> std::path::PathBuf {
    home.paths().data.join(format!("vault.{end}"))
}

async fn finding(agent: &Agent, id: &str) -> Option<Finding> {
    let report = agent.doctor().await;
    let mut found: Vec<_> = report.findings.iter().filter(|finding| finding.id == id).cloned().collect();
    assert!(found.len() < 2, "told once: {found:?}");
    assert!(report.findings.iter().all(|finding| !finding.id.starts_with("keychain") || finding.level == Level::Ok), "{report:#?}");
    found.pop()
}

#[tokio::test]
async fn a_lost_vault_is_told_and_left_behind_only_at_a_persons_word() {
    for to in [SecretsPlace::Vault, SecretsPlace::Keychain] {
        let home = Home::new().await;
        let agent = with_vault(&home).await;
        start(&agent, "writer", None).await.unwrap();
        let agent = next(&home, agent).await;
        assert_eq!(agent.give_up_lost_vault(to, Some(Secret::new(PASSPHRASE))).await.unwrap_err().code, Code::InvalidValue, "it is there");
        std::fs::remove_file(vault(&home, "age")).unwrap();

        // A copy is there: it is named, and nothing is written over it.
        let named = agent.unlock(Some(Secret::new(PASSPHRASE))).await.unwrap_err();
        assert!(named.message.contains("The vault is missing") && named.hint.contains("mv ") && named.hint.contains("vault.age.bak"), "{named:?}");
        assert!(agent.give_up_lost_vault(to, Some(Secret::new(PASSPHRASE))).await.is_err() && !vault(&home, "age").exists());
        std::fs::remove_file(vault(&home, "age.bak")).unwrap();

        let passphrase = || Some(Secret::new(PASSPHRASE));
        for error in [
            agent.unlock(passphrase()).await.unwrap_err(),
            agent.create_vault(Secret::new(PASSPHRASE)).await.unwrap_err(),
            agent.migrate(SecretsPlace::Keychain, passphrase(), false).await.unwrap_err(),
        ] {
            assert!(error.message.contains("The vault is missing") && error.hint.contains("stagedoor vault create --lost"), "{error:?}");
        }
        assert_eq!(finding(&agent, "vault_missing").await.unwrap().level, Level::Problem);

        agent.give_up_lost_vault(to, passphrase()).await.unwrap();
        let secrets = agent.snapshot().borrow().secrets.clone();
        assert_eq!((secrets.place, secrets.locked, secrets.vault_exists), (to, false, to == SecretsPlace::Vault));
        assert_eq!(finding(&agent, "vault_missing").await, None);
        agent.add_totp_seed(&home.ready.mfa_serial.clone(), home.ready.mfa_seed.clone()).await.unwrap();
        let agent = next(&home, agent).await;
        assert_eq!(agent.locked(), to == SecretsPlace::Vault, "and so it stays");
        agent.unlock(passphrase()).await.unwrap();
        assert!(agent.mfa_code(&home.ready.mfa_serial).await.is_ok());
    }
}

#[tokio::test]
async fn an_open_vault_whose_file_goes_is_saved_from_memory() {
    let home = Home::new().await;
    let agent = with_vault(&home).await;
    std::fs::remove_file(vault(&home, "age")).unwrap();
    let error = agent.create_vault(Secret::new(PASSPHRASE)).await.unwrap_err();
    assert!(error.hint.contains("still in memory") && error.hint.contains("vault migrate --to keychain"), "{error:?}");
    assert!(agent.give_up_lost_vault(SecretsPlace::Vault, Some(Secret::new(PASSPHRASE))).await.is_err());
    assert_eq!(agent.migrate(SecretsPlace::Keychain, None, false).await.unwrap().items.len(), 1);
    assert!(process(&agent, "writer").await.is_ok());
}

#[tokio::test]
async fn nothing_is_said_to_lie_in_a_keychain_that_is_not_there() {
    let home = Home::new().await;
    home.keychain.absent();
    let agent = home.agent().await;
    assert_eq!(agent.migrate(SecretsPlace::Keychain, None, false).await.unwrap_err().code, Code::KeychainAbsent);
    for weak in ["aaaaaaaaaaaa", "121212121212"] {
        assert!(agent.create_vault(Secret::new(weak)).await.unwrap_err().message.contains("the same few characters"), "{weak}");
    }
}

#[tokio::test]
async fn the_doctor_looks_at_the_vault() {
    let home = Home::new().await;
    let agent = with_vault(&home).await;
    assert!(finding(&agent, "vault").await.unwrap().title.contains("The vault is unlocked"));
    #[cfg(unix)]
    {
        std::fs::set_permissions(vault(&home, "age"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let open = finding(&agent, "opened_up").await.unwrap();
        assert!(open.title.contains("vault.age"), "{open:?}");
        agent.mend(open.action.as_ref().unwrap()).await.unwrap();
        assert_eq!(finding(&agent, "opened_up").await, None);
    }
    let whole = std::fs::read(vault(&home, "age")).unwrap();
    // With the key every byte is looked at, without it the header and that there is something behind it.
    home.put(&vault(&home, "age"), &whole[..whole.len() - 1]);
    assert_eq!(finding(&agent, "vault_unusable").await.unwrap().level, Level::Problem);
    home.put(&vault(&home, "age"), &whole);
    let agent = next(&home, agent).await;
    assert!(finding(&agent, "stagedoor_locked").await.unwrap().mend.unwrap().contains("stagedoor unlock"));
    for cut in [0, 40, 170] {
        home.put(&vault(&home, "age"), &whole[..cut]);
        let finding = finding(&agent, "vault_unusable").await.unwrap();
        assert!(finding.mend.unwrap().contains("vault.age.bak"), "{cut}");
    }
}

#[tokio::test]
async fn a_move_that_broke_off_is_told_until_the_same_move_finished_it() {
    let home = Home::new().await;
    let agent = with_vault(&home).await;
    assert_eq!(finding(&agent, "secrets_in_both").await, None);
    let key = home.keys().access_key(&home.ready.key.id).await.unwrap();
    assert!(key.is_none(), "it was moved");
    home.keys().put_access_key(&home.ready.key).await.unwrap();
    let told = finding(&agent, "secrets_in_both").await.unwrap();
    assert!(told.title.contains("lies in the keychain too, although the vault counts") && told.mend.unwrap().ends_with("stagedoor vault migrate --to vault"));
    agent.migrate(SecretsPlace::Vault, None, false).await.unwrap();
    assert_eq!(finding(&agent, "secrets_in_both").await, None);
    assert_eq!(home.keychain.get(Item::AccessKey(home.ready.key.id.clone())).await.unwrap(), None);

    // The other way round, and as one finds it after a restart: nobody knows what is in it.
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.create_vault(Secret::new(PASSPHRASE)).await.unwrap();
    let agent = next(&home, agent).await;
    assert!(finding(&agent, "vault_beside").await.unwrap().mend.unwrap().contains("migrate --to keychain"));
    agent.migrate(SecretsPlace::Keychain, Some(Secret::new(PASSPHRASE)), false).await.unwrap();
    assert_eq!(finding(&agent, "vault_beside").await, None);
}
