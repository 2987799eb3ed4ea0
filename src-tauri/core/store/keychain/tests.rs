//! `Keys` over the keychain in memory.
//!
//! What is typed must come back as it was, damaged entries are told without their bytes, and two first uses agree on one key. The
//! real keychain has its own tests in `tests/it`.

use super::*;
use crate::model::secret::Secret;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCY\"EXAMPLE\\Y";

fn keys() -> (Memory, Keys) {
    let memory = Memory::new();
    (memory.clone(), Keys(Arc::new(memory)))
}

fn key() -> AccessKey {
    AccessKey::parse("AKIAIOSFODNN7EXAMPLE", Secret::new(SECRET)).unwrap()
}

fn serial() -> MfaSerial {
    MfaSerial::parse("arn:aws:iam::111122223333:mfa/alice").unwrap()
}

#[tokio::test]
async fn an_access_key_comes_back_as_it_was() {
    let (_, keys) = keys();
    assert_eq!(keys.access_key(&key().id).await, Ok(None));
    keys.put_access_key(&key()).await.unwrap();
    assert_eq!(keys.access_key(&key().id).await, Ok(Some(key())));
    keys.delete_access_key(&key().id).await.unwrap();
    assert_eq!(keys.access_key(&key().id).await, Ok(None));
    keys.delete_access_key(&key().id).await.unwrap();
}

#[tokio::test]
async fn a_seed_comes_back_as_it_was() {
    let (_, keys) = keys();
    let seed = TotpSeed::parse("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").unwrap();
    keys.put_totp_seed(&serial(), &seed).await.unwrap();
    assert_eq!(keys.totp_seed(&serial()).await, Ok(Some(seed)));
    keys.delete_totp_seed(&serial()).await.unwrap();
    assert_eq!(keys.totp_seed(&serial()).await, Ok(None));
}

#[tokio::test]
async fn key_material_is_made_once_even_by_two_at_once() {
    let (_, keys) = keys();
    let (one, two) = tokio::join!(keys.key_material(Item::SealKey), keys.key_material(Item::SealKey));
    assert_eq!(one, two);
    assert_ne!(one, keys.key_material(Item::PracticeSeed).await);
    assert_eq!(one, keys.key_material(Item::SealKey).await);
}

#[tokio::test]
async fn what_others_wrote_into_an_entry_is_refused_without_showing_it() {
    let (memory, keys) = keys();
    let foreign = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
    for text in ["hunter2hunter2", r#"{"id":"AKIAI44QH8DHBEXAMPLE","secret":"hunter2hunter2"}"#, r#"{"id":"hunter2hunter2!!","secret":1}"#] {
        memory.set(Item::AccessKey(key().id), foreign(text)).await.unwrap();
        let error = keys.access_key(&key().id).await.unwrap_err();
        assert_eq!(error.code, Code::KeychainRefused);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    memory.set(Item::TotpSeed(serial()), foreign("hunter2!")).await.unwrap();
    let error = keys.totp_seed(&serial()).await.unwrap_err();
    assert!(error.code == Code::KeychainRefused && !format!("{error:?}").contains("hunter2"), "{error:?}");
    memory.set(Item::SealKey, foreign("too short")).await.unwrap();
    assert_eq!(keys.key_material(Item::SealKey).await.unwrap_err().code, Code::KeychainRefused);
}

#[tokio::test(start_paused = true)]
async fn locked_absent_refused_and_silent_are_told_apart() {
    let (memory, keys) = keys();
    keys.put_access_key(&key()).await.unwrap();
    let mut hints = Vec::new();
    for (set_mood, code) in [
        (Memory::lock as fn(&Memory), Code::KeychainLocked),
        (Memory::absent, Code::KeychainAbsent),
        (Memory::refuse, Code::KeychainRefused),
        (Memory::hang, Code::KeychainLocked),
    ] {
        set_mood(&memory);
        let error = keys.access_key(&key().id).await.unwrap_err();
        assert_eq!(error.code, code);
        assert!(!error.message.ends_with('.') && !error.hint.is_empty());
        hints.push(error.hint);
    }
    hints.sort();
    hints.dedup();
    assert_eq!(hints.len(), 3, "three things to do: {hints:?}");
    memory.unlock();
    assert_eq!(keys.access_key(&key().id).await, Ok(Some(key())));
}

#[test]
fn entries_have_names_that_a_person_recognises() {
    let names = [Item::AccessKey(key().id), Item::TotpSeed(serial()), Item::SealKey, Item::PracticeSeed].map(|item| item.to_string());
    assert_eq!(names, ["access key AKIAIOSFODNN7EXAMPLE", "MFA seed arn:aws:iam::111122223333:mfa/alice", "sealed sessions", "practice account"]);
}
