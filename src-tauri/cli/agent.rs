//! `agent`: the one agent, without a window, in the foreground.
//!
//! It opens the parts, stands for election and serves until it is told to end. What an agent does is in the core; here is only
//! what a process of its own needs around it: a runtime, signals, a log on standard error.

use std::{process::ExitCode, sync::Arc, time::Duration};

use stagedoor_core::{
    agent::{
        Agent, Parts,
        election::{self, Outcome},
        serve,
        socket::Listener,
    },
    aws::Environment,
    clock::Clock,
    error::{Code, Error, Result},
    private,
    store::{keychain::System, vault::Vault},
};

use crate::{Outside, child, print};

/// How long calls that are under way have to land when the system ends this process.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Serves until it is interrupted, asked to end, or the app takes over.
pub(crate) fn run(outside: &Outside) -> Result<ExitCode> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).with_max_level(tracing::Level::INFO).init();
    private::no_core_dump();
    private::no_other_reader();
    let elected = match election::stand(&outside.paths, false)? {
        Outcome::Elected(elected) => elected,
        Outcome::AlreadyRunning { .. } => {
            print::say("Stagedoor is running already.");
            return Ok(ExitCode::SUCCESS);
        }
    };
    runtime()?.block_on(async {
        let parts = Parts {
            paths: outside.paths.clone(),
            clock: Clock::system(),
            keychain: Arc::new(System::new(&outside.paths)),
            vault: Vault::new(&outside.paths),
            environment: Environment::new(std::env::vars_os().filter(|(name, value)| !child::hides(&outside.paths, name, value))).and_the_system(),
            program: std::env::current_exe()
                .map_err(|error| Error::new(Code::Agent, format!("This program cannot find itself: {error}"), "Start it by its full path"))?,
            windowless: true,
        };
        // Listens first and opens then: who asks meanwhile waits in the queue instead of starting another agent.
        let listener = Listener::bind(&outside.paths)?;
        let agent = Agent::open(parts).await?;
        let background = tokio::spawn(stagedoor_core::agent::run(agent.clone()));
        tracing::info!(socket = %outside.paths.socket().display(), "the agent listens");
        let ending = agent.clone();
        tokio::spawn(async move {
            interrupted().await;
            let _ = ending.close(LAST_WORDS).await;
        });
        serve(agent, listener).await;
        let _ = background.await;
        Ok(())
    })?;
    drop(elected);
    Ok(ExitCode::SUCCESS)
}

/// The runtime of the two commands that serve.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::new(Code::Agent, format!("The agent could not start: {error}"), "Close some programs, then try again"))
}

/// Returns at Ctrl+C, or when the system ends this process.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut end), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = end.recv() => {}
                _ = hang_up.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
