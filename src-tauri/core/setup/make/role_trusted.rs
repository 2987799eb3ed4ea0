//! Whom a role shall trust, looked at: users, groups and identity providers must be there, or the plan has a conflict.
//!
//! An external ID is made here, and is the one that the role asks for already where there is the role.

use super::{Making, role_trust::asks};
use crate::{
    aws::Refusal,
    error::{Code, Error, Result},
    model::{
        arn::Partition,
        params::ExternalId,
        setup::{ExternalIdChoice, RoleIntent, Trusted},
    },
    setup::{
        call::text,
        documents::{self, Terms, providers},
        iam::{self, Fault},
        thing::{State, Thing},
    },
};

/// Who is trusted, with what is known of them.
pub(super) struct Whom {
    pub(super) trusted: Vec<Trusted>,
    pub(super) terms: Terms,
    /// What is in the way, and the way out.
    pub(super) problems: Vec<(String, String)>,
}

impl Whom {
    /// The other accounts that are trusted.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &str> {
        self.trusted.iter().filter_map(account)
    }

    /// The services.
    pub(super) fn services(&self, partition: Partition) -> Result<Vec<String>> {
        let services = self.trusted.iter().filter_map(|who| match who {
            Trusted::Service { name } => Some(documents::service_principal(name, partition)),
            Trusted::User { .. }
            | Trusted::Group { .. }
            | Trusted::Account { .. }
            | Trusted::ThirdParty { .. }
            | Trusted::Saml { .. }
            | Trusted::Oidc { .. } => None,
        });
        services.collect()
    }

    pub(super) fn users(&self) -> Vec<String> {
        self.terms.users.keys().cloned().collect()
    }

    pub(super) fn groups(&self) -> Vec<String> {
        let name = |who: &Trusted| if let Trusted::Group { name } = who { Some(name.clone()) } else { None };
        self.trusted.iter().filter_map(name).collect()
    }

    pub(super) fn third_parties(&self) -> Vec<String> {
        let id = |who: &Trusted| if let Trusted::ThirdParty { id } = who { Some(id.clone()) } else { None };
        self.trusted.iter().filter_map(id).collect()
    }
}

const fn account(who: &Trusted) -> Option<&str> {
    match who {
        Trusted::Account { id } | Trusted::ThirdParty { id } => Some(id.as_str()),
        Trusted::User { .. } | Trusted::Group { .. } | Trusted::Service { .. } | Trusted::Saml { .. } | Trusted::Oidc { .. } => None,
    }
}

/// Looks at all of them. `role`: the role as it is.
pub(super) async fn whom(making: &mut Making<'_>, wanted: &RoleIntent, role: &State) -> Result<Whom> {
    let trusted: Vec<Trusted> = wanted.trusted.iter().map(trimmed).collect();
    let terms = Terms {
        mfa: wanted.require_mfa,
        mfa_max_age: wanted.mfa_max_age,
        session_tags: wanted.session_tags.clone(),
        source_identity: wanted.source_identity,
        ..Terms::default()
    };
    let mut whom = Whom { trusted, terms, problems: Vec::new() };
    whom.terms.external_id = external_id(making, wanted, &whom, role)?;
    for who in whom.trusted.clone() {
        match &who {
            Trusted::User { name } => user(making, &mut whom, name).await?,
            Trusted::Group { name } => group(making, &mut whom, name).await?,
            Trusted::Saml { arn } => saml(making, &mut whom, arn).await?,
            Trusted::Oidc { arn, audience, .. } => oidc(making, &mut whom, arn, audience.is_some()).await?,
            Trusted::Account { .. } | Trusted::ThirdParty { .. } | Trusted::Service { .. } => {}
        }
    }
    Ok(whom)
}

fn trimmed(who: &Trusted) -> Trusted {
    let plain = |text: &str| text.trim().to_owned();
    let some = |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    match who {
        Trusted::User { name } => Trusted::User { name: plain(name) },
        Trusted::Group { name } => Trusted::Group { name: plain(name) },
        Trusted::Account { id } => Trusted::Account { id: plain(id) },
        Trusted::ThirdParty { id } => Trusted::ThirdParty { id: plain(id) },
        Trusted::Service { name } => Trusted::Service { name: plain(name) },
        Trusted::Saml { arn } => Trusted::Saml { arn: plain(arn) },
        Trusted::Oidc { arn, audience, subject } => Trusted::Oidc { arn: plain(arn), audience: some(audience), subject: some(subject) },
    }
}

