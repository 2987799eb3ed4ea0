//! IAM in the practice account: a world built from nothing but root's key, with AWS's refusals.
//!
//! Through the SDK, so that every answer is also one that it can read.

use aws_sdk_iam::error::ProvideErrorMetadata;
use stagedoor_core::model::mfa::TotpSeed;
use time::Duration;

use crate::practice::{Practice, refused, said, sentence, trust};

/// What a scanner reads from a picture.
fn scan(picture: &[u8]) -> String {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(picture));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (info.width as usize, info.height as usize);
    let grey = |x: usize, y: usize| pixels[y * info.line_size + x * info.color_type.samples()];
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    let grids = image.detect_grids();
    grids.first().expect("a code in the picture").decode().unwrap().1
}

fn credentials(key: &aws_sdk_iam::types::AccessKey) -> aws_credential_types::Credentials {
    aws_credential_types::Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test")
}

#[tokio::test]
async fn a_user_that_comes_back_is_somebody_else() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let user = iam.create_user().user_name("bob").path("/team/").send().await.unwrap().user.unwrap();
    assert!(user.user_id().starts_with("AIDA") && user.user_id().len() == 21);
    let role = iam.create_role().role_name("r").assume_role_policy_document(trust(user.arn())).send().await.unwrap().role.unwrap();
    let key = iam.create_access_key().user_name("bob").send().await.unwrap().access_key.unwrap();
    assert_eq!(key.secret_access_key().len(), 40);
    let assume = |key: &aws_sdk_iam::types::AccessKey| practice.sts(&credentials(key)).assume_role().role_arn(role.arn()).role_session_name("xx").send();
    assume(&key).await.expect("named by the trust policy, in the same account");

    refused!(iam.delete_user().user_name("bob"), "DeleteConflict", "Cannot delete entity, must delete access keys first.");
    iam.delete_access_key().user_name("bob").access_key_id(key.access_key_id()).send().await.unwrap();
    iam.delete_user().user_name("bob").send().await.unwrap();
    let shown = |role: aws_sdk_iam::operation::get_role::GetRoleOutput| role.role.unwrap().assume_role_policy_document.unwrap();
    assert!(shown(iam.get_role().role_name("r").send().await.unwrap()).contains(user.user_id()), "a deleted principal shows its unique ID");
    iam.create_user().user_name("bob").path("/team/").send().await.unwrap();
    let key = iam.create_access_key().user_name("bob").send().await.unwrap().access_key.unwrap();
    assert_eq!(assume(&key).await.unwrap_err().code(), Some("AccessDenied"));
}

