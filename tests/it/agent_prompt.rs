//! A program needs an MFA code: one question in the window, and its answer for everybody who waits.
//!
//! In process, on a driven clock. The programs that ask are real processes, the code is typed as the window does it. Some ask through
//! the socket, as the command line does, so that those who are killed are seen to leave.

use std::process::{Child, Command};

use stagedoor_core::{
    agent::{self, Agent, Asker, Parts, socket::Listener},
    error::{Code, Result},
    model::{
        prompt::{PromptAnswer, PromptKind, PromptView},
        secret::Secret,
        snapshot::{Event, Shell},
    },
};
use time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinHandle,
};

use crate::agent_home::{Home, events_so_far, name, next_event, process, start, until};

/// A program that asks, as long as the test runs.
pub(crate) struct Tool(Child);

impl Tool {
    pub(crate) fn new(mut command: Command) -> Self {
        Self(command.stdin(std::process::Stdio::piped()).spawn().unwrap())
    }

    pub(crate) fn sleep() -> Self {
        let mut command = Command::new("/bin/sleep");
        command.arg("600").current_dir("/tmp");
        Self::new(command)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn asker(&self) -> Asker {
        Asker::behind(self.0.id())
    }

    pub(crate) fn end(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.end();
    }
}

/// An agent as it lives in the app.
pub(crate) async fn app(home: &Home) -> Agent {
    let agent = Agent::open(Parts { windowless: false, ..home.parts() }).await.unwrap();
    tokio::spawn(agent::run(agent.clone()));
    agent
}

/// A program that wants a profile through `credential_process`.
pub(crate) fn wants(agent: &Agent, profile: &str, asker: Asker) -> JoinHandle<Result<Secret>> {
    let (agent, profile) = (agent.clone(), name(profile));
    tokio::spawn(async move { agent.process_document(&profile, &asker).await })
}

/// Waits for the one question that is open, with so many waiting.
pub(crate) async fn question(agent: &Agent, waiting: usize) -> PromptView {
    let seen = until(agent, "one question", |snapshot| matches!(&snapshot.prompts[..], [prompt] if prompt.waiting == waiting)).await;
    seen.prompts[0].clone()
}

async fn nothing_asked(agent: &Agent) {
    until(agent, "no question", |snapshot| snapshot.prompts.is_empty()).await;
}

#[tokio::test]
async fn one_code_answers_everybody_and_the_question_names_who_asks() {
    let home = Home::new().await;
    let (agent, tool, other) = (app(&home).await, Tool::sleep(), Tool::sleep());
    let mut events = agent.events();
    let first = wants(&agent, "dev", tool.asker());
    let asked = question(&agent, 1).await;
    assert_eq!((asked.kind, &asked.profile, asked.way.as_str()), (PromptKind::MfaCode, &name("dev"), "process"));
    assert_eq!(asked.role_arn.as_deref(), Some(home.ready.mfa_role_arn.as_str()));
    assert_eq!(asked.mfa_serial.as_deref(), Some(home.ready.mfa_serial.as_str()));
    let [asker] = &asked.askers[..] else { panic!("{asked:?}") };
    assert_eq!((asker.name.as_str(), asker.pid, asker.folder.as_deref()), ("sleep", Some(tool.pid()), Some("/tmp")));
    assert!(asker.executable.as_ref().is_some_and(|path| path.ends_with("/sleep")) && !asker.parents.is_empty(), "{asker:?}");
    assert!(!serde_json::to_string(&asked).unwrap().contains("600"), "no arguments");
    let told = next_event(&mut events, |event| matches!(event, Event::Prompted { .. })).await;
    assert_eq!(told, Event::Prompted { prompt: asked.clone(), again: false });

    let second = wants(&agent, "dev", tool.asker());
    let third = wants(&agent, "dev", other.asker());
    let joined = question(&agent, 3).await;
    assert_eq!((joined.id, joined.askers.len()), (asked.id, 2), "they join it");
    assert!(!events_so_far(&mut events).iter().any(|event| matches!(event, Event::Prompted { .. } | Event::PersonNeeded { .. })), "told once");

    let refused = start(&agent, "dev", Some(home.wrong_code())).await.unwrap_err();
    assert_eq!(refused.code, Code::MfaCodeRefused);
    agent.snapshot().borrow_and_update();
    let still = until(&agent, "the refusal", |snapshot| snapshot.prompts.iter().any(|prompt| prompt.error.is_some())).await;
    assert_eq!((still.prompts[0].id, still.prompts[0].waiting), (asked.id, 3), "they go on waiting");
    start(&agent, "dev", Some(home.code())).await.unwrap();
    for waiting in [first, second, third] {
        assert!(waiting.await.unwrap().unwrap().expose().contains("ASIA"));
    }
    nothing_asked(&agent).await;
    assert_eq!(home.count("AssumeRole"), 1);
}

#[tokio::test]
async fn a_code_for_one_profile_lets_those_behind_the_same_device_go_on() {
    let home = Home::new().await;
    let (agent, tool) = (app(&home).await, Tool::sleep());
    let waiting = [wants(&agent, "dev", tool.asker()), wants(&agent, "ops", tool.asker()), wants(&agent, "sec", tool.asker())];
    until(&agent, "three questions", |snapshot| snapshot.prompts.len() == 3).await;
    start(&agent, "ops", Some(home.code())).await.unwrap();
    for waiting in waiting {
        waiting.await.unwrap().unwrap();
    }
    nothing_asked(&agent).await;
    assert_eq!((home.count("GetSessionToken"), home.count("AssumeRole")), (1, 3));
}

#[tokio::test]
async fn a_question_that_is_put_away_answers_at_once() {
    let home = Home::new().await;
    let (agent, tool) = (app(&home).await, Tool::sleep());
    let mut events = agent.events();
    let waiting = [wants(&agent, "dev", tool.asker()), wants(&agent, "dev", tool.asker())];
    let asked = question(&agent, 2).await;
    agent.answer_prompt(asked.id, PromptAnswer::Dismiss).unwrap();
    for waiting in waiting {
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!((error.code, error.exit_code()), (Code::MfaCodeRequired, 3));
        assert!(error.message.contains("dev") && error.message.contains("put away"), "{error}");
    }
    assert!(!events_so_far(&mut events).iter().any(|event| matches!(event, Event::PersonNeeded { .. })), "the person was asked already");
    assert_eq!(agent.answer_prompt(asked.id, PromptAnswer::Dismiss).unwrap_err().code, Code::Agent, "it is over");
    let later = wants(&agent, "dev", tool.asker());
    assert_ne!(question(&agent, 1).await.id, asked.id);
    let again = next_event(&mut events, |event| matches!(event, Event::Prompted { again: true, .. })).await;
    assert!(matches!(again, Event::Prompted { .. }), "the window need not come to the front for it");
    later.abort();
    nothing_asked(&agent).await;
}

#[tokio::test]
async fn nobody_waits_longer_than_the_tools_do() {
    let home = Home::new().await;
    let (agent, tool) = (app(&home).await, Tool::sleep());
    let waiting = wants(&agent, "dev", tool.asker());
    let asked = question(&agent, 1).await;
    assert!(asked.until - asked.since <= Duration::seconds(50), "{asked:?}");
    home.advance(asked.until - asked.since);
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!((error.code, error.exit_code()), (Code::MfaCodeRequired, 3));
    assert!(error.message.contains("in time"), "{error}");
    nothing_asked(&agent).await;
}

#[tokio::test]
async fn an_agent_that_ends_lets_nobody_wait() {
    let home = Home::new().await;
    let (agent, tool) = (app(&home).await, Tool::sleep());
    let waiting = wants(&agent, "dev", tool.asker());
    question(&agent, 1).await;
    agent.close(std::time::Duration::ZERO).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code, Code::MfaCodeRequired);
}

