//! What goes wrong on the way to AWS: each time an error with a next step, in time, and the agent goes on.
//!
//! Refused connections, silence, foreign pages, revoked keys: what the person reads is compared, and that the next call works.

use std::time::Duration;

use stagedoor_core::{agent::Agent, error::Code, model::params::SessionDuration};

use crate::{
    agent_home::{Home, key_id, process, start},
    agent_tap::Line,
};

/// The most impatient caller of a `credential_process` gives up after sixty seconds.
const IN_TIME: Duration = Duration::from_secs(55);

/// Asks while tokio's clock stands still and jumps to whatever is waited for next; how long it would have taken.
async fn timed(agent: &Agent, profile: &str) -> (Code, String, Duration) {
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let error = process(agent, profile).await.unwrap_err();
    let took = began.elapsed();
    tokio::time::resume();
    assert!(!error.hint.is_empty() && !error.message.ends_with('.'), "{error:?}");
    (error.code, error.message, took)
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_an_error_in_time() {
    let home = Home::new().await;
    let agent = home.agent().await;
    home.tap.becomes(Line::Silent);
    let (code, message, took) = timed(&agent, "reader").await;
    assert_eq!(code, Code::AwsUnreachable, "{message}");
    assert!(took < IN_TIME, "{took:?}");
    home.tap.becomes(Line::Through);
    process(&agent, "reader").await.unwrap();
}

#[tokio::test]
async fn a_long_chain_over_a_slow_line_is_an_error_in_time_too() {
    let home = Home::new().await;
    home.role("chain-1", "Second", "reader", "");
    home.role("chain-2", "Third", "chain-1", "");
    home.role("chain-3", "Second", "chain-2", "");
    home.role("chain-4", "Third", "chain-3", "");
    home.role("chain-5", "Second", "chain-4", "");
    let agent = home.agent().await;
    // Each answer is just in time for itself, six of them are not.
    home.tap.becomes(Line::Slow(Duration::from_secs(11)));
    let (code, message, took) = timed(&agent, "chain-5").await;
    assert_eq!(code, Code::AwsUnreachable, "{message}");
    assert!(took < IN_TIME, "{took:?}");
}

#[tokio::test]
async fn a_keychain_that_waits_for_its_prompt_is_an_error_in_time() {
    let home = Home::new().await;
    let agent = home.agent().await;
    home.keychain.hang();
    let (code, _, took) = timed(&agent, "reader").await;
    assert_eq!(code, Code::KeychainLocked);
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn nobody_at_the_other_end() {
    let mut home = Home::new().await;
    // The tap closes the connection without a word; and a port where nobody listens.
    home.stop_server().await;
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let config =
        home.config_now() + &format!("\n[profile nobody]\nregion = us-east-1\nstagedoor_access_key_id = {}\nendpoint_url = http://{free}\n", home.ready.key.id);
    home.rewrite_config(&config);
    let agent = home.agent().await;
    for profile in ["reader", "nobody"] {
        let error = process(&agent, profile).await.unwrap_err();
        assert_eq!(error.code, Code::AwsUnreachable, "{error:?}");
        assert!(error.hint.contains("endpoint_url"), "{error:?}");
    }
}

#[tokio::test]
async fn somebody_elses_page_is_no_answer() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for (status, page) in [(200, "<html><body>Please sign in to the hotel's network</body></html>"), (403, "<html>blocked</html>"), (502, ""), (200, "")] {
        home.tap.becomes(Line::Page(status, "text/html", page));
        let error = process(&agent, "reader").await.unwrap_err();
        assert!(matches!(error.code, Code::AwsUnreachable | Code::AwsRefused), "{status}: {error:?}");
        assert!(error.exit_code() == 1 && !error.hint.is_empty() && !error.message.contains('\n'), "{error:?}");
        home.advance(time::Duration::minutes(1));
    }
    home.tap.becomes(Line::Through);
    process(&agent, "reader").await.unwrap();
}

#[tokio::test]
async fn a_revoked_key_says_so_and_works_again_when_it_is_active() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    let set = |status| iam.update_access_key().user_name(&home.ready.user_name).access_key_id(home.ready.key.id.as_str()).status(status).send();
    set(aws_sdk_iam::types::StatusType::Inactive).await.unwrap();
    let error = process(&agent, "reader").await.unwrap_err();
    assert_eq!(error.code, Code::AccessKeyRefused);
    assert!(error.hint.contains("keys add"), "{error:?}");
    let asked = home.tap.total();
    assert_eq!(process(&agent, "reader").await.unwrap_err().code, Code::AccessKeyRefused);
    assert_eq!(home.tap.total(), asked, "a tool in a loop does not hammer AWS");
    set(aws_sdk_iam::types::StatusType::Active).await.unwrap();
    // A person who tries again does not wait.
    start(&agent, "reader", None).await.unwrap();
}

#[tokio::test]
async fn a_broken_line_elsewhere_stops_nobody() {
    let home = Home::new().await;
    home.config("\n[profile broken\nthis is no line\n = x\n");
    let agent = home.agent().await;
    assert!(key_id(&agent, "reader").await.unwrap().starts_with("ASIA"));
    assert!(!agent.snapshot().borrow().problems.is_empty());
    let error = process(&agent, "broken").await.unwrap_err();
    assert_eq!(error.code, Code::MissingProfile);
}

#[tokio::test]
async fn a_role_that_may_not_last_so_long_says_which_value_to_mend() {
    let home = Home::new().await;
    let iam = home.iam().await;
    iam.update_role().role_name("Writer").max_session_duration(3600).send().await.unwrap();
    home.role("too-long", "Writer", "key", &format!("duration_seconds = {}", SessionDuration::LONGEST.seconds()));
    let error = start(&home.agent().await, "too-long", None).await.unwrap_err();
    assert_eq!(error.code, Code::AwsRefused);
    assert!(error.message.contains("MaxSessionDuration") && error.hint.contains("Mend"), "{error:?}");
}
