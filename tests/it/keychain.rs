//! The operating system's keychain, for real: GNOME Keyring on a private bus.
//!
//! The keyring crate finds the bus through the process's environment, so each step runs in a process of its own, which is
//! also what a restart of the agent looks like.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use stagedoor_core::{
    clock::Clock,
    error::{Error, Result},
    model::{
        access_key::{AccessKey, AccessKeyId},
        mfa::TotpSeed,
        params::MfaSerial,
        secret::Secret,
    },
    store::{
        keychain::{DEADLINE, Item, Keys, System},
        sealed_sessions::{Loaded, SealedSessions},
    },
};

use crate::world::{World, own_paths, step};

const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SERIAL: &str = "arn:aws:iam::111122223333:mfa/alice";
const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// What a step in a process of its own answered.
fn ask(world: &World, step: &str) -> String {
    let output = world.inside("keychain::one_step", step);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().find_map(|line| line.split_once("ANSWER ")).unwrap_or_else(|| panic!("no answer: {text}")).1.to_owned()
}

#[tokio::test]
#[ignore = "started by the tests below, each step in a process of its own"]
#[expect(clippy::print_stdout, reason = "how it answers")]
async fn one_step() {
    let step = step();
    let deadline = if step == "read, in haste" { Duration::from_millis(500) } else { DEADLINE };
    let keys = Keys(Arc::new(System::new(&own_paths()).with_deadline(deadline)));
    let begun = Instant::now();
    let answer = match step.as_str() {
        "store" => store(&keys).await,
        "read" | "read, in haste" => read(&keys).await,
        "delete" => delete(&keys).await,
        "fifty at once" => fifty(&keys).await,
        "read again and again" => {
            for line in std::io::stdin().lines() {
                assert!(line.is_ok_and(|line| line == "again"));
                println!("ANSWER {}", read(&keys).await.unwrap_or_else(|error| told(&error)));
            }
            return;
        }
        "seal" => sealed(&keys).save(SECRET.as_bytes()).await.map(|()| "sealed".to_owned()),
        "open" => Ok(opened(sealed(&keys).load().await)),
        "name" => read(&keys).await.map(|_| keys.0.name()),
        other => panic!("no step “{other}”"),
    };
    assert!(begun.elapsed() < deadline + Duration::from_secs(2), "it took {:?}", begun.elapsed());
    println!("ANSWER {}", answer.unwrap_or_else(|error| told(&error)));
}

fn told(error: &Error) -> String {
    format!("{} | {} | {}", serde_json::to_string(&error.code).expect("a code"), error.message, error.hint)
}

fn key() -> AccessKey {
    AccessKey::parse(KEY_ID, Secret::new(SECRET)).expect("a key")
}

fn serial() -> MfaSerial {
    MfaSerial::parse(SERIAL).expect("a serial")
}

async fn store(keys: &Keys) -> Result<String> {
    keys.put_access_key(&AccessKey::parse(KEY_ID, Secret::new("an-older-secret-of-the-same-key"))?).await?;
    keys.put_access_key(&key()).await?;
    keys.put_totp_seed(&serial(), &TotpSeed::parse(SEED)?).await?;
    let material = keys.key_material(Item::SealKey).await?;
    Ok(format!("stored, {}", fingerprint(&material)))
}

async fn read(keys: &Keys) -> Result<String> {
    let same_key = keys.access_key(&AccessKeyId::parse(KEY_ID)?).await? == Some(key());
    let same_seed = keys.totp_seed(&serial()).await? == Some(TotpSeed::parse(SEED)?);
    let material = keys.key_material(Item::SealKey).await?;
    Ok(format!("same key {same_key}, same seed {same_seed}, {}", fingerprint(&material)))
}

async fn delete(keys: &Keys) -> Result<String> {
    keys.delete_access_key(&key().id).await?;
    keys.delete_access_key(&key().id).await?;
    keys.delete_totp_seed(&serial()).await?;
    let left = (keys.access_key(&key().id).await?.is_some(), keys.totp_seed(&serial()).await?.is_some());
    Ok(format!("left {left:?}"))
}

async fn fifty(keys: &Keys) -> Result<String> {
    let readers: Vec<_> = (0..50)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.access_key(&key().id).await })
        })
        .collect();
    let mut same = 0;
    for reader in readers {
        same += u32::from(reader.await.expect("no panic")? == Some(key()));
    }
    Ok(format!("{same} the same"))
}

fn sealed(keys: &Keys) -> SealedSessions {
    SealedSessions::new(&own_paths(), keys.clone(), Clock::system())
}

fn opened(loaded: Loaded) -> String {
    let same = loaded.payload.is_some_and(|payload| payload.as_slice() == SECRET.as_bytes());
    format!("same {same}, {}", loaded.problem.as_ref().map_or("no problem".to_owned(), told))
}

/// Tells two keys apart without showing one.
fn fingerprint(material: &[u8; 32]) -> String {
    let sum = material.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    format!("material {sum:x}")
}

