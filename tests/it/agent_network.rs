//! The network as it is in companies: proxies, certificates of their own, and an STS that fails in every way.
//!
//! Each fault has its own sentence and a next step, compared here; and none of them ends the agent or a session that holds.

use std::collections::BTreeSet;

use stagedoor_core::{
    agent::{Agent, Asker, ConsoleTarget},
    error::{Code, Error},
};

use crate::{
    agent_home::{Home, name, process, session, start},
    hostile_sts::{Ca, How, Sts, proxy, self_signed},
};

/// A profile whose STS is at `endpoint`, asked once.
pub(crate) fn profile(home: &Home, name: &str, endpoint: &str, more: &str) {
    home.config(&format!(
        "\n[profile {name}]\nrole_arn = arn:aws:iam::{}:role/Reader\nsource_profile = key\nregion = us-east-1\nmax_attempts = 1\nendpoint_url = {endpoint}\n{more}\n",
        home.ready.account_id
    ));
}

pub(crate) async fn fails(agent: &Agent, profile: &str) -> Error {
    let error = process(agent, profile).await.unwrap_err();
    assert!(!error.hint.is_empty() && !error.message.ends_with('.') && !error.message.contains('\n'), "{error:?}");
    error
}

pub(crate) const INTERNAL: &str =
    "<ErrorResponse><Error><Type>Receiver</Type><Code>InternalFailure</Code><Message>Internal</Message></Error><RequestId>r</RequestId></ErrorResponse>";
const EXPIRED: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>Signature expired: 20261123T090000Z is now earlier than 20261123T110000Z</Message></Error><RequestId>r</RequestId></ErrorResponse>";

#[tokio::test]
async fn every_fault_at_sts_has_its_own_sentence_and_next_step() {
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    profile(&home, "bad", &format!("http://127.0.0.1:{}", sts.port), "");
    let agent = home.agent().await;
    let mut sentences = BTreeSet::new();
    for (how, code, words, hint) in [
        (How::Resets, Code::AwsUnreachable, "broke off", "network"),
        (How::Says(429, "slow down"), Code::AwsBusy, "AWS asked to slow down", "tries again by itself"),
        (How::Says(500, INTERNAL), Code::AwsBusy, "failed to answer", "Try again"),
        (How::Says(503, "<html>no</html>"), Code::AwsUnreachable, "with HTTP 503", "proxy"),
        (How::Says(403, "<html>blocked</html>"), Code::AwsUnreachable, "is not AWS's (HTTP 403)", "endpoint_url"),
        (How::Says(200, "<AssumeRoleResponse><AssumeRoleResult><Cred"), Code::AwsUnreachable, "was cut off", "Try again"),
        (How::Says(200, "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>"), Code::AwsUnreachable, "holds no usable credentials", "endpoint_url"),
        (How::BreaksOff, Code::AwsUnreachable, "broke off in the middle", "Try again"),
        (How::Says(400, EXPIRED), Code::ClockWrong, "clock is wrong", "Set the clock"),
    ] {
        sts.becomes(how.clone());
        let error = fails(&agent, "bad").await;
        assert_eq!(error.code, code, "{how:?}: {error:?}");
        assert!(error.message.contains(words), "{how:?}: {error:?}");
        assert!(error.hint.contains(hint), "{how:?}: {error:?}");
        assert!(sentences.insert(error.message.clone()), "said before: {error:?}");
        home.advance(time::Duration::minutes(1));
    }
    sts.becomes(How::Silent);
    tokio::time::pause();
    let error = fails(&agent, "bad").await;
    tokio::time::resume();
    assert!(error.message.contains("in time") && sentences.insert(error.message.clone()), "{error:?}");
    home.advance(time::Duration::minutes(1));
    sts.becomes(How::Gives);
    process(&agent, "bad").await.unwrap();
}

