//! Changes of a trust policy that leave everything else of it as it is: other statements, unknown keys, their order.
//!
//! A text that needs no change comes back as it was; one that changes comes back pretty. What is asked of some principals of a
//! statement only divides it, so that nobody else gets or loses a condition. Denying statements are never made narrower, and a
//! policy without a statement is refused, because AWS refuses it.

use super::{
    check::{Place, parsed},
    compare::{conditions, meaning, statement as one_way},
    statements::{account, allows as is_allowing, asks_for, is_about, principals, require, same_principal, take_condition, take_principals},
    tree::{Tree, object},
    trust::{Terms, statements},
};
use crate::{
    error::{Code, Error, Result},
    model::{arn::Partition, params::ExternalId, setup::Trusted},
};

const ASSUME: &str = "sts:AssumeRole";
const EXTERNAL_ID: &str = "sts:ExternalId";
const MFA: [&str; 2] = ["aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge"];

/// Names somebody, in the statement that asks for the same where there is one. Somebody who is named already stays as they are.
pub fn add(text: &str, who: &Trusted, terms: &Terms, account: &str, partition: Partition) -> Result<String> {
    let mut policy = read(text)?;
    for statement in statements(who, terms, true, account, partition)? {
        if let Some((kind, name)) = principals(&statement).first()
            && let Some(other) = named_otherwise(&policy, &statement, kind, name)
        {
            let message = format!("The role trusts {name} already, in a statement with other conditions{other}");
            return Err(Error::new(Code::InvalidValue, message, "Change the external ID or the MFA condition of the role, or remove this principal first"));
        }
        join(&mut policy, statement);
    }
    Ok(told(text, &policy))
}

/// The Sid of a statement that names the principal for the same action under other conditions. Of an identity provider there may be
/// several: one for each subject.
fn named_otherwise(policy: &Tree, wanted: &Tree, kind: &str, name: &str) -> Option<String> {
    let action = wanted.get("Action")?.texts().first().map(|action| (*action).to_owned())?;
    let asked = |statement: &Tree| statement.get("Condition").map(conditions);
    let found = policy.get("Statement")?.items().iter().find(|statement| {
        let named = principals(statement).iter().any(|(own, principal)| own == kind && same_principal(principal, name));
        kind != "Federated" && named && is_allowing(statement) && is_about(statement, &action) && asked(statement) != asked(wanted)
    })?;
    Some(found.get("Sid").and_then(Tree::text).map(|sid| format!(" ({sid})")).unwrap_or_default())
}

/// Puts an allowing statement of one principal into a policy, with others of the same kind that it asks the same of.
pub(super) fn join(policy: &mut Tree, wanted: Tree) {
    let Some((kind, name)) = principals(&wanted).into_iter().next() else { return };
    let rest = |statement: &Tree| {
        let mut rest = one_way(statement);
        rest.remove("Principal");
        rest.remove("Sid");
        rest
    };
    let Some(all) = policy.get_mut("Statement") else {
        policy.set("Statement", Tree::List(vec![wanted]));
        return;
    };
    let alike = slots(all).iter_mut().find_map(|statement| {
        if rest(statement) != rest(&wanted) {
            return None;
        }
        match statement.get_mut("Principal")?.entries_mut()?.as_mut_slice() {
            [(own, names)] if *own == kind => Some(names),
            _ => None,
        }
    });
    if let Some(names) = alike {
        if !names.texts().iter().any(|own| same_principal(own, &name)) {
            match names {
                Tree::List(names) => names.push(name.into()),
                one => *one = Tree::List(vec![one.clone(), name.into()]),
            }
        }
    } else if let Tree::List(statements) = all {
        statements.push(wanted);
    } else {
        *all = Tree::List(vec![all.clone(), wanted]);
    }
}

