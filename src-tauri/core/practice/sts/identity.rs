//! GetCallerIdentity, which everybody may, and GetAccessKeyInfo.
//!
//! The second looks nothing up: an access key ID holds the number of its account.

use crate::{
    model::access_key::AccessKeyId,
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        ids::account_of,
        xml::Xml,
    },
};

pub(in crate::practice) fn caller(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.home()?;
    Ok(Xml::new().text("Arn", call.principal.arn(account)).text("UserId", call.principal.user_id(account)).text("Account", &account.id))
}

pub(in crate::practice) fn access_key(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let id = AccessKeyId::parse(call.params.text("AccessKeyId")).ok().and_then(|id| account_of(&id));
    let account = id.ok_or_else(|| Fault::validation("The access key ID is not valid."))?;
    Ok(Xml::new().text("Account", account))
}
