//! The answer on its way out: what an action gave, or AWS's refusal, in the envelope of the API that was spoken.
//!
//! One place for all of them: the XML of the Query protocol, JSON 1.1, REST with JSON, and S3's own XML. Codes that the APIs
//! spell differently are translated here, so that everything before knows one spelling.

use serde_json::{Value, json};

use super::{
    fault::{Fault, Outcome},
    table::{Action, Api, Protocol},
    xml::{self, Xml},
};

/// What an action gives.
pub(super) enum Reply {
    Xml(Xml),
    Json(Value),
    Object(Object),
}

/// A body that is no document of ours.
pub(super) struct Object {
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// An answer, ready for HTTP.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// Puts an outcome into its envelope.
pub(super) fn put(api: Api, action: Option<&Action>, outcome: Outcome<Reply>, request_id: String) -> Answer {
    let mut answer = match outcome {
        Ok(Reply::Xml(result)) => {
            let name = action.map_or("", |action| action.name);
            match api.protocol() {
                Protocol::S3 => plain(200, "application/xml", super::s3::document(name, result, api.namespace())),
                Protocol::Query | Protocol::Json | Protocol::RestJson => plain(200, "text/xml", xml::response(name, api.namespace(), result, &request_id)),
            }
        }
        Ok(Reply::Json(Value::Null)) => plain(200, json_type(api), String::new()),
        Ok(Reply::Json(value)) => plain(200, json_type(api), value.to_string()),
        Ok(Reply::Object(Object { body, content_type, headers })) => {
            Answer { status: if body.is_empty() && content_type.is_empty() { 204 } else { 200 }, body, content_type, headers }
        }
        Err(fault) => refusal(api, fault, &request_id),
    };
    let id = match api.protocol() {
        Protocol::S3 => "x-amz-request-id",
        Protocol::Query | Protocol::Json | Protocol::RestJson => "x-amzn-requestid",
    };
    answer.headers.push((id, request_id));
    answer
}

fn plain(status: u16, content_type: &'static str, body: String) -> Answer {
    Answer { status, body: body.into_bytes(), content_type, headers: Vec::new() }
}

fn json_type(api: Api) -> &'static str {
    if api.protocol() == Protocol::Json { "application/x-amz-json-1.1" } else { "application/json" }
}

/// A refusal in the words of its API.
pub(super) fn refusal(api: Api, fault: Fault, request_id: &str) -> Answer {
    match api.protocol() {
        Protocol::Query => plain(fault.status(), "text/xml", xml::error(&fault, api.namespace(), request_id)),
        Protocol::S3 => {
            let (fault, status) = super::s3::spoken(fault);
            let inside = Xml::new().text("Code", &fault.code).text("Message", &fault.message).text("RequestId", request_id);
            plain(status, "application/xml", format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>{}</Error>", inside.into_string()))
        }
        Protocol::Json | Protocol::RestJson => {
            let code = json_code(&fault.code).to_owned();
            let rest = api.protocol() == Protocol::RestJson;
            let status = if rest { rest_status(&code) } else { fault.status() };
            // JSON 1.1 answers 400 to whatever the caller did wrong.
            let status = if rest || status >= 500 { status } else { 400 };
            let body = if rest { json!({"message": fault.message}) } else { json!({"__type": code, "message": fault.message}) };
            Answer { headers: vec![("x-amzn-errortype", code)], ..plain(status, json_type(api), body.to_string()) }
        }
    }
}

fn json_code(code: &str) -> &str {
    match code {
        "AccessDenied" => "AccessDeniedException",
        "InvalidClientTokenId" => "UnrecognizedClientException",
        "SignatureDoesNotMatch" => "InvalidSignatureException",
        "ExpiredToken" => "ExpiredTokenException",
        "MissingAuthenticationToken" => "MissingAuthenticationTokenException",
        "IncompleteSignature" => "IncompleteSignatureException",
        "ValidationError" | "MalformedInput" => "ValidationException",
        "Throttling" => "ThrottlingException",
        other => other,
    }
}

fn rest_status(code: &str) -> u16 {
    match code {
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "MissingAuthenticationTokenException"
        | "IncompleteSignatureException" => 403,
        "ServiceQuotaExceededException" => 402,
        "ResourceNotFoundException" | "UnknownOperationException" => 404,
        "ConflictException" => 409,
        "ThrottlingException" => 429,
        "InternalFailure" | "ServiceFailure" => 500,
        _ => 400,
    }
}
