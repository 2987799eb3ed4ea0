//! From profiles to a chain, before any call: one base, then role hops.
//!
//! The order in which a profile's properties are looked at is that of AWS's Rust SDK (`aws-config`,
//! `profile/credentials/repr.rs`). Whatever is wrong is an error that names the profile and the key to mend.

use std::collections::BTreeMap;

use super::{
    access_key::AccessKeyId,
    arn::RoleArn,
    chain::{Base, Chain, Hop, KeyPlace},
    params::{ExternalId, MfaSerial, RoleSessionName, SessionDuration, SessionTag, SourceIdentity},
    profile::{Profile, ProfileName},
};
use crate::error::{Code, Error, Result};

/// What profiles there are.
#[expect(missing_debug_implementations, reason = "two functions")]
pub struct World<'a> {
    /// A profile by name.
    pub profile: &'a dyn Fn(&str) -> Option<&'a Profile>,
    /// The properties of an `[sso-session]` by name.
    pub sso_session: &'a dyn Fn(&str) -> Option<&'a BTreeMap<String, String>>,
}

/// Where the credentials of `name` come from.
pub fn resolve(name: &ProfileName, world: &World<'_>) -> Result<Chain> {
    let asked = (world.profile)(name.as_str()).ok_or_else(|| missing_profile(name))?;
    let mut visited: Vec<&str> = Vec::new();
    let mut hops = Vec::new();
    let mut asks = false;
    let mut profile = asked;
    let base = loop {
        if let Some(first) = visited.iter().position(|seen| *seen == profile.name) {
            return Err(credential_loop(&visited[first..]));
        }
        visited.push(&profile.name);
        asks |= yes_or_no(profile, "stagedoor_ask")?;
        // Further down a chain, an access key ends it even where there is a role too.
        if visited.len() > 1
            && let Some(Ok(base)) = access_key(profile)
        {
            break base;
        }
        if profile.get("web_identity_token_file").is_some() || profile.get("role_arn").is_none() {
            break base_of(profile, world)?;
        }
        let source = source_of(profile)?;
        hops.push(hop(profile)?);
        match source {
            Some(source) if source != profile.name => profile = (world.profile)(source).ok_or_else(|| missing_source(profile, source))?,
            Some(_) | None => break base_of(profile, world)?,
        }
    };
    hops.reverse();
    Ok(Chain {
        profile: name.clone(),
        session_duration: if hops.is_empty() { session_duration(asked)? } else { None },
        base,
        hops,
        region: asked.get("region").map(str::to_owned),
        asks,
        hand_out_access_key: yes_or_no(asked, "stagedoor_hand_out_access_key")?,
    })
}

/// There is no such profile.
pub fn missing_profile(name: &ProfileName) -> Error {
    Error::new(Code::MissingProfile, format!("There is no profile “{}”", name.as_str().escape_debug()), "See the names with: stagedoor profiles")
}

fn missing_source(profile: &Profile, source: &str) -> Error {
    Error::new(
        Code::MissingSource,
        format!("The profile “{}” names “{source}” as its source profile, which does not exist", profile.name),
        format!("Mend source_profile of the profile “{}”, or add the profile “{source}”", profile.name),
    )
}

fn credential_loop(names: &[&str]) -> Error {
    let round: Vec<&str> = names.iter().chain(names.first()).copied().collect();
    let last = names.last().copied().unwrap_or_default();
    Error::new(
        Code::CredentialLoop,
        format!("The source profiles lead in a circle: {}", round.join(" → ")),
        format!("Mend source_profile of one of them, for instance of the profile “{last}”, so that the chain ends at an access key"),
    )
}

