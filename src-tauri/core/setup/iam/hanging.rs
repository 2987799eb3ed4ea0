//! What hangs on a user, a group or a role: AWS deletes none of them while there is any.
//!
//! Asked before a plan is taken back, so that what somebody else added is named and nothing is half undone.

use super::{Fault, Seat, fault, found, listing::keys_of};
use crate::{
    model::{access_key::AccessKeyId, setup::PolicyHolder},
    setup::thing::Thing,
};

/// Everything that hangs on it, as things; keys as [`Thing::OldKey`].
pub async fn hangs_on(seat: &Seat, thing: &Thing) -> Result<Vec<Thing>, Fault> {
    let mut all = Vec::new();
    let iam = seat.iam();
    macro_rules! each {
        ($of:expr, $call:expr) => {{
            let mut items = Vec::new();
            let mut pages = $call.into_paginator().items().send();
            while let Some(item) = found(pages.next().await.transpose().map_err(|error| fault($of, &seat.signer, &error)))?.flatten() {
                items.push(item);
            }
            items
        }};
    }
    match thing {
        Thing::User { name } => {
            let holder = PolicyHolder::User(name.clone());
            let inline = each!("ListUserPolicies", iam.list_user_policies().user_name(name));
            all.extend(inline.into_iter().map(|policy| Thing::Inline { holder: holder.clone(), name: policy }));
            let attached = each!("ListAttachedUserPolicies", iam.list_attached_user_policies().user_name(name));
            all.extend(attached.into_iter().filter_map(|policy| Some(Thing::Attached { holder: holder.clone(), policy: policy.policy_arn? })));
            let groups = each!("ListGroupsForUser", iam.list_groups_for_user().user_name(name));
            all.extend(groups.into_iter().map(|group| Thing::Member { user: name.clone(), group: group.group_name }));
            let devices = each!("ListMFADevices", iam.list_mfa_devices().user_name(name));
            all.extend(devices.into_iter().map(|device| Thing::DeviceOf { user: name.clone(), serial: device.serial_number }));
            let keys = found(keys_of(seat, name).await)?.unwrap_or_default();
            all.extend(keys.into_iter().filter_map(|key| Some(Thing::OldKey { user: name.clone(), key: AccessKeyId::parse(&key.id).ok()? })));
        }
        Thing::Role { name } => {
            let holder = PolicyHolder::Role(name.clone());
            let inline = each!("ListRolePolicies", iam.list_role_policies().role_name(name));
            all.extend(inline.into_iter().map(|policy| Thing::Inline { holder: holder.clone(), name: policy }));
            let attached = each!("ListAttachedRolePolicies", iam.list_attached_role_policies().role_name(name));
            all.extend(attached.into_iter().filter_map(|policy| Some(Thing::Attached { holder: holder.clone(), policy: policy.policy_arn? })));
            let profiles = each!("ListInstanceProfilesForRole", iam.list_instance_profiles_for_role().role_name(name));
            all.extend(profiles.into_iter().map(|profile| Thing::InstanceRole { profile: profile.instance_profile_name, role: name.clone() }));
        }
        Thing::Group { name } => {
            let holder = PolicyHolder::Group(name.clone());
            let inline = each!("ListGroupPolicies", iam.list_group_policies().group_name(name));
            all.extend(inline.into_iter().map(|policy| Thing::Inline { holder: holder.clone(), name: policy }));
            let attached = each!("ListAttachedGroupPolicies", iam.list_attached_group_policies().group_name(name));
            all.extend(attached.into_iter().filter_map(|policy| Some(Thing::Attached { holder: holder.clone(), policy: policy.policy_arn? })));
            let users = each!("GetGroup", iam.get_group().group_name(name));
            all.extend(users.into_iter().map(|user| Thing::Member { user: user.user_name, group: name.clone() }));
        }
        _ => {}
    }
    Ok(all)
}
