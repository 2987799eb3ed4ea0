//! What a role's plan depends on and does not make: identity providers, policies that are named, members of a group.
//!
//! Reads only. What is missing is `None`, and no failure.

use super::{Fault, Seat, fault, found};

/// The client IDs of an OpenID Connect provider.
pub async fn client_ids(seat: &Seat, arn: &str) -> Result<Option<Vec<String>>, Fault> {
    let answer = seat.iam().get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await;
    let answer = answer.map_err(|error| fault(&format!("GetOpenIDConnectProvider of {arn}"), &seat.signer, &error));
    Ok(found(answer)?.map(|provider| provider.client_id_list.unwrap_or_default()))
}

/// Whether there is a SAML provider.
pub async fn is_saml_provider(seat: &Seat, arn: &str) -> Result<bool, Fault> {
    let answer = seat.iam().get_saml_provider().saml_provider_arn(arn).send().await;
    Ok(found(answer.map_err(|error| fault(&format!("GetSAMLProvider of {arn}"), &seat.signer, &error)))?.is_some())
}

/// Whether there is a managed policy.
pub async fn is_policy(seat: &Seat, arn: &str) -> Result<bool, Fault> {
    let answer = seat.iam().get_policy().policy_arn(arn).send().await;
    Ok(found(answer.map_err(|error| fault(&format!("GetPolicy of {arn}"), &seat.signer, &error)))?.is_some())
}

/// How often a managed policy is attached; `None`: there is none.
pub async fn attachments(seat: &Seat, arn: &str) -> Result<Option<i32>, Fault> {
    let answer = seat.iam().get_policy().policy_arn(arn).send().await;
    let answer = found(answer.map_err(|error| fault(&format!("GetPolicy of {arn}"), &seat.signer, &error)))?;
    Ok(answer.and_then(|answer| answer.policy).and_then(|policy| policy.attachment_count))
}

/// The role in an instance profile; `None`: there is none in it, or no such profile.
pub async fn role_in(seat: &Seat, profile: &str) -> Result<Option<String>, Fault> {
    let answer = seat.iam().get_instance_profile().instance_profile_name(profile).send().await;
    let answer = found(answer.map_err(|error| fault(&format!("GetInstanceProfile of {profile}"), &seat.signer, &error)))?;
    let roles = answer.and_then(|answer| answer.instance_profile).map(|profile| profile.roles).unwrap_or_default();
    Ok(roles.into_iter().next().map(|role| role.role_name))
}

/// The members of a group: their names.
pub async fn members(seat: &Seat, group: &str) -> Result<Vec<String>, Fault> {
    let mut pages = seat.iam().get_group().group_name(group).into_paginator().items().send();
    let mut members = Vec::new();
    while let Some(user) = pages.next().await {
        members.push(user.map_err(|error| fault(&format!("GetGroup of {group}"), &seat.signer, &error))?.user_name);
    }
    Ok(members)
}
