//! The passphrase vault as a store: what goes in comes out, and whatever is wrong is told, with nothing lost.
//!
//! A work factor of 16 instead of 262,144 makes an opening a matter of microseconds. The format has its own tests beside its code,
//! and `tests/acceptance/test_vault.py` opens a real vault with age.

use std::{fs, path::PathBuf};

use stagedoor_core::{
    error::{Code, Error},
    model::{
        access_key::{AccessKey, AccessKeyId},
        mfa::TotpSeed,
        params::MfaSerial,
        secret::Secret,
    },
    paths::{Paths, Platform},
    store::{
        keychain::{Item, Keychain, Keys},
        vault::Vault,
    },
};
use std::sync::Arc;

const PASSPHRASE: &str = "correct horse battery staple";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

struct Case {
    _home: tempfile::TempDir,
    paths: Paths,
    vault: Vault,
}

impl Case {
    /// With a vault that is open and holds an access key and a seed.
    async fn new() -> Self {
        let case = Self::empty();
        case.vault.create(passphrase()).await.unwrap();
        case.keys().put_access_key(&key()).await.unwrap();
        case.keys().put_totp_seed(&serial(), &TotpSeed::parse(SEED).unwrap()).await.unwrap();
        case
    }

    fn empty() -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().to_str().unwrap().to_owned();
        let paths = Paths::from_env(Platform::Linux, |name| (name == "STAGEDOOR_HOME").then(|| root.clone()));
        let vault = Vault::with_work(&paths, 4);
        Self { _home: home, paths, vault }
    }

    fn keys(&self) -> Keys {
        Keys(Arc::new(self.vault.clone()))
    }

    /// As the next process has it: closed.
    fn again(&self) -> Vault {
        Vault::with_work(&self.paths, 4)
    }

    fn file(&self) -> PathBuf {
        self.vault.path().to_owned()
    }

    fn beside(&self, end: &str) -> PathBuf {
        self.paths.data.join(format!("vault.age.{end}"))
    }
}

fn passphrase() -> Secret {
    Secret::new(PASSPHRASE)
}

fn key() -> AccessKey {
    AccessKey::parse("AKIAIOSFODNN7EXAMPLE", Secret::new(SECRET)).unwrap()
}

fn another() -> AccessKey {
    AccessKey::parse("AKIAI44QH8DHBEXAMPLE", Secret::new("je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY")).unwrap()
}

fn serial() -> MfaSerial {
    MfaSerial::parse("arn:aws:iam::111122223333:mfa/alice").unwrap()
}

fn said(error: &Error, words: &[&str]) {
    let text = format!("{error:?}");
    for word in words {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains("horse") && !text.contains(SECRET) && !error.message.ends_with('.') && !error.hint.is_empty(), "{text}");
}

#[tokio::test]
async fn what_goes_in_is_there_for_the_next_process_and_not_in_plain() {
    let case = Case::new().await;
    let made = case.keys().key_material(Item::SealKey).await.unwrap();
    let vault = case.again();
    vault.unlock(passphrase()).await.unwrap();
    let keys = Keys(Arc::new(vault));
    assert_eq!(keys.access_key(&key().id).await, Ok(Some(key())));
    assert_eq!(keys.totp_seed(&serial()).await, Ok(Some(TotpSeed::parse(SEED).unwrap())));
    assert_eq!(keys.key_material(Item::SealKey).await.unwrap(), made);
    keys.delete_access_key(&key().id).await.unwrap();
    assert_eq!(keys.access_key(&key().id).await, Ok(None));
    for path in [case.file(), case.beside("bak")] {
        let raw = fs::read(&path).unwrap();
        assert!(raw.starts_with(b"age-encryption.org/v1\n-> scrypt "));
        for plain in [SECRET, SEED, "AKIAIOSFODNN7EXAMPLE", "alice", PASSPHRASE] {
            assert!(!raw.windows(plain.len()).any(|window| window == plain.as_bytes()), "{plain} in {}", path.display());
        }
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    }
}

#[tokio::test]
async fn closed_it_gives_and_takes_nothing_and_needs_a_person() {
    let case = Case::new().await;
    case.vault.lock();
    for error in [
        case.keys().access_key(&key().id).await.map(|_| ()).unwrap_err(),
        case.keys().put_access_key(&another()).await.unwrap_err(),
        case.keys().delete_access_key(&key().id).await.unwrap_err(),
        case.vault.list().map(|_| ()).unwrap_err(),
        case.vault.discard().await.unwrap_err(),
    ] {
        assert_eq!((error.code, error.exit_code()), (Code::Locked, 3));
        said(&error, &["stagedoor unlock"]);
    }
}

#[tokio::test]
async fn a_wrong_passphrase_has_a_sentence_of_its_own_and_opens_nothing() {
    let case = Case::new().await;
    case.vault.lock();
    for wrong in ["correct horse battery stapl", "Correct horse battery staple", "x", ""] {
        let error = case.vault.unlock(Secret::new(wrong)).await.unwrap_err();
        assert_eq!(error.code, Code::Locked);
        said(&error, &["does not open the vault"]);
        assert!(!case.vault.is_open());
    }
    case.vault.unlock(Secret::new(format!("  {PASSPHRASE}\n"))).await.expect("white space around it comes from pasting");
}

#[tokio::test]
async fn a_passphrase_that_is_too_short_makes_no_vault_and_a_second_vault_is_not_made() {
    let case = Case::empty();
    assert_eq!(case.vault.create(Secret::new("horse")).await.unwrap_err().code, Code::InvalidValue);
    assert!(!case.vault.exists());
    said(&case.vault.unlock(passphrase()).await.unwrap_err(), &["There is no vault", "stagedoor vault create"]);
    case.vault.create(passphrase()).await.unwrap();
    let before = fs::read(case.file()).unwrap();
    said(&case.again().create(passphrase()).await.unwrap_err(), &["already"]);
    assert_eq!(fs::read(case.file()).unwrap(), before);
}

