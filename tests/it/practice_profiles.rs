//! Instance profiles, service-linked roles and passwords in the practice account, with AWS's refusals.
//!
//! One test a rule; the words are those of the IAM API reference.

use aws_credential_types::Credentials;
use aws_sdk_iam::{Client, error::ProvideErrorMetadata, types::Tag};

use crate::practice::{Practice, refused, trust};

fn key_of(key: &aws_sdk_iam::types::AccessKey) -> Credentials {
    Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "test")
}

/// A user who may do what a policy says.
async fn bob(practice: &Practice, root: &Client, statements: &str) -> Client {
    root.create_user().user_name("bob").send().await.unwrap();
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    root.put_user_policy().user_name("bob").policy_name("p").policy_document(document).send().await.unwrap();
    let key = root.create_access_key().user_name("bob").send().await.unwrap().access_key.unwrap();
    practice.iam(&key_of(&key))
}

#[tokio::test]
async fn an_instance_profile_holds_one_role() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let tag = Tag::builder().key("team").value("blue").build().unwrap();
    let made = iam.create_instance_profile().instance_profile_name("web").path("/ec2/").tags(tag).send().await.unwrap().instance_profile.unwrap();
    assert!(made.instance_profile_id().starts_with("AIPA"));
    assert_eq!(made.arn(), format!("arn:aws:iam::{}:instance-profile/ec2/web", practice.made.account_id));
    refused!(iam.create_instance_profile().instance_profile_name("WEB"), "EntityAlreadyExists", "Instance Profile WEB already exists.");
    refused!(iam.get_instance_profile().instance_profile_name("none"), "NoSuchEntity", "Instance Profile none cannot be found.");
    let add = |role: &str| iam.add_role_to_instance_profile().instance_profile_name("web").role_name(role);
    refused!(add("none"), "NoSuchEntity", "The role with name none cannot be found.");
    for role in ["one", "two"] {
        iam.create_role().role_name(role).assume_role_policy_document(trust(&practice.made.account_id)).send().await.unwrap();
    }
    add("one").send().await.unwrap();
    refused!(add("two"), "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
    let shown = iam.get_instance_profile().instance_profile_name("web").send().await.unwrap().instance_profile.unwrap();
    assert_eq!((shown.roles()[0].role_name(), shown.tags()[0].value()), ("one", "blue"));
    let listed = iam.list_instance_profiles_for_role().role_name("one").send().await.unwrap();
    assert_eq!(listed.instance_profiles()[0].instance_profile_name(), "web");
    assert_eq!(iam.list_instance_profiles().path_prefix("/none").send().await.unwrap().instance_profiles().len(), 0);

    let conflict = "Cannot delete entity, must remove roles from instance profile first.";
    refused!(iam.delete_role().role_name("one"), "DeleteConflict", conflict);
    refused!(iam.delete_instance_profile().instance_profile_name("web"), "DeleteConflict", conflict);
    let remove = |role: &str| iam.remove_role_from_instance_profile().instance_profile_name("web").role_name(role);
    refused!(remove("two"), "NoSuchEntity", "The role with name two cannot be found.");
    remove("one").send().await.unwrap();
    iam.untag_instance_profile().instance_profile_name("web").tag_keys("TEAM").send().await.unwrap();
    assert_eq!(iam.list_instance_profile_tags().instance_profile_name("web").send().await.unwrap().tags().len(), 0);
    iam.delete_instance_profile().instance_profile_name("web").send().await.unwrap();
    iam.delete_role().role_name("one").send().await.unwrap();
}

