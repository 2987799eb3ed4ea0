//! Who may assume a role, as its trust policy.
//!
//! Statements are shared only by principals with the same conditions, so that what is asked of one never becomes an
//! alternative for another: MFA is asked of people, the external ID of other accounts, the source account of services.
//! Session tags have a statement of their own: its conditions must not stand in the way of a session without tags.

use std::collections::BTreeMap;

use super::{
    edit::join,
    providers::{check_saml, check_subject, oidc_host, saml_audience},
    statements::{document, require, trusting},
    tree::{Tree, list, object},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        arn::Partition,
        params::ExternalId,
        setup::{Tag, Trusted},
    },
};

const ASSUME: &str = "sts:AssumeRole";

/// What is asked of those who are trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// `aws:MultiFactorAuthPresent`, for people.
    pub mfa: bool,
    /// `aws:MultiFactorAuthAge` in seconds; asks for MFA, too.
    pub mfa_max_age: Option<u32>,
    /// `sts:ExternalId`: of third parties; where there is none of them, of other accounts.
    pub external_id: Option<ExternalId>,
    /// The session tags that may be passed, each with its values, and no others.
    pub session_tags: Vec<Tag>,
    /// A source identity must be passed.
    pub source_identity: bool,
    /// The ARN of each user, by name, for users with a path.
    pub users: BTreeMap<String, String>,
    /// The client IDs of OpenID Connect providers, by ARN, for those without an audience.
    pub audiences: BTreeMap<String, Vec<String>>,
}

/// The trust policy of a role in this account.
pub fn trust(trusted: &[Trusted], terms: &Terms, account: &str, partition: Partition) -> Result<String> {
    if trusted.is_empty() {
        return Err(Error::new(
            Code::InvalidValue,
            "Nobody is named who may assume the role",
            "Name a user, a group, an account, a service or an identity provider",
        ));
    }
    let parties: Vec<&str> = trusted.iter().filter_map(third_party).collect();
    for (index, party) in parties.iter().enumerate() {
        if parties[..index].iter().any(|other| other != party) {
            let message = "Two third parties would share one external ID";
            return Err(Error::new(Code::InvalidValue, message, "Give each its own role, or add the second one afterwards with an external ID of its own"));
        }
        if trusted.iter().any(|who| matches!(who, Trusted::Account { id } if id == party)) {
            let message = format!("The account {party} is named as one of your own and as a third party: it would need no external ID");
            return Err(Error::new(Code::InvalidValue, message, "Name it once"));
        }
    }
    let mut policy = document(Vec::new());
    for who in trusted {
        for statement in statements(who, terms, parties.is_empty(), account, partition)? {
            join(&mut policy, statement);
        }
    }
    Ok(policy.pretty())
}

const fn third_party(who: &Trusted) -> Option<&str> {
    match who {
        Trusted::ThirdParty { id } => Some(id.as_str()),
        Trusted::User { .. } | Trusted::Group { .. } | Trusted::Account { .. } | Trusted::Service { .. } | Trusted::Saml { .. } | Trusted::Oidc { .. } => None,
    }
}

/// The statements for one. `accounts_too`: the external ID is asked of other accounts of one's own.
pub(super) fn statements(who: &Trusted, terms: &Terms, accounts_too: bool, account: &str, partition: Partition) -> Result<Vec<Tree>> {
    check_account(account)?;
    let root = |id: &str| format!("arn:{}:iam::{id}:root", partition.id());
    let mut asked = object::<String>([]);
    let (kind, name, action) = match who {
        Trusted::User { name } => {
            mfa(&mut asked, terms);
            ("AWS", user(name, terms, account, partition)?, ASSUME)
        }
        Trusted::Group { .. } => {
            mfa(&mut asked, terms);
            ("AWS", root(account), ASSUME)
        }
        Trusted::Account { id } => {
            check_account(id)?;
            mfa(&mut asked, terms);
            if let Some(external_id) = terms.external_id.as_ref().filter(|_| accounts_too && id != account) {
                require(&mut asked, "StringEquals", "sts:ExternalId", external_id.as_str().into());
            }
            ("AWS", root(id), ASSUME)
        }
        Trusted::ThirdParty { id } => {
            check_account(id)?;
            if id == account {
                let message = format!("{id} is this account, not a third party's");
                return Err(Error::new(Code::InvalidValue, message, "Name the third party's account ID, or trust users or groups of this account"));
            }
            let Some(external_id) = &terms.external_id else {
                let message = format!("The third party {id} has no external ID");
                return Err(Error::new(
                    Code::InvalidValue,
                    message,
                    "Have one generated: without it another customer of theirs could use the role through them",
                ));
            };
            require(&mut asked, "StringEquals", "sts:ExternalId", external_id.as_str().into());
            ("AWS", root(id), ASSUME)
        }
        Trusted::Service { name } => {
            let service = service_principal(name, partition)?;
            if guards_account(&service) {
                require(&mut asked, "StringEquals", "aws:SourceAccount", account.into());
            }
            return Ok(vec![trusting("Service", &service, &[ASSUME], asked)]);
        }
        Trusted::Saml { arn } => {
            check_saml(arn, account, partition)?;
            require(&mut asked, "StringEquals", "SAML:aud", saml_audience(partition).into());
            ("Federated", arn.clone(), "sts:AssumeRoleWithSAML")
        }
        Trusted::Oidc { arn, audience, subject } => {
            oidc(&mut asked, (arn, audience.as_deref(), subject.as_deref()), terms, (account, partition))?;
            ("Federated", arn.clone(), "sts:AssumeRoleWithWebIdentity")
        }
    };
    let mut actions = vec![action];
    if terms.source_identity {
        // Where the key is absent the statement does not apply: that is what makes passing one a must.
        require(&mut asked, "StringLike", "sts:SourceIdentity", "*".into());
        actions.push("sts:SetSourceIdentity");
    }
    let mut made = vec![trusting(kind, &name, &actions, asked)];
    if !terms.session_tags.is_empty() {
        made.push(trusting(kind, &name, &["sts:TagSession"], tags(&terms.session_tags)?));
    }
    Ok(made)
}

