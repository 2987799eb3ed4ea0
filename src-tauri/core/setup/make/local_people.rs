//! Users of the account who have a profile on this computer: with their keys a setup can really be proven.
//!
//! Found by the IDs of their access keys. Where those may not be listed, nobody is found.

use super::Making;
use crate::{
    error::Result,
    model::profile::ProfileName,
    setup::{iam, thing::Thing},
};

/// The property that names a key in the keychain.
const KEY: &str = "stagedoor_access_key_id";

/// Somebody with a key here.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// `UserName`
    pub(super) name: String,
    pub(super) profile: ProfileName,
    /// An MFA device whose seed is here.
    pub(super) serial: Option<String>,
}

/// The user `name`, where a profile here has its access key.
pub(super) async fn person(making: &mut Making<'_>, name: &str) -> Result<Option<Person>> {
    let ground = making.ground;
    if ground.kept.is_empty() {
        return Ok(None);
    }
    let Ok(keys) = iam::keys_of(&making.seats[0], name).await else { return Ok(None) };
    let is_theirs = |id: &str| keys.iter().any(|key| key.active && key.id == id);
    let found = ground.files.profiles().iter().find(|profile| profile.get(KEY).is_some_and(is_theirs));
    let Some(found) = found else { return Ok(None) };
    let known = |serial: &&str| ground.seeds.iter().any(|seed| seed == serial);
    let serial = match found.get("mfa_serial").filter(known) {
        Some(serial) => Some(serial.to_owned()),
        None => device(making, name).await?,
    };
    Ok(Some(Person { name: name.to_owned(), profile: ProfileName::new(&*found.name), serial }))
}

/// A device of the user whose seed is in the keychain.
async fn device(making: &mut Making<'_>, user: &str) -> Result<Option<String>> {
    let here = making.seats[0].place.arn("mfa/");
    let seeds: Vec<String> = making.ground.seeds.iter().filter(|serial| serial.starts_with(&here)).cloned().collect();
    for serial in seeds {
        if let Ok(Some(_)) = iam::look(&making.seats[0], &Thing::DeviceOf { user: user.to_owned(), serial: serial.clone() }).await {
            return Ok(Some(serial));
        }
    }
    Ok(None)
}

/// The first of several who can prove something; with MFA, only with a device.
pub(super) async fn first(making: &mut Making<'_>, names: &[String], mfa: bool) -> Result<Option<Person>> {
    let mut without = None;
    for name in names {
        match person(making, name).await? {
            Some(person) if !mfa || person.serial.is_some() => return Ok(Some(person)),
            Some(person) => without = without.or(Some(person)),
            None => {}
        }
    }
    Ok(without)
}