/// Where a role profile gets its credentials: `None` for its own `credential_source`.
fn source_of(profile: &Profile) -> Result<Option<&str>> {
    let name = &profile.name;
    match (profile.get("source_profile"), profile.get("credential_source")) {
        (Some(_), Some(_)) => Err(Error::new(
            Code::BothSources,
            format!("The profile “{name}” has both source_profile and credential_source"),
            format!("Remove one of the two from the profile “{name}”"),
        )),
        (None, None) => Err(Error::new(
            Code::MissingSource,
            format!("The profile “{name}” has a role_arn but does not say whose credentials may assume it"),
            format!("Add source_profile = NAME to the profile “{name}”"),
        )),
        (source, _) => Ok(source),
    }
}

fn base_of(profile: &Profile, world: &World<'_>) -> Result<Base> {
    let name = ProfileName::new(&profile.name);
    if let Some(source) = profile.get("credential_source") {
        return if matches!(source, "Environment" | "Ec2InstanceMetadata" | "EcsContainer") {
            Ok(Base::Source { profile: name, credential_source: source.to_owned() })
        } else {
            Err(mend(profile, "credential_source", &Error::invalid("credential source", source, "Environment, Ec2InstanceMetadata or EcsContainer")))
        };
    }
    if let Some(token_file) = profile.get("web_identity_token_file") {
        parsed(profile, "role_arn", RoleArn::parse)?.ok_or_else(|| incomplete(profile, "web_identity_token_file", "role_arn"))?;
        return Ok(Base::WebIdentity { profile: name, token_file: token_file.to_owned() });
    }
    if ["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"].into_iter().any(|key| profile.get(key).is_some()) {
        return identity_center(profile, world);
    }
    if profile.get("login_session").is_some() {
        return Ok(Base::Login { profile: name });
    }
    if let Some(command) = profile.get("credential_process") {
        return Ok(Base::Process { profile: name, command: command.to_owned() });
    }
    access_key(profile).unwrap_or_else(|| {
        Err(Error::new(
            Code::NoCredentials,
            format!("The profile “{name}” has nothing to get credentials from"),
            format!("Add an access key with: stagedoor keys add {name}; or add role_arn and source_profile to it"),
        ))
    })
}

/// The profile's access key or temporary credentials; `None` where there is no trace of either.
fn access_key(profile: &Profile) -> Option<Result<Base>> {
    let name = ProfileName::new(&profile.name);
    if profile.get("stagedoor_access_key_id").is_some() {
        return Some(own_key(profile, name, "stagedoor_access_key_id", KeyPlace::Keychain));
    }
    let id = "aws_access_key_id";
    match (profile.get(id).is_some(), profile.plaintext_key) {
        (true, true) if profile.session_token => {
            Some(required(profile, id, AccessKeyId::parse).map(|access_key_id| Base::Static { profile: name, access_key_id }))
        }
        (true, true) => Some(own_key(profile, name, id, KeyPlace::File)),
        (true, false) => Some(Err(incomplete(profile, id, "aws_secret_access_key"))),
        (false, true) => Some(Err(incomplete(profile, "aws_secret_access_key", id))),
        (false, false) if profile.session_token => Some(Err(incomplete(profile, "aws_session_token", id))),
        (false, false) => None,
    }
}

fn own_key(profile: &Profile, name: ProfileName, key: &str, place: KeyPlace) -> Result<Base> {
    let access_key_id = required(profile, key, AccessKeyId::parse)?;
    // With a role of its own, the device belongs to the role's hop.
    let mfa_serial = if profile.get("role_arn").is_some() { None } else { parsed(profile, "mfa_serial", MfaSerial::parse)? };
    Ok(Base::AccessKey { profile: name, access_key_id, place, mfa_serial })
}

