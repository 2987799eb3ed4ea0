//! What bounds leases: that one cannot become somebody else, that their renewal leaves room for who waits, that none lands where all
//! were stopped, and that a person hears of a renewal that failed.
//!
//! The denials are the practice account's; held up at the tap, calls to AWS can be counted while they are under way.

use std::time::Duration as StdDuration;

use aws_sdk_iam::error::ProvideErrorMetadata;
use stagedoor_core::{
    agent::{Agent, Asker},
    error::{Code, Result},
    model::{
        lease::{LeaseRequest, LeaseView, Narrowing},
        snapshot::Event,
    },
};
use time::Duration;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    agent_home::{Home, events_so_far, next_event, start, until},
    agent_lease::{ASSUME, EVERYTHING, clients, lease, leased_id, request, role},
    agent_tap::Line,
};

#[tokio::test]
async fn a_lease_without_iam_becomes_nobody_else_and_not_the_root_of_a_member_account() {
    let home = Home::new().await;
    role(&home, "Admin", ASSUME, EVERYTHING, "").await;
    let agent = home.agent().await;
    let made = lease(&agent, request("admin", Narrowing::NoIam, 15)).await.unwrap();
    let (iam, sts) = clients(&home, &agent, &made.id).await;
    let other = format!("arn:aws:iam::{}:role/Reader", home.ready.account_id);
    for denied in [
        sts.assume_role().role_arn(&other).role_session_name("other").send().await.unwrap_err().meta().clone(),
        sts.get_federation_token().name("other").send().await.unwrap_err().meta().clone(),
        sts.get_session_token().send().await.unwrap_err().meta().clone(),
        iam.create_access_key().user_name(&home.ready.user_name).send().await.unwrap_err().meta().clone(),
    ] {
        assert_eq!(denied.code(), Some("AccessDenied"), "{denied:?}");
    }
    sts.get_caller_identity().send().await.expect("who one is cannot be denied");
    // What the practice account does not answer is judged by its simulator, with the policy that was sent.
    let judge = home.iam().await;
    let ask = |action: &str| judge.simulate_custom_policy().policy_input_list(made.policy.as_deref().unwrap()).action_names(action);
    for action in ["sts:AssumeRoot", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "iam:PassRole", "organizations:InviteAccountToOrganization"] {
        let answer = ask(action).send().await.unwrap();
        assert_eq!(answer.evaluation_results()[0].eval_decision().as_str(), "explicitDeny", "{action}");
    }
    let answer = ask("s3:GetObject").send().await.unwrap();
    assert_eq!(answer.evaluation_results()[0].eval_decision().as_str(), "allowed");
}

#[tokio::test]
async fn a_lease_that_reads_assumes_passes_and_makes_nothing() {
    let home = Home::new().await;
    role(&home, "Admin", ASSUME, EVERYTHING, "").await;
    let agent = home.agent().await;
    let other = format!("arn:aws:iam::{}:role/Reader", home.ready.account_id);
    for narrowing in [Narrowing::ReadOnly, Narrowing::Bucket { bucket: "reports".to_owned(), read_only: true }] {
        let made = lease(&agent, request("admin", narrowing, 15)).await.unwrap();
        let (iam, sts) = clients(&home, &agent, &made.id).await;
        assert_eq!(sts.assume_role().role_arn(&other).role_session_name("other").send().await.unwrap_err().code(), Some("AccessDenied"));
        assert_eq!(sts.get_federation_token().name("other").send().await.unwrap_err().code(), Some("AccessDenied"));
        assert_eq!(iam.create_access_key().user_name(&home.ready.user_name).send().await.unwrap_err().code(), Some("AccessDenied"));
    }
}

/// Lets everything go on that can, for as long as it takes a request to come through the tap.
async fn settle() {
    for _ in 0..4000 {
        tokio::task::yield_now().await;
    }
}

