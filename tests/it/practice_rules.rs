//! Rules that are easily overlooked: what a deny spares, what a tag needs, what a session policy must be.
//!
//! Each is AWS's documented behaviour, with its counterpart, so that a refusal is for the right reason.

use aws_sdk_iam::{error::ProvideErrorMetadata, types::Tag};
use aws_sdk_sts::types::PolicyDescriptorType;

use crate::practice::{Practice, long_lived_pair, refused, sentence, temporary, trust};

fn statement(text: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#)
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

/// A user with a key who may do what `statements` say.
async fn user(practice: &Practice, name: &str, statements: &str) -> aws_credential_types::Credentials {
    let iam = practice.iam(&practice.root());
    iam.create_user().user_name(name).send().await.unwrap();
    iam.put_user_policy().user_name(name).policy_name("p").policy_document(statement(statements)).send().await.unwrap();
    let key = iam.create_access_key().user_name(name).send().await.unwrap().access_key.unwrap();
    long_lived_pair(key.access_key_id(), key.secret_access_key())
}

const ASSUME: &str = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#;

#[tokio::test]
async fn a_deny_with_not_principal_spares_only_who_is_named_with_account() {
    let practice = Practice::start().await;
    let account = &practice.made.account_id;
    let (ann, ben) = (user(&practice, "ann", ASSUME).await, user(&practice, "ben", ASSUME).await);
    let (root, ann_arn) = (format!("arn:aws:iam::{account}:root"), format!("arn:aws:iam::{account}:user/ann"));
    let closed = |spared: &str| {
        statement(&format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{root}"}},"Action":"sts:AssumeRole"}},{{"Effect":"Deny","NotPrincipal":{{"AWS":[{spared}]}},"Action":"sts:AssumeRole"}}"#
        ))
    };
    let iam = practice.iam(&practice.root());
    let both = closed(&format!(r#""{ann_arn}","{root}""#));
    let role = iam.create_role().role_name("r").assume_role_policy_document(both).send().await.unwrap().role.unwrap();
    practice.assume(&ann, role.arn()).send().await.expect("named, with her account");
    let denied = practice.assume(&ben, role.arn()).send().await.unwrap_err();
    assert!(denied.message().unwrap().contains("with an explicit deny in the role trust policy"), "{denied:?}");
    // Without the account the deny is about everybody in it.
    iam.update_assume_role_policy().role_name("r").policy_document(closed(&format!(r#""{ann_arn}""#))).send().await.unwrap();
    assert_eq!(practice.assume(&ann, role.arn()).send().await.unwrap_err().code(), Some("AccessDenied"));
}

#[tokio::test]
async fn the_tags_of_a_role_count_when_it_is_assumed() {
    let practice = Practice::start().await;
    let tagged = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"},{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}"#;
    let ann = user(&practice, "ann", tagged).await;
    let iam = practice.iam(&practice.root());
    let anyone = trust(&format!("arn:aws:iam::{}:root", practice.made.account_id));
    let role = iam.create_role().role_name("r").assume_role_policy_document(anyone).tags(tag("env", "test")).send().await.unwrap().role.unwrap();
    practice.assume(&ann, role.arn()).send().await.unwrap();
    iam.tag_role().role_name("r").tags(tag("env", "prod")).send().await.unwrap();
    assert_eq!(practice.assume(&ann, role.arn()).send().await.unwrap_err().code(), Some("AccessDenied"));
}

#[tokio::test]
async fn making_a_thing_with_tags_needs_the_permission_to_tag() {
    let practice = Practice::start().await;
    let ann = user(&practice, "ann", r#"{"Effect":"Allow","Action":["iam:CreateUser","iam:CreateVirtualMFADevice"],"Resource":"*"}"#).await;
    let iam = practice.iam(&ann);
    iam.create_user().user_name("plain").send().await.unwrap();
    let denied = iam.create_user().user_name("tagged").tags(tag("a", "b")).send().await.unwrap_err();
    assert!(sentence(denied.message().unwrap()).contains("is not authorized to perform: iam:TagUser"), "{denied:?}");
    let denied = iam.create_virtual_mfa_device().virtual_mfa_device_name("d").tags(tag("a", "b")).send().await.unwrap_err();
    assert!(sentence(denied.message().unwrap()).contains("iam:TagMFADevice"), "{denied:?}");
    refused!(practice.iam(&practice.root()).get_user().user_name("tagged"), "NoSuchEntity", "The user with name tagged cannot be found.");
}

#[tokio::test]
async fn managed_session_policies_must_exist_in_the_account() {
    let practice = Practice::start().await;
    let ann = user(&practice, "ann", ASSUME).await;
    let iam = practice.iam(&practice.root());
    let anyone = trust(&format!("arn:aws:iam::{}:root", practice.made.account_id));
    let role = iam.create_role().role_name("r").assume_role_policy_document(anyone).send().await.unwrap().role.unwrap();
    let with = |arn: &str| practice.assume(&ann, role.arn()).policy_arns(PolicyDescriptorType::builder().arn(arn).build()).send();
    with("arn:aws:iam::aws:policy/ReadOnlyAccess").await.unwrap();
    for arn in ["arn:aws:iam::aws:policy/NoSuchPolicy", "arn:aws:iam::999999999990:policy/elsewhere", "not-an-arn-but-long-enough"] {
        assert_eq!(with(arn).await.unwrap_err().code(), Some("ValidationError"), "{arn}");
    }
}

#[tokio::test]
async fn an_accounts_number_in_a_trust_policy_is_kept_as_its_root() {
    let practice = Practice::start().await;
    let account = &practice.made.account_id;
    let iam = practice.iam(&practice.root());
    let text = statement(&format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"aws:PrincipalAccount":"{account}"}}}}}}"#
    ));
    iam.create_role().role_name("r").assume_role_policy_document(text).send().await.unwrap();
    let shown = iam.get_role().role_name("r").send().await.unwrap().role.unwrap().assume_role_policy_document.unwrap();
    let shown = percent_encoding::percent_decode_str(&shown).decode_utf8().unwrap().into_owned();
    assert!(shown.contains(&format!(r#""AWS":"arn:aws:iam::{account}:root""#)), "{shown}");
    assert!(shown.contains(&format!(r#""aws:PrincipalAccount":"{account}""#)), "a condition stays as it was: {shown}");
    let ann = user(&practice, "ann", ASSUME).await;
    let role = format!("arn:aws:iam::{account}:role/r");
    temporary(practice.assume(&ann, &role).send().await.unwrap().credentials);
}