#[tokio::test]
async fn no_fault_takes_a_session_that_holds() {
    let home = Home::new().await;
    let sts = Sts::start(home.clock.clone(), None).await;
    profile(&home, "bad", &format!("http://127.0.0.1:{}", sts.port), "");
    let agent = home.agent().await;
    let first = process(&agent, "bad").await.unwrap();
    home.advance(time::Duration::minutes(46));
    for how in [How::Resets, How::Says(429, ""), How::Says(500, INTERNAL), How::Says(403, "<html>"), How::Says(400, EXPIRED), How::BreaksOff] {
        sts.becomes(how.clone());
        assert_eq!(process(&agent, "bad").await.unwrap(), first, "{how:?}");
        home.advance(time::Duration::minutes(2));
    }
    home.advance(time::Duration::minutes(3));
    let _ended = process(&agent, "bad").await.unwrap_err();
    sts.becomes(How::Gives);
    home.advance(time::Duration::seconds(20));
    assert_ne!(process(&agent, "bad").await.unwrap(), first);
}

#[tokio::test]
async fn a_refused_certificate_is_told_with_its_issuer() {
    let home = Home::new().await;
    let ca = Ca::new("Inspecting Root CA");
    for (name, host, years, words, hint) in [
        ("unknown", "localhost", (2020, 2090), "it was issued by “CN=Inspecting Root CA”, which this computer does not trust", "ca_bundle"),
        ("over", "localhost", (2010, 2012), "it ended on 2012-01-01", "clock"),
        ("early", "localhost", (2090, 2099), "it begins on 2090-01-01", "Set the clock"),
        ("other", "elsewhere.example", (2020, 2090), "it is for another name (issued by “CN=Inspecting Root CA”)", "sign-in page"),
    ] {
        let sts = Sts::start(home.clock.clone(), Some(ca.server(host, years))).await;
        // What is wrong with it besides its issuer shows once that is believed.
        home.put(&home.path("ca.pem"), ca.pem().as_bytes());
        let bundle = if name == "unknown" { String::new() } else { format!("ca_bundle = {}", home.path("ca.pem").display()) };
        profile(&home, name, &format!("https://localhost:{}", sts.port), &bundle);
        let agent = home.agent().await;
        let error = fails(&agent, name).await;
        assert!(error.message.starts_with(&format!("The certificate of localhost:{} was refused: {words}", sts.port)), "{error:?}");
        assert!(error.hint.contains(hint) && error.code == Code::AwsUnreachable, "{error:?}");
        assert_eq!(sts.answered(), 0, "nothing was asked over a line that is not believed");
    }
}

#[tokio::test]
async fn a_servers_own_ca_as_its_certificate_is_told_in_plain_words() {
    let home = Home::new().await;
    let (server, pem) = self_signed("localhost");
    let sts = Sts::start(home.clock.clone(), Some(server)).await;
    home.put(&home.path("own.pem"), pem.as_bytes());
    profile(&home, "own", &format!("https://localhost:{}", sts.port), &format!("ca_bundle = {}", home.path("own.pem").display()));
    let error = fails(&home.agent().await, "own").await;
    assert!(error.message.contains("it is a CA's own certificate (self-signed)") && !error.message.contains("OtherError"), "{error:?}");
    assert!(error.hint.contains("issue the server a certificate of its own"), "{error:?}");
}

#[tokio::test]
async fn a_bundle_is_believed_read_again_when_it_changes_and_told_when_it_is_unusable() {
    let home = Home::new().await;
    let (ca, other) = (Ca::new("Company CA"), Ca::new("Another CA"));
    let sts = Sts::start(home.clock.clone(), Some(ca.server("localhost", (2020, 2090)))).await;
    let (file, both) = (home.path("own.pem"), home.path("both.pem"));
    profile(&home, "tls", &format!("https://localhost:{}", sts.port), &format!("ca_bundle = {}", file.display()));
    let agent = home.agent().await;
    for (content, why) in [
        (None, "No such file"),
        (Some(""), "there is no certificate in it"),
        (Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "certificate 1 of 1 in it is damaged"),
    ] {
        if let Some(content) = content {
            home.put(&file, content.as_bytes());
        }
        let error = fails(&agent, "tls").await;
        assert!(error.message.contains(&*file.to_string_lossy()) && error.message.contains("ca_bundle of tls") && error.message.contains(why), "{error:?}");
        home.advance(time::Duration::minutes(1));
    }
    home.put(&file, other.pem().as_bytes());
    assert!(fails(&agent, "tls").await.message.contains("Company CA"));
    home.advance(time::Duration::minutes(1));
    home.put(&file, (other.pem() + &ca.pem()).as_bytes());
    process(&agent, "tls").await.unwrap();
    // As in botocore the variable wins over the profile.
    home.put(&both, (other.pem() + &ca.pem()).as_bytes());
    home.put(&file, b"nothing");
    agent.stop(&name("tls")).await.unwrap();
    let agent = home.agent_with(home.clock.clone(), &[("AWS_CA_BUNDLE", both.to_str().unwrap())]).await;
    process(&agent, "tls").await.unwrap();
}

