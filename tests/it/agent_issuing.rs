//! What is asked of AWS: every parameter, one MFA session for many roles, one flight for many callers, no code twice.
//!
//! A tap on the line notes every request, so what is compared is what AWS got and not what we meant to send.

use stagedoor_core::{
    agent::Agent,
    error::{Code, Error, Result},
    model::params::MfaSerial,
};
use time::Duration;

use crate::{
    agent_home::{Home, key_id, process, session, start, until},
    agent_tap::Line,
};

const ALL: &str = "duration_seconds = 1800\nexternal_id = partner-1\nrole_session_name = ada@work\nsession_tags = team=blue, cost-centre=42\n\
     transitive_session_tags = team\nsource_identity = ada\n\
     stagedoor_session_policy = {\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:ListAllMyBuckets\",\"Resource\":\"*\"}]}\n\
     stagedoor_session_policy_arns = arn:aws:iam::aws:policy/ReadOnlyAccess, arn:aws:iam::aws:policy/SecurityAudit\n";

#[tokio::test]
async fn every_parameter_of_assume_role_arrives() {
    let home = Home::new().await;
    home.role("all", "Reader", "key", ALL);
    start(&home.agent().await, "all", None).await.unwrap();
    let [seen] = &home.tap.seen("AssumeRole")[..] else { panic!("one AssumeRole") };
    let account = &home.ready.account_id;
    for (name, value) in [
        ("RoleArn", &*format!("arn:aws:iam::{account}:role/Reader")),
        ("RoleSessionName", "ada@work"),
        ("DurationSeconds", "1800"),
        ("ExternalId", "partner-1"),
        ("Policy", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#),
        ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("PolicyArns.member.2.arn", "arn:aws:iam::aws:policy/SecurityAudit"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "blue"),
        ("Tags.member.2.Key", "cost-centre"),
        ("Tags.member.2.Value", "42"),
        ("TransitiveTagKeys.member.1", "team"),
        ("SourceIdentity", "ada"),
    ] {
        assert_eq!(seen.get(name), Some(value), "{name}");
    }
    assert_eq!((seen.get("SerialNumber"), seen.get("TokenCode")), (None, None));
}

#[tokio::test]
async fn what_a_profile_does_not_name_is_not_sent() {
    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "reader", None).await.unwrap();
    let seen = home.tap.seen("AssumeRole").remove(0);
    let mut names: Vec<_> = seen.0.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["Action", "RoleArn", "RoleSessionName", "Version"]);
    assert_eq!(seen.get("RoleSessionName"), Some("stagedoor-alice"));
}

#[tokio::test]
async fn a_plain_key_gets_a_session_token_with_and_without_mfa() {
    let home = Home::new().await;
    let (id, serial) = (home.ready.key.id.as_str(), home.ready.mfa_serial.as_str());
    let common = home.common();
    home.config(&format!("\n[profile plain]\nstagedoor_access_key_id = {id}\nmfa_serial = {serial}\nduration_seconds = 3600\n{common}"));
    let agent = home.agent().await;
    start(&agent, "key", None).await.unwrap();
    assert_eq!(start(&agent, "plain", None).await.unwrap_err().code, Code::MfaCodeRequired);
    let code = home.code();
    start(&agent, "plain", Some(code.clone())).await.unwrap();
    let [without, with] = &home.tap.seen("GetSessionToken")[..] else { panic!("two") };
    assert_eq!((without.get("SerialNumber"), without.get("TokenCode"), without.get("DurationSeconds")), (None, None, Some("43200")));
    assert_eq!((with.get("SerialNumber"), with.get("TokenCode"), with.get("DurationSeconds")), (Some(serial), Some(code.expose()), Some("3600")));
    assert_ne!(key_id(&agent, "key").await.unwrap(), key_id(&agent, "plain").await.unwrap());
    assert_eq!(home.tap.total(), 2, "both are served from memory");
}

#[tokio::test]
async fn one_code_serves_three_roles_behind_one_key() {
    let home = Home::new().await;
    let agent = home.agent().await;
    start(&agent, "dev", Some(home.code())).await.unwrap();
    start(&agent, "ops", None).await.unwrap();
    assert!(key_id(&agent, "sec").await.unwrap().starts_with("ASIA"));
    assert_eq!((home.count("GetSessionToken"), home.count("AssumeRole")), (1, 3));
    for seen in home.tap.seen("AssumeRole") {
        assert_eq!((seen.get("SerialNumber"), seen.get("TokenCode")), (None, None), "the session carries the MFA");
    }
}

