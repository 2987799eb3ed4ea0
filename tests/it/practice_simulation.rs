//! The policy simulator of the practice account: which statement decides, where it stands, what it would need to know.
//!
//! The answers follow the examples of the IAM API reference and the AWS CLI's.

use aws_sdk_iam::{
    Client,
    error::ProvideErrorMetadata,
    types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult},
};

use crate::practice::{Practice, refused};

fn entry(key: &str, kind: ContextKeyTypeEnum, values: &[&str]) -> ContextEntry {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    ContextEntry::builder().context_key_name(key).context_key_type(kind).set_context_key_values(Some(values)).build()
}

async fn custom(iam: &Client, document: &str, action: &str) -> EvaluationResult {
    let answer = iam.simulate_custom_policy().policy_input_list(document).action_names(action).send().await.unwrap();
    answer.evaluation_results()[0].clone()
}

#[tokio::test]
async fn statements_are_named_with_their_place() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let document = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}";
    let result = custom(&iam, document, "s3:GetObject").await;
    let matched = &result.matched_statements()[0];
    let (start, end) = (matched.start_position().unwrap(), matched.end_position().unwrap());
    assert_eq!(matched.source_policy_id(), Some("PolicyInputList.1"));
    assert_eq!((start.line(), start.column(), end.line(), end.column()), (3, 17, 8, 6));
    assert!(result.resource_specific_results().is_empty());

    let both = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;
    let denied = custom(&iam, both, "s3:GetObject").await;
    assert_eq!((denied.eval_decision().as_str(), denied.matched_statements().len()), ("explicitDeny", 1), "only what denies is told");
    assert_eq!(custom(&iam, both, "ec2:RunInstances").await.eval_decision().as_str(), "allowed");
}

