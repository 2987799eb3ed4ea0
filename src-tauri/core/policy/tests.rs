//! The decision as a table: what the policies say, what is asked, what IAM answers.
//!
//! Each row is one rule of the IAM User Guide, the tricky ones beside the plain. What must hold whatever the policies say is in
//! `properties`.

use super::{Caller, Context, Document, Kind, Outcome, Policies, Request, ResourcePolicy, Shape, Source, decide, evaluate::Decision};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";

fn user() -> Caller {
    Caller { account: ACCOUNT.to_owned(), exact: vec![format!("arn:aws:iam::{ACCOUNT}:user/alice"), "AIDAALICE00000000000".to_owned()], behind: Vec::new() }
}

fn role_session() -> Caller {
    Caller {
        account: ACCOUNT.to_owned(),
        exact: vec![format!("arn:aws:sts::{ACCOUNT}:assumed-role/Dev/me")],
        behind: vec![format!("arn:aws:iam::{ACCOUNT}:role/Dev"), "AROADEV0000000000000".to_owned()],
    }
}

fn document(statements: &str, shape: Shape) -> Document {
    Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#), shape).unwrap()
}

fn identity(statements: &str) -> Document {
    document(statements, Shape::Identity)
}

fn source(document: &Document) -> Source<'_> {
    Source { name: "p", document }
}

fn ask(caller: &Caller, action: &str, resource: &str, context: &Context, policies: &Policies<'_>) -> Outcome {
    decide(&Request { caller, action, resource, context }, policies).outcome
}

/// One identity policy, one question of a user.
fn simple(statements: &str, action: &str, resource: &str, context: &Context) -> Outcome {
    let document = identity(statements);
    ask(&user(), action, resource, context, &Policies { identity: vec![source(&document)], ..Policies::default() })
}

const NO: Outcome = Outcome::ImplicitDeny(Kind::Identity);
const DENIED: Outcome = Outcome::ExplicitDeny(Kind::Identity);

#[test]
fn allow_deny_and_nothing() {
    let allow = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
    let deny = r#"{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"}"#;
    let none = Context::new();
    for (statements, action, expected) in [
        (allow.to_owned(), "s3:GetObject", Outcome::Allowed),
        (allow.to_owned(), "S3:getobject", Outcome::Allowed),
        (allow.to_owned(), "ec2:RunInstances", NO),
        (format!("{allow},{deny}"), "s3:DeleteObject", DENIED),
        (format!("{deny},{allow}"), "s3:DeleteObject", DENIED),
        (format!("{deny},{allow}"), "s3:GetObject", Outcome::Allowed),
        (deny.to_owned(), "s3:GetObject", NO),
    ] {
        assert_eq!(simple(&statements, action, "arn:aws:s3:::b/k", &none), expected, "{statements} {action}");
    }
}

#[test]
fn not_action_and_not_resource() {
    let none = Context::new();
    let not_iam = r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#;
    assert_eq!(simple(not_iam, "s3:GetObject", "x", &none), Outcome::Allowed);
    assert_eq!(simple(not_iam, "iam:GetUser", "x", &none), NO, "NotAction is no deny");
    let elsewhere = r#"{"Effect":"Allow","Action":"s3:*","NotResource":["arn:aws:s3:::secret","arn:aws:s3:::secret/*"]}"#;
    assert_eq!(simple(elsewhere, "s3:GetObject", "arn:aws:s3:::open/k", &none), Outcome::Allowed);
    assert_eq!(simple(elsewhere, "s3:GetObject", "arn:aws:s3:::secret/k", &none), NO);
}

#[test]
fn resources_are_compared_with_regard_to_case_and_with_variables() {
    let mut context = Context::new();
    context.set("aws:username", "alice");
    let own = r#"{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}"#;
    assert_eq!(simple(own, "iam:GetUser", "arn:aws:iam::111122223333:user/alice", &context), Outcome::Allowed);
    assert_eq!(simple(own, "iam:GetUser", "arn:aws:iam::111122223333:user/Alice", &context), NO);
    assert_eq!(simple(own, "iam:GetUser", "arn:aws:iam::111122223333:user/${aws:username}", &Context::new()), NO, "a variable without a value");
    let old =
        Document::parse(r#"{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"arn:aws:iam::*:user/${aws:username}"}}"#, Shape::Identity).unwrap();
    let policies = Policies { identity: vec![source(&old)], ..Policies::default() };
    assert_eq!(ask(&user(), "iam:GetUser", "arn:aws:iam::111122223333:user/alice", &context, &policies), NO, "version 2008-10-17 has no variables");
}

/// Condition keys with their values.
type Keys = &'static [(&'static str, &'static [&'static str])];

