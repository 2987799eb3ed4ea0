//! Answers that are none: echoes of the request, bodies without end, halves, pages, redirects, and proxies that talk nonsense.
//!
//! Whoever answers in AWS's place learns nothing, fills no memory, and puts nothing into the terminal or the record; what passes is
//! asked for again.

use std::{sync::atomic::Ordering, time::Duration};

use stagedoor_core::{error::Code, model::activity::ActivityQuery};
use tokio::{io::AsyncWriteExt, net::TcpListener};

use crate::{
    agent_home::{Home, process},
    agent_network::{INTERNAL, fails, profile},
    hostile_sts::{Ca, How, Sts, proxy},
};

#[tokio::test]
async fn no_error_repeats_what_the_request_carried() {
    const TOKEN: &str = "FwoGZXIvYXdzEBYaDHsecrettokensecrettoken000";
    const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYKEYKEYKEY001";
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    home.config(&format!("\n[profile t]\naws_access_key_id = ASIAXMPL7Q2EXAMPLE00\naws_secret_access_key = {SECRET}\naws_session_token = {TOKEN}\n"));
    home.config(&format!(
        "\n[profile noisy]\nrole_arn = arn:aws:iam::{}:role/Reader\nsource_profile = t\nregion = us-east-1\nendpoint_url = http://127.0.0.1:{}\n",
        home.ready.account_id, sts.port
    ));
    sts.becomes(How::Echoes);
    let agent = home.agent().await;
    let error = fails(&agent, "noisy").await;
    assert!(error.code == Code::AwsRefused && error.message.contains("You\\u{1b}[31m said POST / HTTP/1.1"), "{error:?}");
    let page = agent.activity(ActivityQuery::default()).await.unwrap();
    for said in [format!("{error:?}"), format!("{page:?}")] {
        assert!(!said.contains(TOKEN) && !said.contains(&TOKEN[10..30]) && !said.contains(SECRET), "{said}");
    }
    assert!(!error.message.chars().any(char::is_control), "{error:?}");
    assert!(error.message.chars().count() < 800, "{error:?}");
}

#[tokio::test]
async fn a_body_without_end_is_given_up() {
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    profile(&home, "bad", &format!("http://127.0.0.1:{}", sts.port), "");
    sts.becomes(How::Endless);
    let error = fails(&home.agent().await, "bad").await;
    assert!(error.message.contains("larger than any of AWS's") && error.hint.contains("endpoint_url"), "{error:?}");
    // What lies in the sockets' buffers was sent too.
    assert!(sts.sent.load(Ordering::SeqCst) < 32 << 20, "{} bytes", sts.sent.load(Ordering::SeqCst));
}

#[tokio::test]
async fn half_an_answer_gives_nothing_out() {
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    profile(&home, "bad", &format!("http://127.0.0.1:{}", sts.port), "");
    let agent = home.agent().await;
    for bytes in [1, 30, 60, 120, 190, 220, 250] {
        sts.becomes(How::Cuts(bytes));
        let error = fails(&agent, "bad").await;
        assert!(error.message.contains("was cut off") && error.hint.contains("Try again"), "{bytes}: {error:?}");
        home.advance(time::Duration::minutes(1));
    }
}

#[tokio::test]
async fn what_passes_is_asked_for_again() {
    let home = Home::new().await;
    for (n, how) in [How::SaysOnce(429, "slow down"), How::SaysOnce(503, "<html>no</html>"), How::SaysOnce(200, "<AssumeRoleResponse>"), How::SaysOnce(200, "")]
        .into_iter()
        .enumerate()
    {
        let sts = Sts::start(home.clock.clone(), None).await;
        let name = format!("again-{n}");
        home.config(&format!(
            "\n[profile {name}]\nrole_arn = arn:aws:iam::{}:role/Reader\nsource_profile = key\nregion = us-east-1\nendpoint_url = http://127.0.0.1:{}\n",
            home.ready.account_id, sts.port
        ));
        sts.becomes(how.clone());
        let agent = home.agent().await;
        assert!(process(&agent, &name).await.is_ok(), "{how:?}");
        assert_eq!(sts.asked.load(Ordering::SeqCst), 2, "{how:?}");
    }
}

