//! Where a profile leads, with what names it: one look for all who compare, draw or issue.
//!
//! The mark changes when anything that leads to other credentials changes, be it a key, a role, a parameter or an endpoint.
//! Sessions and flights are kept under it, so nothing is handed out for a chain that it was not issued for.

use std::sync::{Arc, PoisonError};

use sha2::{Digest, Sha256};

use super::Agent;
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

/// Where a profile leads, and the files that say so: what one request goes by, so that it looks at them once.
#[derive(Clone, Debug)]
pub(super) struct Led {
    pub(super) files: Arc<AwsFiles>,
    pub(super) leads: Arc<Leads>,
}

impl Agent {
    /// Where `profile` leads now. What is known of the files as they are is not worked out again.
    pub(super) fn led(&self, profile: &ProfileName) -> Result<Led> {
        let files = self.files()?;
        let known = self.0.files.lock().unwrap_or_else(PoisonError::into_inner).leads(&files, profile);
        let leads = known.map_or_else(|| Leads::of(&files, profile).map(Arc::new), Ok)?;
        Ok(Led { files, leads })
    }
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
