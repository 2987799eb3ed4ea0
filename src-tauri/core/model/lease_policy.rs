//! What each narrowing of a lease means, as session policies: real ones, complete, and shown as they are sent.
//!
//! A session may do what both the role's policies and the session policies allow, so a session policy can only take away. A
//! person's own policy is checked here by IAM's grammar and STS's limits before any call.

use serde::Serialize;
use serde_json::json;

use super::{arn::Partition, lease::Narrowing};
use crate::{
    error::{Code, Error, Result},
    policy::{Document, Effect, Shape},
};

/// The most characters that STS takes for inline and managed session policies together.
const LONGEST: usize = 2048;

/// Who may do what, and the ways to become somebody else. All of STS: a list of its calls would miss the next one that makes a
/// session, as `sts:AssumeRoot` once was, and `GetCallerIdentity` cannot be denied.
const IDENTITY_ACTIONS: [&str; 8] = ["iam:*", "sts:*", "organizations:*", "account:*", "sso:*", "sso-directory:*", "identitystore:*", "rolesanywhere:*"];

/// `Policy` and `PolicyArns` of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SessionPolicy {
    /// JSON without needless white space.
    pub policy: Option<String>,
    /// ARNs of managed policies.
    pub arns: Vec<String>,
}

impl Narrowing {
    /// The session policies, in a partition; an error for what STS would refuse and for what would leave nothing.
    pub fn session_policy(&self, partition: Partition) -> Result<SessionPolicy> {
        let inline = |policy: serde_json::Value| SessionPolicy { policy: Some(policy.to_string()), arns: Vec::new() };
        let aws = partition.id();
        match self {
            Self::TagsOnly => Ok(SessionPolicy::default()),
            Self::ReadOnly => Ok(SessionPolicy { policy: None, arns: vec![format!("arn:{aws}:iam::aws:policy/ReadOnlyAccess")] }),
            Self::NoIam => Ok(inline(json!({ "Version": "2012-10-17", "Statement": [
                { "Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*" },
                { "Sid": "ButWhoMayDoWhat", "Effect": "Deny", "Action": IDENTITY_ACTIONS, "Resource": "*" },
            ] }))),
            Self::Bucket { bucket, read_only } => {
                check_bucket(bucket)?;
                let mut objects = vec!["s3:GetObject"];
                if !read_only {
                    objects.extend(["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]);
                }
                let arn = format!("arn:{aws}:s3:::{bucket}");
                Ok(inline(json!({ "Version": "2012-10-17", "Statement": [
                    { "Sid": "Bucket", "Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": arn },
                    { "Sid": "Objects", "Effect": "Allow", "Action": objects, "Resource": format!("{arn}/*") },
                ] })))
            }
            Self::Policy { text } => own(text).map(|policy| SessionPolicy { policy: Some(policy), arns: Vec::new() }),
        }
    }
}

pub(crate) fn check_bucket(name: &str) -> Result<()> {
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let ends = |at: Option<u8>| at.is_some_and(|b| b.is_ascii_alphanumeric());
    if (3..=63).contains(&name.len()) && letters && ends(name.bytes().next()) && ends(name.bytes().last()) && !name.contains("..") {
        return Ok(());
    }
    Err(Error::invalid("bucket name", name, "3 to 63 small letters, digits, dots and hyphens, without s3://"))
}

/// A person's policy, as it is sent.
fn own(text: &str) -> Result<String> {
    let wrong = |why: String, hint: &'static str| Error::new(Code::InvalidValue, format!("The session policy cannot be used: {why}"), hint);
    let document = Document::parse(text, Shape::Identity)
        .map_err(|malformed| wrong(malformed.0.trim_end_matches('.').to_owned(), "Expected: a policy as for a role, without Principal, in JSON"))?;
    if !document.statements.iter().any(|statement| statement.effect == Effect::Allow) {
        return Err(wrong(
            "it allows nothing, so the lease could do nothing".to_owned(),
            "A session may do what both its role and its session policy allow: add a statement with \"Effect\": \"Allow\"",
        ));
    }
    let policy = without_white_space(text);
    if let Some(odd) = policy.chars().find(|c| !matches!(c, '\u{20}'..='\u{ff}')) {
        return Err(wrong(format!("STS takes no “{}” in it", odd.escape_default()), "Leave out characters beyond Latin-1"));
    }
    let length = policy.chars().count();
    if length > LONGEST {
        return Err(wrong(
            format!("it has {length} characters, STS takes {LONGEST}"),
            "Shorten it with wildcards, or put it into a managed policy and name that in the profile as stagedoor_session_policy_arns",
        ));
    }
    Ok(policy)
}

/// JSON without the white space between its tokens: it counts against the limit.
fn without_white_space(json: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            quoted = c == '"';
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(name: &str, read_only: bool) -> Narrowing {
        Narrowing::Bucket { bucket: name.to_owned(), read_only }
    }

    #[test]
    fn presets_are_policies_by_iams_grammar_and_within_stss_limit() {
        for partition in [Partition::Aws, Partition::China, Partition::GovCloud, Partition::EuSovereign] {
            for narrowing in [Narrowing::NoIam, bucket("reports", true), bucket("reports", false)] {
                let policy = narrowing.session_policy(partition).unwrap().policy.unwrap();
                let document = Document::parse(&policy, Shape::Identity).unwrap_or_else(|error| panic!("{policy}: {error}"));
                assert!(policy.len() <= LONGEST);
                assert!(document.resources().all(|resource| resource == "*" || resource.starts_with(&format!("arn:{}:s3:::reports", partition.id()))));
            }
            let read = Narrowing::ReadOnly.session_policy(partition).unwrap();
            assert_eq!((read.policy, &*read.arns[0]), (None, &*format!("arn:{}:iam::aws:policy/ReadOnlyAccess", partition.id())));
        }
    }

    #[test]
    fn no_preset_that_denies_or_allows_by_name_lets_a_lease_become_somebody_else() {
        let becoming = [
            "sts:AssumeRole",
            "sts:AssumeRoleWithSAML",
            "sts:AssumeRoleWithWebIdentity",
            "sts:AssumeRoot",
            "sts:GetFederationToken",
            "sts:GetSessionToken",
            "sts:SomethingThatDoesNotExistYet",
            "iam:PassRole",
            "iam:CreateAccessKey",
            "iam:UpdateAssumeRolePolicy",
            "organizations:EnableAWSServiceAccess",
            "sso:CreateAccountAssignment",
            "rolesanywhere:CreateTrustAnchor",
        ];
        let matches = |pattern: &str, action: &str| pattern == "*" || pattern.strip_suffix('*').map_or(pattern == action, |start| action.starts_with(start));
        let listed = |policy: &str, effect: &str, action: &str| {
            let policy: serde_json::Value = serde_json::from_str(policy).unwrap();
            let statements = policy["Statement"].as_array().unwrap().clone();
            let named = |actions: &serde_json::Value| {
                actions.as_array().cloned().unwrap_or_else(|| vec![actions.clone()]).iter().any(|pattern| matches(pattern.as_str().unwrap(), action))
            };
            statements.iter().any(|statement| statement["Effect"] == effect && named(&statement["Action"]))
        };
        let no_iam = Narrowing::NoIam.session_policy(Partition::Aws).unwrap().policy.unwrap();
        for action in becoming {
            assert!(listed(&no_iam, "Deny", action), "{action}");
            for read_only in [true, false] {
                let policy = bucket("reports", read_only).session_policy(Partition::Aws).unwrap().policy.unwrap();
                assert!(!listed(&policy, "Allow", action), "{action}");
            }
        }
        assert!(!listed(&no_iam, "Deny", "s3:GetObject") && listed(&no_iam, "Allow", "s3:GetObject"));
    }

    #[test]
    fn a_bucket_must_have_a_buckets_name() {
        for wrong in ["", "ab", "Reports", "s3://reports", "a..b", "-ab", "ab-", "a*c", "a/b", "a\"b"] {
            assert_eq!(bucket(wrong, true).session_policy(Partition::Aws).unwrap_err().code, Code::InvalidValue, "{wrong}");
        }
        for right in ["abc", "my.bucket-1", &"x".repeat(63)] {
            bucket(right, true).session_policy(Partition::Aws).unwrap();
        }
    }

    #[test]
    fn a_policy_of_ones_own_is_judged_before_any_call() {
        let judge = |text: &str| Narrowing::Policy { text: text.to_owned() }.session_policy(Partition::Aws);
        let message = |text: &str| judge(text).unwrap_err().message;
        assert!(message("{").contains("invalid Json"));
        assert!(message(r#"{"Statement":{"Effect":"Allow","Action":"s3:*"}}"#).contains("must contain resources"));
        assert!(message(r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}}"#).contains("principal"));
        assert!(message(r#"{"Statement":{"Effect":"Deny","Action":"s3:*","Resource":"*"}}"#).contains("allows nothing"));
        assert!(message(r#"{"Statement":{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/ł"}}"#).contains("STS takes no"));
        let long = (0..60).map(|n| format!("\"arn:aws:s3:::bucket-number-{n}/a-long-prefix\"")).collect::<Vec<_>>().join(",");
        let long = format!(r#"{{"Statement":{{"Effect":"Allow","Action":"s3:*","Resource":[{long}]}}}}"#);
        assert!(message(&long).contains("STS takes 2048"));
        let spaced = "{\n  \"Statement\": { \"Sid\" : \"x\", \"Effect\": \"Allow\",\t\"Action\": \"s3:*\", \"Resource\": \"arn:aws:s3:::b/a \\\" b\" }\n}\n";
        let sent = judge(spaced).unwrap().policy.unwrap();
        assert_eq!(sent, r#"{"Statement":{"Sid":"x","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/a \" b"}}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&sent).unwrap(), serde_json::from_str::<serde_json::Value>(spaced).unwrap());
        assert!(judge(&format!("{}{}", " ".repeat(3000), spaced)).is_ok(), "white space does not count");
    }
}
