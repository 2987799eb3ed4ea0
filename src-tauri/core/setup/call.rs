//! What has to be called so that a thing becomes what it shall be: pure, from its two states.
//!
//! One place for the whole product: the review shows it, the run sends it, the journal holds it, the export writes it down, and the
//! way back is the same with the states exchanged. Names are AWS's own. No secret is ever part of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::thing::{State, Thing};
use crate::model::setup::PolicyHolder;

/// Where an account is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `aws`
    pub partition: String,
    /// 12 digits.
    pub account_id: String,
    /// What is known not to lie at the root: `user/dana` is `user/people/dana`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lying: BTreeMap<String, String>,
}

impl Place {
    /// The ARN of something of IAM: `user/dana`, or with its path.
    pub fn arn(&self, resource: &str) -> String {
        let resource = self.lying.get(resource).map_or(resource, String::as_str);
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account_id)
    }

    /// Remembers where something lies.
    pub fn lies(&mut self, kind: &str, path: &str, name: &str) {
        if path != "/" {
            self.lying.insert(format!("{kind}/{name}"), format!("{kind}{path}{name}"));
        }
    }
}

/// One call of an API, or something done on this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// `CreateUser`; on this computer `WriteProfiles`, …
    pub action: String,
    /// Its parameters.
    pub request: Value,
    /// The permissions that it needs: `iam:CreateUser` and on what.
    pub needs: Vec<(String, String)>,
}

impl Call {
    fn new(action: &str, request: Value, on: &str) -> Self {
        Self { action: action.to_owned(), request, needs: vec![(format!("iam:{action}"), on.to_owned())] }
    }

    fn local(action: &str, request: Value) -> Self {
        Self { action: action.to_owned(), request, needs: Vec::new() }
    }

    fn also(mut self, action: &str, on: String) -> Self {
        self.needs.push((action.to_owned(), on));
        self
    }
}

