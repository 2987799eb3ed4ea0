//! Tags of everything that has tags: at most fifty, keys without regard to case, AWS's own prefix refused.
//!
//! A user's tags are `aws:PrincipalTag` of everything that user does, so they can decide over access.

use super::page;
use crate::{
    model::params::SessionTag,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        params::Params,
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

/// Where a call finds the tags that it is about.
pub(super) type Tagged = for<'a> fn(&'a mut Exchange<'_>) -> Outcome<&'a mut Vec<SessionTag>>;

pub(super) fn add(call: &mut Exchange<'_>, tagged: Tagged) -> Outcome<Xml> {
    let new = checked(call.params)?;
    let own = tagged(call)?;
    let mut tags = own.clone();
    for tag in new {
        match tags.iter_mut().find(|own| own.key.eq_ignore_ascii_case(&tag.key)) {
            Some(own) => *own = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() > 50 {
        return Err(Fault::limit("The number of tags has reached the maximum limit."));
    }
    *own = tags;
    Ok(Xml::new())
}

pub(super) fn remove(call: &mut Exchange<'_>, tagged: Tagged) -> Outcome<Xml> {
    let keys = call.params.list("TagKeys");
    tagged(call)?.retain(|tag| !keys.iter().any(|key| key.eq_ignore_ascii_case(&tag.key)));
    Ok(Xml::new())
}

pub(super) fn list(call: &mut Exchange<'_>, tagged: Tagged) -> Outcome<Xml> {
    let tags = tagged(call)?.clone();
    // By their places: a key can be longer than a marker.
    let items = tags.iter().enumerate().map(|(place, tag)| (format!("{place:02}"), tag));
    page(call, "Tags", items, |tag| Xml::new().text("Key", &tag.key).text("Value", &tag.value))
}