#[tokio::test]
async fn a_role_is_put_into_a_profile_by_whoever_may_pass_it_to_ec2() {
    let practice = Practice::start().await;
    let root = practice.iam(&practice.root());
    root.create_instance_profile().instance_profile_name("web").send().await.unwrap();
    root.create_role().role_name("r").assume_role_policy_document(trust(&practice.made.account_id)).send().await.unwrap();
    let bob = bob(&practice, &root, r#"{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"}"#).await;
    let add = || bob.add_role_to_instance_profile().instance_profile_name("web").role_name("r").send();
    let denied = add().await.unwrap_err();
    assert!(denied.message().unwrap().contains("is not authorized to perform: iam:PassRole on resource: arn:aws:iam::"), "{denied:?}");
    let pass = |service: &str| {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{{"StringEquals":{{"iam:PassedToService":"{service}"}}}}}}]}}"#
        );
        root.put_user_policy().user_name("bob").policy_name("pass").policy_document(document).send()
    };
    pass("lambda.amazonaws.com").await.unwrap();
    assert_eq!(add().await.unwrap_err().code(), Some("AccessDenied"), "to another service");
    pass("ec2.amazonaws.com").await.unwrap();
    add().await.unwrap();
}

#[tokio::test]
async fn a_service_linked_role_is_changed_by_its_service_alone() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let create = || iam.create_service_linked_role().aws_service_name("autoscaling.amazonaws.com");
    let role = create().send().await.unwrap().role.unwrap();
    assert_eq!(role.path(), "/aws-service-role/autoscaling.amazonaws.com/");
    assert_eq!(role.role_name(), "AWSServiceRoleForAutoScaling");
    refused!(create(), "InvalidInput", "Service role name AWSServiceRoleForAutoScaling has been taken in this account, please try a different suffix.");
    assert_eq!(create().custom_suffix("two").send().await.unwrap().role.unwrap().role_name(), "AWSServiceRoleForAutoScaling_two");
    let ecs = iam.create_service_linked_role().aws_service_name("ecs.amazonaws.com").custom_suffix("x");
    refused!(ecs, "InvalidInput", "Custom suffix is not allowed for ecs.amazonaws.com");
    let unknown = iam.create_service_linked_role().aws_service_name("none.amazonaws.com").send().await.unwrap_err();
    assert_eq!(unknown.code(), Some("InvalidInput"));

    let name = role.role_name();
    let protected = format!("Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS");
    let any = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
    let linked = "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy";
    refused!(iam.delete_role().role_name(name), "UnmodifiableEntity", protected);
    refused!(iam.put_role_policy().role_name(name).policy_name("p").policy_document(any), "UnmodifiableEntity", protected);
    refused!(iam.delete_role_policy().role_name(name).policy_name("p"), "UnmodifiableEntity", protected);
    refused!(iam.attach_role_policy().role_name(name).policy_arn(administrator), "UnmodifiableEntity", protected);
    refused!(iam.detach_role_policy().role_name(name).policy_arn(linked), "UnmodifiableEntity", protected);
    refused!(iam.put_role_permissions_boundary().role_name(name).permissions_boundary(administrator), "UnmodifiableEntity", protected);
    refused!(iam.delete_role_permissions_boundary().role_name(name), "UnmodifiableEntity", protected);
    let trusting = trust(&practice.made.account_id);
    refused!(iam.update_assume_role_policy().role_name(name).policy_document(trusting), "UnmodifiableEntity", protected);
    refused!(iam.update_role().role_name(name).max_session_duration(7200), "UnmodifiableEntity", protected);
    iam.update_role().role_name(name).description("mine").send().await.expect("the description may be changed");
    refused!(iam.attach_user_policy().user_name("alice").policy_arn(linked), "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.");

    refused!(iam.delete_service_linked_role().role_name("Developer"), "NoSuchEntity", "The service-linked role with name Developer cannot be found.");
    let task = iam.delete_service_linked_role().role_name(name).send().await.unwrap().deletion_task_id;
    assert!(task.starts_with("task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling/"), "{task}");
    let status = iam.get_service_linked_role_deletion_status().deletion_task_id(&task).send().await.unwrap();
    assert_eq!(status.status().as_str(), "SUCCEEDED");
    assert_eq!(iam.get_role().role_name(name).send().await.unwrap_err().code(), Some("NoSuchEntity"));
    let other = iam.get_service_linked_role_deletion_status().deletion_task_id("task/aws-service-role/x/y/z").send().await.unwrap_err();
    assert_eq!(other.code(), Some("NoSuchEntity"));
    let wrong = iam.get_service_linked_role_deletion_status().deletion_task_id("x").send().await.unwrap_err();
    assert_eq!(wrong.code(), Some("InvalidInput"));
}

