//! The calls behind a lease: the profile's own chain with its last step narrowed.
//!
//! A role's lease is an AssumeRole of its own with the session policy, the tags and the source identity. A plain access key has no
//! role to narrow: its lease is a GetFederationToken, whose credentials can call neither IAM nor, but for GetCallerIdentity, STS.

use super::{
    super::{Agent, issuing::Want, renewal::Held},
    Lease,
};
use crate::{
    error::{Code, Error, Result},
    issue::{Federated, federation_token, partition_of},
    model::{
        arn::Partition,
        chain::{Base, Chain},
        lease::LeaseRequest,
        lease_policy::SessionPolicy,
        params::SessionDuration,
    },
};

/// Refuses what cannot be leased from this chain, before any call.
pub(super) fn check(chain: &Chain, request: &LeaseRequest, policy: &SessionPolicy) -> Result<()> {
    let profile = &chain.profile;
    let Some(hop) = chain.hops.last() else {
        if !matches!(chain.base, Base::AccessKey { .. }) {
            return Err(Error::new(
                Code::InvalidValue,
                format!("{profile} ends in no role and in no access key, so there is nothing whose session could be narrowed"),
                "Lease a role profile that has it as its source",
            ));
        }
        if request.source_identity.is_some() {
            return Err(Error::new(
                Code::InvalidValue,
                format!("{profile} is a plain access key, and only the session of a role has a source identity"),
                "Leave --source-identity out, or lease a role profile",
            ));
        }
        return Ok(());
    };
    let narrows = policy.policy.is_some() || !policy.arns.is_empty();
    if narrows && (hop.policy.is_some() || !hop.policy_arns.is_empty()) {
        // STS adds session policies up: together they would allow more than the profile's alone.
        return Err(Error::new(
            Code::InvalidValue,
            format!("{profile} has a session policy of its own, which that of a lease would take the place of"),
            "Lease a profile without stagedoor_session_policy, and put what it says into --policy",
        ));
    }
    let same = |tag: &&crate::model::params::SessionTag| hop.tags.iter().any(|own| own.key.eq_ignore_ascii_case(&tag.key));
    if let Some(tag) = request.tags.iter().find(same) {
        return Err(Error::new(
            Code::InvalidValue,
            format!("{profile} sets the session tag “{}” itself", tag.key.escape_debug()),
            "Leave that tag out of the lease, or change session_tags in the profile",
        ));
    }
    if hop.source_identity.is_some() && request.source_identity.is_some() && hop.source_identity != request.source_identity {
        return Err(Error::new(
            Code::InvalidValue,
            format!("{profile} has another source identity, and a session keeps the one that it has"),
            "Leave --source-identity out",
        ));
    }
    Ok(())
}

/// The chain with its last role narrowed. Behind an MFA session or another role AWS gives an hour at most; the rest is renewed.
fn narrowed(mut chain: Chain, lease: &Lease, duration: SessionDuration) -> Chain {
    let most = if chain.mfa_serial().is_some() {
        SessionDuration::HOUR
    } else if chain.longest_hop_seconds(chain.hops.len().saturating_sub(1)) > SessionDuration::HOUR.seconds() {
        SessionDuration::LONGEST
    } else {
        SessionDuration::HOUR
    };
    if let Some(hop) = chain.hops.last_mut() {
        hop.duration = Some(duration.min(most));
        if lease.session_policy != SessionPolicy::default() {
            hop.policy.clone_from(&lease.session_policy.policy);
            hop.policy_arns.clone_from(&lease.session_policy.arns);
        }
        hop.tags.extend(lease.request.tags.iter().cloned());
        if lease.request.source_identity.is_some() {
            hop.source_identity.clone_from(&lease.request.source_identity);
        }
    }
    chain
}

impl Agent {
    /// New credentials for a lease.
    pub(super) async fn issue_lease(&self, lease: &Lease, chain: Chain, duration: SessionDuration, want: &Want) -> Result<Held> {
        let issued = if chain.hops.is_empty() {
            self.federate(lease, &chain, duration, want).await
        } else {
            self.issue(&narrowed(chain, lease, duration), want).await.map(|(held, _)| held)
        };
        let held = issued.map_err(of_lease)?;
        if held.credentials.expired(self.now_of(&lease.teller)) {
            return Err(Error::new(Code::AwsUnreachable, "AWS gave credentials that have ended already", "Check this computer's clock, then try again"));
        }
        Ok(held)
    }

    /// GetFederationToken. It takes no MFA code, so where the profile names a device its MFA session must be there: a lease is
    /// no way around it.
    async fn federate(&self, lease: &Lease, chain: &Chain, duration: SessionDuration, want: &Want) -> Result<Held> {
        let Base::AccessKey { profile, access_key_id, place, .. } = &chain.base else {
            return Err(Error::new(Code::InvalidValue, format!("{} ends in no role and in no access key", chain.profile), "Lease a role profile"));
        };
        let key = self.access_key(profile, access_key_id, *place).await?;
        let files = self.files()?;
        let region = self.0.aws.region(&files, profile.as_str(), Partition::Aws)?;
        let config = self.0.aws.config(&files, profile.as_str(), partition_of(Some(&region))).await;
        if let Some(serial) = chain.mfa_serial() {
            self.session_of(chain, &key, Some(serial), want, &config).await?;
        }
        let name = lease.request.name.as_deref().or(lease.request.program.as_deref()).unwrap_or(profile.as_str());
        let asked = Federated { name: &federated_name(name), duration, policy: &lease.session_policy, tags: &lease.request.tags };
        let (credentials, issued) = self.asked(&lease.teller, || federation_token(&config, &key, asked)).await?;
        Ok(Held { credentials, issued })
    }
}

/// 2 to 32 characters that GetFederationToken takes, from a name for people.
pub(in crate::agent) fn federated_name(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "+=,.@-_".contains(c) { c } else { '-' }).take(32).collect();
    if name.len() < 2 { "stagedoor".to_owned() } else { name }
}

/// The next step where the lease, and not the profile, is to be changed.
fn of_lease(error: Error) -> Error {
    let hint = if error.message.contains("MaxSessionDuration") {
        "Ask for a shorter lease with --duration, or raise the role's MaxSessionDuration"
    } else if error.message.contains("sts:TagSession") {
        "Session tags need sts:TagSession in the role's trust policy, and in the caller's own policies"
    } else if error.message.contains("sts:SetSourceIdentity") {
        "A source identity needs sts:SetSourceIdentity in the role's trust policy, and in the caller's own policies"
    } else if error.hint.contains("stagedoor_session_policy") {
        "Mend the policy of the lease"
    } else if error.message.contains("GetFederationToken") && error.code == Code::AwsRefused {
        "The user needs sts:GetFederationToken; a role profile can be leased without it"
    } else {
        return error;
    };
    Error { hint: hint.to_owned(), ..error }
}
