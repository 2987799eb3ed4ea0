//! Quotas, conflicts and pages of the practice account's IAM.
//!
//! The quotas are those of the IAM user guide; every list can be read page by page.

use aws_sdk_iam::{Client, error::ProvideErrorMetadata, types::Tag};

use crate::practice::{Practice, refused, trust};

const ANY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

/// Names of a list, read two by two.
macro_rules! in_pages {
    ($call:expr, $page:ident => $names:expr) => {{
        let (mut marker, mut seen, mut sizes) = (None, Vec::new(), Vec::new());
        loop {
            let page = $call.max_items(2).set_marker(marker).send().await.unwrap();
            let $page = &page;
            let names: Vec<String> = $names;
            sizes.push(names.len());
            seen.extend(names);
            assert_eq!(page.marker().is_some(), page.is_truncated());
            marker = page.marker().map(str::to_owned);
            if marker.is_none() {
                break;
            }
        }
        assert!(sizes[..sizes.len() - 1].iter().all(|size| *size == 2), "{sizes:?}");
        seen
    }};
}

async fn policy(iam: &Client, name: &str) -> String {
    iam.create_policy().policy_name(name).policy_document(ANY).send().await.unwrap().policy.unwrap().arn.unwrap()
}

#[tokio::test]
async fn every_list_comes_in_pages() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let tags: Vec<Tag> = (0..5).map(|n| Tag::builder().key(format!("k{n}")).value("v").build().unwrap()).collect();
    iam.create_user().user_name("bob").set_tags(Some(tags.clone())).send().await.unwrap();
    let main = iam.create_policy().policy_name("main").policy_document(ANY).set_tags(Some(tags.clone())).send().await.unwrap();
    let main = main.policy.unwrap().arn.unwrap();
    for n in 0..5 {
        let arn = policy(&iam, &format!("p{n}")).await;
        iam.attach_user_policy().user_name("bob").policy_arn(&arn).send().await.unwrap();
        iam.put_user_policy().user_name("bob").policy_name(format!("i{n}")).policy_document(ANY).send().await.unwrap();
        let group = format!("g{n}");
        iam.create_group().group_name(&group).send().await.unwrap();
        iam.add_user_to_group().group_name(&group).user_name("bob").send().await.unwrap();
        iam.attach_group_policy().group_name(&group).policy_arn(&main).send().await.unwrap();
        iam.create_user().user_name(format!("m{n}")).send().await.unwrap();
        iam.add_user_to_group().group_name("g0").user_name(format!("m{n}")).send().await.unwrap();
        iam.create_instance_profile().instance_profile_name(format!("x{n}")).send().await.unwrap();
        iam.add_role_to_instance_profile().instance_profile_name(format!("x{n}")).role_name("Developer").send().await.unwrap();
        if n < 4 {
            iam.create_policy_version().policy_arn(&main).policy_document(ANY).send().await.unwrap();
        }
    }
    let device = iam.create_virtual_mfa_device().virtual_mfa_device_name("d").set_tags(Some(tags.clone())).send().await.unwrap();
    let serial = device.virtual_mfa_device.unwrap().serial_number;
    iam.tag_instance_profile().instance_profile_name("x0").set_tags(Some(tags)).send().await.unwrap();
    let five = |start: &str| (0..5).map(|n| format!("{start}{n}")).collect::<Vec<_>>();
    macro_rules! keys {
        ($call:expr) => {
            assert_eq!(in_pages!($call, page => page.tags().iter().map(|tag| tag.key().to_owned()).collect()), five("k"))
        };
    }
    keys!(iam.list_user_tags().user_name("bob"));
    keys!(iam.list_policy_tags().policy_arn(&main));
    keys!(iam.list_mfa_device_tags().serial_number(&serial));
    keys!(iam.list_instance_profile_tags().instance_profile_name("x0"));
    let text = |name: Option<&str>| name.unwrap().to_owned();
    let seen =
        in_pages!(iam.list_attached_user_policies().user_name("bob"), page => page.attached_policies().iter().map(|one| text(one.policy_name())).collect());
    assert_eq!(seen, five("p"));
    assert_eq!(in_pages!(iam.list_user_policies().user_name("bob"), page => page.policy_names().to_vec()), five("i"));
    let seen = in_pages!(iam.list_groups_for_user().user_name("bob"), page => page.groups().iter().map(|one| one.group_name().to_owned()).collect());
    assert_eq!(seen, five("g"));
    let seen = in_pages!(iam.get_group().group_name("g0"), page => page.users().iter().map(|one| one.user_name().to_owned()).collect());
    assert_eq!(seen[1..], five("m"));
    let seen = in_pages!(iam.list_entities_for_policy().policy_arn(&main), page => page.policy_groups().iter().map(|one| text(one.group_name())).collect());
    assert_eq!(seen, five("g"));
    let seen = in_pages!(iam.list_policy_versions().policy_arn(&main), page => page.versions().iter().map(|one| text(one.version_id())).collect());
    assert_eq!(seen, ["v5", "v4", "v3", "v2", "v1"]);
    let of_role = iam.list_instance_profiles_for_role().role_name("Developer");
    let seen = in_pages!(of_role.clone(), page => page.instance_profiles().iter().map(|one| one.instance_profile_name().to_owned()).collect());
    assert_eq!(seen, five("x"));
    let devices = iam.list_virtual_mfa_devices();
    let seen = in_pages!(devices.clone(), page => page.virtual_mfa_devices().iter().map(|one| text(one.serial_number().rsplit('/').next())).collect());
    assert_eq!(seen, ["alice", "d"]);
    for _ in 0..2 {
        iam.create_access_key().user_name("m0").send().await.unwrap();
    }
    let keys = in_pages!(iam.list_access_keys().user_name("m0"), page => page.access_key_metadata().iter().map(|one| text(one.access_key_id())).collect());
    assert_eq!(keys.len(), 2);
    refused!(iam.list_users().marker("!"), "ValidationError", "Invalid Marker: !");
}