#[tokio::test]
async fn names_limits_and_conflicts() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    refused!(iam.get_user().user_name("nobody"), "NoSuchEntity", "The user with name nobody cannot be found.");
    refused!(iam.create_user().user_name("ALICE"), "EntityAlreadyExists", "User with name ALICE already exists.");
    refused!(
        iam.create_user().user_name("a b"),
        "ValidationError",
        "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
    );
    iam.create_access_key().user_name("alice").send().await.unwrap();
    refused!(iam.create_access_key().user_name("alice"), "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2");
    let account = &practice.made.account_id;
    refused!(
        iam.create_role().role_name("r").assume_role_policy_document(trust(&format!("arn:aws:iam::{account}:user/ghost"))),
        "MalformedPolicyDocument",
        format!("Invalid principal in policy: \"AWS\":\"arn:aws:iam::{account}:user/ghost\"")
    );
    refused!(
        iam.put_user_policy().user_name("alice").policy_name("p").policy_document(r#"{"Statement":{"Effect":"Allow","Action":"s3:*"}}"#),
        "MalformedPolicyDocument",
        "Policy statement must contain resources."
    );
    let large = format!(r#"{{"Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}}}"#, "x".repeat(2048));
    refused!(
        iam.put_user_policy().user_name("alice").policy_name("p").policy_document(large),
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user alice"
    );
    refused!(
        iam.attach_user_policy().user_name("alice").policy_arn(format!("arn:aws:iam::{account}:policy/none")),
        "NoSuchEntity",
        format!("Policy arn:aws:iam::{account}:policy/none does not exist or is not attachable.")
    );
}

#[tokio::test]
async fn an_mfa_device_from_seed_to_use() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.create_user().user_name("bob").send().await.unwrap();
    let device = iam.create_virtual_mfa_device().virtual_mfa_device_name("bob").send().await.unwrap().virtual_mfa_device.unwrap();
    let serial = device.serial_number();
    let seed = TotpSeed::parse(std::str::from_utf8(device.base32_string_seed().unwrap().as_ref()).unwrap()).unwrap();
    let scanned = scan(device.qr_code_png().unwrap().as_ref());
    assert!(scanned.starts_with("otpauth://totp/Amazon%20Web%20Services:bob@"), "{scanned}");
    assert_eq!(TotpSeed::parse(&scanned).unwrap(), seed, "a phone that scans the picture shows the same codes");
    let step = TotpSeed::step(practice.clock.now());
    let code = |step| seed.code(step).expose().to_owned();
    let enable = |one, two| iam.enable_mfa_device().user_name("bob").serial_number(serial).authentication_code1(one).authentication_code2(two);
    refused!(enable(code(step), code(step)), "InvalidAuthenticationCode", "Authentication code for device is not valid.");
    enable(code(step - 1), code(step)).send().await.unwrap();
    refused!(enable(code(step), code(step + 1)), "EntityAlreadyExists", "MFA Device is already in use.");
    refused!(iam.delete_virtual_mfa_device().serial_number(serial), "DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.");

    let key = iam.create_access_key().user_name("bob").send().await.unwrap().access_key.unwrap();
    let sts = practice.sts(&credentials(&key));
    let session = |code| sts.get_session_token().serial_number(serial).token_code(code);
    refused!(session(code(step)), "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.");
    practice.clock.advance(Duration::seconds(30));
    session(code(step + 1)).send().await.unwrap();
    let alices = sts.get_session_token().serial_number(practice.made.mfa_serial.as_str()).token_code(code(step + 2));
    assert!(alices.send().await.unwrap_err().message().unwrap().starts_with("MultiFactorAuthentication failed, unable to validate MFA code."));
    iam.deactivate_mfa_device().user_name("bob").serial_number(serial).send().await.unwrap();
    iam.delete_virtual_mfa_device().serial_number(serial).send().await.unwrap();
}

#[tokio::test]
async fn an_mfa_device_is_enabled_resynced_and_taken_away_as_aws_says() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let (account, step) = (&practice.made.account_id, TotpSeed::step(practice.clock.now()));
    let device = |name: &str| iam.create_virtual_mfa_device().virtual_mfa_device_name(name);
    let made = device("spare").send().await.unwrap().virtual_mfa_device.unwrap();
    let serial = made.serial_number();
    refused!(device("spare"), "EntityAlreadyExists", "MFADevice entity at the same path and name already exists.");
    let ghost = format!("arn:aws:iam::{account}:mfa/ghost");
    let enable =
        |user: &str, serial: &str| iam.enable_mfa_device().user_name(user).serial_number(serial).authentication_code1("000000").authentication_code2("000001");
    let unknown = format!("VirtualMFADevice with serial number {ghost} does not exist.");
    refused!(enable("alice", &ghost), "NoSuchEntity", unknown);
    refused!(enable("nobody", serial), "NoSuchEntity", "The user with name nobody cannot be found.");
    let wrong = enable("alice", serial).send().await.unwrap_err();
    assert_eq!((wrong.code(), wrong.raw_response().unwrap().status().as_u16()), (Some("InvalidAuthenticationCode"), 403));

    let own = practice.made.mfa_serial.as_str();
    let code = |step: i64| practice.made.mfa_seed.code(step).expose().to_owned();
    let resync = |first: i64, second: i64| {
        iam.resync_mfa_device().user_name("alice").serial_number(own).authentication_code1(code(first)).authentication_code2(code(second))
    };
    refused!(resync(step, step + 2), "InvalidAuthenticationCode", "Authentication code for device is not valid.");
    resync(step - 1, step).send().await.unwrap();
    // A code counts once, here too, whichever of the two it is.
    for (first, second) in [(step - 1, step), (step - 2, step - 1), (step, step + 1)] {
        refused!(resync(first, second), "InvalidAuthenticationCode", "Authentication code for device is not valid.");
    }
    let other = iam.resync_mfa_device().user_name("alice").serial_number(serial).authentication_code1("000000").authentication_code2("000001");
    assert_eq!(other.send().await.unwrap_err().code(), Some("NoSuchEntity"), "not of this user");
    let tag = aws_sdk_iam::types::Tag::builder().key("team").value("blue").build().unwrap();
    iam.tag_mfa_device().serial_number(own).tags(tag).send().await.unwrap();
    assert_eq!(iam.list_mfa_device_tags().serial_number(own).send().await.unwrap().tags()[0].value(), "blue");
    iam.untag_mfa_device().serial_number(own).tag_keys("team").send().await.unwrap();
    refused!(iam.list_mfa_device_tags().serial_number(&ghost), "NoSuchEntity", unknown);
    iam.deactivate_mfa_device().user_name("alice").serial_number(own).send().await.unwrap();
    let again = iam.deactivate_mfa_device().user_name("alice").serial_number(own).send().await.unwrap_err();
    assert_eq!(again.code(), Some("NoSuchEntity"));
    let enable_again =
        |first: i64| iam.enable_mfa_device().user_name("alice").serial_number(own).authentication_code1(code(first)).authentication_code2(code(first + 1));
    refused!(enable_again(step - 1), "InvalidAuthenticationCode", "Authentication code for device is not valid.");
    enable_again(step + 1).send().await.unwrap();
    iam.deactivate_mfa_device().user_name("alice").serial_number(own).send().await.unwrap();
    iam.delete_virtual_mfa_device().serial_number(own).send().await.unwrap();
    refused!(iam.delete_virtual_mfa_device().serial_number(&ghost), "NoSuchEntity", unknown);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    for number in 0..25 {
        iam.create_role().role_name(format!("role{number:02}")).assume_role_policy_document(trust(&practice.made.account_id)).send().await.unwrap();
    }
    let first = iam.list_roles().max_items(10).send().await.unwrap();
    assert!(first.is_truncated() && first.roles().len() == 10);
    let names: Vec<_> = iam.list_roles().into_paginator().page_size(10).items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(names.len(), 26, "25 and the one that was there");
    assert_eq!(iam.list_roles().path_prefix("/none/").send().await.unwrap().roles().len(), 0);
    iam.update_role().role_name("role00").max_session_duration(7200).send().await.unwrap();
    assert_eq!(iam.get_role().role_name("role00").send().await.unwrap().role.unwrap().max_session_duration(), Some(7200));
}

