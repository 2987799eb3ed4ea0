//! Who and what exists in a practice world: accounts with their users, groups, roles, policies and MFA devices.
//!
//! Plain data under one lock: an action reads and writes it in one go, so that nothing is ever half-written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    access_analyzer::Analyzer,
    ids::Draw,
    lag::{Lag, Owners},
    record::Calls,
    s3::Bucket,
};
use crate::{
    model::{access_key::AccessKeyId, mfa::TotpSeed, params::SessionTag, secret::Secret},
    policy::Document,
};

pub(super) struct State {
    pub(super) accounts: BTreeMap<String, Account>,
    /// AWS's own managed policies, by ARN.
    pub(super) aws_policies: BTreeMap<String, ManagedPolicy>,
    pub(super) owners: Owners,
    pub(super) lag: Lag,
    pub(super) calls: Calls,
    /// Calls that are to fail: action, how many, code.
    pub(super) failures: Vec<(String, usize, String)>,
    pub(super) draw: Draw,
}

impl State {
    /// A managed policy that the account can attach: its own or one of AWS's.
    pub(super) fn policy<'a>(&'a self, account: &'a Account, arn: &str) -> Option<&'a ManagedPolicy> {
        account.policies.get(arn).or_else(|| self.aws_policies.get(arn))
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) id: String,
    /// What Organizations calls it.
    pub(super) title: String,
    /// The management account of the organization that it is in.
    pub(super) organization: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) created: OffsetDateTime,
    /// The account's own keys.
    pub(super) root_keys: Vec<Key>,
    pub(super) users: BTreeMap<String, User>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) roles: BTreeMap<String, Role>,
    /// By ARN.
    pub(super) policies: BTreeMap<String, ManagedPolicy>,
    /// By serial.
    pub(super) devices: BTreeMap<String, Device>,
    /// By name.
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) analyzers: BTreeMap<String, Analyzer>,
}

/// What users, groups and roles have in common.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Entity {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) created: OffsetDateTime,
    /// Inline, by name.
    pub(super) inline: BTreeMap<String, Document>,
    /// ARNs of managed policies.
    pub(super) attached: BTreeSet<String>,
    /// The ARN of the permissions boundary; groups have none.
    pub(super) boundary: Option<String>,
    pub(super) tags: Vec<SessionTag>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) entity: Entity,
    pub(super) keys: Vec<Key>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) entity: Entity,
    /// Names of users.
    pub(super) members: BTreeSet<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) entity: Entity,
    pub(super) description: Option<String>,
    pub(super) max_session: u32,
    pub(super) trust: Trust,
    pub(super) last_used: Option<Use>,
}

