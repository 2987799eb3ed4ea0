//! The practice account's own screen, behind the window: the exercise as it is really done, who exists, the calls, the reset.
//!
//! The agent's own practice account is called as the window's buttons do it; a second hand, root of the same world, does what a
//! person could do meanwhile. What is refused must be refused by the statement that the step is about.

use stagedoor_core::{
    agent::Agent,
    aws::{Aws, Environment},
    clock::Clock,
    error::Code,
    model::{
        arn::Partition,
        practice::{LineView, PracticeOverview, TrustView},
    },
    practice::World,
    store::{aws_files::AwsFiles, keychain::Item},
};

use crate::agent_home::{Home, name, session, start, until};

/// An agent whose practice account runs.
async fn practising(home: &Home) -> Agent {
    let agent = home.agent().await;
    agent.start_practice().await.unwrap();
    agent
}

/// The root of the agent's own practice world, from the same seed.
async fn root(home: &Home, agent: &Agent) -> aws_sdk_iam::Client {
    let seed = home.keys().key_material(Item::PracticeSeed).await.unwrap();
    let key = World::new(*seed, Clock::system()).root_key();
    let endpoint = agent.snapshot().borrow().practice.endpoint.clone().unwrap();
    let config = Aws::new(home.clock.clone(), Environment::default()).config(&AwsFiles::read(&home.paths()).unwrap(), "nobody", Partition::Aws).await;
    let credentials = aws_credential_types::Credentials::new(key.id.as_str(), key.secret.expose(), None, None, "test");
    aws_sdk_iam::Client::from_conf(aws_sdk_iam::config::Builder::from(&config).endpoint_url(endpoint).credentials_provider(credentials).build())
}

async fn overview(agent: &Agent) -> PracticeOverview {
    agent.practice_overview().await.unwrap()
}

async fn play(agent: &Agent, steps: std::ops::RangeInclusive<usize>) {
    for step in steps {
        agent.play_exercise(step).await.unwrap();
    }
}

/// The lines of a step as action and code; all of them went as planned.
fn said(overview: &PracticeOverview, step: usize) -> Vec<(String, Option<String>)> {
    let lines = &overview.exercise.steps[step - 1].lines;
    assert!(lines.iter().all(|line| line.as_planned), "{lines:#?}");
    lines.iter().map(|line| line.call.as_ref().map(|call| (call.action.clone(), call.error_code.clone())).unwrap()).collect()
}

/// The refused lines of a step.
fn refused(overview: &PracticeOverview, step: usize) -> Vec<&LineView> {
    overview.exercise.steps[step - 1].lines.iter().filter(|line| line.call.as_ref().is_some_and(|call| call.error_code.is_some())).collect()
}

/// Names of the policies whose statements applied to a refused line, denying ones with an exclamation mark.
fn applied(line: &LineView) -> Vec<String> {
    let decision = line.call.as_ref().unwrap().decisions.last().unwrap();
    assert!(!decision.allowed);
    decision.because.iter().map(|because| format!("{}{}", because.policy, if because.denies { "!" } else { "" })).collect()
}

fn trusts(overview: &PracticeOverview, role: &str) -> Vec<TrustView> {
    let own = overview.accounts.iter().find(|account| account.own).unwrap();
    own.roles.iter().find(|view| view.name == role).unwrap().trusts.clone()
}

#[tokio::test]
async fn the_six_steps_are_really_done_and_every_refusal_is_aws_s() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    play(&agent, 1..=6).await;
    let seen = overview(&agent).await;
    assert_eq!(seen.exercise.done, 6);
    let ok = |action: &str| (action.to_owned(), None);
    let no = |action: &str| (action.to_owned(), Some("AccessDenied".to_owned()));
    assert_eq!(said(&seen, 1), [ok("CreateUser"), ok("CreateAccessKey"), ok("GetCallerIdentity")]);
    assert_eq!(said(&seen, 2), [ok("CreateRole"), ok("PutRolePolicy")]);
    assert_eq!(said(&seen, 3), [no("AssumeRole"), ok("PutUserPolicy"), ok("AssumeRole"), ok("ListUsers")]);
    let mfa = ["CreateVirtualMFADevice", "EnableMFADevice", "UpdateAssumeRolePolicy"].map(ok);
    assert_eq!(said(&seen, 4), [&mfa[..], &[no("AssumeRole"), ok("AssumeRole")]].concat());
    let lent = ["CreateUser", "CreateAccessKey", "PutUserPolicy", "UpdateAssumeRolePolicy"].map(ok);
    assert_eq!(said(&seen, 5), [&lent[..], &[no("AssumeRole"), no("AssumeRole"), ok("AssumeRole")]].concat());
    assert_eq!(said(&seen, 6), [ok("ListUsers"), ok("PutRolePolicy"), no("ListUsers"), no("ListUsers")]);
}

