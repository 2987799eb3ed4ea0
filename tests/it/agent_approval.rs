//! A profile that asks: nothing of it leaves to a program before a person said yes, by whatever way, whoever it pretends to be.
//!
//! In process, on a driven clock, with real processes that ask. What a program can do to be taken for another is done here.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use stagedoor_core::{
    agent::{self, Agent, Asker, ConsoleTarget, socket::Listener},
    error::{Code, Error},
    model::{
        prompt::{PromptAnswer, PromptKind},
        snapshot::Shell,
    },
    store::aws_files::AwsFiles,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{
    agent_home::{Home, key_id, name, session, until},
    agent_prompt::{Tool, app, question, wants},
};

/// `reader` asks.
async fn asking(home: &Home) -> Agent {
    let agent = app(home).await;
    agent.set_asks(&name("reader"), true, &Asker::stagedoor()).await.unwrap();
    agent
}

/// Asks for `reader`, answers the question, and tells what came of it.
async fn answered(agent: &Agent, asker: Asker, answer: PromptAnswer) -> Result<(), Error> {
    let waiting = wants(agent, "reader", asker);
    agent.answer_prompt(question(agent, 1).await.id, answer).unwrap();
    waiting.await.unwrap().map(|_| ())
}

/// Whether a program gets `reader` without a question.
async fn has_it(agent: &Agent, asker: Asker) -> bool {
    let waiting = wants(agent, "reader", asker);
    tokio::pin!(waiting);
    tokio::select! {
        result = &mut waiting => result.unwrap().is_ok(),
        _ = until(agent, "a question", |snapshot| !snapshot.prompts.is_empty()) => {
            waiting.abort();
            until(agent, "no question", |snapshot| snapshot.prompts.is_empty()).await;
            false
        }
    }
}

/// A copy of a program at a path of its own.
fn copy(home: &Home, of: &str, to: &str) -> std::path::PathBuf {
    let path = home.path(to);
    fs::copy(of, &path).unwrap();
    path
}

fn script(home: &Home, name: &str) -> Tool {
    let path = home.path(name);
    home.put(&path, b"read line\n");
    let mut command = Command::new("/bin/sh");
    command.arg(path);
    Tool::new(command)
}

#[tokio::test]
async fn a_profile_that_asks_says_so_and_the_window_needs_no_leave() {
    let home = Home::new().await;
    let agent = asking(&home).await;
    assert!(home.config_now().contains("stagedoor_ask = true"));
    let files = AwsFiles::read(&home.paths()).unwrap();
    assert_eq!(files.resolve(&name("reader")).unwrap().json()["needs"], serde_json::json!(["approval"]));
    let view = until(&agent, "the switch", |snapshot| snapshot.profiles.iter().any(|view| view.asks)).await;
    assert!(view.profiles.iter().all(|view| view.asks == (view.name.as_str() == "reader")));
    assert!(key_id(&agent, "reader").await.unwrap().starts_with("ASIA"));
    agent.set_asks(&name("reader"), false, &Asker::stagedoor()).await.unwrap();
    assert!(!home.config_now().contains("stagedoor_ask"), "taken back as it was");
}

#[tokio::test]
async fn allowing_once_is_once_and_allowing_the_session_is_for_this_program() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home).await, Tool::sleep());
    let (first, second) = (wants(&agent, "reader", tool.asker()), wants(&agent, "reader", tool.asker()));
    let asked = question(&agent, 2).await;
    assert_eq!((asked.kind, asked.way.as_str(), asked.may_remember), (PromptKind::Approval, "process", true));
    assert_eq!((asked.askers[0].name.as_str(), asked.askers[0].pid), ("sleep", Some(tool.pid())));
    assert!(asked.role_arn.is_some_and(|arn| arn.ends_with("role/Reader")));
    assert_eq!(home.count("AssumeRole"), 0, "AWS is not asked before");
    agent.answer_prompt(asked.id, PromptAnswer::Allow).unwrap();
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok(), "those who wait now");
    assert!(!has_it(&agent, tool.asker()).await, "once");
    answered(&agent, tool.asker(), PromptAnswer::AllowSession).await.unwrap();
    assert!(has_it(&agent, tool.asker()).await && has_it(&agent, Tool::sleep().asker()).await, "the same program, whichever process");
    // Not another profile, and not another program.
    agent.set_asks(&name("writer"), true, &Asker::stagedoor()).await.unwrap();
    let other = wants(&agent, "writer", tool.asker());
    agent.answer_prompt(question(&agent, 1).await.id, PromptAnswer::Deny).unwrap();
    assert_eq!(other.await.unwrap().unwrap_err().code, Code::ApprovalDenied);
    let mut elsewhere = Command::new(copy(&home, "/bin/sleep", "sleep"));
    elsewhere.arg("600");
    assert!(!has_it(&agent, Tool::new(elsewhere).asker()).await, "the same name at another place");
    // It ends with the agent.
    agent.close(std::time::Duration::ZERO).await.unwrap();
    assert!(!has_it(&app(&home).await, tool.asker()).await);
}

