//! An answer as a whole: read up to a limit, and told apart from what others send in AWS's place.
//!
//! STS and IAM answer with XML whose last element is closed. A page, JSON, a redirect or half an answer is no refusal of AWS and no
//! credentials either: each is told in its own words here, before the SDK reads as much of it as it can. What fails with HTTP 429 or
//! 5xx goes on to the SDK, which asks again.

use std::time::Duration;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::ConnectorError};
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use url::Url;

use super::trouble::Trouble;
use crate::model::activity::shown_at_most;

/// More than any answer of STS, IAM or the sign-in endpoint.
const LARGEST: usize = 1 << 20;

const INSTEAD: &str = "Something between this machine and AWS may have answered instead: check the proxy and the endpoint_url";
const SIGN_IN: &str = "The network's sign-in page may have answered instead: open a browser and sign in; else check the proxy and the endpoint_url";
const AGAIN: &str = "Try again; if it happens each time, something on the way cuts answers off: check the proxy";

/// The answer with all of its body, which lies in memory then. `api`: it must be what STS and IAM send.
pub(super) async fn whole(mut answer: HttpResponse, host: &str, api: bool, patience: Option<Duration>) -> Result<HttpResponse, ConnectorError> {
    let told = |trouble: Trouble| trouble.into_connector_error(None);
    let body = answer.take_body();
    let too_large = || Trouble::answer(format!("The answer from {host} is larger than any of AWS's"), INSTEAD, false);
    if body.content_length().is_some_and(|length| length > LARGEST as u64) {
        return Err(told(too_large()));
    }
    let reading = Limited::new(body, LARGEST).collect();
    let read = match patience {
        Some(patience) => tokio::time::timeout(patience, reading).await.map_err(|late| ConnectorError::timeout(late.into())),
        None => Ok(reading.await),
    };
    let late = |error: ConnectorError| Trouble::answer(format!("The answer from {host} did not end in time"), AGAIN, true).into_connector_error(Some(&error));
    let body = read.map_err(late)?.map_err(|error| {
        let broke_off = || Trouble::answer(format!("The answer from {host} broke off in the middle"), AGAIN, true);
        told(if error.is::<LengthLimitError>() { too_large() } else { broke_off() })
    })?;
    let body = body.to_bytes();
    if api && let Some(trouble) = foreign(&answer, &body, host) {
        return Err(told(trouble));
    }
    // As if it were still on its way: the SDK logs a body that it knows to be in memory, and in this one stand credentials.
    *answer.body_mut() = SdkBody::from_body_1_x(Full::new(body));
    Ok(answer)
}

/// What somebody else sent, in words. `None`: it is AWS's, or the SDK asks again because of its status.
fn foreign(answer: &HttpResponse, body: &[u8], host: &str) -> Option<Trouble> {
    let status = answer.status().as_u16();
    let said = |message: String, hint| Some(Trouble::answer(message, hint, false));
    let header = |name: &str| answer.headers().get(name);
    match status {
        300..=399 => {
            let target = header("location").and_then(|location| Url::parse(location).ok()).and_then(|url| url.host_str().map(str::to_owned));
            let target = target.map_or_else(|| "elsewhere".to_owned(), |target| format!("to {}", shown_at_most(&target, 120)));
            return said(format!("{host} sends the request on {target} (HTTP {status}), which AWS never does"), SIGN_IN);
        }
        407 => {
            return said(
                format!("A proxy at {host} wants a user name and password (HTTP 407)"),
                "Set HTTPS_PROXY to the proxy's URL (http://name:password@proxy:3128) and start Stagedoor again",
            );
        }
        429 | 500..=599 => return None,
        _ => {}
    }
    match Content::of(body) {
        Content::Xml => None,
        _ if header("content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) => {
            said(format!("The answer from {host} is compressed, which nobody asked for (HTTP {status})"), INSTEAD)
        }
        Content::HalfXml => Some(Trouble::answer(format!("The answer from {host} was cut off"), AGAIN, true)),
        Content::Nothing => Some(Trouble::answer(format!("The answer from {host} is empty (HTTP {status})"), INSTEAD, true)),
        Content::Page => said(format!("A web page came from {host}: the answer is not AWS's (HTTP {status})"), SIGN_IN),
        Content::Json => said(
            format!("JSON came from {host}: the answer is not AWS's (HTTP {status})"),
            "Check the endpoint_url: another service may listen there; or the proxy answered instead",
        ),
        Content::Else => said(format!("The answer from {host} is not AWS's (HTTP {status})"), INSTEAD),
    }
}

/// What a body is, by its looks.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    Xml,
    HalfXml,
    Page,
    Json,
    Nothing,
    Else,
}

impl Content {
    fn of(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Self::Nothing;
        }
        if text.starts_with(['{', '[']) {
            return Self::Json;
        }
        let mut root = text;
        while let Some(declaration) = root.strip_prefix("<?") {
            let Some((_, rest)) = declaration.split_once("?>") else { return Self::HalfXml };
            root = rest.trim_start();
        }
        let Some(inner) = root.strip_prefix('<') else { return if root.is_empty() { Self::HalfXml } else { Self::Else } };
        let name = inner.split(|c: char| !(c.is_ascii_alphanumeric() || "_-:.".contains(c))).next().unwrap_or_default();
        let page = ["html", "head", "body"].iter().any(|page| name.eq_ignore_ascii_case(page));
        if page || inner.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("!doctype")) || inner.starts_with("!--") {
            return Self::Page;
        }
        let closed = text.strip_suffix('>').is_some_and(|text| text.trim_end().ends_with(&format!("</{name}")));
        let alone = inner.ends_with("/>") && !inner.contains('<');
        if closed || alone { Self::Xml } else { Self::HalfXml }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<AssumeRoleResponse xmlns=\"x\"><AssumeRoleResult><Credentials/></AssumeRoleResult></AssumeRoleResponse>\n";

    #[test]
    fn only_a_closed_root_is_a_whole_answer() {
        assert_eq!(Content::of(WHOLE.as_bytes()), Content::Xml);
        let end = WHOLE.trim_end().len();
        for cut in 1..end {
            assert_ne!(Content::of(&WHOLE.as_bytes()[..cut]), Content::Xml, "{}", &WHOLE[..cut]);
        }
        assert_eq!(Content::of(b"<UnknownOperationException/>"), Content::Xml);
        assert_eq!(Content::of(b"<a></a >"), Content::Xml);
    }

    #[test]
    fn what_is_no_answer_has_a_name() {
        for (body, content) in [
            ("", Content::Nothing),
            (" \r\n", Content::Nothing),
            ("{}", Content::Json),
            ("<!DOCTYPE html><html></html>", Content::Page),
            ("<HTML><body>", Content::Page),
            ("\u{feff}<html>", Content::Page),
            ("blocked", Content::Else),
            ("<AssumeRole", Content::HalfXml),
            ("<?xml version", Content::HalfXml),
        ] {
            assert_eq!(Content::of(body.as_bytes()), content, "{body}");
        }
    }
}
