//! GetSessionToken: temporary credentials of a user, with or without an MFA code in them.
//!
//! The session is the user's, with the user's policies; the moment of the MFA code stays in it.

use super::{credentials, duration, mfa, session};
use crate::practice::{caller::Who, exchange::Exchange, fault::Outcome, session::SessionKind, xml::Xml};

pub(in crate::practice) fn run(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let given = mfa(call)?;
    let asked = duration(call.params);
    let seconds = match call.principal.who {
        // Root gets an hour at most, whatever it asks for.
        Who::Root => asked.unwrap_or(3600).min(3600),
        Who::Nobody | Who::User(_) | Who::Role(_) => asked.unwrap_or(43200),
    };
    let of = call.principal.user_id(call.home()?);
    let mut session = session(call, SessionKind::Token, of, "", seconds);
    session.mfa_at = given.then_some(session.issued);
    credentials(call, session)
}