#[tokio::test]
async fn each_refusal_names_the_statements_that_applied() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    play(&agent, 1..=6).await;
    let seen = overview(&agent).await;
    // The trust policy names the account, and nothing allows it to sam.
    assert_eq!(applied(refused(&seen, 3)[0]), ["trust policy"]);
    // sam's policy allows it; the trust policy's statement asks for MFA and does not apply.
    assert_eq!(applied(refused(&seen, 4)[0]), ["MayAssumeReports"]);
    // The same across accounts, for an external ID that is absent or wrong.
    assert_eq!(refused(&seen, 5).iter().map(|line| applied(line)).collect::<Vec<_>>(), [["MayAssumeReports"], ["MayAssumeReports"]]);
    // A deny wins over the role's own allow, for every session.
    for line in refused(&seen, 6) {
        let applied = applied(line);
        assert!(applied.contains(&"AWSRevokeOlderSessions!".to_owned()) && applied.contains(&"MayListUsers".to_owned()), "{applied:?}");
        let message = line.call.as_ref().unwrap().error_message.clone().unwrap();
        assert!(message.contains("with an explicit deny in an identity-based policy"), "{message}");
    }
    let deciding = &refused(&seen, 6)[0].call.as_ref().unwrap().decisions[0].because;
    assert!(deciding.iter().any(|because| because.denies && because.text.contains("aws:TokenIssueTime")), "{deciding:?}");
}

#[tokio::test]
async fn who_exists_follows_the_exercise_in_words() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    let start = overview(&agent).await;
    assert!(start.made.is_empty() && start.calls.is_empty(), "{start:?}");
    let own = start.accounts[0].account_id.clone();
    let partner = start.accounts.iter().find(|account| account.roles.iter().any(|role| role.name == "PartnerAudit")).unwrap().account_id.clone();
    let trust = |who: String, mfa: bool, ids: &[&str]| TrustView { who, denied: false, mfa, external_ids: ids.iter().map(|id| (*id).to_owned()).collect() };
    assert_eq!(trusts(&start, "Developer"), [trust("user alice".into(), true, &[])]);
    play(&agent, 1..=3).await;
    assert_eq!(trusts(&overview(&agent).await, "Reports"), [trust(format!("account {own}"), false, &[])]);
    play(&agent, 4..=6).await;
    let end = overview(&agent).await;
    let id = format!("reports-{}", &partner[8..]);
    assert_eq!(trusts(&end, "Reports"), [trust(format!("account {own}"), true, &[]), trust(format!("account {partner}"), false, &[&id])]);
    let role = end.accounts[0].roles.iter().find(|role| role.name == "Reports").unwrap();
    assert_eq!(role.revoked_before, Some(home.clock.now() + time::Duration::SECOND));
    let sam = end.accounts[0].users.iter().find(|user| user.name == "sam").unwrap();
    assert_eq!((sam.keys.len(), sam.mfa_devices.len(), &*sam.policies), (1, 1, &["MayAssumeReports".to_owned()][..]));
    assert_eq!(end.made, ["user sam", "role Reports", "user auditor (Third party)"]);
}

#[tokio::test]
async fn a_role_whose_user_was_deleted_trusts_a_unique_id() {
    let home = Home::new().await;
    let iam = home.iam().await;
    iam.create_user().user_name("bob").send().await.unwrap();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{}:user/bob"}},"Action":"sts:AssumeRole"}}]}}"#,
        home.ready.account_id
    );
    iam.create_role().role_name("Bobs").assume_role_policy_document(trust).send().await.unwrap();
    let who = || home.world.overview()[0].roles.iter().find(|role| role.name == "Bobs").unwrap().trusts[0].who.clone();
    assert_eq!(who(), "user bob");
    iam.delete_user().user_name("bob").send().await.unwrap();
    assert!(who().starts_with("AIDA"), "{}", who());
}

#[tokio::test]
async fn steps_come_in_order_and_a_step_too_early_calls_nothing() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    let error = agent.play_exercise(3).await.unwrap_err();
    assert_eq!((error.code, &*error.hint), (Code::InvalidValue, "Do step 1 first"));
    assert!(overview(&agent).await.calls.is_empty());
}

#[tokio::test]
async fn every_step_can_be_done_again_and_opens_those_after_it() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    for step in 1..=6 {
        play(&agent, step..=step).await;
        play(&agent, step..=step).await;
    }
    for step in (1..=6).rev() {
        play(&agent, step..=step).await;
        let seen = overview(&agent).await;
        assert_eq!(seen.exercise.done, step);
        assert!(seen.exercise.steps[step..].iter().all(|later| later.lines.is_empty()));
        play(&agent, step + 1..=6).await;
    }
}

