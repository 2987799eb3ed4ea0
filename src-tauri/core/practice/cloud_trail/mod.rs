//! CloudTrail's event history: LookupEvents over every call that was recorded, denied ones too, newest first.
//!
//! As AWS has it: management events only, one attribute to look for, fifty events a page. Other than AWS: events are there at
//! once, in every Region alike. How an event is written is in `event`, `identity` and `shape`.

mod event;
mod identity;
mod shape;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Rule, optional, text},
    record::Call,
    table::{Action, Api, everything, json as row},
};
use event::{id, resource_type, source};
use identity::user_name;

/// How a request names the API.
pub(super) const TARGET: &str = "CloudTrail_20131101";

pub(super) static ACTIONS: &[Action] = &[row(
    "LookupEvents",
    Api::CloudTrail,
    everything,
    &[
        optional("StartTime", text(1, 64, Chars::Free)),
        optional("EndTime", text(1, 64, Chars::Free)),
        optional("MaxResults", Rule::Number { min: 1, max: 50 }),
        optional("NextToken", text(1, 1000, Chars::Free)),
        optional("EventCategory", Rule::OneOf(&["insight"])),
    ],
    lookup,
)];

const ATTRIBUTES: [&str; 8] = ["EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"];

fn lookup(call: &mut Exchange<'_>) -> Outcome<Value> {
    let wanted = attribute(call)?;
    let (from, until) = (moment(call, "StartTime")?, moment(call, "EndTime")?);
    if from.zip(until).is_some_and(|(from, until)| from > until) {
        return Err(Fault::new("InvalidTimeRangeException", "Invalid time range. The start time must be before the end time."));
    }
    let most = call.params.get("MaxResults").and_then(|text| text.parse().ok()).unwrap_or(50_usize);
    let after = call.params.get("NextToken").map(|token| URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()));
    let after = match after {
        Some(None) => return Err(Fault::new("InvalidNextTokenException", "The token is not valid.")),
        Some(Some(id)) => Some(id),
        None => None,
    };
    let account = call.principal.account.as_str();
    let of_account = |event: &&Call| event.account_id == account || event::owner(event) == Some(account);
    let mut found =
        call.state.calls.iter().rev().filter(of_account).filter(|event| event.action != "GetObject" && event.action != "HeadObject").filter(|event| {
            from.is_none_or(|from| event.at >= from)
                && until.is_none_or(|until| event.at <= until)
                && wanted.is_none_or(|(key, value)| has(event, account, (key, value)))
        });
    if let Some(id) = after {
        // Gone from the record means that nothing older is left either.
        found.find(|event| event.event_id == id);
    }
    let page: Vec<&Call> = found.by_ref().take(most).collect();
    let next = page.last().filter(|_| found.next().is_some()).map(|last| URL_SAFE_NO_PAD.encode(&last.event_id));
    let mut answer = json!({"Events": page.into_iter().map(|event| shown(event, account)).collect::<Vec<_>>()});
    if let (Some(next), Some(answer)) = (next, answer.as_object_mut()) {
        answer.insert("NextToken".to_owned(), next.into());
    }
    Ok(answer)
}

fn attribute<'a>(call: &'a Exchange<'_>) -> Outcome<Option<(&'a str, &'a str)>> {
    let part = |index: usize, name: &str| call.params.get(&format!("LookupAttributes.member.{index}.{name}"));
    if part(2, "AttributeKey").is_some() {
        return Err(Fault::new("InvalidLookupAttributesException", "You can only specify one lookup attribute."));
    }
    match (part(1, "AttributeKey"), part(1, "AttributeValue")) {
        (None, None) => Ok(None),
        (Some(key), Some(value)) if ATTRIBUTES.contains(&key) && (1..=2000).contains(&value.len()) => Ok(Some((key, value))),
        _ => Err(Fault::new("InvalidLookupAttributesException", "The lookup attribute is not valid.")),
    }
}

fn moment(call: &Exchange<'_>, name: &str) -> Outcome<Option<OffsetDateTime>> {
    let Some(text) = call.params.get(name) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds fit, and what does not fit is no moment")]
    let moment = text.parse::<f64>().ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp_nanos((seconds * 1e3) as i128 * 1_000_000).ok());
    moment.map(Some).ok_or_else(|| Fault::new("InvalidTimeRangeException", "The timestamp is not valid."))
}

fn has(event: &Call, account: &str, (key, value): (&str, &str)) -> bool {
    match key {
        "EventId" => id(event, account) == value,
        "EventName" => event.action == value,
        "ReadOnly" => value == if event.read_only { "true" } else { "false" },
        "Username" => user_name(event) == value,
        "ResourceType" => event.resource.as_deref().is_some_and(|arn| resource_type(arn) == value),
        "ResourceName" => event.resource.as_deref().is_some_and(|arn| arn == value || arn.rsplit('/').next() == Some(value)),
        "EventSource" => source(event) == value,
        _ => event.access_key_id == value,
    }
}

fn shown(event: &Call, account: &str) -> Value {
    let resources = event.resource.iter().filter(|arn| !resource_type(arn).is_empty());
    let resources: Vec<_> = resources.map(|arn| json!({"ResourceType": resource_type(arn), "ResourceName": arn})).collect();
    json!({
        "EventId": id(event, account),
        "EventName": event.action,
        "ReadOnly": if event.read_only { "true" } else { "false" },
        "AccessKeyId": event.access_key_id,
        "EventTime": event.at.unix_timestamp(),
        "EventSource": source(event),
        "Username": user_name(event),
        "Resources": resources,
        "CloudTrailEvent": event::whole(event, account).to_string(),
    })
}
