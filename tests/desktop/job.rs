//! The main job, from a key in a plain file to a role in a terminal, a console, a tray and back to nothing.
//!
//! One description for the test, which only wants to know whether every step holds, and for the tour, which tells each step
//! and keeps pictures. All parts are real: window, tray, notifications, keychain, signed HTTP to the practice account.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    time::SystemTime,
};

use fantoccini::Locator;
use serde_json::{Value, json};
use stagedoor_core::{
    clock::Clock,
    model::mfa::TotpSeed,
    practice::{self, ReadyMade, Server},
};
use time::{Duration, OffsetDateTime};

use crate::{
    driver::Driven,
    world::{World, ended, until, write},
};

/// The role in a partner's account: MFA, external ID, source profile.
pub(crate) const PARTNER: &str = "partner-audit";
/// The user, whose key hands out an MFA session.
pub(crate) const USER: &str = "alice";
/// The role in one's own account: MFA, a quarter of an hour.
pub(crate) const DEVELOPER: &str = "developer";

/// The desktop, the AWS, and what is known so far.
pub(crate) struct Job {
    pub(crate) world: World,
    pub(crate) driven: Driven,
    aws: practice::World,
    server: Server,
    made: ReadyMade,
    clock: Clock,
    /// What nobody may see, with its name.
    secrets: Vec<(&'static str, String)>,
    calls_told: usize,
    tell: fn(&str),
    pictures: Option<PathBuf>,
}

impl Job {
    /// A desktop with the files of the person, the app open.
    pub(crate) async fn begin(tell: fn(&str), pictures: Option<PathBuf>) -> Self {
        let clock = Clock::driven(system_time());
        let (aws, made) = practice::World::ready_made([7; 32], clock.clone());
        let server = Server::start(aws.clone(), 0).await.unwrap();
        let mut world = World::new().await;
        write(&world.path(".aws/config"), &config(&made));
        let credentials = format!("# Made by hand\n[alice]\naws_access_key_id = {}\naws_secret_access_key = {}\n", made.key.id, made.key.secret.expose());
        write(&world.path(".aws/credentials"), &credentials);
        std::fs::set_permissions(world.path(".aws/credentials"), PermissionsExt::from_mode(0o600)).unwrap();
        world.set_env("AWS_ENDPOINT_URL", server.endpoint());
        world.set_env("AWS_ENDPOINT_URL_SIGNIN", server.signin_endpoint());
        let secrets = vec![("the secret access key", made.key.secret.expose().to_owned()), ("the MFA seed", made.mfa_seed.expose().to_owned())];
        let driven = Driven::start(&world).await;
        Self { world, driven, aws, server, made, clock, secrets, calls_told: 0, tell, pictures }
    }

    /// All of it, in order.
    pub(crate) async fn run(&mut self) {
        self.import_the_key().await;
        self.start_with_a_code().await;
        self.use_it_in_a_terminal().await;
        self.open_the_console().await;
        self.start_another_without_a_code().await;
        self.see_the_tray().await;
        self.stop_from_the_tray().await;
        self.be_told_before_the_end().await;
        self.pictures_in_the_dark().await;
        self.stop_everything().await;
        self.find_no_secret().await;
    }

    /// The first start finds the key in the plain file and moves it.
    async fn import_the_key(&mut self) {
        self.step("First start: ~/.aws has a role with MFA and an external ID, and an access key as plain text");
        self.driven.find_text("h1", "One access key lies in a plain file").await;
        self.picture("first-start").await;
        self.press("Move 1 access key").await;
        self.driven.find_text("h1", "The access key is in the keychain").await;
        let left = std::fs::read_to_string(self.world.path(".aws/credentials")).unwrap_or_default();
        assert!(!left.contains(self.made.key.secret.expose()), "the file still has the key");
        assert!(left.contains("# Made by hand"), "the comment is gone: {left:?}");
        self.step("Moved into the keychain; the line is gone from ~/.aws/credentials");
        self.press("Open Sessions").await;
    }

