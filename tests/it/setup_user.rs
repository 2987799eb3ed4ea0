//! A new IAM user, from the plan to the proof and back: what is sent, what is refused, what is left alone.
//!
//! Over the agent, with the practice account as AWS. Killed processes are in `setup_crash`.

use stagedoor_core::model::setup::{Intent, SetupState, Standing, StepState, UserIntent};

use crate::{
    agent_home::{Home, key_id, name},
    setup_home::{apply, here, home, listing, plan, states, undo},
};

fn dana(home: &Home) -> UserIntent {
    UserIntent {
        admin: name("admin"),
        name: "dana".to_owned(),
        access_key: true,
        may_assume: vec![format!("arn:aws:iam::{}:role/Reader", home.ready.account_id)],
        ..UserIntent::default()
    }
}

/// The calls that change something.
fn writing(home: &Home) -> Vec<String> {
    let reads = ["Get", "List", "Simulate", "AssumeRole"];
    home.world.calls().into_iter().map(|call| call.action).filter(|action| !reads.iter().any(|read| action.starts_with(read))).collect()
}

#[tokio::test]
async fn a_plan_sends_nothing_and_applied_it_works_and_goes_back() {
    let home = home().await;
    let agent = home.agent().await;
    let (account, own, written) = (listing(&home).await, here(&home), writing(&home).len());
    let made = plan(&agent, Intent::User(UserIntent { mfa: true, self_service: true, ..dana(&home) })).await.unwrap();
    assert_eq!((made.state, listing(&home).await == account, writing(&home).len()), (SetupState::Planned, true, written));
    assert!(made.steps.iter().all(|step| step.standing == Standing::New || step.standing == Standing::Exists), "{:?}", made.steps);
    let done = apply(&home, &agent, &made.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    assert!(done.proofs.iter().all(|proof| proof.state == StepState::Done && proof.outcome == Some(proof.expected)), "{:?}", done.proofs);
    assert!(done.proofs.len() >= 3);
    assert!(key_id(&agent, "dana-Reader").await.unwrap().starts_with("ASIA"), "its profile gives credentials");
    let undone = undo(&home, &agent, &made.id).await;
    assert_eq!(undone.state, SetupState::Undone, "{undone:?}");
    assert_eq!(listing(&home).await, account);
    assert_eq!(here(&home), own);
}

#[tokio::test]
async fn applied_again_it_does_nothing_and_says_so() {
    let home = home().await;
    let agent = home.agent().await;
    let intent = || Intent::User(UserIntent { mfa: true, ..dana(&home) });
    let first = plan(&agent, intent()).await.unwrap();
    assert_eq!(apply(&home, &agent, &first.id).await.state, SetupState::Done);
    let written = writing(&home).len();
    let second = plan(&agent, intent()).await.unwrap();
    assert_eq!(second.state, SetupState::Nothing, "{:?}", states(&second));
    assert!(second.steps.iter().all(|step| step.state == StepState::Exists), "{:?}", states(&second));
    apply(&home, &agent, &second.id).await;
    assert_eq!(writing(&home).len(), written);
}

#[tokio::test]
async fn a_user_that_is_there_is_a_conflict_and_can_be_gone_on_with() {
    let home = home().await;
    let agent = home.agent().await;
    home.iam().await.create_user().user_name("dana").path("/old/").send().await.unwrap();
    let account = listing(&home).await;
    let made = plan(&agent, Intent::User(dana(&home))).await.unwrap();
    assert_eq!((made.state, made.steps[0].standing), (SetupState::Blocked, Standing::Conflict));
    let error = made.steps[0].error.clone().unwrap();
    assert!(error.message.contains("dana") && error.hint.contains("--existing"), "{error:?}");
    let refused = agent.setup_apply(&made.id, &stagedoor_core::agent::Asker::stagedoor()).await.unwrap_err();
    assert!(refused.hint.contains("in the way"), "{refused:?}");
    assert_eq!(listing(&home).await, account);
    let made = plan(&agent, Intent::User(UserIntent { existing: true, ..dana(&home) })).await.unwrap();
    let done = apply(&home, &agent, &made.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
    assert_eq!(undo(&home, &agent, &made.id).await.state, SetupState::Undone);
    assert_eq!(listing(&home).await, account, "the user that was there stays as it was");
}

#[tokio::test]
async fn two_keys_are_a_conflict_that_names_both() {
    let home = home().await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    iam.create_user().user_name("dana").send().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(iam.create_access_key().user_name("dana").send().await.unwrap().access_key.unwrap().access_key_id);
    }
    let made = plan(&agent, Intent::User(UserIntent { existing: true, ..dana(&home) })).await.unwrap();
    let key = made.steps.iter().find(|step| step.action == "CreateAccessKey").unwrap();
    let error = key.error.clone().unwrap();
    assert!(key.standing == Standing::Conflict && ids.iter().all(|id| error.message.contains(id)), "{error:?}");
}

#[tokio::test]
async fn what_somebody_changed_between_plan_and_apply_is_not_overwritten() {
    let home = home().await;
    let agent = home.agent().await;
    let made = plan(&agent, Intent::User(dana(&home))).await.unwrap();
    let iam = home.iam().await;
    iam.create_user().user_name("dana").path("/theirs/").send().await.unwrap();
    let account = listing(&home).await;
    let stopped = apply(&home, &agent, &made.id).await;
    assert_eq!((stopped.state, stopped.steps[0].state), (SetupState::Stopped, StepState::Failed));
    assert!(stopped.error.clone().unwrap().message.contains("somebody changed"), "{:?}", stopped.error);
    assert_eq!(listing(&home).await, account);
}

#[tokio::test]
async fn what_somebody_changed_since_is_not_undone_and_named() {
    let home = home().await;
    let agent = home.agent().await;
    let made = plan(&agent, Intent::User(dana(&home))).await.unwrap();
    assert_eq!(apply(&home, &agent, &made.id).await.state, SetupState::Done);
    let theirs = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    home.iam().await.put_user_policy().user_name("dana").policy_name("AssumeRoles").policy_document(theirs).send().await.unwrap();
    let account = listing(&home).await;
    let stopped = undo(&home, &agent, &made.id).await;
    let error = stopped.error.clone().unwrap();
    assert!(error.message.contains("Nothing was undone") && error.message.contains("the inline policy AssumeRoles of dana"), "{error:?}");
    assert_eq!(listing(&home).await, account, "nothing of it was touched");
    assert_eq!((stopped.state, stopped.resumable, stopped.undoable), (SetupState::Done, false, true), "it stands where it stood");
}

#[tokio::test]
async fn what_somebody_added_since_is_named_and_keeps_all_from_being_undone() {
    let home = home().await;
    let agent = home.agent().await;
    let made = plan(&agent, Intent::User(dana(&home))).await.unwrap();
    assert_eq!(apply(&home, &agent, &made.id).await.state, SetupState::Done);
    let iam = home.iam().await;
    let theirs = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    iam.put_user_policy().user_name("dana").policy_name("Theirs").policy_document(theirs).send().await.unwrap();
    let key = iam.create_access_key().user_name("dana").send().await.unwrap().access_key.unwrap().access_key_id;
    let account = listing(&home).await;
    let error = undo(&home, &agent, &made.id).await.error.unwrap();
    assert!(error.message.contains("the inline policy Theirs of dana was added") && error.message.contains(&key), "{error:?}");
    assert_eq!(listing(&home).await, account, "nothing of it was touched");
    iam.delete_user_policy().user_name("dana").policy_name("Theirs").send().await.unwrap();
    iam.delete_access_key().user_name("dana").access_key_id(&key).send().await.unwrap();
    assert_eq!(undo(&home, &agent, &made.id).await.state, SetupState::Undone);
}

#[tokio::test]
async fn a_boundary_that_is_not_there_is_a_conflict() {
    let home = home().await;
    let agent = home.agent().await;
    let boundary = format!("arn:aws:iam::{}:policy/nowhere", home.ready.account_id);
    let made = plan(&agent, Intent::User(UserIntent { boundary: Some(boundary.clone()), ..dana(&home) })).await.unwrap();
    assert!(made.steps[0].standing == Standing::Conflict && made.steps[0].error.clone().unwrap().message.contains(&boundary), "{:?}", made.steps[0]);
}

#[tokio::test]
async fn two_plans_at_once_do_not_meet() {
    let home = home().await;
    let agent = home.agent().await;
    let (one, two) = (plan(&agent, Intent::User(dana(&home))).await.unwrap(), plan(&agent, Intent::User(dana(&home))).await.unwrap());
    let asker = stagedoor_core::agent::Asker::stagedoor();
    let (first, second) = tokio::join!(agent.setup_apply(&one.id, &asker), agent.setup_apply(&two.id, &asker));
    first.and(second).unwrap();
    let (one, two) = tokio::join!(crate::setup_home::ended(&home, &agent, &one.id), crate::setup_home::ended(&home, &agent, &two.id));
    let mut ended = [one.state, two.state];
    ended.sort_by_key(|state| *state == SetupState::Stopped);
    assert_eq!(ended, [SetupState::Done, SetupState::Stopped], "{one:?}\n{two:?}");
    assert_eq!(home.iam().await.list_access_keys().user_name("dana").send().await.unwrap().access_key_metadata().len(), 1);
}

#[tokio::test]
async fn with_the_delay_of_iam_it_waits_and_says_for_what() {
    let home = home().await;
    home.world.set_eventual(std::time::Duration::from_secs(7));
    let agent = home.agent().await;
    let mut intent = dana(&home);
    intent.may_assume.push(home.ready.mfa_role_arn.as_str().to_owned());
    intent.mfa = true;
    let made = plan(&agent, Intent::User(intent)).await.unwrap();
    let done = apply(&home, &agent, &made.id).await;
    assert_eq!(done.state, SetupState::Done, "{done:?}");
}

/// Each permission that a plan names, missing in turn: it is named ahead, and nothing is sent.
#[tokio::test]
async fn a_missing_permission_is_named_before_anything_is_sent() {
    let home = home().await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    iam.create_group().group_name("payments").send().await.unwrap();
    iam.create_user().user_name("boss").send().await.unwrap();
    let key = iam.create_access_key().user_name("boss").send().await.unwrap().access_key.unwrap();
    let key =
        stagedoor_core::model::access_key::AccessKey::parse(&key.access_key_id, stagedoor_core::model::secret::Secret::new(key.secret_access_key)).unwrap();
    home.keys().put_access_key(&key).await.unwrap();
    home.config(&format!("\n[profile boss]\nstagedoor_access_key_id = {}\n{}", key.id, home.common()));
    let intent = || {
        let may_assume = vec![format!("arn:aws:iam::{}:role/Reader", home.ready.account_id), home.ready.mfa_role_arn.as_str().to_owned()];
        Intent::User(UserIntent { admin: name("boss"), mfa: true, groups: vec!["payments".to_owned()], may_assume, ..dana(&home) })
    };
    let root = plan(
        &agent,
        Intent::User(UserIntent {
            admin: name("admin"),
            ..match intent() {
                Intent::User(it) => it,
                other => panic!("{other:?}"),
            }
        }),
    )
    .await
    .unwrap();
    let mut needed: Vec<_> = root.steps.iter().flat_map(|step| step.permissions.clone()).filter_map(|it| it.split(' ').next().map(str::to_owned)).collect();
    needed.extend(["GetUser", "GetGroup", "GetRole", "ListVirtualMFADevices"].map(|read| format!("iam:{read}")));
    needed.sort();
    needed.dedup();
    assert!(needed.len() > 9, "{needed:?}");
    for missing in &needed {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Effect":"Deny","Action":"{missing}","Resource":"*"}}]}}"#
        );
        iam.put_user_policy().user_name("boss").policy_name("All").policy_document(policy).send().await.unwrap();
        let account = listing(&home).await;
        let made = plan(&agent, intent()).await.unwrap();
        assert_eq!(made.state, SetupState::Blocked, "{missing}");
        assert!(made.missing.iter().any(|it| it.action == *missing && it.profile == name("boss")), "{missing}: {:?}", made.missing);
        assert!(agent.setup_apply(&made.id, &stagedoor_core::agent::Asker::stagedoor()).await.is_err());
        assert_eq!(listing(&home).await, account, "{missing}");
    }
}

