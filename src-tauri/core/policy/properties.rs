//! Properties that no policy may break: a deny always wins, an allow only gives, a deny only takes, a session policy and a
//! boundary only narrow.
//!
//! Over generated documents with every operator, `IfExists`, both set prefixes, variables with and without defaults, the
//! `Not…` elements and trust policies, asked by a user, a role's session and a federated user, in both accounts. What each
//! rule says in particular is in `tests`.

use proptest::prelude::*;

use super::{Caller, Context, Document, Kind, Outcome, Policies, Request, ResourcePolicy, Shape, Source, decide};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";

const OPERATORS: [&str; 26] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
];
const KEYS: [&str; 4] = ["aws:one", "aws:two", "AWS:Three", "aws:username"];
const VALUES: [&str; 14] = [
    "a",
    "A",
    "a*",
    "5",
    "10.0",
    "true",
    "2026-11-23T09:00:00Z",
    "1763892000",
    "10.0.0.0/8",
    "10.1.2.3",
    "arn:aws:iam::111122223333:role/dev",
    "arn:aws:iam::*:role/*",
    "QQ==",
    "x,y",
];
const TEMPLATES: [&str; 4] = ["${aws:username}", "${aws:absent}", "${aws:absent, 'a'}", "${*}"];
const ACTIONS: [&str; 6] = ["*", "s3:*", "s3:Get?bject", "iam:*", "sts:*", "sts:AssumeRole"];
const RESOURCES: [&str; 5] = ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::${aws:username}/*", "arn:aws:iam::*:role/*", "arn:aws:iam::111122223333:role/dev"];
const PRINCIPALS: [&str; 9] = [
    r#""*""#,
    r#"{"AWS":"*"}"#,
    r#"{"AWS":"111122223333"}"#,
    r#"{"AWS":"arn:aws:iam::444455556666:root"}"#,
    r#"{"AWS":["arn:aws:iam::111122223333:user/alice","444455556666"]}"#,
    r#"{"AWS":"arn:aws:iam::111122223333:role/dev"}"#,
    r#"{"AWS":"arn:aws:sts::111122223333:assumed-role/dev/me"}"#,
    r#"{"AWS":"arn:aws:sts::111122223333:federated-user/app"}"#,
    r#"{"Service":"ec2.amazonaws.com"}"#,
];

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(texts)
}

fn quoted(texts: &[&str]) -> String {
    let quoted: Vec<_> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", quoted.join(","))
}

/// One block of conditions, or none.
fn condition() -> impl Strategy<Value = String> {
    let name = (one_of(&["", "", "ForAllValues:", "ForAnyValue:"]), one_of(&OPERATORS), one_of(&["", "IfExists"]));
    let name = name.prop_flat_map(|(set, operator, if_exists)| {
        // A date that is none is refused before it is ever compared.
        let values: &'static [&'static str] = if operator.starts_with("Date") { &VALUES[6..8] } else { &VALUES };
        let values = prop::collection::vec(prop_oneof![4 => one_of(values), 1 => one_of(&TEMPLATES)], 1..4);
        (Just(format!("{set}{operator}{if_exists}")), values)
    });
    let test = (name, one_of(&KEYS)).prop_map(|((operator, values), key)| (operator, key, quoted(&values)));
    let null = (one_of(&KEYS), one_of(&["true", "false"])).prop_map(|(key, value)| ("Null".to_owned(), key, format!("\"{value}\"")));
    let block = prop_oneof![5 => test, 1 => null];
    prop_oneof![
        1 => Just(String::new()),
        2 => block.prop_map(|(operator, key, values)| format!(r#","Condition":{{"{operator}":{{"{key}":{values}}}}}"#)),
    ]
}

fn statement(effect: Option<&'static str>, shape: Shape) -> impl Strategy<Value = String> {
    let effect = effect.map_or_else(|| one_of(&["Allow", "Deny"]).boxed(), |effect| Just(effect).boxed());
    let actions = if shape == Shape::Trust { &ACTIONS[4..] } else { &ACTIONS[..] };
    let actions = (one_of(&["Action", "Action", "NotAction"]), prop::collection::vec(one_of(actions), 1..3));
    let about = match shape {
        Shape::Identity => (one_of(&["Resource", "Resource", "NotResource"]), prop::collection::vec(one_of(&RESOURCES), 1..3))
            .prop_map(|(element, names)| format!(r#""{element}":{}"#, quoted(&names)))
            .boxed(),
        Shape::Trust => (one_of(&["Principal", "Principal", "NotPrincipal"]), one_of(&PRINCIPALS))
            .prop_map(|(element, principal)| format!(r#""{element}":{principal}"#))
            .boxed(),
        Shape::Resource => {
            (one_of(&RESOURCES), one_of(&PRINCIPALS)).prop_map(|(resource, principal)| format!(r#""Resource":"{resource}","Principal":{principal}"#)).boxed()
        }
    };
    (effect, actions, about, condition())
        .prop_map(|(effect, (element, actions), about, condition)| format!(r#"{{"Effect":"{effect}","{element}":{},{about}{condition}}}"#, quoted(&actions)))
}

/// A document of either version, with up to three statements.
fn document(shape: Shape) -> impl Strategy<Value = Document> {
    (prop::collection::vec(statement(None, shape), 1..4), one_of(&["2012-10-17", "2012-10-17", "2008-10-17"])).prop_map(move |(statements, version)| {
        let text = format!(r#"{{"Version":"{version}","Statement":[{}]}}"#, statements.join(","));
        Document::parse(&text, shape).unwrap_or_else(|malformed| panic!("{malformed}: {text}"))
    })
}

fn single(effect: &'static str) -> impl Strategy<Value = Document> {
    statement(Some(effect), Shape::Identity)
        .prop_map(|statement| Document::parse(&format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#), Shape::Identity).unwrap())
}

fn caller() -> impl Strategy<Value = Caller> {
    let user = ("arn:aws:iam::111122223333:user/alice", "AIDAALICE00000000000");
    prop::sample::select(vec![
        Caller { account: ACCOUNT.into(), exact: vec![user.0.into(), user.1.into()], behind: Vec::new() },
        Caller {
            account: ACCOUNT.into(),
            exact: vec!["arn:aws:sts::111122223333:assumed-role/dev/me".into()],
            behind: vec!["arn:aws:iam::111122223333:role/dev".into(), "AROADEV0000000000000".into()],
        },
        Caller { account: ACCOUNT.into(), exact: vec!["arn:aws:sts::111122223333:federated-user/app".into()], behind: vec![user.0.into(), user.1.into()] },
    ])
}

/// The condition keys, each absent, single or with several values.
fn context() -> impl Strategy<Value = Context> {
    prop::collection::vec(prop::collection::vec(one_of(&VALUES), 0..3), KEYS.len()).prop_map(|values| {
        let mut context = Context::new();
        for (key, values) in KEYS.iter().zip(values) {
            context.set_all(key, values.into_iter().map(str::to_owned));
        }
        context
    })
}

/// All that has a say in one decision.
#[derive(Clone, Debug)]
struct Case {
    caller: Caller,
    action: &'static str,
    resource: &'static str,
    context: Context,
    identity: Vec<Document>,
    boundary: Option<Document>,
    session: Option<Vec<Document>>,
    trust: Option<(Document, &'static str, bool)>,
}

impl Case {
    fn outcome(&self) -> Outcome {
        fn source(document: &Document) -> Source<'_> {
            Source { name: "p", document }
        }
        let policies = Policies {
            identity: self.identity.iter().map(source).collect(),
            boundary: self.boundary.as_ref().map(source),
            session: self.session.as_ref().map(|documents| documents.iter().map(source).collect()),
            resource: self.trust.as_ref().map(|(document, account, required)| ResourcePolicy { source: source(document), account, required: *required }),
        };
        decide(&Request { caller: &self.caller, action: self.action, resource: self.resource, context: &self.context }, &policies).outcome
    }

    fn with(&self, change: impl FnOnce(&mut Self)) -> Outcome {
        let mut changed = self.clone();
        change(&mut changed);
        changed.outcome()
    }
}

fn case() -> impl Strategy<Value = Case> {
    let asked = (
        one_of(&["s3:GetObject", "iam:GetUser", "sts:AssumeRole", "sts:TagSession"]),
        one_of(&["arn:aws:s3:::b/k", "arn:aws:s3:::a/k", "arn:aws:iam::111122223333:role/dev"]),
    );
    let trust = prop::option::of((document(Shape::Trust), one_of(&[ACCOUNT, OTHER]), any::<bool>()));
    let policies = (
        prop::collection::vec(document(Shape::Identity), 0..3),
        prop::option::weighted(0.3, document(Shape::Identity)),
        prop::option::weighted(0.3, prop::collection::vec(document(Shape::Identity), 0..3)),
        trust,
    );
    (caller(), asked, context(), policies).prop_map(|(caller, (action, resource), context, (identity, boundary, session, trust))| Case {
        caller,
        action,
        resource,
        context,
        identity,
        boundary,
        session,
        trust,
    })
}

/// Whatever is asked, in a policy of any kind.
fn everything(effect: &str, shape: Shape) -> Document {
    let about = if shape == Shape::Trust { r#""Principal":"*","Action":"sts:*""# } else { r#""Resource":"*","Action":"*""# };
    Document::parse(&format!(r#"{{"Statement":{{"Effect":"{effect}",{about}}}}}"#), shape).unwrap()
}

/// Trusts an account that nobody here is in.
fn stranger() -> Document {
    Document::parse(r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"sts:*"}}"#, Shape::Trust).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_deny_always_wins(case in case()) {
        let denied = |outcome| matches!(outcome, Outcome::ExplicitDeny(_));
        prop_assert!(denied(case.with(|case| case.identity.push(everything("Deny", Shape::Identity)))));
        prop_assert!(denied(case.with(|case| case.boundary = Some(everything("Deny", Shape::Identity)))));
        prop_assert!(denied(case.with(|case| case.session.get_or_insert_default().push(everything("Deny", Shape::Identity)))));
        if case.action.starts_with("sts:") {
            prop_assert!(denied(case.with(|case| case.trust = Some((everything("Deny", Shape::Trust), ACCOUNT, true)))));
        }
    }

    #[test]
    fn adding_an_allow_never_turns_allow_into_deny(case in case(), more in single("Allow")) {
        let before = case.outcome();
        let after = case.with(|case| case.identity.push(more.clone()));
        prop_assert!(before != Outcome::Allowed || after == Outcome::Allowed);
        if let Outcome::ExplicitDeny(_) = before {
            prop_assert_eq!(before, after, "nor does it lift a deny");
        }
        if case.session.is_some() {
            let after = case.with(|case| case.session.get_or_insert_default().push(more));
            prop_assert!(before != Outcome::Allowed || after == Outcome::Allowed);
        }
    }

    #[test]
    fn adding_a_deny_never_turns_deny_into_allow(case in case(), more in single("Deny")) {
        let before = case.outcome();
        for after in [
            case.with(|case| case.identity.push(more.clone())),
            case.with(|case| case.session.get_or_insert_default().push(more.clone())),
            case.with(|case| case.boundary = case.boundary.clone().or(Some(more.clone()))),
        ] {
            prop_assert!(before == Outcome::Allowed || after != Outcome::Allowed);
        }
    }

    #[test]
    fn a_session_policy_only_narrows(case in case(), session in prop::collection::vec(document(Shape::Identity), 0..3)) {
        let without = case.with(|case| case.session = None);
        let with = case.with(|case| case.session = Some(session));
        prop_assert!(with != Outcome::Allowed || without == Outcome::Allowed);
    }

    #[test]
    fn a_boundary_only_narrows(case in case(), boundary in document(Shape::Identity)) {
        let without = case.with(|case| case.boundary = None);
        let with = case.with(|case| case.boundary = Some(boundary));
        prop_assert!(with != Outcome::Allowed || without == Outcome::Allowed);
    }

    #[test]
    fn nobody_assumes_a_role_that_does_not_trust_them(case in case()) {
        for account in [ACCOUNT, OTHER] {
            prop_assert_ne!(case.with(|case| case.trust = Some((stranger(), account, true))), Outcome::Allowed);
        }
    }

    #[test]
    fn across_accounts_both_sides_must_allow(case in case()) {
        let open = Some((everything("Allow", Shape::Trust), OTHER, true));
        let nothing = case.with(|case| { case.trust.clone_from(&open); case.identity.clear(); });
        prop_assert_ne!(nothing, Outcome::Allowed, "the trust policy alone");
        let closed = case.with(|case| {
            case.identity.push(everything("Allow", Shape::Identity));
            case.trust = Some((stranger(), OTHER, false));
        });
        prop_assert_ne!(closed, Outcome::Allowed, "the identity policy alone");
    }

    #[test]
    fn the_order_of_policies_means_nothing(case in case()) {
        let reversed = case.with(|case| {
            case.identity.reverse();
            if let Some(session) = &mut case.session {
                session.reverse();
            }
        });
        prop_assert_eq!(case.outcome() == Outcome::Allowed, reversed == Outcome::Allowed);
    }

    #[test]
    fn a_condition_is_the_same_for_a_key_in_any_case(case in case()) {
        let shout = |document: &Document| {
            let text = KEYS.iter().fold(document.text().to_owned(), |text, key| text.replace(&format!("\"{key}\""), &format!("\"{}\"", key.to_uppercase())));
            Document::parse(&text, Shape::Identity).unwrap()
        };
        prop_assert_eq!(case.with(|case| case.identity = case.identity.iter().map(shout).collect()), case.outcome());
    }

    #[test]
    fn nothing_allows_but_a_statement_that_allows(case in case()) {
        let without = case.with(|case| { case.identity.clear(); case.trust = None; });
        prop_assert!(matches!(without, Outcome::ImplicitDeny(Kind::Identity) | Outcome::ExplicitDeny(Kind::Boundary | Kind::Session)));
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
        let mut context = Context::new();
        context.set("aws:k", text);
        let caller = Caller { account: ACCOUNT.to_owned(), exact: Vec::new(), behind: Vec::new() };
        for operator in ["IpAddress", "DateEquals", "ArnLike", "NumericEquals", "BinaryEquals"] {
            let statement = format!(r#"{{"Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"aws:k":{element}}}}}}}}}"#);
            let Ok(document) = Document::parse(&statement, Shape::Identity) else { continue };
            let policies = Policies { identity: vec![Source { name: "p", document: &document }], ..Policies::default() };
            let _ = decide(&Request { caller: &caller, action: "a:B", resource: "*", context: &context }, &policies);
        }
    }
}
