//! Roles that somebody shall assume: their trust policies, and the proofs that they let in whom they should and nobody else.
//!
//! A role of an account without an admin profile in the plan is left alone, and told: its trust policy is somebody else's to change.

use serde_json::json;

use super::{Making, change_trust::asks_people, words};
use crate::{
    error::Result,
    model::{
        arn::{Partition, RoleArn},
        params::ExternalId,
        setup::{Expected, Trusted},
    },
    policy::{Context, Document, Shape, pattern::Pattern},
    setup::{
        call::text,
        documents::{Terms, edit},
        iam,
        plan::{By, ProofCall},
        thing::Thing,
    },
};

/// Who shall assume a role.
pub(super) struct Assumer {
    pub(super) arn: String,
    pub(super) name: String,
}

/// A role of the plan, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Assumed {
    pub(super) arn: RoleArn,
    /// What its trust policy asks of the assumer.
    pub(super) external_id: Option<String>,
    /// Its trust policy, or the policy of the one who assumes it, asks for MFA.
    pub(super) mfa: bool,
    /// Whether it was looked at and is there.
    pub(super) known: bool,
}

/// Sees to it that the trust policy of a role lets `who` in.
pub(super) async fn let_in(making: &mut Making<'_>, role: &RoleArn, who: &Assumer, mfa: bool) -> Result<Assumed> {
    let mut assumed = Assumed { arn: role.clone(), external_id: None, mfa, known: false };
    let name = role.role_name().to_owned();
    let Some(seat) = making.seat_of(role.account_id()) else {
        making.warnings.push(format!(
            "The trust policy of {role} was not looked at: no admin profile of account {} is named. It must let {} in",
            role.account_id(),
            who.arn
        ));
        return Ok(assumed);
    };
    let thing = Thing::Trust { role: name.clone() };
    let before = making.look(seat, &thing).await?;
    let resource = role.as_str().splitn(6, ':').nth(5).unwrap_or_default().to_owned();
    making.seats[seat].place.lying.insert(format!("role/{name}"), resource);
    let title = words(format!("Name {} in the trust policy of {name}", who.name), format!("Named {} in the trust policy of {name}", who.name), "");
    let Ok(Some(found)) = before else {
        let gone = before == Ok(None);
        let step = making.add(Some(seat), thing, before, Some(json!({})), title);
        if gone {
            step.conflict(
                format!("There is no role {name} in account {}", role.account_id()),
                "Choose a role that exists, or create it first: stagedoor setup role",
            );
        }
        return Ok(assumed);
    };
    assumed.known = true;
    let trust = text(&Some(found.clone()), "PolicyDocument").unwrap_or_default();
    super::change_trust::warn_of_deleted(making, &name, &trust);
    let asks = asks(&trust, &who.arn);
    (assumed.external_id, assumed.mfa) = (asks.external_id, mfa || asks.mfa);
    if edit::allows(&trust, &who.arn) {
        let words =
            words(format!("The trust policy of {name} lets {} in", who.name), format!("The trust policy of {name} lets {} in", who.name), "stays as it is");
        making.add(Some(seat), thing, Ok(Some(found.clone())), Some(found), words);
        return Ok(assumed);
    }
    let partition = role.partition();
    let account = making.seats[seat].place.account_id.clone();
    // What the role asks of the people that it trusts already, it asks of the next one too.
    let asked = asks_people(&trust, "aws:MultiFactorAuthPresent").is_some();
    assumed.mfa |= asked;
    let mfa_max_age = asks_people(&trust, "aws:MultiFactorAuthAge").and_then(|age| age.parse().ok());
    let terms = Terms { mfa: mfa || asked, mfa_max_age, ..Terms::default() };
    let changed = added(&trust, who, &terms, (&account, partition))?;
    making.add(Some(seat), thing, Ok(Some(found)), Some(json!({ "PolicyDocument": changed })), title);
    Ok(assumed)
}

/// The trust policy with `who` in it: by its ARN here, by its account from elsewhere.
fn added(trust: &str, who: &Assumer, terms: &Terms, (account, partition): (&str, Partition)) -> Result<String> {
    let own = who.arn.split(':').nth(4).unwrap_or_default();
    let trusted =
        if own == account && !who.arn.ends_with(":root") { Trusted::User { name: who.name.clone() } } else { Trusted::Account { id: own.to_owned() } };
    let terms = Terms { users: [(who.name.clone(), who.arn.clone())].into(), ..terms.clone() };
    edit::add(trust, &trusted, &terms, account, partition)
}

pub(super) struct Asks {
    pub(super) mfa: bool,
    pub(super) external_id: Option<String>,
}

