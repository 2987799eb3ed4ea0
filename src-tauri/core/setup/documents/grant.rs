//! What identities get: to assume roles, to manage themselves, to hand a role to a service, one bucket. And what ends sessions.
//!
//! Each grants the least that does it, and each is AWS's own documented policy where there is one. `${…}` stands only where it
//! is meant: names are checked before they come into a document.

use time::{OffsetDateTime, UtcOffset, macros::format_description};

use super::{
    statements::{condition, document, identity, require},
    tree::{Tree, list, object},
    trust::{check_account, check_tag_key, service_principal},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        arn::{Partition, RoleArn},
        lease_policy::check_bucket,
    },
};

/// What a call of AssumeRole passes besides: each is an action that the caller's policy must allow, too, where the role trusts
/// the account and not the user, or is in another account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passing {
    /// `sts:TagSession`
    pub tags: bool,
    /// `sts:SetSourceIdentity`
    pub source_identity: bool,
}

/// `sts:AssumeRole` on exactly these ARNs; `mfa`: only with MFA. Check them before with [`check_roles`].
pub fn assume_roles(roles: &[String], mfa: bool, passing: Passing) -> String {
    let mut actions = vec!["sts:AssumeRole"];
    actions.extend(passing.tags.then_some("sts:TagSession"));
    actions.extend(passing.source_identity.then_some("sts:SetSourceIdentity"));
    // AWS: the key is part of an AssumeRole call that carries SerialNumber and TokenCode. A plain Bool refuses where it is absent.
    let with_mfa = mfa.then(|| condition("Bool", "aws:MultiFactorAuthPresent", "true".into()));
    let sid = if mfa { "AssumeWithMfa" } else { "AssumeRoles" };
    let roles = list(roles.iter().map(|role| role.trim().to_owned()));
    document(vec![identity(sid, "Allow", ("Action", list(actions)), roles, with_mfa)]).pretty()
}

/// Whether each is the ARN of a role; one with `*` or `?` only where `wildcard`.
pub fn check_roles(roles: &[String], wildcard: bool) -> Result<()> {
    if roles.is_empty() {
        return Err(Error::new(Code::InvalidValue, "No role is named", "Name at least one role ARN: arn:aws:iam::123456789012:role/NAME"));
    }
    for role in roles {
        if !role.contains(['*', '?']) {
            RoleArn::parse(role)?;
        } else if !is_pattern(role.trim()) {
            return Err(Error::invalid("role ARN", role, "arn:aws:iam::123456789012:role/NAME, where * stands for any text"));
        } else if !wildcard {
            let message = format!("“{}” stands for more than one role", role.trim());
            return Err(Error::new(Code::InvalidValue, message, "Name each role by its ARN, or say that the wildcard is meant: --wildcard"));
        }
    }
    Ok(())
}