#[test]
fn what_is_stored_is_there_in_another_process_and_gone_when_deleted() {
    let world = World::with_keyring();
    let stored = ask(&world, "store");
    let material = stored.strip_prefix("stored, ").unwrap_or_else(|| panic!("{stored}"));
    assert_eq!(ask(&world, "read"), format!("same key true, same seed true, {material}"));
    assert_eq!(ask(&world, "fifty at once"), "50 the same");
    assert_eq!(ask(&world, "delete"), "left (false, false)");
    world.search_secrets(&[SECRET, SEED], &[]);
    world.search_arguments(&[SECRET, SEED]);
}

#[test]
fn sealed_sessions_survive_a_restart_and_wait_for_a_locked_keyring() {
    let world = World::with_keyring();
    assert_eq!(ask(&world, "seal"), "sealed");
    assert_eq!(ask(&world, "open"), "same true, no problem");
    world.search_secrets(&[SECRET], &[]);
    world.lock_keyring();
    let file = world.path("sd/data/sessions.sealed");
    let before = std::fs::read(&file).unwrap();
    assert!(ask(&world, "open").starts_with("same false, \"keychain_locked\""));
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn entries_are_recognised_in_the_keyrings_own_window() {
    let world = World::with_keyring();
    assert!(ask(&world, "store").starts_with("stored"));
    let service = format!("Stagedoor ({})", world.path("sd").display());
    let expected = [format!("access key {KEY_ID}"), format!("MFA seed {SERIAL}"), "sealed sessions".to_owned()];
    let mut expected = expected.map(|account| format!("{service}: {account}"));
    expected.sort();
    assert_eq!(world.labels("service", &service), expected);
    assert_eq!(world.labels("username", &format!("access key {KEY_ID}")).len(), 1, "one entry for each key");
}

#[test]
fn a_locked_keyring_is_told_as_locked() {
    let world = World::with_keyring();
    assert!(ask(&world, "store").starts_with("stored"));
    world.lock_keyring();
    for step in ["read", "store", "delete"] {
        let answer = ask(&world, step);
        assert!(answer.starts_with("\"keychain_locked\"") && answer.contains("unlock"), "{step}: {answer}");
    }
}

#[test]
fn without_a_bus_or_without_a_keyring_it_is_told_as_absent() {
    for (world, word) in [(World::new(), "no session bus"), (World::with_bus(), "no Secret Service")] {
        let answer = ask(&world, "read");
        assert!(answer.starts_with("\"keychain_absent\"") && answer.contains(word) && answer.contains("gnome-keyring"), "{answer}");
    }
}

#[test]
fn a_keyring_without_a_default_collection_says_how_to_make_one() {
    let mut world = World::with_bus();
    world.start_keyring(None);
    let answer = ask(&world, "store");
    assert!(answer.starts_with("\"keychain_absent\"") && answer.contains("default keyring"), "{answer}");
}

#[test]
fn it_is_called_by_its_name() {
    assert_eq!(ask(&World::with_keyring(), "name"), "GNOME Keyring");
}

#[test]
fn a_keyring_that_starts_late_or_is_started_anew_is_found_again() {
    let mut world = World::with_bus();
    let mut agent = world.inside_command("keychain::one_step", "read again and again");
    let mut agent = agent.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut ask_again, answers) = (agent.stdin.take().unwrap(), BufReader::new(agent.stdout.take().unwrap()));
    let mut answers = answers.lines().map_while(Result::ok).filter_map(|line| line.split_once("ANSWER ").map(|(_, answer)| answer.to_owned()));
    let mut again = || {
        ask_again.write_all(b"again\n").unwrap();
        answers.next().expect("an answer")
    };
    assert!(again().starts_with("\"keychain_absent\""));
    world.start_keyring(Some("a test's password"));
    assert!(ask(&world, "store").starts_with("stored"));
    assert!(again().starts_with("same key true, same seed true"));
    world.end_last();
    assert!(again().starts_with("\"keychain_absent\""));
    world.start_keyring(Some("a test's password"));
    assert!(again().starts_with("same key true, same seed true"));
    drop(ask_again);
    assert!(agent.wait().unwrap().success());
}

/// The system's prompter, with a person who went for lunch.
struct Lunch;

#[zbus::interface(name = "org.gnome.keyring.internal.Prompter")]
impl Lunch {
    #[expect(clippy::unused_self, reason = "zbus wants it")]
    fn begin_prompting(&self, callback: zbus::zvariant::ObjectPath<'_>) {
        drop(callback);
    }
}

#[test]
fn a_prompt_that_nobody_answers_is_told_as_locked_within_the_deadline() {
    let world = World::with_keyring();
    assert!(ask(&world, "store").starts_with("stored"));
    world.lock_keyring();
    let answer = world.on_bus(|connection| {
        connection.object_server().at("/org/gnome/keyring/Prompter", Lunch).expect("the prompter's object");
        connection.request_name("org.gnome.keyring.SystemPrompter").expect("the prompter's name");
        ask(&world, "read, in haste")
    });
    assert!(answer.starts_with("\"keychain_locked\"") && answer.contains("did not answer"), "{answer}");
}
