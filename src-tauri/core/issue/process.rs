//! A foreign `credential_process` as the base of a chain: run as the SDKs run it, its answer read as they read it.
//!
//! Not our own line: a connected profile resolves past it. What the command writes to standard error is not shown, because
//! nobody knows what other tools put there.

use std::{process::Stdio, time::Duration};

use serde::Deserialize;
use time::OffsetDateTime;
use tokio::{io::AsyncReadExt, process::Command};
use zeroize::Zeroizing;

use crate::{
    error::{Code, Error, Result},
    model::{
        access_key::{AccessKey, AccessKeyId},
        credentials::{TemporaryCredentials, end},
        profile::ProfileName,
        secret::Secret,
    },
};

/// As long as the most patient of the SDKs that give up.
const DEADLINE: Duration = Duration::from_secs(50);

/// More than this is no document: the longest session token is a few thousand characters.
const LONGEST: u64 = 1 << 20;

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

/// What a program gave.
pub enum Given {
    /// A long-lived access key: good to sign with, never passed on.
    Key(AccessKey),
    /// A session.
    Temporary(TemporaryCredentials),
}

/// A long-lived key is not what a profile hands out.
pub fn long_lived(profile: &ProfileName) -> Error {
    Error::new(
        Code::NotSupported,
        format!("The credential_process of {profile} gives a long-lived access key, which Stagedoor does not pass on"),
        format!("Store that key in the keychain instead: stagedoor keys add {profile}"),
    )
}

/// Runs `command` through the system's shell. Credentials without an end are asked for again after an hour.
pub async fn process_credentials(profile: &ProfileName, command: &str, now: OffsetDateTime) -> Result<Given> {
    let failed = |why: String| {
        Error::new(Code::NoCredentials, format!("The credential_process of {profile} {why}"), "Run its command in a terminal to see what it says")
    };
    let mut shell = if cfg!(windows) { Command::new("cmd.exe") } else { Command::new("sh") };
    shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = shell.spawn().map_err(|error| failed(format!("could not be started: {error}")))?;
    let mut pipe = child.stdout.take().ok_or_else(|| failed("could not be read".to_owned()))?.take(LONGEST + 1);
    let mut stdout = Zeroizing::new(Vec::with_capacity(16 * 1024));
    let answer = async {
        pipe.read_to_end(&mut stdout).await?;
        // Whoever goes on writing is ended with the child, not waited for.
        Ok(if pipe.limit() == 0 { None } else { Some(child.wait().await?) })
    };
    let status = tokio::time::timeout(DEADLINE, answer)
        .await
        .map_err(|_| failed("did not answer within 50 seconds".to_owned()))?
        .map_err(|error: std::io::Error| failed(format!("could not be read: {error}")))?
        .ok_or_else(|| failed("wrote more than 1 MiB, which is no answer".to_owned()))?;
    if !status.success() {
        return Err(failed(format!("failed ({status})")));
    }
    // serde_json's errors can quote what they read, so they are not passed on.
    let document: Document = serde_json::from_slice(&stdout).map_err(|_| failed("did not answer with the JSON that AWS defines".to_owned()))?;
    if document.version != 1 {
        return Err(failed(format!("answered in version {}, AWS defines 1", document.version)));
    }
    let Some(session_token) = document.session_token.filter(|token| !token.is_empty()) else {
        return Ok(Given::Key(AccessKey { id: document.access_key_id, secret: document.secret_access_key }));
    };
    let expiration = match document.expiration {
        Some(at) => end(at).ok_or_else(|| failed("gave an Expiration that no session has (a year before 1970 or after 9998)".to_owned()))?,
        None => now + time::Duration::HOUR,
    };
    Ok(Given::Temporary(TemporaryCredentials {
        access_key_id: document.access_key_id,
        secret_access_key: document.secret_access_key,
        session_token,
        expiration,
        account_id: document.account_id,
        arn: None,
    }))
}

#[cfg(all(test, unix))]
mod tests {
    use time::macros::datetime;

    use super::*;

    async fn answers(command: &str) -> Result<TemporaryCredentials> {
        match process_credentials(&ProfileName::new("foreign"), command, datetime!(2026-11-23 09:00 UTC)).await? {
            Given::Temporary(credentials) => Ok(credentials),
            Given::Key(_) => panic!("a key that lasts"),
        }
    }

    fn document(expiration: &str) -> String {
        format!(r#"echo '{{"Version":1,"AccessKeyId":"ASIAEXAMPLEEXAMPLE00","SecretAccessKey":"s","SessionToken":"t","Expiration":"{expiration}"}}'"#)
    }

    #[tokio::test]
    async fn an_end_beyond_all_calendars_is_refused_and_any_other_is_kept_in_utc() {
        let held = answers(&document("2026-11-23T12:00:00+02:00")).await.unwrap();
        assert_eq!((held.expiration, held.expiration.offset()), (datetime!(2026-11-23 10:00 UTC), time::UtcOffset::UTC));
        for end in ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00+12:00", "1969-12-31T23:59:59Z"] {
            let error = answers(&document(end)).await.unwrap_err();
            assert!(error.code == Code::NoCredentials && error.message.contains("Expiration"), "{end}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_command_that_never_stops_writing_is_not_listened_to_for_ever() {
        let error = answers("exec cat /dev/zero").await.unwrap_err();
        assert!(error.message.contains("more than 1 MiB"), "{error:?}");
    }
}