    async fn start_with_a_code(&mut self) {
        self.select(PARTNER).await;
        self.driven.says("Chain").await;
        self.picture("chain").await;
        self.press("Start").await;
        self.driven.find("[data-testid=mfa-sheet]").await;
        self.type_code("000000").await;
        self.driven.says("AWS refused 000 000").await;
        self.step("Started partner-audit; a wrong MFA code was refused and the sheet stayed");
        self.picture("mfa-refused").await;
        self.type_right_code().await;
        self.driven.find_text(".remaining", "left").await;
        self.step("The right code: AssumeRole with the external ID, through one MFA session");
        self.picture("active").await;
        let hand = self.aws.calls().iter().filter(|call| call.action == "AssumeRole" && call.error_code.is_none()).count();
        assert_eq!(hand, 1, "{:?}", self.aws.calls());
    }

    async fn use_it_in_a_terminal(&mut self) {
        self.press("Connect").await;
        // The window shows what changes before it is written.
        self.driven.find_text("[data-testid=file-edit] .added", "credential-process").await;
        self.press("Connect 1 profile").await;
        self.driven.find_text("button", "Disconnect").await;
        let config = std::fs::read_to_string(self.world.path(".aws/config")).unwrap();
        assert!(config.contains(&format!("credential-process {PARTNER}")), "{config}");
        let document = self.ask_stagedoor(&["credential-process", PARTNER]).await;
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["Version"], 1);
        assert!(document["AccessKeyId"].as_str().is_some_and(|id| id.starts_with("ASIA")), "no temporary credentials");
        self.keep_secrets_of(&document);
        let identity: Value = serde_json::from_str(&self.ask_stagedoor(&["whoami", PARTNER, "--json"]).await).unwrap();
        assert_eq!(identity["account"], self.made.partner_account_id.as_str());
        let arn = identity["arn"].as_str().unwrap_or_default();
        assert!(arn.contains("assumed-role/PartnerAudit/"), "{arn}");
        self.step("In a terminal, credential_process hands out temporary credentials");
        (self.tell)(&format!("      GetCallerIdentity says {arn}"));
    }

