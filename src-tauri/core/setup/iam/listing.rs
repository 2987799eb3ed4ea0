//! What there is in an account: for choosing from, and for the steps that depend on what others made.
//!
//! What may not be listed is left out and told; a wizard works without it.

use aws_sdk_iam::types::PolicyScopeType;
use time::OffsetDateTime;

use super::{Fault, Seat, decoded, fault};
use crate::{
    model::setup::{AccountChoices, PolicyChoice, PolicyVersionChoice, ProviderChoice, RoleChoice, UserChoice},
    policy::{
        Document, Shape,
        document::{PrincipalKind, Principals},
    },
    setup::documents,
};

/// All users.
pub async fn all_users(seat: &Seat) -> Result<Vec<UserChoice>, Fault> {
    let mut users = Vec::new();
    let mut pages = seat.iam().list_users().into_paginator().items().send();
    while let Some(user) = pages.next().await {
        let user = user.map_err(|error| fault("ListUsers", &seat.signer, &error))?;
        users.push(UserChoice { name: user.user_name, arn: user.arn });
    }
    Ok(users)
}

/// All roles but service-linked ones.
pub async fn all_roles(seat: &Seat) -> Result<Vec<RoleChoice>, Fault> {
    let mut roles = Vec::new();
    let mut pages = seat.iam().list_roles().into_paginator().items().send();
    while let Some(role) = pages.next().await {
        let role = role.map_err(|error| fault("ListRoles", &seat.signer, &error))?;
        if role.path().starts_with("/aws-service-role/") {
            continue;
        }
        let trust = role.assume_role_policy_document().map(decoded).unwrap_or_default();
        roles.push(RoleChoice { trusts: named_in(&trust), name: role.role_name, arn: role.arn, description: role.description, trust });
    }
    Ok(roles)
}

/// An access key as IAM lists it: its ID, whether it is active, when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedKey {
    /// Its ID.
    pub id: String,
    /// `Status`
    pub active: bool,
    /// `CreateDate`
    pub created: Option<OffsetDateTime>,
}

/// The keys of a user.
pub async fn keys_of(seat: &Seat, user: &str) -> Result<Vec<ListedKey>, Fault> {
    let answer = seat.iam().list_access_keys().user_name(user).send().await;
    let answer = answer.map_err(|error| fault(&format!("ListAccessKeys of {user}"), &seat.signer, &error))?;
    let listed = answer.access_key_metadata.into_iter().filter_map(|key| {
        let created = key.create_date().and_then(|at| OffsetDateTime::from_unix_timestamp(at.secs()).ok());
        Some(ListedKey { active: key.status() == Some(&aws_sdk_iam::types::StatusType::Active), id: key.access_key_id?, created })
    });
    Ok(listed.collect())
}

/// Whether a key was ever used.
pub async fn newest_key(seat: &Seat, id: &str) -> Result<bool, Fault> {
    let answer = seat.iam().get_access_key_last_used().access_key_id(id).send().await;
    let answer = answer.map_err(|error| fault(&format!("GetAccessKeyLastUsed of {id}"), &seat.signer, &error))?;
    Ok(answer.access_key_last_used().is_none_or(|used| used.last_used_date().is_none()))
}

/// What a wizard offers.
pub async fn choices(seat: &Seat) -> AccountChoices {
    let mut choices = AccountChoices {
        profile: seat.profile.clone(),
        account_id: seat.place.account_id.clone(),
        alias: seat.alias.clone(),
        arn: seat.arn.clone(),
        ..AccountChoices::default()
    };
    let (users, roles, groups, own, aws, providers) =
        tokio::join!(all_users(seat), all_roles(seat), groups(seat), policies(seat, false), policies(seat, true), providers(seat));
    let mut unseen = Vec::new();
    let mut told = |fault: Fault| unseen.push(fault.error.message);
    choices.users = users.unwrap_or_else(|fault| none(fault, &mut told));
    choices.roles = roles.unwrap_or_else(|fault| none(fault, &mut told));
    choices.groups = groups.unwrap_or_else(|fault| none(fault, &mut told));
    choices.policies = own.unwrap_or_else(|fault| none(fault, &mut told));
    choices.policies.extend(aws.unwrap_or_else(|fault| none(fault, &mut told)));
    choices.providers = providers.unwrap_or_else(|fault| none(fault, &mut told));
    choices.unseen = unseen;
    choices
}

