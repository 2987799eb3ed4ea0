//! Renewal: AWS's own cases for the decisions, then a running agent whose clock and network misbehave.
//!
//! Time is driven, so a night's sleep takes no time and no test waits. The one deviation from AWS's cases is written beside them:
//! what has expired is never handed out.

use serde::Deserialize;
use stagedoor_core::{
    agent::{
        Asker,
        renewal::{Backoff, Decision, Held, Renewal},
    },
    error::{Code, Error},
    model::{
        access_key::AccessKeyId,
        credentials::TemporaryCredentials,
        secret::Secret,
        snapshot::{Event, SessionState, Settings},
    },
};
use time::{Duration, OffsetDateTime};

use crate::{
    agent_home::{BEGIN, Home, events_so_far, key_id, next_event, process, session, start, until},
    agent_tap::Line,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    documentation: String,
    given: Given,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Given {
    cached_credentials: String,
    access_key_id: Option<String>,
    refresh_backoff_seconds: Option<i64>,
    configured_advisory_window_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Step {
    GetCredentials { response: Option<String>, lifetime_seconds: Option<i64>, expected: Expected },
    AdvanceTime { seconds: i64 },
    Invalidate { rejected_access_key_id: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expected {
    result: String,
    source_contacted: bool,
    rate_limited: bool,
    advisory_window_seconds: Option<i64>,
}

/// What stands between a caller and the source: what the agent does around [`Renewal`], without AWS.
struct Resolver {
    now: OffsetDateTime,
    held: Option<Held>,
    renewal: Renewal,
}

/// What a caller got.
#[derive(Debug, PartialEq)]
enum Got {
    New,
    Cached,
    Error(Code),
}

fn key(id: &str) -> AccessKeyId {
    AccessKeyId::parse(&format!("{}_OF_THE_VECTORS", id.replace('-', "_"))).unwrap()
}

fn held(id: &str, issued: OffsetDateTime, expiration: OffsetDateTime) -> Held {
    let (secret_access_key, session_token) = (Secret::new("secret"), Secret::new("token"));
    Held { credentials: TemporaryCredentials { access_key_id: key(id), secret_access_key, session_token, expiration, account_id: None, arn: None }, issued }
}

impl Resolver {
    fn new(given: &Given) -> Self {
        // An hour's credentials, whose window is the last fifteen minutes.
        let left = match given.cached_credentials.as_str() {
            "valid" => Some(40 * 60),
            "advisory" => Some(10 * 60),
            "mandatory" => Some(30),
            "expired" => Some(-60),
            "none" => None,
            other => panic!("{other}"),
        };
        let cached = |left| held(given.access_key_id.as_deref().unwrap_or("AKID-0"), BEGIN + Duration::seconds(left - 3600), BEGIN + Duration::seconds(left));
        let backoff = given.refresh_backoff_seconds.map(|seconds| Backoff { holding: Duration::seconds(seconds), over: Duration::seconds(seconds) });
        let window = given.configured_advisory_window_seconds.map(Duration::seconds);
        Self { now: BEGIN, held: left.map(cached), renewal: Renewal::new(backoff.unwrap_or_default(), window) }
    }

    /// Gives what the caller got, and whether the source was contacted.
    fn get(&mut self, response: Option<&str>, lifetime: i64) -> (Got, bool) {
        match self.renewal.decide(self.held.as_ref(), self.now) {
            Decision::Hand => (Got::Cached, false),
            Decision::Tell(error) => (Got::Error(error.code), false),
            Decision::Ask => (self.ask(response.expect("the source is not to be contacted"), lifetime), true),
        }
    }

    fn ask(&mut self, response: &str, lifetime: i64) -> Got {
        let code = match response {
            "freshCredentials" => {
                self.held = Some(held("AKID-NEW", self.now, self.now + Duration::seconds(lifetime)));
                self.renewal.succeeded();
                return Got::New;
            }
            // As the agent does: what is over when it arrives is a failure.
            "error" | "staleCredentials" => Code::AwsUnreachable,
            "nonRecoverableError" => Code::AwsRefused,
            other => panic!("{other}"),
        };
        let holding = self.held.as_ref().is_some_and(|held| !held.credentials.expired(self.now));
        self.renewal.failed(Error::new(code, "The source failed", "Wait"), self.now, holding);
        if holding && code == Code::AwsUnreachable { Got::Cached } else { Got::Error(code) }
    }
}

/// Runs one case; how often the one rule that is stricter here came in.
fn run(case: &Case) -> usize {
    let (mut resolver, mut stricter) = (Resolver::new(&case.given), 0);
    for (n, step) in case.steps.iter().enumerate() {
        let at = format!("{}, step {n}", case.documentation);
        match step {
            Step::AdvanceTime { seconds } => resolver.now += Duration::seconds(*seconds),
            Step::Invalidate { rejected_access_key_id } => {
                let held = resolver.held.clone();
                resolver.renewal.invalidate(key(rejected_access_key_id).as_str(), held.as_ref());
            }
            Step::GetCredentials { response, lifetime_seconds, expected } => {
                let expired = resolver.held.as_ref().is_some_and(|held| held.credentials.expired(resolver.now));
                let (got, contacted) = resolver.get(response.as_deref(), lifetime_seconds.unwrap_or(3600));
                assert_eq!(contacted, expected.source_contacted, "contacted; {at}");
                assert!(!expected.rate_limited || !contacted, "rate limited; {at}");
                let wanted = match expected.result.as_str() {
                    "newCredentials" => Got::New,
                    // An expired credential is never handed out: the last error is told instead.
                    "cachedCredentials" if expired => {
                        stricter += 1;
                        Got::Error(Code::AwsUnreachable)
                    }
                    "cachedCredentials" => Got::Cached,
                    "noCredentialsError" => Got::Error(Code::AwsUnreachable),
                    "nonRecoverableError" => Got::Error(Code::AwsRefused),
                    other => panic!("{other}"),
                };
                assert_eq!(got, wanted, "{at}");
                if let (Some(window), Some(held)) = (expected.advisory_window_seconds.map(Duration::seconds), &resolver.held) {
                    let begins = held.credentials.expiration - window;
                    assert_eq!(resolver.renewal.decide(Some(held), begins - Duration::SECOND), Decision::Hand, "{at}");
                    assert_eq!(resolver.renewal.decide(Some(held), begins), Decision::Ask, "{at}");
                }
            }
        }
    }
    stricter
}

#[test]
fn every_case_of_the_sdk_holds_but_that_nothing_expired_is_handed_out() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../vectors/credential-refresh.json")).unwrap();
    assert_eq!(cases.len(), 24);
    assert_eq!(cases.iter().map(run).sum::<usize>(), 5);
}

#[test]
fn a_clock_that_is_set_back_ends_every_wait() {
    let hour = |end: OffsetDateTime| held("AKID-0", end - Duration::HOUR, end);
    for (code, left) in [(Code::AwsUnreachable, -1), (Code::AwsRefused, -1), (Code::AwsUnreachable, 10)] {
        let mut renewal = Renewal::default();
        renewal.failed(Error::new(code, "The clock is wrong", "Set it"), BEGIN, left > 0);
        assert_ne!(renewal.decide(Some(&hour(BEGIN + Duration::minutes(left))), BEGIN), Decision::Ask);
        let earlier = BEGIN - Duration::hours(2);
        assert_eq!(renewal.decide(Some(&hour(earlier + Duration::minutes(left))), earlier), Decision::Ask, "{code:?}");
    }
}

#[tokio::test]
async fn a_session_is_renewed_when_its_window_begins() {
    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "reader", None).await.unwrap();
    let first = key_id(&agent, "reader").await.unwrap();
    home.advance(Duration::minutes(45) - Duration::SECOND);
    assert_eq!(key_id(&agent, "reader").await.unwrap(), first);
    assert_eq!(home.count("AssumeRole"), 1);
    home.advance(Duration::SECOND);
    let renewed =
        until(&agent, "renewed", |snapshot| session(snapshot, "reader").is_some_and(|s| s.access_key_id.is_some_and(|id| id.as_str() != first))).await;
    assert_eq!(session(&renewed, "reader").unwrap().expiration, Some(BEGIN + Duration::minutes(105)));
    assert_eq!(home.count("AssumeRole"), 2);
}

#[tokio::test]
async fn after_twelve_hours_of_sleep_nothing_expired_is_handed_out_and_it_is_renewed_by_itself() {
    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "reader", None).await.unwrap();
    start(&agent, "writer", None).await.unwrap();
    home.advance(Duration::hours(12));
    let document = process(&agent, "reader").await.unwrap();
    let expiration = OffsetDateTime::parse(document["Expiration"].as_str().unwrap(), &time::format_description::well_known::Rfc3339).unwrap();
    assert!(expiration > home.clock.now(), "{expiration}");
    until(&agent, "the other one is back", |snapshot| session(snapshot, "writer").is_some_and(|s| s.expiration > Some(BEGIN + Duration::hours(12)))).await;
}

#[tokio::test]
async fn a_laptop_that_wakes_without_network_renews_when_it_is_back() {
    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "reader", None).await.unwrap();
    let mut events = agent.events();
    home.tap.becomes(Line::Page(502, "text/html", "<html>no network yet</html>"));
    home.advance(Duration::hours(12));
    next_event(&mut events, |event| matches!(event, Event::RenewalFailed { .. })).await;
    assert_eq!(process(&agent, "reader").await.unwrap_err().code, Code::AwsUnreachable);
    home.tap.becomes(Line::Through);
    home.advance(Duration::seconds(30));
    until(&agent, "it is back", |snapshot| session(snapshot, "reader").is_some_and(|s| s.state == SessionState::Active)).await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_takes_no_session_away() {
    let home = Home::new().await;
    let clock = home.clock.off_by(Duration::ZERO);
    let agent = home.agent_with(clock.clone(), &[]).await;
    start(&agent, "reader", None).await.unwrap();
    let first = key_id(&agent, "reader").await.unwrap();
    clock.step(Duration::hours(-2));
    assert_eq!(key_id(&agent, "reader").await.unwrap(), first);
    // The same for a failure: the wait after it is counted by the time that passes.
    home.world.fail_next("AssumeRole", 1, "AccessDenied");
    assert_eq!(start(&agent, "writer", None).await.unwrap_err().code, Code::AwsRefused);
    assert_eq!(process(&agent, "writer").await.unwrap_err().code, Code::AwsRefused, "told from memory");
    clock.step(Duration::hours(-2));
    assert_eq!(process(&agent, "writer").await.unwrap_err().code, Code::AwsRefused, "still a moment ago");
    home.advance(Duration::seconds(5));
    process(&agent, "writer").await.unwrap();
}

#[tokio::test]
async fn without_aws_a_session_is_served_to_its_end_and_not_longer() {
    let mut home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "reader", None).await.unwrap();
    let first = key_id(&agent, "reader").await.unwrap();
    let mut events = agent.events();
    home.stop_server().await;
    home.advance(Duration::minutes(45));
    let failed = next_event(&mut events, |event| matches!(event, Event::RenewalFailed { .. })).await;
    let Event::RenewalFailed { profile, error } = failed else { unreachable!() };
    assert_eq!((profile.as_str(), error.code), ("reader", Code::AwsUnreachable));
    let asked = home.tap.total();
    assert_eq!(key_id(&agent, "reader").await.unwrap(), first, "waiting after a failure");
    assert_eq!(home.tap.total(), asked);
    for minutes in [5, 5, 4] {
        home.advance(Duration::minutes(minutes));
        assert_eq!(key_id(&agent, "reader").await.unwrap(), first);
    }
    home.advance(Duration::minutes(1));
    let error = process(&agent, "reader").await.unwrap_err();
    assert_eq!(error.code, Code::AwsUnreachable);
    assert!(!error.hint.is_empty());
    until(&agent, "it has failed", |snapshot| session(snapshot, "reader").is_some_and(|s| s.state == SessionState::Failed && s.access_key_id.is_none())).await;
    let again = events_so_far(&mut events).into_iter().filter(|event| matches!(event, Event::RenewalFailed { .. })).count();
    assert_eq!(again, 0, "a person is told once");
}

