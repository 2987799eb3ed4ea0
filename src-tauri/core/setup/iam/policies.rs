//! The policies of a user, its own and its groups', for saying which of them allows something.
//!
//! Inline ones first, then the default versions of attached ones. Reads only.

use super::{Fault, Seat, fault, look::attached};
use crate::{
    model::setup::PolicyHolder,
    setup::{
        call::{last, text},
        iam::look,
        thing::Thing,
    },
};

/// Names and texts: inline and attached ones, of the user and of its groups.
pub async fn policies_of_user(seat: &Seat, user: &str) -> Result<Vec<(String, String)>, Fault> {
    let iam = seat.iam();
    let mut found = Vec::new();
    let mut pages = iam.list_user_policies().user_name(user).into_paginator().items().send();
    let mut inline = Vec::new();
    while let Some(name) = pages.next().await {
        inline.push((PolicyHolder::User(user.to_owned()), name.map_err(|error| fault(&format!("ListUserPolicies of {user}"), &seat.signer, &error))?));
    }
    let mut holders = vec![PolicyHolder::User(user.to_owned())];
    let mut pages = iam.list_groups_for_user().user_name(user).into_paginator().items().send();
    while let Some(group) = pages.next().await {
        let group = group.map_err(|error| fault(&format!("ListGroupsForUser of {user}"), &seat.signer, &error))?.group_name;
        let mut pages = iam.list_group_policies().group_name(&group).into_paginator().items().send();
        while let Some(name) = pages.next().await {
            inline.push((PolicyHolder::Group(group.clone()), name.map_err(|error| fault(&format!("ListGroupPolicies of {group}"), &seat.signer, &error))?));
        }
        holders.push(PolicyHolder::Group(group));
    }
    for (holder, name) in inline {
        let state = look(seat, &Thing::Inline { holder, name: name.clone() }).await?;
        found.extend(text(&state, "PolicyDocument").map(|text| (name, text)));
    }
    for holder in &holders {
        for policy in attached(seat, holder).await? {
            let state = look(seat, &Thing::DefaultDocument { policy: policy.clone() }).await?;
            found.extend(state.as_ref().and_then(|state| state.get("PolicyDocument")?.as_str()).map(|text| (last(&policy).to_owned(), text.to_owned())));
        }
    }
    Ok(found)
}

/// Whose key it is.
pub async fn user_of_key(seat: &Seat, id: &str) -> Result<Option<String>, Fault> {
    let answer = seat.iam().get_access_key_last_used().access_key_id(id).send().await;
    Ok(answer.map_err(|error| fault(&format!("GetAccessKeyLastUsed of {id}"), &seat.signer, &error))?.user_name)
}
