//! One event as CloudTrail writes it, made of what is remembered of a call.
//!
//! Who reads it matters: a call over the border of accounts is an event in both, each with an ID of its own and one that they
//! share, and the account of the resource learns no more of the caller than AWS tells it.

use serde_json::{Map, Value, json};

use super::{
    super::{ids::uuid_of, record::Call, time_text},
    identity, shape,
};

/// `sts.amazonaws.com`
pub(super) fn source(event: &Call) -> String {
    format!("{}.amazonaws.com", event.service)
}

/// The account that owns the resource, as far as its ARN tells.
pub(super) fn owner(event: &Call) -> Option<&str> {
    event.resource.as_deref().and_then(|arn| arn.split(':').nth(4)).filter(|account| !account.is_empty())
}

/// The ID that an account knows the event by.
pub(super) fn id(event: &Call, account: &str) -> String {
    if event.account_id == account { event.event_id.clone() } else { uuid_of(&[&event.event_id, account]) }
}

/// The type of a resource that CloudTrail tells of.
pub(super) fn resource_type(arn: &str) -> &'static str {
    match arn.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        [_, _, "iam", _, _, path] if path.starts_with("role/") => "AWS::IAM::Role",
        [_, _, "iam", _, _, path] if path.starts_with("user/") => "AWS::IAM::User",
        [_, _, "iam", _, _, path] if path.starts_with("group/") => "AWS::IAM::Group",
        [_, _, "iam", _, _, path] if path.starts_with("policy/") => "AWS::IAM::Policy",
        [_, _, "s3", ..] => "AWS::S3::Bucket",
        _ => "",
    }
}

/// The event as the account reads it.
pub(super) fn whole(event: &Call, account: &str) -> Value {
    let mut whole = json!({
        "eventVersion": "1.11",
        "userIdentity": identity::of(event, account),
        "eventTime": time_text(event.at),
        "eventSource": source(event),
        "eventName": event.action,
        "awsRegion": if event.service == "iam" { "us-east-1" } else { &event.region },
        "sourceIPAddress": event.source_ip,
        "userAgent": event.user_agent,
        "requestParameters": shape::request(event),
        "responseElements": shape::response(event),
        "eventID": id(event, account),
        "readOnly": event.read_only,
        "eventType": if event.service == "signin" { "AwsConsoleSignIn" } else { "AwsApiCall" },
        "managementEvent": true,
        "recipientAccountId": account,
        "eventCategory": "Management",
    });
    if let Some(whole) = whole.as_object_mut() {
        whole.extend(more(event));
    }
    whole
}

/// What only some events have.
fn more(event: &Call) -> Map<String, Value> {
    let mut more = Map::new();
    if !event.request_id.is_empty() {
        more.insert("requestID".to_owned(), event.request_id.as_str().into());
    }
    for (key, value) in [("errorCode", &event.error_code), ("errorMessage", &event.error_message)] {
        if let Some(value) = value {
            more.insert(key.to_owned(), value.as_str().into());
        }
    }
    // IAM names its resources in the parameters only.
    if let Some(arn) = event.resource.as_deref().filter(|arn| event.service != "iam" && !resource_type(arn).is_empty()) {
        let mut resource = json!({"ARN": arn, "type": resource_type(arn)});
        if let Some(owner) = owner(event) {
            resource["accountId"] = owner.into();
        }
        more.insert("resources".to_owned(), json!([resource]));
    }
    if owner(event).is_some_and(|owner| !event.account_id.is_empty() && owner != event.account_id) {
        more.insert("sharedEventID".to_owned(), uuid_of(&[&event.event_id, "shared"]).into());
    }
    more
}
