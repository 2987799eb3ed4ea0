//! The accounts of a practice world: one's own with a second one in the same organization, and a third party's.
//!
//! All of them are derived from the seed, root keys too, so that they are the same after a restart. What a member account of an
//! organization has from its first day is there: the role by which the management account administers it.

use std::collections::BTreeMap;

use super::{
    World,
    authenticate::open_credentials,
    ready_made::{entity, valid},
    session::SessionKind,
    state::{Account, Key, Role, Trust},
};
use crate::{
    model::access_key::AccessKey,
    policy::{Document, Shape},
};

/// An account with the key of its root.
#[derive(Clone, Debug)]
pub struct AccountKey {
    /// 12 digits.
    pub account_id: String,
    /// `Practice`, `Practice sandbox`, `Third party`
    pub name: String,
    /// Its root's.
    pub key: AccessKey,
}

/// One's own, the sandbox, the third party's: label of the seed, and name.
const OWN: (&str, &str) = ("account", "Practice");
const SANDBOX: (&str, &str) = ("sandbox account", "Practice sandbox");
const PARTNER: (&str, &str) = ("partner account", "Third party");

impl World {
    /// Every account, one's own first.
    pub fn accounts(&self) -> Vec<AccountKey> {
        let key = |(label, name): (&str, &str)| {
            let account_id = self.0.seed.account(label);
            AccountKey { key: self.root_key_of(&account_id), name: name.to_owned(), account_id }
        };
        [OWN, SANDBOX, PARTNER].into_iter().map(key).collect()
    }

    /// Whether temporary credentials are of somebody who exists here.
    pub fn knows(&self, access_key_id: &str, secret_access_key: &str, session_token: &str) -> bool {
        let Ok(session) = open_credentials(&self.0, access_key_id, secret_access_key, session_token) else { return false };
        let state = self.0.state();
        state.accounts.get(&session.account).is_some_and(|account| match session.kind {
            SessionKind::Token | SessionKind::Federated => session.of == account.id || account.user_by_id(&session.of).is_some(),
            SessionKind::Role => account.role_by_id(&session.of).is_some(),
        })
    }

    pub(super) fn open_accounts(&self) {
        let own = self.0.seed.account(OWN.0);
        self.open(OWN, Some(&own));
        self.open(SANDBOX, Some(&own));
        self.open(PARTNER, None);
        let sandbox = self.0.seed.account(SANDBOX.0);
        let id = self.0.seed.stream("organization role").unique_id("AROA");
        if let Some(account) = self.0.state().accounts.get_mut(&sandbox) {
            let role = administration(account, &own, id);
            account.roles.insert(role.entity.name.clone(), role);
        }
    }

    fn open(&self, (label, name): (&str, &str), organization: Option<&str>) {
        let id = self.0.seed.account(label);
        let key = self.root_key_of(&id);
        let now = self.0.clock.now();
        let mut state = self.0.state();
        let mut account = Account::new(id.clone(), now);
        name.clone_into(&mut account.title);
        account.organization = organization.map(str::to_owned);
        state.owners.insert(key.id.clone(), (id.clone(), None));
        account.root_keys.push(Key { id: key.id, secret: key.secret, active: true, created: now, last_used: None });
        state.accounts.insert(id, account);
    }
}

/// `OrganizationAccountAccessRole`, as Organizations makes it in a new member account.
fn administration(account: &Account, management: &str, id: String) -> Role {
    let name = "OrganizationAccountAccessRole";
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{management}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let mut entity = entity(account, "role", name, id);
    entity.attached.insert("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
    let document = valid(Document::parse(&trust, Shape::Trust));
    Role { entity, description: None, max_session: 3600, trust: Trust { document, named: BTreeMap::new() }, last_used: None }
}
