//! What lies in the vault, as JSON that a person can read: typed items under a version.
//!
//! `docs/vault.md` shows it. The keychain's port speaks bytes under an [`Item`]; here they become fields with names, and back. A
//! content that this version does not know in full is refused, so that writing it again can never lose a part of it.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    model::{
        access_key::{AccessKey, AccessKeyId},
        mfa::TotpSeed,
        params::MfaSerial,
        secret::{Secret, wiped_json, wiped_pretty_json},
    },
    store::keychain::{Bytes, Item},
};

/// The version that is written and read.
const VERSION: u32 = 1;

/// All items.
pub type Items = HashMap<Item, Bytes>;

#[derive(Serialize)]
struct Written<'a> {
    stagedoor_vault: u32,
    items: Vec<WrittenItem<'a>>,
}

/// Borrowed: the secrets are written straight into a buffer that is wiped.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WrittenItem<'a> {
    AccessKey { access_key_id: &'a str, secret_access_key: &'a str },
    MfaSeed { serial: &'a str, seed: &'a str },
    SealedSessionsKey { key: &'a str },
    PracticeSeed { key: &'a str },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    stagedoor_vault: u32,
    items: Vec<ReadItem>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum ReadItem {
    AccessKey { access_key_id: String, secret_access_key: Secret },
    MfaSeed { serial: String, seed: Secret },
    SealedSessionsKey { key: Secret },
    PracticeSeed { key: Secret },
}

/// Only the version, to tell a newer vault from a broken one.
#[derive(Deserialize)]
struct Versioned {
    stagedoor_vault: u32,
}

/// An access key as the port has it.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    secret: &'a str,
}

/// A typed item, from the port's bytes.
enum Typed {
    AccessKey(AccessKey),
    Seed(MfaSerial, TotpSeed),
    Key(Item, Zeroizing<String>),
}

impl Typed {
    fn of(item: &Item, bytes: &[u8]) -> Option<Self> {
        Some(match item {
            Item::AccessKey(id) => Self::AccessKey(serde_json::from_slice::<AccessKey>(bytes).ok().filter(|key| key.id == *id)?),
            Item::TotpSeed(serial) => Self::Seed(serial.clone(), TotpSeed::parse(std::str::from_utf8(bytes).ok()?).ok()?),
            Item::SealKey | Item::PracticeSeed => Self::Key(item.clone(), Zeroizing::new(STANDARD.encode(bytes))),
        })
    }

    fn written(&self) -> WrittenItem<'_> {
        match self {
            Self::AccessKey(key) => WrittenItem::AccessKey { access_key_id: key.id.as_str(), secret_access_key: key.secret.expose() },
            Self::Seed(serial, seed) => WrittenItem::MfaSeed { serial: serial.as_str(), seed: seed.expose() },
            Self::Key(Item::PracticeSeed, key) => WrittenItem::PracticeSeed { key },
            Self::Key(_, key) => WrittenItem::SealedSessionsKey { key },
        }
    }
}

/// An item's bytes as the vault would give them back: two places hold the same where these are the same. `None`: it is not in
/// Stagedoor's format.
pub fn normal(item: &Item, bytes: &[u8]) -> Option<Bytes> {
    match Typed::of(item, bytes)? {
        Typed::AccessKey(key) => entry(&key),
        Typed::Seed(_, seed) => Some(Zeroizing::new(seed.expose().as_bytes().to_vec())),
        Typed::Key(..) => Some(Zeroizing::new(bytes.to_vec())),
    }
}

fn entry(key: &AccessKey) -> Option<Bytes> {
    wiped_json(&Entry { id: key.id.as_str(), secret: key.secret.expose() })
}

/// The text of the vault. `None`: an item is not in Stagedoor's format.
pub(super) fn written(items: &Items) -> Option<Bytes> {
    let mut sorted: Vec<_> = items.iter().collect();
    sorted.sort_by_key(|(item, _)| item.to_string());
    let typed = sorted.into_iter().map(|(item, bytes)| Typed::of(item, bytes)).collect::<Option<Vec<_>>>()?;
    wiped_pretty_json(&Written { stagedoor_vault: VERSION, items: typed.iter().map(Typed::written).collect() })
}