#[tokio::test]
async fn another_passphrase_opens_it_from_then_on_and_no_copy_opens_with_the_old_one() {
    let case = Case::new().await;
    let new = || Secret::new("a quite different sentence");
    said(&case.vault.change_passphrase(Secret::new("not it at all"), new()).await.unwrap_err(), &["does not open"]);
    assert_eq!(case.vault.change_passphrase(passphrase(), Secret::new("short")).await.unwrap_err().code, Code::InvalidValue);
    case.vault.change_passphrase(passphrase(), new()).await.unwrap();
    assert!(!case.beside("bak").exists());
    // What is open goes on, with the new key.
    case.keys().put_access_key(&another()).await.unwrap();
    let vault = case.again();
    assert!(vault.unlock(passphrase()).await.is_err());
    vault.unlock(new()).await.unwrap();
    assert_eq!(Keys(Arc::new(vault)).access_key(&another().id).await, Ok(Some(another())));
}

#[tokio::test]
async fn a_damaged_file_is_named_and_untouched_and_its_copy_brings_it_back() {
    let case = Case::new().await;
    let good = fs::read(case.file()).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [&good[..good.len() - 9], &good[..60], &flipped, b"", b"[default]\n"] {
        fs::remove_file(case.file()).unwrap();
        put(&case.file(), bad);
        let error = case.again().unlock(passphrase()).await.unwrap_err();
        assert_eq!(error.code, Code::File);
        said(&error, &["vault.age cannot be used", "vault.age.bak", "Nothing was changed"]);
        assert_eq!(fs::read(case.file()).unwrap(), bad, "not set aside, not mended");
    }
    fs::rename(case.beside("bak"), case.file()).unwrap();
    let vault = case.again();
    vault.unlock(passphrase()).await.unwrap();
    assert_eq!(vault.list().unwrap(), [Item::AccessKey(key().id)], "the version before the last change");
}

#[tokio::test]
async fn a_file_that_asks_for_the_whole_memory_is_refused_at_once() {
    let case = Case::new().await;
    let text = fs::read(case.file()).unwrap();
    let at = text.windows(3).position(|window| window == b" 4\n").unwrap();
    put(&case.file(), &[&text[..at], b" 40\n", &text[at + 3..]].concat());
    said(&case.again().unlock(passphrase()).await.unwrap_err(), &["asks for more memory"]);
}

#[tokio::test]
async fn a_file_that_another_program_changed_is_not_overwritten_and_both_versions_stay() {
    let case = Case::new().await;
    // A synchronised folder brings what another computer wrote.
    let there = case.again();
    there.unlock(passphrase()).await.unwrap();
    Keys(Arc::new(there)).put_access_key(&another()).await.unwrap();
    let theirs = fs::read(case.file()).unwrap();
    let third = AccessKey::parse("AKIATHIRDTHIRDEXAMPL", Secret::new("je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY")).unwrap();
    let error = case.keys().put_access_key(&third).await.unwrap_err();
    said(&error, &["was changed by another program", "stagedoor lock", "vault.age.conflict"]);
    assert_eq!(fs::read(case.file()).unwrap(), theirs);
    assert_eq!(case.keys().access_key(&third.id).await, Ok(None), "what was not written is not pretended to be there");
    // Ours lies beside, and the same passphrase opens it.
    fs::copy(case.beside("conflict"), case.file()).unwrap();
    let ours = case.again();
    ours.unlock(passphrase()).await.unwrap();
    assert_eq!(Keys(Arc::new(ours)).access_key(&third.id).await, Ok(Some(third.clone())));
    // Opened again, it goes on with what lies there.
    put(&case.file(), &theirs);
    case.vault.unlock(passphrase()).await.unwrap();
    case.keys().put_access_key(&third).await.unwrap();
    assert_eq!(case.vault.list().unwrap().len(), 4);
}

#[tokio::test]
async fn a_file_that_went_away_is_not_made_anew_without_a_word() {
    let case = Case::new().await;
    fs::remove_file(case.file()).unwrap();
    said(&case.keys().put_access_key(&another()).await.unwrap_err(), &["was changed by another program", "vault.age.conflict"]);
    assert!(!case.file().exists());
    said(&case.again().unlock(passphrase()).await.unwrap_err(), &["There is no vault", "Put its copy back"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_wrong_attempts_at_once_are_made_one_by_one_or_sent_away() {
    let case = Case::new().await;
    case.vault.lock();
    let attempts: Vec<_> = (0..200)
        .map(|n| {
            let vault = case.vault.clone();
            tokio::spawn(async move { vault.unlock(Secret::new(format!("wrong passphrase {n}"))).await.unwrap_err() })
        })
        .collect();
    for attempt in attempts {
        assert_eq!(attempt.await.unwrap().code, Code::Locked);
    }
    case.vault.unlock(passphrase()).await.expect("and then the right one");
}

#[tokio::test]
async fn an_item_that_is_none_of_ours_is_refused_without_showing_it() {
    let case = Case::new().await;
    let foreign = zeroize::Zeroizing::new(b"hunter2hunter2".to_vec());
    let error = case.vault.set(Item::AccessKey(AccessKeyId::parse("AKIAI44QH8DHBEXAMPLE").unwrap()), foreign).await.unwrap_err();
    assert!(error.code == Code::KeychainRefused && !format!("{error:?}").contains("hunter2"));
}

fn put(path: &std::path::Path, bytes: &[u8]) {
    std::io::Write::write_all(&mut fs::File::create(path).unwrap(), bytes).unwrap();
}
