//! One change of what exists: a trust policy (`change_trust`), or policies (`change_policy`).
//!
//! What cannot be done stands as a conflict at its step, with a way out. What AWS keeps for itself (service-linked roles, roles of
//! Identity Center) is refused, with the place where it is changed.

use super::Making;
use crate::{
    error::{Code, Error, Result},
    model::setup::{Change, ChangeIntent, PolicyHolder},
    setup::{
        call::{kind, name, text},
        thing::Thing,
    },
};

pub(super) async fn make(making: &mut Making<'_>, wanted: &ChangeIntent) -> Result<()> {
    use super::{change_policy as policy, change_trust as trust};
    match &wanted.change {
        Change::AddPrincipal { .. } | Change::RemovePrincipal { .. } | Change::ExternalId { .. } | Change::Mfa { .. } | Change::MendTrust { .. } => {
            trust::make(making, &wanted.change).await
        }
        Change::Attach { to, policy } => policy::attach(making, to, policy, true).await,
        Change::Detach { from, policy } => policy::attach(making, from, policy, false).await,
        Change::EditPolicy { policy, text, drop_oldest } => policy::edit(making, policy, text, *drop_oldest).await,
        Change::RollBack { policy, version } => policy::roll_back(making, policy, version).await,
        Change::InlineToManaged { of, policy, name } => policy::to_managed(making, of, policy, name.as_deref()).await,
    }
}

/// Whether a role can be changed at all, by where it lies: those of AWS's own cannot.
pub(super) fn own_role(role: &str, path: &str) -> Result<()> {
    if path.starts_with("/aws-service-role/") {
        return Err(Error::new(
            Code::NotSupported,
            format!("{role} is a service-linked role: only its AWS service changes it"),
            "Change it in the settings of that service, or delete the role there",
        ));
    }
    if path.starts_with("/aws-reserved/sso.amazonaws.com/") || role.starts_with("AWSReservedSSO_") {
        return Err(Error::new(
            Code::NotSupported,
            format!("{role} belongs to IAM Identity Center, which writes over every other change"),
            "Change its permission set or assignment in IAM Identity Center, in the management account",
        ));
    }
    Ok(())
}

/// Whether a user, group or role is there; `None`: that may not be looked at. Where it lies is remembered.
pub(super) async fn holder_there(making: &mut Making<'_>, holder: &PolicyHolder) -> Result<Option<bool>> {
    let name = super::check::name(&format!("{} name", kind(holder).to_lowercase()), name(holder), 128)?;
    let thing = match holder {
        PolicyHolder::User(_) => Thing::User { name: name.clone() },
        PolicyHolder::Group(_) => Thing::Group { name: name.clone() },
        PolicyHolder::Role(_) => Thing::Role { name: name.clone() },
    };
    let Ok(found) = making.look(0, &thing).await? else { return Ok(None) };
    let path = text(&found, "Path").unwrap_or_else(|| "/".to_owned());
    if matches!(holder, PolicyHolder::Role(_)) {
        own_role(&name, &path)?;
    }
    making.seats[0].place.lies(&kind(holder).to_lowercase(), &path, &name);
    Ok(Some(found.is_some()))
}
