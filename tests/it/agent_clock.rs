//! Wrong clocks, nights of sleep, and a network that is away when the computer wakes: driven, so that none of it takes time.
//!
//! AWS's clock and the agent's are two. Whatever happens, what a tool gets has not expired by AWS's; no session is lost; and five
//! seconds after the network is back all are valid.

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use stagedoor_core::{
    agent::Agent,
    error::Code,
    model::snapshot::{Event, SessionState, Snapshot},
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    agent_home::{BEGIN, Home, events_so_far, next_event, process, session, start, until},
    agent_tap::Line,
};

/// Enough that they are spread.
const PROFILES: [&str; 6] = ["r0", "r1", "r2", "r3", "r4", "r5"];

async fn home() -> Home {
    let home = Home::new().await;
    for profile in PROFILES {
        home.role(profile, "Reader", "key", "max_attempts = 1");
    }
    home
}

/// When what a tool gets ends.
async fn expiration(agent: &Agent, profile: &str) -> Option<OffsetDateTime> {
    let document = process(agent, profile).await.ok()?;
    Some(OffsetDateTime::parse(document["Expiration"].as_str().unwrap(), &Rfc3339).unwrap())
}

fn valid(snapshot: &Snapshot, profile: &str, now: OffsetDateTime) -> bool {
    session(snapshot, profile).is_some_and(|view| view.state == SessionState::Active && view.expiration > Some(now))
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_and_told_once() {
    for minutes in [-7, 7, 120, -120] {
        let home = home().await;
        let clock = home.clock.off_by(Duration::minutes(minutes));
        let agent = home.agent_with(clock.clone(), &[]).await;
        let mut events = agent.events();
        start(&agent, "reader", None).await.unwrap();
        let told = next_event(&mut events, |event| matches!(event, Event::ClockWrong { .. })).await;
        let Event::ClockWrong { error } = told else { unreachable!() };
        let words = match minutes {
            -7 => "7 minutes behind AWS's",
            7 => "7 minutes ahead of AWS's",
            120 => "2 hours ahead of AWS's",
            _ => "2 hours behind AWS's",
        };
        assert_eq!((error.code, error.message.contains(words)), (Code::ClockWrong, true), "{error:?}");
        until(&agent, "the problem", |snapshot| snapshot.problems.contains(&error)).await;
        start(&agent, "writer", None).await.unwrap();
        assert_eq!(home.count("AssumeRole"), 3, "{minutes}: refused once, and never again");
        assert!(!events_so_far(&mut events).iter().any(|event| matches!(event, Event::ClockWrong { .. })), "told once");
        // Its end is judged by AWS's clock: valid till then, renewed in the same window as everybody's.
        let view = session(&agent.snapshot().borrow(), "reader").unwrap();
        assert!((view.expiration.unwrap() - BEGIN - Duration::HOUR).abs() <= Duration::SECOND, "{view:?}");
        assert!((view.renews_at.unwrap() - BEGIN - Duration::minutes(45)).abs() <= Duration::SECOND, "{view:?}");
        home.tap.becomes(Line::Cut);
        home.advance(Duration::minutes(59));
        assert!(expiration(&agent, "reader").await.is_some(), "{minutes}");
        home.advance(Duration::seconds(61));
        assert_eq!(expiration(&agent, "reader").await, None, "{minutes}");
        home.tap.becomes(Line::Through);
        home.advance(Duration::seconds(30));
        // Somebody sets the clock right: that is seen without asking AWS.
        clock.step(Duration::minutes(-minutes));
        until(&agent, "no problem any more", |snapshot| !snapshot.problems.contains(&error)).await;
    }
}

#[tokio::test]
async fn codes_of_a_stored_seed_are_made_by_awss_clock() {
    for seconds in [-100, 100, -1200, 7200] {
        let home = home().await;
        let agent = home.agent_with(home.clock.off_by(Duration::seconds(seconds)), &[]).await;
        agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
        start(&agent, "dev", None).await.unwrap_or_else(|error| panic!("{seconds}: {error:?}"));
    }
}

#[tokio::test]
async fn steps_of_two_hours_take_no_session_and_hand_out_nothing_expired() {
    for hours in [-2, 2] {
        let home = home().await;
        let clock = home.clock.off_by(Duration::ZERO);
        let agent = home.agent_with(clock.clone(), &[]).await;
        let first = expiration(&agent, "r0").await.unwrap();
        home.tap.becomes(Line::Cut);
        clock.step(Duration::hours(hours));
        // Ahead, nobody can say whether two hours went by: nothing is handed out, and nothing is lost.
        assert_eq!(expiration(&agent, "r0").await, (hours < 0).then_some(first), "{hours}");
        clock.step(Duration::hours(-hours));
        home.advance(Duration::seconds(4));
        assert_eq!(expiration(&agent, "r0").await, Some(first), "{hours}: the session is still there");
        // Behind, its end comes all the same.
        clock.step(Duration::hours(hours));
        home.advance(Duration::hours(1));
        assert_eq!(expiration(&agent, "r0").await, None, "{hours}");
        home.tap.becomes(Line::Through);
        home.advance(Duration::seconds(5));
        let now = home.clock.now();
        assert!(expiration(&agent, "r0").await.unwrap() > now, "{hours}");
    }
}

#[tokio::test]
async fn five_seconds_after_the_network_is_back_all_sessions_are_valid() {
    for hours in [1, 2, 12, 24, 72] {
        let home = home().await;
        let agent = home.agent_with(home.clock.off_by(Duration::ZERO), &[]).await;
        for profile in PROFILES {
            start(&agent, profile, None).await.unwrap();
        }
        home.tap.becomes(Line::Cut);
        let asked = home.tap.total();
        home.advance(Duration::hours(hours));
        assert_eq!(expiration(&agent, "r0").await, None, "the network is missed");
        for _ in 0..20 {
            home.advance(Duration::seconds(1));
            for profile in PROFILES {
                assert_eq!(expiration(&agent, profile).await, None, "{hours}");
            }
        }
        let views = agent.snapshot().borrow().clone();
        assert!(PROFILES.iter().all(|profile| session(&views, profile).is_some()), "{hours}: a session was dropped");
        assert!(home.tap.total() > asked);
        home.tap.becomes(Line::Through);
        let back = home.clock.now();
        all_back(&home, &agent, back).await;
    }
}

/// Lets five seconds pass and no more; each time only after what was begun has come to its end.
async fn all_back(home: &Home, agent: &Agent, back: OffsetDateTime) {
    home.advance(Duration::seconds(3));
    until(agent, "the first is back", |snapshot| PROFILES.iter().any(|profile| valid(snapshot, profile, back))).await;
    for _ in 0..2 {
        // What the first brought reaches the renewal before time goes on.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        home.advance(Duration::seconds(1));
    }
    let now = home.clock.now();
    assert!(now - back <= Duration::seconds(5));
    until(agent, "all are back", |snapshot| PROFILES.iter().all(|profile| valid(snapshot, profile, now))).await;
}

/// What can happen to a laptop.
#[derive(Clone, Debug)]
enum Happens {
    Sleeps(i64),
    ClockIsSet(i64),
    NetworkGoes,
    NetworkComes,
    Asked(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (60_i64..72 * 3600).prop_map(Happens::Sleeps),
        (1_i64..120).prop_map(Happens::Sleeps),
        prop_oneof![Just(-7200_i64), Just(7200), -7200_i64..7200].prop_map(Happens::ClockIsSet),
        Just(Happens::NetworkGoes),
        Just(Happens::NetworkComes),
        (0..PROFILES.len()).prop_map(Happens::Asked),
    ]
}

#[test]
fn whatever_happens_nothing_expired_leaves_and_nothing_is_lost() {
    let config = Config { cases: 12, rng_seed: RngSeed::Fixed(4), failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let given = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&proptest::collection::vec(happens(), 12..30), |story| {
            given.set(given.get() + runtime.block_on(told(&story)));
            Ok(())
        })
        .unwrap();
    assert!(given.get() > 50, "the stories handed out {} credentials", given.get());
}

/// Lives through a story; how many credentials left.
async fn told(story: &[Happens]) -> usize {
    let home = home().await;
    let clock = home.clock.off_by(Duration::ZERO);
    let agent = home.agent_with(clock.clone(), &[]).await;
    for profile in PROFILES {
        start(&agent, profile, None).await.unwrap();
    }
    let (mut given, mut away) = (0, false);
    for event in story {
        match event {
            Happens::Sleeps(seconds) => home.advance(Duration::seconds(*seconds)),
            Happens::ClockIsSet(seconds) => clock.step(Duration::seconds(*seconds)),
            Happens::NetworkGoes => {
                home.tap.becomes(Line::Cut);
                away = true;
            }
            Happens::NetworkComes => {
                home.tap.becomes(Line::Through);
                away = false;
                home.advance(Duration::seconds(5));
            }
            Happens::Asked(_) => {}
        }
        let which = if let Happens::Asked(which) = event { *which } else { 0 };
        let mut got = expiration(&agent, PROFILES[which]).await;
        if got.is_none() && !away {
            // A request that the leap of time overtook came to nothing: five seconds later all is well.
            while agent.is_asking() {
                tokio::task::yield_now().await;
            }
            home.advance(Duration::seconds(5));
            got = expiration(&agent, PROFILES[which]).await;
        }
        let now = home.clock.now();
        assert!(got.is_none_or(|end| end > now), "{got:?} left at {now} after {event:?} in {story:?}");
        assert!(got.is_some() || away, "nothing left though the network is there, after {event:?} in {story:?}");
        given += usize::from(got.is_some());
        let snapshot = agent.snapshot().borrow().clone();
        assert!(PROFILES.iter().all(|profile| session(&snapshot, profile).is_some()), "a session was dropped after {event:?} in {story:?}");
    }
    given
}

/// Wherever the practice account's clock stands, credentials that came from elsewhere end by this computer's and by AWS's.
#[tokio::test]
async fn what_an_endpoint_of_this_machine_says_moves_no_other_profiles_end() {
    for hours in [-2, 2] {
        let home = home().await;
        let clock = home.clock.off_by(Duration::hours(hours));
        let end = (clock.now() + Duration::minutes(30)).format(&Rfc3339).unwrap();
        let document = format!(r#"{{"Version":1,"AccessKeyId":"ASIAEXAMPLEEXAMPLE00","SecretAccessKey":"s","SessionToken":"t","Expiration":"{end}"}}"#);
        home.config(&format!("\n[profile foreign]\ncredential_process = echo '{document}'\n"));
        let agent = home.agent_with(clock.clone(), &[]).await;
        assert!(expiration(&agent, "foreign").await.is_some(), "{hours}");
        start(&agent, "reader", None).await.unwrap();
        let of_reader = expiration(&agent, "reader").await.unwrap();
        assert!((of_reader - home.clock.now() - Duration::HOUR).abs() <= Duration::SECOND, "{hours}: its own end is by its own clock");
        // An endpoint that is ahead ends nothing too early.
        assert!(expiration(&agent, "foreign").await.is_some(), "{hours}");
        until(&agent, "it is still there", |snapshot| valid(snapshot, "foreign", clock.now())).await;
        // One that is behind lets nothing be handed out too late.
        home.advance(Duration::minutes(40));
        assert_eq!(expiration(&agent, "foreign").await, None, "{hours}");
        assert!(expiration(&agent, "reader").await.is_some(), "{hours}");
    }
}
