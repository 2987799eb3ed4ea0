//! The named profiles of a plan: one for the user, one for each role, all written at once and handed out by Stagedoor.
//!
//! They are compared with what the files say already: the same is left alone, and another profile of that name is never overwritten.

use serde_json::{Value, json};

use super::{Making, role_trust::Assumed, words};
use crate::{
    model::profile::ProfileName,
    setup::thing::{State, Thing},
    store::aws_files::AwsFiles,
};

/// What is to be written.
pub(super) struct Wanted {
    pub(super) user: ProfileName,
    /// The step that makes the user's key.
    pub(super) key: String,
    pub(super) region: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) roles: Vec<Assumed>,
}

/// The step that writes them.
pub(super) fn write_profiles(making: &mut Making<'_>, wanted: &Wanted) {
    let made = making.steps.iter().find(|step| step.id == wanted.key).and_then(|step| step.made.get("AccessKeyId").cloned());
    let key = made.unwrap_or_else(|| format!("$made:{}:AccessKeyId", wanted.key).into());
    let admin = making.seats[0].profile.clone();
    let common = common(making.ground.files, &admin, wanted.region.as_deref());
    let profile = |name: &str, own: Vec<(&str, Value)>| {
        let properties: serde_json::Map<String, Value> = own.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(common.clone()).collect();
        json!({ "Name": name, "Properties": properties, "Connected": true })
    };
    let mut own = vec![("stagedoor_access_key_id", key)];
    own.extend(wanted.serial.as_ref().map(|serial| ("mfa_serial", serial.as_str().into())));
    let mut all = vec![profile(wanted.user.as_str(), own)];
    let mut names = vec![wanted.user.as_str().to_owned()];
    for role in &wanted.roles {
        let name = fresh_name(&wanted.user, role, &names);
        let mut own: Vec<(&str, Value)> = vec![("role_arn", role.arn.as_str().into()), ("source_profile", wanted.user.as_str().into())];
        own.extend(wanted.serial.as_ref().map(|serial| ("mfa_serial", serial.as_str().into())));
        own.extend(role.external_id.as_ref().map(|id| ("external_id", id.as_str().into())));
        all.push(profile(&name, own));
        names.push(name);
    }
    let told = names.join(", ");
    let title = words(format!("Write the profiles {told}"), format!("Wrote the profiles {told}"), "into ~/.aws/config, handed out by Stagedoor");
    let thing = Thing::Profiles { names: names.clone() };
    let (before, to) = (written(making.ground.files, &all), Some(json!({ "Profiles": all })));
    let there: Vec<_> = names.iter().filter(|name| making.ground.files.profile(&ProfileName::new(name.as_str())).is_some()).cloned().collect();
    let step = making.add(None, thing, Ok(before), to, title);
    if !matches!(step.standing, crate::model::setup::Standing::Exists) && !there.is_empty() {
        step.conflict(
            format!("There is a profile {} already, and it is another one", there.join(" and a profile ")),
            "Choose another name for the user’s profile (--profile), or rename the one in ~/.aws/config",
        );
    }
}

/// `dana-deploy`; two roles of one name in two accounts are told apart by the account.
fn fresh_name(user: &ProfileName, role: &Assumed, taken: &[String]) -> String {
    let name = format!("{user}-{}", role.arn.role_name());
    if taken.contains(&name) { format!("{name}-{}", role.arn.account_id()) } else { name }
}

/// What the admin's profile says about the way to AWS counts for what it makes.
pub(super) fn common(files: &AwsFiles, admin: &ProfileName, region: Option<&str>) -> Vec<(String, Value)> {
    let found = files.profile(admin);
    let of = |key: &str| found.and_then(|found| found.get(key)).map(str::to_owned);
    let region = region.map(str::trim).filter(|region| !region.is_empty()).map(str::to_owned).or_else(|| of("region"));
    let mut common: Vec<(String, Value)> = region.into_iter().map(|region| ("region".to_owned(), region.into())).collect();
    for key in ["endpoint_url", "services", "ca_bundle", "stagedoor_practice"] {
        common.extend(of(key).map(|value| (key.to_owned(), value.into())));
    }
    common
}

/// The same profiles as the files have them now, in the same properties; `None` where none of them is there.
pub(crate) fn written(files: &AwsFiles, wanted: &[Value]) -> State {
    let mut any = false;
    let found: Vec<Value> = wanted
        .iter()
        .map(|one| {
            let name = one.get("Name").and_then(Value::as_str).unwrap_or_default();
            let Some(found) = files.profile(&ProfileName::new(name)) else { return json!({ "Name": name }) };
            any = true;
            let keys = one.get("Properties").and_then(Value::as_object).into_iter().flat_map(serde_json::Map::keys);
            let properties: serde_json::Map<String, Value> = keys.filter_map(|key| Some((key.clone(), found.get(key)?.into()))).collect();
            json!({ "Name": name, "Properties": properties, "Connected": files.is_connected(name) })
        })
        .collect();
    any.then(|| json!({ "Profiles": found }))
}
