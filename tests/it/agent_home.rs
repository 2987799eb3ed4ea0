//! A home for an agent in this process: AWS files, a keychain in memory, a clock that the test drives, the practice AWS.
//!
//! Between the agent and the practice server stands a [`Tap`]: it notes the parameters of each request and can keep silent,
//! be slow or answer with somebody else's page. Nothing here sleeps: tests wait for a snapshot or an event.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use stagedoor_core::{
    agent::{self, Agent, Asker, Parts},
    aws::{Aws, Environment},
    clock::Clock,
    error::Result,
    model::{
        access_key::AccessKey,
        arn::Partition,
        mfa::{MfaCode, TotpSeed},
        profile::ProfileName,
        snapshot::{Event, SessionView, Snapshot},
    },
    paths::{Paths, Platform},
    practice::{ReadyMade, Server, World},
    store::{
        aws_files::AwsFiles,
        keychain::{Keys, Memory},
        vault::Vault,
    },
};
use time::{OffsetDateTime, macros::datetime};
use tokio::sync::broadcast;

use crate::agent_tap::Tap;

/// When every test begins: at the beginning of a step of thirty seconds.
pub(crate) const BEGIN: OffsetDateTime = datetime!(2026-11-23 09:00 UTC);
/// Far beyond what anything here needs, so that only a real failure gets there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an agent needs around it.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) keychain: Memory,
    pub(crate) world: World,
    pub(crate) ready: ReadyMade,
    pub(crate) tap: Tap,
    server: Option<Server>,
}

