//! One agent per user: takes the seat, or asks the app that has it to show its window.
//!
//! An agent without a window is asked to seal its sessions and make room. Everything is ready before the socket answers, so that
//! nobody who asks meanwhile is lost.

use stagedoor_core::{
    agent::{
        Agent, Parts,
        election::{self, Outcome},
        protocol::Request,
        run, serve,
        socket::{
            Listener,
            client::{self, Failure},
        },
    },
    error::{Code, Error, Result},
    paths::Paths,
};

/// How the election went.
pub(crate) enum Seat {
    /// This process owns the state now.
    Ours(Agent),
    /// Another app has it, and shows its window unless this was a hidden start.
    Taken,
}

/// Takes the seat, from an agent without a window too, or finds it taken by an app. A hidden start bothers nobody.
pub(crate) async fn take(parts: Parts, hidden: bool) -> Result<Seat> {
    let elected = match election::stand(&parts.paths, true)? {
        Outcome::Elected(elected) => elected,
        Outcome::AlreadyRunning { .. } => {
            if !hidden {
                ask_to_show(&parts.paths)?;
            }
            return Ok(Seat::Taken);
        }
    };
    let listener = Listener::bind(&parts.paths)?;
    let agent = Agent::open(parts).await?;
    tauri::async_runtime::spawn(run(agent.clone()));
    let answering = agent.clone();
    tauri::async_runtime::spawn(async move {
        serve(answering, listener).await;
        // The seat is free only when nobody can be answered any more.
        drop(elected);
    });
    Ok(Seat::Ours(agent))
}

fn ask_to_show(paths: &Paths) -> Result<()> {
    match client::ask(paths, &Request::ShowWindow) {
        Ok(_) => Ok(()),
        Err(Failure::Nobody | Failure::Gone | Failure::Late) => Err(Error::new(Code::Agent, "Stagedoor was just ending", "Start it again")),
        Err(Failure::Other(error)) => Err(error),
    }
}