#[tokio::test]
async fn roles_page_by_page() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let trusting = trust(&practice.made.account_id);
    for number in 0..7 {
        iam.create_role().role_name(format!("role-{number}")).assume_role_policy_document(&trusting).send().await.unwrap();
    }
    let first = iam.list_roles().max_items(7).send().await.unwrap();
    assert_eq!((first.roles().len(), first.is_truncated()), (7, true));
    let names: Vec<_> = iam.list_roles().into_paginator().page_size(3).items().send().collect::<Result<Vec<_>, _>>().await.unwrap();
    assert_eq!(names.len(), 8, "and the one that was there");
    assert!(names.windows(2).all(|pair| pair[0].role_name() < pair[1].role_name()));
    refused!(iam.create_role().role_name("ROLE-4").assume_role_policy_document(trusting), "EntityAlreadyExists", "Role with name ROLE-4 already exists.");
}

#[tokio::test]
async fn a_managed_policy_has_five_versions_and_one_that_counts() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let arn = policy(&iam, "p").await;
    let add = || iam.create_policy_version().policy_arn(&arn).policy_document(ANY);
    for _ in 0..4 {
        add().send().await.unwrap();
    }
    let old = ANY.replace("2012-10-17", "2008-10-17");
    let version = "Policy document must be version 2012-10-17 or greater.";
    refused!(iam.create_policy().policy_name("old").policy_document(&old), "MalformedPolicyDocument", version);
    refused!(iam.create_policy_version().policy_arn(&arn).policy_document(&old), "MalformedPolicyDocument", version);
    iam.put_user_policy().user_name("alice").policy_name("old").policy_document(&old).send().await.expect("inline it may be old");
    let five = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.";
    refused!(add(), "LimitExceeded", five);
    refused!(iam.delete_policy_version().policy_arn(&arn).version_id("v1"), "DeleteConflict", "Cannot delete the default version of a policy.");
    let several = "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.";
    refused!(iam.delete_policy().policy_arn(&arn), "DeleteConflict", several);
    iam.set_default_policy_version().policy_arn(&arn).version_id("v3").send().await.unwrap();
    iam.delete_policy_version().policy_arn(&arn).version_id("v1").send().await.unwrap();
    assert_eq!(add().send().await.unwrap().policy_version.unwrap().version_id(), Some("v6"), "a number does not come back");
    refused!(
        iam.get_policy_version().policy_arn(&arn).version_id("x1"),
        "ValidationError",
        r"1 validation error detected: Value 'x1' at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?"
    );
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let denied = iam.create_policy_version().policy_arn(administrator).policy_document(ANY).send().await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDenied"), "AWS's own cannot be changed");
    assert_eq!(iam.list_policy_tags().policy_arn(administrator).send().await.unwrap().tags().len(), 0);
}

#[tokio::test]
async fn quotas_of_users_roles_and_groups() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.create_group().group_name("g").send().await.unwrap();
    for n in 0..11 {
        let arn = policy(&iam, &format!("p{n}")).await;
        let (user, role) = (iam.attach_user_policy().user_name("alice").policy_arn(&arn), iam.attach_role_policy().role_name("Developer").policy_arn(&arn));
        let group = iam.attach_group_policy().group_name("g").policy_arn(&arn);
        iam.create_group().group_name(format!("g{n}")).send().await.unwrap();
        let member = iam.add_user_to_group().group_name(format!("g{n}")).user_name("alice");
        if n < 10 {
            user.send().await.unwrap();
            role.send().await.unwrap();
            group.send().await.unwrap();
            member.send().await.unwrap();
        } else {
            refused!(user, "LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10");
            refused!(role, "LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10");
            refused!(group, "LimitExceeded", "Cannot exceed quota for PoliciesPerGroup: 10");
            refused!(member, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10");
        }
    }
}

