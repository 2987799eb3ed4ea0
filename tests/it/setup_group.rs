//! Group access: the group's policy here, the trust policies there, in one plan over two accounts where it takes two.
//!
//! Over the agent, with the practice account and its second account as AWS.

use stagedoor_core::model::setup::{Expected, GroupIntent, Intent, PolicyHome, SetupState, Standing, StepState};

use crate::{
    agent_home::{Home, name},
    setup_home::{apply, here, home, listing, plan, states, undo},
};

fn access(home: &Home, roles: &[&str]) -> GroupIntent {
    GroupIntent {
        admin: name("admin"),
        name: "readers".to_owned(),
        may_assume: roles.iter().map(|role| format!("arn:aws:iam::{}:role/{role}", home.ready.account_id)).collect(),
        members: vec![home.ready.user_name.clone()],
        ..GroupIntent::default()
    }
}

#[tokio::test]
async fn members_of_a_new_group_assume_a_role_and_it_goes_back() {
    let home = home().await;
    let agent = home.agent().await;
    for policy_home in [PolicyHome::Inline, PolicyHome::Managed] {
        let (account, own) = (listing(&home).await, here(&home));
        let intent = || Intent::Group(GroupIntent { policy_home, ..access(&home, &["Reader"]) });
        let made = plan(&agent, intent()).await.unwrap();
        assert_eq!((made.state, listing(&home).await == account), (SetupState::Planned, true), "{made:?}");
        let done = apply(&home, &agent, &made.id).await;
        assert_eq!(done.state, SetupState::Done, "{:?} {:?}", done.error, done.proofs);
        assert!(done.proofs.iter().any(|proof| proof.outcome == Some(Expected::Allowed)));
        let again = plan(&agent, intent()).await.unwrap();
        assert_eq!(again.state, SetupState::Nothing, "{:?}", states(&again));
        assert!(again.steps.iter().all(|step| step.state == StepState::Exists));
        assert_eq!(undo(&home, &agent, &made.id).await.state, SetupState::Undone);
        assert_eq!(listing(&home).await, account);
        assert_eq!(here(&home), own);
    }
}

#[tokio::test]
async fn a_second_role_comes_into_the_policy_and_another_policy_is_left_alone() {
    let home = home().await;
    let agent = home.agent().await;
    let first = plan(&agent, Intent::Group(access(&home, &["Reader"]))).await.unwrap();
    assert_eq!(apply(&home, &agent, &first.id).await.state, SetupState::Done);
    let account = listing(&home).await;
    let second = plan(&agent, Intent::Group(access(&home, &["Writer"]))).await.unwrap();
    let step = second.steps.iter().find(|step| step.action == "PutGroupPolicy").unwrap();
    assert_eq!(step.standing, Standing::Change);
    let text = &step.document.as_ref().unwrap().text;
    assert!(text.contains("role/Reader") && text.contains("role/Writer"), "{text}");
    assert_eq!(apply(&home, &agent, &second.id).await.state, SetupState::Done);
    undo(&home, &agent, &second.id).await;
    assert_eq!(listing(&home).await, account);
    let other = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    home.iam().await.put_group_policy().group_name("readers").policy_name("AssumeRoles").policy_document(other).send().await.unwrap();
    let blocked = plan(&agent, Intent::Group(access(&home, &["Writer"]))).await.unwrap();
    assert_eq!(blocked.state, SetupState::Blocked);
    assert!(blocked.steps.iter().any(|step| step.error.as_ref().is_some_and(|error| error.message.contains("says something else"))));
}

#[tokio::test]
async fn a_role_of_another_account_is_changed_by_its_own_admin() {
    let home = home().await;
    let agent = home.agent().await;
    let other = home.world.accounts()[1].clone();
    home.keys().put_access_key(&other.key).await.unwrap();
    home.config(&format!("\n[profile sandbox]\nstagedoor_access_key_id = {}\n{}", other.key.id, home.common()));
    let made = |name: &str| format!("arn:aws:iam::{}:role/{name}", other.account_id);
    // A role over there that trusts a service only, made by a plan of its own.
    let role = stagedoor_core::model::setup::RoleIntent {
        admin: name("sandbox"),
        name: "updateData".to_owned(),
        trusted: vec![stagedoor_core::model::setup::Trusted::Service { name: "lambda".to_owned() }],
        ..Default::default()
    };
    let role = plan(&agent, Intent::Role(role)).await.unwrap();
    assert_eq!(apply(&home, &agent, &role.id).await.state, SetupState::Done);
    let account = listing(&home).await;
    let intent = |others| Intent::Group(GroupIntent { others, may_assume: vec![made("updateData")], ..access(&home, &[]) });
    let alone = plan(&agent, intent(Vec::new())).await.unwrap();
    assert!(alone.warnings.iter().any(|it| it.contains("was not looked at")), "{:?}", alone.warnings);
    let both = plan(&agent, intent(vec![name("sandbox")])).await.unwrap();
    assert_eq!(both.accounts.len(), 2);
    let trust = both.steps.iter().find(|step| step.action == "UpdateAssumeRolePolicy").unwrap();
    assert_eq!((trust.account_id.as_deref(), trust.standing), (Some(other.account_id.as_str()), Standing::Change));
    assert!(trust.diff.iter().any(|line| line.text.contains(&format!("{}:root", home.ready.account_id))), "{:?}", trust.diff);
    let done = apply(&home, &agent, &both.id).await;
    assert_eq!(done.state, SetupState::Done, "{:?} {:?}", done.error, done.proofs);
    assert!(done.proofs.iter().any(|proof| proof.outcome == Some(Expected::Allowed)), "alice assumes the role over there");
    assert_eq!(undo(&home, &agent, &both.id).await.state, SetupState::Undone);
    assert_eq!(listing(&home).await, account);
    let anew = plan(&agent, intent(vec![name("sandbox")])).await.unwrap();
    let after = anew.steps.iter().find(|step| step.action == "UpdateAssumeRolePolicy").unwrap();
    assert_eq!(after.diff, trust.diff, "over there the trust policy is what it was");
}

