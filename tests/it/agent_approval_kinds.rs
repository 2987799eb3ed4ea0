//! A yes is a yes to what was said: not to another way out, not to the access key, not to what was locked meanwhile.
//!
//! In process, on a driven clock, with real processes that ask. Who may be taken for whom is tried in `agent_approval`.

use stagedoor_core::{
    agent::{self, Agent, Asker, ConsoleTarget, socket::Listener},
    error::{Code, Result},
    model::{
        lease::{LeaseRequest, Narrowing},
        params::SessionDuration,
        prompt::{Gives, PromptAnswer},
    },
};
use time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinHandle,
};

use crate::{
    agent_endpoint::Door,
    agent_home::{Home, name, until},
    agent_prompt::{Tool, app, question, wants},
};

/// The ways out of `reader`.
#[derive(Clone, Copy, Debug)]
enum Way {
    Process,
    Exec,
    Endpoint,
    Console,
    Lease,
    File,
}

fn request(profile: &str) -> LeaseRequest {
    LeaseRequest {
        profile: name(profile),
        narrowing: Narrowing::NoIam,
        tags: Vec::new(),
        source_identity: None,
        duration: SessionDuration::from_seconds(900).unwrap(),
        name: None,
        program: None,
    }
}

fn ask(agent: &Agent, profile: &str, way: Way, asker: Asker) -> JoinHandle<Result<()>> {
    let (agent, profile) = (agent.clone(), name(profile));
    tokio::spawn(async move {
        match way {
            Way::Process => agent.process_document(&profile, &asker).await.map(|_| ()),
            Way::Exec => agent.for_child(&profile, &asker).await.map(|_| ()),
            Way::Endpoint => agent.endpoint_for(&profile, &asker, None).await.map(|_| ()),
            Way::Console => agent.console_door(&profile, &ConsoleTarget::default(), &asker).await.map(|_| ()),
            Way::Lease => agent.lease(request(profile.as_str()), None, &asker).await.map(|_| ()),
            Way::File => agent.write_file(&profile, Some("mine"), &asker).await.map(|_| ()),
        }
    })
}

async fn asking(home: &Home, profile: &str) -> Agent {
    let agent = app(home).await;
    agent.set_asks(&name(profile), true, &Asker::stagedoor()).await.unwrap();
    agent
}

#[tokio::test]
async fn a_remembered_yes_is_for_what_it_gave() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home, "reader").await, Tool::sleep());
    for (way, gives, same) in [
        (Way::Process, Gives::TemporaryCredentials, &[Way::Exec, Way::Endpoint][..]),
        (Way::Console, Gives::Console, &[]),
        (Way::Lease, Gives::Lease, &[]),
        (Way::File, Gives::CredentialsFile, &[]),
    ] {
        // What was allowed before is not this.
        let waiting = ask(&agent, "reader", way, tool.asker());
        let asked = question(&agent, 1).await;
        assert_eq!((asked.gives, asked.may_remember), (Some(gives), true), "{way:?}");
        agent.answer_prompt(asked.id, PromptAnswer::AllowSession).unwrap();
        waiting.await.unwrap().unwrap();
        for again in [way].iter().chain(same) {
            ask(&agent, "reader", *again, tool.asker()).await.unwrap().unwrap();
        }
    }
    assert!(agent.snapshot().borrow().prompts.is_empty());
}

#[tokio::test]
async fn questions_about_different_things_are_not_one() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home, "reader").await, Tool::sleep());
    let (one, other) = (ask(&agent, "reader", Way::Process, tool.asker()), ask(&agent, "reader", Way::Console, tool.asker()));
    let both = until(&agent, "two questions", |snapshot| snapshot.prompts.len() == 2).await;
    for prompt in &both.prompts {
        let answer = if prompt.gives == Some(Gives::TemporaryCredentials) { PromptAnswer::Allow } else { PromptAnswer::Deny };
        agent.answer_prompt(prompt.id, answer).unwrap();
    }
    one.await.unwrap().unwrap();
    assert_eq!(other.await.unwrap().unwrap_err().code, Code::ApprovalDenied);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_command_that_was_allowed_is_not_asked_about_at_the_endpoint_and_no_other_is_spared() {
    // The command, and where the question comes from that this process asks at the endpoint.
    for (command, spared) in [(Some(std::process::id()), true), (None, false)] {
        let home = Home::new().await;
        let (agent, tool) = (asking(&home, "reader").await, Tool::sleep());
        let command = command.unwrap_or(tool.pid());
        let led = {
            let (agent, asker) = (agent.clone(), tool.asker());
            tokio::spawn(async move { agent.endpoint_for(&name("reader"), &asker, Some(command)).await })
        };
        let asked = question(&agent, 1).await;
        agent.answer_prompt(asked.id, PromptAnswer::Allow).unwrap();
        let door = Door::through(&led.await.unwrap().unwrap());
        let (status, document) = door.ask(door.head().as_bytes()).await;
        assert_eq!((status, document["code"].as_str()), if spared { (200, None) } else { (503, Some("approval_required")) }, "{command}");
        if spared {
            agent.lock().await.unwrap();
            agent.unlock(None).await.unwrap();
            let (status, document) = door.ask(door.head().as_bytes()).await;
            assert_eq!((status, document["code"].as_str()), (503, Some("approval_required")), "a lock forgets it: {document}");
        }
    }
}