/// The items of a text, or why there are none. Nothing of the text is ever quoted.
pub(super) fn read(text: &[u8]) -> Result<Items, &'static str> {
    let version = serde_json::from_slice::<Versioned>(text).map_err(|_| "it holds something else than Stagedoor's items")?;
    if version.stagedoor_vault != VERSION {
        return Err("another version of Stagedoor wrote it");
    }
    let read = serde_json::from_slice::<Read>(text).map_err(|_| "it holds an item that this version of Stagedoor does not know")?;
    debug_assert_eq!(read.stagedoor_vault, VERSION, "both readings are of one text");
    read.items.into_iter().map(|item| known(item).ok_or("one of its items is not in Stagedoor's format")).collect()
}

fn known(item: ReadItem) -> Option<(Item, Bytes)> {
    let key = |key: &Secret| STANDARD.decode(key.expose()).ok().map(Zeroizing::new);
    Some(match item {
        ReadItem::AccessKey { access_key_id, secret_access_key } => {
            let key = AccessKey::parse(&access_key_id, secret_access_key).ok()?;
            (Item::AccessKey(AccessKeyId::parse(&access_key_id).ok()?), entry(&key)?)
        }
        ReadItem::MfaSeed { serial, seed } => {
            let seed = TotpSeed::parse(seed.expose()).ok()?;
            (Item::TotpSeed(MfaSerial::parse(&serial).ok()?), Zeroizing::new(seed.expose().as_bytes().to_vec()))
        }
        ReadItem::SealedSessionsKey { key: kept } => (Item::SealKey, key(&kept)?),
        ReadItem::PracticeSeed { key: kept } => (Item::PracticeSeed, key(&kept)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_item_comes_back_and_reads_as_documented() {
        let id = AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap();
        let serial = MfaSerial::parse("arn:aws:iam::111122223333:mfa/alice").unwrap();
        let key = AccessKey::parse(id.as_str(), Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCY\"EXAMPLE\\Y")).unwrap();
        let items: Items = [
            (Item::AccessKey(id), entry(&key).unwrap()),
            (Item::TotpSeed(serial), Zeroizing::new(b"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP".to_vec())),
            (Item::SealKey, Zeroizing::new(vec![7; 32])),
            (Item::PracticeSeed, Zeroizing::new((0..32).collect())),
        ]
        .into();
        let text = written(&items).unwrap();
        assert_eq!(read(&text), Ok(items));
        let documented = include_str!("../../../../docs/vault.md");
        assert!(documented.contains(std::str::from_utf8(&text).unwrap()), "docs/vault.md shows another text than this:\n{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn what_is_not_known_in_full_is_refused_without_a_word_of_it() {
        for (text, word) in [
            ("hunter2", "something else"),
            (r#"{"items":[]}"#, "something else"),
            (r#"{"stagedoor_vault":2,"items":[{"type":"hunter2"}]}"#, "another version"),
            (r#"{"stagedoor_vault":1,"items":[{"type":"hunter2"}]}"#, "does not know"),
            (r#"{"stagedoor_vault":1,"items":[],"hunter2":1}"#, "does not know"),
            (r#"{"stagedoor_vault":1,"items":[{"type":"practice_seed","key":"AA==","hunter2":1}]}"#, "does not know"),
            (r#"{"stagedoor_vault":1,"items":[{"type":"mfa_seed","serial":"arn:aws:iam::111122223333:mfa/alice","seed":"hunter2!"}]}"#, "format"),
        ] {
            let why = read(text.as_bytes()).unwrap_err();
            assert!(why.contains(word) && !why.contains("hunter2"), "{text}: {why}");
        }
        assert!(normal(&Item::AccessKey(AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap()), b"hunter2").is_none());
    }
}
