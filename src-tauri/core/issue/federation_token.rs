//! GetFederationToken: a user's key, narrowed for somebody else, or for signing in to the console (GetSessionToken cannot).
//!
//! Its credentials may do what both the user and the session policies allow, and nothing without one. They can call neither IAM
//! nor, but for GetCallerIdentity, STS.

use aws_sdk_sts::types::{PolicyDescriptorType, Tag};

use super::{client, taken};
use crate::{
    aws::{Carried, Signer, told_without},
    error::Result,
    model::{
        access_key::AccessKey,
        credentials::TemporaryCredentials,
        lease_policy::SessionPolicy,
        params::{SessionDuration, SessionTag},
    },
};

/// A session policy that narrows nothing: what the user may do, the session may do.
const ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// What is asked of GetFederationToken.
#[derive(Clone, Copy, Debug)]
pub struct Federated<'a> {
    /// 2 to 32 characters: who CloudTrail shows.
    pub name: &'a str,
    /// 15 minutes to 12 hours.
    pub duration: SessionDuration,
    /// With none, the session may do all that the user may.
    pub policy: &'a SessionPolicy,
    /// `PrincipalTag` in policies.
    pub tags: &'a [SessionTag],
}

/// STS GetFederationToken.
pub async fn federation_token(config: &aws_config::SdkConfig, key: &AccessKey, asked: Federated<'_>) -> Result<TemporaryCredentials> {
    let what = format!("GetFederationToken with {}", key.id);
    let Federated { name, duration, policy: SessionPolicy { policy, arns }, tags } = asked;
    let policy = policy.clone().or_else(|| arns.is_empty().then(|| ALL.to_owned()));
    let arns: Vec<_> = arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build()).collect();
    let tags = tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build()).collect::<std::result::Result<Vec<_>, _>>();
    let tags = tags.map_err(|_| crate::error::Error::invalid("list of session tags", name, "every tag with a key and a value"))?;
    let signer = Signer::Key(key.clone());
    let answer = client(config, &signer, false)
        .get_federation_token()
        .name(name)
        .set_policy(policy)
        .set_policy_arns((!arns.is_empty()).then_some(arns))
        .set_tags((!tags.is_empty()).then_some(tags))
        .duration_seconds(i32::try_from(duration.seconds()).unwrap_or(3600))
        .send()
        .await
        .map_err(|error| told_without(&what, &error, Carried::by(&signer)))?;
    taken(&what, answer.credentials(), answer.federated_user().map(aws_sdk_sts::types::FederatedUser::arn))
}
