//! The identity providers of an account: plain data, as the rest of the state.
//!
//! IAM makes, changes and deletes them; STS believes what they sign.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::Metadata;
use crate::model::params::SessionTag;

/// By ARN.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(in crate::practice) struct Providers {
    pub(in crate::practice) saml: BTreeMap<String, SamlProvider>,
    pub(in crate::practice) oidc: BTreeMap<String, OidcProvider>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(in crate::practice) struct SamlProvider {
    /// `SAMLSP…`
    pub(in crate::practice) id: String,
    pub(in crate::practice) arn: String,
    pub(in crate::practice) document: String,
    pub(in crate::practice) metadata: Metadata,
    pub(in crate::practice) created: OffsetDateTime,
    pub(in crate::practice) updated: OffsetDateTime,
    pub(in crate::practice) tags: Vec<SessionTag>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(in crate::practice) struct OidcProvider {
    pub(in crate::practice) arn: String,
    /// With its scheme, as the `iss` of its tokens.
    pub(in crate::practice) url: String,
    pub(in crate::practice) client_ids: Vec<String>,
    /// SHA-1 of certificates, in lower case.
    pub(in crate::practice) thumbprints: Vec<String>,
    pub(in crate::practice) created: OffsetDateTime,
    pub(in crate::practice) tags: Vec<SessionTag>,
}

impl OidcProvider {
    /// Host and path: what its ARN and its condition keys are made of.
    pub(in crate::practice) fn name(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, name)| name)
    }
}
