//! The practice account under requests that nobody should send: bent signatures, text that is no text, far too much of it.
//!
//! Asked without a network, request by request, signed by the aws-sigv4 crate: what must come out is AWS's error, never a
//! crash, and a refused call changes nothing. What only a socket can do to a server is in `practice_wire`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use aws_credential_types::Credentials;
use http::{HeaderValue, Request};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use stagedoor_core::{
    clock::Clock,
    practice::{ReadyMade, World, actions},
};
use time::{Duration, macros::datetime};

use crate::{
    fuzz_input::{sign_for, well_formed},
    practice::long_lived,
};

/// A ready-made world, asked in this process.
struct Ground {
    world: World,
    made: ReadyMade,
    clock: Clock,
}

impl Ground {
    fn new() -> Self {
        let clock = Clock::driven(datetime!(2026-11-23 09:00:00 UTC));
        let (world, made) = World::ready_made([1; 32], clock.clone());
        Self { world, made, clock }
    }

    fn root(&self) -> Credentials {
        long_lived(&self.world.root_key())
    }

    /// Status and body; every answer is UTF-8 and XML that can be read.
    fn send(&self, request: Request<Vec<u8>>) -> (u16, String) {
        let answer = self.world.answer(request);
        let body = String::from_utf8(answer.body().to_vec()).expect("an answer is UTF-8");
        assert!(well_formed(&body), "{body}");
        assert_ne!(answer.status(), 500, "{body}");
        (answer.status().as_u16(), body)
    }

    fn signed(&self, service: &str, body: impl Into<Vec<u8>>) -> Request<Vec<u8>> {
        let mut request = form(body);
        sign_for(&mut request, self.root(), &self.clock, service);
        request
    }

    /// A call of root's to IAM, whose parameters are encoded already.
    fn iam(&self, query: &str) -> (u16, String) {
        self.send(self.signed("iam", format!("Version=2010-05-08&Action={query}")))
    }

    /// Everything that exists, as IAM lists it.
    fn everything(&self) -> String {
        let lists = ["ListUsers", "ListGroups", "ListRoles", "ListPolicies&Scope=Local", "ListVirtualMFADevices", "GetAccountSummary", "ListAccountAliases"];
        let user = ["ListAccessKeys", "ListUserPolicies", "ListAttachedUserPolicies", "ListUserTags", "ListMFADevices", "ListGroupsForUser", "GetUser"];
        let calls = lists.map(str::to_owned).into_iter().chain(user.map(|call| format!("{call}&UserName=alice")));
        let answers = calls.map(|call| {
            let (status, body) = self.iam(&call);
            assert_eq!(status, 200, "{call}: {body}");
            body.split("<ResponseMetadata>").next().unwrap().to_owned()
        });
        answers.collect()
    }
}

fn form(body: impl Into<Vec<u8>>) -> Request<Vec<u8>> {
    let request = Request::post("/").header("host", "127.0.0.1").header("content-type", "application/x-www-form-urlencoded");
    request.body(body.into()).unwrap()
}

fn code(answer: &str) -> &str {
    answer.split("<Code>").nth(1).and_then(|rest| rest.split("</Code>").next()).unwrap_or_default()
}

fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, NON_ALPHANUMERIC).to_string()
}

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// Bends one header of a good request.
fn bent(ground: &Ground, name: &'static str, bend: impl Fn(&str) -> String) -> Request<Vec<u8>> {
    let mut request = ground.signed("sts", WHO);
    let value = bend(request.headers().get(name).map_or("", |value| value.to_str().unwrap()));
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

#[test]
fn every_part_of_a_signature_counts() {
    let ground = Ground::new();
    assert_eq!(ground.send(ground.signed("sts", WHO)).0, 200);
    let replaced = |from: &'static str, to: &'static str| bent(&ground, "authorization", move |value| value.replace(from, to));
    let cut = |at: &'static str| bent(&ground, "authorization", move |value| value.split(at).next().unwrap().trim_end_matches([',', ' ']).to_owned());
    for (bend, request, status, expected) in [
        ("unsigned", form(WHO), 403, "MissingAuthenticationToken"),
        ("wrong Region", replaced("us-east-1", "nowhere-1"), 403, "SignatureDoesNotMatch"),
        ("another Region than was signed", replaced("us-east-1", "eu-west-1"), 403, "SignatureDoesNotMatch"),
        ("wrong service", ground.signed("iam", WHO), 403, "SignatureDoesNotMatch"),
        ("wrong terminator", replaced("aws4_request", "aws5_request"), 403, "SignatureDoesNotMatch"),
        ("another day in the scope", replaced("20261123", "20261122"), 403, "SignatureDoesNotMatch"),
        ("a scope of four parts", replaced("/aws4_request", ""), 400, "IncompleteSignature"),
        ("another algorithm", replaced("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), 400, "IncompleteSignature"),
        ("no signature", cut("Signature="), 400, "IncompleteSignature"),
        ("half a signature", bent(&ground, "authorization", |value| value[..value.len() - 32].to_owned()), 403, "SignatureDoesNotMatch"),
        ("no signed headers", cut("SignedHeaders="), 400, "IncompleteSignature"),
        ("host is not signed", replaced("SignedHeaders=host;", "SignedHeaders="), 403, "SignatureDoesNotMatch"),
        ("an unknown key", replaced("Credential=AKIA", "Credential=AKIB"), 403, "InvalidClientTokenId"),
        ("no date", bent(&ground, "x-amz-date", |_| String::new()), 400, "IncompleteSignature"),
        ("no date at all", bent(&ground, "x-amz-date", |_| "yesterday".to_owned()), 400, "IncompleteSignature"),
        ("a later date than was signed", bent(&ground, "x-amz-date", |_| "20261123T090001Z".to_owned()), 403, "SignatureDoesNotMatch"),
        ("another host than was signed", bent(&ground, "host", |_| "localhost:80".to_owned()), 403, "SignatureDoesNotMatch"),
        ("a token that does not belong to it", bent(&ground, "x-amz-security-token", |_| "x".to_owned()), 403, "InvalidClientTokenId"),
    ] {
        let (got, answer) = ground.send(request);
        assert_eq!((got, code(&answer)), (status, expected), "{bend}: {answer}");
    }
    let mut tampered = ground.signed("sts", WHO);
    tampered.body_mut().extend(b"&x=y");
    let mut with_query = ground.signed("sts", WHO);
    *with_query.uri_mut() = "/?DurationSeconds=900".parse().unwrap();
    let mut moved = ground.signed("sts", WHO);
    *moved.uri_mut() = "/elsewhere".parse().unwrap();
    let mut method = ground.signed("sts", WHO);
    *method.method_mut() = http::Method::GET;
    for request in [tampered, with_query, moved, method] {
        let (status, answer) = ground.send(request);
        assert_eq!((status, code(&answer)), (403, "SignatureDoesNotMatch"), "{answer}");
    }
}

#[test]
fn a_requests_date_may_be_five_minutes_off() {
    let ground = Ground::new();
    for (minutes, status) in [(-6, 403), (-5, 200), (5, 200), (6, 403)] {
        let request = ground.signed("sts", WHO);
        ground.clock.advance(Duration::minutes(-minutes));
        assert_eq!(ground.send(request).0, status, "{minutes} minutes");
        ground.clock.advance(Duration::minutes(minutes));
    }
}

#[test]
fn what_is_no_utf_8_is_refused() {
    let ground = Ground::new();
    let before = ground.everything();
    for body in
        [&b"Version=2010-05-08&Action=CreateUser&UserName=%ff%fe"[..], b"Version=2010-05-08&Action=CreateUser&UserName=\xff\xfe", b"\xc3=\x28&Action=%c0%80"]
    {
        let (status, answer) = ground.send(ground.signed("iam", body));
        assert_eq!((status, code(&answer)), (400, "MalformedQueryString"), "{answer}");
    }
    let mut query = Request::get("/?Action=GetUser&Version=2010-05-08&UserName=%ff").header("host", "127.0.0.1").body(Vec::new()).unwrap();
    sign_for(&mut query, ground.root(), &ground.clock, "iam");
    assert_eq!(code(&ground.send(query).1), "MalformedQueryString");
    let raw = HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    let mut unsigned_header = ground.signed("sts", WHO);
    unsigned_header.headers_mut().insert("user-agent", raw.clone());
    assert_eq!(ground.send(unsigned_header).0, 200, "a header that is not signed is nobody's business");
    for (name, expected) in [("x-amz-date", "IncompleteSignature"), ("authorization", "IncompleteSignature"), ("x-amz-security-token", "InvalidClientTokenId")]
    {
        let mut request = ground.signed("sts", WHO);
        request.headers_mut().insert(name, raw.clone());
        assert_eq!(code(&ground.send(request).1), expected, "{name}");
    }
    assert_eq!(ground.everything(), before);
}

/// What names something that is there, so that a call comes as far as it can.
fn likely(field: &str, ground: &Ground) -> String {
    let known = BTreeMap::from([
        ("UserName", "alice"),
        ("RoleName", "Developer"),
        ("PolicyArn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"),
        ("PermissionsBoundary", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"),
        ("RoleArn", ground.made.mfa_role_arn.as_str()),
        ("SerialNumber", ground.made.mfa_serial.as_str()),
        ("AccessKeyId", ground.made.key.id.as_str()),
        ("Status", "Active"),
        ("VersionId", "v1"),
        ("RoleSessionName", "me"),
        ("AuthenticationCode1", "123456"),
        ("AuthenticationCode2", "654321"),
    ]);
    if field.contains("Document") || field.starts_with("PolicyInputList") {
        return r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#.to_owned();
    }
    (*known.get(field).unwrap_or(&"thing")).to_owned()
}

#[test]
fn hostile_text_in_every_field_of_every_action() {
    let long = vec![b'x'; 140_000];
    let hostile: [&[u8]; 9] = [
        b"<&>\"']]><!--<![CDATA[",
        b"\0\x01\x1b\x7f\r\n\t",
        "\u{fffe}\u{ffff}\u{85}\u{202e}\u{feff}".as_bytes(),
        b"",
        b"../../etc/passwd%00",
        b"${aws:username}*?",
        b"&amp;&#0;&x;",
        b"-9223372036854775809",
        &long,
    ];
    let ground = Ground::new();
    let (mut calls, mut before) = (0, ground.everything());
    for (service, version, action, fields) in actions() {
        for bent in &fields {
            for text in hostile {
                let value = |field: &String| if field == bent { encoded(text) } else { encoded(likely(field, &ground).as_bytes()) };
                let query: Vec<_> = fields.iter().map(|field| format!("{}={}", encoded(field.as_bytes()), value(field))).collect();
                let (status, answer) = ground.send(ground.signed(service, format!("Version={version}&Action={action}&{}", query.join("&"))));
                assert!(status < 500, "{action} {bent}: {answer}");
                assert!(answer.len() < 1_000_000, "{action} {bent}: {} bytes", answer.len());
                calls += 1;
                if status == 200 {
                    before = ground.everything();
                }
            }
        }
        assert_eq!(ground.everything(), before, "{action} was refused and changed something");
    }
    assert!(calls > 500, "every action has a row");
}

#[test]
fn numbers_and_booleans_are_what_they_are() {
    let ground = Ground::new();
    for (query, expected) in [
        ("ListUsers&MaxItems=x", "MalformedInput"),
        ("ListUsers&MaxItems=1.5", "MalformedInput"),
        ("ListUsers&MaxItems=99999999999999999999", "MalformedInput"),
        ("ListUsers&MaxItems=0", "ValidationError"),
        ("ListUsers&MaxItems=-1", "ValidationError"),
        ("ListPolicies&OnlyAttached=yes", "MalformedInput"),
        ("ListPolicies&Scope=Mine", "ValidationError"),
        ("CreateUser", "ValidationError"),
        ("CreateUser&UserName=", "ValidationError"),
        ("TagUser&UserName=alice&Tags.member.1.Key=", "ValidationError"),
        ("Nonsense", "InvalidAction"),
        ("createuser&UserName=x", "InvalidAction"),
    ] {
        let (status, answer) = ground.iam(query);
        assert_eq!((status, code(&answer)), (400, expected), "{query}: {answer}");
    }
}

#[test]
fn of_a_parameter_that_comes_twice_one_counts_everywhere() {
    let ground = Ground::new();
    let (status, _) = ground.iam("CreateUser&UserName=first&UserName=second");
    let users = ground.iam("ListUsers").1;
    assert_eq!(status, 200);
    assert!(users.contains("<UserName>second</UserName>") && !users.contains("first"), "{users}");
}

#[test]
fn ten_thousand_roles_page_by_page() {
    let ground = Ground::new();
    let trust = encoded(
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}}"#,
            ground.made.account_id
        )
        .as_bytes(),
    );
    for number in 0..10_000 {
        assert_eq!(ground.iam(&format!("CreateRole&RoleName=r{number:05}&AssumeRolePolicyDocument={trust}")).0, 200);
    }
    let (mut names, mut marker, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let (status, answer) = ground.iam(&format!("ListRoles{marker}"));
        assert_eq!(status, 200);
        names.extend(answer.split("<RoleName>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()));
        pages += 1;
        let Some(next) = answer.split("<Marker>").nth(1) else { break };
        marker = format!("&Marker={}", next.split('<').next().unwrap());
    }
    assert_eq!((pages, names.len()), (101, 10_001), "a hundred a page, and the one that was there");
    assert!(names.is_sorted_by(|one, other| one < other), "none twice, none left out");
}
