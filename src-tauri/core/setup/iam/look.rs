//! What a thing is now: the reads behind every plan, in the same names that the calls use.
//!
//! Only what a call could set is told, so that what was read and what is wanted can be compared; dates and unique IDs are not part of it.

use serde_json::{Map, Value, json};

use super::{Fault, Seat, decoded, fault, found};
use crate::{
    model::setup::PolicyHolder,
    setup::{
        call::{kind, last, name},
        thing::{State, Thing},
    },
};

/// The permission to look that the thing wants, for who lacks it: `iam:GetUser`.
pub fn reads(thing: &Thing) -> &'static str {
    match thing {
        Thing::User { .. } | Thing::Boundary { holder: PolicyHolder::User(_) } | Thing::Tag { holder: PolicyHolder::User(_), .. } => "iam:GetUser",
        Thing::Group { .. } | Thing::Boundary { holder: PolicyHolder::Group(_) } | Thing::Tag { holder: PolicyHolder::Group(_), .. } => "iam:GetGroup",
        Thing::Role { .. } | Thing::Trust { .. } | Thing::RoleSettings { .. } | Thing::Boundary { .. } | Thing::Tag { .. } => "iam:GetRole",
        Thing::Member { .. } => "iam:ListGroupsForUser",
        Thing::Inline { holder, .. } => match holder {
            PolicyHolder::User(_) => "iam:GetUserPolicy",
            PolicyHolder::Group(_) => "iam:GetGroupPolicy",
            PolicyHolder::Role(_) => "iam:GetRolePolicy",
        },
        Thing::Attached { holder, .. } => match holder {
            PolicyHolder::User(_) => "iam:ListAttachedUserPolicies",
            PolicyHolder::Group(_) => "iam:ListAttachedGroupPolicies",
            PolicyHolder::Role(_) => "iam:ListAttachedRolePolicies",
        },
        Thing::Policy { .. } | Thing::DefaultDocument { .. } | Thing::DefaultVersion { .. } => "iam:GetPolicy",
        Thing::Version { .. } => "iam:GetPolicyVersion",
        Thing::InstanceProfile { .. } | Thing::InstanceRole { .. } => "iam:GetInstanceProfile",
        Thing::NewKey { .. } | Thing::KeyStatus { .. } | Thing::OldKey { .. } => "iam:ListAccessKeys",
        Thing::Device { .. } | Thing::DeviceOf { .. } => "iam:ListVirtualMFADevices",
        Thing::Profiles { .. } | Thing::ProfileKey { .. } | Thing::KeyPlace { .. } | Thing::LocalSessions { .. } | Thing::Pause { .. } => "",
    }
}

