//! What both kinds of identity providers have in common: the ARN that names one, and how it is found or missed.
//!
//! A kind says what AWS calls it; its own file has its operations. An ARN of another kind is refused before anything is
//! looked for.

use std::collections::BTreeMap;

use crate::practice::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    federation::providers::Providers,
};

/// A kind of identity provider.
pub(super) trait Provider: Sized + 'static {
    /// The parameter that names one.
    const PARAM: &'static str;
    /// What its ARNs have before the name.
    const PART: &'static str;
    /// What AWS says before an ARN that is none of its kind.
    const INVALID: &'static str;
    /// What AWS says before the ARN of one that is not there.
    const MISSING: &'static str;

    fn all(providers: &Providers) -> &BTreeMap<String, Self>;
    fn all_mut(providers: &mut Providers) -> &mut BTreeMap<String, Self>;
}

/// The ARN that a call names.
pub(super) fn checked<'a, P: Provider>(call: &'a Exchange<'_>) -> Outcome<&'a str> {
    let arn = call.params.text(P::PARAM);
    let named = arn.splitn(6, ':').nth(5).and_then(|rest| rest.strip_prefix(P::PART)).is_some_and(|name| !name.is_empty());
    if named { Ok(arn) } else { Err(Fault::new("InvalidInput", format!("{}: {arn}", P::INVALID))) }
}

fn missing<P: Provider>(arn: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("{} {arn}", P::MISSING))
}

/// The one that a call names.
pub(super) fn found<'a, P: Provider>(call: &'a Exchange<'_>) -> Outcome<&'a P> {
    let arn = checked::<P>(call)?;
    P::all(&call.account()?.providers).get(arn).ok_or_else(|| missing::<P>(arn))
}

/// The same, to change it.
pub(super) fn found_mut<'a, P: Provider>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut P> {
    let arn = checked::<P>(call)?.to_owned();
    P::all_mut(&mut call.account_mut()?.providers).get_mut(&arn).ok_or_else(|| missing::<P>(&arn))
}