#[tokio::test]
async fn who_allows_the_access_key_itself_is_told_so() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home, "key").await, Tool::sleep());
    let waiting = wants(&agent, "key", tool.asker());
    let asked = question(&agent, 1).await;
    assert_eq!(asked.gives, Some(Gives::TemporaryCredentials));
    agent.answer_prompt(asked.id, PromptAnswer::AllowSession).unwrap();
    assert!(waiting.await.unwrap().unwrap().expose().contains("ASIA"));
    agent.hand_out_access_key(&name("key"), true).await.unwrap();
    let waiting = wants(&agent, "key", tool.asker());
    let asked = question(&agent, 1).await;
    assert_eq!(asked.gives, Some(Gives::AccessKey));
    assert!(asked.gives.is_some_and(|gives| gives.words().contains("access key itself")));
    agent.answer_prompt(asked.id, PromptAnswer::AllowSession).unwrap();
    assert!(waiting.await.unwrap().unwrap().expose().contains(home.ready.key.id.as_str()));
    // At the endpoint it is never the key: another question.
    let waiting = ask(&agent, "key", Way::Endpoint, tool.asker());
    let asked = question(&agent, 1).await;
    assert_eq!(asked.gives, Some(Gives::TemporaryCredentials));
    agent.answer_prompt(asked.id, PromptAnswer::Deny).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code, Code::ApprovalDenied);
}

#[tokio::test]
async fn a_yes_that_comes_when_it_should_be_locked_counts_for_nothing() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home, "reader").await, Tool::sleep());
    let mut settings = agent.snapshot().borrow().settings.clone();
    settings.lock_after_seconds = 60;
    agent.set_settings(settings).await.unwrap();
    home.advance(Duration::seconds(50));
    let waiting = wants(&agent, "reader", tool.asker());
    let asked = question(&agent, 1).await;
    // The moment of locking has come, and the task that does it has not run yet.
    home.advance(Duration::seconds(11));
    assert_eq!(agent.answer_prompt(asked.id, PromptAnswer::AllowSession).unwrap_err().code, Code::Locked);
    assert!(waiting.await.unwrap().is_err());
    until(&agent, "locked", |snapshot| snapshot.secrets.locked).await;
    agent.unlock(None).await.unwrap();
    let waiting = wants(&agent, "reader", tool.asker());
    agent.answer_prompt(question(&agent, 1).await.id, PromptAnswer::Deny).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code, Code::ApprovalDenied, "it was not remembered");
}

#[tokio::test]
async fn locked_it_asks_nobody_anything() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home, "reader").await, Tool::sleep());
    agent.set_asks(&name("key"), true, &Asker::stagedoor()).await.unwrap();
    tokio::spawn(agent::serve(agent.clone(), Listener::bind(&home.paths()).unwrap()));
    agent.lock().await.unwrap();
    // Whoever were asked here would be waited for; the answer comes at once instead.
    for way in [Way::Process, Way::Exec, Way::Endpoint, Way::Console, Way::Lease, Way::File] {
        assert_eq!(ask(&agent, "reader", way, tool.asker()).await.unwrap().unwrap_err().code, Code::Locked, "{way:?}");
    }
    assert_eq!(agent.set_asks(&name("reader"), false, &tool.asker()).await.unwrap_err().code, Code::Locked);
    let mut stream = UnixStream::connect(home.paths().socket()).await.unwrap();
    stream.write_all(b"{\"v\":1,\"do\":\"files\",\"ask\":{\"what\":\"edit\",\"wanted\":{\"edit\":\"undo_import\",\"profile\":\"key\"}}}\n").await.unwrap();
    let mut answer = vec![0; 8192];
    let count = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]);
    assert!(answer.contains("\"locked\""), "{answer}");
    assert!(agent.snapshot().borrow().prompts.is_empty());
}

#[tokio::test]
async fn a_lease_that_nobody_was_asked_about_asks_once_its_profile_does() {
    let home = Home::new().await;
    let (agent, tool) = (app(&home).await, Tool::sleep());
    let lease = agent.lease(request("reader"), None, &tool.asker()).await.unwrap();
    agent.lease_document(&lease.id, &tool.asker()).await.unwrap();
    agent.set_asks(&name("reader"), true, &Asker::stagedoor()).await.unwrap();
    let waiting = {
        let (agent, asker, id) = (agent.clone(), tool.asker(), lease.id.clone());
        tokio::spawn(async move { agent.lease_document(&id, &asker).await.map(|_| ()) })
    };
    let asked = question(&agent, 1).await;
    assert_eq!(asked.gives, Some(Gives::Lease));
    agent.answer_prompt(asked.id, PromptAnswer::Deny).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code, Code::ApprovalDenied);
    // One that a person allowed is for the program that it was allowed to.
    let waiting = ask(&agent, "reader", Way::Lease, tool.asker());
    agent.answer_prompt(question(&agent, 1).await.id, PromptAnswer::Allow).unwrap();
    waiting.await.unwrap().unwrap();
    let made = agent.leases().into_iter().find(|made| made.id != lease.id).unwrap();
    agent.lease_document(&made.id, &tool.asker()).await.unwrap();
}
