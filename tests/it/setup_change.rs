//! Changes of what exists, from the plan and back: trust policies, attached policies, versions, inline turned into managed.
//!
//! Each is applied, made again (nothing is left to do), and taken back to the same account.

use stagedoor_core::{
    agent::Agent,
    model::setup::{Change, ChangeIntent, ExternalIdChoice, Intent, PolicyHolder, SetupState, SetupView, Standing, Trusted, UserIntent},
};

use crate::{
    agent_home::{Home, name},
    setup_home::{apply, home, listing, plan, undo},
};

const NONE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

fn reading(bucket: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}"#)
}

async fn planned(agent: &Agent, change: Change) -> SetupView {
    plan(agent, Intent::Change(ChangeIntent { admin: name("admin"), change })).await.unwrap()
}

/// Applied, idempotent, and undone to the same account.
async fn there_and_back(home: &Home, agent: &Agent, change: Change) -> SetupView {
    let before = listing(home).await;
    let made = planned(agent, change.clone()).await;
    assert_eq!(made.state, SetupState::Planned, "{made:?}");
    assert_eq!(listing(home).await, before, "a plan changes nothing");
    let done = apply(home, agent, &made.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    assert_ne!(listing(home).await, before);
    let again = planned(agent, change).await;
    assert_eq!(again.state, SetupState::Nothing, "{again:?}");
    let undone = undo(home, agent, &made.id).await;
    assert_eq!(undone.state, SetupState::Undone, "{undone:?}");
    assert_eq!(listing(home).await, before);
    done
}

/// What is in the way of a plan.
async fn in_the_way(agent: &Agent, change: Change) -> (String, String) {
    let made = planned(agent, change).await;
    assert_eq!(made.state, SetupState::Blocked, "{made:?}");
    let step = made.steps.iter().find(|step| step.standing == Standing::Conflict).unwrap();
    let error = step.error.clone().unwrap();
    (error.message, error.hint)
}

async fn policy(home: &Home, named: &str, texts: &[String]) -> String {
    let iam = home.iam().await;
    let mut arn = String::new();
    for (at, text) in texts.iter().enumerate() {
        if at == 0 {
            arn = iam.create_policy().policy_name(named).policy_document(text).send().await.unwrap().policy.unwrap().arn.unwrap();
        } else {
            iam.create_policy_version().policy_arn(&arn).policy_document(text).set_as_default(true).send().await.unwrap();
        }
    }
    arn
}

#[tokio::test]
async fn trust_policies_are_changed_and_go_back() {
    let home = home().await;
    let agent = home.agent().await;
    let role = || "Reader".to_owned();
    home.iam().await.create_user().user_name("dana").path("/people/").send().await.unwrap();
    let dana = format!("arn:aws:iam::{}:user/people/dana", home.ready.account_id);
    let add = Change::AddPrincipal { role: role(), who: Trusted::User { name: "dana".to_owned() } };
    let done = there_and_back(&home, &agent, add.clone()).await;
    assert!(done.steps[0].document.as_ref().unwrap().text.contains(&dana));
    there_and_back(&home, &agent, Change::Mfa { role: role(), require: true, max_age: Some(3600) }).await;
    let third = planned(&agent, Change::AddPrincipal { role: role(), who: Trusted::ThirdParty { id: "210987654321".to_owned() } }).await;
    assert_eq!(third.notes.len(), 1, "the third party is told its external ID");
    let message = in_the_way(&agent, Change::AddPrincipal { role: role(), who: Trusted::User { name: "nobody".to_owned() } }).await.0;
    assert!(message.contains("no user nobody"), "{message}");
    let id = Some(ExternalIdChoice::Value("a-b-c-d".to_owned()));
    let message = in_the_way(&agent, Change::ExternalId { role: role(), external_id: id }).await.0;
    assert!(message.contains("names no other account"), "{message}");
    let added = planned(&agent, add).await;
    assert_eq!(apply(&home, &agent, &added.id).await.state, SetupState::Done);
    there_and_back(&home, &agent, Change::RemovePrincipal { role: role(), principal: dana }).await;
}

fn trusting(statements: &[(&str, &str)]) -> String {
    let statement = |(who, condition): &(&str, &str)| {
        format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{who}:root"}},"Action":"sts:AssumeRole","Condition":{condition}}}"#)
    };
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.iter().map(statement).collect::<Vec<_>>().join(","))
}

