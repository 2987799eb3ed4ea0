//! What identities get, judged: exactly that, and nothing beside it.
//!
//! Without MFA, for another role, in another bucket, for another service: refused.

use time::macros::datetime;

use super::{OWN, ROLE, may};
use crate::{
    error::Code,
    model::arn::{Partition, RoleArn},
    setup::documents::{
        Passing, Place, assume_roles, bucket, bucket_by_tag, check, check::size, check_roles, pass_role, revoke_older, self_service, wildcards,
    },
};

const DANA: &str = "arn:aws:iam::111122223333:user/people/dana";
const MFA: (&str, &str) = ("aws:MultiFactorAuthPresent", "true");
const NO_MFA: (&str, &str) = ("aws:MultiFactorAuthPresent", "false");

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn roles_are_assumed_exactly_and_with_mfa_where_it_is_asked_for() {
    let policy = assume_roles(&texts(&[ROLE]), true, Passing::default());
    assert_eq!(
        policy,
        r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "AssumeWithMfa",
      "Effect": "Allow",
      "Action": "sts:AssumeRole",
      "Resource": "arn:aws:iam::111122223333:role/deploy",
      "Condition": {
        "Bool": {
          "aws:MultiFactorAuthPresent": "true"
        }
      }
    }
  ]
}"#
    );
    assert!(may(&policy, DANA, "sts:AssumeRole", ROLE, &[MFA]));
    assert!(!may(&policy, DANA, "sts:AssumeRole", ROLE, &[]) && !may(&policy, DANA, "sts:AssumeRole", ROLE, &[NO_MFA]));
    assert!(!may(&policy, DANA, "sts:AssumeRole", "arn:aws:iam::111122223333:role/deploy2", &[MFA]));
    assert!(!may(&policy, DANA, "sts:TagSession", ROLE, &[MFA]));
    let plain = assume_roles(&texts(&[ROLE, "arn:aws:iam::444455556666:role/x/y"]), false, Passing { tags: true, source_identity: true });
    for action in ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] {
        assert!(may(&plain, DANA, action, "arn:aws:iam::444455556666:role/x/y", &[]), "{action}");
    }
    assert!(!may(&plain, DANA, "sts:AssumeRole", "arn:aws:iam::444455556666:role/y", &[]));
}

#[test]
fn wildcards_are_told_and_wrong_arns_named() {
    let wide = texts(&[ROLE, "arn:aws:iam::111122223333:role/app-*", "arn:aws:iam::*:role/*", "*"]);
    let told = wildcards(&wide);
    assert_eq!(told.len(), 3);
    assert!(told[0].contains("every role like app-* of the account 111122223333"), "{}", told[0]);
    assert!(told[1].contains("every role of every account"), "{}", told[1]);
    assert!(told[2].contains("every role of every account"), "{}", told[2]);
    check_roles(&wide, true).unwrap();
    assert!(check_roles(&wide, false).unwrap_err().message.contains("app-*"));
    check_roles(&texts(&[ROLE]), false).unwrap();
    for wrong in [
        "deploy",
        "arn:aws:iam::1:role/x",
        "arn:aws:iam::111122223333:user/*",
        "arn:aws:iam:::role/*",
        "arn:aws:s3:::*",
        "arn:aws:iam::111122223333:role/${aws:username}*",
    ] {
        let error = check_roles(&texts(&[ROLE, wrong]), true).unwrap_err();
        assert!(error.code == Code::InvalidValue && error.message.contains(wrong), "{}", error.message);
    }
    assert!(check_roles(&[], true).is_err());
}