/// What a thing of an account is now.
#[expect(clippy::too_many_lines, reason = "a table: an arm for each thing")]
pub async fn look(seat: &Seat, thing: &Thing) -> Result<State, Fault> {
    let iam = seat.iam();
    // One sentence for each call that can be refused.
    macro_rules! ask {
        ($operation:literal, $of:expr, $call:expr) => {
            $call.send().await.map_err(|error| fault(&format!("{} of {}", $operation, $of), &seat.signer, &error))
        };
    }
    Ok(match thing {
        Thing::User { name } => found(ask!("GetUser", name, iam.get_user().user_name(name)))?.and_then(|answer| answer.user).map(|user| {
            let boundary = user.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn().map(str::to_owned));
            object([("Path", Some(json!(user.path()))), ("PermissionsBoundary", boundary.map(Value::from)), ("Tags", tags(user.tags()))])
        }),
        Thing::Group { name } => found(ask!("GetGroup", name, iam.get_group().group_name(name).max_items(1)))?
            .and_then(|answer| answer.group)
            .map(|group| json!({ "Path": group.path() })),
        Thing::Role { name } => role(seat, name).await?.map(|role| {
            let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn().map(str::to_owned));
            object([
                ("Path", Some(json!(role.path()))),
                ("AssumeRolePolicyDocument", role.assume_role_policy_document().map(|text| decoded(text).into())),
                ("Description", role.description().filter(|text| !text.is_empty()).map(Value::from)),
                ("MaxSessionDuration", Some(json!(role.max_session_duration().unwrap_or(3600)))),
                ("PermissionsBoundary", boundary.map(Value::from)),
                ("Tags", tags(role.tags())),
            ])
        }),
        Thing::Trust { role: name } => {
            role(seat, name).await?.and_then(|role| role.assume_role_policy_document().map(|text| json!({ "PolicyDocument": decoded(text) })))
        }
        Thing::RoleSettings { role: name } => role(seat, name)
            .await?
            .map(|role| json!({ "Description": role.description().unwrap_or_default(), "MaxSessionDuration": role.max_session_duration().unwrap_or(3600) })),
        Thing::Boundary { holder } => {
            holder_of(seat, holder).await?.and_then(|it| it.get("PermissionsBoundary").map(|arn| json!({ "PermissionsBoundary": arn })))
        }
        Thing::Tag { holder, key } => holder_of(seat, holder).await?.and_then(|it| {
            let tags = it.get("Tags")?.as_array()?.clone();
            tags.iter().find(|tag| tag.get("Key").and_then(Value::as_str) == Some(key)).map(|tag| json!({ "Value": tag.get("Value") }))
        }),
        Thing::Member { user, group } => {
            let mut pages = iam.list_groups_for_user().user_name(user).into_paginator().items().send();
            let mut there = false;
            while let Some(found_group) =
                found(pages.next().await.transpose().map_err(|error| fault(&format!("ListGroupsForUser of {user}"), &seat.signer, &error)))?.flatten()
            {
                there |= found_group.group_name() == group;
            }
            there.then(|| json!({}))
        }
        Thing::Inline { holder, name: policy } => {
            let of = name(holder);
            let text = match holder {
                PolicyHolder::User(_) => {
                    found(ask!("GetUserPolicy", of, iam.get_user_policy().user_name(of).policy_name(policy)))?.map(|answer| answer.policy_document)
                }
                PolicyHolder::Group(_) => {
                    found(ask!("GetGroupPolicy", of, iam.get_group_policy().group_name(of).policy_name(policy)))?.map(|answer| answer.policy_document)
                }
                PolicyHolder::Role(_) => {
                    found(ask!("GetRolePolicy", of, iam.get_role_policy().role_name(of).policy_name(policy)))?.map(|answer| answer.policy_document)
                }
            };
            text.map(|text| json!({ "PolicyDocument": decoded(&text) }))
        }
        Thing::Attached { holder, policy } => attached(seat, holder).await?.into_iter().any(|arn| arn == *policy).then(|| json!({})),
        Thing::Policy { arn } => match found(ask!("GetPolicy", arn, iam.get_policy().policy_arn(arn)))?.and_then(|answer| answer.policy) {
            Some(policy) => {
                let text = version(seat, arn, policy.default_version_id().unwrap_or("v1")).await?;
                let description = policy.description().filter(|text| !text.is_empty()).map(Value::from);
                Some(object([("Path", policy.path().map(Value::from)), ("PolicyDocument", text.map(Value::from)), ("Description", description)]))
            }
            None => None,
        },
        Thing::DefaultDocument { policy } => match found(ask!("GetPolicy", policy, iam.get_policy().policy_arn(policy)))?.and_then(|answer| answer.policy) {
            Some(found) => {
                let id = found.default_version_id().unwrap_or("v1");
                version(seat, policy, id).await?.map(|text| json!({ "PolicyDocument": text, "VersionId": id }))
            }
            None => None,
        },
        Thing::DefaultVersion { policy } => found(ask!("GetPolicy", policy, iam.get_policy().policy_arn(policy)))?
            .and_then(|answer| answer.policy)
            .map(|policy| json!({ "VersionId": policy.default_version_id().unwrap_or("v1") })),
        Thing::Version { policy, version: id } => version(seat, policy, id).await?.map(|text| json!({ "PolicyDocument": text })),
        Thing::InstanceProfile { name } => found(ask!("GetInstanceProfile", name, iam.get_instance_profile().instance_profile_name(name)))?
            .and_then(|answer| answer.instance_profile)
            .map(|profile| json!({ "Path": profile.path() })),
        Thing::InstanceRole { profile, role } => found(ask!("GetInstanceProfile", profile, iam.get_instance_profile().instance_profile_name(profile)))?
            .and_then(|answer| answer.instance_profile)
            .filter(|profile| profile.roles().iter().any(|it| it.role_name() == role))
            .map(|_| json!({})),
        Thing::NewKey { user } => keys(seat, user).await?.map(|keys| {
            let mut ids: Vec<_> = keys.iter().filter_map(|key| key.access_key_id()).collect();
            ids.sort_unstable();
            json!({ "AccessKeyIds": ids })
        }),
        Thing::KeyStatus { user, key } | Thing::OldKey { user, key } => keys(seat, user).await?.and_then(|keys| {
            let found = keys.into_iter().find(|it| it.access_key_id() == Some(key.as_str()));
            found.map(|key| json!({ "Status": key.status().map_or("Active", aws_sdk_iam::types::StatusType::as_str) }))
        }),
        Thing::Device { serial } => device(seat, serial).await?.map(|_| json!({ "Path": path_of(serial) })),
        Thing::DeviceOf { user, serial } => {
            device(seat, serial).await?.filter(|device| device.user().is_some_and(|owner| owner.user_name() == user)).map(|_| json!({}))
        }
        // What lies on this computer is looked at by whoever holds it.
        Thing::Profiles { .. } | Thing::ProfileKey { .. } | Thing::KeyPlace { .. } | Thing::LocalSessions { .. } | Thing::Pause { .. } => None,
    })
}