#[tokio::test]
async fn an_external_id_of_its_own_stays_the_one_that_is_asked_for() {
    let home = home().await;
    let agent = home.agent().await;
    let auto = || Change::ExternalId { role: "Vendor".to_owned(), external_id: Some(ExternalIdChoice::Auto) };
    let open = r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#;
    let trust = trusting(&[("210987654321", open)]);
    home.iam().await.create_role().role_name("Vendor").assume_role_policy_document(trust).send().await.unwrap();
    let done = there_and_back(&home, &agent, auto()).await;
    assert_eq!(done.notes.len(), 1, "{done:?}");
    let asked = r#"{"StringEquals":{"sts:ExternalId":"theirs-1234"}}"#;
    let trust = trusting(&[("210987654321", asked), ("210987654321", open), ("333344445555", open)]);
    home.iam().await.update_assume_role_policy().role_name("Vendor").policy_document(trust).send().await.unwrap();
    let done = there_and_back(&home, &agent, auto()).await;
    let text = &done.steps[0].document.as_ref().unwrap().text;
    assert_eq!((text.matches("theirs-1234").count(), text.matches("sts:ExternalId").count()), (2, 3), "one account, one ID; another account, another: {text}");
    assert_eq!(done.notes.len(), 2, "{done:?}");
    home.iam().await.update_assume_role_policy().role_name("Vendor").policy_document(trusting(&[("210987654321", asked)])).send().await.unwrap();
    let kept = planned(&agent, auto()).await;
    assert_eq!((kept.state, kept.steps[0].standing), (SetupState::Nothing, Standing::Exists));
    assert!(kept.steps[0].detail.contains("stays") && kept.notes[0].text.contains("theirs-1234"), "{kept:?}");
}

#[tokio::test]
async fn a_deleted_user_in_a_trust_policy_is_told_and_mended() {
    let home = home().await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    iam.create_user().user_name("gone").send().await.unwrap();
    let added = planned(&agent, Change::AddPrincipal { role: "Reader".to_owned(), who: Trusted::User { name: "gone".to_owned() } }).await;
    assert_eq!(apply(&home, &agent, &added.id).await.state, SetupState::Done);
    iam.delete_user().user_name("gone").send().await.unwrap();
    let seen = planned(&agent, Change::Mfa { role: "Reader".to_owned(), require: true, max_age: None }).await;
    assert!(seen.warnings.iter().any(|warning| warning.contains("AIDA") && warning.contains("mend-trust")), "{:?}", seen.warnings);
    let mended = planned(&agent, Change::MendTrust { role: "Reader".to_owned(), user: None }).await;
    assert_eq!(apply(&home, &agent, &mended.id).await.state, SetupState::Done);
    let trust = iam.get_role().role_name("Reader").send().await.unwrap().role.unwrap().assume_role_policy_document.unwrap();
    assert!(!trust.contains("AIDA"));
}

#[tokio::test]
async fn policies_are_attached_detached_and_turned_into_managed_ones() {
    let home = home().await;
    let agent = home.agent().await;
    let arn = policy(&home, "Reports", &[reading("one")]).await;
    let reader = || PolicyHolder::Role("Reader".to_owned());
    there_and_back(&home, &agent, Change::Attach { to: reader(), policy: arn.clone() }).await;
    home.iam().await.attach_role_policy().role_name("Reader").policy_arn(&arn).send().await.unwrap();
    there_and_back(&home, &agent, Change::Detach { from: reader(), policy: arn.clone() }).await;
    home.iam().await.detach_role_policy().role_name("Reader").policy_arn(&arn).send().await.unwrap();
    let off = planned(&agent, Change::Detach { from: reader(), policy: arn.clone() }).await;
    let step = &off.steps[0];
    assert_eq!((off.state, step.standing, step.action.as_str()), (SetupState::Nothing, Standing::Exists, "DetachRolePolicy"), "{off:?}");
    assert!(step.title.contains("Reports is not attached to Reader") && step.request["PolicyArn"] == arn, "{off:?}");
    let missing = arn.replace("Reports", "Missing");
    assert!(in_the_way(&agent, Change::Attach { to: reader(), policy: missing }).await.0.contains("no managed policy"));
    let nobody = PolicyHolder::User("nobody".to_owned());
    assert!(in_the_way(&agent, Change::Attach { to: nobody, policy: arn }).await.0.contains("no user nobody"));
    let turned = Change::InlineToManaged { of: reader(), policy: "All".to_owned(), name: Some("Everything".to_owned()) };
    let done = there_and_back(&home, &agent, turned).await;
    let order: Vec<_> = done.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(order, ["CreatePolicy", "AttachRolePolicy", "DeleteRolePolicy"]);
    let taken = Change::InlineToManaged { of: reader(), policy: "All".to_owned(), name: Some("Reports".to_owned()) };
    assert!(in_the_way(&agent, taken).await.1.contains("--name"));
}

