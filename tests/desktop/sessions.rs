//! What the app does with sessions that are not its own doing: it takes them over from an agent without a window, and it
//! tells when one can no longer be renewed.
//! The practice account's clock is the lever where waiting would take minutes.

use std::{process::Output, time::SystemTime};

use serde_json::Value;
use stagedoor_core::{
    clock::Clock,
    practice::{self, ReadyMade, Server},
};
use time::{Duration, OffsetDateTime};

use crate::world::{World, ended, until, write};

const PARTNER: &str = "partner-audit";

/// A role that needs no person, for a quarter of an hour, at an AWS with a clock of its own.
async fn begin() -> (World, practice::World, Clock, Server) {
    let clock = Clock::driven(system_time());
    let (aws, made) = practice::World::ready_made([9; 32], clock.clone());
    let server = Server::start(aws.clone(), 0).await.unwrap();
    let world = World::new().await;
    write(&world.path(".aws/config"), &config(&made, &server.endpoint()));
    let credentials = format!("[alice]\naws_access_key_id = {}\naws_secret_access_key = {}\n", made.key.id, made.key.secret.expose());
    write(&world.path(".aws/credentials"), &credentials);
    (world, aws, clock, server)
}

fn config(made: &ReadyMade, endpoint: &str) -> String {
    let (role, id) = (made.partner_role_arn.as_str(), made.external_id.as_str());
    format!(
        "[profile {PARTNER}]\nrole_arn = {role}\nsource_profile = alice\nexternal_id = {id}\nduration_seconds = 900\nregion = us-east-1\nendpoint_url = {endpoint}\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "the app under test has the real clock")]
fn system_time() -> OffsetDateTime {
    SystemTime::now().into()
}

/// Runs the command line without holding up the services that this process plays.
async fn ask(world: &World, arguments: &[&str]) -> Output {
    let mut command = world.stagedoor();
    command.args(arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

async fn status(world: &World) -> Value {
    let output = ask(world, &["status", "--json"]).await;
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

fn assumed(aws: &practice::World) -> usize {
    aws.calls().iter().filter(|call| call.action == "AssumeRole" && call.error_code.is_none()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_takes_a_session_over_from_an_agent_without_a_window() {
    let (world, aws, _clock, _server) = begin().await;
    let mut agent = world.stagedoor().arg("agent").spawn().unwrap();
    let started = ask(&world, &["start", PARTNER]).await;
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    let before = status(&world).await;
    assert_eq!(before[0]["state"], "active", "{before}");

    let mut app = world.app().arg("--hidden").spawn().unwrap();
    assert!(ended(&mut agent).await.success(), "the agent did not make room");
    until("the tray with the session", async || world.bus.labels().await.iter().any(|label| label.starts_with(PARTNER)).then_some(())).await;
    let after = status(&world).await;
    assert_eq!(after[0]["access_key_id"], before[0]["access_key_id"], "another session: {after}");
    assert!(ask(&world, &["credential-process", PARTNER]).await.status.success());
    assert_eq!(assumed(&aws), 1, "the session was asked for again: {:?}", aws.calls());

    world.bus.press(&["Quit Stagedoor"]).await;
    assert!(ended(&mut app).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_leaves_no_core_dump_to_a_file_or_a_program() {
    let world = World::new().await;
    let mut app = world.app().arg("--hidden").spawn().unwrap();
    world.bus.wait_for("Open Stagedoor").await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", app.id())).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().take(2).collect::<Vec<_>>(), ["1", "1"], "at one byte Linux starts no program for it either");
    world.bus.press(&["Quit Stagedoor"]).await;
    assert!(ended(&mut app).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_fails_is_told() {
    let (world, aws, clock, _server) = begin().await;
    let mut app = world.app().arg("--hidden").spawn().unwrap();
    world.bus.wait_for("Open Stagedoor").await;
    let started = ask(&world, &["start", PARTNER]).await;
    assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
    aws.fail_next("AssumeRole", 50, "AccessDenied");
    // Forty seconds are left of it, which Stagedoor learns with the next answer.
    clock.advance(Duration::seconds(860));
    ask(&world, &["whoami", PARTNER]).await;
    let note = world.bus.note(&format!("{PARTNER} could not be renewed")).await;
    assert!(note.body.contains("AssumeRole"), "{note:?}");
    world.bus.press(&["Quit Stagedoor"]).await;
    assert!(ended(&mut app).await.success());
}