#[tokio::test]
async fn no_way_leads_round_the_question() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home).await, Tool::sleep());
    let (profile, target) = (name("reader"), ConsoleTarget::default());
    for way in ["process", "exec", "environment", "console"] {
        let (asker, agent, profile, target) = (tool.asker(), agent.clone(), profile.clone(), target.clone());
        let waiting = tokio::spawn({
            let agent = agent.clone();
            async move {
                match way {
                    "process" => agent.process_document(&profile, &asker).await.map(|_| ()),
                    "exec" => agent.for_child(&profile, &asker).await.map(|_| ()),
                    "environment" => agent.environment(&profile, Shell::Bash, &asker).await.map(|_| ()),
                    _ => agent.console_door(&profile, &target, &asker).await.map(|_| ()),
                }
            }
        });
        let asked = question(&agent, 1).await;
        assert_eq!(asked.way, way);
        agent.answer_prompt(asked.id, PromptAnswer::Deny).unwrap();
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!((error.code, error.exit_code()), (Code::ApprovalDenied, 1), "{way}");
        assert!(error.message.contains("sleep") && error.message.contains("reader"), "{error}");
    }
    assert_eq!(home.tap.total(), 0, "nothing was asked of AWS");
    // The access key itself, where that is handed out.
    agent.hand_out_access_key(&name("key"), true).await.unwrap();
    agent.set_asks(&name("key"), true, &Asker::stagedoor()).await.unwrap();
    let waiting = wants(&agent, "key", tool.asker());
    agent.answer_prompt(question(&agent, 1).await.id, PromptAnswer::Deny).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code, Code::ApprovalDenied);
    // And what stands on a profile that asks, asks: else another role on the same key would lead round it.
    let waiting = wants(&agent, "writer", tool.asker());
    agent.answer_prompt(question(&agent, 1).await.id, PromptAnswer::Deny).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code, Code::ApprovalDenied);
}

#[tokio::test]
async fn where_nobody_can_be_asked_or_nobody_answers_nothing_is_handed_out() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home).await, Tool::sleep());
    let waiting = wants(&agent, "reader", tool.asker());
    let asked = question(&agent, 1).await;
    home.advance(asked.until - asked.since);
    let error = waiting.await.unwrap().unwrap_err();
    until(&agent, "no question", |snapshot| snapshot.prompts.is_empty()).await;
    assert_eq!((error.code, error.exit_code()), (Code::ApprovalRequired, 3));
    assert_eq!(answered(&agent, tool.asker(), PromptAnswer::Dismiss).await.unwrap_err().code, Code::ApprovalRequired);

    let windowless = home.agent().await;
    let error = windowless.process_document(&name("reader"), &tool.asker()).await.unwrap_err();
    assert_eq!((error.code, error.exit_code()), (Code::ApprovalRequired, 3));
    assert!(error.hint.contains("app"), "{error:?}");
    home.rewrite_config(&home.config_now().replace("stagedoor_ask = true", "stagedoor_ask = yes please"));
    let error = agent.process_document(&name("reader"), &tool.asker()).await.unwrap_err();
    assert_eq!(error.code, Code::InvalidValue, "a slip does not mean no: {error}");
    assert_eq!(home.tap.total(), 0);
}