/// Takes somebody out of every statement that allows; `principal` as the policy names it. Those that deny keep naming them.
pub fn remove(text: &str, principal: &str) -> Result<String> {
    let mut policy = read(text)?;
    let is_meant = |_: &str, name: &str| same_principal(name, principal);
    rewrite(&mut policy, |mut statement| {
        if is_allowing(&statement) && principals(&statement).iter().any(|(kind, name)| is_meant(kind, name)) {
            take_principals(&mut statement, is_meant);
        }
        named_only(statement)
    });
    let left = left_of(text, &policy, principal)?;
    if left == text {
        let message = format!("The trust policy does not name {}", principal.escape_debug());
        return Err(Error::new(Code::InvalidValue, message, "Name it as the policy does: an ARN, an account, AIDA…, a service"));
    }
    Ok(left)
}

/// Asks other accounts for an external ID, or asks nobody for one any more. `account` is the role's own.
pub fn set_external_id(text: &str, external_id: Option<&ExternalId>, account: &str) -> Result<String> {
    let mut policy = read(text)?;
    no_denial(&policy, &[EXTERNAL_ID], "an external ID")?;
    let Some(external_id) = external_id else {
        rewrite(&mut policy, |mut statement| {
            if is_allowing(&statement) && asks_for(&statement, EXTERNAL_ID) {
                take_condition(&mut statement, EXTERNAL_ID);
            }
            vec![statement]
        });
        return Ok(told(text, &policy));
    };
    let found = divide(
        &mut policy,
        |_, kind, name| is_outside(kind, name, account),
        |statement| {
            take_condition(statement, EXTERNAL_ID);
            ask(statement, "StringEquals", EXTERNAL_ID, external_id.as_str());
        },
    );
    if !found {
        let message = "The trust policy names no other account, so that nobody would have to give an external ID";
        return Err(Error::new(Code::InvalidValue, message, "Add the third party's account first"));
    }
    Ok(told(text, &policy))
}

/// The principals of other accounts that may assume the role, each with the external ID that a statement asks of it: one for each statement
/// that names it, `None` where that lets it in without.
pub fn outsiders(text: &str, account: &str) -> Vec<(String, Option<ExternalId>)> {
    let Ok(policy) = Tree::parse(text) else { return Vec::new() };
    let statements = policy.get("Statement").map(Tree::items).unwrap_or_default();
    let allowing = statements.iter().filter(|statement| is_allowing(statement) && is_about(statement, ASSUME));
    let named = allowing.flat_map(|statement| principals(statement).into_iter().map(move |principal| (principal, statement)));
    let outside = named.filter(|((kind, name), _)| is_outside(kind, name, account));
    outside.map(|((_, name), statement)| (name, exactly_asked(statement))).collect()
}

/// Asks one principal for an external ID wherever none is asked of it yet, or not exactly one.
pub fn ask_external_id(text: &str, principal: &str, external_id: &ExternalId) -> Result<String> {
    let mut policy = read(text)?;
    no_denial(&policy, &[EXTERNAL_ID], "an external ID")?;
    divide(
        &mut policy,
        |statement, kind, name| kind == "AWS" && name == principal && exactly_asked(statement).is_none(),
        |statement| {
            take_condition(statement, EXTERNAL_ID);
            ask(statement, "StringEquals", EXTERNAL_ID, external_id.as_str());
        },
    );
    Ok(told(text, &policy))
}

/// The one external ID that a statement asks for. `StringLike` with a star, or an `…IfExists`, asks for none.
fn exactly_asked(statement: &Tree) -> Option<ExternalId> {
    let keys = statement.get("Condition")?.entries()?.iter().find(|(operator, _)| operator.eq_ignore_ascii_case("StringEquals"))?.1.entries()?;
    match keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(EXTERNAL_ID))?.1.texts().as_slice() {
        [id] => ExternalId::parse(id).ok(),
        _ => None,
    }
}

/// Whether two names are of one account.
pub fn same_account(one: &str, other: &str) -> bool {
    account_of(one).is_some_and(|id| account_of(other) == Some(id))
}

