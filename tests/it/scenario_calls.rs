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

impl Given for aws_sdk_iam::types::EntityType {
    fn given(value: &Value) -> Self {
        value.as_str().unwrap().into()
    }
}

impl Given for aws_sdk_iam::types::ContextEntry {
    fn given(value: &Value) -> Self {
        let kind = value["ContextKeyType"].as_str().unwrap().into();
        let values = Some(Vec::given(&value["ContextKeyValues"]));
        Self::builder().context_key_name(String::given(&value["ContextKeyName"])).context_key_type(kind).set_context_key_values(values).build()
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
                Some(answered(request.customize().interceptor(tap.clone()).send().await, &tap))
            })*
            _ => None,
        }
    };
}

/// Calls an operation by its name.
pub(crate) async fn call(config: &SdkConfig, name: &str, with: Map<String, Value>) -> Answered {
    let iam = aws_sdk_iam::Client::new(config);
    if let Some(answered) = sts(&aws_sdk_sts::Client::new(config), name, with.clone()).await {
        return answered;
    }
    if let Some(answered) = identities(&iam, name, with.clone()).await {
        return answered;
    }
    account(&iam, name, with).await.unwrap_or_else(|| panic!("{name} has no row"))
}

#[rustfmt::skip]
async fn sts(sts: &aws_sdk_sts::Client, name: &str, mut with: Map<String, Value>) -> Option<Answered> {
    operations!(name, with,
        "sts.AssumeRole" => sts.assume_role(
            set_role_arn, set_role_session_name, set_duration_seconds, set_external_id, set_policy, set_policy_arns, set_serial_number,
            set_token_code, set_source_identity, set_tags, set_transitive_tag_keys
        ),
        "sts.DecodeAuthorizationMessage" => sts.decode_authorization_message(set_encoded_message),
        "sts.GetAccessKeyInfo" => sts.get_access_key_info(set_access_key_id),
        "sts.GetCallerIdentity" => sts.get_caller_identity(),
        "sts.GetFederationToken" => sts.get_federation_token(set_name, set_duration_seconds, set_policy),
        "sts.GetSessionToken" => sts.get_session_token(set_duration_seconds, set_serial_number, set_token_code),
    )
}

/// Users, groups and roles, their policies, keys and MFA devices.
#[rustfmt::skip]
async fn identities(iam: &aws_sdk_iam::Client, name: &str, mut with: Map<String, Value>) -> Option<Answered> {
    operations!(name, with,
        "iam.AddUserToGroup" => iam.add_user_to_group(set_group_name, set_user_name),
        "iam.AttachRolePolicy" => iam.attach_role_policy(set_role_name, set_policy_arn),
        "iam.AttachUserPolicy" => iam.attach_user_policy(set_user_name, set_policy_arn),
        "iam.CreateAccessKey" => iam.create_access_key(set_user_name),
        "iam.CreateGroup" => iam.create_group(set_group_name, set_path),
        "iam.CreateRole" => iam.create_role(set_role_name, set_assume_role_policy_document, set_max_session_duration, set_path),
        "iam.CreateUser" => iam.create_user(set_user_name, set_path, set_tags),
        "iam.CreateVirtualMFADevice" => iam.create_virtual_mfa_device(set_virtual_mfa_device_name),
        "iam.DeactivateMFADevice" => iam.deactivate_mfa_device(set_user_name, set_serial_number),
        "iam.DeleteAccessKey" => iam.delete_access_key(set_user_name, set_access_key_id),
        "iam.DeleteGroup" => iam.delete_group(set_group_name),
        "iam.DeleteGroupPolicy" => iam.delete_group_policy(set_group_name, set_policy_name),
        "iam.DeleteRole" => iam.delete_role(set_role_name),
        "iam.DeleteRolePolicy" => iam.delete_role_policy(set_role_name, set_policy_name),
        "iam.DeleteUser" => iam.delete_user(set_user_name),
        "iam.DeleteUserPermissionsBoundary" => iam.delete_user_permissions_boundary(set_user_name),
        "iam.DeleteUserPolicy" => iam.delete_user_policy(set_user_name, set_policy_name),
        "iam.DeleteVirtualMFADevice" => iam.delete_virtual_mfa_device(set_serial_number),
        "iam.DetachUserPolicy" => iam.detach_user_policy(set_user_name, set_policy_arn),
        "iam.EnableMFADevice" => iam.enable_mfa_device(set_user_name, set_serial_number, set_authentication_code1, set_authentication_code2),
        "iam.GetGroup" => iam.get_group(set_group_name),
        "iam.GetRole" => iam.get_role(set_role_name),
        "iam.GetUser" => iam.get_user(set_user_name),
        "iam.ListAccessKeys" => iam.list_access_keys(set_user_name),
        "iam.ListGroups" => iam.list_groups(),
        "iam.ListGroupsForUser" => iam.list_groups_for_user(set_user_name),
        "iam.ListMFADeviceTags" => iam.list_mfa_device_tags(set_serial_number),
        "iam.ListMFADevices" => iam.list_mfa_devices(set_user_name),
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
        "iam.TagMFADevice" => iam.tag_mfa_device(set_serial_number, set_tags),
        "iam.TagUser" => iam.tag_user(set_user_name, set_tags),
        "iam.UntagMFADevice" => iam.untag_mfa_device(set_serial_number, set_tag_keys),
        "iam.UntagUser" => iam.untag_user(set_user_name, set_tag_keys),
        "iam.UpdateAccessKey" => iam.update_access_key(set_user_name, set_access_key_id, set_status),
        "iam.UpdateAssumeRolePolicy" => iam.update_assume_role_policy(set_role_name, set_policy_document),
        "iam.UpdateRole" => iam.update_role(set_role_name, set_max_session_duration),
    )
}

