//! GetFederationToken: a narrowed session of a user for somebody else. Without a session policy it may do nothing.
//!
//! Only for long-lived keys; what the user may not do, the session may not either.

use super::{credentials, duration, existing, packed_size, session, session_policies, tags};
use crate::practice::{
    authorize::{Guard, Question},
    caller::Who,
    exchange::Exchange,
    fault::Outcome,
    session::SessionKind,
    xml::Xml,
};

pub(in crate::practice) fn run(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("Name").to_owned();
    let (policies, managed) = session_policies(call.params)?;
    let tags = tags(call.params)?;
    let account = call.principal.account.clone();
    let arn = format!("arn:aws:sts::{account}:federated-user/{name}");
    let context = call.context()?;
    let ask = |action| call.ask(&Question { principal: &call.principal, action, resource: &arn, context: &context, guard: Guard::Nothing });
    ask("sts:GetFederationToken")?;
    if !tags.is_empty() {
        ask("sts:TagSession")?;
    }
    existing(call.state, &account, &managed)?;
    let asked = duration(call.params);
    let seconds = match call.principal.who {
        Who::Root => asked.unwrap_or(3600).min(3600),
        Who::Nobody | Who::User(_) | Who::Role(_) => asked.unwrap_or(43200),
    };
    let of = call.principal.user_id(call.home()?);
    let mut session = session(call, SessionKind::Federated, of, &name, seconds);
    session.policies = policies;
    session.managed = managed;
    session.tags = tags;
    let packed = packed_size(&session)?;
    let credentials = credentials(call, session)?;
    let user = Xml::new().text("FederatedUserId", format!("{account}:{name}")).text("Arn", arn);
    Ok(Xml::new().join(credentials).element("FederatedUser", user).maybe("PackedPolicySize", packed.map(|percent| percent.to_string())))
}
