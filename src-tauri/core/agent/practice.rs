//! The practice account inside the agent: its server, its profiles in `~/.aws/config`, its keys in the keychain.
//!
//! The whole practice world grows from 32 bytes in the keychain, so it is the same after a restart, and sessions that it
//! issued go on; what people make in it is kept beside (`practice_kept`), sealed with the same bytes. It listens on loopback
//! only.

use std::sync::PoisonError;

use zeroize::Zeroizing;

use super::{
    Agent,
    exercise::{self, Exercise},
    leads::Leads,
    practice_kept::Keeping,
    practice_view,
    renewal::Held,
};
use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::AccessKey,
        practice::{AccountView, PracticeOverview},
        profile::ProfileName,
        snapshot::PracticeView,
    },
    practice::{ReadyMade, Server, World},
    store::{aws_files::edit::Edit, keychain::Item},
};

/// The profiles that are written: the user, the role that wants MFA, the role in another account.
pub(super) const USER: &str = "practice";
const ADMIN: &str = "practice-admin";
const PARTNER: &str = "practice-partner";
/// Who sets things up in it: its root, because nobody else is there who could. Not handed out to tools.
const SETUP: &str = "practice-setup";

/// The practice account while it runs.
pub(super) struct Running {
    server: Server,
    pub(super) world: World,
    /// What the world grows from.
    seed: Zeroizing<[u8; 32]>,
    pub(super) ready: ReadyMade,
    /// Who was there at its start.
    start: Vec<AccountView>,
    pub(super) exercise: Exercise,
    keeping: Keeping,
}

impl Running {
    pub(super) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Nothing changes any more; then what there is is kept.
    async fn end(self, agent: &Agent) -> AccessKey {
        self.server.stop().await;
        self.keeping.end().await;
        agent.keep_practice(&self.world).await;
        self.ready.key
    }
}

pub(super) fn not_running() -> Error {
    Error::new(Code::NoCredentials, "The practice account is not running", "Start it in Settings")
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Running")
    }
}

impl Agent {
    /// Starts the practice account and writes its profiles.
    pub async fn start_practice(&self) -> Result<()> {
        let port = self.choices().practice_port.unwrap_or(0);
        self.run_practice(port).await
    }

    async fn run_practice(&self, port: u16) -> Result<()> {
        let mut practice = self.0.practice.lock().await;
        if practice.is_some() {
            return Ok(());
        }
        let seed = self.0.keys.key_material(Item::PracticeSeed).await;
        self.keychain_said(seed.as_ref().err());
        let (seed, clock) = (seed?, self.0.parts.clock.clone());
        let kept = self.kept_practice(&seed)?;
        let start = World::ready_made(*seed, clock);
        let start_view = start.0.overview();
        let (world, ready) = kept.unwrap_or(start);
        // The same port as before where it is free, so that terminals find it again.
        let server = match Server::start(world.clone(), port).await {
            Ok(server) => server,
            Err(_) if port != 0 => Server::start(world.clone(), 0).await?,
            Err(error) => return Err(error),
        };
        self.0.keys.put_access_key(&ready.key).await?;
        self.0.keys.put_access_key(&world.root_key()).await?;
        self.write_practice(&server.endpoint(), &ready, &world.root_key()).await?;
        let port = server.endpoint().rsplit(':').next().and_then(|port| port.parse().ok());
        *self.0.practice_view.lock().unwrap_or_else(PoisonError::into_inner) =
            PracticeView { endpoint: Some(server.endpoint()), mfa_serial: Some(ready.mfa_serial.as_str().to_owned()), calls: world.call_count() };
        let keeping = Keeping::begin(self, &world);
        *practice = Some(Running { server, start: start_view, world, seed, ready, exercise: Exercise::default(), keeping });
        drop(practice);
        self.choose(|choices| choices.practice_port = port).await
    }