#[tokio::test]
async fn a_long_role_alone_gets_the_code_itself() {
    let home = Home::new().await;
    let serial = home.ready.mfa_serial.as_str();
    home.role("long", "Developer", "key", &format!("mfa_serial = {serial}\nduration_seconds = 14400"));
    let agent = home.agent().await;
    let code = home.code();
    start(&agent, "long", Some(code.clone())).await.unwrap();
    assert_eq!((home.count("GetSessionToken"), home.count("AssumeRole")), (0, 1));
    let seen = home.tap.seen("AssumeRole").remove(0);
    assert_eq!((seen.get("SerialNumber"), seen.get("TokenCode"), seen.get("DurationSeconds")), (Some(serial), Some(code.expose()), Some("14400")));
    let view = session(&agent.snapshot().borrow(), "long").unwrap();
    assert_eq!(view.expiration, Some(home.clock.now() + Duration::hours(4)));
}

#[tokio::test]
async fn a_chain_of_three_roles_is_walked_in_order() {
    let home = Home::new().await;
    home.role("second", "Second", "reader", "");
    home.role("third", "Third", "second", "role_session_name = at-the-end");
    let agent = home.agent().await;
    start(&agent, "third", None).await.unwrap();
    let roles: Vec<_> = home.tap.seen("AssumeRole").iter().map(|seen| seen.get("RoleArn").unwrap().rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(roles, ["Reader", "Second", "Third"]);
    let callers: Vec<_> = home.world.calls().iter().filter(|call| call.action == "AssumeRole").map(|call| call.principal_arn.clone()).collect();
    assert!(callers[0].ends_with("user/alice") && callers[1].contains("assumed-role/Reader") && callers[2].contains("assumed-role/Second"), "{callers:?}");
    let view = session(&agent.snapshot().borrow(), "third").unwrap();
    assert!(view.arn.unwrap().ends_with("assumed-role/Third/at-the-end"));
}

#[tokio::test]
async fn a_chained_role_is_asked_for_an_hour_at_most() {
    let home = Home::new().await;
    let serial = home.ready.mfa_serial.as_str().to_owned();
    home.role("second", "Second", "reader", "duration_seconds = 7200");
    home.role("mfa-first", "Developer", "key", &format!("mfa_serial = {serial}\nduration_seconds = 1200"));
    home.role("mfa-second", "Second", "mfa-first", "duration_seconds = 43200");
    let agent = home.agent().await;
    start(&agent, "second", None).await.unwrap();
    let asked = |n: usize| home.tap.seen("AssumeRole")[n].get("DurationSeconds").map(str::to_owned);
    assert_eq!((asked(0), asked(1).as_deref()), (None, Some("3600")));
    // The first hop of a chain that an MFA session signs is chained too; Developer's own wish is below the limit.
    home.role("long-first", "Writer", "key", &format!("mfa_serial = {serial}\nduration_seconds = 7200"));
    home.role("behind", "Second", "long-first", "duration_seconds = 900");
    start(&agent, "behind", Some(home.code())).await.unwrap();
    assert_eq!((asked(2).as_deref(), asked(3).as_deref()), (Some("3600"), Some("900")));
}

#[tokio::test]
async fn two_starts_in_one_step_never_use_a_seeds_code_twice() {
    let home = Home::new().await;
    let serial = home.ready.mfa_serial.as_str();
    for profile in ["long-1", "long-2"] {
        home.role(profile, "Developer", "key", &format!("mfa_serial = {serial}\nduration_seconds = 7200\nrole_session_name = {profile}"));
    }
    let agent = home.agent().await;
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
    start(&agent, "long-1", None).await.unwrap();
    let second = {
        let agent = agent.clone();
        tokio::spawn(async move { start(&agent, "long-2", None).await })
    };
    until(&agent, "it waits for the next code", |snapshot| session(snapshot, "long-2").is_some()).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(home.tap.seen("AssumeRole").len(), 1);
    home.advance(Duration::seconds(29));
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(home.tap.seen("AssumeRole").len(), 1, "the step is not over");
    home.advance(Duration::seconds(1));
    second.await.unwrap().unwrap();
    let codes: Vec<_> = home.tap.seen("AssumeRole").iter().map(|seen| seen.get("TokenCode").unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 2);
    assert_ne!(codes[0], codes[1]);
}

#[tokio::test]
async fn a_typed_code_counts_for_a_stored_seed_too() {
    let home = Home::new().await;
    let serial = home.ready.mfa_serial.as_str();
    home.role("long", "Developer", "key", &format!("mfa_serial = {serial}\nduration_seconds = 7200"));
    let agent = home.agent().await;
    start(&agent, "dev", Some(home.code())).await.unwrap();
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
    let waiting = tokio::spawn({
        let agent = agent.clone();
        async move { start(&agent, "long", None).await }
    });
    until(&agent, "it waits for the next code", |snapshot| session(snapshot, "long").is_some()).await;
    home.advance(Duration::seconds(30));
    waiting.await.unwrap().unwrap();
    assert!(home.world.calls().iter().all(|call| call.error_code.is_none()), "AWS never saw a code twice");
}

#[tokio::test]
async fn a_code_that_was_typed_twice_is_refused_here() {
    let home = Home::new().await;
    let serial = home.ready.mfa_serial.as_str();
    home.role("long", "Developer", "key", &format!("mfa_serial = {serial}\nduration_seconds = 7200"));
    let agent = home.agent().await;
    let code = home.code();
    start(&agent, "dev", Some(code.clone())).await.unwrap();
    let asked = home.tap.total();
    let refused = start(&agent, "long", Some(code)).await.unwrap_err();
    assert_eq!((refused.code, refused.mfa_serial.as_deref()), (Code::MfaCodeRefused, Some(serial)));
    assert!(refused.hint.contains("next"), "{refused:?}");
    assert_eq!(home.tap.total(), asked, "AWS was not asked");
}

#[tokio::test]
async fn a_wrong_code_is_refused_with_its_device_and_the_next_right_one_works_at_once() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let serial = home.ready.mfa_serial.as_str();
    let refused = start(&agent, "dev", Some(home.wrong_code())).await.unwrap_err();
    assert_eq!((refused.code, refused.mfa_serial.as_deref()), (Code::MfaCodeRefused, Some(serial)));
    assert_eq!(home.tap.seen("GetSessionToken").len(), 1, "a code is sent once, whatever comes back");
    // Tools that come now are told that a code is needed, not that somebody mistyped one.
    assert_eq!(process(&agent, "dev").await.unwrap_err().code, Code::MfaCodeRequired);
    start(&agent, "dev", Some(home.code())).await.unwrap();
    // With a session that holds, a wrong code takes nothing away.
    let before = key_id(&agent, "dev").await.unwrap();
    home.advance(Duration::seconds(30));
    assert_eq!(start(&agent, "dev", Some(home.wrong_code())).await.unwrap_err().code, Code::MfaCodeRefused);
    assert_eq!(key_id(&agent, "dev").await.unwrap(), before);
}