/// Asks people for MFA, or nobody any more. Roles and third parties with an external ID are no people.
pub fn set_mfa(text: &str, needed: bool, max_age: Option<u32>) -> Result<String> {
    let mut policy = read(text)?;
    let forget = |statement: &mut Tree| MFA.iter().for_each(|key| take_condition(statement, key));
    if !needed {
        no_denial(&policy, &MFA, "MFA")?;
        rewrite(&mut policy, |mut statement| {
            if is_allowing(&statement) && MFA.iter().any(|key| asks_for(&statement, key)) {
                forget(&mut statement);
            }
            vec![statement]
        });
        return Ok(told(text, &policy));
    }
    let is_person = |statement: &Tree, kind: &str, name: &str| {
        let is_role = name.contains(":role/") || name.contains(":assumed-role/") || name.starts_with("AROA");
        kind == "AWS" && !is_role && (!asks_for(statement, EXTERNAL_ID) || MFA.iter().any(|key| asks_for(statement, key)))
    };
    let found = divide(&mut policy, is_person, |statement| {
        forget(statement);
        ask(statement, "Bool", MFA[0], "true");
        if let Some(age) = max_age {
            ask(statement, "NumericLessThan", MFA[1], &age.to_string());
        }
    });
    if !found {
        let message = "The trust policy names no users and no account of people, so that nobody would have to give a code";
        return Err(Error::new(Code::InvalidValue, message, "MFA can be asked of IAM users; identity providers ask for it themselves"));
    }
    Ok(told(text, &policy))
}

