//! A thousand sessions that are due at the same moment, at an STS that asks a third of all requests to slow down.
//!
//! All are renewed within their windows, never more than twenty requests are under way, and no refusal is lost: each ends as a renewal,
//! and the record says of every profile what became of it.

use std::sync::atomic::Ordering;

use stagedoor_core::model::snapshot::{SessionState, Snapshot};
use time::Duration;

use crate::{
    agent_home::{BEGIN, Home, process, session},
    hostile_sts::{How, PATIENCE, Sts},
};

const SESSIONS: usize = 1000;

/// Longer than a snapshot of a thousand profiles takes.
const QUIET: std::time::Duration = std::time::Duration::from_millis(400);

fn renewed(snapshot: &Snapshot) -> usize {
    let later =
        |view: &stagedoor_core::model::snapshot::SessionView| view.state == SessionState::Active && view.expiration > Some(BEGIN + Duration::minutes(61));
    snapshot.profiles.iter().filter(|profile| profile.session.as_ref().is_some_and(later)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_sessions_due_at_once_are_renewed_in_their_windows() {
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    let profiles: Vec<String> = (0..SESSIONS).map(|n| format!("p{n}")).collect();
    for name in &profiles {
        let role = format!("arn:aws:iam::{}:role/{name}", home.ready.account_id);
        home.config(&format!(
            "[profile {name}]\nrole_arn = {role}\nsource_profile = key\nregion = us-east-1\nmax_attempts = 1\nendpoint_url = http://127.0.0.1:{}\n",
            sts.port
        ));
    }
    let agent = home.agent().await;
    for some in profiles.chunks(40) {
        let all: Vec<_> = some
            .iter()
            .cloned()
            .map(|name| {
                let agent = agent.clone();
                tokio::spawn(async move { process(&agent, &name).await.unwrap() })
            })
            .collect();
        for one in all {
            one.await.unwrap();
        }
    }
    assert_eq!(sts.answered(), SESSIONS);
    assert!(sts.most.load(Ordering::SeqCst) <= 20, "{} callers at once", sts.most.load(Ordering::SeqCst));
    sts.becomes(How::Throttles(33));
    home.advance(Duration::minutes(45));
    settle(&agent).await;
    // The window is the last quarter of an hour; each round is a minute of it.
    let mut rounds = 0;
    loop {
        let wanted = sts.answered() - SESSIONS;
        let before = renewed(&agent.snapshot().borrow());
        if before == SESSIONS {
            break;
        }
        assert!(rounds < 14, "{before} of {SESSIONS} after {rounds} minutes and {wanted} requests");
        for _ in 0..4 {
            home.advance(Duration::seconds(15));
            settle(&agent).await;
        }
        rounds += 1;
    }
    let throttled = sts.throttled.load(Ordering::SeqCst);
    assert!(throttled > 200, "{throttled}");
    assert_eq!(sts.answered(), 2 * SESSIONS + throttled, "a request for each refusal and each renewal, and none besides");
    assert!(sts.most.load(Ordering::SeqCst) <= 20, "{} at once", sts.most.load(Ordering::SeqCst));
    let snapshot = agent.snapshot().borrow().clone();
    for name in &profiles {
        let view = session(&snapshot, name).expect("none is lost");
        assert!(view.state == SessionState::Active && view.error.is_none(), "{name}: {view:?}");
    }
}

/// Waits until what was begun has come to its end: nothing is asked, and for a while nothing changes.
async fn settle(agent: &stagedoor_core::agent::Agent) {
    let settled = async {
        let mut snapshots = agent.snapshot();
        loop {
            let quiet = tokio::time::timeout(QUIET, snapshots.changed()).await.is_err();
            if quiet && !agent.is_asking() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("it settles");
}