#[tokio::test]
async fn versions_are_written_rolled_back_and_dropped_only_where_wanted() {
    let home = home().await;
    let agent = home.agent().await;
    let arn = policy(&home, "Reports", &[reading("one"), reading("two")]).await;
    let edit = |text: &str, drop_oldest| Change::EditPolicy { policy: arn.clone(), text: text.to_owned(), drop_oldest };
    there_and_back(&home, &agent, edit(&reading("three"), false)).await;
    there_and_back(&home, &agent, Change::RollBack { policy: arn.clone(), version: "v1".to_owned() }).await;
    let (message, hint) = in_the_way(&agent, Change::RollBack { policy: arn.clone(), version: "v9".to_owned() }).await;
    assert!(message.contains("no version v9") && hint.contains("v2 (the default), v1"), "{message} {hint}");
    let message = in_the_way(&agent, edit("{\n  \"Version\": \"2012-10-17\",\n  oops\n}", false)).await.0;
    assert!(message.contains("line 3"), "{message}");
    let message = in_the_way(&agent, edit(&reading(&"b".repeat(7000)), false)).await.0;
    assert!(message.contains("too large"), "{message}");
    let aws = Change::EditPolicy { policy: "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned(), text: NONE.to_owned(), drop_oldest: false };
    let refused = plan(&agent, Intent::Change(ChangeIntent { admin: name("admin"), change: aws })).await.unwrap_err();
    assert!(refused.message.contains("AWS’s own"), "{refused:?}");

    for bucket in ["3", "4", "5"] {
        let iam = home.iam().await;
        iam.create_policy_version().policy_arn(&arn).policy_document(reading(bucket)).set_as_default(false).send().await.unwrap();
    }
    let (message, hint) = in_the_way(&agent, edit(&reading("six"), false)).await;
    assert!(message.contains("five versions") && message.contains("v5") && hint.contains("v1") && hint.contains("--drop-oldest"), "{message} {hint}");
    let made = planned(&agent, edit(&reading("six"), true)).await;
    assert!(made.steps[0].irreversible && made.steps[0].action == "DeletePolicyVersion", "{made:?}");
    assert_eq!(apply(&home, &agent, &made.id).await.state, SetupState::Done);
    let undone = undo(&home, &agent, &made.id).await;
    assert_eq!((undone.state, undone.left.len()), (SetupState::Undone, 1), "what cannot come back is told: {undone:?}");
    let now = listing(&home).await;
    assert!(now.contains("Some(0) Some(\"v2\") [(Some(\"v6\"), false") && !now.contains("(Some(\"v1\")"), "{now}");
}

#[tokio::test]
async fn what_somebody_changed_meanwhile_is_left_alone() {
    let home = home().await;
    let agent = home.agent().await;
    let arn = policy(&home, "Reports", &[reading("one")]).await;
    let edit = || Change::EditPolicy { policy: arn.clone(), text: reading("two"), drop_oldest: false };
    let late = planned(&agent, edit()).await;
    let iam = home.iam().await;
    iam.create_policy_version().policy_arn(&arn).policy_document(reading("theirs")).set_as_default(true).send().await.unwrap();
    let before = listing(&home).await;
    let stopped = apply(&home, &agent, &late.id).await;
    assert_eq!(stopped.state, SetupState::Stopped);
    assert!(stopped.error.unwrap().message.contains("somebody changed this"));
    assert_eq!(listing(&home).await, before);

    let made = planned(&agent, edit()).await;
    assert_eq!(apply(&home, &agent, &made.id).await.state, SetupState::Done);
    iam.create_policy_version().policy_arn(&arn).policy_document(reading("again")).set_as_default(true).send().await.unwrap();
    let before = listing(&home).await;
    let refused = undo(&home, &agent, &made.id).await;
    let error = refused.error.unwrap().message;
    assert!(error.contains("Nothing was undone") && error.contains("the default version of Reports"), "{error}");
    assert_eq!(listing(&home).await, before);
    iam.set_default_policy_version().policy_arn(&arn).version_id("v3").send().await.unwrap();
    iam.delete_policy_version().policy_arn(&arn).version_id("v2").send().await.unwrap();
    let refused = undo(&home, &agent, &made.id).await;
    assert!(refused.error.unwrap().message.contains("Nothing was undone"), "the version to go back to is gone");
}

#[tokio::test]
async fn a_refusal_that_succeeds_is_a_defect_and_its_statement_is_named() {
    let home = home().await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    iam.create_group().group_name("wide").send().await.unwrap();
    let all = r#"{"Version":"2012-10-17","Statement":[{"Sid":"TooMuch","Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    iam.put_group_policy().group_name("wide").policy_name("Second").policy_document(all).send().await.unwrap();
    let user = UserIntent {
        admin: name("admin"),
        name: "dana".to_owned(),
        access_key: true,
        groups: vec!["wide".to_owned()],
        may_assume: vec![format!("arn:aws:iam::{}:role/Reader", home.ready.account_id)],
        ..UserIntent::default()
    };
    let made = plan(&agent, Intent::User(user)).await.unwrap();
    let done = apply(&home, &agent, &made.id).await;
    assert_eq!(done.state, SetupState::Defect, "{:?}", done.proofs);
    let because: Vec<_> = done.proofs.iter().flat_map(|proof| &proof.because).collect();
    assert!(because.iter().any(|it| it.policy == "Second" && it.sid.as_deref() == Some("TooMuch") && it.text.contains("\"*\"")), "{because:?}");
    assert!(because.iter().any(|it| it.policy.starts_with("Trust policy of")), "{because:?}");
}
