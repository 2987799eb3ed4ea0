//! A lease: a narrowed session of a profile, for a named program and a limited time.
//!
//! What may be asked for, checked once, and how it is shown. What a narrowing means as a policy is in `lease_policy`; the calls
//! and the time left are the agent's.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    access_key::AccessKeyId,
    params::{SessionDuration, SessionTag, SourceIdentity},
    profile::ProfileName,
};
use crate::error::{Code, Error, Result};

/// The most session tags that AWS takes.
const TAGS: usize = 50;

/// The longest name of a lease and of its program.
const NAME: usize = 64;

/// What is taken away from a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "preset", rename_all = "snake_case")]
pub enum Narrowing {
    /// Nothing by a policy: session tags narrow it, where the role's own policies ask for them.
    TagsOnly,
    /// AWS's policy `ReadOnlyAccess`.
    ReadOnly,
    /// The objects of one bucket.
    Bucket {
        /// Its name.
        bucket: String,
        /// Neither put nor delete.
        read_only: bool,
    },
    /// Everything but who may do what.
    NoIam,
    /// A session policy of the person's own.
    Policy {
        /// JSON.
        text: String,
    },
}

impl Narrowing {
    /// In words, for a line of activity.
    pub fn words(&self) -> String {
        match self {
            Self::TagsOnly => "by tags".to_owned(),
            Self::ReadOnly => "read only".to_owned(),
            Self::Bucket { bucket, read_only } => format!("bucket {bucket}{}", if *read_only { ", read only" } else { "" }),
            Self::NoIam => "no IAM".to_owned(),
            Self::Policy { .. } => "a policy".to_owned(),
        }
    }
}

/// What somebody wants leased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct LeaseRequest {
    /// Whose session is narrowed.
    pub profile: ProfileName,
    /// To what.
    pub narrowing: Narrowing,
    /// `PrincipalTag` in policies; never transitive.
    pub tags: Vec<SessionTag>,
    /// Stays with the session in CloudTrail.
    pub source_identity: Option<SourceIdentity>,
    /// From now to its end.
    pub duration: SessionDuration,
    /// What the person calls it.
    pub name: Option<String>,
    /// The program it is for.
    pub program: Option<String>,
}

impl LeaseRequest {
    /// Refuses what could not work, before any call.
    pub fn check(&self) -> Result<()> {
        for (what, text) in [("name of a lease", &self.name), ("program", &self.program)] {
            if let Some(text) = text
                && (text.trim() != text || text.is_empty() || text.chars().count() > NAME || text.chars().any(char::is_control))
            {
                return Err(Error::invalid(what, text, "one line of 1 to 64 characters"));
            }
        }
        if self.tags.len() > TAGS {
            let hint = "Leave some out: AWS takes at most 50 for a session";
            return Err(Error::new(Code::InvalidValue, format!("{} session tags are too many", self.tags.len()), hint));
        }
        let mut keys: Vec<_> = self.tags.iter().map(|tag| tag.key.to_lowercase()).collect();
        keys.sort();
        if let Some([twice, _]) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::invalid("list of session tags", twice, "each key once; AWS ignores case in them"));
        }
        if !self.tags.iter().all(SessionTag::fits) || keys.iter().any(|key| key.starts_with("aws:")) {
            return Err(Error::invalid(
                "list of session tags",
                &keys.join(", "),
                "at most 50 of letters, digits, spaces and _.:/=+-@, keys of 1 to 128 that do not begin with aws:, values up to 256",
            ));
        }
        if self.narrowing == Narrowing::TagsOnly && self.tags.is_empty() {
            return Err(Error::new(
                Code::InvalidValue,
                "A lease must be narrower than the profile itself",
                "Add --read-only, --bucket NAME, --no-iam, --policy FILE or --tag KEY=VALUE; or use: stagedoor exec",
            ));
        }
        Ok(())
    }
}

/// One lease, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct LeaseView {
    /// Eight hexadecimal digits.
    pub id: String,
    /// What it is called; its ID where nobody named it.
    pub name: String,
    /// Whose session is narrowed.
    pub profile: ProfileName,
    /// The program it is for.
    pub program: Option<String>,
    /// Who asked for it.
    pub asked_by: String,
    /// To what it is narrowed.
    pub narrowing: Narrowing,
    /// The session policy as JSON, where there is one.
    pub policy: Option<String>,
    /// The managed session policies.
    pub policy_arns: Vec<String>,
    /// The session tags.
    pub tags: Vec<SessionTag>,
    /// The source identity.
    pub source_identity: Option<SourceIdentity>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub began: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub ends: OffsetDateTime,
    /// When the credentials of now end: earlier than the lease where AWS gives no more at once; they are renewed until its end.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(test, ts(type = "string | null"))]
    pub expiration: Option<OffsetDateTime>,
    /// `ASIA…`
    pub access_key_id: Option<AccessKeyId>,
    /// Who it acts as.
    pub arn: Option<String>,
    /// How often it was handed out.
    pub handed: u32,
    /// Why the last renewal failed.
    pub error: Option<Error>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> LeaseRequest {
        LeaseRequest {
            profile: ProfileName::new("dev"),
            narrowing: Narrowing::ReadOnly,
            tags: Vec::new(),
            source_identity: None,
            duration: SessionDuration::HOUR,
            name: None,
            program: None,
        }
    }

    #[test]
    fn what_could_not_work_is_refused_before_any_call() {
        let tag = |key: &str, value: &str| SessionTag { key: key.to_owned(), value: value.to_owned() };
        request().check().unwrap();
        LeaseRequest { narrowing: Narrowing::TagsOnly, tags: vec![tag("team", "blue")], ..request() }.check().unwrap();
        for wrong in [
            LeaseRequest { narrowing: Narrowing::TagsOnly, ..request() },
            LeaseRequest { tags: vec![tag("Team", "a"), tag("team", "b")], ..request() },
            LeaseRequest { tags: vec![tag("aws:x", "a")], ..request() },
            LeaseRequest { tags: vec![tag("", "a")], ..request() },
            LeaseRequest { tags: vec![tag("a", "b,c")], ..request() },
            LeaseRequest { tags: (0..51).map(|n| tag(&n.to_string(), "")).collect(), ..request() },
            LeaseRequest { name: Some("x".repeat(5000)), ..request() },
            LeaseRequest { name: Some("two\nlines".to_owned()), ..request() },
            LeaseRequest { name: Some(String::new()), ..request() },
            LeaseRequest { program: Some("x".repeat(65)), ..request() },
        ] {
            let error = wrong.check().unwrap_err();
            assert_eq!(error.code, Code::InvalidValue, "{wrong:?}");
            assert!(error.message.len() < 300, "not all of what was typed is told again: {error:?}");
        }
        let many = LeaseRequest { tags: (0..51).map(|n| tag(&n.to_string(), "")).collect(), ..request() };
        let error = many.check().unwrap_err();
        assert!(error.message.starts_with("51 session tags") && error.hint.contains("at most 50"), "{error:?}");
    }
}
