//! The decision as a table: what the policies say, what is asked, what IAM answers.
//!
//! Each row is one rule of the IAM User Guide, the tricky ones beside the plain; then three properties that no policy may break,
//! and text that nobody would write.

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
    (r#"{"DateLessThanEquals":{"aws:k":"no date"}}"#, &[("aws:k", &["2026-11-23T10:00:00Z"])], false),
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

#[test]
fn malformed_documents_in_awss_words() {
    for (shape, text, message) in [
        (Shape::Identity, "{", "This policy contains invalid Json"),
        (Shape::Identity, r#"{"Statement":[],"Statement":[]}"#, "This policy contains invalid Json"),
        (Shape::Identity, "[]", "Syntax errors in policy."),
        (Shape::Identity, r#"{"Version":"2012-10-17"}"#, "Syntax errors in policy."),
        (Shape::Identity, r#"{"Version":"2013-01-01","Statement":[]}"#, "The policy must contain a valid version string"),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Resource":"*"}}"#, "Policy statement must contain actions."),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":"s3:*"}}"#, "Policy statement must contain resources."),
        (Shape::Identity, r#"{"Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}"#, "Syntax errors in policy."),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}"#,
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (Shape::Identity, r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}}"#, "Resource bucket must be in ARN format or \"*\"."),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}}"#,
            "Policy document should not specify a principal.",
        ),
        (
            Shape::Identity,
            r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#,
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            Shape::Identity,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringIs":{"aws:k":"a"}}}}"#,
            "Invalid Condition type : StringIs.",
        ),
        (Shape::Trust, r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}"#, "Missing required field Principal"),
        (Shape::Trust, r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}}"#, "Has prohibited field Resource"),
        (
            Shape::Trust,
            r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Principal":"*"}}"#,
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            Shape::Trust,
            r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"alice"}}}"#,
            "Invalid principal in policy: \"AWS\":\"alice\"",
        ),
    ] {
        assert_eq!(Document::parse(text, shape).unwrap_err().0, message, "{text}");
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn statement() -> impl Strategy<Value = String> {
        let actions = prop::sample::select(vec!["*", "s3:*", "s3:Get*", "iam:*", "sts:AssumeRole"]);
        let resources = prop::sample::select(vec!["*", "arn:aws:s3:::b/*", "arn:aws:iam::*:role/*"]);
        let conditions =
            prop::sample::select(vec!["", r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#, r#","Condition":{"Null":{"aws:x":"true"}}"#]);
        (prop::bool::ANY, actions, resources, conditions).prop_map(|(allow, action, resource, condition)| {
            format!(r#"{{"Effect":"{}","Action":"{action}","Resource":"{resource}"{condition}}}"#, if allow { "Allow" } else { "Deny" })
        })
    }

    fn request() -> impl Strategy<Value = (&'static str, &'static str, bool)> {
        let actions = prop::sample::select(vec!["s3:GetObject", "s3:PutObject", "iam:GetRole", "sts:AssumeRole"]);
        (actions, prop::sample::select(vec!["arn:aws:s3:::b/k", "arn:aws:iam::111122223333:role/r"]), prop::bool::ANY)
    }

    fn outcome(identity: &[Document], session: Option<&[Document]>, (action, resource, mfa): (&str, &str, bool)) -> Outcome {
        let mut context = Context::new();
        if mfa {
            context.set("aws:MultiFactorAuthPresent", "true");
        }
        let policies = Policies {
            identity: identity.iter().map(source).collect(),
            session: session.map(|documents| documents.iter().map(source).collect()),
            ..Policies::default()
        };
        ask(&user(), action, resource, &context, &policies)
    }

    proptest! {
        #[test]
        fn more_statements_move_one_way(base in prop::collection::vec(statement(), 0..5), more in statement(), request in request()) {
            let documents: Vec<_> = base.iter().map(|text| identity(text)).collect();
            let before = outcome(&documents, None, request);
            let mut with: Vec<_> = documents.clone();
            with.push(identity(&more));
            let after = outcome(&with, None, request);
            if more.contains("Allow") {
                prop_assert!(before != Outcome::Allowed || after == Outcome::Allowed, "an allow never takes away");
            } else {
                prop_assert!(before == Outcome::Allowed || after != Outcome::Allowed, "a deny never gives");
            }
            if matches!(before, Outcome::ExplicitDeny(_)) {
                prop_assert_eq!(after, before, "a deny stays");
            }
        }

        #[test]
        fn a_session_policy_only_narrows(base in prop::collection::vec(statement(), 0..5), session in prop::collection::vec(statement(), 0..3), request in request()) {
            let documents: Vec<_> = base.iter().map(|text| identity(text)).collect();
            let session: Vec<_> = session.iter().map(|text| identity(text)).collect();
            if outcome(&documents, Some(&session), request) == Outcome::Allowed {
                prop_assert_eq!(outcome(&documents, None, request), Outcome::Allowed);
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in r#"[\[\]{}":,*?$a-zA-Z0-9 ]{0,120}"#, element in ".{0,40}") {
            let _ = Document::parse(&text, Shape::Identity);
            let element = serde_json::to_string(&element).unwrap();
            for shape in [Shape::Identity, Shape::Trust] {
                for key in ["Action", "Resource", "Principal", "Sid", "Effect", "Condition"] {
                    let _ = Document::parse(&format!(r#"{{"Statement":{{"Effect":"Allow","Action":"sts:*","{key}":{element}}}}}"#), shape);
                }
            }
            let condition = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"IpAddress":{{"aws:k":{element}}},"DateEquals":{{"aws:k":{element}}},"ArnLike":{{"aws:k":{element}}}}}}}"#);
            let mut context = Context::new();
            context.set("aws:k", text);
            let _ = simple(&condition, "a:B", "*", &context);
        }
    }
}