#[tokio::test]
async fn begun_anew_the_exercise_leaves_nothing_behind() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    play(&agent, 1..=6).await;
    agent.restart_exercise().await.unwrap();
    let seen = overview(&agent).await;
    assert_eq!((seen.exercise.done, seen.made), (0, Vec::<String>::new()));
    play(&agent, 1..=1).await;
}

#[tokio::test]
async fn after_a_restart_it_begins_at_its_first_step_and_takes_away_what_was_left() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    play(&agent, 1..=5).await;
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    let next = home.agent().await;
    let seen = overview(&next).await;
    assert_eq!((seen.exercise.done, &*seen.made), (0, &["user sam", "role Reports", "user auditor (Third party)"].map(str::to_owned)[..]));
    play(&next, 1..=1).await;
    assert_eq!(overview(&next).await.made, ["user sam"]);
    play(&next, 2..=6).await;
}

#[tokio::test]
async fn what_the_exercise_did_not_make_is_told_and_never_deleted() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    let root = root(&home, &agent).await;
    root.create_user().user_name("sam").send().await.unwrap();
    for _ in 0..2 {
        let error = agent.play_exercise(1).await.unwrap_err();
        assert!(error.message.contains("EntityAlreadyExists") && error.hint.contains("delete it or reset"), "{error:?}");
    }
    let lines = overview(&agent).await.exercise.steps[0].lines.clone();
    assert!(!lines[0].as_planned && lines.len() == 1, "{lines:?}");
    agent.restart_exercise().await.unwrap();
    assert_eq!(overview(&agent).await.made, ["user sam"]);
}

#[tokio::test]
async fn sessions_that_ended_meanwhile_are_asked_for_again() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    play(&agent, 1..=5).await;
    home.advance(time::Duration::hours(1));
    let error = agent.play_exercise(6).await.unwrap_err();
    assert_eq!((error.code, &*error.hint), (Code::NoCredentials, "Do step 4 again"));
    play(&agent, 4..=6).await;
}

#[tokio::test]
async fn no_secret_is_in_what_the_window_sees() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    play(&agent, 1..=6).await;
    let text = serde_json::to_string(&overview(&agent).await).unwrap();
    let seed = home.keys().key_material(Item::PracticeSeed).await.unwrap();
    let (world, ready) = World::ready_made(*seed, Clock::system());
    for secret in [world.root_key().secret.expose(), ready.key.secret.expose(), ready.mfa_seed.expose()] {
        assert!(!text.contains(secret));
    }
    // Secrets have 40 characters of base64, tokens far more, seeds 32 and more; names and words have less.
    let longest = text.split(|c: char| !(c.is_ascii_alphanumeric() || "+=".contains(c))).max_by_key(|run| run.len()).unwrap();
    assert!(longest.len() < 32, "{longest}");
}

#[tokio::test]
async fn the_snapshot_counts_the_calls_also_of_others() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    assert_eq!(agent.snapshot().borrow().practice.calls, 0);
    play(&agent, 1..=1).await;
    until(&agent, "the calls of a step", |snapshot| snapshot.practice.calls == 3).await;
    root(&home, &agent).await.list_users().send().await.unwrap();
    until(&agent, "the call of somebody else", |snapshot| snapshot.practice.calls == 4).await;
    assert_eq!(overview(&agent).await.calls[0].action, "ListUsers");
}

/// A profile for a role that a person made in the agent's practice account, with a session.
async fn session_of_a_made_role(home: &Home, agent: &Agent) {
    let account = overview(agent).await.accounts[0].account_id.clone();
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:user/alice"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    root(home, agent).await.create_role().role_name("Extra").assume_role_policy_document(trust).send().await.unwrap();
    let endpoint = agent.snapshot().borrow().practice.endpoint.clone().unwrap();
    home.config(&format!(
        "\n[profile extra]\nrole_arn = arn:aws:iam::{account}:role/Extra\nsource_profile = practice\nregion = us-east-1\nendpoint_url = {endpoint}/\n"
    ));
    start(agent, "extra", None).await.unwrap();
}