#[tokio::test]
async fn a_script_is_its_own_program_and_what_runs_anything_is_never_remembered() {
    let home = Home::new().await;
    let agent = asking(&home).await;
    let (one, other) = (script(&home, "one.sh"), script(&home, "other.sh"));
    let waiting = wants(&agent, "reader", one.asker());
    let asked = question(&agent, 1).await;
    assert_eq!((asked.askers[0].name.as_str(), asked.may_remember), ("one.sh", true));
    assert!(asked.askers[0].script.as_ref().is_some_and(|path| path.ends_with("/one.sh")), "{asked:?}");
    agent.answer_prompt(asked.id, PromptAnswer::AllowSession).unwrap();
    waiting.await.unwrap().unwrap();
    assert!(has_it(&agent, one.asker()).await && !has_it(&agent, other.asker()).await, "the interpreter is the same");
    home.put(&home.path("one.sh"), b"read other\n");
    assert!(!has_it(&agent, one.asker()).await, "another script under the same name");

    let inline = |arguments: &[&str], program: &str| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(home.path(""));
        Tool::new(command)
    };
    for (program, arguments) in [("/bin/sh", &["-c", "read line; :"][..]), ("/bin/sh", &["one.sh"]), ("/bin/sh", &[]), ("/usr/bin/timeout", &["60", "cat"])] {
        let tool = inline(arguments, program);
        let waiting = wants(&agent, "reader", tool.asker());
        let asked = question(&agent, 1).await;
        assert!(!asked.may_remember, "{program} {arguments:?}: {asked:?}");
        agent.answer_prompt(asked.id, PromptAnswer::AllowSession).unwrap();
        waiting.await.unwrap().unwrap();
        assert!(!has_it(&agent, tool.asker()).await, "{program} {arguments:?} was remembered");
    }
}

#[tokio::test]
async fn a_program_that_changes_while_it_is_looked_at_gets_nothing() {
    let home = Home::new().await;
    let agent = asking(&home).await;
    let path = copy(&home, "/bin/sleep", "tool");
    let run = || {
        let mut command = Command::new(&path);
        command.arg("600");
        Tool::new(command)
    };
    let mut tool = run();
    answered(&agent, tool.asker(), PromptAnswer::AllowSession).await.unwrap();
    assert!(has_it(&agent, tool.asker()).await);
    // Replaced at its path: neither the old process nor a new one is what was allowed.
    fs::remove_file(&path).unwrap();
    fs::copy("/bin/cat", &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!has_it(&agent, tool.asker()).await);
    assert!(!has_it(&agent, run().asker()).await);
    // Gone, or another by now, when the person said yes.
    let waiting = wants(&agent, "reader", tool.asker());
    let asked = question(&agent, 1).await;
    tool.end();
    agent.answer_prompt(asked.id, PromptAnswer::Allow).unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!((error.code, error.exit_code()), (Code::ApprovalRequired, 3));
    // Two whose process nobody knows are not the same.
    let (one, other) = (wants(&agent, "reader", Asker::unknown()), wants(&agent, "reader", Asker::unknown()));
    let both = until(&agent, "two questions", |snapshot| snapshot.prompts.len() == 2).await;
    assert!(both.prompts.iter().all(|prompt| !prompt.may_remember));
    for prompt in &both.prompts {
        agent.answer_prompt(prompt.id, PromptAnswer::Deny).unwrap();
    }
    assert!(one.await.unwrap().is_err() && other.await.unwrap().is_err());
}

#[tokio::test]
async fn what_was_allowed_is_what_was_shown() {
    let home = Home::new().await;
    let (agent, tool) = (asking(&home).await, Tool::sleep());
    let waiting = wants(&agent, "reader", tool.asker());
    let asked = question(&agent, 1).await;
    let config = home.config_now();
    home.rewrite_config(&config.replace("role/Reader", "role/Writer"));
    agent.answer_prompt(asked.id, PromptAnswer::AllowSession).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().code, Code::ApprovalRequired, "it leads elsewhere by now");
    assert!(!has_it(&agent, tool.asker()).await, "and that was never allowed");
    home.rewrite_config(&config);
    assert!(has_it(&agent, tool.asker()).await);
}