/// What the statements ask that let `arn` in.
pub(super) fn asks(trust: &str, arn: &str) -> Asks {
    let none = Asks { mfa: false, external_id: None };
    let Ok(document) = Document::parse(trust, Shape::Trust) else { return none };
    let account = arn.split(':').nth(4).unwrap_or_default();
    let own: Vec<_> = document
        .statements
        .iter()
        .filter(|it| it.text.contains(arn) || it.text.contains(&format!(":{account}:root")) || it.text.contains(&format!("\"{account}\"")))
        .collect();
    let value = |key: &str| {
        own.iter().find_map(|it| {
            let statement: serde_json::Value = serde_json::from_str(&it.text).ok()?;
            let condition = statement.get("Condition")?.as_object()?.clone();
            condition.values().find_map(|of| of.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.clone()))
        })
    };
    let external_id = value("sts:ExternalId").and_then(|value| value.as_str().or_else(|| value.get(0)?.as_str()).map(str::to_owned));
    Asks { mfa: value("aws:MultiFactorAuthPresent").is_some(), external_id }
}

/// The proofs about a role: it can be assumed, and not without what is asked for.
pub(super) fn prove_assuming(making: &mut Making<'_>, by: &By, who: &str, role: &Assumed, serial: Option<&str>) {
    let name = role.arn.role_name();
    if role.mfa && serial.is_none() {
        making.warnings.push(format!("{name} is only assumed with MFA, and {who} gets no MFA device here: that it can be assumed is not proven"));
        return;
    }
    let call = |mfa: Option<&str>, external_id: Option<String>| ProofCall::Assume {
        by: by.clone(),
        role_arn: role.arn.as_str().to_owned(),
        mfa_serial: mfa.map(str::to_owned),
        external_id,
        source_identity: None,
        tags: Vec::new(),
    };
    making.prove(
        Expected::Allowed,
        call(serial, role.external_id.clone()),
        format!("Assume the role {name} as {who}"),
        format!("Assumed the role {name} as {who}"),
    );
    if serial.is_some() {
        making.prove(
            Expected::Denied,
            call(None, role.external_id.clone()),
            format!("Be refused {name} without an MFA code"),
            format!("Was refused {name} without an MFA code"),
        );
    }
    if role.external_id.is_some() {
        let wrong = ExternalId::parse("not-the-external-id").map(|id| id.as_str().to_owned()).ok();
        making.prove(
            Expected::Denied,
            call(serial, wrong),
            format!("Be refused {name} with a wrong external ID"),
            format!("Was refused {name} with a wrong external ID"),
        );
    }
}

/// A proof that no other role can be assumed.
pub(super) async fn prove_not_granted(making: &mut Making<'_>, by: &By, who: &Assumer, granted: &[String], serial: Option<&str>) -> Result<()> {
    let Assumer { arn: own_arn, name: who } = who;
    let covered = |arn: &str| granted.iter().any(|pattern| stands_for(pattern, arn));
    // A role whose trust policy names the user lets it in without any policy of its own.
    let names_it = |trust: &str| edit::allows(trust, own_arn) && (trust.contains(&format!("\"{own_arn}\"")) || trust.contains("\"*\""));
    // Another role of the account is the harder test; where there is none, or it may not be seen, a name that nobody has.
    let other = match iam::all_roles(&making.seats[0]).await {
        Ok(roles) => {
            let mut roles: Vec<_> =
                roles.into_iter().filter(|role| !covered(&role.arn) && !names_it(&role.trust) && !role.arn.contains("/aws-reserved/")).collect();
            // Where the role trusts the account, only the policies of the user stand between them.
            roles.sort_by_key(|role| !edit::allows(&role.trust, own_arn));
            roles.into_iter().next().map(|role| role.arn)
        }
        Err(_) => None,
    };
    let arn = other.unwrap_or_else(|| making.seats[0].place.arn("role/not-granted-to-anybody"));
    if covered(&arn) {
        return Ok(());
    }
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    let call =
        ProofCall::Assume { by: by.clone(), role_arn: arn, mfa_serial: serial.map(str::to_owned), external_id: None, source_identity: None, tags: Vec::new() };
    making.prove(
        Expected::Denied,
        call,
        format!("Be refused {name}, a role that {who} was not given"),
        format!("Was refused {name}, a role that {who} was not given"),
    );
    Ok(())
}

/// Whether an ARN with wildcards stands for another ARN.
fn stands_for(pattern: &str, arn: &str) -> bool {
    Pattern::expand(pattern.trim(), &Context::default(), true, false).is_some_and(|pattern| pattern.matches_resource(arn))
}
