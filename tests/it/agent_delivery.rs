//! What leaves the agent: temporary credentials and never the key, and a console link by the rules of the federation endpoint.
//!
//! In process, against the practice account, on a driven clock. What a tool makes of it is tried with the real AWS CLI and boto3
//! in `tests/acceptance`.

use stagedoor_core::{
    agent::{Agent, Asker, ConsoleTarget},
    deliver::Handed,
    error::{Code, Result},
    model::{params::SessionDuration, snapshot::Shell},
};
use time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::agent_home::{BEGIN, Home, name, process, session, start};

async fn child(agent: &Agent, profile: &str) -> Handed {
    agent.for_child(&name(profile), &Asker::stagedoor()).await.unwrap()
}

async fn link(agent: &Agent, profile: &str, hours: Option<u32>) -> Result<String> {
    let duration = hours.map(|hours| SessionDuration::from_seconds(hours * 3600).unwrap());
    let target = ConsoleTarget { service: Some("s3".to_owned()), duration, ..ConsoleTarget::default() };
    agent.console_link(&name(profile), &target, &Asker::stagedoor()).await.map(|link| link.expose().to_owned())
}

/// The answer to a GET; `None` when nobody is there or nothing comes.
async fn get(url: &str) -> Option<String> {
    let (host, path) = url.strip_prefix("http://")?.split_once('/')?;
    let mut stream = TcpStream::connect(host).await.ok()?;
    stream.write_all(format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await.ok()?;
    let mut answer = [0; 8192];
    let mut text = String::new();
    while !text.contains("</html>") {
        match stream.read(&mut answer).await.ok()? {
            0 => break,
            count => text.push_str(&String::from_utf8_lossy(&answer[..count])),
        }
    }
    (!text.is_empty()).then_some(text)
}

#[tokio::test]
async fn a_plain_key_is_never_handed_out_but_where_the_person_said_so() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let secret = home.ready.key.secret.expose();
    let document = process(&agent, "key").await.unwrap();
    assert_eq!(document["Version"], 1);
    assert!(document["AccessKeyId"].as_str().unwrap().starts_with("ASIA") && document["SessionToken"].is_string(), "temporary");
    let handed = child(&agent, "key").await;
    assert!(handed.access_key_id.is_temporary() && handed.session_token.is_some());
    let lines = agent.environment(&name("key"), Shell::Bash, &Asker::stagedoor()).await.unwrap();
    assert!(!lines.expose().contains(secret) && !lines.expose().contains("AKIA"));

    agent.hand_out_access_key(&name("key"), true).await.unwrap();
    let document = process(&agent, "key").await.unwrap();
    assert_eq!((document["AccessKeyId"].as_str(), document["SecretAccessKey"].as_str()), (Some(home.ready.key.id.as_str()), Some(secret)));
    assert!(document.get("SessionToken").is_none() && document["Expiration"].is_string(), "a tool asks again");
    // The roles behind it are not concerned.
    assert!(process(&agent, "reader").await.unwrap()["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));

    agent.hand_out_access_key(&name("key"), false).await.unwrap();
    assert!(process(&agent, "key").await.unwrap()["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    let view = session(&agent.snapshot().borrow(), "key").unwrap();
    assert_eq!(view.delivered, ["environment", "exec", "process"]);
}

#[tokio::test]
async fn what_is_handed_out_says_when_it_ends_and_whose_it_is() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let document = process(&agent, "reader").await.unwrap();
    assert_eq!((document["Expiration"].as_str(), document["AccountId"].as_str()), (Some("2026-11-23T10:00:00Z"), Some(&*home.ready.account_id)));
    let handed = child(&agent, "reader").await;
    assert_eq!((handed.expiration, handed.region.as_deref()), (BEGIN + Duration::HOUR, Some("us-east-1")));
    assert_eq!(agent.who_am_i(&name("reader"), &Asker::stagedoor()).await.unwrap().account, home.ready.account_id);
}

#[tokio::test]
async fn the_console_of_a_plain_key_goes_through_a_federation_token() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let link = link(&agent, "key", Some(2)).await.unwrap();
    let [token] = &home.tap.seen("GetFederationToken")[..] else { panic!("one") };
    assert_eq!((token.get("Name"), token.get("DurationSeconds")), (Some("key"), Some("7200")));
    assert_eq!(home.tap.seen("getSigninToken")[0].get("SessionDuration"), None, "never with federation credentials");
    let page = get(&link).await.unwrap();
    assert!(page.contains("200 OK") && page.contains(":federated-user/key") && page.contains("https://console.aws.amazon.com/s3/home"), "{page}");
}

#[tokio::test]
async fn a_duration_is_asked_for_only_where_aws_takes_it() {
    let home = Home::new().await;
    let serial = home.ready.mfa_serial.as_str();
    home.role("second", "Second", "reader", "");
    home.role("long", "Developer", "key", &format!("mfa_serial = {serial}\nduration_seconds = 7200"));
    let agent = home.agent().await;
    start(&agent, "long", Some(home.code())).await.unwrap();
    home.advance(Duration::seconds(30));
    start(&agent, "dev", Some(home.code())).await.unwrap();
    for (n, (profile, asked, sent)) in
        [("reader", Some(8), Some("28800")), ("reader", None, None), ("second", Some(8), None), ("dev", Some(8), None), ("long", Some(1), Some("3600"))]
            .into_iter()
            .enumerate()
    {
        let link = link(&agent, profile, asked).await.unwrap();
        assert_eq!(home.tap.seen("getSigninToken")[n].get("SessionDuration"), sent, "{profile} {asked:?}");
        assert!(get(&link).await.unwrap().contains("You are signed in"), "{profile}");
    }
    assert_eq!(home.count("GetFederationToken"), 0);
}

#[tokio::test]
async fn a_door_leads_to_the_console_once() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let door = agent.console_door(&name("reader"), &ConsoleTarget::default(), &Asker::stagedoor()).await.unwrap();
    assert!(door.starts_with("http://127.0.0.1:") && !door.contains("SigninToken"));
    let first = get(&door).await.unwrap();
    assert!(first.starts_with("HTTP/1.1 302") && first.contains("SigninToken="), "{first}");
    assert!(get(&door).await.is_none_or(|again| !again.contains("SigninToken")));
}

#[tokio::test]
async fn a_console_that_needs_a_code_says_so_and_asks_aws_nothing() {
    let home = Home::new().await;
    let agent = home.agent().await;
    assert_eq!(link(&agent, "dev", None).await.unwrap_err().code, Code::MfaCodeRequired);
    assert_eq!(home.tap.total(), 0);
}