#[tokio::test]
async fn groups_managed_policies_and_boundaries_count() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.create_user().user_name("bob").send().await.unwrap();
    let key = iam.create_access_key().user_name("bob").send().await.unwrap().access_key.unwrap();
    let bob = practice.iam(&credentials(&key));
    assert_eq!(bob.list_users().send().await.unwrap_err().code(), Some("AccessDenied"));
    iam.create_group().group_name("readers").send().await.unwrap();
    iam.add_user_to_group().group_name("readers").user_name("bob").send().await.unwrap();
    iam.attach_group_policy().group_name("readers").policy_arn("arn:aws:iam::aws:policy/IAMReadOnlyAccess").send().await.unwrap();
    bob.list_users().send().await.unwrap();
    let only_s3 = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let boundary = iam.create_policy().policy_name("OnlyS3").policy_document(only_s3).send().await.unwrap().policy.unwrap();
    iam.put_user_permissions_boundary().user_name("bob").permissions_boundary(boundary.arn().unwrap()).send().await.unwrap();
    let denied = bob.list_users().send().await.unwrap_err();
    assert!(sentence(denied.message().unwrap()).ends_with("because no permissions boundary allows the iam:ListUsers action"));
    refused!(iam.delete_policy().policy_arn(boundary.arn().unwrap()), "DeleteConflict", "Cannot delete a policy attached to entities.");
    refused!(iam.delete_group().group_name("readers"), "DeleteConflict", "Cannot delete entity, must remove users from group first.");
}