/// What AWS gives a new thing of that name, and never to another one.
pub async fn unique_id(seat: &Seat, thing: &Thing) -> Result<Option<String>, Fault> {
    Ok(match thing {
        Thing::User { name } => {
            let call = seat.iam().get_user().user_name(name).send().await;
            found(call.map_err(|error| fault(&format!("GetUser of {name}"), &seat.signer, &error)))?.and_then(|answer| answer.user).map(|user| user.user_id)
        }
        Thing::Role { name } => role(seat, name).await?.map(|role| role.role_id),
        Thing::Group { name } => {
            let call = seat.iam().get_group().group_name(name).max_items(1).send().await;
            found(call.map_err(|error| fault(&format!("GetGroup of {name}"), &seat.signer, &error)))?
                .and_then(|answer| answer.group)
                .map(|group| group.group_id)
        }
        _ => None,
    })
}

async fn role(seat: &Seat, name: &str) -> Result<Option<aws_sdk_iam::types::Role>, Fault> {
    let answer = seat.iam().get_role().role_name(name).send().await.map_err(|error| fault(&format!("GetRole of {name}"), &seat.signer, &error));
    Ok(found(answer)?.and_then(|answer| answer.role))
}

/// A user or role with its boundary and tags.
async fn holder_of(seat: &Seat, holder: &PolicyHolder) -> Result<State, Fault> {
    let name = name(holder).to_owned();
    match holder {
        PolicyHolder::User(_) => Box::pin(look(seat, &Thing::User { name })).await,
        PolicyHolder::Role(_) => Box::pin(look(seat, &Thing::Role { name })).await,
        PolicyHolder::Group(_) => Box::pin(look(seat, &Thing::Group { name })).await,
    }
}

pub(super) async fn attached(seat: &Seat, holder: &PolicyHolder) -> Result<Vec<String>, Fault> {
    let (iam, of) = (seat.iam(), name(holder));
    let asked = format!("ListAttached{}Policies of {of}", kind(holder));
    let mut arns = Vec::new();
    macro_rules! all {
        ($call:expr) => {{
            let mut pages = $call.into_paginator().items().send();
            while let Some(policy) = found(pages.next().await.transpose().map_err(|error| fault(&asked, &seat.signer, &error)))?.flatten() {
                arns.extend(policy.policy_arn);
            }
        }};
    }
    match holder {
        PolicyHolder::User(_) => all!(iam.list_attached_user_policies().user_name(of)),
        PolicyHolder::Group(_) => all!(iam.list_attached_group_policies().group_name(of)),
        PolicyHolder::Role(_) => all!(iam.list_attached_role_policies().role_name(of)),
    }
    Ok(arns)
}

pub(super) async fn version(seat: &Seat, policy: &str, id: &str) -> Result<Option<String>, Fault> {
    let call = seat.iam().get_policy_version().policy_arn(policy).version_id(id).send().await;
    let answer = found(call.map_err(|error| fault(&format!("GetPolicyVersion {id} of {policy}"), &seat.signer, &error)))?;
    Ok(answer.and_then(|answer| answer.policy_version).and_then(|version| version.document).map(|text| decoded(&text)))
}

async fn keys(seat: &Seat, user: &str) -> Result<Option<Vec<aws_sdk_iam::types::AccessKeyMetadata>>, Fault> {
    let call = seat.iam().list_access_keys().user_name(user).send().await;
    Ok(found(call.map_err(|error| fault(&format!("ListAccessKeys of {user}"), &seat.signer, &error)))?.map(|answer| answer.access_key_metadata))
}

async fn device(seat: &Seat, serial: &str) -> Result<Option<aws_sdk_iam::types::VirtualMfaDevice>, Fault> {
    let mut pages = seat.iam().list_virtual_mfa_devices().into_paginator().items().send();
    while let Some(device) = pages.next().await {
        let device = device.map_err(|error| fault("ListVirtualMFADevices", &seat.signer, &error))?;
        if device.serial_number() == serial {
            return Ok(Some(device));
        }
    }
    Ok(None)
}

/// The path in a device's serial number: `/people/`.
fn path_of(serial: &str) -> String {
    let resource = serial.rsplit_once(":mfa").map_or("/", |(_, resource)| resource);
    resource.strip_suffix(last(serial)).filter(|path| !path.is_empty()).unwrap_or("/").to_owned()
}

fn tags(tags: &[aws_sdk_iam::types::Tag]) -> Option<Value> {
    (!tags.is_empty()).then(|| tags.iter().map(|tag| json!({ "Key": tag.key(), "Value": tag.value() })).collect())
}

/// Without what is not there.
fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    Value::Object(members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>())
}
