//! Where a profile leads, with what names it: one look for all who compare, draw or issue.
//!
//! The mark changes when anything that leads to other credentials changes, be it a key, a role, a parameter or an endpoint.
//! Sessions and flights are kept under it, so nothing is handed out for a chain that it was not issued for.

use sha2::{Digest, Sha256};

use crate::{
    aws::{endpoint_urls, endpoints},
    error::Result,
    model::{chain::Chain, profile::ProfileName},
    store::aws_files::AwsFiles,
};

/// A resolved profile and its names.
#[derive(Clone, Debug)]
pub(super) struct Leads {
    pub(super) chain: Chain,
    /// Names chain and endpoints; shows neither.
    pub(super) mark: String,
    /// The endpoints, as one text.
    pub(super) place: String,
    /// The endpoints one by one.
    endpoints: Vec<String>,
}

impl Leads {
    /// Where `profile` leads in these files.
    pub(super) fn of(files: &AwsFiles, profile: &ProfileName) -> Result<Self> {
        let chain = files.resolve(profile)?;
        let place = endpoints(files, profile.as_str());
        // Whether it asks changes who gets the credentials, and not which.
        let issued = Chain { asks: false, ..chain.clone() };
        let digest = Sha256::digest(format!("{issued:?} at {place}").as_bytes());
        let mark = digest.iter().take(16).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        Ok(Self { chain, mark, place, endpoints: endpoint_urls(files, profile.as_str()) })
    }

    /// Where its requests go: who shares it is reached and not reached together.
    pub(super) fn way(&self) -> String {
        format!("{} {}", self.chain.region.as_deref().unwrap_or_default(), self.place)
    }

    /// Whether AWS is asked at this endpoint.
    pub(super) fn asks(&self, endpoint: &str) -> bool {
        self.endpoints.iter().any(|own| own.trim_end_matches('/') == endpoint)
    }
}
