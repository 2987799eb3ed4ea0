//! What the fuzz targets do with their bytes, and what must hold whatever the bytes are.
//!
//! Requests: text like HTTP/1.1 (`root POST /`, headers, an empty line, the body), several with `--` between them, asked of
//! a fresh ready-made world; the first word says who signs. A policy: action, resource, context and then the document.
//! Shared by libFuzzer and by a plain test, so that the targets cannot rot.

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{Request, header::HeaderName};
use stagedoor_core::{
    clock::Clock,
    policy::{Caller, Context, Document, Outcome, Policies, ResourcePolicy, Shape, Source, decide},
    practice::World,
};
use time::macros::datetime;

/// Asks a world everything that stands in `data`. Panics where something does not hold.
pub(crate) fn requests(data: &[u8]) {
    let clock = Clock::driven(datetime!(2026-11-23 09:00:00 UTC));
    let (world, made) = World::ready_made([1; 32], clock.clone());
    let keys = [("root", world.root_key()), ("alice", made.key)];
    for part in split(data, b"\n--\n") {
        let Some((signer, mut request)) = parse(part) else { continue };
        if let Some((_, key)) = keys.iter().find(|(name, _)| *name == signer) {
            sign_as(&mut request, Credentials::new(key.id.as_str(), key.secret.expose(), None, None, "fuzz"), &clock);
        }
        let answer = world.answer(request);
        let body = std::str::from_utf8(answer.body()).expect("answers are UTF-8");
        assert!(answer.status().as_u16() < 600 && answer.status() != 500, "{body}");
        if answer.headers().get("content-type").is_some_and(|kind| kind.as_bytes().ends_with(b"xml")) {
            assert!(well_formed(body), "{body}");
        }
    }
}

fn split<'a>(mut data: &'a [u8], at: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let Some(found) = data.windows(at.len()).position(|window| window == at) else {
            ended = true;
            return Some(data);
        };
        let (part, rest) = (&data[..found], &data[found + at.len()..]);
        data = rest;
        Some(part)
    })
}

/// Who signs, and the request; `None` where no HTTP library would let it through.
fn parse(data: &[u8]) -> Option<(&str, Request<Vec<u8>>)> {
    let end = data.windows(2).position(|window| window == b"\n\n").unwrap_or(data.len());
    let head = &data[..end];
    let body = data.get(end + 2..).unwrap_or_default();
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = std::str::from_utf8(lines.next()?).ok()?.split(' ');
    let (signer, method, target) = (words.next()?, words.next()?, words.next()?);
    let mut request = Request::builder().method(method).uri(target).header("host", "127.0.0.1");
    if body.contains(&b'=') {
        request = request.header("content-type", "application/x-www-form-urlencoded");
    }
    let mut request = request.body(body.to_vec()).ok()?;
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        request.headers_mut().insert(name, http::HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?);
    }
    Some((signer, request))
}

/// Signs for the service that the request's version names; what cannot be signed stays as it is.
pub(crate) fn sign_as(request: &mut Request<Vec<u8>>, credentials: Credentials, clock: &Clock) {
    let sts = [request.body().as_slice(), request.uri().query().unwrap_or_default().as_bytes()].iter().any(|text| text.windows(10).any(|w| w == b"2011-06-15"));
    sign_for(request, credentials, clock, if sts { "sts" } else { "iam" });
}

/// Signs for a service in us-east-1.
pub(crate) fn sign_for(request: &mut Request<Vec<u8>>, credentials: Credentials, clock: &Clock, service: &str) {
    let identity = credentials.into();
    let params = v4::SigningParams::builder().identity(&identity).name(service).region("us-east-1").time(clock.now().into());
    let params = params.settings(SigningSettings::default()).build().expect("all is given").into();
    let url = format!("http://127.0.0.1{}", request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str));
    let Ok(signable) = SignableRequest::new(request.method().as_str(), &url, std::iter::empty(), SignableBody::Bytes(request.body())) else { return };
    if let Ok(signed) = sign(signable, &params) {
        signed.into_parts().0.apply_to_request_http1x(request);
    }
}

/// Whether every element is closed, and no character is there that XML does not have.
pub(crate) fn well_formed(xml: &str) -> bool {
    let mut open = Vec::new();
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap_or(xml).trim();
    while let Some((text, tail)) = rest.split_once('<') {
        let Some((tag, tail)) = tail.split_once('>') else { return false };
        if text.contains(|c: char| c.is_control() && !"\t\n".contains(c)) || !entities(text) {
            return false;
        }
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or_default());
        }
        rest = tail;
    }
    open.is_empty() && rest.is_empty()
}

fn entities(text: &str) -> bool {
    let known = ["amp;", "lt;", "gt;", "quot;", "#39;", "apos;", "#xD;"];
    text.split('&').skip(1).all(|rest| known.iter().any(|entity| rest.starts_with(entity)))
}

/// Parses and asks: a deny always wins, an allow never takes away, and what is parsed stays parsed.
pub(crate) fn policy(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.splitn(4, '\n');
    let (Some(action), Some(resource), Some(keys), Some(text)) = (parts.next(), parts.next(), parts.next(), parts.next()) else { return };
    let mut context = Context::new();
    for (key, values) in keys.split(';').filter_map(|part| part.split_once('=')) {
        context.set_all(key, values.split(',').map(str::to_owned));
    }
    let caller = Caller {
        account: "111122223333".to_owned(),
        exact: vec!["arn:aws:iam::111122223333:user/alice".to_owned()],
        behind: vec!["arn:aws:iam::111122223333:role/dev".to_owned()],
    };
    let request = stagedoor_core::policy::Request { caller: &caller, action, resource, context: &context };
    let rule = |effect: &str| Document::parse(&format!(r#"{{"Statement":{{"Effect":"{effect}","Action":"*","Resource":"*"}}}}"#), Shape::Identity);
    let (all, none) = (rule("Allow").expect("it is one"), rule("Deny").expect("it is one"));
    for shape in [Shape::Identity, Shape::Trust, Shape::Resource] {
        let Ok(document) = Document::parse(text, shape) else { continue };
        assert_eq!(Document::parse(document.text(), shape).as_ref(), Ok(&document));
        assert!(document.size() <= text.len());
        let ask = |more: &[&Document]| {
            let source = |document| Source { name: "p", document };
            let mut policies = Policies { identity: more.iter().map(|document| source(document)).collect(), ..Policies::default() };
            match shape {
                Shape::Identity => policies.identity.push(source(&document)),
                Shape::Trust | Shape::Resource => {
                    let required = shape == Shape::Trust;
                    policies.resource = Some(ResourcePolicy { source: source(&document), account: "111122223333", required });
                }
            }
            decide(&request, &policies).outcome
        };
        let alone = ask(&[]);
        assert!(matches!(ask(&[&none]), Outcome::ExplicitDeny(_)), "a deny always wins");
        assert!(alone != Outcome::Allowed || ask(&[&all]) == Outcome::Allowed, "an allow never takes away");
        assert_eq!(matches!(alone, Outcome::ExplicitDeny(_)), matches!(ask(&[&all]), Outcome::ExplicitDeny(_)), "a deny stays a deny");
    }
}
