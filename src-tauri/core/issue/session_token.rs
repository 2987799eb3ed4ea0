//! GetSessionToken: temporary credentials of the IAM user itself, with or without MFA.
//!
//! One such session with MFA serves every role behind it. It cannot call IAM without MFA, nor any STS operation but
//! AssumeRole and GetCallerIdentity; it cannot sign in to the console.

use super::{client, taken};
use crate::{
    aws::{Carried, Signer, told_without},
    error::Result,
    model::{access_key::AccessKey, credentials::TemporaryCredentials, mfa::MfaCode, params::MfaSerial},
};

/// The most that STS gives for a user's access key: 36 hours.
pub const LONGEST_SECONDS: u32 = 129_600;

/// STS GetSessionToken. `seconds` is 900 to 129,600; AWS gives root keys an hour at most.
pub async fn session_token(config: &aws_config::SdkConfig, key: &AccessKey, mfa: Option<(&MfaSerial, &MfaCode)>, seconds: u32) -> Result<TemporaryCredentials> {
    let asked = format!("GetSessionToken with {}", key.id);
    let signer = Signer::Key(key.clone());
    let answer = client(config, &signer, mfa.is_some())
        .get_session_token()
        .duration_seconds(i32::try_from(seconds.clamp(900, LONGEST_SECONDS)).unwrap_or(43_200))
        .set_serial_number(mfa.map(|(serial, _)| serial.as_str().to_owned()))
        .set_token_code(mfa.map(|(_, code)| code.expose().to_owned()))
        .send()
        .await
        .map_err(|error| told_without(&asked, &error, Carried { signer: Some(&signer), code: mfa.map(|(_, code)| code) }))?;
    taken(&asked, answer.credentials(), None)
}