/// A trust policy: principals are kept by unique ID, as IAM keeps them, and shown by ARN while they exist.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Trust {
    /// With unique IDs in place of ARNs of users and roles.
    pub(super) document: Document,
    /// Unique ID to the ARN that the person wrote.
    pub(super) named: BTreeMap<String, String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: AccessKeyId,
    #[serde(serialize_with = "super::kept::secret")]
    pub(super) secret: Secret,
    pub(super) active: bool,
    pub(super) created: OffsetDateTime,
    pub(super) last_used: Option<Use>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Use {
    pub(super) at: OffsetDateTime,
    pub(super) service: String,
    pub(super) region: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ManagedPolicy {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) created: OffsetDateTime,
    pub(super) updated: OffsetDateTime,
    pub(super) versions: Vec<PolicyVersion>,
    pub(super) default_version: u32,
    pub(super) next_version: u32,
    pub(super) tags: Vec<SessionTag>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PolicyVersion {
    pub(super) number: u32,
    pub(super) document: Document,
    pub(super) created: OffsetDateTime,
}

impl ManagedPolicy {
    pub(super) fn document(&self) -> Option<&Document> {
        self.versions.iter().find(|version| version.number == self.default_version).map(|version| &version.document)
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Device {
    pub(super) serial: String,
    #[serde(serialize_with = "super::kept::seed")]
    pub(super) seed: TotpSeed,
    pub(super) owner: Option<DeviceOwner>,
    /// The steps whose codes were taken.
    pub(super) used: BTreeSet<i64>,
    pub(super) tags: Vec<SessionTag>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct DeviceOwner {
    /// The user's name; `None` is root.
    pub(super) user: Option<String>,
    pub(super) enabled: OffsetDateTime,
}

impl Device {
    /// Takes a code: right, within a step of now, and not taken before.
    pub(super) fn take(&mut self, code: &str, now: OffsetDateTime) -> bool {
        let step = TotpSeed::step(now);
        self.used.retain(|used| *used >= step - 2);
        let found = [step, step - 1, step + 1].into_iter().find(|step| same(self.seed.code(*step).expose(), code) && !self.used.contains(step));
        found.is_some_and(|step| self.used.insert(step))
    }

    /// Takes two codes of consecutive steps, as enabling does.
    pub(super) fn take_two(&mut self, first: &str, second: &str, now: OffsetDateTime) -> bool {
        let step = TotpSeed::step(now);
        // AWS looks further here: a person may type the first one late.
        let found = (step - 2..=step + 1).find(|step| same(self.seed.code(*step).expose(), first) && same(self.seed.code(step + 1).expose(), second));
        found.is_some_and(|step| {
            self.used.extend([step, step + 1]);
            true
        })
    }
}

fn same(one: &str, other: &str) -> bool {
    subtle::ConstantTimeEq::ct_eq(one.as_bytes(), other.as_bytes()).into()
}

/// What has inline and attached policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    User,
    Role,
    Group,
}

impl Account {
    pub(super) fn entity(&self, owner: Owner, name: &str) -> Option<&Entity> {
        match owner {
            Owner::User => self.users.get(name).map(|user| &user.entity),
            Owner::Role => self.roles.get(name).map(|role| &role.entity),
            Owner::Group => self.groups.get(name).map(|group| &group.entity),
        }
    }

    pub(super) fn entity_mut(&mut self, owner: Owner, name: &str) -> Option<&mut Entity> {
        match owner {
            Owner::User => self.users.get_mut(name).map(|user| &mut user.entity),
            Owner::Role => self.roles.get_mut(name).map(|role| &mut role.entity),
            Owner::Group => self.groups.get_mut(name).map(|group| &mut group.entity),
        }
    }

    /// All users, roles and groups.
    pub(super) fn entities(&self) -> impl Iterator<Item = (Owner, &Entity)> {
        let users = self.users.values().map(|user| (Owner::User, &user.entity));
        let roles = self.roles.values().map(|role| (Owner::Role, &role.entity));
        users.chain(roles).chain(self.groups.values().map(|group| (Owner::Group, &group.entity)))
    }

    pub(super) fn new(id: String, created: OffsetDateTime) -> Self {
        Self {
            buckets: BTreeMap::from([(format!("practice-reports-{id}"), Bucket::toy(created))]),
            analyzers: BTreeMap::new(),
            title: String::new(),
            organization: None,
            id,
            alias: None,
            created,
            root_keys: Vec::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            roles: BTreeMap::new(),
            policies: BTreeMap::new(),
            devices: BTreeMap::new(),
        }
    }

    pub(super) fn root_arn(&self) -> String {
        format!("arn:aws:iam::{}:root", self.id)
    }

    pub(super) fn user_by_id(&self, id: &str) -> Option<&User> {
        self.users.values().find(|user| user.entity.id == id)
    }

    pub(super) fn role_by_id(&self, id: &str) -> Option<&Role> {
        self.roles.values().find(|role| role.entity.id == id)
    }

    /// The unique ID of the user or role that has this ARN.
    pub(super) fn unique_id(&self, arn: &str) -> Option<&str> {
        let users = self.users.values().map(|user| &user.entity);
        users.chain(self.roles.values().map(|role| &role.entity)).find(|entity| entity.arn == arn).map(|entity| entity.id.as_str())
    }

    pub(super) fn key_mut(&mut self, user: Option<&str>, id: &AccessKeyId) -> Option<&mut Key> {
        let keys = match user {
            Some(user) => &mut self.users.get_mut(user)?.keys,
            None => &mut self.root_keys,
        };
        keys.iter_mut().find(|key| key.id == *id)
    }

    /// The groups that a user is in.
    pub(super) fn groups_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Group> {
        self.groups.values().filter(move |group| group.members.contains(user))
    }
}
