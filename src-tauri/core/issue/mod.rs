//! Credentials in: one file per STS operation. Each takes what signs the call and gives back what STS gave.
//!
//! Nothing is remembered here: which call is needed, and whether it is needed at all, is the agent's business.

mod assume_role;
mod caller_identity;
mod federation_token;
mod process;
mod session_token;

use aws_sdk_sts::{
    config::{Builder, retry::RetryConfig},
    types::Credentials,
};
use time::OffsetDateTime;

pub use self::{
    assume_role::assume_role,
    caller_identity::{CallerIdentity, caller_identity},
    federation_token::{Federated, federation_token},
    process::{Given, long_lived, process_credentials},
    session_token::{LONGEST_SECONDS, session_token},
};
use crate::{
    aws::{AskAgain, Signer},
    error::{Code, Error, Result},
    model::{
        access_key::AccessKeyId,
        arn::Partition,
        credentials::{TemporaryCredentials, end},
        secret::Secret,
    },
};

/// A client that signs with `signer`. A call with an MFA code is made once only: its repetition would find the code used.
fn client(config: &aws_config::SdkConfig, signer: &Signer, once: bool) -> aws_sdk_sts::Client {
    let mut builder = Builder::from(config).credentials_provider(signer.credentials()).retry_classifier(AskAgain);
    if once {
        builder = builder.retry_config(RetryConfig::disabled());
    }
    aws_sdk_sts::Client::from_conf(builder.build())
}

/// The same for a call that is made to see whether it is refused, and only once.
pub(crate) fn sts_client(config: &aws_config::SdkConfig, signer: &Signer) -> aws_sdk_sts::Client {
    client(config, signer, true)
}

/// Takes the credentials of an answer over.
pub(crate) fn taken(asked: &str, credentials: Option<&Credentials>, arn: Option<&str>) -> Result<TemporaryCredentials> {
    let unreadable = |()| {
        Error::new(
            Code::AwsUnreachable,
            format!("The answer to {asked} holds no usable credentials"),
            "Check the endpoint_url: something other than AWS may have answered",
        )
    };
    let credentials = credentials.ok_or(()).map_err(unreadable)?;
    if credentials.secret_access_key().is_empty() || credentials.session_token().is_empty() {
        return Err(unreadable(()));
    }
    let expiration = OffsetDateTime::from_unix_timestamp(credentials.expiration().secs()).ok().and_then(end).ok_or(()).map_err(unreadable)?;
    Ok(TemporaryCredentials {
        access_key_id: AccessKeyId::parse(credentials.access_key_id()).map_err(|_| unreadable(()))?,
        secret_access_key: Secret::new(credentials.secret_access_key()),
        session_token: Secret::new(credentials.session_token()),
        expiration,
        account_id: arn.and_then(|arn| arn.split(':').nth(4)).map(str::to_owned),
        arn: arn.map(str::to_owned),
    })
}

/// The partition of a profile by its Region, for calls that no role's ARN decides.
pub fn partition_of(region: Option<&str>) -> Partition {
    region.map_or(Partition::Aws, Partition::of_region)
}
