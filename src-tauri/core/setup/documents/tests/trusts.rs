//! Trust policies, judged as an attacker would try them.
//!
//! Without MFA, with a wrong external ID or none, from another account, through a service of another account, with a tag that
//! is not allowed, as a stranger of a shared identity provider.

use super::{OTHER, OWN, lets};
use crate::{
    model::{
        arn::Partition,
        params::ExternalId,
        setup::{Tag, Trusted},
    },
    setup::documents::{Terms, service_principal, trust},
};

const DANA: &str = "arn:aws:iam::111122223333:user/dana";
const EVE: &str = "arn:aws:iam::111122223333:user/eve";
const ABROAD: &str = "arn:aws:iam::444455556666:user/dana";
const ASSUME: &str = "sts:AssumeRole";
const MFA: (&str, &str) = ("aws:MultiFactorAuthPresent", "true");

fn user(name: &str) -> Trusted {
    Trusted::User { name: name.to_owned() }
}

fn party() -> Trusted {
    Trusted::ThirdParty { id: OTHER.to_owned() }
}

fn external() -> ExternalId {
    ExternalId::parse("abcd-1234").unwrap()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

fn made(trusted: &[Trusted], terms: &Terms) -> String {
    trust(trusted, terms, OWN, Partition::Aws).unwrap()
}

fn refused(trusted: &[Trusted], terms: &Terms) -> String {
    trust(trusted, terms, OWN, Partition::Aws).unwrap_err().message
}

#[test]
fn people_need_mfa_that_is_not_too_old() {
    let terms = Terms { mfa: true, mfa_max_age: Some(3600), ..Terms::default() };
    let policy = made(&[user("dana")], &terms);
    let aged = |age: &'static str| [MFA, ("aws:MultiFactorAuthAge", age)];
    assert!(lets(&policy, DANA, ASSUME, &aged("0")) && lets(&policy, DANA, ASSUME, &aged("3599")));
    assert!(!lets(&policy, DANA, ASSUME, &aged("3600")) && !lets(&policy, DANA, ASSUME, &[]) && !lets(&policy, DANA, ASSUME, &[MFA]));
    assert!(!lets(&policy, EVE, ASSUME, &aged("0")) && !lets(&policy, ABROAD, ASSUME, &aged("0")));
    assert!(!lets(&policy, DANA, "sts:TagSession", &aged("0")) && !lets(&policy, DANA, "sts:SetSourceIdentity", &aged("0")));
    let path = Terms { users: [("dana".to_owned(), "arn:aws:iam::111122223333:user/people/dana".to_owned())].into(), ..Terms::default() };
    assert!(lets(&made(&[user("dana")], &path), "arn:aws:iam::111122223333:user/people/dana", ASSUME, &[]));
    let group = made(&[Trusted::Group { name: "devs".to_owned() }], &Terms { mfa: true, ..Terms::default() });
    assert!(lets(&group, EVE, ASSUME, &[MFA]) && !lets(&group, EVE, ASSUME, &[]) && !lets(&group, ABROAD, ASSUME, &[MFA]));
}

#[test]
fn users_with_the_same_terms_share_a_statement() {
    let policy = made(&[user("dana"), user("eve"), user("dana")], &Terms { mfa: true, ..Terms::default() });
    assert_eq!((policy.matches("Effect").count(), policy.matches("user/dana").count()), (1, 1));
    assert!(lets(&policy, DANA, ASSUME, &[MFA]) && lets(&policy, EVE, ASSUME, &[MFA]) && !lets(&policy, EVE, ASSUME, &[]));
}

#[test]
fn third_parties_give_their_external_id_and_open_no_other_way() {
    let terms = Terms { mfa: true, external_id: Some(external()), ..Terms::default() };
    let policy = made(&[user("dana"), party()], &terms);
    let id = |value: &'static str| [("sts:ExternalId", value)];
    assert!(lets(&policy, ABROAD, ASSUME, &id("abcd-1234")));
    assert!(!lets(&policy, ABROAD, ASSUME, &id("abcd-1235")) && !lets(&policy, ABROAD, ASSUME, &[]) && !lets(&policy, ABROAD, ASSUME, &[MFA]));
    assert!(lets(&policy, DANA, ASSUME, &[MFA]) && !lets(&policy, DANA, ASSUME, &id("abcd-1234")), "an external ID is no MFA");
    assert!(refused(&[party()], &Terms::default()).contains("no external ID"));
    assert!(refused(&[Trusted::ThirdParty { id: OWN.to_owned() }], &terms).contains("this account"));
    assert!(refused(&[party(), Trusted::ThirdParty { id: "777788889999".to_owned() }], &terms).contains("share"));
    assert!(refused(&[party(), Trusted::Account { id: OTHER.to_owned() }], &terms).contains("third party"));
    let own = made(&[Trusted::Account { id: OTHER.to_owned() }], &Terms { external_id: Some(external()), ..Terms::default() });
    assert!(lets(&own, ABROAD, ASSUME, &id("abcd-1234")) && !lets(&own, ABROAD, ASSUME, &[]));
    assert!(refused(&[], &terms).contains("Nobody"));
    assert!(refused(&[Trusted::Account { id: "4444".to_owned() }], &terms).contains("4444"));
    assert!(refused(&[user("*")], &terms).contains("user") && refused(&[user("a/b")], &terms).contains("user"));
}

#[test]
fn services_act_for_this_account_where_they_say_for_whom() {
    for (name, guarded) in [("ec2", false), ("lambda", false), ("ecs-tasks", true), ("codebuild", true)] {
        let policy = made(
            &[Trusted::Service { name: name.to_owned() }],
            &Terms { mfa: true, source_identity: true, session_tags: vec![tag("team", "*")], ..Terms::default() },
        );
        let service = format!("{name}.amazonaws.com");
        assert!(lets(&policy, &service, ASSUME, &[("aws:SourceAccount", OWN)]), "{name}");
        assert_eq!(lets(&policy, &service, ASSUME, &[("aws:SourceAccount", OTHER)]), !guarded, "{name}");
        assert!(!lets(&policy, "sns.amazonaws.com", ASSUME, &[("aws:SourceAccount", OWN)]) && !lets(&policy, DANA, ASSUME, &[MFA]), "{name}");
    }
    assert_eq!(service_principal("ec2", Partition::China).unwrap(), "ec2.amazonaws.com.cn");
    assert_eq!(service_principal("ec2.amazonaws.com.cn", Partition::China).unwrap(), "ec2.amazonaws.com.cn");
    assert_eq!(service_principal("lambda", Partition::China).unwrap(), "lambda.amazonaws.com");
    assert_eq!(service_principal("pods.eks.amazonaws.com", Partition::Aws).unwrap(), "pods.eks.amazonaws.com");
    for wrong in ["", "s4", "*.amazonaws.com", "evil.com", "ec2.amazonaws.com.evil.com", ".amazonaws.com"] {
        assert!(service_principal(wrong, Partition::Aws).is_err(), "{wrong}");
    }
}

#[test]
fn session_tags_are_those_named_and_none_is_needed() {
    let terms = Terms { session_tags: vec![tag("team", "red"), tag("team", "blue"), tag("cost", "*")], ..Terms::default() };
    let policy = made(&[user("dana")], &terms);
    let tags = |keys: &[(&str, &str)]| lets(&policy, DANA, ASSUME, keys) && lets(&policy, DANA, "sts:TagSession", keys);
    assert!(lets(&policy, DANA, ASSUME, &[]), "a session without tags");
    assert!(
        tags(&[("aws:RequestTag/team", "red")])
            && tags(&[("aws:RequestTag/team", "blue"), ("aws:RequestTag/cost", "77")])
            && tags(&[("aws:RequestTag/cost", "1")])
    );
    assert!(!tags(&[("aws:RequestTag/team", "green")]) && !tags(&[("aws:RequestTag/team", "red"), ("aws:RequestTag/admin", "yes")]));
    assert!(!lets(&policy, EVE, "sts:TagSession", &[("aws:RequestTag/team", "red")]));
    for wrong in [tag("", "x"), tag("aws:x", "x"), tag("a*", "x"), tag("a", "${aws:username}")] {
        refused(&[user("dana")], &Terms { session_tags: vec![wrong], ..Terms::default() });
    }
    // Tags of one do not open the role for another, nor without MFA.
    let mixed = made(&[user("dana"), party()], &Terms { mfa: true, external_id: Some(external()), ..terms });
    assert!(!lets(&mixed, ABROAD, ASSUME, &[("aws:RequestTag/team", "red")]) && !lets(&mixed, DANA, ASSUME, &[("aws:RequestTag/team", "red")]));
}

#[test]
fn a_source_identity_must_be_passed() {
    let policy = made(&[user("dana")], &Terms { source_identity: true, mfa: true, ..Terms::default() });
    let passed = [MFA, ("sts:SourceIdentity", "dana")];
    assert!(lets(&policy, DANA, ASSUME, &passed) && lets(&policy, DANA, "sts:SetSourceIdentity", &passed));
    assert!(!lets(&policy, DANA, ASSUME, &[MFA]) && !lets(&policy, DANA, ASSUME, &passed[1..]));
}

#[test]
fn providers_vouch_for_their_audience_and_subject() {
    let saml = Trusted::Saml { arn: "arn:aws:iam::111122223333:saml-provider/corp".to_owned() };
    let policy = made(std::slice::from_ref(&saml), &Terms { mfa: true, ..Terms::default() });
    let provider = "arn:aws:iam::111122223333:saml-provider/corp";
    assert!(lets(&policy, provider, "sts:AssumeRoleWithSAML", &[("SAML:aud", "https://signin.aws.amazon.com/saml")]));
    assert!(!lets(&policy, provider, "sts:AssumeRoleWithSAML", &[("SAML:aud", "https://elsewhere/saml")]) && !lets(&policy, provider, ASSUME, &[]));
    assert!(trust(&[saml], &Terms::default(), OTHER, Partition::Aws).is_err(), "of another account");

    let host = "token.actions.githubusercontent.com";
    let arn = format!("arn:aws:iam::111122223333:oidc-provider/{host}");
    let github =
        |subject: Option<&str>| Trusted::Oidc { arn: arn.clone(), audience: Some("sts.amazonaws.com".to_owned()), subject: subject.map(str::to_owned) };
    let (aud, sub) = (format!("{host}:aud"), format!("{host}:sub"));
    let web = |policy: &str, audience: &str, subject: &str| lets(policy, &arn, "sts:AssumeRoleWithWebIdentity", &[(&aud, audience), (&sub, subject)]);
    let exact = made(&[github(Some("repo:org/app:ref:refs/heads/main"))], &Terms::default());
    assert!(web(&exact, "sts.amazonaws.com", "repo:org/app:ref:refs/heads/main"));
    assert!(!web(&exact, "sts.amazonaws.com", "repo:org/app:ref:refs/heads/x") && !web(&exact, "other", "repo:org/app:ref:refs/heads/main"));
    let wide = made(&[github(Some("repo:org/*"))], &Terms::default());
    assert!(web(&wide, "sts.amazonaws.com", "repo:org/x:y") && !web(&wide, "sts.amazonaws.com", "repo:orgs/x:y"));
    for open in [None, Some("*"), Some("repo:*"), Some("repo:org*"), Some("")] {
        refused(&[github(open)], &Terms::default());
    }
    let two = made(&[github(Some("repo:org/a:x")), github(Some("repo:org/b:y"))], &Terms::default());
    assert!(web(&two, "sts.amazonaws.com", "repo:org/b:y") && !web(&two, "sts.amazonaws.com", "repo:org/b:x"));

    let own = "arn:aws:iam::111122223333:oidc-provider/id.example.com/realm";
    let without = [Trusted::Oidc { arn: own.to_owned(), audience: None, subject: None }];
    assert!(refused(&without, &Terms::default()).contains("audience"));
    let known = Terms { audiences: [(own.to_owned(), vec!["app1".to_owned(), "app2".to_owned()])].into(), ..Terms::default() };
    let policy = made(&without, &known);
    assert!(lets(&policy, own, "sts:AssumeRoleWithWebIdentity", &[("id.example.com/realm:aud", "app2")]));
    assert!(!lets(&policy, own, "sts:AssumeRoleWithWebIdentity", &[("id.example.com/realm:aud", "app3")]));
}
