//! A whole main job, then a search for every secret in it: in logs at their most talkative, in what is shown, in every file.
//!
//! The log is captured at trace, the AWS crates' own lines too. A secret that is found is named by what it is and never printed.

use std::{
    fs, io,
    path::Path,
    sync::{Arc, Mutex},
};

use stagedoor_core::{
    agent::{Asker, ConsoleTarget},
    model::snapshot::Shell,
};
use time::Duration;
use tracing_subscriber::fmt::MakeWriter;

use crate::agent_home::{Home, events_so_far, name, process, start};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), found);
        } else if entry.file_type().unwrap().is_file() {
            found.push((entry.path().display().to_string(), fs::read(entry.path()).unwrap()));
        }
    }
}

/// What AWS gave, the key, the seed, the links: and each as it would stand in a URL.
fn as_written(secrets: &[String]) -> Vec<String> {
    let encoded = secrets.iter().map(|secret| url::form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    let mut all: Vec<String> = secrets.iter().cloned().chain(encoded).collect();
    all.sort();
    all.dedup();
    all
}

fn search(place: &str, content: &[u8], secrets: &[String]) {
    for (n, secret) in secrets.iter().enumerate() {
        let at = content.windows(secret.len()).position(|window| window == secret.as_bytes());
        let around = at.map(|at| String::from_utf8_lossy(&content[at.saturating_sub(300)..at]).into_owned());
        assert_eq!(around, None, "secret {n} of {} stands in {place}, after this", secrets.len());
    }
}

#[tokio::test]
async fn nobody_tells_a_secret() {
    let log = Log::default();
    let told = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).with_max_level(tracing::Level::TRACE).finish();
    let _guard = tracing::subscriber::set_default(told);
    let home = Home::new().await;
    home.keys().delete_access_key(&home.ready.key.id).await.unwrap();
    let config = home.config_now().replace("stagedoor_access_key_id", "aws_access_key_id");
    home.rewrite_config(&config.replacen("\n\n", &format!("\naws_secret_access_key = {}\n\n", home.ready.key.secret.expose()), 1));
    let (agent, me) = (home.agent().await, Asker::stagedoor());
    let mut events = agent.events();

    agent.import(&name("key")).await.unwrap();
    let (wrong, right) = (home.wrong_code(), home.code());
    assert!(start(&agent, "dev", None).await.is_err() && process(&agent, "dev").await.is_err());
    assert!(start(&agent, "dev", Some(wrong.clone())).await.is_err());
    start(&agent, "dev", Some(right.clone())).await.unwrap();
    process(&agent, "dev").await.unwrap();
    agent.environment(&name("dev"), Shell::Fish, &me).await.unwrap();
    agent.for_child(&name("key"), &me).await.unwrap();
    agent.who_am_i(&name("dev"), &me).await.unwrap();
    let link = agent.console_link(&name("dev"), &ConsoleTarget::default(), &me).await.unwrap();
    agent.console_door(&name("key"), &ConsoleTarget::default(), &me).await.unwrap();
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
    home.advance(Duration::seconds(60));
    start(&agent, "ops", None).await.unwrap();
    home.world.fail_next("AssumeRole", 1, "AccessDenied");
    assert!(start(&agent, "reader", None).await.is_err());
    agent.stop(&name("ops")).await.unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();

    let mut secrets = home.tap.secrets();
    assert!(secrets.len() >= 10, "the tap heard them");
    secrets.extend([home.ready.key.secret.expose(), home.ready.mfa_seed.expose(), link.expose()].map(str::to_owned));
    let secrets = as_written(&secrets);
    // Six digits can stand anywhere by chance, so in the log they are looked for where they would be told.
    let codes: Vec<_> = [&wrong, &right].iter().flat_map(|code| [format!("TokenCode={}", code.expose()), format!("\"{}\"", code.expose())]).collect();
    let shown =
        format!("{agent:?}{:?}{}{:?}", agent.snapshot().borrow(), serde_json::to_string(&**agent.snapshot().borrow()).unwrap(), events_so_far(&mut events));
    assert!(shown.contains("mfa_code_required") || shown.contains("MfaCodeRequired"), "there is something to search");
    search("what is shown", shown.as_bytes(), &[&secrets[..], &codes[..]].concat());
    let log = log.0.lock().unwrap().clone();
    assert!(log.len() > 10_000, "the log is talkative: {}", log.len());
    search("the log", &log, &[&secrets[..], &codes[..]].concat());
    let mut found = Vec::new();
    files(&home.path(""), &mut found);
    for kept in ["sessions.sealed", "activity.jsonl"] {
        assert!(found.iter().any(|(path, content)| path.ends_with(kept) && !content.is_empty()), "{kept} is searched too");
    }
    for (path, content) in &found {
        search(path, content, &secrets);
    }
}