#[tokio::test]
async fn making_a_service_linked_role_can_be_allowed_for_one_service() {
    let practice = Practice::start().await;
    let root = practice.iam(&practice.root());
    let only = r#"{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::*:role/aws-service-role/*","Condition":{"StringEquals":{"iam:AWSServiceName":"ecs.amazonaws.com"}}}"#;
    let bob = bob(&practice, &root, only).await;
    let denied = bob.create_service_linked_role().aws_service_name("rds.amazonaws.com").send().await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDenied"));
    bob.create_service_linked_role().aws_service_name("ecs.amazonaws.com").send().await.unwrap();
}

#[tokio::test]
async fn the_password_policy_begins_where_aws_begins() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let none = format!("The Password Policy with domain name {} cannot be found.", practice.made.account_id);
    refused!(iam.get_account_password_policy(), "NoSuchEntity", none);
    refused!(iam.delete_account_password_policy(), "NoSuchEntity", none);
    refused!(
        iam.update_account_password_policy().minimum_password_length(5),
        "ValidationError",
        "1 validation error detected: Value '5' at 'minimumPasswordLength' failed to satisfy constraint: Member must have value greater than or equal to 6"
    );
    iam.update_account_password_policy().require_symbols(true).max_password_age(90).send().await.unwrap();
    let policy = iam.get_account_password_policy().send().await.unwrap().password_policy.unwrap();
    assert_eq!((policy.minimum_password_length(), policy.max_password_age()), (Some(6), Some(90)));
    assert!(policy.expire_passwords() && policy.require_symbols() && !policy.require_numbers() && !policy.allow_users_to_change_password());
    iam.update_account_password_policy().send().await.unwrap();
    let policy = iam.get_account_password_policy().send().await.unwrap().password_policy.unwrap();
    assert!(!policy.expire_passwords() && !policy.require_symbols(), "what is left out goes back");
    assert_eq!(policy.password_reuse_prevention(), None);
    iam.delete_account_password_policy().send().await.unwrap();
}

#[tokio::test]
async fn a_password_must_follow_the_policy() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let create = |password: &str| iam.create_login_profile().user_name("alice").password(password);
    refused!(create("Ab1!"), "PasswordPolicyViolation", "Password should have a minimum length of 8");
    assert_eq!(create("abcdefgh1").send().await.unwrap_err().code(), Some("PasswordPolicyViolation"), "three kinds without a policy");
    let all = iam.update_account_password_policy().minimum_password_length(10).require_symbols(true).require_numbers(true);
    all.require_uppercase_characters(true).require_lowercase_characters(true).send().await.unwrap();
    refused!(create("Abcdef1!"), "PasswordPolicyViolation", "Password should have a minimum length of 10");
    refused!(create("abcdefgh1!"), "PasswordPolicyViolation", "Password should have at least one uppercase letter");
    refused!(create("ABCDEFGH1!"), "PasswordPolicyViolation", "Password should have at least one lowercase letter");
    refused!(create("Abcdefghi!"), "PasswordPolicyViolation", "Password should have at least one number");
    refused!(create("Abcdefgh12"), "PasswordPolicyViolation", "Password should have at least one symbol");
    create("Abcdefgh1!").password_reset_required(true).send().await.unwrap();
}

