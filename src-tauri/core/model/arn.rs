//! ARNs of roles, and what can be read off them without asking anybody.
//!
//! Not a general ARN type: only what the product asks of one. A partition decides about hosts and default Regions, so it is an
//! enum and not a string.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The AWS partitions, with what differs between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// `aws`
    Aws,
    /// `aws-cn`
    China,
    /// `aws-us-gov`
    GovCloud,
    /// `aws-eusc`
    EuSovereign,
}

impl Partition {
    /// By the second part of an ARN.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "aws" => Some(Self::Aws),
            "aws-cn" => Some(Self::China),
            "aws-us-gov" => Some(Self::GovCloud),
            "aws-eusc" => Some(Self::EuSovereign),
            _ => None,
        }
    }

    /// The second part of an ARN.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
            Self::EuSovereign => "aws-eusc",
        }
    }

    /// By the beginning of a Region's name.
    pub fn of_region(region: &str) -> Self {
        if region.starts_with("cn-") {
            Self::China
        } else if region.starts_with("us-gov-") {
            Self::GovCloud
        } else if region.starts_with("eusc-") {
            Self::EuSovereign
        } else {
            Self::Aws
        }
    }
}

/// The ARN of an IAM role: `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, type = "string"))]
#[serde(try_from = "String", into = "String")]
pub struct RoleArn(String);

impl RoleArn {
    /// Parses a role's ARN; white space around it is dropped.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let mut parts = text.splitn(6, ':');
        let valid = (20..=2048).contains(&text.len())
            && parts.next() == Some("arn")
            && parts.next().is_some_and(|partition| Partition::parse(partition).is_some())
            && parts.next() == Some("iam")
            && parts.next() == Some("")
            && parts.next().is_some_and(|account| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
            && parts
                .next()
                .and_then(|resource| resource.strip_prefix("role/"))
                .is_some_and(|name| !name.is_empty() && !name.ends_with('/') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@-_/".contains(&b)));
        if valid { Ok(Self(text.to_owned())) } else { Err(Error::invalid("role ARN", text, "arn:aws:iam::123456789012:role/NAME")) }
    }

    /// The ARN as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 12 digits of the account.
    pub fn account_id(&self) -> &str {
        self.0.split(':').nth(4).unwrap_or_default()
    }

    /// The role's name without its path.
    pub fn role_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The partition it lives in.
    pub fn partition(&self) -> Partition {
        self.0.split(':').nth(1).and_then(Partition::parse).unwrap_or(Partition::Aws)
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RoleArn {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<RoleArn> for String {
    fn from(arn: RoleArn) -> Self {
        arn.0
    }
}