#[tokio::test]
async fn no_secret_is_anywhere_but_in_the_keychain() {
    let home = home().await;
    let agent = home.agent().await;
    let made = plan(&agent, Intent::User(UserIntent { mfa: true, ..dana(&home) })).await.unwrap();
    let done = apply(&home, &agent, &made.id).await;
    assert_eq!(done.state, SetupState::Done);
    let id = done.steps.iter().find(|step| step.action == "CreateAccessKey").and_then(|step| step.made.clone()).unwrap();
    let key = home.keys().access_key(&stagedoor_core::model::access_key::AccessKeyId::parse(&id).unwrap()).await.unwrap().unwrap();
    let serial = stagedoor_core::model::params::MfaSerial::parse(&format!("arn:aws:iam::{}:mfa/dana", home.ready.account_id)).unwrap();
    let seed = home.keys().totp_seed(&serial).await.unwrap().unwrap();
    let secrets = [key.secret.expose().to_owned(), seed.expose().to_owned()];
    let shown = format!("{done:?} {:?} {:?}", agent.setup_list().unwrap(), agent.snapshot().borrow());
    assert!(secrets.iter().all(|secret| secret.len() > 20 && !shown.contains(secret)));
    let mut files = Vec::new();
    walk(&home.path(""), &mut files);
    assert!(files.iter().any(|(path, _)| path.contains(&made.id)), "the journal is among what was searched");
    for (path, content) in files {
        assert!(secrets.iter().all(|secret| !content.windows(secret.len()).any(|window| window == secret.as_bytes())), "{path}");
    }
}

fn walk(folder: &std::path::Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.is_file() {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
}

/// What cannot be allowed without an MFA device is said in the plan, and not waited for.
#[tokio::test]
async fn without_an_mfa_device_nothing_is_proven_that_needs_one() {
    let home = home().await;
    let agent = home.agent().await;
    let closed = plan(&agent, Intent::User(UserIntent { self_service: true, ..dana(&home) })).await.unwrap();
    assert!(closed.proofs.is_empty() && closed.warnings.iter().any(|warning| warning.contains("MFA device")), "{closed:?}");
    let may_assume = vec![home.ready.mfa_role_arn.as_str().to_owned()];
    let asked = plan(&agent, Intent::User(UserIntent { may_assume, ..dana(&home) })).await.unwrap();
    assert!(asked.warnings.iter().any(|warning| warning.contains("only assumed with MFA")), "{:?}", asked.warnings);
    assert!(asked.proofs.iter().all(|proof| proof.expected == stagedoor_core::model::setup::Expected::Denied), "{:?}", asked.proofs);
    assert_eq!(apply(&home, &agent, &asked.id).await.state, SetupState::Done);
}
