//! The world that a newcomer finds: a user with a key and an MFA device, a role that asks for the code, and a partner's role
//! that asks for an external ID. All of it is derived from the seed, so that it is the same after a restart.
//!
//! Nothing in it is special: a person could have built it with root's key.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    World,
    ids::Draw,
    state::{Account, Device, DeviceOwner, Entity, Key, Role, Trust, User},
};
use crate::{
    model::{
        access_key::AccessKey,
        arn::RoleArn,
        mfa::TotpSeed,
        params::{ExternalId, MfaSerial},
    },
    policy::{Document, Shape},
};

const USER: &str = "alice";
const MFA_ROLE: &str = "Developer";
const PARTNER_ROLE: &str = "PartnerAudit";
const MAY_LOOK: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Sid":"Look","Effect":"Allow","Action":["s3:ListAllMyBuckets","iam:Get*","iam:List*"],"Resource":"*"}]}"#;

/// What is in the ready-made world, with what a person needs to use it.
#[derive(Clone, Debug)]
pub struct ReadyMade {
    /// One's own account.
    pub account_id: String,
    /// The account of the partner.
    pub partner_account_id: String,
    /// `alice`
    pub user_name: String,
    /// Her access key.
    pub key: AccessKey,
    /// Her virtual MFA device.
    pub mfa_serial: MfaSerial,
    /// Its seed.
    pub mfa_seed: TotpSeed,
    /// A role in the same account that needs MFA.
    pub mfa_role_arn: RoleArn,
    /// A role in the partner's account that needs the external ID.
    pub partner_role_arn: RoleArn,
    /// What the partner asks for.
    pub external_id: ExternalId,
}

/// What it is called and by which keys it is used, and what the rest is drawn from.
pub(super) fn plan(world: &World) -> (ReadyMade, Draw) {
    let seed = &world.0.seed;
    let account_id = world.account_id();
    let partner_account_id = seed.account("partner account");
    let mut draw = seed.stream("ready made");
    let key = world.derived_key(&account_id, "alice's key");
    let made = ReadyMade {
        user_name: USER.to_owned(),
        mfa_serial: valid(MfaSerial::parse(&format!("arn:aws:iam::{account_id}:mfa/{USER}"))),
        mfa_seed: valid(TotpSeed::parse(&draw.totp_seed())),
        mfa_role_arn: valid(RoleArn::parse(&format!("arn:aws:iam::{account_id}:role/{MFA_ROLE}"))),
        partner_role_arn: valid(RoleArn::parse(&format!("arn:aws:iam::{partner_account_id}:role/{PARTNER_ROLE}"))),
        external_id: valid(ExternalId::parse(&format!("stagedoor-{}", draw.totp_seed()[..12].to_lowercase()))),
        key,
        account_id,
        partner_account_id,
    };
    (made, draw)
}

pub(super) fn build(world: &World) -> ReadyMade {
    let (made, mut draw) = plan(world);
    let (account_id, partner_account_id) = (made.account_id.clone(), made.partner_account_id.clone());
    let mut state = world.0.state();
    state.owners.insert(made.key.id.clone(), (account_id.clone(), Some(USER.to_owned())));
    if let Some(account) = state.accounts.get_mut(&account_id) {
        account.alias = Some("practice".to_owned());
        own_account(account, &made, &mut draw);
    }
    if let Some(account) = state.accounts.get_mut(&partner_account_id) {
        account.alias = Some("practice-partner".to_owned());
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account_id}:root"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"{}"}}}}}}]}}"#,
            made.external_id.as_str()
        );
        add_role(account, PARTNER_ROLE, "What a partner lets you see, with the external ID agreed on", &trust, BTreeMap::new(), &mut draw);
    }
    made
}

fn own_account(account: &mut Account, made: &ReadyMade, draw: &mut Draw) {
    let created = account.created;
    let mut entity = entity(account, "user", USER, draw.unique_id("AIDA"));
    let (user_id, user_arn) = (entity.id.clone(), entity.arn.clone());
    let may = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"Roles","Effect":"Allow","Action":"sts:AssumeRole","Resource":["{}","{}"]}},{{"Sid":"Self","Effect":"Allow","Action":["iam:GetUser","iam:ListMFADevices","iam:ListAccessKeys","iam:ListAccountAliases"],"Resource":"*"}}]}}"#,
        made.mfa_role_arn, made.partner_role_arn
    );
    entity.inline.insert("MayAssumeRoles".to_owned(), valid(Document::parse(&may, Shape::Identity)));
    let key = Key { id: made.key.id.clone(), secret: made.key.secret.clone(), active: true, created, last_used: None };
    account.users.insert(USER.to_owned(), User { entity, keys: vec![key], login: None });
    let serial = made.mfa_serial.as_str().to_owned();
    let owner = Some(DeviceOwner { user: Some(USER.to_owned()), enabled: created });
    account.devices.insert(serial.clone(), Device { serial, seed: made.mfa_seed.clone(), owner, used: BTreeSet::new(), tags: Vec::new() });
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{user_arn}"}},"Action":"sts:AssumeRole","Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}}}}}}]}}"#
    );
    add_role(account, MFA_ROLE, "Needs an MFA code", &trust, BTreeMap::from([(user_id, user_arn)]), draw);
}

fn add_role(account: &mut Account, name: &str, description: &str, trust: &str, named: BTreeMap<String, String>, draw: &mut Draw) {
    let mut entity = entity(account, "role", name, draw.unique_id("AROA"));
    entity.inline.insert("MayLook".to_owned(), valid(Document::parse(MAY_LOOK, Shape::Identity)));
    let mut document = valid(Document::parse(trust, Shape::Trust));
    for principal in document.principals_mut() {
        if let Some((id, _)) = named.iter().find(|(_, arn)| **arn == principal.name) {
            principal.name.clone_from(id);
        }
    }
    let role = Role { entity, description: Some(description.to_owned()), max_session: 43200, trust: Trust { document, named }, last_used: None };
    account.roles.insert(name.to_owned(), role);
}

/// A user or role that has nothing yet, as old as its account.
pub(super) fn entity(account: &Account, kind: &str, name: &str, id: String) -> Entity {
    Entity {
        name: name.to_owned(),
        path: "/".to_owned(),
        id,
        arn: format!("arn:aws:iam::{}:{kind}/{name}", account.id),
        created: account.created,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        boundary: None,
        tags: Vec::new(),
    }
}

/// For what is written in our own source: it is right, or no test of this world passes.
pub(super) fn valid<T, E: std::fmt::Display>(made: Result<T, E>) -> T {
    made.unwrap_or_else(|error| unreachable!("{error}"))
}
