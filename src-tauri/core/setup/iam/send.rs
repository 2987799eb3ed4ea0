//! Sends a call as it was shown: every parameter is read from its `request`, none is added.
//!
//! The one exception is EnableMFADevice, whose two codes are made at the last moment and are shown nowhere.

use aws_sdk_iam::{
    error::BuildError,
    types::{StatusType, Tag},
};
use serde_json::Value;

use super::{Fault, Seat, fault};
use crate::{
    error::{Code, Error},
    model::{
        access_key::AccessKey,
        mfa::{MfaCode, TotpSeed},
        secret::Secret,
    },
    setup::call::Call,
};

/// Two codes in a row.
pub type Codes = (MfaCode, MfaCode);

/// What a call brought that a plan goes on with.
#[derive(Debug, Default)]
pub struct Sent {
    /// CreateAccessKey.
    pub key: Option<AccessKey>,
    /// CreateVirtualMFADevice: its serial number and its seed.
    pub device: Option<(String, TotpSeed)>,
    /// CreatePolicyVersion.
    pub version: Option<String>,
    /// What was made, by its unique ID: the same name later may be another.
    pub unique_id: Option<String>,
}

/// Reads parameters.
struct Read<'a>(&'a Value);

impl Read<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.0.get(key)?.as_str().map(str::to_owned)
    }

    fn number(&self, key: &str) -> Option<i32> {
        self.0.get(key)?.as_i64().and_then(|number| i32::try_from(number).ok())
    }

    fn tags(&self) -> Result<Option<Vec<Tag>>, BuildError> {
        let Some(tags) = self.0.get("Tags").and_then(Value::as_array) else { return Ok(None) };
        let text = |tag: &Value, key: &str| tag.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        tags.iter().map(|tag| Tag::builder().key(text(tag, "Key")).value(text(tag, "Value")).build()).collect::<Result<_, _>>().map(Some)
    }

    fn texts(&self, key: &str) -> Option<Vec<String>> {
        Some(self.0.get(key)?.as_array()?.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect())
    }
}

