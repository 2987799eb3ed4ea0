//! `practice`: the practice account in the foreground, empty but for its root.
//!
//! It prints where it is and its root key, and serves until it is interrupted. Nothing is kept: the next one is another world.
//! The ready-made practice account of the window is the agent's, not this.

use std::{process::ExitCode, time::Duration};

use serde_json::json;
use stagedoor_core::{
    clock::Clock,
    error::{Code, Error, Result},
    model::params::seconds,
    practice::{AccountKey, Server, World},
};

use crate::{agent::runtime, print};

/// Serves until it is interrupted.
pub(crate) fn run(port: u16, eventual: Option<&str>, json: bool) -> Result<ExitCode> {
    let delay = match eventual.map(|text| seconds(text).filter(|seconds| *seconds <= 3600).ok_or(text)).transpose() {
        Ok(delay) => Duration::from_secs(delay.unwrap_or(0).into()),
        Err(text) => return Ok(print::wrong_argument(&Error::invalid("--eventual", text, "0s to 1h, such as 5s"))),
    };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Error::new(Code::NotSupported, format!("The system gave no random bytes: {error}"), "Try again"))?;
    runtime()?.block_on(async {
        let world = World::new(seed, Clock::system());
        world.set_eventual(delay);
        let server = Server::start(world.clone(), port).await?;
        let root = world.root_key();
        let accounts = world.accounts();
        if json {
            let line = json!({
                "endpoint": server.endpoint(),
                "signin_endpoint": server.signin_endpoint(),
                "account_id": world.account_id(),
                "access_key_id": root.id,
                "secret_access_key": root.secret.expose(),
                "region": "us-east-1",
                "accounts": accounts.iter().map(account).collect::<Vec<_>>(),
            });
            print::data(&line.to_string());
        } else {
            let lines = [
                format!("export AWS_ENDPOINT_URL={}", server.endpoint()),
                format!("export AWS_ENDPOINT_URL_SIGNIN={}", server.signin_endpoint()),
                format!("export AWS_ACCESS_KEY_ID={}", root.id),
                format!("export AWS_SECRET_ACCESS_KEY={}", root.secret.expose()),
                "export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1".to_owned(),
                "unset AWS_SESSION_TOKEN AWS_PROFILE".to_owned(),
            ];
            print::data(&lines.join("\n"));
            print::say(&format!("The practice account {} runs until you press Ctrl+C; then all that was made in it is gone.", world.account_id()));
            print::say("Paste the lines above into another terminal, and the AWS CLI and every SDK there talk to it as its root.");
            print::say("It listens on this machine's loopback interface only; nothing leaves the machine.");
            for other in &accounts[1..] {
                print::say(&format!("For roles across accounts there is also {} ({}); --json gives the access key of its root.", other.account_id, other.name));
            }
        }
        crate::agent::interrupted().await;
        server.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

/// An account as JSON has it.
fn account(account: &AccountKey) -> serde_json::Value {
    json!({
        "account_id": account.account_id,
        "name": account.name,
        "access_key_id": account.key.id,
        "secret_access_key": account.key.secret.expose(),
    })
}