/// What else is in an account: managed policies, profiles, providers, passwords, reports, the simulator.
#[rustfmt::skip]
async fn account(iam: &aws_sdk_iam::Client, name: &str, mut with: Map<String, Value>) -> Option<Answered> {
    operations!(name, with,
        "iam.AddClientIDToOpenIDConnectProvider" => iam.add_client_id_to_open_id_connect_provider(set_open_id_connect_provider_arn, set_client_id),
        "iam.AddRoleToInstanceProfile" => iam.add_role_to_instance_profile(set_instance_profile_name, set_role_name),
        "iam.ChangePassword" => iam.change_password(set_old_password, set_new_password),
        "iam.CreateAccountAlias" => iam.create_account_alias(set_account_alias),
        "iam.CreateInstanceProfile" => iam.create_instance_profile(set_instance_profile_name, set_path, set_tags),
        "iam.CreateLoginProfile" => iam.create_login_profile(set_user_name, set_password, set_password_reset_required),
        "iam.CreateOpenIDConnectProvider" => iam.create_open_id_connect_provider(set_url, set_client_id_list, set_thumbprint_list, set_tags),
        "iam.CreatePolicy" => iam.create_policy(set_policy_name, set_policy_document, set_path, set_description, set_tags),
        "iam.CreatePolicyVersion" => iam.create_policy_version(set_policy_arn, set_policy_document, set_set_as_default),
        "iam.CreateSAMLProvider" => iam.create_saml_provider(set_name, set_saml_metadata_document, set_tags),
        "iam.CreateServiceLinkedRole" => iam.create_service_linked_role(set_aws_service_name, set_custom_suffix),
        "iam.DeleteAccountAlias" => iam.delete_account_alias(set_account_alias),
        "iam.DeleteAccountPasswordPolicy" => iam.delete_account_password_policy(),
        "iam.DeleteInstanceProfile" => iam.delete_instance_profile(set_instance_profile_name),
        "iam.DeleteLoginProfile" => iam.delete_login_profile(set_user_name),
        "iam.DeleteOpenIDConnectProvider" => iam.delete_open_id_connect_provider(set_open_id_connect_provider_arn),
        "iam.DeletePolicy" => iam.delete_policy(set_policy_arn),
        "iam.DeletePolicyVersion" => iam.delete_policy_version(set_policy_arn, set_version_id),
        "iam.DeleteSAMLProvider" => iam.delete_saml_provider(set_saml_provider_arn),
        "iam.DeleteServiceLinkedRole" => iam.delete_service_linked_role(set_role_name),
        "iam.GenerateCredentialReport" => iam.generate_credential_report(),
        "iam.GetAccountAuthorizationDetails" => iam.get_account_authorization_details(set_filter, set_max_items, set_marker),
        "iam.GetAccountPasswordPolicy" => iam.get_account_password_policy(),
        "iam.GetAccountSummary" => iam.get_account_summary(),
        "iam.GetContextKeysForCustomPolicy" => iam.get_context_keys_for_custom_policy(set_policy_input_list),
        "iam.GetContextKeysForPrincipalPolicy" => iam.get_context_keys_for_principal_policy(set_policy_source_arn),
        "iam.GetCredentialReport" => iam.get_credential_report(),
        "iam.GetInstanceProfile" => iam.get_instance_profile(set_instance_profile_name),
        "iam.GetLoginProfile" => iam.get_login_profile(set_user_name),
        "iam.GetOpenIDConnectProvider" => iam.get_open_id_connect_provider(set_open_id_connect_provider_arn),
        "iam.GetPolicy" => iam.get_policy(set_policy_arn),
        "iam.GetSAMLProvider" => iam.get_saml_provider(set_saml_provider_arn),
        "iam.GetServiceLinkedRoleDeletionStatus" => iam.get_service_linked_role_deletion_status(set_deletion_task_id),
        "iam.ListAccountAliases" => iam.list_account_aliases(),
        "iam.ListInstanceProfileTags" => iam.list_instance_profile_tags(set_instance_profile_name),
        "iam.ListInstanceProfiles" => iam.list_instance_profiles(set_path_prefix),
        "iam.ListInstanceProfilesForRole" => iam.list_instance_profiles_for_role(set_role_name),
        "iam.ListOpenIDConnectProviderTags" => iam.list_open_id_connect_provider_tags(set_open_id_connect_provider_arn),
        "iam.ListOpenIDConnectProviders" => iam.list_open_id_connect_providers(),
        "iam.ListPolicies" => iam.list_policies(),
        "iam.ListPolicyTags" => iam.list_policy_tags(set_policy_arn),
        "iam.ListPolicyVersions" => iam.list_policy_versions(set_policy_arn),
        "iam.ListSAMLProviderTags" => iam.list_saml_provider_tags(set_saml_provider_arn),
        "iam.ListSAMLProviders" => iam.list_saml_providers(),
        "iam.RemoveClientIDFromOpenIDConnectProvider" => iam.remove_client_id_from_open_id_connect_provider(set_open_id_connect_provider_arn, set_client_id),
        "iam.RemoveRoleFromInstanceProfile" => iam.remove_role_from_instance_profile(set_instance_profile_name, set_role_name),
        "iam.SetDefaultPolicyVersion" => iam.set_default_policy_version(set_policy_arn, set_version_id),
        "iam.SimulateCustomPolicy" => iam.simulate_custom_policy(set_policy_input_list, set_action_names, set_resource_arns, set_context_entries),
        "iam.SimulatePrincipalPolicy" => iam.simulate_principal_policy(set_policy_source_arn, set_action_names, set_permissions_boundary_policy_input_list),
        "iam.TagInstanceProfile" => iam.tag_instance_profile(set_instance_profile_name, set_tags),
        "iam.TagOpenIDConnectProvider" => iam.tag_open_id_connect_provider(set_open_id_connect_provider_arn, set_tags),
        "iam.TagPolicy" => iam.tag_policy(set_policy_arn, set_tags),
        "iam.TagSAMLProvider" => iam.tag_saml_provider(set_saml_provider_arn, set_tags),
        "iam.UntagInstanceProfile" => iam.untag_instance_profile(set_instance_profile_name, set_tag_keys),
        "iam.UntagOpenIDConnectProvider" => iam.untag_open_id_connect_provider(set_open_id_connect_provider_arn, set_tag_keys),
        "iam.UntagPolicy" => iam.untag_policy(set_policy_arn, set_tag_keys),
        "iam.UntagSAMLProvider" => iam.untag_saml_provider(set_saml_provider_arn, set_tag_keys),
        "iam.UpdateAccountPasswordPolicy" => iam.update_account_password_policy(
            set_minimum_password_length, set_require_symbols, set_require_numbers, set_require_uppercase_characters, set_require_lowercase_characters,
            set_allow_users_to_change_password, set_max_password_age, set_password_reuse_prevention
        ),
        "iam.UpdateLoginProfile" => iam.update_login_profile(set_user_name, set_password),
        "iam.UpdateOpenIDConnectProviderThumbprint" => iam.update_open_id_connect_provider_thumbprint(set_open_id_connect_provider_arn, set_thumbprint_list),
        "iam.UpdateSAMLProvider" => iam.update_saml_provider(set_saml_provider_arn, set_saml_metadata_document),
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