/// Sends `call`. `codes`: for EnableMFADevice.
#[expect(clippy::too_many_lines, reason = "a table: a line for each operation")]
pub async fn send(seat: &Seat, call: &Call, codes: Option<Codes>) -> Result<Sent, Fault> {
    let (iam, it) = (seat.iam(), Read(&call.request));
    let of = ["UserName", "RoleName", "GroupName", "PolicyArn", "PolicyName", "InstanceProfileName", "SerialNumber", "VirtualMFADeviceName"];
    let of = of.iter().find_map(|key| it.text(key)).unwrap_or_default();
    let asked = format!("{} of {of}", call.action);
    let tags = it.tags().map_err(|_| Error::invalid("list of tags", &of, "every tag with a key and a value"))?;
    let mut sent = Sent::default();
    macro_rules! go {
        ($call:expr) => {
            $call.send().await.map_err(|error| fault(&asked, &seat.signer, &error))?
        };
    }
    let (user, role, group) = (it.text("UserName"), it.text("RoleName"), it.text("GroupName"));
    let (policy, arn, document) = (it.text("PolicyName"), it.text("PolicyArn"), it.text("PolicyDocument"));
    let (path, boundary, description) = (it.text("Path"), it.text("PermissionsBoundary"), it.text("Description"));
    match call.action.as_str() {
        "CreateUser" => {
            let answer = go!(iam.create_user().set_user_name(user).set_path(path).set_permissions_boundary(boundary).set_tags(tags));
            sent.unique_id = answer.user.map(|user| user.user_id);
        }
        "DeleteUser" => drop(go!(iam.delete_user().set_user_name(user))),
        "CreateGroup" => sent.unique_id = go!(iam.create_group().set_group_name(group).set_path(path)).group.map(|group| group.group_id),
        "DeleteGroup" => drop(go!(iam.delete_group().set_group_name(group))),
        "CreateRole" => {
            let trust = it.text("AssumeRolePolicyDocument");
            let made = iam.create_role().set_role_name(role).set_path(path).set_assume_role_policy_document(trust).set_description(description);
            let made = made.set_max_session_duration(it.number("MaxSessionDuration")).set_permissions_boundary(boundary).set_tags(tags);
            sent.unique_id = go!(made).role.map(|role| role.role_id);
        }
        "DeleteRole" => drop(go!(iam.delete_role().set_role_name(role))),
        "UpdateAssumeRolePolicy" => drop(go!(iam.update_assume_role_policy().set_role_name(role).set_policy_document(document))),
        "UpdateRole" => {
            drop(go!(iam.update_role().set_role_name(role).set_description(description).set_max_session_duration(it.number("MaxSessionDuration"))));
        }
        "PutUserPermissionsBoundary" => drop(go!(iam.put_user_permissions_boundary().set_user_name(user).set_permissions_boundary(boundary))),
        "DeleteUserPermissionsBoundary" => drop(go!(iam.delete_user_permissions_boundary().set_user_name(user))),
        "PutRolePermissionsBoundary" => drop(go!(iam.put_role_permissions_boundary().set_role_name(role).set_permissions_boundary(boundary))),
        "DeleteRolePermissionsBoundary" => drop(go!(iam.delete_role_permissions_boundary().set_role_name(role))),
        "TagUser" => drop(go!(iam.tag_user().set_user_name(user).set_tags(tags))),
        "UntagUser" => drop(go!(iam.untag_user().set_user_name(user).set_tag_keys(it.texts("TagKeys")))),
        "TagRole" => drop(go!(iam.tag_role().set_role_name(role).set_tags(tags))),
        "UntagRole" => drop(go!(iam.untag_role().set_role_name(role).set_tag_keys(it.texts("TagKeys")))),
        "AddUserToGroup" => drop(go!(iam.add_user_to_group().set_group_name(group).set_user_name(user))),
        "RemoveUserFromGroup" => drop(go!(iam.remove_user_from_group().set_group_name(group).set_user_name(user))),
        "PutUserPolicy" => drop(go!(iam.put_user_policy().set_user_name(user).set_policy_name(policy).set_policy_document(document))),
        "DeleteUserPolicy" => drop(go!(iam.delete_user_policy().set_user_name(user).set_policy_name(policy))),
        "PutGroupPolicy" => drop(go!(iam.put_group_policy().set_group_name(group).set_policy_name(policy).set_policy_document(document))),
        "DeleteGroupPolicy" => drop(go!(iam.delete_group_policy().set_group_name(group).set_policy_name(policy))),
        "PutRolePolicy" => drop(go!(iam.put_role_policy().set_role_name(role).set_policy_name(policy).set_policy_document(document))),
        "DeleteRolePolicy" => drop(go!(iam.delete_role_policy().set_role_name(role).set_policy_name(policy))),
        "AttachUserPolicy" => drop(go!(iam.attach_user_policy().set_user_name(user).set_policy_arn(arn))),
        "DetachUserPolicy" => drop(go!(iam.detach_user_policy().set_user_name(user).set_policy_arn(arn))),
        "AttachGroupPolicy" => drop(go!(iam.attach_group_policy().set_group_name(group).set_policy_arn(arn))),
        "DetachGroupPolicy" => drop(go!(iam.detach_group_policy().set_group_name(group).set_policy_arn(arn))),
        "AttachRolePolicy" => drop(go!(iam.attach_role_policy().set_role_name(role).set_policy_arn(arn))),
        "DetachRolePolicy" => drop(go!(iam.detach_role_policy().set_role_name(role).set_policy_arn(arn))),
        "CreatePolicy" => {
            let made = iam.create_policy().set_policy_name(policy).set_path(path).set_policy_document(document).set_description(description);
            sent.unique_id = go!(made.set_tags(tags)).policy.and_then(|policy| policy.policy_id);
        }
        "DeletePolicy" => drop(go!(iam.delete_policy().set_policy_arn(arn))),
        "CreatePolicyVersion" => {
            let made = iam.create_policy_version().set_policy_arn(arn).set_policy_document(document).set_as_default(true);
            sent.version = go!(made).policy_version.and_then(|version| version.version_id);
        }
        "SetDefaultPolicyVersion" => drop(go!(iam.set_default_policy_version().set_policy_arn(arn).set_version_id(it.text("VersionId")))),
        "DeletePolicyVersion" => drop(go!(iam.delete_policy_version().set_policy_arn(arn).set_version_id(it.text("VersionId")))),
        "CreateInstanceProfile" => {
            let made = iam.create_instance_profile().set_instance_profile_name(it.text("InstanceProfileName")).set_path(path);
            sent.unique_id = go!(made).instance_profile.map(|profile| profile.instance_profile_id);
        }
        "DeleteInstanceProfile" => drop(go!(iam.delete_instance_profile().set_instance_profile_name(it.text("InstanceProfileName")))),
        "AddRoleToInstanceProfile" => {
            drop(go!(iam.add_role_to_instance_profile().set_instance_profile_name(it.text("InstanceProfileName")).set_role_name(role)));
        }
        "RemoveRoleFromInstanceProfile" => {
            drop(go!(iam.remove_role_from_instance_profile().set_instance_profile_name(it.text("InstanceProfileName")).set_role_name(role)));
        }
        "CreateAccessKey" => {
            let made = go!(iam.create_access_key().set_user_name(user)).access_key;
            let key = made.and_then(|key| AccessKey::parse(&key.access_key_id, Secret::new(key.secret_access_key)).ok());
            sent.key = Some(key.ok_or_else(|| unreadable(&asked))?);
        }
        "UpdateAccessKey" => {
            let status = it.text("Status").map(|status| StatusType::from(status.as_str()));
            drop(go!(iam.update_access_key().set_user_name(user).set_access_key_id(it.text("AccessKeyId")).set_status(status)));
        }
        "DeleteAccessKey" => drop(go!(iam.delete_access_key().set_user_name(user).set_access_key_id(it.text("AccessKeyId")))),
        "CreateVirtualMFADevice" => {
            let made = iam.create_virtual_mfa_device().set_virtual_mfa_device_name(it.text("VirtualMFADeviceName")).set_path(path).set_tags(tags);
            let device = go!(made).virtual_mfa_device;
            let device = device.and_then(|device| {
                let seed = TotpSeed::parse(std::str::from_utf8(device.base32_string_seed()?.as_ref()).ok()?).ok()?;
                Some((device.serial_number, seed))
            });
            sent.device = Some(device.ok_or_else(|| unreadable(&asked))?);
        }
        "DeleteVirtualMFADevice" => drop(go!(iam.delete_virtual_mfa_device().set_serial_number(it.text("SerialNumber")))),
        "EnableMFADevice" => {
            let (one, two) = codes.ok_or_else(|| unknown(&call.action))?;
            let enable = iam.enable_mfa_device().set_user_name(user).set_serial_number(it.text("SerialNumber"));
            drop(go!(enable.authentication_code1(one.expose()).authentication_code2(two.expose())));
        }
        "DeactivateMFADevice" => drop(go!(iam.deactivate_mfa_device().set_user_name(user).set_serial_number(it.text("SerialNumber")))),
        other => return Err(unknown(other).into()),
    }
    Ok(sent)
}

fn unreadable(asked: &str) -> Error {
    Error::new(Code::AwsUnreachable, format!("The answer to {asked} cannot be used"), "Check the endpoint_url: something other than AWS may have answered")
}

/// A call of a journal that a later version wrote.
fn unknown(action: &str) -> Error {
    Error::new(Code::NotSupported, format!("This version of Stagedoor does not know {action}"), "Go on with the version that made the plan")
}