/// `dev` behind an MFA session of an hour; its own credentials are renewed once and then end at 10:45.
async fn bound(home: &Home) -> stagedoor_core::agent::Agent {
    let agent = home.agent().await;
    agent.set_settings(Settings { mfa_session_seconds: 3600, ..Settings::default() }).await.unwrap();
    start(&agent, "dev", Some(home.code())).await.unwrap();
    home.advance(Duration::minutes(45));
    until(&agent, "renewed without anybody", |snapshot| session(snapshot, "dev").is_some_and(|s| s.expiration == Some(BEGIN + Duration::minutes(105)))).await;
    agent
}

#[tokio::test]
async fn a_person_is_told_once_ten_minutes_before_the_end_and_can_renew_then() {
    let home = Home::new().await;
    let agent = bound(&home).await;
    let mut events = agent.events();
    let ending = |event: &Event| matches!(event, Event::SessionEnding { .. });
    home.advance(Duration::minutes(50) - Duration::SECOND);
    // Served from memory all the time: that a code is needed later concerns no tool now.
    let served = key_id(&agent, "dev").await.unwrap();
    let keychain = home.keychain.calls();
    assert_eq!(key_id(&agent, "dev").await.unwrap(), served);
    assert_eq!(home.keychain.calls(), keychain, "a warm call touches no keychain");
    assert!(!events_so_far(&mut events).iter().any(ending));
    home.advance(Duration::SECOND);
    let event = next_event(&mut events, ending).await;
    assert_eq!(event, Event::SessionEnding { profile: crate::agent_home::name("dev"), expiration: BEGIN + Duration::minutes(105) });
    home.advance(Duration::minutes(1));
    assert_eq!(key_id(&agent, "dev").await.unwrap(), served);
    // Who only uses it needs no code as long as it holds, be it a tool or a person.
    agent.who_am_i(&crate::agent_home::name("dev"), &Asker::stagedoor()).await.unwrap();
    // A person who starts it now is asked for a code although the session still holds.
    assert_eq!(start(&agent, "dev", None).await.unwrap_err().code, Code::MfaCodeRequired);
    start(&agent, "dev", Some(home.code())).await.unwrap();
    let view = session(&agent.snapshot().borrow(), "dev").unwrap();
    assert_eq!(view.expiration, Some(home.clock.now() + Duration::HOUR));
    assert_ne!(key_id(&agent, "dev").await.unwrap(), served);
    assert!(!events_so_far(&mut events).iter().any(ending), "told once");
}

