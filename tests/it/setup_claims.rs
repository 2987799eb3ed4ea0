//! The same setup asked for twice: one works on it, and the other is told who that is. Nothing is called twice.
//!
//! The first is held in the middle of a call to AWS, on either side of it; the second comes from a terminal, or from another process.

use stagedoor_core::{
    agent::{Agent, Asker},
    error::{Code, Error},
    model::setup::{Intent, SetupState, UserIntent},
};

use crate::{
    agent_home::{Home, name},
    agent_prompt::Tool,
    agent_tap::Line,
    setup_home::{self, Process, ended, listing, plan, undo},
};

fn dana() -> Intent {
    Intent::User(UserIntent { admin: name("admin"), name: "dana".to_owned(), access_key: true, self_service: true, ..UserIntent::default() })
}

/// All that can be asked of a setup, refused.
async fn refused(agent: &Agent, id: &str, asker: &Asker) -> Vec<Error> {
    let all = [agent.setup_apply(id, asker).await, agent.setup_resume(id, asker).await, agent.setup_undo(id, asker).await];
    let all: Vec<Error> = all.into_iter().map(Result::unwrap_err).collect();
    assert!(all.iter().all(|error| error.code == Code::Conflict && error.hint.ends_with(&format!("stagedoor setup show {id}"))), "{all:?}");
    all
}

/// How often each call that writes was made on the way there, or back.
fn made<const N: usize>(home: &Home, writes: [&'static str; N]) -> [(&'static str, usize); N] {
    let own = |action: &str| home.tap.seen(action).iter().filter(|seen| seen.get("UserName") == Some("dana")).count();
    writes.map(|action| (action, own(action)))
}

const THERE: [&str; 3] = ["CreateUser", "CreateAccessKey", "PutUserPolicy"];
const BACK: [&str; 3] = ["DeleteUserPolicy", "DeleteAccessKey", "DeleteUser"];

/// Begins something and comes back when it is held in a call; then what lets it go, and the task.
async fn held<F>(home: &Home, at: usize, after: bool, begin: F) -> (tokio::sync::watch::Sender<bool>, tokio::task::JoinHandle<Result<(), Error>>)
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (reached, go) = home.tap.waits_at(at, after);
    let begun = tokio::spawn(begin);
    reached.await.unwrap();
    (go, begun)
}

#[tokio::test]
async fn who_comes_second_is_told_who_is_at_it_and_nothing_is_called_twice() {
    let home = setup_home::home().await;
    let (agent, tool) = (home.agent().await, Tool::sleep());
    let account = listing(&home).await;
    // The first call looks whose the admin profile is, the others look at the steps and send them.
    for (times, (at, after)) in (0..7).flat_map(|at| [(at, false), (at, true)]).enumerate() {
        let id = plan(&agent, dana()).await.unwrap().id;
        let (go, applying) = held(&home, at, after, {
            let (agent, id) = (agent.clone(), id.clone());
            async move { agent.setup_apply(&id, &Asker::stagedoor()).await }
        })
        .await;
        for error in refused(&agent, &id, &tool.asker()).await {
            assert_eq!(error.message, "“New IAM user dana” is being applied already, begun in the Stagedoor app", "call {at}");
        }
        go.send_replace(true);
        applying.await.unwrap().unwrap();
        assert_eq!(ended(&home, &agent, &id).await.state, SetupState::Done);
        agent.setup_apply(&id, &Asker::stagedoor()).await.expect("what is done is left alone");

        let (go, undoing) = held(&home, at, after, {
            let (agent, id, asker) = (agent.clone(), id.clone(), tool.asker());
            async move { agent.setup_undo(&id, &asker).await }
        })
        .await;
        for error in refused(&agent, &id, &Asker::stagedoor()).await {
            let who = format!("“New IAM user dana” is being taken back already, begun by sleep (process {})", tool.pid());
            assert_eq!(error.message, who, "call {at}");
        }
        go.send_replace(true);
        undoing.await.unwrap().unwrap();
        assert_eq!(ended(&home, &agent, &id).await.state, SetupState::Undone);
        for writes in [THERE, BACK] {
            assert_eq!(made(&home, writes), writes.map(|action| (action, times + 1)), "call {at}");
        }
        assert_eq!(listing(&home).await, account);
    }
}

#[tokio::test]
async fn who_could_not_begin_leaves_it_to_the_next() {
    let home = setup_home::home().await;
    let agent = home.agent().await;
    let id = plan(&agent, dana()).await.unwrap().id;
    home.tap.becomes(Line::Cut);
    assert!(agent.setup_apply(&id, &Asker::stagedoor()).await.is_err());
    home.tap.becomes(Line::Through);
    // Whoever asked may also go away meanwhile.
    let (_go, applying) = held(&home, 0, false, {
        let (agent, id) = (agent.clone(), id.clone());
        async move { agent.setup_apply(&id, &Asker::stagedoor()).await }
    })
    .await;
    applying.abort();
    assert!(applying.await.unwrap_err().is_cancelled());
    assert_eq!(setup_home::apply(&home, &agent, &id).await.state, SetupState::Done);
}

/// Two agents may share a data folder, where one of them has no runtime folder of its session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_is_at_is_left_to_it_until_it_ends_or_is_killed() {
    for killed in [false, true] {
        let home = setup_home::home().await;
        let account = listing(&home).await;
        let (first, second) = (Process::start(&home).await, Process::start(&home).await);
        let id = plan(&first.agent, dana()).await.unwrap().id;
        let (reached, go) = home.tap.waits_at(6, true);
        let _applying = first.spawn({
            let (agent, id) = (first.agent.clone(), id.clone());
            async move { agent.setup_apply(&id, &Asker::stagedoor()).await }
        });
        reached.await.unwrap();
        for error in refused(&second.agent, &id, &Asker::stagedoor()).await {
            let who = format!("Another Stagedoor, process {}, is working on setups of this computer", std::process::id());
            assert_eq!(error.message, who);
        }
        if killed {
            first.kill().await;
            second.agent.setup_resume(&id, &Asker::stagedoor()).await.expect("the claim ended with its process");
            assert_eq!(ended(&home, &second.agent, &id).await.state, SetupState::Done);
        } else {
            go.send_replace(true);
            assert_eq!(ended(&home, &first.agent, &id).await.state, SetupState::Done);
        }
        assert_eq!(made(&home, THERE), THERE.map(|action| (action, 1)));
        // The second saw it stopped; what the first wrote down since counts.
        assert_eq!(undo(&home, &second.agent, &id).await.state, SetupState::Undone);
        assert_eq!(listing(&home).await, account);
    }
}