    async fn write_practice(&self, endpoint: &str, ready: &ReadyMade, root: &AccessKey) -> Result<()> {
        let _edit = self.0.editing.lock().await;
        let files = self.files()?;
        let mut edit = Edit::nothing();
        let common = [("region", "us-east-1"), ("endpoint_url", endpoint), ("stagedoor_practice", "true")];
        let (id, serial) = (ready.key.id.as_str(), ready.mfa_serial.as_str());
        let profiles: [(&str, Vec<(&str, &str)>); 4] = [
            (USER, vec![("stagedoor_access_key_id", id)]),
            (ADMIN, vec![("role_arn", ready.mfa_role_arn.as_str()), ("source_profile", USER), ("mfa_serial", serial)]),
            (PARTNER, vec![("role_arn", ready.partner_role_arn.as_str()), ("source_profile", USER), ("external_id", ready.external_id.as_str())]),
            (SETUP, vec![("stagedoor_access_key_id", root.id.as_str())]),
        ];
        for (name, own) in profiles {
            let name = ProfileName::new(name);
            match files.profile(&name) {
                Some(found) if found.get("stagedoor_practice").is_none() => {
                    return Err(Error::new(
                        Code::InvalidValue,
                        format!("There is a profile named {name} already, and it is not of the practice account"),
                        format!("Rename the profile {name} in your config file, then try again"),
                    ));
                }
                Some(_) => edit = edit.then(Edit::set_all(&name, &[("endpoint_url", Some(endpoint))])?),
                None => {
                    let properties: Vec<_> = own.into_iter().chain(common).collect();
                    edit = edit.then(Edit::add_profile(&name, &properties)?);
                    if name.as_str() != SETUP {
                        edit = edit.then(Edit::connect(&[name], &self.0.parts.program)?);
                    }
                }
            }
        }
        self.write_kept(&edit, "start of the practice account").await.map(drop)
    }

    /// Stops it and takes its profiles and keys away.
    pub async fn stop_practice(&self) -> Result<()> {
        // Held to the end: a start meanwhile finds its file written and its profiles gone.
        let mut practice = self.0.practice.lock().await;
        let Some(running) = practice.take() else { return Ok(()) };
        let root = running.world.root_key();
        let key = running.end(self).await;
        *self.0.practice_view.lock().unwrap_or_else(PoisonError::into_inner) = PracticeView::default();
        {
            let _edit = self.0.editing.lock().await;
            let mut edit = Edit::nothing();
            for name in [SETUP, PARTNER, ADMIN, USER] {
                let name = ProfileName::new(name);
                self.state().stop(&name);
                edit = edit.then(Edit::remove_profile(&name));
            }
            self.write_kept(&edit, "end of the practice account").await?;
            self.state().sources.retain(|source, _| source.key != key.id);
        }
        self.0.keys.delete_access_key(&key.id).await?;
        self.0.keys.delete_access_key(&root.id).await?;
        self.choose(|choices| choices.practice_port = None).await?;
        self.seal().await
    }

    /// Brings it back to its start: everything that was made in it is gone, its profiles go on. Sessions end of whom the world
    /// no longer knows.
    pub async fn reset_practice(&self) -> Result<()> {
        let mut practice = self.0.practice.lock().await;
        let running = practice.as_mut().ok_or_else(not_running)?;
        let (fresh, ready) = World::ready_made(*running.seed, self.0.parts.clock.clone());
        running.world.begin_again(&fresh);
        running.exercise = Exercise::default();
        (running.ready, running.start) = (ready, running.world.overview());
        // All of it is tried, and what is in memory first: a keychain or a file that says no leaves no dead session behind.
        let ended = self.end_unknown(&running.world, &running.endpoint());
        let stored = self.0.keys.put_access_key(&running.ready.key).await;
        let stored = stored.and(self.0.keys.put_access_key(&running.world.root_key()).await);
        let written = self.write_practice(&running.endpoint(), &running.ready, &running.world.root_key()).await;
        drop(practice);
        self.look_at_practice().await;
        // Also where nothing was called yet: sessions ended.
        self.publish();
        let sealed = self.seal().await;
        ended.and(stored).and(written).and(sealed)
    }

