//! Conditions of trust and identity policies in the practice account: time, MFA age, tags and source identity through a chain.
//!
//! The evaluator has its own table of cases; here it is whether the right keys reach it.

use aws_sdk_iam::error::ProvideErrorMetadata;
use aws_sdk_sts::types::Tag;
use time::Duration;

use crate::practice::{Practice, temporary};

/// A role that trusts `principal` for `actions` under `condition`.
async fn role(practice: &Practice, name: &str, principal: &str, actions: &str, condition: &str) -> String {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":{actions},"Condition":{condition}}}]}}"#
    );
    let role = practice.iam(&practice.root()).create_role().role_name(name).assume_role_policy_document(trust).send().await;
    role.expect("a role").role.expect("a role").arn
}

fn alice(practice: &Practice) -> String {
    format!("arn:aws:iam::{}:user/alice", practice.made.account_id)
}

#[tokio::test]
async fn an_mfa_session_grows_old() {
    let practice = Practice::start().await;
    let condition = r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"300"}}"#;
    let arn = role(&practice, "Fresh", &alice(&practice), r#""sts:AssumeRole""#, condition).await;
    let token = practice.sts(&practice.alice()).get_session_token().serial_number(practice.made.mfa_serial.as_str()).token_code(practice.code(0));
    let session = temporary(token.send().await.expect("a session").credentials);
    practice.clock.advance(Duration::seconds(299));
    practice.assume(&session, &arn).send().await.expect("still young");
    practice.clock.advance(Duration::seconds(1));
    assert_eq!(practice.assume(&session, &arn).send().await.expect_err("too old").code(), Some("AccessDenied"));
    assert_eq!(practice.assume(&practice.alice(), &arn).send().await.expect_err("no MFA at all").code(), Some("AccessDenied"));
}

#[tokio::test]
async fn the_time_and_the_address_count() {
    let practice = Practice::start().await;
    let until = r#"{"DateLessThan":{"aws:CurrentTime":"2026-11-23T10:00:00Z"},"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}"#;
    let arn = role(&practice, "Today", &alice(&practice), r#""sts:AssumeRole""#, until).await;
    practice.assume(&practice.alice(), &arn).send().await.expect("before ten");
    practice.clock.advance(Duration::hours(1));
    assert_eq!(practice.assume(&practice.alice(), &arn).send().await.expect_err("after ten").code(), Some("AccessDenied"));
    let elsewhere = role(&practice, "Office", &alice(&practice), r#""sts:AssumeRole""#, r#"{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}"#).await;
    assert_eq!(practice.assume(&practice.alice(), &elsewhere).send().await.expect_err("not from here").code(), Some("AccessDenied"));
}

#[tokio::test]
async fn tags_and_source_identity_travel_through_a_chain() {
    let practice = Practice::start().await;
    let every = r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#;
    let first = role(&practice, "First", &alice(&practice), every, "{}").await;
    let second = role(
        &practice,
        "Second",
        &first,
        every,
        r#"{"StringEquals":{"aws:PrincipalTag/team":"blue","aws:RequestTag/team":"blue","sts:SourceIdentity":"alice"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}"#,
    )
    .await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().expect("a tag");
    let begin = practice.assume(&practice.alice(), &first).source_identity("alice").tags(tag("team", "blue")).tags(tag("shift", "night"));
    let session = temporary(begin.clone().transitive_tag_keys("team").send().await.expect("a session").credentials);
    practice.assume(&session, &second).send().await.expect("the tag and the identity are still there");

    let again = practice.assume(&session, &second).tags(tag("Team", "red")).send().await.expect_err("a transitive tag stays");
    assert_eq!(again.code(), Some("InvalidParameterValue"));
    let other = practice.assume(&session, &second).source_identity("bob").send().await.expect_err("a source identity stays");
    assert!(other.message().is_some_and(|message| message.contains("sts:SetSourceIdentity")), "{other:?}");
    let plain = temporary(begin.send().await.expect("a session").credentials);
    assert_eq!(practice.assume(&plain, &second).send().await.expect_err("the tag was not passed on").code(), Some("AccessDenied"));
}

#[tokio::test]
async fn policies_know_who_calls_by_every_name() {
    let practice = Practice::start().await;
    let (root, account) = (practice.iam(&practice.root()), practice.made.account_id.as_str());
    let id = root.get_user().user_name("alice").send().await.expect("alice").user.expect("alice").user_id;
    let names = [
        ("StringEquals", "aws:username", "alice", "bob"),
        ("StringEquals", "aws:userid", id.as_str(), "AIDAQQQQQQQQQQQQQQQQQ"),
        ("StringEquals", "aws:PrincipalAccount", account, "111122223333"),
        ("StringEquals", "aws:PrincipalType", "User", "Account"),
        ("ArnEquals", "aws:PrincipalArn", &alice(&practice), &alice(&practice).replace("alice", "bob")),
        ("NumericLessThan", "aws:EpochTime", "1795424401", "1795424400"),
        ("Bool", "aws:SecureTransport", "true", "false"),
    ];
    for (operator, key, right, wrong) in names {
        for (value, allowed) in [(right, true), (wrong, false)] {
            let condition = format!(r#"{{"{operator}":{{"{key}":"{value}"}}}}"#);
            let document =
                format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{condition}}}]}}"#);
            root.put_user_policy().user_name("alice").policy_name("who").policy_document(document).send().await.expect("a policy");
            let answer = practice.iam(&practice.alice()).list_users().send().await;
            assert_eq!(answer.is_ok(), allowed, "{condition}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_trust_policy_can_say_which_tags_may_travel() {
    let practice = Practice::start().await;
    let only = r#"{"ForAllValues:StringEquals":{"sts:TransitiveTagKeys":["team"]},"Null":{"sts:TransitiveTagKeys":"false"}}"#;
    let arn = role(&practice, "Travelling", &alice(&practice), r#"["sts:AssumeRole","sts:TagSession"]"#, only).await;
    let tag = |key: &str| Tag::builder().key(key).value("v").build().expect("a tag");
    let ask = || practice.assume(&practice.alice(), &arn).tags(tag("team")).tags(tag("shift"));
    ask().transitive_tag_keys("team").send().await.expect("the one that may");
    let both = ask().transitive_tag_keys("team").transitive_tag_keys("shift").send().await.expect_err("one that may not");
    assert_eq!(both.code(), Some("AccessDenied"));
    assert_eq!(ask().send().await.expect_err("none is not what the policy wants").code(), Some("AccessDenied"));
}

#[tokio::test]
#[expect(deprecated, reason = "AWS goes on telling the packed size")]
async fn policies_and_tags_of_a_session_share_limited_space() {
    let practice = Practice::start().await;
    let arn = role(&practice, "Tagged", &alice(&practice), r#"["sts:AssumeRole","sts:TagSession"]"#, "{}").await;
    let tags = |most: usize| Some((0..most).map(|number| Tag::builder().key(format!("key-{number}")).value("v".repeat(256)).build().expect("a tag")).collect());
    let fits = practice.assume(&practice.alice(), &arn).set_tags(tags(10)).send().await.expect("ten large tags");
    assert!(fits.packed_policy_size().is_some_and(|percent| (1..=100).contains(&percent)));
    let error = practice.assume(&practice.alice(), &arn).set_tags(tags(50)).send().await.expect_err("fifty large tags");
    assert_eq!((error.code(), error.raw_response().map(|answer| answer.status().as_u16())), (Some("PackedPolicyTooLarge"), Some(400)));
    assert!(error.message().is_some_and(|message| message.ends_with("of allotted space.")), "{error:?}");
}
