//! Access keys: two a user, shown once, switched off and on, deleted; when each was last used.
//!
//! The secret is in the answer of CreateAccessKey and nowhere else. Root's keys are here too, under no user name.

use super::{MARKER, MAX_ITEMS, OWN_USER, page, user};
use crate::{
    model::access_key::AccessKeyId,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::{Chars, Field, Rule, required, text},
        state::Key,
        table::{Action, iam},
        time_text,
        xml::Xml,
    },
};

const KEY: Field = required("AccessKeyId", text(16, 128, Chars::KeyId));

pub(super) static ACTIONS: &[Action] = &[
    iam("CreateAccessKey", user, &[OWN_USER], create),
    iam("ListAccessKeys", user, &[OWN_USER, MARKER, MAX_ITEMS], list),
    iam("UpdateAccessKey", user, &[OWN_USER, KEY, required("Status", Rule::OneOf(&["Active", "Inactive", "Expired"]))], update),
    iam("DeleteAccessKey", user, &[OWN_USER, KEY], delete),
    iam("GetAccessKeyLastUsed", owner, &[KEY], last_used),
];

/// The keys of the user that is asked about, with the user's name for answers.
fn keys<'a>(call: &'a Exchange<'_>) -> Outcome<(String, &'a [Key])> {
    let account = call.account()?;
    match call.user_or_self()? {
        Some(name) => {
            let user = account.users.get(&name).ok_or_else(|| Fault::no_such("user", &name))?;
            Ok((name, &user.keys))
        }
        None => Ok((String::new(), &account.root_keys)),
    }
}

fn keys_mut<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Vec<Key>> {
    let name = call.user_or_self()?;
    let account = call.account_mut()?;
    match name {
        Some(name) => account.users.get_mut(&name).map(|user| &mut user.keys).ok_or_else(|| Fault::no_such("user", &name)),
        None => Ok(&mut account.root_keys),
    }
}

fn no_such(id: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("The Access Key with id {id} cannot be found."))
}

const fn status(key: &Key) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

fn named(name: &str) -> Xml {
    Xml::new().maybe("UserName", Some(name).filter(|name| !name.is_empty()))
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let (name, keys) = keys(call)?;
    if keys.len() >= 2 {
        return Err(Fault::limit("Cannot exceed quota for AccessKeysPerUser: 2"));
    }
    let account = call.principal.account.clone();
    let id = AccessKeyId::parse(&call.state.draw.access_key_id("AKIA", &account));
    let id = id.map_err(|_| Fault::new("ServiceFailure", "The request processing has failed because of an unknown error, exception or failure."))?;
    let key = Key { id: id.clone(), secret: call.state.draw.secret(), active: true, created: call.now, last_used: None };
    let answer = named(&name)
        .text("AccessKeyId", id.as_str())
        .text("Status", status(&key))
        .text("SecretAccessKey", key.secret.expose())
        .text("CreateDate", time_text(key.created));
    keys_mut(call)?.push(key);
    call.state.owners.insert(id, (account, Some(name).filter(|name| !name.is_empty())));
    Ok(Xml::new().element("AccessKey", answer))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let (name, keys) = keys(call)?;
    let item = |key: &Key| named(&name).text("AccessKeyId", key.id.as_str()).text("Status", status(key)).text("CreateDate", time_text(key.created));
    page(call, "AccessKeyMetadata", keys.iter().map(|key| (key.id.as_str(), key)), item)
}

fn update(call: &mut Exchange<'_>) -> Outcome<Xml> {
    if call.params.text("Status") == "Expired" {
        return Err(Fault::new("InvalidInput", "Access keys can only be set to Active or Inactive."));
    }
    let (id, active) = (call.params.text("AccessKeyId"), call.params.text("Status") == "Active");
    let key = keys_mut(call)?.iter_mut().find(|key| key.id.as_str() == id);
    key.ok_or_else(|| no_such(id))?.active = active;
    Ok(Xml::new())
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let id = call.params.text("AccessKeyId");
    let keys = keys_mut(call)?;
    let at = keys.iter().position(|key| key.id.as_str() == id).ok_or_else(|| no_such(id))?;
    let key = keys.remove(at);
    call.state.owners.remove(&key.id);
    Ok(Xml::new())
}

/// The user whose key it is.
fn owner(call: &Exchange<'_>) -> Outcome<(String, Vec<crate::model::params::SessionTag>)> {
    let id = AccessKeyId::parse(call.params.text("AccessKeyId")).ok();
    match id.and_then(|id| call.state.owners.get(&id)) {
        Some((account, Some(name))) if *account == call.principal.account => super::owner_target(call, crate::practice::state::Owner::User, name),
        Some(_) | None => super::everything(call),
    }
}

fn last_used(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let id = call.params.text("AccessKeyId");
    let parsed = AccessKeyId::parse(id).map_err(|_| no_such(id))?;
    let account = call.account()?;
    let found = account.users.values().find_map(|user| Some((user.entity.name.as_str(), user.keys.iter().find(|key| key.id == parsed)?)));
    let root = || account.root_keys.iter().find(|key| key.id == parsed).map(|key| ("", key));
    let (name, key) = found.or_else(root).ok_or_else(|| {
        Fault::new(
            "AccessDenied",
            format!("User: {} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key {id}", call.principal.arn(account)),
        )
    })?;
    let last = match &key.last_used {
        Some(last) => Xml::new().text("LastUsedDate", time_text(last.at)).text("ServiceName", &last.service).text("Region", &last.region),
        None => Xml::new().text("ServiceName", "N/A").text("Region", "N/A"),
    };
    Ok(named(name).element("AccessKeyLastUsed", last))
}