/// An ARN of roles with wildcards, or `*`.
fn is_pattern(text: &str) -> bool {
    let of = |text: &str, more: &[u8]| text.bytes().all(|b| more.contains(&b) || b"*?".contains(&b));
    match text.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["*"] => true,
        ["arn", partition, "iam", "", account, resource] => {
            let name = resource.strip_prefix("role/");
            let letters = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@-_/*?".contains(&b);
            (Partition::parse(partition).is_some() || *partition == "*")
                && !account.is_empty()
                && of(account, b"0123456789")
                && name.is_some_and(|name| !name.is_empty() && name.bytes().all(letters))
        }
        _ => false,
    }
}

/// A plain sentence for each ARN that stands for more than one role.
pub fn wildcards(roles: &[String]) -> Vec<String> {
    let sentence = |role: &&String| {
        let role = role.trim();
        let parts: Vec<&str> = role.splitn(6, ':').collect();
        let account = parts.get(4).copied().unwrap_or("*");
        let whose = if account.contains(['*', '?']) {
            "of every account that it matches and that trusts this one".to_owned()
        } else {
            format!("of the account {account}")
        };
        let which = match parts.get(5).copied() {
            Some("role/*") | None => "every role".to_owned(),
            Some(resource) => format!("every role like {}", resource.trim_start_matches("role/")),
        };
        format!("{role} stands for {which} {whose}, also for roles that are made later")
    };
    roles.iter().filter(|role| role.contains(['*', '?'])).map(|role| sentence(&role)).collect()
}

/// AWS's policy by which users manage their own access keys and MFA device, everything else denied without MFA.
///
/// `path` is the users' path: AWS's text has `user/${aws:username}`, which is nobody where users have a path. The deny leaves
/// AssumeRole with an MFA code alone: AWS sets `aws:MultiFactorAuthPresent` for a call that carries one, and `sts:AssumeRole` is
/// not among the exceptions, because then a role that asks for no MFA could be assumed without any. GetSessionToken is, as
/// AWS has it: it is how MFA gets into a session.
pub fn self_service(account: &str, partition: Partition, path: &str) -> Result<String> {
    check_account(account)?;
    let in_path = |b: u8| (0x21..=0x7e).contains(&b) && !b"*?$\"\\".contains(&b);
    if !path.starts_with('/') || !path.ends_with('/') || path.len() > 512 || !path.bytes().all(in_path) {
        return Err(Error::invalid("path", path, "/ or /NAME/, also several"));
    }
    let aws = partition.id();
    let own = format!("arn:{aws}:iam::{account}:user{path}${{aws:username}}");
    let keys = ["iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:GetAccessKeyLastUsed", "iam:ListAccessKeys", "iam:UpdateAccessKey"];
    let mfa = ["iam:DeactivateMFADevice", "iam:EnableMFADevice", "iam:GetUser", "iam:GetMFADevice", "iam:ListMFADevices", "iam:ResyncMFADevice"];
    let without_mfa = [
        "iam:CreateVirtualMFADevice",
        "iam:EnableMFADevice",
        "iam:GetUser",
        "iam:GetMFADevice",
        "iam:ListMFADevices",
        "iam:ListVirtualMFADevices",
        "iam:ResyncMFADevice",
        "sts:GetSessionToken",
    ];
    let no_mfa = condition("BoolIfExists", "aws:MultiFactorAuthPresent", "false".into());
    let devices = format!("arn:{aws}:iam::{account}:mfa/*");
    Ok(document(vec![
        identity("AllowViewAccountInfo", "Allow", ("Action", "iam:ListVirtualMFADevices".into()), "*".into(), None),
        identity("AllowManageOwnAccessKeys", "Allow", ("Action", list(keys)), own.as_str().into(), None),
        identity("AllowManageOwnVirtualMFADevice", "Allow", ("Action", "iam:CreateVirtualMFADevice".into()), devices.into(), None),
        identity("AllowManageOwnUserMFA", "Allow", ("Action", list(mfa)), own.into(), None),
        identity("DenyAllExceptListedIfNoMFA", "Deny", ("NotAction", list(without_mfa)), "*".into(), Some(no_mfa)),
    ])
    .pretty())
}

/// What the deployer needs to hand this role to this service, and to no other.
pub fn pass_role(role: &RoleArn, service: &str) -> Result<String> {
    let service = service_principal(service, role.partition())?;
    let to = condition("StringEquals", "iam:PassedToService", service.into());
    Ok(document(vec![identity("PassRole", "Allow", ("Action", "iam:PassRole".into()), role.as_str().into(), Some(to))]).pretty())
}

/// Reading and writing in one bucket.
pub fn bucket(bucket: &str, partition: Partition) -> Result<String> {
    let arn = bucket_arn(bucket, partition)?;
    Ok(document(vec![
        identity("Bucket", "Allow", ("Action", list(["s3:ListBucket", "s3:GetBucketLocation"])), arn.as_str().into(), None),
        identity("Objects", "Allow", ("Action", objects()), format!("{arn}/*").into(), None),
    ])
    .pretty())
}

/// Reading and writing in the folder of one bucket that is named as the session's tag `key` says. Without the tag: nothing.
pub fn bucket_by_tag(bucket: &str, key: &str, partition: Partition) -> Result<String> {
    let arn = bucket_arn(bucket, partition)?;
    check_tag_key(key)?;
    let folder = format!("${{aws:PrincipalTag/{key}}}/*");
    // An empty value would make the folder `/`, which is nobody's.
    let mut tagged = object::<String>([]);
    require(&mut tagged, "StringLike", &format!("aws:PrincipalTag/{key}"), "?*".into());
    let mut listed = tagged.clone();
    require(&mut listed, "StringLike", "s3:prefix", folder.as_str().into());
    Ok(document(vec![
        identity("Location", "Allow", ("Action", "s3:GetBucketLocation".into()), arn.as_str().into(), None),
        identity("OwnFolder", "Allow", ("Action", "s3:ListBucket".into()), arn.as_str().into(), Some(listed)),
        identity("OwnObjects", "Allow", ("Action", objects()), format!("{arn}/{folder}").into(), Some(tagged)),
    ])
    .pretty())
}

fn objects() -> Tree {
    list(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"])
}

/// S3's rules for names, as far as they keep one from naming something else.
fn bucket_arn(bucket: &str, partition: Partition) -> Result<String> {
    check_bucket(bucket)?;
    let reserved = bucket.starts_with("xn--") || bucket.starts_with("sthree-") || bucket.ends_with("-s3alias") || bucket.ends_with("--ol-s3");
    if reserved || bucket.contains(".-") || bucket.contains("-.") || bucket.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(Error::invalid("bucket name", bucket, "no IP address, no hyphen beside a dot, no prefix or suffix that S3 keeps for itself"));
    }
    Ok(format!("arn:{}:s3:::{bucket}", partition.id()))
}

/// AWSRevokeOlderSessions as the console writes it: whoever's session began before `time` may do nothing.
pub fn revoke_older(time: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let time = time.to_offset(UtcOffset::UTC).format(format).unwrap_or_default();
    let older = condition("DateLessThan", "aws:TokenIssueTime", time.into());
    let any = || Tree::List(vec!["*".into()]);
    document(vec![object([("Effect", "Deny".into()), ("Action", any()), ("Resource", any()), ("Condition", older)])]).pretty()
}