#[test]
fn users_manage_themselves_and_nothing_else_without_mfa() {
    let policy = self_service(OWN, Partition::Aws, "/people/").unwrap();
    // Both of a new user's policies fit into the user, with a role or two.
    check(&policy, Place::User { others: size(&assume_roles(&texts(&[ROLE, ROLE]), true, Passing::default())) }).unwrap();
    let dana = [("aws:username", "dana")];
    let with = |keys: &[(&'static str, &'static str)]| dana.iter().chain(keys).copied().collect::<Vec<_>>();
    let own = |action: &str, keys: &[(&'static str, &'static str)]| may(&policy, DANA, action, DANA, &with(keys));
    for action in ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:DeactivateMFADevice"] {
        assert!(own(action, &[MFA]) && !own(action, &[]) && !own(action, &[NO_MFA]), "{action}");
        assert!(!may(&policy, DANA, action, "arn:aws:iam::111122223333:user/people/eve", &with(&[MFA])), "{action}");
        assert!(!may(&policy, DANA, action, "arn:aws:iam::111122223333:user/dana", &with(&[MFA])), "{action}: another path is another user");
    }
    assert!(own("iam:EnableMFADevice", &[]) && own("iam:ListMFADevices", &[]));
    assert!(may(&policy, DANA, "iam:CreateVirtualMFADevice", "arn:aws:iam::111122223333:mfa/dana", &dana));
    // The deny over another policy of the same user.
    let both = policy.replacen("\"Statement\": [", "\"Statement\": [{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRole\",\"Resource\":\"*\"},", 1);
    assert!(may(&both, DANA, "sts:AssumeRole", ROLE, &with(&[MFA])), "AssumeRole with a code goes on");
    assert!(!may(&both, DANA, "sts:AssumeRole", ROLE, &dana) && !may(&both, DANA, "sts:AssumeRole", ROLE, &with(&[NO_MFA])));
    for wrong in ["people", "/people", "/*/", "/${aws:username}/", "/a\"/"] {
        assert!(self_service(OWN, Partition::Aws, wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_role_is_passed_to_its_service_only() {
    let role = RoleArn::parse(ROLE).unwrap();
    let policy = pass_role(&role, "lambda").unwrap();
    let to = |service: &'static str| [("iam:PassedToService", service)];
    assert!(may(&policy, DANA, "iam:PassRole", ROLE, &to("lambda.amazonaws.com")));
    assert!(!may(&policy, DANA, "iam:PassRole", ROLE, &to("ec2.amazonaws.com")) && !may(&policy, DANA, "iam:PassRole", ROLE, &[]));
    assert!(!may(&policy, DANA, "iam:PassRole", "arn:aws:iam::111122223333:role/admin", &to("lambda.amazonaws.com")));
    assert!(pass_role(&role, "lambda*").is_err());
    let china = RoleArn::parse("arn:aws-cn:iam::111122223333:role/deploy").unwrap();
    assert!(pass_role(&china, "ec2").unwrap().contains("ec2.amazonaws.com.cn"));
}

#[test]
fn one_bucket_is_one_bucket() {
    let policy = bucket("reports", Partition::Aws).unwrap();
    assert!(may(&policy, DANA, "s3:ListBucket", "arn:aws:s3:::reports", &[]) && may(&policy, DANA, "s3:PutObject", "arn:aws:s3:::reports/a/b", &[]));
    assert!(!may(&policy, DANA, "s3:ListBucket", "arn:aws:s3:::reports2", &[]) && !may(&policy, DANA, "s3:GetObject", "arn:aws:s3:::reports2/a", &[]));
    assert!(!may(&policy, DANA, "s3:DeleteBucket", "arn:aws:s3:::reports", &[]) && !may(&policy, DANA, "s3:PutBucketPolicy", "arn:aws:s3:::reports", &[]));
    for wrong in ["", "Reports", "a*b", "192.168.1.1", "xn--a", "a.-b", "${aws:username}", "x-s3alias"] {
        assert!(bucket(wrong, Partition::Aws).is_err(), "{wrong}");
    }
}

#[test]
fn a_folder_is_the_tags_folder() {
    let policy = bucket_by_tag("reports", "team", Partition::Aws).unwrap();
    let tagged = [("aws:PrincipalTag/team", "red")];
    assert!(may(&policy, DANA, "s3:GetObject", "arn:aws:s3:::reports/red/a", &tagged));
    assert!(may(&policy, DANA, "s3:ListBucket", "arn:aws:s3:::reports", &[tagged[0], ("s3:prefix", "red/x")]));
    assert!(!may(&policy, DANA, "s3:GetObject", "arn:aws:s3:::reports/blue/a", &tagged));
    assert!(!may(&policy, DANA, "s3:ListBucket", "arn:aws:s3:::reports", &[tagged[0], ("s3:prefix", "redder/")]));
    assert!(!may(&policy, DANA, "s3:ListBucket", "arn:aws:s3:::reports", &tagged), "the whole list is not one's own");
    assert!(!may(&policy, DANA, "s3:GetObject", "arn:aws:s3:::reports/red/a", &[]), "without the tag nothing");
    assert!(!may(&policy, DANA, "s3:GetObject", "arn:aws:s3:::reports//a", &[("aws:PrincipalTag/team", "")]), "nor with an empty one");
    assert!(bucket_by_tag("reports", "te}am", Partition::Aws).is_err() && bucket_by_tag("reports", "aws:team", Partition::Aws).is_err());
}

#[test]
fn older_sessions_end_as_the_console_ends_them() {
    let policy = revoke_older(datetime!(2026-11-23 12:15:30.5 +02:00));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&policy).unwrap(),
        serde_json::json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Action": ["*"], "Resource": ["*"],
            "Condition": { "DateLessThan": { "aws:TokenIssueTime": "2026-11-23T10:15:30.500Z" } },
        }] })
    );
    let all = policy.replacen("\"Statement\": [", "\"Statement\": [{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},", 1);
    let issued = |at: &'static str| may(&all, DANA, "s3:ListBucket", "arn:aws:s3:::b", &[("aws:TokenIssueTime", at)]);
    assert!(!issued("2026-11-23T10:15:30Z") && issued("2026-11-23T10:15:31Z"));
}