    /// Ends the sessions that came from this endpoint and whose user or role is not there any more.
    fn end_unknown(&self, world: &World, endpoint: &str) -> Result<()> {
        let files = self.files()?;
        let gone = |held: &Held| {
            let credentials = &held.credentials;
            !world.knows(credentials.access_key_id.as_str(), credentials.secret_access_key.expose(), credentials.session_token.expose())
        };
        let names = files.profiles().iter().map(|profile| ProfileName::new(&*profile.name));
        let leads = names.filter_map(|name| Leads::of(&files, &name).ok().map(|leads| (name, leads)));
        let here: Vec<_> = leads.filter(|(_, leads)| leads.asks(endpoint)).collect();
        let mut state = self.state();
        for (profile, _) in &here {
            if state.sessions.get(profile).and_then(|session| session.held.as_ref()).is_some_and(gone) {
                state.stop(profile);
            }
        }
        state.sources.retain(|source, held| !(gone(held) && here.iter().any(|(_, leads)| leads.place == source.place)));
        Ok(())
    }

    /// All that its screen shows.
    pub async fn practice_overview(&self) -> Result<PracticeOverview> {
        let practice = self.0.practice.lock().await;
        let running = practice.as_ref().ok_or_else(not_running)?;
        let accounts = running.world.overview();
        Ok(PracticeOverview {
            made: practice_view::made(&running.start, &accounts),
            accounts,
            calls: practice_view::last_calls(&running.world),
            exercise: exercise::view(running, self.now()),
        })
    }

    /// Tells in the snapshot how many calls there were: the window then looks again.
    pub(super) async fn look_at_practice(&self) {
        let practice = self.0.practice.lock().await;
        let Some(running) = practice.as_ref() else { return };
        let calls = running.world.call_count();
        drop(practice);
        let mut view = self.0.practice_view.lock().unwrap_or_else(PoisonError::into_inner);
        if view.endpoint.is_some() && view.calls != calls {
            view.calls = calls;
            self.0.touched.notify_one();
        }
    }

    /// The access key of the practice account's root: for setting things up in it, never for the window.
    pub async fn practice_root(&self) -> Result<AccessKey> {
        let practice = self.0.practice.lock().await;
        let running = practice.as_ref().ok_or_else(not_running)?;
        Ok(running.world.root_key())
    }

    /// The practice user's TOTP seed as a QR code (SVG), for an authenticator app.
    pub async fn practice_qr(&self) -> Result<String> {
        let practice = self.0.practice.lock().await;
        let running = practice.as_ref().ok_or_else(not_running)?;
        let user = &running.ready.user_name;
        let url = format!("otpauth://totp/Stagedoor%20practice:{user}?secret={}&issuer=Stagedoor%20practice", running.ready.mfa_seed.expose());
        let code = qrcode::QrCode::new(url.as_bytes())
            .map_err(|_| Error::new(Code::NotSupported, "The QR code cannot be drawn", "Add the seed to the keychain instead"))?;
        Ok(code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build())
    }

    /// Starts it again after a restart of the agent, if the person keeps it.
    pub(super) async fn resume_practice(&self) {
        let port = self.choices().practice_port;
        if let Some(port) = port.filter(|_| !self.locked()) {
            let resumed = self.run_practice(port).await;
            self.problems().practice =
                resumed.err().map(|error| Error { message: format!("The practice account could not be started: {}", error.message), ..error });
        }
    }

    /// Frees its port for the agent that comes next.
    pub(super) async fn pause_practice(&self) {
        let mut practice = self.0.practice.lock().await;
        if let Some(running) = practice.take() {
            running.end(self).await;
        }
    }
}