#[tokio::test]
async fn asking_begins_and_ends_without_the_session() {
    let home = Home::new().await;
    let agent = app(&home).await;
    let before = key_id(&agent, "reader").await.unwrap();
    agent.set_asks(&name("reader"), true, &Asker::stagedoor()).await.unwrap();
    let snapshot = until(&agent, "the switch", |snapshot| snapshot.profiles.iter().any(|view| view.asks)).await;
    assert!(session(&snapshot, "reader").is_some(), "the session goes on");
    assert_eq!(key_id(&agent, "reader").await.unwrap(), before);
}

/// What the socket answers to one question.
async fn say(home: &Home, question: &str) -> String {
    let mut stream = UnixStream::connect(home.paths().socket()).await.unwrap();
    stream.write_all(format!("{{\"v\":1,{question}}}\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 8192];
    let count = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[tokio::test]
async fn a_program_cannot_allow_itself_anything() {
    let home = Home::new().await;
    let agent = asking(&home).await;
    tokio::spawn(agent::serve(agent.clone(), Listener::bind(&home.paths()).unwrap()));
    for request in ["answer_prompt", "approve", "allow", "allow_session"] {
        let answer = say(&home, &format!("\"do\":\"{request}\",\"id\":1,\"answer\":\"allow\",\"profile\":\"reader\"")).await;
        assert!(answer.contains("does not understand"), "{request}: {answer}");
    }
    // Who speaks to the socket without our program is shown as it is, and asked for each time.
    let stream = tokio::spawn({
        let socket = home.paths().socket();
        async move {
            let mut stream = UnixStream::connect(socket).await.unwrap();
            stream.write_all(b"{\"v\":1,\"do\":\"credential_process\",\"profile\":\"reader\"}\n").await.unwrap();
            let mut answer = vec![0; 8192];
            let count = stream.read(&mut answer).await.unwrap();
            String::from_utf8_lossy(&answer[..count]).into_owned()
        }
    });
    let asked = question(&agent, 1).await;
    assert_eq!((asked.askers[0].pid, asked.may_remember), (Some(std::process::id()), false));
    agent.answer_prompt(asked.id, PromptAnswer::Deny).unwrap();
    assert!(stream.await.unwrap().contains("approval_denied"));
    // Nor does the key leave the keychain for a plain file.
    agent.set_asks(&name("key"), true, &Asker::stagedoor()).await.unwrap();
    let undoing = tokio::spawn({
        let socket = home.paths().socket();
        async move {
            let mut stream = UnixStream::connect(socket).await.unwrap();
            let wish = b"{\"v\":1,\"do\":\"files\",\"ask\":{\"what\":\"edit\",\"wanted\":{\"edit\":\"undo_import\",\"profile\":\"key\"}}}\n";
            stream.write_all(wish).await.unwrap();
            let mut answer = vec![0; 8192];
            let count = stream.read(&mut answer).await.unwrap();
            String::from_utf8_lossy(&answer[..count]).into_owned()
        }
    });
    let asked = question(&agent, 1).await;
    assert_eq!(asked.way, "plain_file");
    agent.answer_prompt(asked.id, PromptAnswer::Deny).unwrap();
    assert!(undoing.await.unwrap().contains("approval_denied"));
    agent.set_asks(&name("key"), false, &Asker::stagedoor()).await.unwrap();
    // Switching it off is for a person as well.
    let switching = {
        let (agent, asker) = (agent.clone(), Asker::behind(std::process::id()));
        tokio::spawn(async move { agent.set_asks(&name("reader"), false, &asker).await })
    };
    let asked = question(&agent, 1).await;
    assert_eq!(asked.kind, PromptKind::StopAsking);
    agent.answer_prompt(asked.id, PromptAnswer::Deny).unwrap();
    assert_eq!(switching.await.unwrap().unwrap_err().code, Code::ApprovalDenied);
    assert!(home.config_now().contains("stagedoor_ask = true"));
    let windowless = home.agent().await;
    let error = windowless.set_asks(&name("reader"), false, &Asker::behind(std::process::id())).await.unwrap_err();
    assert_eq!(error.code, Code::ApprovalRequired);
}
