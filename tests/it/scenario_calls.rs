//! From the name of an operation and its parameters as JSON to a typed call of the AWS SDK, and from its XML to JSON.
//!
//! A row for each operation that a scenario uses: the SDK's method and the setters of its parameters. A parameter without
//! a setter in its row fails the test. Not a client: signing, sending and reading are the SDK's.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, Mutex};

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        orchestrator::HttpResponse,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;
use aws_types::SdkConfig;
use serde_json::{Map, Value};

/// What came of a call.
pub(crate) enum Answered {
    /// The result as JSON; every value is text, as in XML.
    Good(Value),
    Refused {
        status: u16,
        code: String,
        message: String,
    },
}

/// Keeps the body of the answer, which the SDK reads too.
#[derive(Clone, Debug, Default)]
struct Tap(Arc<Mutex<String>>);

impl Intercept for Tap {
    fn name(&self) -> &'static str {
        "Tap"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.lock().unwrap() = String::from_utf8(context.response().body().bytes().unwrap_or_default().to_vec())?;
        Ok(())
    }
}

/// What a setter wants, from JSON.
trait Given: Sized {
    fn given(value: &Value) -> Self;
}

impl Given for String {
    fn given(value: &Value) -> Self {
        value.as_str().unwrap().to_owned()
    }
}

impl Given for i32 {
    fn given(value: &Value) -> Self {
        value.as_i64().unwrap().try_into().unwrap()
    }
}

impl Given for bool {
    fn given(value: &Value) -> Self {
        value.as_bool().unwrap()
    }
}

impl<T: Given> Given for Vec<T> {
    fn given(value: &Value) -> Self {
        value.as_array().unwrap().iter().map(T::given).collect()
    }
}

impl Given for aws_sdk_iam::types::StatusType {
    fn given(value: &Value) -> Self {
        value.as_str().unwrap().into()
    }
}

impl Given for aws_sdk_iam::types::Tag {
    fn given(value: &Value) -> Self {
        Self::builder().key(String::given(&value["Key"])).value(String::given(&value["Value"])).build().unwrap()
    }
}

impl Given for aws_sdk_sts::types::Tag {
    fn given(value: &Value) -> Self {
        Self::builder().key(String::given(&value["Key"])).value(String::given(&value["Value"])).build().unwrap()
    }
}

impl Given for aws_sdk_sts::types::PolicyDescriptorType {
    fn given(value: &Value) -> Self {
        Self::builder().arn(String::given(&value["arn"])).build()
    }
}

/// The parameter that a setter is for: `set_user_name` takes `UserName`.
fn take<T: Given>(with: &mut Map<String, Value>, setter: &str) -> Option<T> {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let wanted = plain(setter.strip_prefix("set_").unwrap());
    let name = with.keys().find(|name| plain(name) == wanted)?.clone();
    with.remove(&name).map(|value| T::given(&value))
}

fn answered<T, E: ProvideErrorMetadata + std::fmt::Debug>(result: Result<T, SdkError<E, HttpResponse>>, tap: &Tap) -> Answered {
    let body = tap.0.lock().unwrap().clone();
    match result {
        Ok(_) => Answered::Good(result_of(&body)),
        Err(error) => Answered::Refused {
            status: error.raw_response().unwrap_or_else(|| panic!("{error:?}")).status().as_u16(),
            code: error.code().unwrap().to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
        },
    }
}

macro_rules! operations {
    ($name:expr, $with:expr, $($operation:literal => $client:ident.$method:ident($($setter:ident),*),)*) => {
        match $name {
            $($operation => {
                let tap = Tap::default();
                let request = $client.$method()$(.$setter(take(&mut $with, stringify!($setter))))*;
                assert!($with.is_empty(), "{} has no row for {:?}", $operation, $with);
                answered(request.customize().interceptor(tap.clone()).send().await, &tap)
            })*
            other => panic!("{other} has no row"),
        }
    };
}