#[tokio::test]
async fn a_code_is_sent_once_though_nobody_knows_what_became_of_it() {
    let home = Home::new().await;
    let agent = home.agent().await;
    home.tap.becomes(Line::Page(503, "text/xml", "<ErrorResponse/>"));
    assert_eq!(start(&agent, "dev", Some(home.code())).await.unwrap_err().code, Code::AwsUnreachable);
    assert_eq!(home.tap.total(), 1, "the repetition would find the code used");
    assert_eq!(start(&agent, "reader", None).await.unwrap_err().code, Code::AwsUnreachable);
    assert_eq!(home.tap.total(), 4, "without a code it is tried three times");
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_does_not_hold_codes_back() {
    let home = Home::new().await;
    let serial = home.ready.mfa_serial.as_str();
    home.role("long", "Developer", "key", &format!("mfa_serial = {serial}\nduration_seconds = 7200"));
    let agent = home.agent_with(home.clock.off_by(Duration::hours(2)), &[]).await;
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
    start(&agent, "dev", None).await.unwrap();
    home.advance(Duration::seconds(30));
    // A wait of two hours would end this test by its time limit.
    tokio::time::timeout(std::time::Duration::from_secs(20), start(&agent, "long", None)).await.expect("it does not wait").unwrap();
}

async fn fifty(agent: &Agent, profile: &'static str) -> Vec<Result<String>> {
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let agent = agent.clone();
            tokio::spawn(async move { key_id(&agent, profile).await })
        })
        .collect();
    let mut results = Vec::new();
    for call in calls {
        results.push(call.await.unwrap());
    }
    results
}