fn user(name: &str, terms: &Terms, account: &str, partition: Partition) -> Result<String> {
    let arn = terms.users.get(name).cloned().unwrap_or_else(|| format!("arn:{}:iam::{account}:user/{name}", partition.id()));
    let own = format!("arn:{}:iam::{account}:user/", partition.id());
    let letters = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@-_".contains(&b);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(letters) || !arn.starts_with(&own) || arn.contains(['*', '?', '$']) {
        return Err(Error::invalid("user of this account", name, "a UserName: up to 64 letters, digits and +=,.@-_"));
    }
    Ok(arn)
}

fn mfa(asked: &mut Tree, terms: &Terms) {
    if terms.mfa || terms.mfa_max_age.is_some() {
        // Not BoolIfExists: an access key by itself has no such key, and would pass.
        require(asked, "Bool", "aws:MultiFactorAuthPresent", "true".into());
    }
    if let Some(age) = terms.mfa_max_age {
        require(asked, "NumericLessThan", "aws:MultiFactorAuthAge", age.to_string().into());
    }
}

fn oidc(asked: &mut Tree, (arn, audience, subject): (&str, Option<&str>, Option<&str>), terms: &Terms, (account, partition): (&str, Partition)) -> Result<()> {
    let host = oidc_host(arn, account, partition)?;
    check_subject(host, subject)?;
    let audiences: Vec<&str> = match audience {
        Some(audience) => vec![audience],
        None => terms.audiences.get(arn).into_iter().flatten().map(String::as_str).collect(),
    };
    if audiences.is_empty() {
        return Err(Error::new(Code::InvalidValue, format!("No audience is named for {host}"), "Name the aud of its tokens, often sts.amazonaws.com"));
    }
    if let Some(wrong) = audiences.iter().find(|audience| audience.is_empty() || audience.contains("${") || audience.chars().any(char::is_control)) {
        return Err(Error::invalid("audience", wrong, "the token's aud, such as sts.amazonaws.com"));
    }
    require(asked, "StringEquals", &format!("{host}:aud"), list(audiences));
    if let Some(subject) = subject {
        let operator = if subject.contains(['*', '?']) { "StringLike" } else { "StringEquals" };
        require(asked, operator, &format!("{host}:sub"), subject.into());
    }
    Ok(())
}

/// Only these keys, each with only these values; a key that is not passed is no matter.
fn tags(tags: &[Tag]) -> Result<Tree> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut keys: Vec<&str> = Vec::new();
    for Tag { key, value } in tags {
        check_tag_key(key)?;
        if value.chars().count() > 256 || !value.chars().all(|c| is_in_tags(c) || c == '*' || c == '?') {
            return Err(Error::invalid("value of a session tag", value, "up to 256 letters, digits, spaces and _.:/=+-@, or * for any"));
        }
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
        values.entry(key).or_default().push(value);
    }
    let mut asked = object::<String>([]);
    for key in &keys {
        let wanted = values.remove(key).unwrap_or_default();
        let open = wanted.iter().any(|value| value.contains(['*', '?']));
        let operator = if open { "StringLikeIfExists" } else { "StringEqualsIfExists" };
        require(&mut asked, operator, &format!("aws:RequestTag/{key}"), list(wanted));
    }
    require(&mut asked, "ForAllValues:StringEquals", "aws:TagKeys", list(keys));
    Ok(asked)
}

fn is_in_tags(c: char) -> bool {
    c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c)
}

pub(super) fn check_tag_key(key: &str) -> Result<()> {
    let reserved = key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
    if key.is_empty() || key.chars().count() > 128 || reserved || !key.chars().all(is_in_tags) {
        return Err(Error::invalid("key of a session tag", key, "1 to 128 letters, digits, spaces and _.:/=+-@, not beginning with aws:"));
    }
    Ok(())
}

pub(super) fn check_account(id: &str) -> Result<()> {
    if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) { Ok(()) } else { Err(Error::invalid("account ID", id, "12 digits")) }
}

/// The principal of a service: by a short name, or written out.
pub fn service_principal(name: &str, partition: Partition) -> Result<String> {
    let name = name.trim();
    let short = name.strip_suffix(".cn").filter(|_| partition == Partition::China).unwrap_or(name);
    match (short.strip_suffix(".amazonaws.com").unwrap_or(short), partition) {
        ("ec2", Partition::China) => Ok("ec2.amazonaws.com.cn".to_owned()),
        (known @ ("ec2" | "lambda" | "ecs-tasks" | "codebuild"), Partition::Aws | Partition::China | Partition::GovCloud | Partition::EuSovereign) => {
            Ok(format!("{known}.amazonaws.com"))
        }
        (start, Partition::Aws | Partition::China | Partition::GovCloud | Partition::EuSovereign) => {
            let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            if short.ends_with(".amazonaws.com") && start.split('.').all(letters) {
                Ok(name.to_owned())
            } else {
                Err(Error::invalid("AWS service", name, "ec2, lambda, ecs-tasks, codebuild, or NAME.amazonaws.com"))
            }
        }
    }
}

/// Services whose documentation has `aws:SourceAccount` in a role's trust policy. EC2 and Lambda do not pass it when they
/// assume a role: asking for it would keep them out.
fn guards_account(service: &str) -> bool {
    matches!(service, "ecs-tasks.amazonaws.com" | "codebuild.amazonaws.com")
}
