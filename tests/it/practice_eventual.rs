//! IAM's delay, switched on: what was changed is listed at once and counts later, as in AWS.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency>

use std::time::Duration as Delay;

use aws_credential_types::Credentials;
use aws_sdk_iam::error::ProvideErrorMetadata;
use time::Duration;

use crate::practice::Practice;

const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

#[tokio::test]
async fn a_new_key_and_a_new_policy_count_late_and_are_listed_at_once() {
    let practice = Practice::start().await;
    practice.world.set_eventual(Delay::from_secs(5));
    let iam = practice.iam(&practice.root());
    iam.create_user().user_name("late").send().await.unwrap();
    let key = iam.create_access_key().user_name("late").send().await.unwrap().access_key.unwrap();
    assert_eq!(iam.list_access_keys().user_name("late").send().await.unwrap().access_key_metadata().len(), 1);
    let late = Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test");
    let refused = practice.sts(&late).get_caller_identity().send().await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidClientTokenId"));
    practice.clock.advance(Duration::seconds(6));
    practice.sts(&late).get_caller_identity().send().await.unwrap();

    iam.put_user_policy().user_name("late").policy_name("p").policy_document(EVERYTHING).send().await.unwrap();
    assert_eq!(practice.iam(&late).list_users().send().await.unwrap_err().code(), Some("AccessDenied"));
    practice.clock.advance(Duration::seconds(6));
    practice.iam(&late).list_users().send().await.unwrap();
}

#[tokio::test]
async fn a_trust_policy_cannot_name_who_is_not_seen_yet_and_a_deletion_is_late_too() {
    let practice = Practice::start().await;
    practice.world.set_eventual(Delay::from_secs(5));
    let iam = practice.iam(&practice.root());
    let user = iam.create_user().user_name("late").send().await.unwrap().user.unwrap();
    let trust = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"sts:AssumeRole"}}]}}"#, user.arn());
    let role = || iam.create_role().role_name("r").assume_role_policy_document(&trust).send();
    assert_eq!(role().await.unwrap_err().code(), Some("MalformedPolicyDocument"));
    practice.clock.advance(Duration::seconds(6));
    role().await.unwrap();

    let key = practice.made.key.id.as_str();
    iam.delete_access_key().user_name("alice").access_key_id(key).send().await.unwrap();
    practice.sts(&practice.alice()).get_caller_identity().send().await.expect("the deletion is not seen yet");
    practice.clock.advance(Duration::seconds(6));
    assert_eq!(practice.sts(&practice.alice()).get_caller_identity().send().await.unwrap_err().code(), Some("InvalidClientTokenId"));
}

#[tokio::test]
async fn without_the_delay_a_revocation_counts_at_once() {
    let practice = Practice::start().await;
    let session = crate::practice::temporary(practice.with_code(0).send().await.unwrap().credentials);
    practice.iam(&session).list_roles().send().await.unwrap();
    practice.clock.advance(Duration::seconds(2));
    let revoke = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-23T09:00:01Z"}}}]}"#;
    let root = practice.iam(&practice.root());
    let put = || root.put_role_policy().role_name("Developer").policy_name("AWSRevokeOlderSessions").policy_document(revoke).send();
    practice.world.set_eventual(Delay::from_secs(5));
    put().await.unwrap();
    practice.iam(&session).list_roles().send().await.expect("not seen yet");
    practice.clock.advance(Duration::seconds(6));
    assert_eq!(practice.iam(&session).list_roles().send().await.unwrap_err().code(), Some("AccessDenied"));
    practice.world.set_eventual(Delay::ZERO);
    root.delete_role_policy().role_name("Developer").policy_name("AWSRevokeOlderSessions").send().await.unwrap();
    practice.iam(&session).list_roles().send().await.unwrap();
    put().await.unwrap();
    assert_eq!(practice.iam(&session).list_roles().send().await.unwrap_err().code(), Some("AccessDenied"), "at once");
}

#[tokio::test]
async fn signing_in_sees_what_has_become_visible_also_as_the_first_call() {
    let practice = Practice::start().await;
    let session = crate::practice::temporary(practice.with_code(0).send().await.unwrap().credentials);
    practice.world.set_eventual(Delay::from_secs(5));
    let iam = practice.iam(&practice.root());
    iam.delete_role_policy().role_name("Developer").policy_name("MayLook").send().await.unwrap();
    iam.delete_role().role_name("Developer").send().await.unwrap();
    let json = serde_json::json!({"sessionId": session.access_key_id(), "sessionKey": session.secret_access_key(), "sessionToken": session.session_token()});
    let query: String =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("Action", "getSigninToken").append_pair("Session", &json.to_string()).finish();
    let sign_in =
        || practice.world.answer(http::Request::get(format!("/federation?{query}")).header("host", "127.0.0.1").body(Vec::new()).unwrap()).status().as_u16();
    assert_eq!(sign_in(), 200, "the deletion is not seen yet");
    practice.clock.advance(Duration::seconds(6));
    assert_eq!(sign_in(), 400);
}