    async fn open_the_console(&mut self) {
        self.press("Open console").await;
        let url = until("the browser", async || std::fs::read_to_string(self.world.path("browser.log")).ok()?.lines().last().map(str::to_owned)).await;
        assert!(url.starts_with("http://127.0.0.1:"), "a link with a secret as an argument: {url}");
        let (status, location, _) = get(&url);
        assert_eq!(status, 302);
        let link = location.expect("a way to the sign-in");
        let token = link.split("SigninToken=").nth(1).expect("a sign-in token").split('&').next().unwrap().to_owned();
        self.secrets.push(("the console's sign-in token", token));
        let (again, _, _) = get(&url);
        assert_eq!(again, 410, "the door opens twice");
        let (status, _, page) = get(&link);
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("PartnerAudit"), "{page}");
        self.step("Opened the console through the federation endpoint; the page greets PartnerAudit");
    }

    async fn start_another_without_a_code(&mut self) {
        self.select(DEVELOPER).await;
        self.press("Start").await;
        self.driven.find_text(".remaining", "left").await;
        let codes = self.aws.calls().iter().filter(|call| call.action == "GetSessionToken" && call.error_code.is_none()).count();
        assert_eq!(codes, 1, "one code was to serve both roles");
        self.step("Started developer as well: the same MFA session, no second code");
    }

    async fn see_the_tray(&mut self) {
        let label = self.world.bus.wait_for(&format!("{PARTNER} — ")).await;
        assert!(label.ends_with("min"), "no time left in {label:?}");
        let other = self.world.bus.wait_for(&format!("{DEVELOPER} — ")).await;
        self.picture("sessions").await;
        self.step("The tray shows both with the time left");
        (self.tell)(&format!("      {label}   {other}"));
    }

    async fn stop_from_the_tray(&mut self) {
        self.world.bus.press(&[PARTNER, "Stop"]).await;
        self.world.bus.wait_for(&format!("Start {PARTNER}")).await;
        let status = self.ask_stagedoor(&["status", "--json"]).await;
        assert!(!status.contains(PARTNER), "{status}");
        self.world.bus.press(&["Stop all sessions"]).await;
        self.world.bus.wait_for("No active session").await;
        self.step("Stopped partner-audit from the tray, then everything");
    }

    /// An MFA session of a quarter of an hour, of which five minutes pass at AWS.
    async fn be_told_before_the_end(&mut self) {
        self.press_rail("Settings").await;
        let lengths = self.driven.find_text(".choice", "One MFA code lasts").await.find(Locator::Css("select")).await.unwrap();
        lengths.select_by_value("900").await.unwrap();
        until("the setting", async || (self.snapshot().await["settings"]["mfa_session_seconds"] == 900).then_some(())).await;
        self.press_rail("Sessions").await;
        self.invoke("set_favourite", json!({ "profile": USER, "favourite": true })).await;
        self.world.bus.press(&[&format!("Start {USER}")]).await;
        self.driven.find("[data-testid=mfa-sheet]").await;
        self.step("Started alice, a favourite, from the tray: the window asks for the code");
        self.picture("mfa").await;
        self.type_right_code().await;
        self.driven.find_text(".remaining", "left").await;
        // Stagedoor goes by AWS's clock, which it learns with the next answer.
        self.clock.advance(Duration::seconds(322));
        self.ask_stagedoor(&["whoami", USER]).await;
        let note = self.world.bus.note(&format!("{USER} ends at ")).await;
        assert!(note.actions.contains(&"Renew".to_owned()), "{note:?}");
        self.step("Ten minutes before its end a notification, with “Renew”");
        (self.tell)(&format!("      {}. {}.", note.summary, note.body));
        self.world.bus.wait_for(&format!("{USER} — ends in")).await;
        let icon = self.world.bus.icon().await;
        self.driven.find_text(".remaining", "Ends in").await;
        self.picture("ending").await;
        // Past every code that was typed before.
        self.clock.advance(Duration::seconds(60));
        self.world.bus.answer(&note, "Renew").await;
        self.type_right_code().await;
        self.driven.find_text(".remaining", "left").await;
        until("the icon of a quiet session", async || (self.world.bus.icon().await != icon).then_some(())).await;
        self.step("Pressed Renew, typed the next code: it goes on");
    }

    async fn pictures_in_the_dark(&mut self) {
        if self.pictures.is_some() {
            let mut settings = self.snapshot().await["settings"].clone();
            settings["theme"] = json!("dark");
            self.invoke("set_settings", json!({ "settings": settings })).await;
            until("the dark", async || (self.snapshot().await["settings"]["theme"] == "dark").then_some(())).await;
            self.picture("active-dark").await;
        }
    }

    async fn stop_everything(&mut self) {
        let document: Value = serde_json::from_str(&self.ask_stagedoor(&["credential-process", USER]).await).unwrap();
        self.keep_secrets_of(&document);
        self.world.bus.press(&["Stop all sessions"]).await;
        self.world.bus.wait_for("No active session").await;
        self.driven.find_text("button", "Start").await;
        self.step("Stopped everything");
    }

    /// None of the secrets is in the page, the snapshot, an argument, a log or a file.
    async fn find_no_secret(&mut self) {
        let page = self.driven.page.source().await.unwrap();
        let snapshot = self.snapshot().await.to_string();
        let arguments: String = self.world.processes().into_iter().map(|(_, command)| command + "\n").collect();
        let mut places = vec![("the page".to_owned(), page), ("the snapshot".to_owned(), snapshot), ("an argument".to_owned(), arguments)];
        files_below(self.world.home.path(), &mut places);
        assert!(places.len() > 8, "hardly anything was searched");
        for (place, text) in &places {
            for (name, secret) in &self.secrets {
                assert!(!text.contains(secret.as_str()), "{name} is in {place}");
            }
        }
        assert!(self.secrets.len() >= 7);
        self.step("Searched the page, the snapshot, arguments, logs and files for each secret: none");
        (self.tell)(&format!("      {} secrets, {} places", self.secrets.len(), places.len()));
    }

    /// Ends the app in order.
    pub(crate) async fn end(self) {
        self.driven.end().await;
        self.server.stop().await;
    }

    fn step(&mut self, words: &str) {
        (self.tell)(&format!("ok    {words}"));
        let calls = self.aws.calls();
        for call in &calls[self.calls_told..] {
            let answer = call.error_code.as_deref().unwrap_or("200");
            (self.tell)(&format!("      AWS: {} → {answer}", call.action));
        }
        self.calls_told = calls.len();
    }

    async fn picture(&self, name: &str) {
        if let Some(folder) = &self.pictures {
            // One frame for the sheet that slides in.
            tokio::time::sleep(std::time::Duration::from_millis(350)).await;
            let png = self.driven.picture().await;
            std::fs::File::create(folder.join(format!("{name}.png"))).unwrap().write_all(&png).unwrap();
        }
    }

    async fn press(&self, label: &str) {
        self.driven.press("button", label).await;
    }

    async fn press_rail(&self, label: &str) {
        self.driven.press(".rail button", label).await;
    }

    async fn select(&self, profile: &str) {
        self.driven.press(&format!("[role=option][data-profile='{profile}']"), "").await;
        self.driven.find_text(".head .title", profile).await;
    }

    async fn type_code(&self, code: &str) {
        let field = self.driven.find("[data-testid=mfa-sheet] input").await;
        field.send_keys(code).await.unwrap();
    }

    /// A code is good once, so time goes on by a step first.
    async fn type_right_code(&mut self) {
        self.clock.advance(Duration::seconds(30));
        self.type_code(self.made.mfa_seed.code(TotpSeed::step(self.clock.now())).expose()).await;
        until("the end of the sheet", async || self.driven.page.find(Locator::Css("[data-testid=mfa-sheet]")).await.is_err().then_some(())).await;
    }

    async fn snapshot(&self) -> Value {
        self.invoke("snapshot", json!({})).await
    }

    async fn invoke(&self, command: &str, arguments: Value) -> Value {
        let script = "const [command, given, done] = arguments; window.__TAURI_INTERNALS__.invoke(command, given).then(done, (e) => done({ refused: e }))";
        let answer = self.driven.page.execute_async(script, vec![json!(command), arguments]).await.unwrap();
        assert!(answer.get("refused").is_none(), "{command}: {answer}");
        answer
    }

    async fn ask_stagedoor(&self, arguments: &[&str]) -> String {
        let mut child = self.world.stagedoor().args(arguments).spawn().unwrap();
        let status = ended(&mut child).await;
        let (mut out, mut said) = (String::new(), String::new());
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(status.success(), "stagedoor {arguments:?}: {said}");
        out
    }

    fn keep_secrets_of(&mut self, document: &Value) {
        for (key, name) in [("SecretAccessKey", "a temporary secret access key"), ("SessionToken", "a session token")] {
            self.secrets.push((name, document[key].as_str().expect(key).to_owned()));
        }
    }
}