#[tokio::test]
async fn a_member_that_is_nobody_is_a_conflict() {
    let home = home().await;
    let agent = home.agent().await;
    let made = plan(&agent, Intent::Group(GroupIntent { members: vec!["ghost".to_owned()], ..access(&home, &["Reader"]) })).await.unwrap();
    assert_eq!(made.state, SetupState::Blocked);
    assert!(made.steps.iter().any(|step| step.error.as_ref().is_some_and(|error| error.message == "There is no user ghost")));
    assert!(made.warnings.iter().any(|it| it.contains("cannot be proven")), "{:?}", made.warnings);
}

/// A group's policy as a managed one.
fn managed(home: &Home, drop_oldest: bool) -> GroupIntent {
    GroupIntent {
        admin: name("admin"),
        name: "payments".to_owned(),
        may_assume: vec![format!("arn:aws:iam::{}:role/Reader", home.ready.account_id)],
        policy_home: PolicyHome::Managed,
        drop_oldest,
        ..GroupIntent::default()
    }
}

#[tokio::test]
async fn a_managed_policy_of_that_name_gets_a_new_version_and_keeps_the_old_one() {
    let home = home().await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    let text =
        |bucket: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{bucket}/*"}}]}}"#);
    let policy = iam.create_policy().policy_name("payments-AssumeRoles").description("Theirs").policy_document(text("one")).send().await.unwrap();
    let arn = policy.policy.unwrap().arn.unwrap();
    iam.attach_user_policy().user_name(&home.ready.user_name).policy_arn(&arn).send().await.unwrap();
    let account = listing(&home).await;
    let made = plan(&agent, Intent::Group(managed(&home, false))).await.unwrap();
    let step = made.steps.iter().find(|step| step.action == "CreatePolicyVersion").unwrap_or_else(|| panic!("{made:?}"));
    assert_eq!((made.state, step.standing), (SetupState::Planned, Standing::Change));
    let lines: Vec<_> = step.diff.iter().map(|line| format!("{line:?}")).collect();
    assert!(lines.iter().any(|line| line.contains("s3:GetObject")) && lines.iter().any(|line| line.contains("sts:AssumeRole")), "{lines:?}");
    assert!(made.warnings.iter().any(|it| it.contains("attached once already")), "{:?}", made.warnings);
    let done = apply(&home, &agent, &made.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    let again = plan(&agent, Intent::Group(managed(&home, false))).await.unwrap();
    assert_eq!(again.state, SetupState::Nothing, "{:?}", states(&again));
    assert_eq!(undo(&home, &agent, &made.id).await.state, SetupState::Undone);
    assert_eq!(listing(&home).await, account);

    for bucket in ["2", "3", "4", "5"] {
        iam.create_policy_version().policy_arn(&arn).policy_document(text(bucket)).set_as_default(false).send().await.unwrap();
    }
    let full = plan(&agent, Intent::Group(managed(&home, false))).await.unwrap();
    let error = full.steps.iter().find_map(|step| step.error.clone()).unwrap();
    assert!(full.state == SetupState::Blocked && error.message.contains("five versions") && error.hint.contains("--drop-oldest"), "{error:?}");
    let dropped = plan(&agent, Intent::Group(managed(&home, true))).await.unwrap();
    let gone = dropped.steps.iter().find(|step| step.action == "DeletePolicyVersion").unwrap();
    assert!(gone.irreversible && gone.title.contains("v3"), "v2 went with the undo: {gone:?}");
    assert_eq!(apply(&home, &agent, &dropped.id).await.state, SetupState::Done);
}
