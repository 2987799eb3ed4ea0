//! CloudTrail's events as AWS writes them, and how the services that speak JSON refuse: raw requests, no SDK in between.
//!
//! Events are read by root of the account that they are told to.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use aws_credential_types::Credentials;
use aws_sdk_iam::types::Tag;
use serde_json::{Value, json};

use crate::{
    practice::{Practice, long_lived, temporary},
    practice_s3::Asked,
    saml_provider::{Federation, response, signed},
};

const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

fn json_call(practice: &Practice, service: &str, target: &str, body: &Value) -> (u16, Value) {
    let asked = Asked { target: Some(target), ..Asked::new(service, "POST", "/") };
    let (status, answer) = asked.body(body.to_string()).by(practice, Some(&practice.root()));
    (status, serde_json::from_str(&answer).unwrap())
}

/// The events of one name, the newest first.
fn events(practice: &Practice, by: &Credentials, name: &str) -> Vec<Value> {
    let body = json!({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}]});
    let asked = Asked { target: Some(LOOKUP), ..Asked::new("cloudtrail", "POST", "/") };
    let (status, answer) = asked.body(body.to_string()).by(practice, Some(by));
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let event = |event: &Value| -> Value {
        let whole: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
        assert_eq!(whole["eventID"], event["EventId"]);
        whole
    };
    answer["Events"].as_array().unwrap().iter().map(event).collect()
}

fn event(practice: &Practice, name: &str) -> Value {
    events(practice, &practice.root(), name).remove(0)
}

/// A role that alice may take, and alice's own ID.
async fn role(practice: &Practice) -> (String, String, String) {
    let iam = practice.iam(&practice.root());
    let alice = iam.get_user().user_name("alice").send().await.unwrap().user.unwrap();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}}}"#,
        alice.arn
    );
    let role =
        iam.create_role().role_name("Told").path("/team/").description("<a> & 'b'").assume_role_policy_document(trust).send().await.unwrap().role.unwrap();
    (role.arn, role.role_id, alice.user_id)
}

#[tokio::test]
async fn an_event_tells_what_was_asked_and_answered_without_secrets() {
    let practice = Practice::start().await;
    let (arn, id, _) = role(&practice).await;
    let account = practice.world.account_id();
    let tag = aws_sdk_sts::types::Tag::builder().key("team").value("a+b").build().unwrap();
    let policy = aws_sdk_sts::types::PolicyDescriptorType::builder().arn("arn:aws:iam::aws:policy/ReadOnlyAccess").build();
    let asked = practice.assume(&practice.alice(), &arn).duration_seconds(900).tags(tag).transitive_tag_keys("team").policy_arns(policy);
    let answer = asked.send().await.unwrap();
    let credentials = answer.credentials().unwrap();

    let event = event(&practice, "AssumeRole");
    assert_eq!(
        event["requestParameters"],
        json!({
            "roleArn": arn, "roleSessionName": "me", "durationSeconds": 900, "tags": [{"key": "team", "value": "a+b"}], "transitiveTagKeys": ["team"],
            "policyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
        })
    );
    let answered = &event["responseElements"];
    assert_eq!(answered["credentials"], json!({"accessKeyId": credentials.access_key_id(), "expiration": "Nov 23, 2026, 9:15:00 AM"}));
    let session = format!("arn:aws:sts::{account}:assumed-role/Told/me");
    assert_eq!(answered["assumedRoleUser"], json!({"assumedRoleId": format!("{id}:me"), "arn": session}));
    let whole = event.to_string();
    assert!(!whole.contains(credentials.secret_access_key()) && !whole.contains(credentials.session_token()), "{whole}");
    assert_eq!(event["resources"], json!([{"ARN": arn, "accountId": account, "type": "AWS::IAM::Role"}]));
    assert_eq!((&event["readOnly"], event.get("sharedEventID")), (&json!(true), None));
    let id = aws_types::request_id::RequestId::request_id(&answer).unwrap();
    assert_eq!(event["requestID"], id, "the one in the answer");
}

