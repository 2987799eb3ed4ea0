//! What a denial says in secret, and DecodeAuthorizationMessage, which tells it to those who may read it.
//!
//! The message is AWS's JSON, sealed: who asked for what under which condition keys, and the statements that matched. Those of
//! another account's trust policy are left out. AWS sends such a message with the denials of EC2 and some others; here every
//! denial has one, so that explaining can be practised.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    Inner,
    authorize::Question,
    exchange::Exchange,
    fault::{Fault, Outcome},
    ids::Draw,
    state::Account,
    xml::Xml,
};
use crate::policy::{
    Decision, Effect, Kind, Policies,
    document::{Listed, Statement},
};

/// What stands between AWS's sentence and the encoded message.
const BEFORE: &str = ". Encoded authorization failure message: ";

/// The JSON that a denial decodes to.
pub(super) fn told(question: &Question<'_>, account: &Account, decision: &Decision, policies: &Policies<'_>) -> Value {
    let own = |kind| kind != Kind::Resource || question.guard.owner().is_none_or(|owner| owner == account.id);
    let matched = decision.because.iter().filter(|matched| own(matched.kind));
    let statements = matched.filter_map(|matched| policies.statement(matched).map(statement));
    let principal = question.principal;
    let conditions = question.context.iter().map(|(key, values)| json!({"key": key, "values": items(values)}));
    json!({
        "allowed": false,
        "explicitDeny": decision.because.iter().any(|matched| matched.effect == Effect::Deny && own(matched.kind)),
        "matchedStatements": {"items": statements.collect::<Vec<_>>()},
        "failures": {"items": []},
        "context": {
            "principal": {"id": principal.user_id(account), "name": principal.name(account), "arn": principal.arn(account)},
            "action": question.action,
            "resource": question.resource,
            "conditions": {"items": conditions.collect::<Vec<_>>()},
        },
    })
}

fn statement(statement: &Statement) -> Value {
    let values = |listed: Option<&Listed>| match listed {
        Some(Listed::In(values) | Listed::NotIn(values)) => items(values),
        None => items(&[]),
    };
    let conditions = statement.conditions.iter().map(|condition| json!({"key": condition.key, "operator": condition.name, "values": items(&condition.values)}));
    json!({
        "statementId": statement.sid.as_deref().unwrap_or_default(),
        "effect": match statement.effect { Effect::Allow => "ALLOW", Effect::Deny => "DENY" },
        "principals": {"items": []},
        "principalGroups": {"items": []},
        "actions": values(Some(&statement.actions)),
        "resources": values(statement.resources.as_ref()),
        "conditions": {"items": conditions.collect::<Vec<_>>()},
    })
}

fn items(values: &[String]) -> Value {
    json!({"items": values.iter().map(|value| json!({"value": value})).collect::<Vec<_>>()})
}

/// The denial with its message behind it.
pub(super) fn sealed(inner: &Inner, draw: &mut Draw, mut denial: Fault, told: &Value) -> Fault {
    if let Some(message) = inner.denials.seal_bytes(told, draw) {
        denial.message.push_str(BEFORE);
        denial.message.push_str(&URL_SAFE_NO_PAD.encode(message));
    }
    denial
}

/// DecodeAuthorizationMessage.
pub(super) fn run(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let bytes = URL_SAFE_NO_PAD.decode(call.params.text("EncodedMessage").trim()).ok();
    let told: Option<Value> = bytes.and_then(|bytes| call.inner.denials.open_bytes(&bytes));
    let told = told.ok_or_else(|| Fault::new("InvalidAuthorizationMessageException", "Message is not valid"))?;
    Ok(Xml::new().text("DecodedMessage", told.to_string()))
}