impl Home {
    /// With alice's key in the keychain and the profiles `key` (hers), `reader` and `writer` (roles), `dev`, `ops` and `sec`
    /// (roles behind her MFA device).
    pub(crate) async fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sda").tempdir().unwrap();
        let clock = Clock::driven(BEGIN);
        let (world, ready) = World::ready_made([7; 32], clock.clone());
        let server = Server::start(world.clone(), 0).await.unwrap();
        let tap = Tap::before(&server.endpoint()).await;
        let home = Self { folder, clock, keychain: Memory::new(), world, ready, tap, server: Some(server) };
        fs::create_dir(home.path(".aws")).unwrap();
        home.keys().put_access_key(&home.ready.key).await.unwrap();
        home.populate().await;
        let (id, account, serial, developer) =
            (home.ready.key.id.as_str(), &home.ready.account_id, home.ready.mfa_serial.as_str(), home.ready.mfa_role_arn.as_str());
        let common = home.common();
        let role = |name: &str| format!("role_arn = arn:aws:iam::{account}:role/{name}\nsource_profile = key\n{common}");
        let mfa =
            |name: &str| format!("[profile {name}]\nrole_arn = {developer}\nsource_profile = key\nmfa_serial = {serial}\nrole_session_name = {name}\n{common}");
        home.config(&format!(
            "[profile key]\nstagedoor_access_key_id = {id}\n{common}\n[profile reader]\n{}\n[profile writer]\n{}\n{}\n{}\n{}\n",
            role("Reader"),
            role("Writer"),
            mfa("dev"),
            mfa("ops"),
            mfa("sec")
        ));
        home
    }

    /// Alice may call everything of STS; four roles trust the account and may assume each other.
    async fn populate(&self) {
        let iam = self.iam().await;
        let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
        iam.put_user_policy().user_name(&self.ready.user_name).policy_name("All").policy_document(all).send().await.unwrap();
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{}:root"}},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}}]}}"#,
            self.ready.account_id
        );
        for name in ["Reader", "Writer", "Second", "Third"] {
            iam.create_role().role_name(name).assume_role_policy_document(&trust).max_session_duration(43200).send().await.unwrap();
            iam.put_role_policy().role_name(name).policy_name("All").policy_document(all).send().await.unwrap();
        }
    }

    /// IAM of the practice account, as its root.
    pub(crate) async fn iam(&self) -> aws_sdk_iam::Client {
        let endpoint = self.server.as_ref().map(Server::endpoint).unwrap();
        let aws = Aws::new(self.clock.clone(), Environment::default());
        let files = AwsFiles::read(&self.paths()).unwrap();
        let config = aws.config(&files, "nobody", Partition::Aws).await;
        let AccessKey { id, secret } = self.world.root_key();
        let root = aws_credential_types::Credentials::new(id.as_str(), secret.expose(), None, None, "test");
        aws_sdk_iam::Client::from_conf(aws_sdk_iam::config::Builder::from(&config).endpoint_url(endpoint).credentials_provider(root).build())
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub(crate) fn paths(&self) -> Paths {
        let home = self.folder.path().to_str().unwrap();
        Paths::from_env(Platform::current(), |name| match name {
            "HOME" => Some(home.to_owned()),
            "STAGEDOOR_HOME" => Some(format!("{home}/sd")),
            _ => None,
        })
    }

    pub(crate) fn keys(&self) -> Keys {
        Keys(Arc::new(self.keychain.clone()))
    }

    /// Appends to `~/.aws/config`.
    pub(crate) fn config(&self, text: &str) {
        append(&self.paths().aws_config, text);
    }

    /// Appends to `~/.aws/credentials`.
    pub(crate) fn credentials(&self, text: &str) {
        append(&self.paths().aws_credentials, text);
    }

    /// `~/.aws/config` as it is.
    pub(crate) fn config_now(&self) -> String {
        fs::read_to_string(self.paths().aws_config).unwrap()
    }

    /// Replaces `~/.aws/config`.
    pub(crate) fn rewrite_config(&self, text: &str) {
        self.put(&self.paths().aws_config, text.as_bytes());
    }

    /// Replaces a file.
    pub(crate) fn put(&self, path: &std::path::Path, content: &[u8]) {
        assert!(path.starts_with(self.folder.path()));
        std::io::Write::write_all(&mut fs::File::create(path).unwrap(), content).unwrap();
    }

    /// The lines that lead a profile to the practice account.
    pub(crate) fn common(&self) -> String {
        format!("region = us-east-1\nendpoint_url = {}\n", self.tap.endpoint())
    }

    /// A role of the practice account as a profile.
    pub(crate) fn role(&self, profile: &str, role: &str, source: &str, more: &str) {
        let (account, common) = (&self.ready.account_id, self.common());
        self.config(&format!("\n[profile {profile}]\nrole_arn = arn:aws:iam::{account}:role/{role}\nsource_profile = {source}\n{common}{more}\n"));
    }

    /// An agent that runs.
    pub(crate) async fn agent(&self) -> Agent {
        let agent = Agent::open(self.parts()).await.unwrap();
        tokio::spawn(agent::run(agent.clone()));
        agent
    }

    /// An agent that runs on another computer than AWS: its clock is its own, and so are its variables.
    pub(crate) async fn agent_with(&self, clock: Clock, variables: &[(&str, &str)]) -> Agent {
        let environment = Environment::new(variables.iter().copied());
        let agent = Agent::open(Parts { clock, environment, ..self.parts() }).await.unwrap();
        tokio::spawn(agent::run(agent.clone()));
        agent
    }

    pub(crate) fn parts(&self) -> Parts {
        Parts {
            paths: self.paths(),
            clock: self.clock.clone(),
            keychain: Arc::new(self.keychain.clone()),
            vault: Vault::with_work(&self.paths(), 4),
            environment: Environment::new([("USER".to_owned(), "alice".to_owned())]),
            program: PathBuf::from("/opt/stagedoor/stagedoor"),
            windowless: true,
        }
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, by: time::Duration) {
        self.clock.advance(by);
    }

    /// The code that alice's device shows now.
    pub(crate) fn code(&self) -> MfaCode {
        self.ready.mfa_seed.code(TotpSeed::step(self.clock.now()))
    }

    /// Six digits that her device shows neither now nor soon.
    pub(crate) fn wrong_code(&self) -> MfaCode {
        let step = TotpSeed::step(self.clock.now());
        let near: Vec<_> = (step - 3..step + 4).map(|step| self.ready.mfa_seed.code(step)).collect();
        (0..100).map(|n| MfaCode::parse(&format!("{n:06}")).unwrap()).find(|code| !near.contains(code)).unwrap()
    }

    /// How often the practice account was asked for something.
    pub(crate) fn count(&self, action: &str) -> usize {
        self.world.calls().iter().filter(|call| call.action == action).count()
    }

    /// No AWS any more.
    pub(crate) async fn stop_server(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    /// Where sessions are kept.
    pub(crate) fn sealed(&self) -> PathBuf {
        self.paths().data.join("sessions.sealed")
    }
}

fn append(path: &std::path::Path, text: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

pub(crate) fn name(profile: &str) -> ProfileName {
    ProfileName::new(profile)
}

pub(crate) async fn start(agent: &Agent, profile: &str, code: Option<MfaCode>) -> Result<()> {
    agent.start(&name(profile), code, &Asker::stagedoor()).await
}

/// What a tool gets.
pub(crate) async fn process(agent: &Agent, profile: &str) -> Result<serde_json::Value> {
    let document = agent.process_document(&name(profile), &Asker::stagedoor()).await?;
    Ok(serde_json::from_str(document.expose()).expect("one JSON object"))
}

/// The access key ID that a tool gets.
pub(crate) async fn key_id(agent: &Agent, profile: &str) -> Result<String> {
    process(agent, profile).await.map(|document| document["AccessKeyId"].as_str().unwrap().to_owned())
}

/// Waits until the snapshot shows it.
pub(crate) async fn until(agent: &Agent, what: &str, shows: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut snapshots = agent.snapshot();
    let seen = tokio::time::timeout(PATIENCE, snapshots.wait_for(|snapshot| shows(snapshot))).await;
    let Ok(seen) = seen else { panic!("never seen: {what}; last: {:?}", agent.snapshot().borrow().profiles) };
    Arc::clone(&seen.unwrap())
}

/// A profile's session in a snapshot.
pub(crate) fn session(snapshot: &Snapshot, profile: &str) -> Option<SessionView> {
    snapshot.profiles.iter().find(|view| view.name.as_str() == profile)?.session.clone()
}

/// The next event that is wanted; others pass.
pub(crate) async fn next_event(events: &mut broadcast::Receiver<Event>, wanted: impl Fn(&Event) -> bool) -> Event {
    let next = async {
        loop {
            let event = events.recv().await.expect("the agent tells events");
            if wanted(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("the event comes")
}

/// The events that were told so far.
pub(crate) fn events_so_far(events: &mut broadcast::Receiver<Event>) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().ok()).collect()
}

/// Parameters of one request, as they arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(pub(crate) BTreeMap<String, String>);

impl Seen {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Shared by the tap and the test.
pub(crate) type Notes = Arc<Mutex<Vec<Seen>>>;