#[tokio::test]
async fn each_resource_has_its_result() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::mine/*"}}"#;
    let ask = iam.simulate_custom_policy().policy_input_list(document).action_names("s3:GetObject").action_names("s3:PutObject");
    let answer = ask.resource_arns("arn:aws:s3:::mine/a").resource_arns("arn:aws:s3:::other/a").send().await.unwrap();
    let told: Vec<_> =
        answer.evaluation_results().iter().map(|one| (one.eval_action_name(), one.eval_resource_name().unwrap(), one.eval_decision().as_str())).collect();
    assert_eq!(told[..2], [("s3:GetObject", "arn:aws:s3:::mine/a", "allowed"), ("s3:GetObject", "arn:aws:s3:::other/a", "implicitDeny")]);
    assert_eq!(told.len(), 4);
    let specific = &answer.evaluation_results()[1].resource_specific_results()[0];
    assert_eq!((specific.eval_resource_name(), specific.eval_resource_decision().as_str()), ("arn:aws:s3:::other/a", "implicitDeny"));
}

#[tokio::test]
async fn however_many_actions_and_resources_a_page_is_a_page() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::r7"}}"#;
    let names = |start: &str| Some((0..5000).map(|number| format!("{start}{number}")).collect());
    let ask = iam.simulate_custom_policy().policy_input_list(document).set_action_names(names("s3:A")).set_resource_arns(names("arn:aws:s3:::r"));
    let told = |page: &aws_sdk_iam::operation::simulate_custom_policy::SimulateCustomPolicyOutput| -> Vec<_> {
        let results = page.evaluation_results().iter();
        results
            .map(|one| (one.eval_action_name().to_owned(), one.eval_resource_name().unwrap().to_owned(), one.eval_decision().as_str() == "allowed"))
            .collect()
    };
    let first = ask.clone().max_items(9).send().await.unwrap();
    assert_eq!((told(&first).len(), &told(&first)[7]), (9, &("s3:A0".to_owned(), "arn:aws:s3:::r7".to_owned(), true)));
    let next = ask.marker(first.marker().unwrap()).send().await.unwrap();
    assert_eq!((told(&next).len(), &told(&next)[0]), (100, &("s3:A0".to_owned(), "arn:aws:s3:::r9".to_owned(), false)));
}

#[tokio::test]
async fn a_user_is_simulated_with_groups_and_boundary() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let arn = format!("arn:aws:iam::{}:user/alice", practice.made.account_id);
    iam.create_group().group_name("g").send().await.unwrap();
    iam.attach_group_policy().group_name("g").policy_arn("arn:aws:iam::aws:policy/AdministratorAccess").send().await.unwrap();
    iam.add_user_to_group().group_name("g").user_name("alice").send().await.unwrap();
    iam.put_user_permissions_boundary().user_name("alice").permissions_boundary("arn:aws:iam::aws:policy/AmazonS3FullAccess").send().await.unwrap();
    let ask = iam.simulate_principal_policy().policy_source_arn(&arn).action_names("s3:GetObject").action_names("ec2:RunInstances");
    let answer = ask.clone().send().await.unwrap();
    let [s3, ec2] = answer.evaluation_results() else { panic!("two results") };
    assert_eq!(s3.matched_statements()[0].source_policy_id(), Some("AdministratorAccess"));
    assert_eq!((s3.eval_decision().as_str(), ec2.eval_decision().as_str()), ("allowed", "implicitDeny"));
    let within = |result: &EvaluationResult| result.permissions_boundary_decision_detail().unwrap().allowed_by_permissions_boundary();
    assert!(within(s3) && !within(ec2));
    let wider = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let answer = ask.permissions_boundary_policy_input_list(wider).send().await.unwrap();
    assert!(within(&answer.evaluation_results()[1]), "another boundary takes its place");

    let root = format!("arn:aws:iam::{}:root", practice.made.account_id);
    refused!(
        iam.simulate_principal_policy().policy_source_arn(&root).action_names("s3:GetObject"),
        "InvalidInput",
        format!("Invalid Entity Arn: {root} does not clearly define entity type and name.")
    );
    let ghost = arn.replace("alice", "ghost");
    refused!(
        iam.simulate_principal_policy().policy_source_arn(ghost).action_names("s3:GetObject"),
        "NoSuchEntity",
        "The user with name ghost cannot be found."
    );
}

#[tokio::test]
async fn a_resources_policy_is_simulated_for_a_caller() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let arn = format!("arn:aws:iam::{}:user/alice", practice.made.account_id);
    let bucket = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}}}"#
    );
    let nothing = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}"#;
    let ask = iam.simulate_custom_policy().policy_input_list(nothing).action_names("s3:GetObject").resource_arns("arn:aws:s3:::b/x").resource_policy(bucket);
    assert_eq!(ask.clone().send().await.unwrap_err().code(), Some("InvalidInput"), "a caller is needed");
    assert_eq!(ask.clone().caller_arn("arn:aws:iam::123456789012:role/r").send().await.unwrap_err().code(), Some("InvalidInput"), "and must be a user");
    let decision =
        |answer: aws_sdk_iam::operation::simulate_custom_policy::SimulateCustomPolicyOutput| answer.evaluation_results()[0].eval_decision().as_str().to_owned();
    assert_eq!(decision(ask.clone().caller_arn(&arn).send().await.unwrap()), "allowed");
    assert_eq!(
        decision(ask.caller_arn(&arn).resource_owner("arn:aws:iam::111122223333:root").send().await.unwrap()),
        "implicitDeny",
        "across accounts both must allow"
    );
}

#[tokio::test]
async fn context_keys_are_asked_for_and_typed() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}/*","Condition":{"NumericLessThan":{"s3:max-keys":"10"},"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}}"#;
    let keys = iam.get_context_keys_for_custom_policy().policy_input_list(document).send().await.unwrap();
    assert_eq!(keys.context_key_names(), ["aws:SourceIp", "aws:username", "s3:max-keys"]);
    let arn = format!("arn:aws:iam::{}:user/alice", practice.made.account_id);
    let of_alice = iam.get_context_keys_for_principal_policy().policy_source_arn(&arn);
    assert!(of_alice.clone().send().await.unwrap().context_key_names().is_empty());
    assert_eq!(of_alice.policy_input_list(document).send().await.unwrap().context_key_names().len(), 3);

    let ask = iam.simulate_custom_policy().policy_input_list(document).action_names("s3:GetObject").resource_arns("arn:aws:s3:::home/alice/x");
    let ask = ask.context_entries(entry("aws:username", ContextKeyTypeEnum::String, &["alice"]));
    let with = |keys: &[&str], ip: &str| {
        ask.clone()
            .context_entries(entry("s3:max-keys", ContextKeyTypeEnum::Numeric, keys))
            .context_entries(entry("aws:SourceIp", ContextKeyTypeEnum::Ip, &[ip]))
            .send()
    };
    let missing = ask.clone().send().await.unwrap();
    assert_eq!(missing.evaluation_results()[0].missing_context_values(), ["aws:SourceIp", "s3:max-keys"]);
    let full = with(&["5"], "10.1.2.3").await.unwrap();
    assert_eq!(full.evaluation_results()[0].eval_decision().as_str(), "allowed");
    assert_eq!(with(&["50"], "10.1.2.3").await.unwrap().evaluation_results()[0].eval_decision().as_str(), "implicitDeny");
    assert_eq!(with(&["many"], "10.1.2.3").await.unwrap_err().code(), Some("InvalidInput"));
    assert_eq!(with(&["5"], "here").await.unwrap_err().code(), Some("InvalidInput"));
    assert_eq!(with(&["5", "6"], "10.1.2.3").await.unwrap_err().code(), Some("InvalidInput"), "one value, unless it is a list");
    let wrong = iam.simulate_custom_policy().policy_input_list("{").action_names("s3:GetObject").send().await.unwrap_err();
    assert_eq!(wrong.code(), Some("InvalidInput"));
    let none = iam.simulate_custom_policy().policy_input_list(document).set_action_names(Some(Vec::new())).send().await.unwrap_err();
    assert_eq!(none.code(), Some("ValidationError"));
}