#[tokio::test]
async fn the_sizes_of_policies_are_without_white_space() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    iam.create_group().group_name("g").send().await.unwrap();
    iam.create_user().user_name("bob").send().await.unwrap();
    // As long as it is asked to be, and as much white space again.
    let document = |size: usize| {
        let frame = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::"}}"#;
        let resource = format!("arn:aws:s3:::{}", "x".repeat(size - frame.len()));
        format!(r#"{{"Version":"2012-10-17","Statement":{}{{"Effect":"Allow","Action":"s3:*","Resource":"{resource}"}}}}"#, " ".repeat(size))
    };
    let user = |size| iam.put_user_policy().user_name("bob").policy_name("p").policy_document(document(size));
    let role = |size| iam.put_role_policy().role_name("PartnerAudit2").policy_name("p").policy_document(document(size));
    let group = |size| iam.put_group_policy().group_name("g").policy_name("p").policy_document(document(size));
    iam.create_role().role_name("PartnerAudit2").assume_role_policy_document(trust(&practice.made.account_id)).send().await.unwrap();
    user(2048).send().await.unwrap();
    refused!(user(2049), "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user bob");
    role(10240).send().await.unwrap();
    refused!(role(10241), "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role PartnerAudit2");
    group(5120).send().await.unwrap();
    refused!(group(5121), "LimitExceeded", "Maximum policy size of 5120 bytes exceeded for group g");
    refused!(
        iam.put_user_policy().user_name("bob").policy_name("other").policy_document(ANY),
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user bob"
    );
    iam.create_policy().policy_name("large").policy_document(document(6144)).send().await.unwrap();
    refused!(iam.create_policy().policy_name("larger").policy_document(document(6145)), "LimitExceeded", "Cannot exceed quota for PolicySize: 6144");
}

#[tokio::test]
async fn policies_are_listed_by_scope_and_use() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let (attached, bounding) = (policy(&iam, "attached").await, policy(&iam, "bounding").await);
    policy(&iam, "idle").await;
    iam.attach_user_policy().user_name("alice").policy_arn(&attached).send().await.unwrap();
    iam.put_user_permissions_boundary().user_name("alice").permissions_boundary(&bounding).send().await.unwrap();
    iam.attach_role_policy().role_name("Developer").policy_arn(&attached).send().await.unwrap();
    let names = |page: aws_sdk_iam::operation::list_policies::ListPoliciesOutput| -> Vec<String> {
        page.policies().iter().map(|policy| policy.policy_name().unwrap().to_owned()).collect()
    };
    let list = || iam.list_policies();
    assert_eq!(names(list().scope("Local".into()).send().await.unwrap()), ["attached", "bounding", "idle"]);
    assert_eq!(names(list().only_attached(true).send().await.unwrap()), ["attached", "bounding"]);
    assert_eq!(names(list().policy_usage_filter("PermissionsPolicy".into()).send().await.unwrap()), ["attached"]);
    assert_eq!(names(list().policy_usage_filter("PermissionsBoundary".into()).send().await.unwrap()), ["bounding"]);
    let people = names(list().path_prefix("/job-function/").send().await.unwrap());
    assert!(people.contains(&"SupportUser".to_owned()) && people.contains(&"Billing".to_owned()), "{people:?}");
    let of = |arn: &str| iam.list_entities_for_policy().policy_arn(arn);
    let users = of(&attached).entity_filter("User".into()).send().await.unwrap();
    assert_eq!((users.policy_users().len(), users.policy_roles().len()), (1, 0));
    assert_eq!(of(&bounding).policy_usage_filter("PermissionsPolicy".into()).send().await.unwrap().policy_users().len(), 0);
    assert_eq!(of(&bounding).send().await.unwrap().policy_users()[0].user_name(), Some("alice"));
}

#[tokio::test]
async fn an_account_has_300_groups() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    for number in 0..300 {
        iam.create_group().group_name(format!("g{number}")).send().await.unwrap();
    }
    refused!(iam.create_group().group_name("more"), "LimitExceeded", "Cannot exceed quota for GroupsPerAccount: 300");
}

#[tokio::test]
async fn a_trust_policy_has_its_own_size() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let sids = |size: usize| trust(&practice.made.account_id).replace(r#"{"Effect""#, &format!(r#"{{"Sid":"{}","Effect""#, "x".repeat(size)));
    let frame = sids(0).len();
    let create = |name: &str, size: usize| iam.create_role().role_name(name).assume_role_policy_document(sids(size - frame));
    create("fits", 2048).send().await.unwrap();
    refused!(create("large", 2049), "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048");
    refused!(iam.create_role().role_name("r").assume_role_policy_document("{"), "MalformedPolicyDocument", "This policy contains invalid Json");
    refused!(iam.put_user_policy().user_name("alice").policy_name("p").policy_document("{"), "MalformedPolicyDocument", "Syntax errors in policy.");
    let reserved = iam.create_role().role_name("r").path("/aws-service-role/x/").assume_role_policy_document(sids(0)).send().await.unwrap_err();
    assert_eq!(reserved.code(), Some("InvalidInput"));
}