#[tokio::test]
async fn fifty_at_once_on_a_cold_role_are_one_assume_role() {
    let home = Home::new().await;
    let agent = home.agent().await;
    home.world.set_latency(std::time::Duration::from_millis(100));
    let results = fifty(&agent, "reader").await;
    let first = results[0].clone().unwrap();
    assert!(results.iter().all(|result| result.as_ref() == Ok(&first)), "{results:?}");
    assert_eq!(home.count("AssumeRole"), 1);
}

#[tokio::test]
async fn callers_that_leave_take_nobody_with_them() {
    let home = Home::new().await;
    let agent = home.agent().await;
    home.world.set_latency(std::time::Duration::from_millis(100));
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let agent = agent.clone();
            tokio::spawn(async move { key_id(&agent, "reader").await })
        })
        .collect();
    until(&agent, "it starts", |snapshot| session(snapshot, "reader").is_some()).await;
    // The first one began the flight.
    calls.iter().take(20).for_each(tokio::task::JoinHandle::abort);
    for call in calls.into_iter().skip(20) {
        call.await.unwrap().unwrap();
    }
    assert_eq!(home.count("AssumeRole"), 1);
}

#[tokio::test]
async fn fifty_without_a_code_are_all_told_so_and_aws_is_not_asked() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for result in fifty(&agent, "dev").await {
        let error: Error = result.unwrap_err();
        assert_eq!((error.code, error.exit_code(), error.mfa_serial.as_deref()), (Code::MfaCodeRequired, 3, Some(home.ready.mfa_serial.as_str())));
    }
    assert_eq!(home.tap.total(), 0);
}

#[tokio::test]
async fn one_who_has_the_code_serves_those_who_have_none() {
    let home = Home::new().await;
    let agent = home.agent().await;
    home.tap.becomes(Line::Slow(std::time::Duration::from_millis(100)));
    let starting = {
        let (agent, code) = (agent.clone(), home.code());
        tokio::spawn(async move { start(&agent, "dev", Some(code)).await })
    };
    until(&agent, "it starts", |snapshot| session(snapshot, "dev").is_some()).await;
    for result in fifty(&agent, "dev").await {
        result.unwrap();
    }
    starting.await.unwrap().unwrap();
    assert_eq!((home.count("GetSessionToken"), home.count("AssumeRole")), (1, 1));
}

#[tokio::test]
async fn two_devices_of_two_keys_do_not_mix() {
    let home = Home::new().await;
    let other = MfaSerial::parse("arn:aws:iam::111122223333:mfa/other").unwrap();
    home.role("other", "Developer", "key", &format!("mfa_serial = {}", other.as_str()));
    let agent = home.agent().await;
    start(&agent, "dev", Some(home.code())).await.unwrap();
    let error = start(&agent, "other", None).await.unwrap_err();
    assert_eq!((error.code, error.mfa_serial.as_deref()), (Code::MfaCodeRequired, Some(other.as_str())), "the session of one device is not the other's");
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_a_program_gives_is_signed_with_and_never_handed_out() {
    let home = Home::new().await;
    let document = home.path("key.json");
    let key = &home.ready.key;
    let answer = serde_json::json!({"Version": 1, "AccessKeyId": key.id.as_str(), "SecretAccessKey": key.secret.expose()});
    home.put(&document, answer.to_string().as_bytes());
    home.config(&format!("\n[profile tool]\ncredential_process = cat {}\n{}", document.display(), home.common()));
    home.role("above", "Reader", "tool", "");
    home.role("chained", "Second", "above", "");
    let agent = home.agent().await;
    let asked = home.count("GetSessionToken");
    for profile in ["above", "chained"] {
        assert!(key_id(&agent, profile).await.unwrap().starts_with("ASIA"));
    }
    assert_eq!((home.count("AssumeRole"), home.count("GetSessionToken")), (3, asked), "the roles, with the key itself");
    let error = process(&agent, "tool").await.unwrap_err();
    assert!(error.code == Code::NotSupported && error.message.contains("long-lived") && error.hint.contains("keys add tool"), "{error:?}");
}
