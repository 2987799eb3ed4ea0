//! The container endpoint, asked as an SDK asks it: what it answers, that it renews, and that nothing expired comes out of it.
//!
//! In process, against the practice account, on a driven clock. The real AWS CLI, boto3 and the Rust SDK come in through `exec`
//! in `tests/acceptance` and `agent_endpoint_sdk`; those who mean ill in `agent_endpoint_hostile`.

use serde_json::Value;
use stagedoor_core::{
    agent::{Agent, Asker, protocol::Variable},
    error::Code,
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    agent_home::{Home, key_id, name, session, start, until},
    agent_tap::Line,
};

/// What `exec --endpoint` gives a command.
pub(crate) struct Door {
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) token: String,
}

impl Door {
    pub(crate) async fn of(agent: &Agent, profile: &str) -> Self {
        Self::through(&agent.endpoint_for(&name(profile), &Asker::stagedoor(), Some(std::process::id())).await.unwrap())
    }

    /// What these variables lead to.
    pub(crate) fn through(set: &[Variable]) -> Self {
        let value = |name: &str| set.iter().find(|variable| variable.name == name).unwrap().value.expose().to_owned();
        let uri = value("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let (host, path) = uri.strip_prefix("http://").unwrap().split_once('/').unwrap();
        Self { host: host.to_owned(), path: format!("/{path}"), token: value("AWS_CONTAINER_AUTHORIZATION_TOKEN") }
    }

    /// The head of a request that is right.
    pub(crate) fn head(&self) -> String {
        format!("GET {} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nAuthorization: {}\r\n\r\n", self.path, self.host, self.token)
    }

    /// What comes back for these bytes, to the end of the connection.
    pub(crate) async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.host).await.unwrap();
        // One that was cut off ends with an error, on either side.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    /// The status and the document.
    pub(crate) async fn ask(&self, bytes: &[u8]) -> (u16, Value) {
        let answer = self.say(bytes).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(head.contains("content-type: application/json") && head.contains("cache-control: no-store"), "{head}");
        (status, serde_json::from_str(body).unwrap())
    }

    pub(crate) async fn credentials(&self) -> Value {
        let (status, document) = self.ask(self.head().as_bytes()).await;
        assert_eq!(status, 200, "{document}");
        document
    }
}

fn ends(document: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(document["Expiration"].as_str().unwrap(), &Rfc3339).unwrap()
}

#[tokio::test]
async fn an_sdk_gets_the_session_that_is_there() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let door = Door::of(&agent, "reader").await;
    let document = door.credentials().await;
    let keys: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["AccessKeyId", "AccountId", "Expiration", "SecretAccessKey", "Token"]);
    assert_eq!(
        (document["AccessKeyId"].as_str(), document["AccountId"].as_str()),
        (Some(&*key_id(&agent, "reader").await.unwrap()), Some(&*home.ready.account_id))
    );
    assert_eq!(home.count("AssumeRole"), 1);
    let shown = until(&agent, "both are noted", |snapshot| session(snapshot, "reader").is_some_and(|view| view.delivered == ["endpoint", "process"])).await;
    let activity = &shown.profiles.iter().find(|view| view.name.as_str() == "reader").unwrap().activity;
    assert!(activity.iter().any(|line| line.what == "exec --endpoint"));
    let asked = activity.iter().find(|line| line.what == "container endpoint").unwrap();
    assert!(asked.how.starts_with("from memory"), "{}", asked.how);
    if cfg!(target_os = "linux") {
        assert_eq!(asked.pid, Some(std::process::id()), "the other end of the connection is known");
    }
}

#[tokio::test]
async fn a_command_that_runs_for_a_day_always_has_credentials_that_hold() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let door = Door::of(&agent, "reader").await;
    let (mut keys, steps) = (std::collections::BTreeSet::new(), 24 * 6);
    for _ in 0..steps {
        let document = door.credentials().await;
        assert!(ends(&document) > home.clock.now());
        keys.insert(document["AccessKeyId"].as_str().unwrap().to_owned());
        home.advance(Duration::minutes(10));
    }
    assert!(keys.len() > 20 && keys.len() <= 36, "about one an hour, and not one a question: {}", keys.len());
}

#[tokio::test]
async fn what_still_holds_is_handed_out_while_aws_is_silent_and_nothing_after_its_end() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let door = Door::of(&agent, "reader").await;
    let first = door.credentials().await;
    home.tap.becomes(Line::Silent);
    // Half a minute before the end, long after a renewal was due.
    home.advance(ends(&first) - home.clock.now() - Duration::seconds(30));
    assert_eq!(door.credentials().await, first);
    home.advance(Duration::seconds(31));
    let (status, refusal) = door.ask(door.head().as_bytes()).await;
    assert_eq!((status, refusal["code"].as_str()), (503, Some("aws_unreachable")), "{refusal}");
    assert!(refusal["message"].as_str().unwrap().contains("reader"));
}

#[tokio::test]
async fn a_plain_key_goes_this_way_as_a_session_though_it_may_be_handed_out() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.hand_out_access_key(&name("key"), true).await.unwrap();
    let document = Door::of(&agent, "key").await.credentials().await;
    assert!(document["AccessKeyId"].as_str().unwrap().starts_with("ASIA") && !document["Token"].as_str().unwrap().is_empty());
    assert_ne!(document["SecretAccessKey"].as_str(), Some(home.ready.key.secret.expose()));
}

#[tokio::test]
async fn where_a_person_is_needed_the_refusal_says_for_what_and_goes_on_afterwards() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let none = agent.endpoint_for(&name("dev"), &Asker::stagedoor(), None).await.unwrap_err();
    assert_eq!(none.code, Code::MfaCodeRequired);
    start(&agent, "dev", Some(home.code())).await.unwrap();
    let door = Door::of(&agent, "dev").await;
    let before = door.credentials().await;
    // Longer than the MFA session.
    home.advance(Duration::hours(40));
    let (status, refusal) = door.ask(door.head().as_bytes()).await;
    assert_eq!((status, refusal["code"].as_str()), (503, Some("mfa_code_required")), "{refusal}");
    assert!(refusal["message"].as_str().unwrap().contains(home.ready.mfa_serial.as_str()), "{refusal}");
    start(&agent, "dev", Some(home.code())).await.unwrap();
    assert_ne!(door.credentials().await["AccessKeyId"], before["AccessKeyId"], "the command that runs has credentials again");
}

#[tokio::test]
async fn a_profile_has_one_token_and_the_next_agent_has_another() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let (one, again, other) = (Door::of(&agent, "reader").await, Door::of(&agent, "reader").await, Door::of(&agent, "writer").await);
    assert_eq!((&one.host, &one.path, &one.token), (&again.host, &again.path, &again.token), "a command that runs already keeps its way in");
    assert!(one.host == other.host && one.token != other.token);
    let crossed = Door { host: one.host.clone(), path: other.path, token: one.token.clone() };
    assert_eq!(crossed.ask(crossed.head().as_bytes()).await.0, 403);

    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    let gone = async {
        while TcpStream::connect(&one.host).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.expect("it ends with its agent");
    let next = home.agent().await;
    let new = Door::of(&next, "reader").await;
    assert_ne!(new.token, one.token);
    let stale = Door { token: one.token, path: one.path, host: new.host.clone() };
    let (status, refusal) = stale.ask(stale.head().as_bytes()).await;
    assert_eq!((status, refusal["code"].as_str()), (403, Some("token_refused")));
    assert!(refusal["message"].as_str().unwrap().contains("stagedoor exec PROFILE --endpoint"), "it says what to do: {refusal}");
    new.credentials().await;
}