/// The unique IDs that a trust policy names: of users and roles that were deleted.
pub fn deleted(text: &str) -> Vec<String> {
    let Ok(policy) = Tree::parse(text) else { return Vec::new() };
    let mut found = Vec::new();
    for (_, name) in policy.get("Statement").map(Tree::items).unwrap_or_default().iter().flat_map(principals) {
        if is_unique_id(&name) && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Puts an ARN in the place of a principal that was deleted, or takes that out.
pub fn mend(text: &str, id: &str, now: Option<&str>) -> Result<String> {
    let mut policy = read(text)?;
    if !is_unique_id(id) || !deleted(text).iter().any(|own| own == id) {
        let message = format!("The trust policy names no deleted principal {}", id.escape_debug());
        return Err(Error::new(Code::InvalidValue, message, "A deleted user is AIDA… there, a deleted role AROA…"));
    }
    rewrite(&mut policy, |mut statement| {
        if !principals(&statement).iter().any(|(_, name)| name == id) {
            return vec![statement];
        }
        match now.filter(|arn| !principals(&statement).iter().any(|(_, name)| name == arn)) {
            Some(arn) => {
                let names = statement.get_mut("Principal").and_then(|principal| principal.get_mut("AWS"));
                match names {
                    Some(Tree::List(names)) => names.iter_mut().filter(|name| name.text() == Some(id)).for_each(|name| *name = arn.into()),
                    Some(name) => *name = arn.into(),
                    None => {}
                }
            }
            None => take_principals(&mut statement, |_, name| name == id),
        }
        named_only(statement)
    });
    left_of(text, &policy, id)
}

/// Whether a trust policy lets this principal assume the role, by its ARN or by its account, whatever the conditions.
pub fn allows(text: &str, arn: &str) -> bool {
    let Ok(policy) = Tree::parse(text) else { return false };
    let applies = |statement: &&Tree| {
        let named = |name: &str| name == "*" || same_principal(name, arn) || account(name).is_some_and(|id| account_of(arn) == Some(id));
        is_about(statement, ASSUME) && principals(statement).iter().any(|(kind, name)| kind == "AWS" && named(name))
    };
    let statements: Vec<&Tree> = policy.get("Statement").map(Tree::items).unwrap_or_default().iter().filter(applies).collect();
    let is_refusing = |statement: &&&Tree| !is_allowing(statement) && statement.get("Condition").is_none();
    statements.iter().any(|statement| is_allowing(statement)) && !statements.iter().any(|statement| is_refusing(&statement))
}

fn read(text: &str) -> Result<Tree> {
    let policy = parsed(text, Place::Trust)?;
    if policy.entries().is_none() {
        return Err(Error::new(Code::InvalidValue, "The trust policy is no object", "Write it as a whole"));
    }
    Ok(policy)
}

/// The text of a changed policy; the one that it was where it means what it meant.
fn told(before: &str, after: &Tree) -> String {
    match Tree::parse(before) {
        Ok(tree) if meaning(&tree) == meaning(after) => before.to_owned(),
        Ok(_) | Err(_) => after.pretty(),
    }
}

/// The same where principals were taken out.
fn left_of(before: &str, after: &Tree, principal: &str) -> Result<String> {
    if after.get("Statement").is_some_and(Tree::is_empty) {
        let message = format!("Without {} nobody could assume the role, and AWS takes no trust policy without a statement", principal.escape_debug());
        return Err(Error::new(Code::InvalidValue, message, "Name somebody else first, or delete the role"));
    }
    Ok(told(before, after))
}

/// A statement, unless it names nobody any more.
fn named_only(statement: Tree) -> Vec<Tree> {
    let nobody = statement.get("Principal").is_some_and(Tree::is_empty);
    if nobody { Vec::new() } else { vec![statement] }
}

fn slots(all: &mut Tree) -> &mut [Tree] {
    match all {
        Tree::List(statements) => statements,
        one => std::slice::from_mut(one),
    }
}

/// Every statement becomes none, one or more. One that stands without a list stays so.
fn rewrite(policy: &mut Tree, change: impl FnMut(Tree) -> Vec<Tree>) {
    let Some(all) = policy.get_mut("Statement") else { return };
    let was_bare = !matches!(all, Tree::List(_));
    let mut made: Vec<Tree> = all.items().to_vec().into_iter().flat_map(change).collect();
    *all = match made.pop() {
        Some(only) if was_bare && made.is_empty() => only,
        last => Tree::List(made.into_iter().chain(last).collect()),
    };
}

/// Changes the statements by which AWS principals assume the role, for those that are meant; the others keep theirs.
fn divide(policy: &mut Tree, is_meant: impl Fn(&Tree, &str, &str) -> bool, change: impl Fn(&mut Tree)) -> bool {
    let mut found = false;
    rewrite(policy, |statement| {
        let named = principals(&statement);
        let meant = named.iter().filter(|(kind, name)| is_meant(&statement, kind, name)).count();
        if meant == 0 || !is_allowing(&statement) || !is_about(&statement, ASSUME) {
            return vec![statement];
        }
        found = true;
        let mut theirs = statement.clone();
        change(&mut theirs);
        if meant == named.len() {
            return vec![theirs];
        }
        take_principals(&mut theirs, |kind, name| !is_meant(&statement, kind, name));
        // Sids must be unique.
        theirs.remove("Sid");
        let mut others = statement.clone();
        take_principals(&mut others, |kind, name| is_meant(&statement, kind, name));
        vec![others, theirs]
    });
    found
}

fn ask(statement: &mut Tree, operator: &str, key: &str, value: &str) {
    if statement.get("Condition").is_none() {
        statement.set("Condition", object::<String>([]));
    }
    if let Some(conditions) = statement.get_mut("Condition") {
        require(conditions, operator, key, value.into());
    }
}

/// A statement that denies for its lack would go on asking for it.
fn no_denial(policy: &Tree, keys: &[&str], what: &str) -> Result<()> {
    let statements = policy.get("Statement").map(Tree::items).unwrap_or_default();
    if !statements.iter().any(|statement| !is_allowing(statement) && keys.iter().any(|key| asks_for(statement, key))) {
        return Ok(());
    }
    let message = format!("A statement of the trust policy that denies asks for {what}, too");
    Err(Error::new(Code::InvalidValue, message, "Change that statement by hand: what it denies is never loosened by itself"))
}

fn is_outside(kind: &str, name: &str, account: &str) -> bool {
    kind == "AWS" && account_of(name).is_none_or(|id| id != account) && !is_unique_id(name)
}

fn account_of(name: &str) -> Option<&str> {
    account(name).or_else(|| name.split(':').nth(4)).filter(|id| id.len() == 12)
}

fn is_unique_id(name: &str) -> bool {
    let start = name.starts_with("AIDA") || name.starts_with("AROA");
    start && (16..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}