#[tokio::test]
async fn who_was_told_of_a_failed_renewal_is_still_told_of_the_end() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.set_settings(Settings { mfa_session_seconds: 3600, ..Settings::default() }).await.unwrap();
    start(&agent, "dev", Some(home.code())).await.unwrap();
    let mut events = agent.events();
    home.tap.becomes(Line::Page(503, "text/html", "<html>down</html>"));
    home.advance(Duration::minutes(46));
    next_event(&mut events, |event| matches!(event, Event::RenewalFailed { .. })).await;
    home.tap.becomes(Line::Through);
    // Past the end of the MFA session, but for a minute: from now on nobody but the person can help.
    home.advance(Duration::minutes(13) + Duration::seconds(30));
    next_event(&mut events, |event| matches!(event, Event::SessionEnding { .. })).await;
}

#[tokio::test]
async fn a_seed_that_left_the_keychain_is_not_asked_for_again_and_again() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.set_settings(Settings { mfa_session_seconds: 900, ..Settings::default() }).await.unwrap();
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
    start(&agent, "dev", None).await.unwrap();
    home.keys().delete_totp_seed(&home.ready.mfa_serial).await.unwrap();
    let before = home.keychain.calls();
    home.advance(Duration::minutes(50));
    until(&agent, "looked", |_| home.keychain.calls() > before).await;
    for _ in 0..500 {
        tokio::task::yield_now().await;
    }
    assert!(home.keychain.calls() <= before + 4, "{} calls", home.keychain.calls() - before);
    key_id(&agent, "dev").await.unwrap();
}