#[tokio::test]
async fn what_iam_made_is_told_but_never_a_secret() {
    let practice = Practice::start().await;
    let iam = practice.iam(&practice.root());
    let account = practice.world.account_id();
    let tag = Tag::builder().key("k").value("v").build().unwrap();
    let user = iam.create_user().user_name("told").tags(tag).send().await.unwrap().user.unwrap();
    let created = event(&practice, "CreateUser");
    assert_eq!(created["requestParameters"], json!({"userName": "told", "tags": [{"key": "k", "value": "v"}]}));
    let expected = json!({"user": {
        "path": "/", "userName": "told", "userId": user.user_id, "arn": format!("arn:aws:iam::{account}:user/told"),
        "createDate": "Nov 23, 2026, 9:00:00 AM", "tags": [{"key": "k", "value": "v"}],
    }});
    assert_eq!(created["responseElements"], expected);
    assert_eq!(created.get("resources"), None, "IAM names them in the parameters only");

    let key = iam.create_access_key().user_name("told").send().await.unwrap().access_key.unwrap();
    let told = event(&practice, "CreateAccessKey");
    let expected = json!({"userName": "told", "accessKeyId": key.access_key_id, "status": "Active", "createDate": "Nov 23, 2026, 9:00:00 AM"});
    assert_eq!(told["responseElements"], json!({"accessKey": expected}));
    assert!(!told.to_string().contains(&key.secret_access_key));

    let device = iam.create_virtual_mfa_device().virtual_mfa_device_name("told").send().await.unwrap().virtual_mfa_device.unwrap();
    let told = event(&practice, "CreateVirtualMFADevice");
    assert_eq!(told["responseElements"], json!({"virtualMFADevice": {"serialNumber": device.serial_number}}));

    let (_, id, _) = role(&practice).await;
    let told = event(&practice, "CreateRole");
    let made = &told["responseElements"]["role"];
    assert_eq!((&made["roleId"], &made["maxSessionDuration"], &made["description"]), (&json!(id), &json!(3600), &json!("<a> & 'b'")));

    // What only reads has no answer, nor has what gives none, nor what was refused.
    iam.get_user().user_name("told").send().await.unwrap();
    iam.delete_virtual_mfa_device().serial_number(device.serial_number).send().await.unwrap();
    iam.create_user().user_name("told").send().await.unwrap_err();
    for name in ["GetUser", "DeleteVirtualMFADevice", "CreateUser"] {
        assert_eq!(event(&practice, name)["responseElements"], Value::Null, "{name}");
    }
    assert_eq!(event(&practice, "CreateUser")["errorMessage"], "User with name told already exists.");
    practice.iam(&practice.alice()).list_groups().send().await.unwrap_err();
    let message = event(&practice, "ListGroups")["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.ends_with("allows the iam:ListGroups action"), "without the encoded message: {message}");
}

#[tokio::test]
async fn user_identity_is_of_the_kind_that_called() {
    let practice = Practice::start().await;
    let (arn, role, alice) = role(&practice).await;
    let (account, root) = (practice.world.account_id(), practice.root());
    let who = async |credentials: &Credentials| {
        practice.sts(credentials).get_caller_identity().send().await.unwrap();
        event(&practice, "GetCallerIdentity")["userIdentity"].clone()
    };
    let expected = json!({"type": "Root", "principalId": account, "arn": format!("arn:aws:iam::{account}:root"), "accountId": account,
        "accessKeyId": root.access_key_id()});
    assert_eq!(who(&root).await, expected);
    let (user, key) = (format!("arn:aws:iam::{account}:user/alice"), practice.alice());
    let expected = json!({"type": "IAMUser", "principalId": alice, "arn": user, "accountId": account, "accessKeyId": key.access_key_id(), "userName": "alice"});
    assert_eq!(who(&key).await, expected);

    let attributes = |mfa: &str| json!({"creationDate": "2026-11-23T09:00:00Z", "mfaAuthenticated": mfa});
    let asked = practice.sts(&key).get_session_token().serial_number(practice.made.mfa_serial.as_str()).token_code(practice.code(0));
    let token = temporary(asked.send().await.unwrap().credentials);
    let identity = who(&token).await;
    assert_eq!((&identity["type"], &identity["userName"], &identity["principalId"]), (&json!("IAMUser"), &json!("alice"), &json!(alice)));
    assert_eq!(identity["sessionContext"], json!({"attributes": attributes("true")}));

    let session = temporary(practice.assume(&key, &arn).source_identity("alice-herself").send().await.unwrap().credentials);
    let issuer = json!({"type": "Role", "principalId": role, "arn": arn, "accountId": account, "userName": "Told"});
    let expected = json!({
        "type": "AssumedRole", "principalId": format!("{role}:me"), "arn": format!("arn:aws:sts::{account}:assumed-role/Told/me"), "accountId": account,
        "accessKeyId": session.access_key_id(),
        "sessionContext": {"attributes": attributes("false"), "sessionIssuer": issuer, "sourceIdentity": "alice-herself"},
    });
    assert_eq!(who(&session).await, expected);

    let federated = temporary(practice.sts(&root).get_federation_token().name("guest").send().await.unwrap().credentials);
    let identity = who(&federated).await;
    assert_eq!((&identity["type"], &identity["principalId"]), (&json!("FederatedUser"), &json!(format!("{account}:guest"))));
    assert_eq!((&identity["sessionContext"]["sessionIssuer"]["type"], identity.get("userName")), (&json!("Root"), None));
}

#[tokio::test]
async fn whoever_a_provider_vouched_for_is_no_iam_user() {
    let federation = Federation::start().await;
    let answer = federation.accepted(&response(&signed(&federation.assertion()))).await;
    let event = event(&federation.practice, "AssumeRoleWithSAML");
    let qualifier = answer.name_qualifier().unwrap();
    let expected = json!({"type": "SAMLUser", "principalId": format!("{qualifier}:carol"), "userName": "carol", "identityProvider": qualifier});
    assert_eq!(event["userIdentity"], expected);
    assert_eq!(event["responseElements"]["subject"], "carol");
    assert!(!event.to_string().contains("sAMLAssertion\""), "as good as a secret");
}

#[tokio::test]
async fn a_role_of_another_account_is_an_event_in_both() {
    let practice = Practice::start().await;
    let account = practice.world.account_id();
    let other = practice.world.accounts().into_iter().find(|other| other.account_id != account).unwrap();
    let (theirs, iam) = (long_lived(&other.key), practice.iam(&long_lived(&other.key)));
    let trust = format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":"sts:AssumeRole"}}}}"#);
    let arn = iam.create_role().role_name("Lent").assume_role_policy_document(trust).send().await.unwrap().role.unwrap().arn;
    let allow = format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"{arn}"}}}}"#);
    let own = practice.iam(&practice.root());
    own.put_user_policy().user_name("alice").policy_name("lent").policy_document(allow).send().await.unwrap();
    practice.assume(&practice.alice(), &arn).send().await.unwrap();

    let (here, there) = (event(&practice, "AssumeRole"), events(&practice, &theirs, "AssumeRole").remove(0));
    assert_eq!((&here["recipientAccountId"], &there["recipientAccountId"]), (&json!(account), &json!(other.account_id)));
    assert!(here["sharedEventID"].is_string() && here["sharedEventID"] == there["sharedEventID"]);
    assert_ne!(here["eventID"], there["eventID"]);
    assert_eq!(here["userIdentity"]["userName"], "alice");
    let expected = json!({"type": "AWSAccount", "principalId": here["userIdentity"]["principalId"], "accountId": account});
    assert_eq!(there["userIdentity"], expected, "no name, no ARN, no key");
    assert_eq!(there["resources"], json!([{"ARN": arn, "accountId": other.account_id, "type": "AWS::IAM::Role"}]));
}

