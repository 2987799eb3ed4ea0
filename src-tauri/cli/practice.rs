//! `practice`: the practice account in the foreground, empty but for its root.
//!
//! It prints where it is and its root key, and serves until it is interrupted. Nothing is kept: the next one is another world.
//! The ready-made practice account of the window is the agent's, not this.

use std::process::ExitCode;

use serde_json::json;
use stagedoor_core::{
    clock::Clock,
    error::{Code, Error, Result},
    practice::{Server, World},
};

use crate::{agent::runtime, print};

/// Serves until it is interrupted.
pub(crate) fn run(port: u16, json: bool) -> Result<ExitCode> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Error::new(Code::NotSupported, format!("The system gave no random bytes: {error}"), "Try again"))?;
    runtime()?.block_on(async {
        let world = World::new(seed, Clock::system());
        let server = Server::start(world.clone(), port).await?;
        let root = world.root_key();
        if json {
            let line = json!({
                "endpoint": server.endpoint(),
                "signin_endpoint": server.signin_endpoint(),
                "account_id": world.account_id(),
                "access_key_id": root.id,
                "secret_access_key": root.secret.expose(),
                "region": "us-east-1",
            });
            print::data(&line.to_string());
        } else {
            let lines = [
                format!("export AWS_ENDPOINT_URL={}", server.endpoint()),
                format!("export AWS_ENDPOINT_URL_SIGNIN={}", server.signin_endpoint()),
                format!("export AWS_ACCESS_KEY_ID={}", root.id),
                format!("export AWS_SECRET_ACCESS_KEY={}", root.secret.expose()),
                "export AWS_REGION=us-east-1".to_owned(),
            ];
            print::data(&lines.join("\n"));
            print::say(&format!("The practice account {} runs until you press Ctrl+C. Nothing leaves this machine.", world.account_id()));
        }
        crate::agent::interrupted().await;
        server.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}
