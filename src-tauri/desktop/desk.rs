//! What the parts of the app share: the agent, the clock, the places, and the clipboard that it filled.
//!
//! Also the few acts that window, tray and notifications have in common, so that each of them stays a list of names.

use std::{path::PathBuf, sync::Mutex, time::Duration};

use stagedoor_core::{
    agent::{Agent, Asker, ConsoleTarget},
    clock::Clock,
    error::{Code, Error, Result},
    model::{profile::ProfileName, snapshot::Event},
    paths::Paths,
};
use tauri::{AppHandle, Manager};

use crate::{clipboard::Clipboard, notification, watch, window};

/// How long a request to AWS that is under way may hold up the end.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The app's own state: nothing that the agent knows is kept here a second time.
pub(crate) struct Desk {
    pub(crate) agent: Agent,
    pub(crate) clock: Clock,
    pub(crate) paths: Paths,
    /// The `stagedoor` program beside the app.
    pub(crate) program: PathBuf,
    /// `$SHELL`
    pub(crate) shell: Option<String>,
    pub(crate) clipboard: Clipboard,
    /// Moments that wait for a window whose page is not there yet.
    pub(crate) waiting: Mutex<Waiting>,
}

/// Whether the page listens, and what it has to be told as soon as it does.
#[derive(Default)]
pub(crate) struct Waiting {
    pub(crate) listening: bool,
    pub(crate) moments: Vec<Event>,
}

impl Desk {
    pub(crate) fn new(agent: Agent, clock: Clock, paths: Paths, program: PathBuf, shell: Option<String>) -> Self {
        Self { agent, clock, paths, program, shell, clipboard: Clipboard::default(), waiting: Mutex::default() }
    }
}

/// The app's state, from wherever there is a handle.
pub(crate) fn of(app: &AppHandle) -> tauri::State<'_, Desk> {
    app.state::<Desk>()
}

/// Starts a profile for a press outside the window. Where a code is needed the window opens its sheet.
pub(crate) fn start(app: &AppHandle, profile: ProfileName) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let started = of(&app).agent.start(&profile, None, &Asker::stagedoor()).await;
        match started {
            Ok(()) => {}
            Err(error) if matches!(error.code, Code::MfaCodeRequired | Code::MfaCodeRefused) => ask(&app, profile, error),
            Err(error) => notification::failed(&app, &profile, &error),
        }
    });
}

/// Opens the window with the sheet that asks for what `error` says is needed.
pub(crate) fn ask(app: &AppHandle, profile: ProfileName, error: Error) {
    window::show(app);
    watch::tell(app, Event::PersonNeeded { profile, who: Asker::stagedoor().name, error });
}

/// Opens the console in the browser, through a loopback address that works once: the link itself is a secret, and
/// arguments of processes can be read by others.
pub(crate) async fn open_console(desk: &Desk, profile: &ProfileName, service: Option<String>) -> Result<()> {
    let target = ConsoleTarget { service, ..ConsoleTarget::default() };
    let door = desk.agent.console_door(profile, &target, &Asker::stagedoor()).await?;
    open::that_detached(door).map_err(|error| {
        Error::new(Code::NotSupported, format!("No browser could be opened: {error}"), "Copy the console link instead, or set a default browser")
    })
}

/// Copies the lines that put a profile's credentials into a shell.
pub(crate) async fn copy_environment(desk: &Desk, profile: &ProfileName) -> Result<()> {
    let shell = desk.agent.snapshot().borrow().settings.shell;
    let lines = desk.agent.environment(profile, shell, &Asker::stagedoor()).await?;
    desk.clipboard.copy(&lines)
}

/// The last act: what is ours leaves the clipboard, the sessions are sealed and the socket is freed.
pub(crate) fn leave(app: &AppHandle) {
    let desk = of(app);
    desk.clipboard.clear();
    window::remember(app);
    // Nobody is left to tell; the next start reports what was not sealed.
    let _ = tauri::async_runtime::block_on(desk.agent.close(LAST_WORDS));
}
