//! Who uses a role or a key, and where: read before something is taken from whoever that is.
//!
//! What IAM does not know, or does not tell this admin, is missing here, and no reason to stop.

use time::OffsetDateTime;

use super::{Fault, Seat, decoded, fault, found};

/// A role as revoking looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleUse {
    /// `Path`
    pub path: String,
    /// `Arn`
    pub arn: String,
    /// Its trust policy.
    pub trust: String,
    /// `RoleLastUsed`: when, and in which Region.
    pub last: Option<(OffsetDateTime, Option<String>)>,
}

/// A key's owner and last use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    /// `UserName`; `None` for the key of an account's root.
    pub user: Option<String>,
    /// When, of which service, and in which Region.
    pub last: Option<(OffsetDateTime, Option<String>, Option<String>)>,
}

/// GetRole; `None`: there is none of that name.
pub async fn role_use(seat: &Seat, name: &str) -> Result<Option<RoleUse>, Fault> {
    let answer = seat.iam().get_role().role_name(name).send().await;
    let answer = found(answer.map_err(|error| fault(&format!("GetRole of {name}"), &seat.signer, &error)))?;
    Ok(answer.and_then(|answer| answer.role).map(|role| RoleUse {
        last: role.role_last_used().and_then(|used| Some((moment(used.last_used_date()?)?, used.region().map(str::to_owned)))),
        trust: role.assume_role_policy_document().map(decoded).unwrap_or_default(),
        path: role.path,
        arn: role.arn,
    }))
}

/// GetAccessKeyLastUsed; `None`: there is no such key.
pub async fn key_use(seat: &Seat, id: &str) -> Result<Option<KeyUse>, Fault> {
    let answer = seat.iam().get_access_key_last_used().access_key_id(id).send().await;
    let answer = found(answer.map_err(|error| fault(&format!("GetAccessKeyLastUsed of {id}"), &seat.signer, &error)))?;
    Ok(answer.map(|answer| {
        // Where a key was never used, AWS writes N/A.
        let known = |text: &str| (text != "N/A" && !text.is_empty()).then(|| text.to_owned());
        let last = answer.access_key_last_used.as_ref();
        let last = last.and_then(|used| Some((moment(used.last_used_date()?)?, known(used.service_name()), known(used.region()))));
        KeyUse { user: answer.user_name.filter(|name| !name.is_empty() && !name.starts_with('<')), last }
    }))
}

fn moment(at: &aws_sdk_iam::primitives::DateTime) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(at.secs()).ok()
}
