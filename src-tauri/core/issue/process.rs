//! A foreign `credential_process` as the base of a chain: run as the SDKs run it, its answer read as they read it.
//!
//! Not our own line: a connected profile resolves past it. What the command writes to standard error is not shown, because
//! nobody knows what other tools put there.

use std::{process::Stdio, time::Duration};

use serde::Deserialize;
use time::OffsetDateTime;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::{
    error::{Code, Error, Result},
    model::{access_key::AccessKeyId, credentials::TemporaryCredentials, profile::ProfileName, secret::Secret},
};

/// As long as the most patient of the SDKs that give up.
const DEADLINE: Duration = Duration::from_secs(50);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    version: u32,
    access_key_id: AccessKeyId,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    expiration: Option<OffsetDateTime>,
    account_id: Option<String>,
}

/// Runs `command` through the system's shell. Credentials without an end are asked for again after an hour.
pub async fn process_credentials(profile: &ProfileName, command: &str, now: OffsetDateTime) -> Result<TemporaryCredentials> {
    let failed = |why: String| {
        Error::new(Code::NoCredentials, format!("The credential_process of {profile} {why}"), "Run its command in a terminal to see what it says")
    };
    let mut shell = if cfg!(windows) { Command::new("cmd.exe") } else { Command::new("sh") };
    shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let child = shell.spawn().map_err(|error| failed(format!("could not be started: {error}")))?;
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output())
        .await
        .map_err(|_| failed("did not answer within 50 seconds".to_owned()))?
        .map_err(|error| failed(format!("could not be read: {error}")))?;
    let stdout = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed(format!("failed ({})", output.status)));
    }
    // serde_json's errors can quote what they read, so they are not passed on.
    let document: Document = serde_json::from_slice(&stdout).map_err(|_| failed("did not answer with the JSON that AWS defines".to_owned()))?;
    if document.version != 1 {
        return Err(failed(format!("answered in version {}, AWS defines 1", document.version)));
    }
    let Some(session_token) = document.session_token else {
        return Err(Error::new(
            Code::NotSupported,
            format!("The credential_process of {profile} gives a long-lived access key, which Stagedoor does not pass on"),
            format!("Store that key in the keychain instead: stagedoor keys add {profile}"),
        ));
    };
    Ok(TemporaryCredentials {
        access_key_id: document.access_key_id,
        secret_access_key: document.secret_access_key,
        session_token,
        expiration: document.expiration.unwrap_or(now + time::Duration::HOUR),
        account_id: document.account_id,
        arn: None,
    })
}