fn config(made: &ReadyMade) -> String {
    format!(
        "[profile {USER}]\nregion = eu-central-1\nmfa_serial = {}\n\n\
         [profile {PARTNER}]\nregion = eu-central-1\nrole_arn = {}\nsource_profile = {USER}\nmfa_serial = {}\nexternal_id = {}\n\n\
         [profile {DEVELOPER}]\nregion = eu-central-1\nrole_arn = {}\nsource_profile = {USER}\nmfa_serial = {}\nduration_seconds = 900\n",
        made.mfa_serial.as_str(),
        made.partner_role_arn,
        made.mfa_serial.as_str(),
        made.external_id.as_str(),
        made.mfa_role_arn,
        made.mfa_serial.as_str()
    )
}

#[expect(clippy::disallowed_methods, reason = "the app under test has the real clock")]
fn system_time() -> OffsetDateTime {
    SystemTime::now().into()
}

/// One plain HTTP request: status, `Location`, body.
fn get(url: &str) -> (u16, Option<String>, String) {
    let url = url::Url::parse(url).unwrap();
    let host = format!("{}:{}", url.host_str().unwrap(), url.port_or_known_default().unwrap());
    let Ok(mut stream) = TcpStream::connect(&host) else { return (410, None, String::new()) };
    let target = &url[url::Position::BeforePath..];
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    if stream.read_to_string(&mut answer).is_err() {
        return (410, None, String::new());
    }
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(410);
    let location =
        answer.lines().find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("location")).map(|(_, value)| value.to_owned()));
    (status, location, answer)
}

/// Every file of the home folder, as text; a keychain's file is among them.
fn files_below(folder: &std::path::Path, places: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files_below(&entry.path(), places);
        } else if kind.is_file() {
            let text = std::fs::read(entry.path()).unwrap_or_default();
            places.push((entry.path().display().to_string(), String::from_utf8_lossy(&text).into_owned()));
        }
    }
}