const ABSENT: Keys = &[];

/// (operator and key with values, context, whether it holds)
const OPERATORS: &[(&str, Keys, bool)] = &[
    (r#"{"StringEquals":{"aws:k":"a"}}"#, &[("aws:K", &["a"])], true),
    (r#"{"StringEquals":{"aws:k":"A"}}"#, &[("aws:k", &["a"])], false),
    (r#"{"StringEquals":{"aws:k":["x","a"]}}"#, &[("aws:k", &["a"])], true),
    (r#"{"StringEquals":{"aws:k":"*"}}"#, &[("aws:k", &["a"])], false),
    (r#"{"StringEquals":{"aws:k":"a"}}"#, ABSENT, false),
    (r#"{"StringEqualsIfExists":{"aws:k":"a"}}"#, ABSENT, true),
    (r#"{"StringEqualsIfExists":{"aws:k":"a"}}"#, &[("aws:k", &["b"])], false),
    (r#"{"StringNotEquals":{"aws:k":["a","b"]}}"#, &[("aws:k", &["b"])], false),
    (r#"{"StringNotEquals":{"aws:k":["a","b"]}}"#, &[("aws:k", &["c"])], true),
    (r#"{"StringNotEquals":{"aws:k":"a"}}"#, ABSENT, true),
    (r#"{"StringEqualsIgnoreCase":{"aws:k":"ÄB"}}"#, &[("aws:k", &["äb"])], true),
    (r#"{"StringNotEqualsIgnoreCase":{"aws:k":"AB"}}"#, &[("aws:k", &["ab"])], false),
    (r#"{"StringLike":{"aws:k":"a*d?"}}"#, &[("aws:k", &["abcde"])], true),
    (r#"{"StringNotLike":{"aws:k":"a*"}}"#, &[("aws:k", &["abc"])], false),
    (r#"{"NumericEquals":{"aws:k":"10"}}"#, &[("aws:k", &["10.0"])], true),
    (r#"{"NumericNotEquals":{"aws:k":10}}"#, &[("aws:k", &["11"])], true),
    (r#"{"NumericLessThan":{"aws:k":"3600"}}"#, &[("aws:k", &["3599"])], true),
    (r#"{"NumericLessThan":{"aws:k":"3600"}}"#, &[("aws:k", &["3600"])], false),
    (r#"{"NumericLessThanEquals":{"aws:k":"3600"}}"#, &[("aws:k", &["3600"])], true),
    (r#"{"NumericGreaterThan":{"aws:k":"1"}}"#, &[("aws:k", &["x"])], false),
    (r#"{"NumericGreaterThanEquals":{"aws:k":"1"}}"#, &[("aws:k", &["1"])], true),
    (r#"{"DateLessThan":{"aws:k":"2026-11-23T10:00:00.000Z"}}"#, &[("aws:k", &["2026-11-23T09:59:59Z"])], true),
    (r#"{"DateLessThan":{"aws:k":"2026-11-23T10:00:00+02:00"}}"#, &[("aws:k", &["2026-11-23T09:00:00Z"])], false),
    (r#"{"DateGreaterThan":{"aws:k":"2026-11-23"}}"#, &[("aws:k", &["2026-11-23T00:00:01Z"])], true),
    (r#"{"DateEquals":{"aws:k":"1763892000"}}"#, &[("aws:k", &["2025-11-23T10:00:00Z"])], true),
    (r#"{"DateNotEquals":{"aws:k":"2026-11-23T10:00:00Z"}}"#, &[("aws:k", &["2026-11-23T10:00:00Z"])], false),
    (r#"{"DateLessThanEquals":{"aws:k":"2026-11-23T10:00:00Z"}}"#, &[("aws:k", &["no date"])], false),
    (r#"{"DateGreaterThanEquals":{"aws:k":"2026-11-23T10:00:00Z"}}"#, &[("aws:k", &["2026-11-23T10:00:00Z"])], true),
    (r#"{"Bool":{"aws:k":"true"}}"#, &[("aws:k", &["true"])], true),
    (r#"{"Bool":{"aws:k":true}}"#, &[("aws:k", &["true"])], true),
    (r#"{"Bool":{"aws:k":"false"}}"#, ABSENT, false),
    (r#"{"BoolIfExists":{"aws:k":"false"}}"#, ABSENT, true),
    (r#"{"BinaryEquals":{"aws:k":"QmluYXJ5"}}"#, &[("aws:k", &["QmluYXJ5"])], true),
    (r#"{"IpAddress":{"aws:k":"10.0.0.0/8"}}"#, &[("aws:k", &["10.9.8.7"])], true),
    (r#"{"IpAddress":{"aws:k":["192.0.2.1","2001:db8::/32"]}}"#, &[("aws:k", &["2001:db8::1"])], true),
    (r#"{"IpAddress":{"aws:k":"10.0.0.0/8"}}"#, &[("aws:k", &["11.0.0.1"])], false),
    (r#"{"IpAddress":{"aws:k":"0.0.0.0/0"}}"#, &[("aws:k", &["203.0.113.9"])], true),
    (r#"{"NotIpAddress":{"aws:k":"10.0.0.0/8"}}"#, &[("aws:k", &["10.0.0.1"])], false),
    (r#"{"NotIpAddress":{"aws:k":"10.0.0.0/8"}}"#, ABSENT, true),
    (r#"{"ArnLike":{"aws:k":"arn:aws:iam::*:role/*"}}"#, &[("aws:k", &["arn:aws:iam::111122223333:role/x/y"])], true),
    (r#"{"ArnEquals":{"aws:k":"arn:aws:iam::*:role/*"}}"#, &[("aws:k", &["arn:aws:iam::111122223333:role/x"])], true),
    (r#"{"ArnLike":{"aws:k":"arn:*:role/*"}}"#, &[("aws:k", &["arn:aws:iam::111122223333:role/x"])], false),
    (r#"{"ArnNotLike":{"aws:k":"arn:aws:iam::*:role/*"}}"#, &[("aws:k", &["arn:aws:iam::1:user/x"])], true),
    (r#"{"ArnNotEquals":{"aws:k":"arn:aws:iam::1:user/x"}}"#, &[("aws:k", &["arn:aws:iam::1:user/x"])], false),
    (r#"{"Null":{"aws:k":"true"}}"#, ABSENT, true),
    (r#"{"Null":{"aws:k":"true"}}"#, &[("aws:k", &["x"])], false),
    (r#"{"Null":{"aws:k":"false"}}"#, &[("aws:k", &["x"])], true),
    (r#"{"Null":{"aws:k":false}}"#, ABSENT, false),
    (r#"{"ForAllValues:StringEquals":{"aws:k":["a","b"]}}"#, &[("aws:k", &["a", "b"])], true),
    (r#"{"ForAllValues:StringEquals":{"aws:k":["a","b"]}}"#, &[("aws:k", &["a", "c"])], false),
    (r#"{"ForAllValues:StringEquals":{"aws:k":["a"]}}"#, ABSENT, true),
    (r#"{"ForAnyValue:StringEquals":{"aws:k":["a","b"]}}"#, &[("aws:k", &["c", "b"])], true),
    (r#"{"ForAnyValue:StringEquals":{"aws:k":["a"]}}"#, &[("aws:k", &[])], false),
    (r#"{"ForAnyValue:StringLike":{"aws:k":"x*"}}"#, &[("aws:k", &["a", "xy"])], true),
    (r#"{"ForAllValues:StringNotEquals":{"aws:k":["a","b"]}}"#, &[("aws:k", &["c", "b"])], false),
    (r#"{"ForAnyValue:StringNotEquals":{"aws:k":["a"]}}"#, &[("aws:k", &["a", "c"])], true),
    (r#"{"ForAllValues:NumericLessThan":{"aws:k":"5"}}"#, &[("aws:k", &["1", "4"])], true),
    (r#"{"StringEquals":{"aws:k":"${aws:j}"}}"#, &[("aws:k", &["v"]), ("aws:j", &["v"])], true),
    (r#"{"StringEquals":{"aws:k":"${aws:j}"}}"#, &[("aws:k", &["v"])], false),
    (r#"{"StringLike":{"aws:k":"${aws:j}"}}"#, &[("aws:k", &["anything"]), ("aws:j", &["*"])], false),
    (r#"{"StringEquals":{"aws:k":"${aws:j, 'd'}"}}"#, &[("aws:k", &["d"])], true),
    (r#"{"StringEquals":{"aws:k":"a","aws:j":"b"}}"#, &[("aws:k", &["a"])], false),
    (r#"{"StringEquals":{"aws:k":"a"},"Bool":{"aws:j":"true"}}"#, &[("aws:k", &["a"]), ("aws:j", &["true"])], true),
    // A key that is absent: negated operators hold, the others do not; IfExists holds; ForAllValues holds, ForAnyValue does not.
    (r#"{"StringNotLike":{"aws:k":"a*"}}"#, ABSENT, true),
    (r#"{"StringNotEqualsIgnoreCase":{"aws:k":"a"}}"#, ABSENT, true),
    (r#"{"NumericNotEquals":{"aws:k":"1"}}"#, ABSENT, true),
    (r#"{"NumericLessThan":{"aws:k":"1"}}"#, ABSENT, false),
    (r#"{"DateNotEquals":{"aws:k":"2026-11-23"}}"#, ABSENT, true),
    (r#"{"DateLessThan":{"aws:k":"2026-11-23"}}"#, ABSENT, false),
    (r#"{"NotIpAddress":{"aws:k":"10.0.0.0/8"}}"#, ABSENT, true),
    (r#"{"IpAddress":{"aws:k":"0.0.0.0/0"}}"#, ABSENT, false),
    (r#"{"ArnNotLike":{"aws:k":"arn:aws:iam::*:role/*"}}"#, ABSENT, true),
    (r#"{"ArnEquals":{"aws:k":"arn:aws:iam::*:role/*"}}"#, ABSENT, false),
    (r#"{"BinaryEquals":{"aws:k":"QQ=="}}"#, ABSENT, false),
    (r#"{"NumericLessThanIfExists":{"aws:k":"1"}}"#, ABSENT, true),
    (r#"{"NumericLessThanIfExists":{"aws:k":"1"}}"#, &[("aws:k", &["2"])], false),
    (r#"{"IpAddressIfExists":{"aws:k":"10.0.0.0/8"}}"#, &[("aws:k", &["11.0.0.1"])], false),
    (r#"{"ForAllValues:StringEqualsIfExists":{"aws:k":"a"}}"#, ABSENT, true),
    (r#"{"ForAnyValue:StringNotEquals":{"aws:k":"a"}}"#, ABSENT, false),
    (r#"{"ForAllValues:StringEquals":{"aws:k":"a"}}"#, &[("aws:k", &[])], true),
    // Several values in the policy: one must match; under a negated operator none may.
    (r#"{"StringNotLike":{"aws:k":["x*","a*"]}}"#, &[("aws:k", &["abc"])], false),
    (r#"{"NumericNotEquals":{"aws:k":["1","2"]}}"#, &[("aws:k", &["2"])], false),
    (r#"{"NotIpAddress":{"aws:k":["10.0.0.0/8","192.168.0.0/16"]}}"#, &[("aws:k", &["192.168.1.1"])], false),
    (r#"{"ArnNotLike":{"aws:k":["arn:aws:iam::1:role/*","arn:aws:iam::1:user/*"]}}"#, &[("aws:k", &["arn:aws:iam::1:user/x"])], false),
    (r#"{"DateNotEquals":{"aws:k":["2026-11-23","2026-11-24"]}}"#, &[("aws:k", &["2026-11-24T00:00:00Z"])], false),
    // Several keys under one operator, and several operators: all must hold.
    (r#"{"StringEquals":{"aws:k":"a","aws:j":"b"}}"#, &[("aws:k", &["a"]), ("aws:j", &["b"])], true),
    (r#"{"StringEquals":{"aws:k":"a"},"StringNotEquals":{"aws:j":"b"}}"#, &[("aws:k", &["a"]), ("aws:j", &["b"])], false),
    // Several values in the request.
    (r#"{"ForAllValues:StringLike":{"aws:k":["a*","b?"]}}"#, &[("aws:k", &["ax", "b1", "a"])], true),
    (r#"{"ForAllValues:StringLike":{"aws:k":["a*","b?"]}}"#, &[("aws:k", &["ax", "b12"])], false),
    (r#"{"ForAnyValue:NumericGreaterThan":{"aws:k":"5"}}"#, &[("aws:k", &["1", "6"])], true),
    (r#"{"ForAnyValue:StringNotEquals":{"aws:k":["a","c"]}}"#, &[("aws:k", &["a", "c"])], false),
    // Bounds of numbers, dates and networks; what is no number matches nothing.
    (r#"{"NumericLessThanEquals":{"aws:k":"3600"}}"#, &[("aws:k", &["3601"])], false),
    (r#"{"NumericGreaterThan":{"aws:k":"-1"}}"#, &[("aws:k", &["0"])], true),
    (r#"{"NumericEquals":{"aws:k":"x"}}"#, &[("aws:k", &["x"])], false),
    (r#"{"DateGreaterThan":{"aws:k":"2026-11-23T10:00:00Z"}}"#, &[("aws:k", &["2026-11-23T10:00:00Z"])], false),
    (r#"{"IpAddress":{"aws:k":"203.0.113.7"}}"#, &[("aws:k", &["203.0.113.7"])], true),
    (r#"{"IpAddress":{"aws:k":"0.0.0.0/0"}}"#, &[("aws:k", &["::1"])], false),
    (r#"{"IpAddress":{"aws:k":"2001:db8::/32"}}"#, &[("aws:k", &["2001:db8:1::1"])], true),
    // Variables: a default only where the key has no one value; the signs themselves; no wildcard from a value.
    (r#"{"StringEquals":{"aws:k":"${aws:j, 'd'}"}}"#, &[("aws:k", &["d"]), ("aws:j", &["v"])], false),
    (r#"{"StringEquals":{"aws:k":"${aws:j, 'd'}"}}"#, &[("aws:k", &["v"]), ("aws:j", &["v"])], true),
    (r#"{"StringEquals":{"aws:k":"${AWS:J}"}}"#, &[("aws:k", &["v"]), ("aws:j", &["v"])], true),
    (r#"{"StringEquals":{"aws:k":"a-${aws:j}-${aws:i}"}}"#, &[("aws:k", &["a-1-2"]), ("aws:j", &["1"]), ("aws:i", &["2"])], true),
    (r#"{"StringLike":{"aws:k":"${*}"}}"#, &[("aws:k", &["x"])], false),
    (r#"{"StringLike":{"aws:k":"${*}"}}"#, &[("aws:k", &["*"])], true),
    (r#"{"StringNotEquals":{"aws:k":"${aws:j}"}}"#, &[("aws:k", &["v"])], true),
];

#[test]
fn every_operator() {
    for (condition, keys, expected) in OPERATORS {
        let mut context = Context::new();
        for (key, values) in *keys {
            context.set_all(key, values.iter().map(|value| (*value).to_owned()));
        }
        let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#);
        let expected = if *expected { Outcome::Allowed } else { NO };
        assert_eq!(simple(&statement, "a:B", "*", &context), expected, "{condition} with {keys:?}");
    }
}

const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const S3: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
const NO_S3: &str = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#;

#[test]
fn boundaries_and_session_policies_only_narrow() {
    let (all, s3, no_s3) = (identity(ALL), identity(S3), identity(NO_S3));
    let none = Context::new();
    let mut policies = Policies { identity: vec![source(&all)], boundary: Some(source(&s3)), ..Policies::default() };
    let ask = |policies: &Policies<'_>, action| ask(&user(), action, "*", &none, policies);
    assert_eq!(ask(&policies, "s3:GetObject"), Outcome::Allowed);
    assert_eq!(ask(&policies, "ec2:RunInstances"), Outcome::ImplicitDeny(Kind::Boundary));
    policies.session = Some(vec![source(&no_s3)]);
    assert_eq!(ask(&policies, "s3:GetObject"), Outcome::ExplicitDeny(Kind::Session));
    policies.session = Some(Vec::new());
    assert_eq!(ask(&policies, "s3:GetObject"), Outcome::ImplicitDeny(Kind::Session));
    policies.session = Some(vec![source(&s3)]);
    policies.identity = Vec::new();
    assert_eq!(ask(&policies, "s3:GetObject"), NO, "neither grants by itself");
}

/// Who may assume a role, by its trust policy, with and without an identity policy that allows it.
#[test]
fn trust() {
    let may = identity(r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#);
    let never = identity(r#"{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}"#);
    let allowed = Outcome::Allowed;
    let untrusted = Outcome::ImplicitDeny(Kind::Resource);
    // (principal, caller, account of the role, without identity policy, with one)
    let cases = [
        (r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"}"#, user(), ACCOUNT, allowed, allowed),
        (r#""Principal":{"AWS":"AIDAALICE00000000000"}"#, user(), ACCOUNT, allowed, allowed),
        (r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"}"#, user(), ACCOUNT, untrusted, untrusted),
        (r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#, user(), ACCOUNT, NO, allowed),
        (r#""Principal":{"AWS":"111122223333"}"#, user(), ACCOUNT, NO, allowed),
        (r#""Principal":{"AWS":"444455556666"}"#, user(), ACCOUNT, untrusted, untrusted),
        (r#""Principal":"*""#, user(), ACCOUNT, allowed, allowed),
        (r#""Principal":{"AWS":"*"}"#, user(), OTHER, NO, allowed),
        (r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"}"#, user(), OTHER, NO, allowed),
        (r#""Principal":{"AWS":"arn:aws:iam::111122223333:root"}"#, user(), OTHER, NO, allowed),
        (r#""Principal":{"AWS":"arn:aws:iam::111122223333:role/Dev"}"#, role_session(), ACCOUNT, allowed, allowed),
        (r#""Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/Dev/me"}"#, role_session(), ACCOUNT, allowed, allowed),
        (r#""Principal":{"AWS":"arn:aws:sts::111122223333:assumed-role/Dev/you"}"#, role_session(), ACCOUNT, untrusted, untrusted),
        (r#""Principal":{"Service":"ec2.amazonaws.com"}"#, user(), ACCOUNT, untrusted, untrusted),
        (r#""NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/alice"}"#, user(), ACCOUNT, untrusted, untrusted),
    ];
    for (principal, caller, account, without, with) in cases {
        let trust = document(&format!(r#"{{"Effect":"Allow",{principal},"Action":"sts:AssumeRole"}}"#), Shape::Trust);
        let resource = Some(ResourcePolicy { source: source(&trust), account, required: true });
        let context = Context::new();
        let ask = |policies: &Policies<'_>| ask(&caller, "sts:AssumeRole", "arn:aws:iam::1:role/r", &context, policies);
        assert_eq!(ask(&Policies { resource, ..Policies::default() }), without, "{principal} without");
        assert_eq!(ask(&Policies { identity: vec![source(&may)], resource, ..Policies::default() }), with, "{principal} with");
        let denied = ask(&Policies { identity: vec![source(&never)], resource, ..Policies::default() });
        assert_eq!(denied, DENIED, "{principal}: a deny wins");
    }
}

#[test]
fn a_role_named_by_trust_is_still_narrowed_by_its_session() {
    let trust = document(r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/Dev"},"Action":"sts:*"}"#, Shape::Trust);
    let s3 = identity(S3);
    let resource = Some(ResourcePolicy { source: source(&trust), account: ACCOUNT, required: true });
    let policies = Policies { session: Some(vec![source(&s3)]), resource, ..Policies::default() };
    let context = Context::new();
    assert_eq!(ask(&role_session(), "sts:AssumeRole", "x", &context, &policies), Outcome::ImplicitDeny(Kind::Session));
    let policies = Policies { boundary: Some(source(&s3)), resource, ..Policies::default() };
    assert_eq!(ask(&role_session(), "sts:AssumeRole", "x", &context, &policies), Outcome::ImplicitDeny(Kind::Boundary));
}

#[test]
fn a_decision_names_its_statements() {
    let document = identity(&format!(r#"{ALL},{{"Sid":"Stop","Effect":"Deny","Action":"s3:*","Resource":"*"}}"#));
    let policies = Policies { identity: vec![source(&document)], ..Policies::default() };
    let (caller, context) = (user(), Context::new());
    let Decision { outcome, because } = decide(&Request { caller: &caller, action: "s3:X", resource: "*", context: &context }, &policies);
    assert_eq!(outcome, DENIED);
    let named: Vec<_> = because.iter().map(|matched| (matched.statement, matched.sid.as_deref())).collect();
    assert_eq!(named, [(0, None), (1, Some("Stop"))]);
}
