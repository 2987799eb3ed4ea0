//! What an analyzer finds: roles and buckets that somebody outside its zone of trust may use.
//!
//! One finding for each statement and outside principal, as AWS has it: with the conditions under which it holds, and whether
//! anybody at all may. Services of AWS are not outside.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{Analyzer, found, page};
use crate::{
    policy::{
        Document, Effect,
        document::{Listed, PrincipalKind, PrincipalName, Principals, Statement},
    },
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        ids::uuid_of,
        state::{Account, State, by_id},
        time_text,
    },
};

/// What may be lent to the outside.
struct Lent<'a> {
    arn: String,
    kind: &'static str,
    policy: &'a Document,
    since: OffsetDateTime,
}

fn lent(account: &Account) -> Vec<Lent<'_>> {
    let roles = account.roles.values();
    let roles = roles.map(|role| Lent { arn: role.entity.arn.clone(), kind: "AWS::IAM::Role", policy: &role.trust.document, since: role.entity.created });
    let buckets = account.buckets.iter().filter_map(|(name, bucket)| {
        let policy = &bucket.policy.as_ref()?.document;
        Some(Lent { arn: format!("arn:aws:s3:::{name}"), kind: "AWS::S3::Bucket", policy, since: bucket.created })
    });
    roles.chain(buckets).collect()
}

/// Who is outside: the word of the policy language, and the name.
fn outside(state: &State, account: &Account, analyzer: &Analyzer, principal: &PrincipalName) -> Option<(&'static str, String)> {
    let own = |id: &str| {
        let member = || state.accounts.get(id).is_some_and(|other| other.organization.is_some() && other.organization == account.organization);
        id == account.id || (analyzer.organization && member())
    };
    match principal.kind {
        PrincipalKind::Service => None,
        PrincipalKind::Federated => Some(("Federated", principal.name.clone())),
        PrincipalKind::CanonicalUser => Some(("CanonicalUser", principal.name.clone())),
        PrincipalKind::Aws if principal.name == "*" => Some(("AWS", "*".to_owned())),
        PrincipalKind::Aws => {
            // Users and roles are kept by unique ID: those of practice accounts are known, others are nobody any more.
            let (id, arn) = match by_id(&state.accounts, &principal.name) {
                Some((other, entity)) => (other.id.clone(), entity.arn.clone()),
                None if principal.name.starts_with("AIDA") || principal.name.starts_with("AROA") => return None,
                None => {
                    let id = principal.name.split(':').nth(4).unwrap_or(&principal.name).to_owned();
                    let whole = principal.name.strip_suffix(":root").is_some();
                    (id.clone(), if whole { id } else { principal.name.clone() })
                }
            };
            (!own(&id)).then_some(("AWS", arn))
        }
    }
}

fn conditions(statement: &Statement) -> Value {
    Value::Object(statement.conditions.iter().map(|condition| (condition.key.clone(), Value::from(condition.values.join(", ")))).collect::<Map<_, _>>())
}

fn all(call: &Exchange<'_>, analyzer: &Analyzer) -> Outcome<Vec<Value>> {
    let account = call.account()?;
    let mut findings = Vec::new();
    for lent in lent(account) {
        for statement in lent.policy.statements.iter().filter(|statement| statement.effect == Effect::Allow) {
            // Everybody but those that are named.
            let everybody = [PrincipalName { kind: PrincipalKind::Aws, name: "*".to_owned() }];
            let principals = match &statement.principals {
                Principals::In(names) => names.as_slice(),
                Principals::NotIn(_) => &everybody,
                Principals::Absent => &[],
            };
            let (Listed::In(actions) | Listed::NotIn(actions)) = &statement.actions;
            for (word, name) in principals.iter().filter_map(|principal| outside(call.state, account, analyzer, principal)) {
                findings.push(json!({
                    "id": uuid_of(&[&lent.arn, &name, &statement.text]),
                    "principal": {word: name},
                    "action": actions,
                    "resource": lent.arn,
                    "isPublic": name == "*" && statement.conditions.is_empty(),
                    "resourceType": lent.kind,
                    "condition": conditions(statement),
                    "createdAt": time_text(lent.since),
                    "analyzedAt": time_text(call.now),
                    "updatedAt": time_text(lent.since),
                    "status": "ACTIVE",
                    "resourceOwnerAccount": account.id,
                }));
            }
        }
    }
    Ok(findings)
}

/// `filter`: for each property, `eq`, `neq` and `contains`.
fn passes(call: &Exchange<'_>, finding: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    ["id", "resource", "resourceType", "status", "isPublic", "resourceOwnerAccount", "principal.AWS", "principal.Federated"].into_iter().all(|key| {
        let value = key.split('.').try_fold(finding, |value, part| value.get(part)).map(text).unwrap_or_default();
        let (eq, neq, contains) = (wanted(call, key, "eq"), wanted(call, key, "neq"), wanted(call, key, "contains"));
        (eq.is_empty() || eq.contains(&value.as_str()))
            && !neq.contains(&value.as_str())
            && (contains.is_empty() || contains.iter().any(|part| value.contains(*part)))
    })
}

fn wanted<'a>(call: &'a Exchange<'_>, key: &str, how: &str) -> Vec<&'a str> {
    call.params.list(&format!("filter.{key}.{how}"))
}

fn listed(call: &Exchange<'_>) -> Outcome<Vec<(String, Value)>> {
    let analyzer = found(call, call.params.text("analyzerArn"))?;
    let findings = all(call, analyzer)?.into_iter().filter(|finding| passes(call, finding));
    Ok(findings.map(|finding| (finding["id"].as_str().unwrap_or_default().to_owned(), finding)).collect())
}

pub(super) fn list(call: &mut Exchange<'_>) -> Outcome<Value> {
    Ok(page(call, "findings", listed(call)?))
}

pub(super) fn list_v2(call: &mut Exchange<'_>) -> Outcome<Value> {
    let brief = |finding: &Value| {
        let keys = ["id", "resource", "resourceType", "resourceOwnerAccount", "createdAt", "analyzedAt", "updatedAt", "status"];
        let mut brief: Map<String, Value> = keys.into_iter().map(|key| (key.to_owned(), finding[key].clone())).collect();
        brief.insert("findingType".to_owned(), "ExternalAccess".into());
        Value::Object(brief)
    };
    Ok(page(call, "findings", listed(call)?.into_iter().map(|(id, finding)| (id, brief(&finding))).collect()))
}

fn one(call: &Exchange<'_>) -> Outcome<Value> {
    let analyzer = found(call, call.params.text("analyzerArn"))?;
    let id = call.params.text("id");
    let finding = all(call, analyzer)?.into_iter().find(|finding| finding["id"] == id);
    finding.ok_or_else(|| Fault::new("ResourceNotFoundException", format!("Finding with ID {id} was not found.")))
}

pub(super) fn get(call: &mut Exchange<'_>) -> Outcome<Value> {
    Ok(json!({"finding": one(call)?}))
}

pub(super) fn get_v2(call: &mut Exchange<'_>) -> Outcome<Value> {
    let mut finding = one(call)?;
    let keys = ["action", "condition", "isPublic", "principal"];
    let details: Map<String, Value> = keys.into_iter().map(|key| (key.to_owned(), finding[key].take())).collect();
    if let Some(finding) = finding.as_object_mut() {
        finding.retain(|key, _| !keys.contains(&key.as_str()));
        finding.insert("findingType".to_owned(), "ExternalAccess".into());
        finding.insert("findingDetails".to_owned(), json!([{"externalAccessDetails": details}]));
    }
    Ok(finding)
}