#[tokio::test]
async fn an_operation_that_is_not_there_is_refused_in_json() {
    let practice = Practice::start().await;
    for (service, target) in [
        ("cloudtrail", "CloudTrail_20131101.Nope"),
        ("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListAccounts"),
        ("organizations", "AWSOrganizationsV20161128.LookupEvents"),
        ("organizations", "Nope"),
        ("dynamodb", "DynamoDB_20120810.LookupEvents"),
    ] {
        let (status, answer) = json_call(&practice, service, target, &json!({}));
        assert_eq!((status, &answer["__type"]), (400, &json!("UnknownOperationException")), "{target}");
    }
    assert_eq!(json_call(&practice, "cloudtrail", "CloudTrail_20131101.LookupEvents", &json!({})).0, 200);
}

#[tokio::test]
async fn access_analyzer_has_one_analyzer_of_a_kind_and_knows_actions() {
    let practice = Practice::start().await;
    let root = practice.root();
    let create = |name: &str| {
        let body = json!({"analyzerName": name, "type": "ACCOUNT"}).to_string();
        Asked::new("access-analyzer", "PUT", "/analyzer").body(body).by(&practice, Some(&root))
    };
    assert_eq!((create("one").0, create("one").0, create("two").0), (200, 409, 402));
    let codes = |action: &str| -> Vec<Value> {
        let document = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::b/*"}});
        let body = json!({"policyDocument": document.to_string(), "policyType": "IDENTITY_POLICY"}).to_string();
        let (status, answer) = Asked::new("access-analyzer", "POST", "/policy/validation").body(body).by(&practice, Some(&root));
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["findings"].as_array().unwrap().iter().map(|finding| finding["issueCode"].clone()).collect()
    };
    for action in ["s3:ReadObject", "iam:CreateUsers", "sts:AssumeRoles", "S3:readobject"] {
        assert_eq!(codes(action), ["INVALID_ACTION"], "{action}");
    }
    for action in ["s3:GetObject", "S3:GETOBJECT", "s3:ListAllMyBuckets", "iam:PassRole", "sts:TagSession", "s3:Get*", "unheard:Of", "ec2:RunInstances"] {
        assert_eq!(codes(action), [] as [Value; 0], "{action}");
    }
}