fn identity_center(profile: &Profile, world: &World<'_>) -> Result<Base> {
    let empty = BTreeMap::new();
    let (properties, where_to, sso_session) = match profile.get("sso_session") {
        Some(session) => {
            let properties = (world.sso_session)(session).ok_or_else(|| {
                Error::new(
                    Code::InvalidValue,
                    format!("The profile “{}” names the sso-session “{session}”, which does not exist", profile.name),
                    format!("Mend sso_session of the profile “{}”, or add the section [sso-session {session}] to the config file", profile.name),
                )
            })?;
            (properties, format!("the section [sso-session {session}]"), session)
        }
        None => (&empty, format!("the profile “{}”", profile.name), profile.get("sso_start_url").unwrap_or_default()),
    };
    let has = |key: &str| properties.get(key).is_some_and(|value| !value.is_empty()) || profile.get(key).is_some();
    for (key, place) in [
        ("sso_start_url", &where_to),
        ("sso_region", &where_to),
        ("sso_account_id", &format!("the profile “{}”", profile.name)),
        ("sso_role_name", &format!("the profile “{}”", profile.name)),
    ] {
        if !has(key) {
            return Err(Error::new(
                Code::InvalidValue,
                format!("The profile “{}” signs in with IAM Identity Center, but {key} is missing", profile.name),
                format!("Add {key} to {place}"),
            ));
        }
    }
    Ok(Base::IdentityCenter { profile: ProfileName::new(&profile.name), sso_session: sso_session.to_owned() })
}

fn hop(profile: &Profile) -> Result<Hop> {
    Ok(Hop {
        profile: ProfileName::new(&profile.name),
        role_arn: required(profile, "role_arn", RoleArn::parse)?,
        external_id: parsed(profile, "external_id", ExternalId::parse)?,
        mfa_serial: parsed(profile, "mfa_serial", MfaSerial::parse)?,
        role_session_name: parsed(profile, "role_session_name", RoleSessionName::parse)?,
        duration: parsed(profile, "duration_seconds", SessionDuration::parse)?,
        policy: parsed(profile, "stagedoor_session_policy", policy)?,
        policy_arns: list(profile, "stagedoor_session_policy_arns"),
        tags: parsed(profile, "session_tags", SessionTag::parse_list)?.unwrap_or_default(),
        transitive_tag_keys: list(profile, "transitive_session_tags"),
        source_identity: parsed(profile, "source_identity", SourceIdentity::parse)?,
    })
}

fn policy(text: &str) -> Result<String> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(Error::invalid("session policy", text, "a policy document in JSON")),
    }
}

fn list(profile: &Profile, key: &str) -> Vec<String> {
    profile.get(key).unwrap_or_default().split([',', '\n']).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// GetSessionToken gives up to 36 hours; what is asked beyond twelve is held at twelve.
fn session_duration(profile: &Profile) -> Result<Option<SessionDuration>> {
    let capped = |text: &str| match text.trim().parse::<u32>() {
        Ok(seconds @ 43_201..=129_600) => SessionDuration::from_seconds(seconds.min(SessionDuration::LONGEST.seconds())),
        Ok(_) | Err(_) => SessionDuration::parse(text),
    };
    parsed(profile, "duration_seconds", capped)
}

/// A property of our own that is `true`, `false` or not there. Anything else is an error, so that a slip never means no.
fn yes_or_no(profile: &Profile, key: &str) -> Result<bool> {
    let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::invalid("yes or no", text, "true or false")),
    };
    Ok(parsed(profile, key, parse)?.unwrap_or(false))
}

fn parsed<T>(profile: &Profile, key: &str, parse: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
    profile.get(key).map(parse).transpose().map_err(|error| mend(profile, key, &error))
}

fn required<T>(profile: &Profile, key: &str, parse: impl Fn(&str) -> Result<T>) -> Result<T> {
    parsed(profile, key, parse)?.ok_or_else(|| incomplete(profile, "the rest", key))
}

fn mend(profile: &Profile, key: &str, error: &Error) -> Error {
    Error::new(
        error.code,
        format!("{}: {key} of the profile “{}”", error.message, profile.name),
        format!("Mend {key} of the profile “{}”. {}", profile.name, error.hint),
    )
}

fn incomplete(profile: &Profile, has: &str, lacks: &str) -> Error {
    Error::new(
        Code::NoCredentials,
        format!("The profile “{}” has {has} but no {lacks}", profile.name),
        format!("Add {lacks} to the profile “{}”, or remove {has} from it", profile.name),
    )
}
