//! Leases that are stopped while Stagedoor is locked: they lie sealed, and unlocking must not bring them back.
//!
//! By name, by ID, all at once; with the agent that locked, and with the next one, which knows no names.

use stagedoor_core::{
    agent::{Agent, Asker},
    error::Code,
    model::{
        lease::{LeaseRequest, Narrowing},
        params::SessionDuration,
    },
};

use crate::agent_home::{Home, name};

/// A lease of this name; its ID.
async fn lease(agent: &Agent, called: &str) -> String {
    let request = LeaseRequest {
        profile: name("reader"),
        narrowing: Narrowing::NoIam,
        tags: Vec::new(),
        source_identity: None,
        duration: SessionDuration::HOUR,
        name: Some(called.to_owned()),
        program: None,
    };
    agent.lease(request, None, &Asker::stagedoor()).await.unwrap().id
}

async fn stop(agent: &Agent, lease: &str) -> Result<(), Code> {
    agent.stop_lease(lease, &Asker::stagedoor()).await.map_err(|error| error.code)
}

fn running(agent: &Agent) -> Vec<String> {
    let mut names: Vec<_> = agent.leases().into_iter().map(|lease| lease.name).collect();
    names.sort();
    names
}

/// The next agent, as after a crash of this one.
async fn next(home: &Home, agent: Agent) -> Agent {
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    home.agent().await
}

#[tokio::test]
async fn a_lease_that_was_stopped_while_locked_does_not_come_back() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for called in ["one", "two", "three", "four"] {
        lease(&agent, called).await;
    }
    let two = agent.leases().into_iter().find(|lease| lease.name == "two").unwrap().id;
    let three = agent.leases().into_iter().find(|lease| lease.name == "three").unwrap().id;
    agent.lock().await.unwrap();
    assert_eq!(stop(&agent, "one").await, Ok(()));
    assert_eq!(stop(&agent, &two).await, Ok(()));
    assert_eq!(stop(&agent, "one").await, Err(Code::NoCredentials), "once is enough");
    assert_eq!(stop(&agent, "none").await, Err(Code::NoCredentials));
    let agent = next(&home, agent).await;
    assert!(agent.locked());
    assert_eq!(stop(&agent, "four").await, Err(Code::Locked), "names are sealed, and nobody says that it is stopped");
    assert_eq!(stop(&agent, &three).await, Ok(()));
    agent.unlock(None).await.unwrap();
    assert_eq!(running(&agent), ["four"]);
    // Nor does it by the next restart, when nobody remembers any more what was stopped.
    let settings = std::fs::read_to_string(home.paths().config.join("settings.json")).unwrap();
    assert!(!settings.contains(&two), "{settings}");
    assert_eq!(running(&next(&home, agent).await), ["four"]);
}

#[tokio::test]
async fn all_leases_that_were_stopped_while_locked_stay_stopped_and_later_ones_are_none_of_them() {
    for again in [false, true] {
        let home = Home::new().await;
        let mut agent = home.agent().await;
        lease(&agent, "one").await;
        agent.lock().await.unwrap();
        agent.stop_leases(&Asker::stagedoor()).await.unwrap();
        if again {
            agent = next(&home, agent).await;
        }
        agent.unlock(None).await.unwrap();
        assert_eq!(running(&agent), [""; 0]);
        lease(&agent, "two").await;
        assert_eq!(running(&next(&home, agent).await), ["two"]);
    }
}
