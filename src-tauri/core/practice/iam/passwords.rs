//! Passwords for the console: a login profile for each user who has one, and what the account asks of passwords.
//!
//! Kept as digests, with the ones before, because a policy can forbid to take an old one again. Without a policy of the
//! account's own, AWS's applies: eight characters of three kinds.

use sha2::{Digest, Sha256};

use super::{Targeted, USER_NAME, everything, user};
use crate::practice::{
    caller::Who,
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Field, Rule, optional, required, text},
    state::{Login, Owner, PasswordPolicy, User},
    table::{Action, iam},
    time_text,
    xml::Xml,
};

const PASSWORD: Rule = text(1, 128, Chars::Password);
const OWNER: Field = optional("UserName", USER_NAME);
const RESET: Field = optional("PasswordResetRequired", Rule::Boolean);
/// How many digests are kept: as many as a policy can ask for.
const KEPT: usize = 24;
const REQUIRE: [&str; 4] = ["RequireUppercaseCharacters", "RequireLowercaseCharacters", "RequireNumbers", "RequireSymbols"];
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "UpdateAccountPasswordPolicy",
        everything,
        &[
            optional("MinimumPasswordLength", Rule::Number { min: 6, max: 128 }),
            optional(REQUIRE[0], Rule::Boolean),
            optional(REQUIRE[1], Rule::Boolean),
            optional(REQUIRE[2], Rule::Boolean),
            optional(REQUIRE[3], Rule::Boolean),
            optional("AllowUsersToChangePassword", Rule::Boolean),
            optional("MaxPasswordAge", Rule::Number { min: 1, max: 1095 }),
            optional("PasswordReusePrevention", Rule::Number { min: 1, max: 24 }),
            optional("HardExpiry", Rule::Boolean),
        ],
        update_policy,
    ),
    iam("GetAccountPasswordPolicy", everything, &[], get_policy),
    iam("DeleteAccountPasswordPolicy", everything, &[], delete_policy),
    iam("CreateLoginProfile", user, &[OWNER, optional("Password", PASSWORD), RESET], create),
    iam("GetLoginProfile", user, &[OWNER], get),
    iam("UpdateLoginProfile", user, &[required("UserName", USER_NAME), optional("Password", PASSWORD), RESET], update),
    iam("DeleteLoginProfile", user, &[OWNER], delete),
    iam("ChangePassword", oneself, &[required("OldPassword", PASSWORD), required("NewPassword", PASSWORD)], change),
];

fn oneself(call: &Exchange<'_>) -> Targeted {
    match &call.principal.who {
        Who::User(name) => super::owner_target(call, Owner::User, name),
        Who::Nobody | Who::Root | Who::Role(_) => everything(call),
    }
}

fn update_policy(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let is = |name: &str| call.params.get(name) == Some("true");
    // What is left out goes back to where it begins, whatever it was before.
    let policy = PasswordPolicy {
        length: call.params.get("MinimumPasswordLength").and_then(|text| text.parse().ok()).unwrap_or(6),
        kinds: REQUIRE.map(is),
        users_may_change: is("AllowUsersToChangePassword"),
        max_age: call.params.get("MaxPasswordAge").and_then(|text| text.parse().ok()),
        reuse: call.params.get("PasswordReusePrevention").and_then(|text| text.parse().ok()),
        hard_expiry: is("HardExpiry"),
    };
    call.account_mut()?.password_policy = Some(policy);
    Ok(Xml::new())
}

fn no_policy(account: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("The Password Policy with domain name {account} cannot be found."))
}

fn get_policy(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let policy = account.password_policy.as_ref().ok_or_else(|| no_policy(&account.id))?;
    let yes = |is: bool| if is { "true" } else { "false" };
    let kinds = REQUIRE.iter().zip(policy.kinds).fold(Xml::new(), |xml, (name, is)| xml.text(name, yes(is)));
    let xml = Xml::new()
        .text("MinimumPasswordLength", policy.length.to_string())
        .join(kinds)
        .text("AllowUsersToChangePassword", yes(policy.users_may_change))
        .text("ExpirePasswords", yes(policy.max_age.is_some()))
        .maybe("MaxPasswordAge", policy.max_age.map(|days| days.to_string()))
        .maybe("PasswordReusePrevention", policy.reuse.map(|count| count.to_string()))
        .text("HardExpiry", yes(policy.hard_expiry));
    Ok(Xml::new().element("PasswordPolicy", xml))
}

fn delete_policy(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account_mut()?;
    account.password_policy.take().map(|_| Xml::new()).ok_or_else(|| no_policy(&account.id))
}

