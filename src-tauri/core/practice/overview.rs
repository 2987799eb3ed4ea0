//! Who exists in a practice world, for the person's eyes: names, ARNs, who a role trusts, said in words.
//!
//! Reads the state and changes nothing. No secret leaves here.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    World,
    state::{Account, Entity, Role, State, by_id},
};
use crate::{
    model::practice::{AccessKeyView, AccountView, GroupView, IamRoleView, TrustView, UserView},
    policy::{
        Document,
        document::{Effect, PrincipalKind, PrincipalName, Principals, Statement},
    },
};

impl World {
    /// The accounts with who is in them, one's own first.
    pub fn overview(&self) -> Vec<AccountView> {
        let state = self.0.state();
        let mut accounts: Vec<_> = state.accounts.values().map(|account| self.account_view(&state, account)).collect();
        accounts.sort_by_key(|account| !account.own);
        accounts
    }

    fn account_view(&self, state: &State, account: &Account) -> AccountView {
        AccountView {
            account_id: account.id.clone(),
            title: account.title.clone(),
            alias: account.alias.clone(),
            own: account.id == self.0.account_id,
            users: account.users.keys().filter_map(|name| user(account, name)).collect(),
            groups: account
                .groups
                .values()
                .map(|group| GroupView { name: group.entity.name.clone(), members: group.members.iter().cloned().collect(), policies: policies(&group.entity) })
                .collect(),
            roles: account.roles.values().map(|it| role(state, account, it)).collect(),
        }
    }
}

fn user(account: &Account, name: &str) -> Option<UserView> {
    let user = account.users.get(name)?;
    let own = |device: &&super::state::Device| device.owner.as_ref().is_some_and(|owner| owner.user.as_deref() == Some(name));
    Some(UserView {
        name: name.to_owned(),
        arn: user.entity.arn.clone(),
        keys: user.keys.iter().map(|key| AccessKeyView { access_key_id: key.id.as_str().to_owned(), active: key.active }).collect(),
        mfa_devices: account.devices.values().filter(own).map(|device| device.serial.clone()).collect(),
        groups: account.groups_of(name).map(|group| group.entity.name.clone()).collect(),
        policies: policies(&user.entity),
        boundary: user.entity.boundary.as_deref().map(last_part),
    })
}

/// Inline policies, then managed ones by their names.
fn policies(entity: &Entity) -> Vec<String> {
    entity.inline.keys().cloned().chain(entity.attached.iter().map(|arn| last_part(arn))).collect()
}

fn last_part(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_owned()
}

fn role(state: &State, account: &Account, role: &Role) -> IamRoleView {
    IamRoleView {
        name: role.entity.name.clone(),
        arn: role.entity.arn.clone(),
        description: role.description.clone(),
        trusts: role.trust.document.statements.iter().flat_map(|statement| trusts(state, account, statement)).collect(),
        policies: policies(&role.entity),
        boundary: role.entity.boundary.as_deref().map(last_part),
        revoked_before: role.entity.inline.values().filter_map(revoked_before).max(),
    }
}

fn trusts(state: &State, account: &Account, statement: &Statement) -> Vec<TrustView> {
    let all = |names: &[PrincipalName]| names.iter().map(|name| who(state, account, name)).collect::<Vec<_>>();
    let names = match &statement.principals {
        Principals::In(names) => all(names),
        Principals::NotIn(names) => vec![format!("everybody but {}", all(names).join(", "))],
        Principals::Absent => Vec::new(),
    };
    let asked = |key: &str| -> Vec<String> {
        let conditions = statement.conditions.iter().filter(|condition| condition.key.eq_ignore_ascii_case(key));
        conditions.flat_map(|condition| condition.values.iter().cloned()).collect()
    };
    let mfa = asked("aws:MultiFactorAuthPresent").iter().any(|value| value.eq_ignore_ascii_case("true")) || !asked("aws:MultiFactorAuthAge").is_empty();
    let external_ids = asked("sts:ExternalId");
    let denied = statement.effect == Effect::Deny;
    names.into_iter().map(|who| TrustView { who, denied, mfa, external_ids: external_ids.clone() }).collect()
}

/// In words; somebody of another account is told with it.
fn who(state: &State, account: &Account, principal: &PrincipalName) -> String {
    // Users and roles are kept by unique ID; one that is left over when they were deleted is shown as it is.
    let name = by_id(&state.accounts, &principal.name).map_or(principal.name.as_str(), |(_, entity)| entity.arn.as_str());
    match principal.kind {
        PrincipalKind::Aws if name == "*" => "everybody".to_owned(),
        PrincipalKind::Aws => {
            let parts: Vec<_> = name.splitn(6, ':').collect();
            let ["arn", _, service, _, id, path] = parts.as_slice() else {
                return if name.bytes().all(|byte| byte.is_ascii_digit()) { format!("account {name}") } else { name.to_owned() };
            };
            let elsewhere = if *id == account.id { String::new() } else { format!(" of account {id}") };
            match path.split_once('/') {
                None if *path == "root" => format!("account {id}"),
                Some(("user", rest)) => format!("user {}{elsewhere}", last_part(rest)),
                Some(("role", rest)) => format!("role {}{elsewhere}", last_part(rest)),
                Some(("assumed-role", rest)) if *service == "sts" => format!("session {rest}{elsewhere}"),
                Some(_) | None => name.to_owned(),
            }
        }
        PrincipalKind::Service | PrincipalKind::Federated | PrincipalKind::CanonicalUser => name.to_owned(),
    }
}

/// The moment in a policy like `AWSRevokeOlderSessions`.
fn revoked_before(document: &Document) -> Option<OffsetDateTime> {
    let denies = document.statements.iter().filter(|statement| statement.effect == Effect::Deny);
    let conditions = denies.flat_map(|statement| &statement.conditions);
    let dates = conditions.filter(|condition| condition.key.eq_ignore_ascii_case("aws:TokenIssueTime") && condition.name.starts_with("DateLessThan"));
    dates.flat_map(|condition| &condition.values).filter_map(|value| OffsetDateTime::parse(value, &Rfc3339).ok()).max()
}