/// Waits until AWS was asked so often.
async fn asked(home: &Home, count: usize) {
    let arrived = async {
        while home.tap.total() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(StdDuration::from_secs(20), arrived).await.unwrap_or_else(|_| panic!("{} of {count} requests", home.tap.total()));
}

/// Requests wait at the tap until the sender says `true`.
fn held(home: &Home) -> watch::Sender<bool> {
    let (open, gate) = watch::channel(false);
    home.tap.becomes(Line::Held(gate));
    open
}

fn spawned(agent: &Agent, wanted: LeaseRequest) -> JoinHandle<Result<LeaseView>> {
    let agent = agent.clone();
    tokio::spawn(async move { lease(&agent, wanted).await })
}

#[tokio::test]
async fn renewals_of_sessions_and_leases_together_leave_room_for_who_waits() {
    let home = Home::new().await;
    home.role("second", "Second", "reader", "");
    for n in 0..20 {
        home.role(&format!("p{n}"), "Reader", "key", "");
    }
    let agent = home.agent().await;
    for n in 0..20 {
        start(&agent, &format!("p{n}"), None).await.unwrap();
    }
    for _ in 0..8 {
        lease(&agent, request("second", Narrowing::NoIam, 120)).await.unwrap();
    }
    let (before, open) = (home.tap.total(), held(&home));
    home.advance(Duration::minutes(45));
    // What is due is spread over seconds.
    for _ in 0..12 {
        settle().await;
        home.advance(Duration::SECOND);
    }
    asked(&home, before + 16).await;
    settle().await;
    assert_eq!(home.tap.total() - before, 16, "the rest waits");
    let waiting = tokio::spawn({
        let agent = agent.clone();
        async move { start(&agent, "writer", None).await }
    });
    asked(&home, before + 17).await;
    open.send(true).unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_lease_that_waits_for_its_turn_waits_once() {
    let home = Home::new().await;
    home.role("second", "Second", "reader", "");
    let agent = home.agent().await;
    for _ in 0..40 {
        lease(&agent, request("second", Narrowing::NoIam, 120)).await.unwrap();
    }
    let (before, _open) = (home.tap.total(), held(&home));
    home.advance(Duration::minutes(45));
    asked(&home, before + 16).await;
    settle().await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let few = tasks();
    for _ in 0..5 {
        // Leases are looked at every thirty seconds.
        home.advance(Duration::seconds(31));
        settle().await;
    }
    assert!(tasks() < few + 20, "24 leases wait; {few} tasks became {}", tasks());
}

#[tokio::test]
async fn a_lease_that_is_being_made_when_all_are_stopped_does_not_land() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for (round, all) in [false, true].into_iter().enumerate() {
        let open = held(&home);
        let making = spawned(&agent, request("reader", Narrowing::NoIam, 15));
        asked(&home, round + 1).await;
        if all {
            agent.stop_all().await.unwrap();
        } else {
            agent.stop_leases(&Asker::stagedoor()).await.unwrap();
        }
        open.send(true).unwrap();
        let error = making.await.unwrap().unwrap_err();
        assert!(error.message.contains("stopped meanwhile") && error.code == Code::Agent, "{error:?}");
        assert!(agent.leases().is_empty());
    }
}

#[tokio::test]
async fn of_two_leases_of_one_name_at_the_same_time_one_is_made() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let named = || LeaseRequest { name: Some("ci".to_owned()), ..request("reader", Narrowing::NoIam, 15) };
    let open = held(&home);
    let first = spawned(&agent, named());
    asked(&home, 1).await;
    let error = lease(&agent, named()).await.unwrap_err();
    assert!(error.message.contains("already") && error.hint.contains("another name"), "{error:?}");
    open.send(true).unwrap();
    first.await.unwrap().unwrap();
    assert_eq!((agent.leases().len(), home.tap.total()), (1, 1));
    agent.stop_lease("ci", &Asker::stagedoor()).await.unwrap();
    lease(&agent, named()).await.expect("the name is free again");
}

#[tokio::test]
async fn a_renewal_of_a_lease_that_fails_is_told_once_and_what_holds_stays() {
    let home = Home::new().await;
    home.role("second", "Second", "reader", "");
    let agent = home.agent().await;
    let wanted = LeaseRequest { name: Some("ci".to_owned()), ..request("second", Narrowing::NoIam, 120) };
    let made = lease(&agent, wanted).await.unwrap();
    let first = leased_id(&agent, &made.id).await.unwrap();
    let mut events = agent.events();
    home.tap.becomes(Line::Page(503, "text/html", "<html>away</html>"));
    home.advance(Duration::minutes(45));
    let failed = next_event(&mut events, |event| matches!(event, Event::LeaseRenewalFailed { .. })).await;
    let Event::LeaseRenewalFailed { lease, profile, error } = failed else { unreachable!() };
    assert_eq!((&*lease, profile.as_str(), error.code), ("ci", "second", Code::AwsUnreachable));
    assert_eq!(leased_id(&agent, &made.id).await.unwrap(), first, "its credentials hold until they expire");
    let asked_before = home.tap.total();
    home.advance(Duration::minutes(2));
    asked(&home, asked_before + 1).await;
    settle().await;
    let again = events_so_far(&mut events).into_iter().filter(|event| matches!(event, Event::LeaseRenewalFailed { .. })).count();
    assert_eq!(again, 0, "a person is told once");
    home.tap.becomes(Line::Through);
    home.advance(Duration::minutes(2));
    until(&agent, "it is renewed", |snapshot| snapshot.leases.iter().any(|lease| lease.error.is_none() && lease.expiration > made.expiration)).await;
}
