//! Identity providers in a trust policy: which condition keys they have, and what must not be left open.
//!
//! A provider's ARN must be of the role's own account. An OpenID Connect provider that everybody may use (GitHub, GitLab, …)
//! vouches for strangers, too: without a subject condition any of them could assume the role, so that one is asked for.

use crate::{
    error::{Code, Error, Result},
    model::arn::Partition,
};

/// Issuers that many organisations share, and for which AWS asks for the subject. Below a path of its own an issuer is somebody's.
const SHARED: [&str; 10] = [
    "agent.buildkite.com",
    "app.terraform.io",
    "gitlab.com",
    "oidc-configuration.audit-log.githubusercontent.com",
    "oidc.codefresh.io",
    "proidc.upbound.io",
    "scalr.io",
    "studio.datachain.ai/api",
    "token.actions.githubusercontent.com",
    "vstoken.actions.githubusercontent.com",
];

/// `SAML:aud` of a partition's sign-in.
pub const fn saml_audience(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws => "https://signin.aws.amazon.com/saml",
        Partition::China => "https://signin.amazonaws.cn/saml",
        Partition::GovCloud => "https://signin.amazonaws-us-gov.com/saml",
        Partition::EuSovereign => "https://signin.amazonaws-eusc.eu/saml",
    }
}

/// A SAML provider of this account.
pub fn check_saml(arn: &str, account: &str, partition: Partition) -> Result<()> {
    let own = format!("arn:{}:iam::{account}:saml-provider/", partition.id());
    let name = arn.strip_prefix(&own).unwrap_or_default();
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(letters) {
        return Err(Error::invalid("SAML provider of this account", arn, &format!("{own}NAME")));
    }
    Ok(())
}

/// The host of an OpenID Connect provider of this account, as condition keys begin with it.
pub fn oidc_host<'a>(arn: &'a str, account: &str, partition: Partition) -> Result<&'a str> {
    let own = format!("arn:{}:iam::{account}:oidc-provider/", partition.id());
    let host = arn.strip_prefix(&own).unwrap_or_default();
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    if host.is_empty() || !host.bytes().all(letters) {
        return Err(Error::invalid("OpenID Connect provider of this account", arn, &format!("{own}HOST")));
    }
    Ok(host)
}

/// The subject, checked: one whose wildcard stands for strangers is none.
pub fn check_subject(host: &str, subject: Option<&str>) -> Result<()> {
    if subject.is_some_and(|subject| subject.is_empty() || subject.contains("${") || subject.chars().any(char::is_control)) {
        return Err(Error::invalid("subject", subject.unwrap_or_default(), "the token's sub, such as repo:ORG/REPO:ref:refs/heads/main"));
    }
    let is_shared = SHARED.iter().any(|shared| host.trim_end_matches('/').eq_ignore_ascii_case(shared));
    if !is_shared {
        return Ok(());
    }
    let hint = "Name the subject up to its organisation at least: repo:ORG/REPO:ref:refs/heads/main, or repo:ORG/*";
    let Some(subject) = subject else {
        return Err(Error::new(Code::InvalidValue, format!("Everybody may get a token of {host}: without a subject anybody could assume the role"), hint));
    };
    // What stands before the wildcard must end the name of an organisation, or `repo:org*` would be `repo:org-of-a-thief`, too.
    let fixed = subject.split(['*', '?']).next().unwrap_or_default();
    let closed = fixed.contains('/') || fixed.matches(':').count() > 1;
    if fixed.len() < subject.len() && !closed {
        return Err(Error::new(Code::InvalidValue, format!("The subject “{}” stands for strangers at {host}, too", subject.escape_debug()), hint));
    }
    Ok(())
}