/// Calls an operation by its name.
#[rustfmt::skip]
pub(crate) async fn call(config: &SdkConfig, name: &str, mut with: Map<String, Value>) -> Answered {
    let (iam, sts) = (aws_sdk_iam::Client::new(config), aws_sdk_sts::Client::new(config));
    operations!(name, with,
        "iam.AddUserToGroup" => iam.add_user_to_group(set_group_name, set_user_name),
        "iam.AttachUserPolicy" => iam.attach_user_policy(set_user_name, set_policy_arn),
        "iam.CreateAccessKey" => iam.create_access_key(set_user_name),
        "iam.CreateGroup" => iam.create_group(set_group_name, set_path),
        "iam.CreatePolicy" => iam.create_policy(set_policy_name, set_policy_document, set_path, set_description),
        "iam.CreatePolicyVersion" => iam.create_policy_version(set_policy_arn, set_policy_document, set_set_as_default),
        "iam.CreateRole" => iam.create_role(set_role_name, set_assume_role_policy_document, set_max_session_duration, set_path),
        "iam.CreateUser" => iam.create_user(set_user_name, set_path, set_tags),
        "iam.CreateVirtualMFADevice" => iam.create_virtual_mfa_device(set_virtual_mfa_device_name),
        "iam.DeactivateMFADevice" => iam.deactivate_mfa_device(set_user_name, set_serial_number),
        "iam.DeleteAccessKey" => iam.delete_access_key(set_user_name, set_access_key_id),
        "iam.DeleteGroup" => iam.delete_group(set_group_name),
        "iam.DeleteGroupPolicy" => iam.delete_group_policy(set_group_name, set_policy_name),
        "iam.DeletePolicy" => iam.delete_policy(set_policy_arn),
        "iam.DeletePolicyVersion" => iam.delete_policy_version(set_policy_arn, set_version_id),
        "iam.DeleteRole" => iam.delete_role(set_role_name),
        "iam.DeleteRolePolicy" => iam.delete_role_policy(set_role_name, set_policy_name),
        "iam.DeleteUser" => iam.delete_user(set_user_name),
        "iam.DeleteUserPermissionsBoundary" => iam.delete_user_permissions_boundary(set_user_name),
        "iam.DeleteUserPolicy" => iam.delete_user_policy(set_user_name, set_policy_name),
        "iam.DeleteVirtualMFADevice" => iam.delete_virtual_mfa_device(set_serial_number),
        "iam.DetachUserPolicy" => iam.detach_user_policy(set_user_name, set_policy_arn),
        "iam.EnableMFADevice" => iam.enable_mfa_device(set_user_name, set_serial_number, set_authentication_code1, set_authentication_code2),
        "iam.GetGroup" => iam.get_group(set_group_name),
        "iam.GetPolicy" => iam.get_policy(set_policy_arn),
        "iam.GetRole" => iam.get_role(set_role_name),
        "iam.GetUser" => iam.get_user(set_user_name),
        "iam.ListAccessKeys" => iam.list_access_keys(set_user_name),
        "iam.ListGroups" => iam.list_groups(),
        "iam.ListGroupsForUser" => iam.list_groups_for_user(set_user_name),
        "iam.ListMFADevices" => iam.list_mfa_devices(set_user_name),
        "iam.ListPolicyVersions" => iam.list_policy_versions(set_policy_arn),
        "iam.ListRolePolicies" => iam.list_role_policies(set_role_name),
        "iam.ListRoles" => iam.list_roles(),
        "iam.ListUserPolicies" => iam.list_user_policies(set_user_name),
        "iam.ListUserTags" => iam.list_user_tags(set_user_name),
        "iam.ListUsers" => iam.list_users(set_marker, set_max_items, set_path_prefix),
        "iam.PutGroupPolicy" => iam.put_group_policy(set_group_name, set_policy_name, set_policy_document),
        "iam.PutRolePolicy" => iam.put_role_policy(set_role_name, set_policy_name, set_policy_document),
        "iam.PutUserPermissionsBoundary" => iam.put_user_permissions_boundary(set_user_name, set_permissions_boundary),
        "iam.PutUserPolicy" => iam.put_user_policy(set_user_name, set_policy_name, set_policy_document),
        "iam.RemoveUserFromGroup" => iam.remove_user_from_group(set_group_name, set_user_name),
        "iam.SetDefaultPolicyVersion" => iam.set_default_policy_version(set_policy_arn, set_version_id),
        "iam.TagUser" => iam.tag_user(set_user_name, set_tags),
        "iam.UntagUser" => iam.untag_user(set_user_name, set_tag_keys),
        "iam.UpdateAccessKey" => iam.update_access_key(set_user_name, set_access_key_id, set_status),
        "iam.UpdateAssumeRolePolicy" => iam.update_assume_role_policy(set_role_name, set_policy_document),
        "sts.AssumeRole" => sts.assume_role(
            set_role_arn, set_role_session_name, set_duration_seconds, set_external_id, set_policy, set_policy_arns, set_serial_number,
            set_token_code, set_source_identity, set_tags, set_transitive_tag_keys
        ),
        "sts.GetCallerIdentity" => sts.get_caller_identity(),
        "sts.GetFederationToken" => sts.get_federation_token(set_name, set_duration_seconds, set_policy),
        "sts.GetSessionToken" => sts.get_session_token(set_duration_seconds, set_serial_number, set_token_code),
    )
}

/// What is inside of `…Result`; nothing where there is none.
fn result_of(body: &str) -> Value {
    let (_, response) = element(body).unwrap();
    let (name, inside) = element(response).unwrap();
    if name.ends_with("Result") { value(inside) } else { Value::Object(Map::new()) }
}

/// The first element: its name and what is inside.
fn element(xml: &str) -> Option<(&str, &str)> {
    let rest = xml.trim_start().strip_prefix('<')?;
    let (tag, rest) = rest.split_once('>')?;
    let name = tag.split(' ').next()?;
    let end = closing(rest, name)?;
    Some((name, &rest[..end]))
}

/// Where the element ends that has begun: others of its name may be inside of it.
fn closing(xml: &str, name: &str) -> Option<usize> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        let rest = &xml[at..];
        let ends = rest.find(&close)?;
        match rest.find(&open).filter(|begins| *begins < ends) {
            Some(begins) => (depth, at) = (depth + 1, at + begins + open.len()),
            None if depth == 0 => return Some(at + ends),
            None => (depth, at) = (depth - 1, at + ends + close.len()),
        }
    }
}

fn value(xml: &str) -> Value {
    if element(xml).is_none() {
        let text = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#xD;", "\r"), ("&amp;", "&")];
        return text.iter().fold(xml.to_owned(), |text, (from, to)| text.replace(from, to)).into();
    }
    let (mut fields, mut members, mut rest) = (Map::new(), Vec::new(), xml);
    while let Some((name, inside)) = element(rest) {
        if name == "member" {
            members.push(value(inside));
        } else {
            fields.insert(name.to_owned(), value(inside));
        }
        let end = inside.as_ptr() as usize - rest.as_ptr() as usize + inside.len();
        rest = &rest[end + name.len() + 3..];
    }
    if members.is_empty() { Value::Object(fields) } else { Value::Array(members) }
}
