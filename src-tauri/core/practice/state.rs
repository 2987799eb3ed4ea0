//! Who and what exists in a practice world: accounts with their users, groups, roles, policies and MFA devices.
//!
//! Plain data under one lock: an action reads and writes it in one go, so that nothing is ever half-written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    access_analyzer::Analyzer,
    federation::providers::Providers,
    ids::Draw,
    lag::{Lag, Owners},
    names::{Names, Unique},
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

/// Whose unique ID it is, in whichever account: policies name users and roles so.
pub(super) fn by_id<'a>(accounts: &'a BTreeMap<String, Account>, id: &str) -> Option<(&'a Account, &'a Entity)> {
    accounts.values().find_map(|account| Some((account, account.by_id(id)?)))
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
    pub(super) users: Names<User>,
    pub(super) groups: Names<Group>,
    pub(super) roles: Names<Role>,
    pub(super) profiles: Names<InstanceProfile>,
    /// By ARN.
    pub(super) policies: BTreeMap<String, ManagedPolicy>,
    /// By serial.
    pub(super) devices: BTreeMap<String, Device>,
    /// By name.
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) analyzers: BTreeMap<String, Analyzer>,
    #[serde(default)]
    pub(super) providers: Providers,
    pub(super) password_policy: Option<PasswordPolicy>,
    pub(super) report: Option<Report>,
    /// Service-linked roles that were deleted, by the task that did it.
    pub(super) deletions: BTreeSet<String>,
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
    pub(super) login: Option<Login>,
}

impl Unique for User {
    fn id(&self) -> &str {
        &self.entity.id
    }
}

impl Unique for Group {
    fn id(&self) -> &str {
        &self.entity.id
    }
}

impl Unique for Role {
    fn id(&self) -> &str {
        &self.entity.id
    }
}

impl Unique for InstanceProfile {
    fn id(&self) -> &str {
        &self.id
    }
}

/// A user's password for the console.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) created: OffsetDateTime,
    pub(super) changed: OffsetDateTime,
    pub(super) reset_required: bool,
    /// Digests, the one that counts last.
    pub(super) passwords: Vec<[u8; 32]>,
}

/// What the account asks of passwords.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PasswordPolicy {
    pub(super) length: usize,
    /// Whether there must be an upper case letter, a lower case one, a number, a symbol.
    pub(super) kinds: [bool; 4],
    pub(super) users_may_change: bool,
    /// In days.
    pub(super) max_age: Option<i64>,
    /// How many old passwords cannot come back.
    pub(super) reuse: Option<usize>,
    pub(super) hard_expiry: bool,
}

/// A credential report.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) at: OffsetDateTime,
    /// Comma-separated values.
    pub(super) text: String,
}

/// What hands a role to an EC2 instance.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct InstanceProfile {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) created: OffsetDateTime,
    /// Its name; one at most.
    pub(super) role: Option<String>,
    pub(super) tags: Vec<SessionTag>,
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
        let right = |step: &i64| same(self.seed.code(*step).expose(), first) && same(self.seed.code(step + 1).expose(), second);
        let fresh = |step: &i64| !self.used.contains(step) && !self.used.contains(&(step + 1));
        let found = (step - 2..=step + 1).find(|step| right(step) && fresh(step));
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
            users: Names::default(),
            groups: Names::default(),
            roles: Names::default(),
            profiles: Names::default(),
            policies: BTreeMap::new(),
            devices: BTreeMap::new(),
            providers: Providers::default(),
            password_policy: None,
            report: None,
            deletions: BTreeSet::new(),
        }
    }

    pub(super) fn root_arn(&self) -> String {
        format!("arn:aws:iam::{}:root", self.id)
    }

    pub(super) fn user_by_id(&self, id: &str) -> Option<&User> {
        self.users.by_id(id)
    }

    pub(super) fn role_by_id(&self, id: &str) -> Option<&Role> {
        self.roles.by_id(id)
    }

    /// The user or role with this unique ID; whatever else a principal's name can be is not looked for.
    fn by_id(&self, id: &str) -> Option<&Entity> {
        match id.get(..4) {
            Some("AIDA") => self.user_by_id(id).map(|user| &user.entity),
            Some("AROA") => self.role_by_id(id).map(|role| &role.entity),
            Some(_) | None => None,
        }
    }

    /// The user, role or group that has this ARN.
    pub(super) fn by_arn(&self, arn: &str) -> Option<(Owner, &Entity)> {
        // By name, which is unique whatever the path.
        let (head, name) = arn.rsplit_once('/')?;
        let kind = head.rsplit(':').next()?.split('/').next()?;
        let owner = [(Owner::User, "user"), (Owner::Role, "role"), (Owner::Group, "group")].into_iter().find(|(_, word)| *word == kind)?.0;
        self.entity(owner, name).filter(|entity| entity.arn == arn).map(|entity| (owner, entity))
    }

    pub(super) fn role_by_arn(&self, arn: &str) -> Option<&Role> {
        self.roles.get(arn.rsplit('/').next()?).filter(|role| role.entity.arn == arn)
    }

    /// The unique ID of the user or role that has this ARN.
    pub(super) fn unique_id(&self, arn: &str) -> Option<&str> {
        self.by_arn(arn).filter(|(owner, _)| *owner != Owner::Group).map(|(_, entity)| entity.id.as_str())
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
