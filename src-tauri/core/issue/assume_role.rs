//! AssumeRole, with every parameter a profile can name.
//!
//! One call, made with whatever signs it. Which hop, with which code and how often is the agent's to decide; that a chained role
//! ends after an hour is AWS's rule and is kept here.

use aws_sdk_sts::types::{PolicyDescriptorType, Tag};

use super::{client, taken};
use crate::{
    aws::{Carried, Signer, told_without},
    error::Result,
    model::{
        chain::Hop,
        credentials::TemporaryCredentials,
        mfa::MfaCode,
        params::{MfaSerial, RoleSessionName, SessionDuration},
    },
};

/// STS AssumeRole. `mfa` only where the code goes on this very call; `fallback_name` where the profile names no session.
pub async fn assume_role(
    config: &aws_config::SdkConfig,
    signer: &Signer,
    hop: &Hop,
    mfa: Option<(&MfaSerial, &MfaCode)>,
    fallback_name: &RoleSessionName,
) -> Result<TemporaryCredentials> {
    let asked = format!("AssumeRole of {}", hop.role_arn);
    // A role assumed with temporary credentials is chained, and AWS refuses to be asked for more than an hour.
    let duration = hop.duration.map(|duration| match signer {
        Signer::Temporary(_) => duration.min(SessionDuration::HOUR),
        Signer::Key(_) => duration,
    });
    let name = hop.role_session_name.as_ref().unwrap_or(fallback_name);
    let tags = hop.tags.iter().map(|tag| Tag::builder().key(&tag.key).value(&tag.value).build()).collect::<std::result::Result<Vec<_>, _>>();
    let tags = tags.map_err(|_| crate::error::Error::invalid("list of session tags", &hop.profile.to_string(), "every tag with a key and a value"))?;
    let arns: Vec<_> = hop.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build()).collect();
    let answer = client(config, signer, mfa.is_some())
        .assume_role()
        .role_arn(hop.role_arn.as_str())
        .role_session_name(name.as_str())
        .set_duration_seconds(duration.map(|d| i32::try_from(d.seconds()).unwrap_or(3600)))
        .set_external_id(hop.external_id.as_ref().map(|id| id.as_str().to_owned()))
        .set_policy(hop.policy.clone())
        .set_policy_arns((!arns.is_empty()).then_some(arns))
        .set_tags((!tags.is_empty()).then_some(tags))
        .set_transitive_tag_keys((!hop.transitive_tag_keys.is_empty()).then(|| hop.transitive_tag_keys.clone()))
        .set_source_identity(hop.source_identity.as_ref().map(|id| id.as_str().to_owned()))
        .set_serial_number(mfa.map(|(serial, _)| serial.as_str().to_owned()))
        .set_token_code(mfa.map(|(_, code)| code.expose().to_owned()))
        .send()
        .await
        .map_err(|error| told_without(&asked, &error, Carried { signer: Some(signer), code: mfa.map(|(_, code)| code) }))?;
    taken(&asked, answer.credentials(), answer.assumed_role_user().map(aws_sdk_sts::types::AssumedRoleUser::arn))
}