/// The call that takes `thing` from one state to another; `None` where the two are the same or there is no way.
#[expect(clippy::too_many_lines, reason = "a table: an arm for each thing")]
pub fn call(thing: &Thing, from: &State, to: &State, place: &Place) -> Option<Call> {
    if thing.same(from, to) {
        return None;
    }
    let made = from.is_none();
    let path = |state: &State| text(state, "Path").unwrap_or_else(|| "/".to_owned());
    let either = || path(if to.is_some() { to } else { from });
    Some(match thing {
        Thing::User { name } => {
            let arn = place.arn(&format!("user{}{name}", either()));
            match to {
                Some(to) if made => {
                    let mut call = Call::new("CreateUser", with(json!({ "UserName": name }), to), &arn);
                    if to.get("Tags").is_some() {
                        call = call.also("iam:TagUser", arn);
                    }
                    call
                }
                Some(_) => return None,
                None => Call::new("DeleteUser", json!({ "UserName": name }), &arn),
            }
        }
        Thing::Group { name } => {
            let arn = place.arn(&format!("group{}{name}", either()));
            match to {
                Some(to) if made => Call::new("CreateGroup", with(json!({ "GroupName": name }), to), &arn),
                Some(_) => return None,
                None => Call::new("DeleteGroup", json!({ "GroupName": name }), &arn),
            }
        }
        Thing::Role { name } => {
            let arn = place.arn(&format!("role{}{name}", either()));
            match to {
                Some(to) if made => {
                    let mut call = Call::new("CreateRole", with(json!({ "RoleName": name }), to), &arn);
                    if to.get("Tags").is_some() {
                        call = call.also("iam:TagRole", arn);
                    }
                    call
                }
                Some(_) => return None,
                None => Call::new("DeleteRole", json!({ "RoleName": name }), &arn),
            }
        }
        Thing::Trust { role } => Call::new("UpdateAssumeRolePolicy", with(json!({ "RoleName": role }), to.as_ref()?), &place.arn(&format!("role/{role}"))),
        Thing::RoleSettings { role } => Call::new("UpdateRole", with(json!({ "RoleName": role }), to.as_ref()?), &place.arn(&format!("role/{role}"))),
        Thing::Boundary { holder } => {
            let (kind, arn) = (kind(holder), holder_arn(holder, place));
            match to {
                Some(to) => Call::new(&format!("Put{kind}PermissionsBoundary"), with(named(holder), to), &arn),
                None => Call::new(&format!("Delete{kind}PermissionsBoundary"), named(holder), &arn),
            }
        }
        Thing::Tag { holder, key } => {
            let (kind, arn) = (kind(holder), holder_arn(holder, place));
            match to {
                Some(to) => {
                    let tags = json!({ "Tags": [{ "Key": key, "Value": to.get("Value").cloned().unwrap_or_default() }] });
                    Call::new(&format!("Tag{kind}"), with(named(holder), &tags), &arn)
                }
                None => Call::new(&format!("Untag{kind}"), with(named(holder), &json!({ "TagKeys": [key] })), &arn),
            }
        }
        Thing::Member { user, group } => {
            let action = if to.is_some() { "AddUserToGroup" } else { "RemoveUserFromGroup" };
            Call::new(action, json!({ "GroupName": group, "UserName": user }), &place.arn(&format!("group/{group}")))
        }
        Thing::Inline { holder, name } => {
            let (kind, arn) = (kind(holder), holder_arn(holder, place));
            let request = with(named(holder), &json!({ "PolicyName": name }));
            match to {
                Some(to) => Call::new(&format!("Put{kind}Policy"), with(request, to), &arn),
                None => Call::new(&format!("Delete{kind}Policy"), request, &arn),
            }
        }
        Thing::Attached { holder, policy } => {
            let action = format!("{}{}Policy", if to.is_some() { "Attach" } else { "Detach" }, kind(holder));
            Call::new(&action, with(named(holder), &json!({ "PolicyArn": policy })), &holder_arn(holder, place))
        }
        Thing::Policy { arn } => match to {
            Some(to) if made => Call::new("CreatePolicy", with(json!({ "PolicyName": last(arn) }), to), arn),
            Some(_) => return None,
            None => Call::new("DeletePolicy", json!({ "PolicyArn": arn }), arn),
        },
        Thing::DefaultDocument { policy } => {
            let document = to.as_ref()?.get("PolicyDocument").cloned().unwrap_or_default();
            Call::new("CreatePolicyVersion", json!({ "PolicyArn": policy, "PolicyDocument": document, "SetAsDefault": true }), policy)
        }
        Thing::DefaultVersion { policy } => Call::new("SetDefaultPolicyVersion", with(json!({ "PolicyArn": policy }), to.as_ref()?), policy),
        Thing::Version { policy, version } => match to {
            Some(_) => return None,
            None => Call::new("DeletePolicyVersion", json!({ "PolicyArn": policy, "VersionId": version }), policy),
        },
        Thing::InstanceProfile { name } => {
            let arn = place.arn(&format!("instance-profile{}{name}", either()));
            match to {
                Some(to) => Call::new("CreateInstanceProfile", with(json!({ "InstanceProfileName": name }), to), &arn),
                None => Call::new("DeleteInstanceProfile", json!({ "InstanceProfileName": name }), &arn),
            }
        }
        Thing::InstanceRole { profile, role } => {
            let arn = place.arn(&format!("instance-profile/{profile}"));
            let request = json!({ "InstanceProfileName": profile, "RoleName": role });
            match to {
                Some(_) => Call::new("AddRoleToInstanceProfile", request, &arn).also("iam:PassRole", place.arn(&format!("role/{role}"))),
                None => Call::new("RemoveRoleFromInstanceProfile", request, &arn),
            }
        }
        Thing::NewKey { user } => Call::new("CreateAccessKey", json!({ "UserName": user }), &place.arn(&format!("user/{user}"))),
        Thing::KeyStatus { user, key } => {
            Call::new("UpdateAccessKey", with(json!({ "UserName": user, "AccessKeyId": key.as_str() }), to.as_ref()?), &place.arn(&format!("user/{user}")))
        }
        Thing::OldKey { user, key } => {
            Call::new("DeleteAccessKey", json!({ "UserName": user, "AccessKeyId": key.as_str() }), &place.arn(&format!("user/{user}")))
        }
        Thing::Device { serial } => match to {
            Some(to) => Call::new("CreateVirtualMFADevice", with(json!({ "VirtualMFADeviceName": last(serial) }), to), serial),
            None => Call::new("DeleteVirtualMFADevice", json!({ "SerialNumber": serial }), serial),
        },
        Thing::DeviceOf { user, serial } => {
            let action = if to.is_some() { "EnableMFADevice" } else { "DeactivateMFADevice" };
            Call::new(action, json!({ "UserName": user, "SerialNumber": serial }), &place.arn(&format!("user/{user}")))
        }
        Thing::Profiles { names } => match to {
            Some(to) => Call::local("WriteProfiles", to.clone()),
            None => Call::local("RemoveProfiles", json!({ "Profiles": names })),
        },
        Thing::ProfileKey { profile } => Call::local("SetProfileKey", with(json!({ "Profile": profile }), to.as_ref()?)),
        Thing::KeyPlace { profile } => {
            Call::local(if text(to, "Place").as_deref() == Some("keychain") { "ImportAccessKey" } else { "PutAccessKeyBack" }, json!({ "Profile": profile }))
        }
        Thing::LocalSessions { of } => Call::local("ForgetSessions", json!({ "Of": of })),
        Thing::Pause { what } => Call::local("Wait", with(json!({ "For": what }), to.as_ref()?)),
    })
}

/// A text of a state.
pub fn text(state: &State, key: &str) -> Option<String> {
    state.as_ref()?.get(key)?.as_str().map(str::to_owned)
}

/// The name at the end of an ARN.
pub fn last(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}

/// `User`, `Group`, `Role`.
pub const fn kind(holder: &PolicyHolder) -> &'static str {
    match holder {
        PolicyHolder::User(_) => "User",
        PolicyHolder::Group(_) => "Group",
        PolicyHolder::Role(_) => "Role",
    }
}

/// Its name.
pub fn name(holder: &PolicyHolder) -> &str {
    match holder {
        PolicyHolder::User(name) | PolicyHolder::Group(name) | PolicyHolder::Role(name) => name,
    }
}

fn named(holder: &PolicyHolder) -> Value {
    json!({ format!("{}Name", kind(holder)): name(holder) })
}

fn holder_arn(holder: &PolicyHolder, place: &Place) -> String {
    place.arn(&format!("{}/{}", kind(holder).to_lowercase(), name(holder)))
}

/// The members of both.
#[expect(clippy::needless_pass_by_value, reason = "what is given was made for it")]
fn with(base: Value, more: &Value) -> Value {
    let mut all = Map::new();
    for object in [&base, more] {
        for (key, value) in object.as_object().into_iter().flatten() {
            all.insert(key.clone(), value.clone());
        }
    }
    Value::Object(all)
}