#[tokio::test]
async fn simulation_says_what_the_call_would_say() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let arn = format!("arn:aws:iam::{}:user/alice", practice.made.account_id);
    let ask = iam.simulate_principal_policy().policy_source_arn(&arn).action_names("sts:AssumeRole").action_names("iam:DeleteUser");
    let answer = ask.resource_arns(practice.made.mfa_role_arn.as_str()).send().await.unwrap();
    let decisions: Vec<_> = answer.evaluation_results().iter().map(|result| result.eval_decision().as_str()).collect();
    assert_eq!(decisions, ["allowed", "implicitDeny"]);
    assert_eq!(answer.evaluation_results()[0].matched_statements()[0].source_policy_id(), Some("user_alice_MayAssumeRoles"));
    let deny =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    let ask = iam.simulate_custom_policy().policy_input_list(deny).action_names("s3:GetObject");
    let answer = ask.clone().send().await.unwrap();
    assert_eq!(answer.evaluation_results()[0].missing_context_values(), ["aws:SecureTransport"]);
    let entry = aws_sdk_iam::types::ContextEntry::builder()
        .context_key_name("aws:SecureTransport")
        .context_key_type(aws_sdk_iam::types::ContextKeyTypeEnum::Boolean)
        .context_key_values("false")
        .build();
    let answer = ask.context_entries(entry).send().await.unwrap();
    assert_eq!(answer.evaluation_results()[0].eval_decision().as_str(), "explicitDeny");
}

#[tokio::test]
async fn denials_name_what_is_there_by_kind_and_name() {
    let practice = Practice::start().await;
    let alice = practice.iam(&practice.alice());
    let account = &practice.made.account_id;
    let denied = |action: &str, resource: &str| {
        let who = format!("User: arn:aws:iam::{account}:user/alice is not authorized to perform: iam:{action} on resource: {resource}");
        format!("{who} because no identity-based policy allows the iam:{action} action")
    };
    macro_rules! denied {
        ($call:expr, $action:literal, $resource:expr) => {{
            let (code, message) = said(&$call.send().await.unwrap_err());
            assert_eq!((code.as_str(), sentence(&message)), ("AccessDenied", denied($action, $resource).as_str()));
        }};
    }
    denied!(alice.create_access_key(), "CreateAccessKey", "user alice");
    denied!(alice.get_role().role_name("Developer"), "GetRole", "role Developer");
    let arn = format!("arn:aws:iam::{account}:policy/p");
    denied!(alice.delete_policy().policy_arn(&arn), "DeletePolicy", &format!("policy {arn}"));
    denied!(alice.get_instance_profile().instance_profile_name("web"), "GetInstanceProfile", "instance profile web");
    denied!(alice.create_user().user_name("bob"), "CreateUser", &format!("arn:aws:iam::{account}:user/bob"));
    denied!(alice.list_users(), "ListUsers", &format!("arn:aws:iam::{account}:user/"));
    denied!(alice.get_account_summary(), "GetAccountSummary", "*");
}

#[tokio::test]
async fn parallel_writes_to_one_user_leave_two_keys() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.create_user().user_name("bob").send().await.unwrap();
    let calls: Vec<_> = (0..10).map(|_| tokio::spawn(iam.create_access_key().user_name("bob").send())).collect();
    let mut made = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.code(), Some("LimitExceeded")),
        }
    }
    assert_eq!(made, 2);
    assert_eq!(iam.list_access_keys().user_name("bob").send().await.unwrap().access_key_metadata().len(), 2);
}

#[tokio::test]
async fn ids_have_awss_prefixes_and_lengths() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let any = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let user = iam.create_user().user_name("u").send().await.unwrap().user.unwrap().user_id;
    let group = iam.create_group().group_name("g").send().await.unwrap().group.unwrap().group_id;
    let role = iam.create_role().role_name("r").assume_role_policy_document(trust(&practice.made.account_id)).send().await.unwrap().role.unwrap().role_id;
    let policy = iam.create_policy().policy_name("p").policy_document(any).send().await.unwrap().policy.unwrap().policy_id.unwrap();
    let profile = iam.create_instance_profile().instance_profile_name("i").send().await.unwrap().instance_profile.unwrap().instance_profile_id;
    let upper = |id: &str| id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    for (id, prefix) in [(user, "AIDA"), (group, "AGPA"), (role, "AROA"), (policy, "ANPA"), (profile, "AIPA")] {
        assert!(id.starts_with(prefix) && id.len() == 21 && upper(&id), "{id}");
    }
    let key = iam.create_access_key().user_name("u").send().await.unwrap().access_key.unwrap();
    let session = practice.sts(&credentials(&key)).get_session_token().send().await.unwrap().credentials.unwrap();
    let keys = [(key.access_key_id, key.secret_access_key, "AKIA"), (session.access_key_id, session.secret_access_key, "ASIA")];
    for (id, secret, prefix) in keys {
        assert!(id.starts_with(prefix) && id.len() == 20 && upper(&id), "{id}");
        assert!(secret.len() == 40 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)));
    }
}