#[tokio::test]
async fn whoever_answers_instead_is_named_for_what_it_is() {
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    profile(&home, "bad", &format!("http://127.0.0.1:{}", sts.port), "");
    let agent = home.agent().await;
    let large = format!("HTTP/1.1 200 OK\r\n{}", format!("x-a: {}\r\n", "b".repeat(8000)).repeat(100));
    for (how, words, hint) in [
        (
            How::Raw("HTTP/1.1 302 Found\r\nlocation: http://login.airport.example/portal?x=1\r\ncontent-length: 0\r\n\r\n".to_owned()),
            "sends the request on to login.airport.example (HTTP 302)",
            "sign in",
        ),
        (How::Says(200, "<!DOCTYPE html><html><title>Airport</title></html>"), "A web page came from", "sign in"),
        (How::Says(407, ""), "wants a user name and password (HTTP 407)", "HTTPS_PROXY"),
        (How::Raw("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\u{1f}abc".to_owned()), "is compressed", "proxy"),
        (How::Says(200, ""), "is empty (HTTP 200)", "endpoint_url"),
        (How::Says(200, "{}"), "JSON came from", "endpoint_url"),
        (How::Raw("garbage garbage garbage\r\n\r\n".to_owned()), "Something that is not HTTP came from", "network"),
        (How::Raw(large), "The head of the answer from", "network"),
    ] {
        sts.becomes(how.clone());
        let error = fails(&agent, "bad").await;
        assert!(error.code == Code::AwsUnreachable && error.message.contains(words) && error.hint.contains(hint), "{words}: {error:?}");
        home.advance(time::Duration::minutes(1));
    }
    sts.becomes(How::Gives);
    process(&agent, "bad").await.unwrap();
}

#[tokio::test]
async fn a_login_of_any_characters_reaches_the_proxy() {
    let home = Home::new().await;
    let ca = Ca::new("Company CA");
    let sts = Sts::start(home.clock.clone(), Some(ca.server("sts.example.test", (2020, 2090)))).await;
    home.put(&home.path("ca.pem"), ca.pem().as_bytes());
    for (n, (written, login)) in [
        ("user:p%40ssW0rd", "user:p@ssW0rd"),
        ("user:a%2Fb%3Ac", "user:a/b:c"),
        ("CORP%5Cuser:pw", "CORP\\user:pw"),
        ("user:a%23b%3Fc%25", "user:a#b?c%"),
        ("user:a%20b", "user:a b"),
        ("m%C3%BCller:p%C3%A4ss", "m\u{fc}ller:p\u{e4}ss"),
        (":token", ":token"),
    ]
    .into_iter()
    .enumerate()
    {
        let (open, asked) = proxy(sts.port, Some(login), None).await;
        let name = format!("far-{n}");
        profile(&home, &name, "https://sts.example.test", &format!("ca_bundle = {}", home.path("ca.pem").display()));
        let agent = home.agent_with(home.clock.clone(), &[("HTTPS_PROXY", &format!("http://{written}@127.0.0.1:{open}"))]).await;
        assert!(process(&agent, &name).await.is_ok(), "{written}");
        assert_eq!(*asked.lock().unwrap(), ["connect sts.example.test:443 http/1.1"], "{written}");
    }
}

#[tokio::test]
async fn a_proxy_that_talks_nonsense_refused_nothing() {
    let home = Home::new().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move { stream.write_all(&b"\x00\xff".repeat(500)).await });
        }
    });
    profile(&home, "far", "https://sts.example.test", "");
    let agent = home.agent_with(home.clock.clone(), &[("HTTPS_PROXY", &format!("http://127.0.0.1:{port}"))]).await;
    let error = fails(&agent, "far").await;
    assert!(error.message.contains(&format!("The proxy http://127.0.0.1:{port} (HTTPS_PROXY) answered with something that is not HTTP")), "{error:?}");
}

#[tokio::test]
async fn who_can_wait_joins_the_next_try() {
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    profile(&home, "storm", &format!("http://127.0.0.1:{}", sts.port), "");
    let agent = home.agent().await;
    process(&agent, "storm").await.unwrap();
    for how in [How::Resets, How::Says(500, INTERNAL)] {
        sts.becomes(how.clone());
        home.advance(time::Duration::minutes(61));
        let _over = fails(&agent, "storm").await;
        sts.becomes(How::Gives);
        let before = sts.asked.load(Ordering::SeqCst);
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let agent = agent.clone();
                tokio::spawn(async move { process(&agent, "storm").await })
            })
            .collect();
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
        home.advance(time::Duration::seconds(4));
        for caller in callers {
            let answered = tokio::time::timeout(Duration::from_secs(20), caller).await.unwrap().unwrap();
            assert!(answered.is_ok(), "{how:?}: {answered:?}");
        }
        assert_eq!(sts.asked.load(Ordering::SeqCst), before + 1, "{how:?}: one flight for all");
    }
}

#[tokio::test]
async fn what_can_be_no_region_is_told_before_anybody_is_asked() {
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    profile(&home, "bad", &format!("http://127.0.0.1:{}", sts.port), "");
    home.rewrite_config(
        &home.config_now().replace("source_profile = key\nregion = us-east-1\nmax_attempts", "source_profile = key\nregion = eu_west_1\nmax_attempts"),
    );
    let error = fails(&home.agent().await, "bad").await;
    assert_eq!(error.code, Code::InvalidValue, "{error:?}");
    assert!(error.message.contains("eu_west_1") && error.message.contains("profile bad") && error.hint.contains("region"), "{error:?}");
    assert_eq!(sts.asked.load(Ordering::SeqCst), 0);
}
