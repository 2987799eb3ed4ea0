//! What the record of calls holds and does not: no secret, nothing without end.
//!
//! The window and CloudTrail show it, so whatever a caller sends, it stays small and can be shown.

use http::Request;
use stagedoor_core::practice::World;

use crate::practice::{Practice, sentence};

fn send(world: &World, headers: &[(&str, &str)], body: String) -> (u16, String) {
    let mut request = Request::post("/").header("host", "127.0.0.1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = world.answer(request.body(body.into_bytes()).unwrap());
    (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
}

#[tokio::test]
async fn passwords_codes_and_private_keys_are_not_recorded_and_passwords_are_not_repeated() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let password = "Correct-Horse-€-Battery";
    let refused = iam.create_login_profile().user_name("alice").password(password).send().await.unwrap_err();
    let said = aws_sdk_iam::error::ProvideErrorMetadata::message(&refused).unwrap().to_owned();
    assert!(sentence(&said).contains("at 'password' failed to satisfy constraint") && !said.contains("Horse"), "{said}");
    let code = practice.code(5);
    practice
        .assume(&practice.alice(), practice.made.mfa_role_arn.as_str())
        .serial_number(practice.made.mfa_serial.as_str())
        .token_code(format!("{code}1"))
        .send()
        .await
        .unwrap_err();
    let key = "-----BEGIN PRIVATE KEY-----";
    let metadata = format!("<EntityDescriptor>{}</EntityDescriptor>", "x".repeat(1000));
    iam.create_saml_provider().name("p").saml_metadata_document(metadata).add_private_key(key).send().await.unwrap_err();
    let record = format!("{:?}", practice.world.calls());
    for secret in ["Horse", &code, "PRIVATE KEY"] {
        assert!(!record.contains(secret), "{secret} is on record: {record}");
    }
    assert_eq!(practice.world.calls().len(), 3);
}

#[tokio::test]
async fn what_is_sent_without_end_is_cut() {
    let practice = Practice::start().await;
    let long = "x".repeat(200_000);
    for _ in 0..50 {
        send(&practice.world, &[("user-agent", &long[..50_000])], format!("Action=GetUser&Version=2010-05-08&{long}=1&UserName={long}"));
        send(&practice.world, &[], format!("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={long}&RoleSessionName=me&WebIdentityToken={long}"));
    }
    let calls = practice.world.calls();
    assert_eq!(calls.len(), 100);
    assert!(calls.iter().all(|call| format!("{call:?}").len() < 12_000), "a call on record stays small");
    assert!(calls.iter().all(|call| call.error_code.is_some()));
}

#[tokio::test]
async fn a_small_body_does_not_become_a_large_one() {
    let practice = Practice::start().await;
    let name = "k".repeat(100_000);
    let ones = vec!["1"; 10_000].join(",");
    let target = ("x-amz-target", "AWSOrganizationsV20161128.ListAccounts");
    let (status, body) = send(&practice.world, &[target, ("content-type", "application/x-amz-json-1.1")], format!(r#"{{"{name}":[{ones}]}}"#));
    assert_eq!(status, 400);
    assert!(body.contains("SerializationException"), "{body}");
}

#[tokio::test]
async fn of_two_policies_with_one_name_the_one_that_decided_is_told() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let document =
        |sid: &str, action: &str| format!(r#"{{"Version":"2012-10-17","Statement":{{"Sid":"{sid}","Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#);
    iam.create_group().group_name("g").send().await.unwrap();
    iam.add_user_to_group().group_name("g").user_name("alice").send().await.unwrap();
    iam.put_user_policy().user_name("alice").policy_name("same").policy_document(document("OfTheUser", "iam:GetGroup")).send().await.unwrap();
    iam.put_group_policy().group_name("g").policy_name("same").policy_document(document("OfTheGroup", "iam:ListUsers")).send().await.unwrap();
    practice.iam(&practice.alice()).list_users().send().await.unwrap();
    let calls = practice.world.calls();
    let [reason] = calls.last().unwrap().decisions[0].because.as_slice() else { panic!("{:?}", calls.last()) };
    assert_eq!(reason.sid.as_deref(), Some("OfTheGroup"));
    assert!(reason.text.contains("iam:ListUsers"), "{}", reason.text);
}