#[tokio::test]
async fn a_login_profile_from_first_to_last() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let none = "Login Profile for User alice cannot be found.";
    refused!(iam.get_login_profile().user_name("alice"), "NoSuchEntity", none);
    refused!(iam.update_login_profile().user_name("alice").password("Other-pass-1"), "NoSuchEntity", none);
    refused!(iam.delete_login_profile().user_name("alice"), "NoSuchEntity", none);
    refused!(iam.create_login_profile().user_name("none").password("Other-pass-1"), "NoSuchEntity", "The user with name none cannot be found.");
    let create = iam.create_login_profile().user_name("alice").password("First-pass-1").password_reset_required(true);
    assert!(create.clone().send().await.unwrap().login_profile.unwrap().password_reset_required());
    refused!(create, "EntityAlreadyExists", "Login Profile for user alice already exists.");
    iam.update_login_profile().user_name("alice").password_reset_required(false).send().await.unwrap();
    assert!(!iam.get_login_profile().user_name("alice").send().await.unwrap().login_profile.unwrap().password_reset_required());

    let user = iam.create_user().user_name("carol").send().await.unwrap().user.unwrap();
    iam.create_login_profile().user_name(user.user_name()).password("First-pass-1").send().await.unwrap();
    refused!(iam.delete_user().user_name("carol"), "DeleteConflict", "Cannot delete entity, must delete login profile first.");
    iam.delete_login_profile().user_name("carol").send().await.unwrap();
    iam.delete_user().user_name("carol").send().await.unwrap();
}

#[tokio::test]
async fn people_change_their_own_password_with_the_old_one() {
    let practice = Practice::start().await;
    let root = practice.iam(&practice.root());
    let bob = bob(&practice, &root, r#"{"Effect":"Allow","Action":"iam:ChangePassword","Resource":"arn:aws:iam::*:user/${aws:username}"}"#).await;
    let change = |from: &str, to: &str| bob.change_password().old_password(from).new_password(to);
    refused!(change("First-pass-1", "Other-pass-1"), "NoSuchEntity", "Login Profile for User bob cannot be found.");
    root.create_login_profile().user_name("bob").password("First-pass-1").password_reset_required(true).send().await.unwrap();
    root.update_account_password_policy().password_reuse_prevention(2).send().await.unwrap();
    refused!(change("Wrong-pass-1", "Other-pass-1"), "AccessDenied", "The old password was incorrect.");
    refused!(change("First-pass-1", "x"), "PasswordPolicyViolation", "Password should have a minimum length of 6");
    change("First-pass-1", "Other-pass-1").send().await.unwrap();
    assert!(!root.get_login_profile().user_name("bob").send().await.unwrap().login_profile.unwrap().password_reset_required());
    refused!(change("Other-pass-1", "First-pass-1"), "PasswordPolicyViolation", "Password does not conform to the account password policy.");
    change("Other-pass-1", "Third-pass-1").send().await.unwrap();
    change("Third-pass-1", "First-pass-1").send().await.expect("older than the policy remembers");
    refused!(root.change_password().old_password("x").new_password("y"), "InvalidUserType", "Only IAM Users can change their own password");
}

#[tokio::test]
async fn an_account_can_let_all_users_change_their_password() {
    let practice = Practice::start().await;
    let root = practice.iam(&practice.root());
    let alice = practice.iam(&practice.alice());
    root.create_login_profile().user_name("alice").password("First-pass-1").send().await.unwrap();
    let change = || alice.change_password().old_password("First-pass-1").new_password("Other-pass-1").send();
    root.update_account_password_policy().send().await.unwrap();
    assert_eq!(change().await.unwrap_err().code(), Some("AccessDenied"));
    root.update_account_password_policy().allow_users_to_change_password(true).send().await.unwrap();
    alice.get_account_password_policy().send().await.unwrap();
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:ChangePassword","Resource":"*"}}"#;
    root.put_user_policy().user_name("alice").policy_name("deny").policy_document(deny).send().await.unwrap();
    assert_eq!(change().await.unwrap_err().code(), Some("AccessDenied"), "a deny wins over the account's grant");
    root.delete_user_policy().user_name("alice").policy_name("deny").send().await.unwrap();
    change().await.unwrap();
}
