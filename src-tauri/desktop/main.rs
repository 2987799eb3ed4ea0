//! The desktop app: one agent, a tray, and a window when somebody asks for it.
//!
//! Here the environment is read, once, and the parts are put together. What the app can do is in `commands.rs` (from the
//! window) and `tray.rs` (from the panel); what it shows comes from the agent's snapshot through `watch.rs`. The app knows
//! nothing of AWS.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod autostart;
mod clipboard;
mod commands;
mod desk;
mod menu;
mod notification;
mod place;
#[cfg(target_os = "linux")]
mod presses;
mod prompting;
mod seat;
mod setup_commands;
mod terminal;
mod tray;
mod watch;
mod window;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use stagedoor_core::{
    agent::Parts,
    aws::Environment,
    clock::Clock,
    error::{Code, Error, Result},
    paths::{Paths, Platform},
    store::{keychain::System, vault::Vault},
};
use tauri::RunEvent;

use crate::{desk::Desk, seat::Seat};

/// Credentials pass through buffers of the libraries below as well (TLS, HTTP, XML), so every byte is wiped as it is given back.
#[global_allocator]
static MEMORY: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// What the environment and the arguments say.
struct Start {
    paths: Paths,
    environment: Environment,
    program: PathBuf,
    shell: Option<String>,
    hidden: bool,
    display: bool,
}

impl Start {
    #[expect(clippy::disallowed_methods, reason = "the environment is read once, here")]
    fn read() -> Self {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let account = || std::env::home_dir()?.into_os_string().into_string().ok();
        let env = |name: &str| set(name).or_else(|| if cfg!(unix) && name == "HOME" { account() } else { None });
        let beside = std::env::current_exe().ok().and_then(|app| Some(app.parent()?.join(if cfg!(windows) { "stagedoor.exe" } else { "stagedoor" })));
        // A driven app has to have its window from the start, or the driver waits for ever.
        let driven = env("TAURI_AUTOMATION").is_some();
        Self {
            paths: Paths::from_env(Platform::current(), env),
            environment: Environment::new(std::env::vars_os()).and_the_system(),
            program: beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("stagedoor")),
            shell: env("SHELL"),
            hidden: std::env::args().skip(1).any(|argument| argument == "--hidden") && !driven,
            display: !cfg!(target_os = "linux") || env("DISPLAY").is_some() || env("WAYLAND_DISPLAY").is_some(),
        }
    }
}

fn main() -> ExitCode {
    stagedoor_core::private::no_core_dump();
    stagedoor_core::private::quiet_panics();
    match open(Start::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// A desktop session that ends asks with a signal: sessions are sealed then as after Quit.
fn end_with_the_session(app: &tauri::AppHandle) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else { return };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            app.exit(0);
        });
    }
    #[cfg(not(unix))]
    let _ = app;
}

#[expect(clippy::print_stderr, reason = "there is no window yet to say it in")]
fn complain(error: &Error) {
    eprintln!("stagedoor-desktop: {}\nhint: {}", error.message, error.hint);
}

fn open(start: Start) -> Result<()> {
    if !start.display {
        return Err(Error::new(
            Code::NotSupported,
            "There is no display to open a window on: neither DISPLAY nor WAYLAND_DISPLAY is set",
            "Run it in a desktop session, or use the agent without a window: stagedoor agent",
        ));
    }
    let clock = Clock::system();
    let keychain = Arc::new(System::new(&start.paths));
    let Start { paths, environment, program, .. } = start;
    let vault = Vault::new(&paths);
    let parts = Parts { paths: paths.clone(), clock: clock.clone(), keychain, vault, environment, program: program.clone(), windowless: false };
    let agent = match tauri::async_runtime::block_on(seat::take(parts, start.hidden))? {
        Seat::Ours(agent) => agent,
        Seat::Taken => return Ok(()),
    };
    let hidden = start.hidden;
    let desk = Desk::new(agent, clock, paths, program, start.shell);
    let app = tauri::Builder::default()
        .manage(desk)
        .invoke_handler(commands::all())
        .setup(move |app| {
            tray::create(app.handle())?;
            watch::begin(app.handle());
            end_with_the_session(app.handle());
            if !hidden {
                window::show(app.handle());
            }
            Ok(())
        })
        .build(tauri::generate_context!("tauri.conf.json"))
        .map_err(|error| Error::new(Code::NotSupported, format!("The app could not start: {error}"), "Check that WebKitGTK 4.1 is installed"))?;
    app.run(|app, event| match event {
        // The last window closed, nobody quit: the tray stays.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        RunEvent::Exit => desk::leave(app),
        // macOS: a click on the icon in the Dock.
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(app),
        _ => {}
    });
    Ok(())
}
