//! What the practice account tells of itself: credential report, authorization details, summary.
//!
//! Column by column and kind by kind, as the IAM user guide has them.

use aws_sdk_iam::{
    error::ProvideErrorMetadata,
    types::{EntityType, ReportStateType, SummaryKeyType},
};
use time::Duration;

use crate::practice::{Practice, trust};

#[tokio::test]
async fn the_credential_report_has_awss_columns() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let missing = iam.get_credential_report().send().await.unwrap_err();
    assert_eq!((missing.code(), missing.raw_response().unwrap().status().as_u16()), (Some("ReportNotPresent"), 410));
    let alice = practice.iam(&practice.alice());
    alice.get_user().send().await.unwrap();
    iam.create_user().user_name("bob").send().await.unwrap();
    iam.update_account_password_policy().max_password_age(10).send().await.unwrap();
    iam.create_login_profile().user_name("bob").password("Secret-pass-1").send().await.unwrap();
    let key = iam.create_access_key().user_name("bob").send().await.unwrap().access_key.unwrap();
    iam.update_access_key().user_name("bob").access_key_id(key.access_key_id()).status("Inactive".into()).send().await.unwrap();

    let started = iam.generate_credential_report().send().await.unwrap();
    assert_eq!(started.state(), Some(&ReportStateType::Started));
    assert_eq!(started.description(), Some("No report exists. Starting a new report generation task"));
    assert_eq!(iam.generate_credential_report().send().await.unwrap().state(), Some(&ReportStateType::Complete));
    let report = iam.get_credential_report().send().await.unwrap();
    assert_eq!(report.report_format().unwrap().as_str(), "text/csv");
    let text = String::from_utf8(report.content().unwrap().as_ref().to_vec()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let account = &practice.made.account_id;
    let now = "2026-11-23T09:00:00+00:00";
    let header = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
    assert_eq!(lines[0], header);
    let root = format!(
        "<root_account>,arn:aws:iam::{account}:root,{now},not_supported,no_information,not_supported,not_supported,false,true,{now},{now},eu-central-1,iam,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    );
    assert_eq!(lines[1], root.replace("eu-central-1", lines[1].split(',').nth(11).unwrap()));
    let alice = format!("alice,arn:aws:iam::{account}:user/alice,{now},false,N/A,N/A,N/A,true,true,{now},{now},");
    assert!(lines[2].starts_with(&alice), "{}", lines[2]);
    let next = "2026-12-03T09:00:00+00:00";
    let bob = format!(
        "bob,arn:aws:iam::{account}:user/bob,{now},true,no_information,{now},{next},false,false,{now},N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
    );
    assert_eq!(lines[3..], [bob]);

    practice.clock.advance(Duration::hours(4));
    let expired = iam.get_credential_report().send().await.unwrap_err();
    assert_eq!((expired.code(), expired.raw_response().unwrap().status().as_u16()), (Some("ReportExpired"), 410));
    assert_eq!(iam.generate_credential_report().send().await.unwrap().state(), Some(&ReportStateType::Started));
    iam.get_credential_report().send().await.unwrap();
}

#[tokio::test]
async fn authorization_details_tell_everything_in_pages() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let any = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    iam.create_group().group_name("readers").send().await.unwrap();
    iam.put_group_policy().group_name("readers").policy_name("p").policy_document(any).send().await.unwrap();
    iam.add_user_to_group().group_name("readers").user_name("alice").send().await.unwrap();
    let policy = iam.create_policy().policy_name("OnlyS3").description("Only S3").policy_document(any).send().await.unwrap().policy.unwrap();
    iam.create_policy_version().policy_arn(policy.arn().unwrap()).policy_document(any).set_as_default(true).send().await.unwrap();
    iam.attach_user_policy().user_name("alice").policy_arn(policy.arn().unwrap()).send().await.unwrap();
    iam.put_role_permissions_boundary().role_name("Developer").permissions_boundary(policy.arn().unwrap()).send().await.unwrap();
    iam.create_instance_profile().instance_profile_name("web").send().await.unwrap();
    iam.add_role_to_instance_profile().instance_profile_name("web").role_name("Developer").send().await.unwrap();

    let filtered = iam.get_account_authorization_details().filter(EntityType::User).filter(EntityType::Group).filter(EntityType::Role);
    let details = filtered.filter(EntityType::LocalManagedPolicy).send().await.unwrap();
    assert!(!details.is_truncated());
    let user = &details.user_detail_list()[0];
    assert_eq!((user.user_name(), user.group_list()), (Some("alice"), &["readers".to_owned()][..]));
    assert_eq!(user.user_policy_list()[0].policy_name(), Some("MayAssumeRoles"));
    assert_eq!(user.attached_managed_policies()[0].policy_name(), Some("OnlyS3"));
    assert_eq!(details.group_detail_list()[0].group_policy_list()[0].policy_name(), Some("p"));
    let role = &details.role_detail_list()[0];
    assert_eq!(role.instance_profile_list()[0].instance_profile_name(), "web");
    assert_eq!(role.permissions_boundary().unwrap().permissions_boundary_arn(), policy.arn());
    assert!(role.assume_role_policy_document().unwrap().starts_with("%7B%22Version%22"));
    let managed = &details.policies()[0];
    assert_eq!((managed.attachment_count(), managed.permissions_boundary_usage_count()), (Some(1), Some(1)));
    assert_eq!((managed.description(), managed.default_version_id()), (Some("Only S3"), Some("v2")));
    assert!(managed.policy_version_list()[0].is_default_version() && managed.policy_version_list()[0].document().is_some());

    let (mut marker, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = iam.get_account_authorization_details().max_items(3).set_marker(marker).send().await.unwrap();
        seen.extend(page.user_detail_list().iter().map(|user| user.arn().unwrap().to_owned()));
        seen.extend(page.group_detail_list().iter().map(|group| group.arn().unwrap().to_owned()));
        seen.extend(page.role_detail_list().iter().map(|role| role.arn().unwrap().to_owned()));
        seen.extend(page.policies().iter().map(|policy| policy.arn().unwrap().to_owned()));
        pages += 1;
        marker = page.marker().map(str::to_owned);
        assert_eq!(marker.is_some(), page.is_truncated());
        if marker.is_none() {
            break;
        }
    }
    let aws = iam.list_policies().scope("AWS".into()).max_items(1000).send().await.unwrap().policies().len();
    assert_eq!((seen.len(), pages), (4 + aws, (4 + aws).div_ceil(3)), "each thing once");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 4 + aws);
}

#[tokio::test]
async fn the_summary_counts_and_names_every_quota() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.create_instance_profile().instance_profile_name("web").send().await.unwrap();
    iam.create_role().role_name("r").assume_role_policy_document(trust(&practice.made.account_id)).send().await.unwrap();
    let summary = iam.get_account_summary().send().await.unwrap().summary_map.unwrap();
    for key in SummaryKeyType::values() {
        assert!(summary.contains_key(&SummaryKeyType::from(*key)), "{key}");
    }
    let expected = [("Users", 1), ("Roles", 2), ("InstanceProfiles", 1), ("MFADevicesInUse", 1), ("AccountMFAEnabled", 0), ("AccountAccessKeysPresent", 1)];
    for (key, count) in expected {
        assert_eq!(summary[&SummaryKeyType::from(key)], count, "{key}");
    }
}
