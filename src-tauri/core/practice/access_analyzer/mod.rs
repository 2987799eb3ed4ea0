//! IAM Access Analyzer: analyzers, their findings about access from outside, and ValidatePolicy for the grammar.
//!
//! Findings are not kept: they are what the policies say at the moment of the question. REST with JSON: a row is found by
//! method and path.

mod findings;
mod validate;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Field, Rule, optional, required, text},
    table::{Action, Api, Route, everything, json as row},
    time_text,
};
use crate::model::params::SessionTag;

const NAME: Rule = text(1, 255, Chars::Free);
const ARN: Field = required("analyzerArn", text(1, 2048, Chars::Free));
const NEXT: Field = optional("nextToken", text(0, 10_000, Chars::Free));
const MOST: Field = optional("maxResults", Rule::Number { min: 1, max: 1000 });
const KINDS: [&str; 2] = ["ACCOUNT", "ORGANIZATION"];

pub(super) static ROUTES: &[Route] = &[
    at("PUT", "/analyzer", row("CreateAnalyzer", API, named, &[required("analyzerName", NAME), required("type", text(1, 64, Chars::Free))], create)),
    at("GET", "/analyzer", row("ListAnalyzers", API, everything, &[NEXT, MOST], list)),
    at("GET", "/analyzer/{analyzerName}", row("GetAnalyzer", API, named, &[required("analyzerName", NAME)], get)),
    at("DELETE", "/analyzer/{analyzerName}", row("DeleteAnalyzer", API, named, &[required("analyzerName", NAME)], delete)),
    at("POST", "/finding", row("ListFindings", API, by_arn, &[ARN, NEXT, MOST], findings::list)),
    at("POST", "/findingv2", row("ListFindingsV2", API, by_arn, &[ARN, NEXT, MOST], findings::list_v2)),
    at("GET", "/finding/{id}", row("GetFinding", API, by_arn, &[ARN], findings::get)),
    at("GET", "/findingv2/{id}", row("GetFindingV2", API, by_arn, &[ARN, NEXT, MOST], findings::get_v2)),
    at(
        "POST",
        "/policy/validation",
        row(
            "ValidatePolicy",
            API,
            everything,
            &[
                required("policyDocument", text(1, 131_072, Chars::Free)),
                required("policyType", Rule::OneOf(&["IDENTITY_POLICY", "RESOURCE_POLICY", "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"])),
                NEXT,
                MOST,
            ],
            validate::run,
        ),
    ),
];

const API: Api = Api::AccessAnalyzer;

/// An analyzer: it watches what its zone of trust lends to the outside.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Analyzer {
    name: String,
    arn: String,
    /// Whether the whole organization is trusted, and not only the account.
    organization: bool,
    created: OffsetDateTime,
}

const fn at(method: &'static str, path: &'static str, action: Action) -> Route {
    Route { method, path, with: None, action }
}

fn arn(call: &Exchange<'_>, name: &str) -> String {
    format!("arn:aws:access-analyzer:{}:{}:analyzer/{name}", call.region, call.principal.account)
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table wants this shape")]
fn named(call: &Exchange<'_>) -> Outcome<(String, Vec<SessionTag>)> {
    Ok((arn(call, call.params.text("analyzerName")), Vec::new()))
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the table wants this shape")]
fn by_arn(call: &Exchange<'_>) -> Outcome<(String, Vec<SessionTag>)> {
    Ok((call.params.text("analyzerArn").to_owned(), Vec::new()))
}

fn missing(arn: &str) -> Fault {
    Fault::new("ResourceNotFoundException", format!("Analyzer with ARN {arn} was not found."))
}

fn found<'a>(call: &'a Exchange<'_>, arn: &str) -> Outcome<&'a Analyzer> {
    call.account()?.analyzers.values().find(|analyzer| analyzer.arn == arn).ok_or_else(|| missing(arn))
}

fn shown(analyzer: &Analyzer) -> Value {
    json!({
        "arn": analyzer.arn,
        "name": analyzer.name,
        "type": KINDS[usize::from(analyzer.organization)],
        "createdAt": time_text(analyzer.created),
        "status": "ACTIVE",
        "tags": {},
    })
}

fn create(call: &mut Exchange<'_>) -> Outcome<Value> {
    let name = call.params.text("analyzerName").to_owned();
    let word = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(word) {
        return Err(Fault::validation("The name of an analyzer begins with a letter and has letters, digits, '_', '.' and '-'."));
    }
    let kind = call.params.text("type");
    let organization = match kind {
        "ACCOUNT" => false,
        "ORGANIZATION" if call.account()?.organization.is_some() => true,
        "ORGANIZATION" => return Err(Fault::validation("The account is not in an organization.")),
        _ => return Err(Fault::validation("The practice account has analyzers of external access only: ACCOUNT and ORGANIZATION.")),
    };
    let (arn, created) = (arn(call, &name), call.now);
    let analyzers = &mut call.account_mut()?.analyzers;
    if analyzers.contains_key(&name) {
        return Err(Fault::new("ConflictException", "An analyzer with the same name already exists."));
    }
    // One a kind, says the quota.
    if analyzers.values().any(|other| other.organization == organization) {
        return Err(Fault::new("ServiceQuotaExceededException", format!("The maximum number of analyzers of type {kind} is 1.")));
    }
    analyzers.insert(name.clone(), Analyzer { name, arn: arn.clone(), organization, created });
    Ok(json!({"arn": arn}))
}

fn list(call: &mut Exchange<'_>) -> Outcome<Value> {
    let kind = call.params.get("type");
    let all = call.account()?.analyzers.values().map(shown).filter(|analyzer| kind.is_none_or(|kind| analyzer["type"] == kind));
    Ok(page(call, "analyzers", all.map(|analyzer| (analyzer["name"].as_str().unwrap_or_default().to_owned(), analyzer)).collect()))
}

fn get(call: &mut Exchange<'_>) -> Outcome<Value> {
    let name = call.params.text("analyzerName");
    let analyzer = call.account()?.analyzers.get(name).ok_or_else(|| missing(&arn(call, name)))?;
    Ok(json!({"analyzer": shown(analyzer)}))
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Value> {
    let name = call.params.text("analyzerName").to_owned();
    let missing = missing(&arn(call, &name));
    call.account_mut()?.analyzers.remove(&name).map(|_| Value::Null).ok_or(missing)
}

/// One page: what comes after the token, as many as were asked for.
fn page(call: &Exchange<'_>, name: &str, mut items: Vec<(String, Value)>) -> Value {
    let most = call.params.get("maxResults").and_then(|text| text.parse().ok()).unwrap_or(100_usize);
    let after = call.params.get("nextToken").unwrap_or_default();
    items.sort_by(|(one, _), (other, _)| one.cmp(other));
    items.retain(|(key, _)| key.as_str() > after);
    let more = items.len() > most;
    items.truncate(most);
    let next = items.last().filter(|_| more).map(|(key, _)| key.clone());
    let items: Vec<_> = items.into_iter().map(|(_, item)| item).collect();
    next.map_or_else(|| json!({name: items}), |next| json!({name: items, "nextToken": next}))
}