/// The external ID: the one that was named, else the role's own, else a new one.
fn external_id(making: &Making<'_>, wanted: &RoleIntent, whom: &Whom, role: &State) -> Result<Option<ExternalId>> {
    let third = !whom.third_parties().is_empty();
    match &wanted.external_id {
        Some(_) if !whom.accounts().any(|id| *id != making.seats[0].place.account_id) => {
            return Err(Error::new(
                Code::InvalidValue,
                "An external ID is asked of other accounts, and none is named",
                "Name an account or a third party, or leave the external ID out",
            ));
        }
        Some(ExternalIdChoice::Value(text)) => return ExternalId::parse(text.trim()).map(Some),
        Some(ExternalIdChoice::Auto) => {}
        None if third => {}
        None => return Ok(None),
    }
    let trust = text(role, "AssumeRolePolicyDocument").unwrap_or_default();
    let partition = &making.seats[0].place.partition;
    let there = whom.accounts().find_map(|id| asks(&trust, &format!("arn:{partition}:iam::{id}:root")).external_id);
    match there.and_then(|id| ExternalId::parse(&id).ok()) {
        Some(id) => Ok(Some(id)),
        None => documents::new_external_id().map(Some),
    }
}

async fn user(making: &mut Making<'_>, whom: &mut Whom, name: &str) -> Result<()> {
    let name = super::check::name("user name", name, 64)?;
    match making.look(0, &Thing::User { name: name.clone() }).await? {
        Ok(Some(found)) => {
            let path = text(&Some(found), "Path").unwrap_or_else(|| "/".to_owned());
            making.seats[0].place.lies("user", &path, &name);
        }
        Ok(None) => whom.problems.push((format!("There is no user {name}"), "Name a user that exists, or create it first: stagedoor setup user".to_owned())),
        Err(()) => {}
    }
    let arn = making.seats[0].place.arn(&format!("user/{name}"));
    whom.terms.users.insert(name, arn);
    Ok(())
}

async fn group(making: &mut Making<'_>, whom: &mut Whom, name: &str) -> Result<()> {
    let name = super::check::name("group name", name, 128)?;
    match making.look(0, &Thing::Group { name: name.clone() }).await? {
        Ok(Some(found)) => {
            let path = text(&Some(found), "Path").unwrap_or_else(|| "/".to_owned());
            making.seats[0].place.lies("group", &path, &name);
        }
        Ok(None) => whom.problems.push((format!("There is no group {name}"), "Name a group that exists, or create it first: stagedoor setup group".to_owned())),
        Err(()) => {}
    }
    Ok(())
}

async fn saml(making: &mut Making<'_>, whom: &mut Whom, arn: &str) -> Result<()> {
    let (account, partition) = place(making);
    providers::check_saml(arn, &account, partition)?;
    let found = iam::is_saml_provider(&making.seats[0], arn).await;
    if seen(making, found, "iam:GetSAMLProvider")? == Some(false) {
        whom.problems.push((format!("There is no SAML provider {arn}"), "Create it in IAM first, with your identity provider’s metadata".to_owned()));
    }
    Ok(())
}

async fn oidc(making: &mut Making<'_>, whom: &mut Whom, arn: &str, has_audience: bool) -> Result<()> {
    let (account, partition) = place(making);
    providers::oidc_host(arn, &account, partition)?;
    let found = iam::client_ids(&making.seats[0], arn).await;
    match seen(making, found, "iam:GetOpenIDConnectProvider")? {
        Some(Some(ids)) => drop(whom.terms.audiences.insert(arn.to_owned(), ids)),
        Some(None) => {
            whom.problems.push((format!("There is no OpenID Connect provider {arn}"), "Create it in IAM first, with the address of the provider".to_owned()));
            if !has_audience {
                // The trust policy is shown although it cannot be sent.
                whom.terms.audiences.insert(arn.to_owned(), vec!["sts.amazonaws.com".to_owned()]);
            }
        }
        None => {}
    }
    Ok(())
}

/// Where the role is.
pub(super) fn place(making: &Making<'_>) -> (String, Partition) {
    let place = &making.seats[0].place;
    (place.account_id.clone(), Partition::parse(&place.partition).unwrap_or(Partition::Aws))
}

/// What was read; `None` where it may not be read, which is noted.
pub(super) fn seen<T>(making: &mut Making<'_>, found: Result<T, Fault>, action: &str) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(fault) if fault.refusal == Refusal::Denied => {
            making.lacks(0, action, "it cannot be looked at");
            Ok(None)
        }
        Err(fault) => Err(fault.error),
    }
}
