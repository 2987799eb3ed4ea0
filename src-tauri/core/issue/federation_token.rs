//! GetFederationToken: a user's key, narrowed, for signing in to the console (GetSessionToken credentials cannot).
//!
//! Not a way to hand out credentials yet: only the console of a plain access key uses it. Its session policy narrows nothing, so
//! that the person may do there what the key may do.

use super::{client, taken};
use crate::{
    aws::{Signer, told},
    error::Result,
    model::{access_key::AccessKey, credentials::TemporaryCredentials, params::SessionDuration},
};

/// A session policy that narrows nothing: what the user may do, the session may do.
const ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// STS GetFederationToken named `name` (2 to 32 characters), with all the user's permissions.
pub async fn federation_token(config: &aws_config::SdkConfig, key: &AccessKey, name: &str, duration: SessionDuration) -> Result<TemporaryCredentials> {
    let asked = format!("GetFederationToken with {}", key.id);
    let answer = client(config, &Signer::Key(key.clone()), false)
        .get_federation_token()
        .name(name)
        .policy(ALL)
        .duration_seconds(i32::try_from(duration.seconds()).unwrap_or(3600))
        .send()
        .await
        .map_err(|error| told(&asked, &error))?;
    taken(&asked, answer.credentials(), answer.federated_user().map(aws_sdk_sts::types::FederatedUser::arn))
}