#[tokio::test]
async fn a_reset_takes_away_what_was_made_and_ends_its_sessions_only() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    session_of_a_made_role(&home, &agent).await;
    let endpoint = agent.snapshot().borrow().practice.endpoint.clone().unwrap();
    start(&agent, "practice-partner", None).await.unwrap();
    start(&agent, "reader", None).await.unwrap();
    play(&agent, 1..=6).await;
    let files = home.config_now();

    agent.reset_practice().await.unwrap();
    let seen = overview(&agent).await;
    assert_eq!((seen.exercise.done, seen.made.len(), seen.calls.len()), (0, 0, 0));
    assert_eq!(home.config_now(), files);
    let snapshot = until(&agent, "the session of the role that is gone ends", |snapshot| session(snapshot, "extra").is_none()).await;
    assert!(session(&snapshot, "practice-partner").is_some() && session(&snapshot, "reader").is_some());
    assert_eq!(snapshot.practice.endpoint.as_deref(), Some(&*endpoint));
    // It goes on where it was: the same port, the same keys.
    let who = agent.who_am_i(&name("practice-partner"), &stagedoor_core::agent::Asker::stagedoor()).await.unwrap();
    assert!(who.arn.contains("assumed-role/PartnerAudit/"), "{}", who.arn);
    play(&agent, 1..=6).await;
}

#[tokio::test]
async fn a_step_that_is_under_way_holds_up_nobody() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    let mut playing = std::pin::pin!(agent.play_exercise(1));
    loop {
        tokio::select! {
            biased;
            _ = &mut playing => panic!("nobody could look while the step was under way"),
            seen = overview(&agent) => if !seen.calls.is_empty() {
                assert_eq!(seen.exercise.done, 0);
                break;
            }
        }
        tokio::task::yield_now().await;
    }
    for error in [agent.play_exercise(1).await.unwrap_err(), agent.restart_exercise().await.unwrap_err()] {
        assert_eq!((error.code, &*error.message), (Code::InvalidValue, "A step of the exercise is under way"));
    }
    playing.await.unwrap();
    assert_eq!(overview(&agent).await.exercise.done, 1);
    play(&agent, 2..=2).await;
}

#[tokio::test]
async fn a_step_that_a_reset_overtakes_leaves_no_progress() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    let mut playing = std::pin::pin!(agent.play_exercise(1));
    tokio::select! {
        biased;
        _ = &mut playing => panic!("the reset came too late"),
        () = async { while overview(&agent).await.calls.is_empty() { tokio::task::yield_now().await } } => {}
    }
    agent.reset_practice().await.unwrap();
    let error = playing.await.unwrap_err();
    assert_eq!((&*error.message, &*error.hint), ("The practice account was reset or stopped meanwhile", "Begin the exercise anew"));
    assert_eq!(overview(&agent).await.exercise.done, 0);
    play(&agent, 1..=6).await;
}

#[tokio::test]
async fn a_step_that_was_given_up_can_be_done_again() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    tokio::select! {
        biased;
        _ = agent.play_exercise(1) => panic!("given up too late"),
        () = async { while overview(&agent).await.calls.is_empty() { tokio::task::yield_now().await } } => {}
    }
    play(&agent, 1..=6).await;
}

#[tokio::test]
async fn a_reset_that_cannot_write_the_profiles_ends_the_dead_sessions_all_the_same() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    session_of_a_made_role(&home, &agent).await;
    let config = home.config_now();
    home.put(&home.paths().aws_config, config.replace("stagedoor_practice = true\n", "").as_bytes());
    let error = agent.reset_practice().await.unwrap_err();
    assert!(error.message.starts_with("There is a profile named practice already"), "{error:?}");
    until(&agent, "the session of the role that is gone ends", |snapshot| session(snapshot, "extra").is_none()).await;
    assert!(overview(&agent).await.made.is_empty());
}

#[tokio::test]
async fn a_reset_ends_by_endpoint_and_not_by_what_else_a_profile_says() {
    let home = Home::new().await;
    let agent = practising(&home).await;
    session_of_a_made_role(&home, &agent).await;
    let endpoint = agent.snapshot().borrow().practice.endpoint.clone().unwrap();
    home.role("elsewhere", "Reader", "key", "services = noted");
    home.config(&format!("\n[services noted]\nsts =\n  endpoint_url = {}\n  note = {endpoint}\n", home.tap.endpoint()));
    start(&agent, "elsewhere", None).await.unwrap();
    agent.reset_practice().await.unwrap();
    let snapshot = until(&agent, "the session of the role that is gone ends", |snapshot| session(snapshot, "extra").is_none()).await;
    assert!(session(&snapshot, "elsewhere").is_some());
}

#[tokio::test]
async fn where_it_is_not_running_all_of_it_says_so() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for error in [
        agent.practice_overview().await.unwrap_err(),
        agent.play_exercise(1).await.unwrap_err(),
        agent.restart_exercise().await.unwrap_err(),
        agent.reset_practice().await.unwrap_err(),
    ] {
        assert_eq!((error.code, &*error.hint), (Code::NoCredentials, "Start it in Settings"));
    }
}
