//! Access keys out of plain files and into the keychain, a step for each profile.
//!
//! Nothing changes in AWS: each key is proven with GetCallerIdentity before its line leaves the file, and comes back byte for byte.

use serde_json::json;

use super::{Making, words};
use crate::{
    error::Result,
    model::{profile::ProfileName, setup::ImportIntent},
    setup::thing::Thing,
};

pub(super) fn make(making: &mut Making<'_>, wanted: &ImportIntent) -> Result<()> {
    let files = making.ground.files;
    let all = wanted.profiles.is_empty();
    let mut profiles: Vec<ProfileName> = Vec::new();
    for name in &wanted.profiles {
        if files.profile(name).is_none() {
            files.resolve(name)?;
        }
        if !profiles.contains(name) {
            profiles.push(name.clone());
        }
    }
    if all {
        profiles = files.profiles().iter().map(|profile| ProfileName::new(&*profile.name)).collect();
    }
    let mut steps = 0;
    for name in profiles {
        let Some(found) = files.profile(&name) else { continue };
        let place = match (files.plaintext_key(&name), found.get("stagedoor_access_key_id")) {
            (Some(_), _) => "file",
            (None, Some(_)) if !all => "keychain",
            (None, Some(_)) => continue,
            (None, None) => {
                if files.plaintext_session(&name).is_some() {
                    making.warnings.push(format!("{name} has temporary credentials in a plain file, which end by themselves: they are left where they are"));
                } else if found.get("aws_access_key_id").is_some() || found.get("aws_secret_access_key").is_some() {
                    making.warnings.push(format!("{name} has half of an access key, or one that cannot be read: it is left where it is"));
                } else if !all {
                    making.warnings.push(format!("{name} has no access key in a plain file"));
                }
                continue;
            }
        };
        let id = found.get("aws_access_key_id").map(str::to_owned).unwrap_or_default();
        let title = words(format!("Move the access key of {name} into the keychain"), format!("Moved the access key of {name} into the keychain"), id);
        making.add(
            None,
            Thing::KeyPlace { profile: name.as_str().to_owned() },
            Ok(Some(json!({ "Place": place }))),
            Some(json!({ "Place": "keychain" })),
            title,
        );
        steps += usize::from(place == "file");
    }
    making.called(match steps {
        1 => "Move 1 access key into the keychain".to_owned(),
        many => format!("Move {many} access keys into the keychain"),
    });
    Ok(())
}