#[tokio::test]
async fn a_seed_that_is_stored_meanwhile_is_an_answer_too() {
    let home = Home::new().await;
    let (agent, tool) = (app(&home).await, Tool::sleep());
    let waiting = wants(&agent, "dev", tool.asker());
    question(&agent, 1).await;
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
    waiting.await.unwrap().unwrap();
    nothing_asked(&agent).await;
}

#[tokio::test]
async fn where_nobody_can_be_asked_the_answer_comes_at_once() {
    let home = Home::new().await;
    let (agent, tool) = (home.agent().await, Tool::sleep());
    let error = agent.process_document(&name("dev"), &tool.asker()).await.unwrap_err();
    assert_eq!((error.code, error.exit_code()), (Code::MfaCodeRequired, 3));
    assert!(agent.environment(&name("dev"), Shell::Bash, &tool.asker()).await.is_err() && agent.snapshot().borrow().prompts.is_empty());
    // The window asks by itself.
    let agent = app(&home).await;
    assert_eq!(process(&agent, "dev").await.unwrap_err().code, Code::MfaCodeRequired);
    assert!(agent.snapshot().borrow().prompts.is_empty());
}

/// Sends a question to the socket and leaves the connection open.
async fn send(home: &Home, question: &str) -> UnixStream {
    let mut stream = UnixStream::connect(home.paths().socket()).await.unwrap();
    stream.write_all(format!("{{\"v\":1,{question}}}\n").as_bytes()).await.unwrap();
    stream
}

async fn heard(mut stream: UnixStream) -> String {
    let mut answer = vec![0; 8192];
    let count = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[tokio::test]
async fn who_is_killed_leaves_and_who_only_stopped_talking_waits() {
    let home = Home::new().await;
    let agent = app(&home).await;
    tokio::spawn(agent::serve(agent.clone(), Listener::bind(&home.paths()).unwrap()));
    let dev = "\"do\":\"credential_process\",\"profile\":\"dev\"";
    let (first, second, mut third) = (send(&home, dev).await, send(&home, dev).await, send(&home, dev).await);
    question(&agent, 3).await;
    drop(first);
    question(&agent, 2).await;
    third.shutdown().await.unwrap();
    drop(second);
    let left = question(&agent, 1).await;
    assert_eq!(left.askers[0].pid, Some(std::process::id()));
    start(&agent, "dev", Some(home.code())).await.unwrap();
    assert!(heard(third).await.contains("ASIA"));
    nothing_asked(&agent).await;
}

#[tokio::test]
async fn a_person_at_a_terminal_is_asked_there() {
    let home = Home::new().await;
    let agent = app(&home).await;
    tokio::spawn(agent::serve(agent.clone(), Listener::bind(&home.paths()).unwrap()));
    for question in
        ["\"do\":\"exec\",\"profile\":\"dev\",\"at_terminal\":true", "\"do\":\"environment\",\"profile\":\"dev\",\"shell\":\"bash\",\"at_terminal\":true"]
    {
        let answer = heard(send(&home, question).await).await;
        assert!(answer.contains("mfa_code_required") && answer.contains("mfa_serial"), "{answer}");
    }
    assert!(agent.snapshot().borrow().prompts.is_empty());
    let waiting = send(&home, "\"do\":\"exec\",\"profile\":\"dev\"").await;
    assert_eq!(question(&agent, 1).await.way, "exec");
    drop(waiting);
    nothing_asked(&agent).await;
}
