//! CloudTrail's event history: LookupEvents over every call that was recorded, denied ones too, newest first.
//!
//! As AWS has it: management events only, one attribute to look for, fifty events a page. Other than AWS: events are there at
//! once, in every Region alike.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    exchange::Exchange,
    fault::{Fault, Outcome},
    fields::{Chars, Rule, optional, text},
    record::Call,
    table::{Action, Api, everything, json as row},
    time_text,
};

/// How a request names the API.
pub(super) const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.";

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
    let of_account = |event: &&Call| event.account_id == account || event.resource.as_deref().and_then(|arn| arn.split(':').nth(4)) == Some(account);
    let mut found =
        call.state.calls.iter().rev().filter(of_account).filter(|event| event.action != "GetObject" && event.action != "HeadObject").filter(|event| {
            from.is_none_or(|from| event.at >= from) && until.is_none_or(|until| event.at <= until) && wanted.is_none_or(|(key, value)| has(event, key, value))
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

fn source(event: &Call) -> String {
    format!("{}.amazonaws.com", event.service)
}

/// The last part of the caller's ARN: the user, the role session, `root`.
fn user_name(event: &Call) -> &str {
    event.principal_arn.rsplit(['/', ':']).next().unwrap_or_default()
}

fn resource_type(arn: &str) -> &'static str {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        [_, _, "iam", _, _, path] if path.starts_with("role/") => "AWS::IAM::Role",
        [_, _, "iam", _, _, path] if path.starts_with("user/") => "AWS::IAM::User",
        [_, _, "iam", _, _, path] if path.starts_with("group/") => "AWS::IAM::Group",
        [_, _, "iam", _, _, path] if path.starts_with("policy/") => "AWS::IAM::Policy",
        [_, _, "s3", ..] => "AWS::S3::Bucket",
        _ => "",
    }
}

fn has(event: &Call, key: &str, value: &str) -> bool {
    match key {
        "EventId" => event.event_id == value,
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
        "EventId": event.event_id,
        "EventName": event.action,
        "ReadOnly": if event.read_only { "true" } else { "false" },
        "AccessKeyId": event.access_key_id,
        "EventTime": event.at.unix_timestamp(),
        "EventSource": source(event),
        "Username": user_name(event),
        "Resources": resources,
        "CloudTrailEvent": whole(event, account).to_string(),
    })
}

/// The event as CloudTrail writes it.
fn whole(event: &Call, account: &str) -> Value {
    let mut whole = json!({
        "eventVersion": "1.11",
        "userIdentity": identity(event),
        "eventTime": time_text(event.at),
        "eventSource": source(event),
        "eventName": event.action,
        "awsRegion": if event.service == "iam" { "us-east-1" } else { &event.region },
        "sourceIPAddress": event.source_ip,
        "userAgent": event.user_agent,
        "requestParameters": if event.request.is_empty() { Value::Null } else { parameters(event) },
        "responseElements": null,
        "eventID": event.event_id,
        "readOnly": event.read_only,
        "eventType": if event.service == "signin" { "AwsConsoleSignIn" } else { "AwsApiCall" },
        "managementEvent": true,
        "recipientAccountId": account,
        "eventCategory": "Management",
    });
    if let Some(whole) = whole.as_object_mut() {
        for (key, value) in [("errorCode", &event.error_code), ("errorMessage", &event.error_message)] {
            if let Some(value) = value {
                whole.insert(key.to_owned(), value.as_str().into());
            }
        }
    }
    whole
}

fn identity(event: &Call) -> Value {
    let kind = match event.principal_arn.splitn(6, ':').nth(5) {
        Some("root") => "Root",
        Some(path) if path.starts_with("assumed-role/") => "AssumedRole",
        Some(path) if path.starts_with("federated-user/") => "FederatedUser",
        Some(_) => "IAMUser",
        None => "Unknown",
    };
    json!({"type": kind, "arn": event.principal_arn, "accountId": event.account_id, "accessKeyId": event.access_key_id, "userName": user_name(event)})
}

/// Names as CloudTrail spells them: they begin with a small letter.
fn parameters(event: &Call) -> Value {
    let small = |name: &str| {
        let mut chars = name.chars();
        chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
    };
    Value::Object(event.request.iter().map(|(name, value)| (small(name), Value::from(value.as_str()))).collect::<Map<_, _>>())
}