fn none<T>(fault: Fault, told: &mut impl FnMut(Fault)) -> Vec<T> {
    told(fault);
    Vec::new()
}

async fn groups(seat: &Seat) -> Result<Vec<String>, Fault> {
    let mut groups = Vec::new();
    let mut pages = seat.iam().list_groups().into_paginator().items().send();
    while let Some(group) = pages.next().await {
        groups.push(group.map_err(|error| fault("ListGroups", &seat.signer, &error))?.group_name);
    }
    Ok(groups)
}

async fn policies(seat: &Seat, aws: bool) -> Result<Vec<PolicyChoice>, Fault> {
    let scope = if aws { PolicyScopeType::Aws } else { PolicyScopeType::Local };
    let mut policies = Vec::new();
    let mut pages = seat.iam().list_policies().scope(scope).into_paginator().items().send();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(|error| fault("ListPolicies", &seat.signer, &error))?;
        if let (Some(name), Some(arn)) = (policy.policy_name, policy.arn) {
            policies.push(PolicyChoice { name, arn, aws });
        }
    }
    Ok(policies)
}

/// The versions of a managed policy, the newest first.
pub async fn versions(seat: &Seat, arn: &str) -> Result<Vec<PolicyVersionChoice>, Fault> {
    let mut versions = Vec::new();
    let mut pages = seat.iam().list_policy_versions().policy_arn(arn).into_paginator().items().send();
    while let Some(version) = pages.next().await {
        let version = version.map_err(|error| fault(&format!("ListPolicyVersions of {arn}"), &seat.signer, &error))?;
        let id = version.version_id().unwrap_or_default().to_owned();
        let text = super::look::version(seat, arn, &id).await?.map(|text| documents::pretty(&text)).unwrap_or_default();
        versions.push(PolicyVersionChoice { id, default: version.is_default_version(), text });
    }
    Ok(versions)
}

async fn providers(seat: &Seat) -> Result<Vec<ProviderChoice>, Fault> {
    let iam = seat.iam();
    let saml = iam.list_saml_providers().send().await.map_err(|error| fault("ListSAMLProviders", &seat.signer, &error))?;
    let oidc = iam.list_open_id_connect_providers().send().await.map_err(|error| fault("ListOpenIDConnectProviders", &seat.signer, &error))?;
    let saml = saml.saml_provider_list().iter().filter_map(|it| it.arn()).map(|arn| ProviderChoice { arn: arn.to_owned(), oidc: false });
    let oidc = oidc.open_id_connect_provider_list().iter().filter_map(|it| it.arn()).map(|arn| ProviderChoice { arn: arn.to_owned(), oidc: true });
    Ok(saml.chain(oidc).collect())
}

/// Whom a trust policy names.
fn named_in(trust: &str) -> Vec<String> {
    let Ok(document) = Document::parse(trust, Shape::Trust) else { return Vec::new() };
    let mut named = Vec::new();
    for statement in &document.statements {
        let names = match &statement.principals {
            Principals::In(names) => names.as_slice(),
            Principals::NotIn(_) | Principals::Absent => &[],
        };
        named.extend(names.iter().map(|it| match (it.kind, it.name.splitn(6, ':').nth(5)) {
            (PrincipalKind::Aws, Some("root")) => account(&it.name),
            (PrincipalKind::Aws, Some(resource)) => resource.to_owned(),
            _ => it.name.clone(),
        }));
    }
    named.dedup();
    named
}

fn account(arn: &str) -> String {
    arn.split(':').nth(4).unwrap_or(arn).to_owned()
}