#[tokio::test]
async fn access_keys_two_a_user_and_their_last_use() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let key = iam.create_access_key().user_name("alice").send().await.unwrap().access_key.unwrap();
    refused!(iam.create_access_key().user_name("alice"), "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2");
    let last = |id: &str| iam.get_access_key_last_used().access_key_id(id);
    let unused = last(key.access_key_id()).send().await.unwrap();
    let told = unused.access_key_last_used().unwrap();
    assert_eq!((unused.user_name(), told.service_name(), told.region(), told.last_used_date()), (Some("alice"), "N/A", "N/A", None));
    practice.sts(&practice.alice()).get_caller_identity().send().await.unwrap();
    let used = last(practice.made.key.id.as_str()).send().await.unwrap();
    let told = used.access_key_last_used().unwrap();
    assert_eq!((told.service_name(), told.region(), told.last_used_date().unwrap().secs()), ("sts", "eu-central-1", practice.clock.now().unix_timestamp()));
    let elsewhere = "AKIAIOSFODNN7EXAMPLE";
    assert_eq!(last(elsewhere).send().await.unwrap_err().code(), Some("AccessDenied"), "a key of nobody here");
    let set = |id: &str, status: &str| iam.update_access_key().user_name("alice").access_key_id(id).status(status.into());
    refused!(set(elsewhere, "Inactive"), "NoSuchEntity", format!("The Access Key with id {elsewhere} cannot be found."));
    assert_eq!(set(key.access_key_id(), "Expired").send().await.unwrap_err().code(), Some("InvalidInput"));
    refused!(
        set(key.access_key_id(), "Off"),
        "ValidationError",
        "1 validation error detected: Value 'Off' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive, Expired]"
    );
}

#[tokio::test]
async fn making_users_can_be_handed_on_with_a_boundary() {
    let practice = Practice::start().await;
    let root = practice.iam(&practice.root());
    let boundary = policy(&root, "Edge").await;
    let may = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["iam:CreateUser","iam:AttachUserPolicy"],"Resource":"*","Condition":{{"StringEquals":{{"iam:PermissionsBoundary":"{boundary}"}}}}}}}}"#
    );
    root.put_user_policy().user_name("alice").policy_name("delegate").policy_document(may).send().await.unwrap();
    let alice = practice.iam(&practice.alice());
    assert_eq!(alice.create_user().user_name("free").send().await.unwrap_err().code(), Some("AccessDenied"));
    alice.create_user().user_name("bound").permissions_boundary(&boundary).send().await.unwrap();
    root.create_user().user_name("free").send().await.unwrap();
    let attach = |user: &str| alice.attach_user_policy().user_name(user).policy_arn("arn:aws:iam::aws:policy/AdministratorAccess").send();
    attach("bound").await.unwrap();
    assert_eq!(attach("free").await.unwrap_err().code(), Some("AccessDenied"));
}

#[tokio::test]
async fn tags_are_fifty_each_once_and_none_of_awss() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let tag = |key: &str| Tag::builder().key(key).value("v").build().unwrap();
    let arn = policy(&iam, "p").await;
    let add = |tags: Vec<Tag>| iam.tag_policy().policy_arn(&arn).set_tags(Some(tags));
    refused!(add(vec![tag("aws:x")]), "InvalidInput", "Tag keys beginning with \"aws:\" are reserved for system use.");
    let twice = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
    refused!(add(vec![tag("Team"), tag("team")]), "InvalidInput", twice);
    add((0..50).map(|n| tag(&format!("k{n}"))).collect()).send().await.unwrap();
    add(vec![tag("K1")]).send().await.expect("takes the place of k1");
    refused!(add(vec![tag("more")]), "LimitExceeded", "The number of tags has reached the maximum limit.");
    assert_eq!(iam.list_policy_tags().policy_arn(&arn).send().await.unwrap().tags().len(), 50);
    refused!(
        iam.untag_policy().policy_arn(&arn).tag_keys("a b!"),
        "ValidationError",
        r"1 validation error detected: Value 'a b!' at 'tagKeys.1.member' failed to satisfy constraint: Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+"
    );
    iam.untag_policy().policy_arn(&arn).tag_keys("k0").tag_keys("none").send().await.unwrap();
    assert_eq!(iam.list_policy_tags().policy_arn(&arn).send().await.unwrap().tags().len(), 49);
}
