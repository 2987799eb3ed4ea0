//! Programs that wait for a person, in the real app: the command line asks, a person answers in the window or in a notification.
//!
//! The practice account judges the code; the program that asks is this test, by name and by process.

use std::{process::Output, time::SystemTime};

use fantoccini::Locator;
use serde_json::Value;
use stagedoor_core::{
    clock::Clock,
    model::mfa::TotpSeed,
    practice::{self, ReadyMade, Server},
};
use time::OffsetDateTime;
use tokio::task::JoinHandle;

use crate::{
    driver::Driven,
    world::{World, ended, until, write},
};

const DEVELOPER: &str = "developer";
const PARTNER: &str = "partner-audit";

struct Scene {
    world: World,
    aws: practice::World,
    made: ReadyMade,
    _server: Server,
}

/// A role that wants a code, and one that wants to be asked for.
async fn begin() -> Scene {
    let (aws, made) = practice::World::ready_made([11; 32], Clock::driven(system_time()));
    let server = Server::start(aws.clone(), 0).await.unwrap();
    let world = World::new().await;
    let common = format!("source_profile = alice\nregion = us-east-1\nendpoint_url = {}\n", server.endpoint());
    let (role, serial, partner, id) = (made.mfa_role_arn.as_str(), made.mfa_serial.as_str(), made.partner_role_arn.as_str(), made.external_id.as_str());
    write(
        &world.path(".aws/config"),
        &format!(
            "[profile {DEVELOPER}]\nrole_arn = {role}\nmfa_serial = {serial}\n{common}\n[profile {PARTNER}]\nrole_arn = {partner}\nexternal_id = {id}\nstagedoor_ask = true\n{common}"
        ),
    );
    let credentials = format!("[alice]\naws_access_key_id = {}\naws_secret_access_key = {}\n", made.key.id, made.key.secret.expose());
    write(&world.path(".aws/credentials"), &credentials);
    Scene { world, aws, made, _server: server }
}

#[expect(clippy::disallowed_methods, reason = "the app under test has the real clock")]
fn system_time() -> OffsetDateTime {
    SystemTime::now().into()
}

/// What the person is told of this test.
fn me() -> String {
    std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned()
}

/// An AWS tool runs `credential_process`.
fn tool(world: &World, profile: &str) -> JoinHandle<Output> {
    let mut command = world.stagedoor();
    command.args(["credential-process", profile]);
    tokio::task::spawn_blocking(move || command.output().unwrap())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_typed_once_answers_every_program_that_waits() {
    let scene = begin().await;
    let driven = Driven::start(&scene.world).await;
    let waiting = [tool(&scene.world, DEVELOPER), tool(&scene.world, DEVELOPER)];
    driven.find("[data-testid=\"mfa-sheet\"]").await;
    driven.says(&format!("{} wants {DEVELOPER}", me())).await;
    driven.says("1 more request").await;
    until("the tray to say it", async || scene.world.bus.labels().await.iter().any(|label| label.ends_with(&format!("want {DEVELOPER}"))).then_some(())).await;
    let code = scene.made.mfa_seed.code(TotpSeed::step(system_time()));
    driven.find("[data-testid=\"mfa-sheet\"] input").await.send_keys(code.expose()).await.unwrap();
    let mut keys = Vec::new();
    for waiting in waiting {
        let output = waiting.await.unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        keys.push(document["AccessKeyId"].as_str().unwrap().to_owned());
    }
    assert_eq!(keys[0], keys[1]);
    assert_eq!(scene.aws.calls().iter().filter(|call| call.action == "AssumeRole").count(), 1);
    until("the sheet to go", async || driven.page.find(Locator::Css("[data-testid=\"mfa-sheet\"]")).await.is_err().then_some(())).await;

    // The question of the other profile, denied in the window.
    let waiting = tool(&scene.world, PARTNER);
    driven.find("[data-testid=\"approval-sheet\"]").await;
    driven.says("Allow for this session").await;
    until("an answer that is alive", async || {
        driven.press("[data-testid=\"approval-sheet\"] button", "Deny").await;
        driven.page.find(Locator::Css("[data-testid=\"approval-sheet\"]")).await.is_err().then_some(())
    })
    .await;
    let output = waiting.await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(output.stdout.is_empty() && said(&output).lines().count() == 1 && said(&output).contains("denied"), "{}", said(&output));
    driven.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_allows_denies_and_remembers() {
    let scene = begin().await;
    let mut app = scene.world.app().arg("--hidden").spawn().unwrap();
    scene.world.bus.wait_for("Open Stagedoor").await;
    let mut seen = 0;
    for (answer, code) in [("Allow", 0), ("Deny", 1), ("Allow for this session", 0)] {
        let waiting = tool(&scene.world, PARTNER);
        let note = until(answer, async || {
            let note = scene.world.bus.note(&format!("{} wants {PARTNER}", me())).await;
            (note.id > seen).then_some(note)
        })
        .await;
        seen = note.id;
        assert!(note.body.contains("PartnerAudit") || note.body.contains("Role "), "{note:?}");
        until("the answer to be heard", async || {
            scene.world.bus.invoke(&note, answer).await;
            waiting.is_finished().then_some(())
        })
        .await;
        let output = waiting.await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{answer}: {}", said(&output));
    }
    let output = tool(&scene.world, PARTNER).await.unwrap();
    assert!(output.status.success(), "it is remembered: {}", said(&output));
    scene.world.bus.press(&["Quit Stagedoor"]).await;
    assert!(ended(&mut app).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_that_another_program_makes_up_allows_nothing() {
    let scene = begin().await;
    let mut app = scene.world.app().arg("--hidden").spawn().unwrap();
    scene.world.bus.wait_for("Open Stagedoor").await;
    let mut seen = 0;
    // The second waits whether the first was remembered.
    for _ in 0..2 {
        let waiting = tool(&scene.world, PARTNER);
        let note = until("the notification", async || {
            let note = scene.world.bus.note(&format!("{} wants {PARTNER}", me())).await;
            (note.id > seen).then_some(note)
        })
        .await;
        seen = note.id;
        assert!(note.body.contains("Allow gives temporary credentials"), "{note:?}");
        // Each time the made up presses are on the bus before the real one.
        until("the answer to be heard", async || {
            scene.world.bus.forge().await;
            scene.world.bus.invoke(&note, "Deny").await;
            waiting.is_finished().then_some(())
        })
        .await;
        let output = waiting.await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(output.stdout.is_empty() && said(&output).contains("denied"), "{}", said(&output));
    }
    assert_eq!(scene.aws.calls().iter().filter(|call| call.action == "AssumeRole").count(), 0);
    scene.world.bus.press(&["Quit Stagedoor"]).await;
    assert!(ended(&mut app).await.success());
}