/// A policy's complaint about a password.
fn complaint(policy: Option<&PasswordPolicy>, password: &str) -> Option<String> {
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    let kinds = [has(|c| c.is_ascii_uppercase()), has(|c| c.is_ascii_lowercase()), has(|c| c.is_ascii_digit()), has(|c| SYMBOLS.contains(c))];
    let wanted = policy.map_or([false; 4], |policy| policy.kinds);
    let least = policy.map_or(8, |policy| policy.length);
    if password.chars().count() < least {
        return Some(format!("Password should have a minimum length of {least}"));
    }
    let words = ["uppercase letter", "lowercase letter", "number", "symbol"];
    if let Some(place) = (0..4).find(|place| wanted[*place] && !kinds[*place]) {
        return Some(format!("Password should have at least one {}", words[place]));
    }
    let too_plain = policy.is_none() && kinds.iter().filter(|has| **has).count() < 3;
    too_plain.then(|| "Password should include at least three of the following character types: uppercase, lowercase, numbers, and symbols".to_owned())
}

fn digest(user: &User, password: &str) -> [u8; 32] {
    Sha256::new().chain_update(&user.entity.id).chain_update(password).finalize().into()
}

/// The digest of a new password that the account's policy takes.
fn accepted(call: &Exchange<'_>, user: &User, password: &str) -> Outcome<[u8; 32]> {
    let policy = call.account()?.password_policy.as_ref();
    let digest = digest(user, password);
    let reuse = policy.and_then(|policy| policy.reuse).unwrap_or(0);
    let old = user.login.as_ref().is_some_and(|login| login.passwords.iter().rev().take(reuse).any(|own| *own == digest));
    match complaint(policy, password) {
        Some(complaint) => Err(Fault::new("PasswordPolicyViolation", complaint)),
        None if old => Err(Fault::new("PasswordPolicyViolation", "Password does not conform to the account password policy.")),
        None => Ok(digest),
    }
}

fn named(call: &Exchange<'_>) -> Outcome<String> {
    call.user_or_self()?.ok_or_else(|| Fault::validation("Must specify userName when calling with non-User credentials"))
}

fn found<'a>(call: &'a Exchange<'_>, name: &str) -> Outcome<&'a User> {
    call.account()?.users.get(name).ok_or_else(|| Fault::no_such("user", name))
}

fn no_login(name: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("Login Profile for User {name} cannot be found."))
}

fn login<'a>(call: &'a mut Exchange<'_>, name: &str) -> Outcome<&'a mut Login> {
    let user = call.account_mut()?.users.get_mut(name);
    user.and_then(|user| user.login.as_mut()).ok_or_else(|| no_login(name))
}

fn xml(name: &str, login: &Login) -> Xml {
    let reset = if login.reset_required { "true" } else { "false" };
    let inside = Xml::new().text("UserName", name).text("CreateDate", time_text(login.created)).text("PasswordResetRequired", reset);
    Xml::new().element("LoginProfile", inside)
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = named(call)?;
    let user = found(call, &name)?;
    if user.login.is_some() {
        return Err(Fault::new("EntityAlreadyExists", format!("Login Profile for user {name} already exists.")));
    }
    let Some(password) = call.params.get("Password") else {
        return Err(Fault::validation("1 validation error detected: Value null at 'password' failed to satisfy constraint: Member must not be null"));
    };
    let passwords = vec![accepted(call, user, password)?];
    let reset_required = call.params.get("PasswordResetRequired") == Some("true");
    let login = Login { created: call.now, changed: call.now, reset_required, passwords };
    let answer = xml(&name, &login);
    if let Some(user) = call.account_mut()?.users.get_mut(&name) {
        user.login = Some(login);
    }
    Ok(answer)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = named(call)?;
    found(call, &name)?;
    Ok(xml(&name, login(call, &name)?))
}

fn set(call: &mut Exchange<'_>, name: &str, digest: [u8; 32]) -> Outcome<()> {
    let now = call.now;
    let login = login(call, name)?;
    login.passwords.push(digest);
    let surplus = login.passwords.len().saturating_sub(KEPT);
    login.passwords.drain(..surplus);
    login.changed = now;
    Ok(())
}

fn update(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let (name, reset) = (named(call)?, call.params.get("PasswordResetRequired"));
    let user = found(call, &name)?;
    if user.login.is_none() {
        return Err(no_login(&name));
    }
    if let Some(password) = call.params.get("Password") {
        let digest = accepted(call, user, password)?;
        set(call, &name, digest)?;
    }
    if let Some(reset) = reset {
        login(call, &name)?.reset_required = reset == "true";
    }
    Ok(Xml::new())
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = named(call)?;
    found(call, &name)?;
    let user = call.account_mut()?.users.get_mut(&name);
    user.and_then(|user| user.login.take()).map(|_| Xml::new()).ok_or_else(|| no_login(&name))
}

fn change(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let Who::User(name) = call.principal.who.clone() else {
        return Err(Fault::new("InvalidUserType", "Only IAM Users can change their own password"));
    };
    let (old, new) = (call.params.text("OldPassword"), call.params.text("NewPassword"));
    let user = found(call, &name)?;
    let current = user.login.as_ref().ok_or_else(|| no_login(&name))?.passwords.last();
    if current != Some(&digest(user, old)) {
        return Err(Fault::new("AccessDenied", "The old password was incorrect."));
    }
    let digest = accepted(call, user, new)?;
    set(call, &name, digest)?;
    login(call, &name)?.reset_required = false;
    Ok(Xml::new())
}