#[tokio::test]
async fn what_is_over_when_it_arrives_is_a_failure() {
    const OVER: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
        <AccessKeyId>ASIAOVEROVEROVEROVER</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
        <Expiration>2026-11-23T08:59:59Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
    let home = Home::new().await;
    let agent = home.agent().await;
    home.tap.becomes(Line::Page(200, "text/xml", OVER));
    let error = process(&agent, "reader").await.unwrap_err();
    assert_eq!(error.code, Code::AwsUnreachable);
    assert!(error.hint.contains("clock"), "{error:?}");
}

#[tokio::test]
async fn a_stop_is_not_undone_by_what_was_under_way() {
    let home = Home::new().await;
    let agent = home.agent().await;
    home.world.set_latency(std::time::Duration::from_millis(100));
    for all in [false, true] {
        let starting = tokio::spawn({
            let agent = agent.clone();
            async move { start(&agent, "reader", None).await }
        });
        until(&agent, "it starts", |snapshot| session(snapshot, "reader").is_some()).await;
        if all {
            agent.stop_all().await.unwrap();
        } else {
            agent.stop(&crate::agent_home::name("reader")).await.unwrap();
        }
        let error = starting.await.unwrap().unwrap_err();
        assert!(error.message.contains("stopped"), "{error:?}");
        until(&agent, "it is stopped", |snapshot| session(snapshot, "reader").is_none()).await;
    }
    start(&agent, "reader", None).await.unwrap();
}