#[tokio::test]
async fn a_proxy_is_used_and_its_refusals_name_it_without_its_password() {
    let home = Home::new().await;
    let ca = Ca::new("Company CA");
    let sts = Sts::start(home.clock.clone(), Some(ca.server("sts.example.test", (2020, 2090)))).await;
    home.put(&home.path("ca.pem"), ca.pem().as_bytes());
    profile(&home, "far", "https://sts.example.test", &format!("ca_bundle = {}", home.path("ca.pem").display()));
    profile(&home, "untrusted", "https://sts.example.test", "");
    let (open, asked) = proxy(sts.port, Some("me:pass-word"), None).await;
    let with = |url: String| {
        let home = &home;
        async move { home.agent_with(home.clock.clone(), &[("HTTPS_PROXY", &url), ("NO_PROXY", "elsewhere.test")]).await }
    };
    let agent = with(format!("http://me:pass-word@127.0.0.1:{open}")).await;
    process(&agent, "far").await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["connect sts.example.test:443 http/1.1"]);
    // Behind an inspecting proxy the issuer is its own, and is named too.
    assert!(fails(&agent, "untrusted").await.message.contains("issued by “CN=Company CA”"));
    // This machine itself is never asked through a proxy.
    process(&agent, "reader").await.unwrap();
    // Nobody renews what the next ones are to ask for.
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    home.advance(time::Duration::hours(2));
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let (refusing, _) = proxy(sts.port, None, Some(403)).await;
    for (url, words) in [
        (format!("http://me:mistyped@127.0.0.1:{open}"), format!("The proxy http://127.0.0.1:{open} (HTTPS_PROXY) refused the user name and password")),
        (format!("http://127.0.0.1:{open}"), format!("The proxy http://127.0.0.1:{open} (HTTPS_PROXY) wants a user name and password")),
        (format!("http://127.0.0.1:{refusing}"), format!("The proxy http://127.0.0.1:{refusing} (HTTPS_PROXY) refused to connect to sts.example.test")),
        (format!("http://127.0.0.1:{free}"), format!("Nobody answers at the proxy http://127.0.0.1:{free} (HTTPS_PROXY)")),
        ("socks5://127.0.0.1:1080".to_owned(), "The proxy in HTTPS_PROXY cannot be used: it is a socks5 proxy".to_owned()),
    ] {
        let agent = with(url).await;
        let error = fails(&agent, "far").await;
        assert!(error.message.starts_with(&words), "{error:?}");
        assert!(!format!("{error:?}").contains("mistyped"), "{error:?}");
    }
}

#[tokio::test]
async fn the_console_goes_the_same_way() {
    let home = Home::new().await;
    let ca = Ca::new("Console CA");
    let signin = Sts::start(home.clock.clone(), Some(ca.server("localhost", (2020, 2090)))).await;
    let agent = home.agent_with(home.clock.clone(), &[("AWS_ENDPOINT_URL_SIGNIN", &format!("https://localhost:{}", signin.port))]).await;
    start(&agent, "reader", None).await.unwrap();
    let error = agent.console_link(&name("reader"), &ConsoleTarget::default(), &Asker::stagedoor()).await.unwrap_err();
    assert!(error.message.contains("issued by “CN=Console CA”"), "{error:?}");
    assert!(session(&agent.snapshot().borrow(), "reader").is_some());
}
