//! The account itself: its alias and its summary.
//!
//! An account has one alias, and no two accounts share one.

use super::{MARKER, MAX_ITEMS, everything, page};
use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Field, required, text},
    table::{Action, iam},
    xml::Xml,
};

const ALIAS: Field = required("AccountAlias", text(3, 63, Chars::Alias));

pub(super) static ACTIONS: &[Action] = &[
    iam("CreateAccountAlias", everything, &[ALIAS], create),
    iam("DeleteAccountAlias", everything, &[ALIAS], delete),
    iam("ListAccountAliases", everything, &[MARKER, MAX_ITEMS], list),
    iam("GetAccountSummary", everything, &[], summary),
];

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let alias = call.params.text("AccountAlias").to_owned();
    let own = &call.principal.account;
    if call.state.accounts.values().any(|account| account.id != *own && account.alias.as_ref() == Some(&alias)) {
        return Err(Fault::new("EntityAlreadyExists", format!("The account alias {alias} already exists.")));
    }
    // A new alias takes the place of the old one.
    call.account_mut()?.alias = Some(alias);
    Ok(Xml::new())
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let alias = call.params.text("AccountAlias");
    let account = call.account_mut()?;
    if account.alias.as_deref() != Some(alias) {
        return Err(Fault::new("NoSuchEntity", format!("The account alias {alias} cannot be found.")));
    }
    account.alias = None;
    Ok(Xml::new())
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    page(call, "AccountAliases", call.account()?.alias.iter().map(|alias| (alias, alias)), |alias| Xml::bare(alias))
}

fn summary(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let in_use = account.devices.values().filter(|device| device.owner.is_some()).count();
    let root_mfa = account.devices.values().any(|device| device.owner.as_ref().is_some_and(|owner| owner.user.is_none()));
    let versions: usize = account.policies.values().map(|policy| policy.versions.len()).sum();
    let numbers = [
        ("AccessKeysPerUserQuota", 2),
        ("AccountAccessKeysPresent", usize::from(!account.root_keys.is_empty())),
        ("AccountMFAEnabled", usize::from(root_mfa)),
        ("AccountPasswordPresent", 1),
        ("AccountSigningCertificatesPresent", 0),
        ("AssumeRolePolicySizeQuota", 2048),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("AttachedPoliciesPerUserQuota", 10),
        ("GlobalEndpointTokenVersion", 1),
        ("GroupPolicySizeQuota", 5120),
        ("Groups", account.groups.len()),
        ("GroupsPerUserQuota", 10),
        ("GroupsQuota", 300),
        ("InstanceProfiles", account.profiles.len()),
        ("InstanceProfilesQuota", 1000),
        ("MFADevices", account.devices.len()),
        ("MFADevicesInUse", in_use),
        ("Policies", account.policies.len()),
        ("PoliciesQuota", 1500),
        ("PolicySizeQuota", 6144),
        ("PolicyVersionsInUse", versions),
        ("PolicyVersionsInUseQuota", 10000),
        ("Providers", account.providers.saml.len() + account.providers.oidc.len()),
        ("RolePolicySizeQuota", 10240),
        ("Roles", account.roles.len()),
        ("RolesQuota", 1000),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("SigningCertificatesPerUserQuota", 2),
        ("UserPolicySizeQuota", 2048),
        ("Users", account.users.len()),
        ("UsersQuota", 5000),
        ("VersionsPerPolicyQuota", 5),
    ];
    let entries = numbers.iter().fold(Xml::new(), |map, (key, value)| map.element("entry", Xml::new().text("key", key).text("value", value.to_string())));
    Ok(Xml::new().element("SummaryMap", entries))
}
