//! Tags of users and roles: at most fifty, keys without regard to case, AWS's own prefix refused.
//!
//! A user's tags are `aws:PrincipalTag` of everything that user does, so they can decide over access.

use super::{owned, owned_mut, page};
use crate::{
    model::params::SessionTag,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        params::Params,
        state::Owner,
        xml::Xml,
    },
};

/// The tags of a request.
pub(super) fn checked(params: &Params) -> Outcome<Vec<SessionTag>> {
    let tags = params.pairs("Tags");
    let mut keys: Vec<_> = tags.iter().map(|tag| tag.key.to_lowercase()).collect();
    if keys.iter().any(|key| key.starts_with("aws:")) {
        return Err(Fault::new("InvalidInput", "Tag keys beginning with \"aws:\" are reserved for system use."));
    }
    keys.sort();
    if keys.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Fault::new("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."));
    }
    Ok(tags)
}

pub(super) fn xml(tags: &[SessionTag]) -> Xml {
    if tags.is_empty() {
        return Xml::new();
    }
    Xml::new().list("Tags", tags.iter().map(|tag| Xml::new().text("Key", &tag.key).text("Value", &tag.value)))
}

pub(super) fn add(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let new = checked(call.params)?;
    let entity = owned_mut(call, owner)?;
    let mut tags = entity.tags.clone();
    for tag in new {
        match tags.iter_mut().find(|own| own.key.eq_ignore_ascii_case(&tag.key)) {
            Some(own) => *own = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > 50 {
        return Err(Fault::limit("The number of tags has reached the maximum limit."));
    }
    entity.tags = tags;
    Ok(Xml::new())
}

pub(super) fn remove(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let keys: Vec<String> = call.params.list("TagKeys").into_iter().map(str::to_owned).collect();
    owned_mut(call, owner)?.tags.retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
    Ok(Xml::new())
}

pub(super) fn list(call: &mut Exchange<'_>, owner: Owner) -> Outcome<Xml> {
    let tags = &owned(call, owner)?.tags;
    let items = tags.iter().map(|tag| (tag.key.clone(), Xml::new().text("Key", &tag.key).text("Value", &tag.value))).collect();
    page(call, "Tags", items)
}
