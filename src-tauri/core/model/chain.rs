//! Where a profile's credentials come from, as data, before any call: one base, then role hops.
//!
//! Whoever draws, plans or issues reads the same value, so the picture cannot differ from what happens. How files become a chain
//! is in `resolve`; which calls a chain needs is in the agent.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    access_key::AccessKeyId,
    arn::RoleArn,
    params::{ExternalId, MfaSerial, RoleSessionName, SessionDuration, SessionTag, SourceIdentity},
    profile::ProfileName,
};

/// The first credentials of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// A long-lived access key.
    AccessKey {
        /// The profile whose key it is.
        profile: ProfileName,
        /// Its ID, as the files name it.
        access_key_id: AccessKeyId,
        /// Where its secret lies.
        place: KeyPlace,
        /// The profile's own `mfa_serial`: counts only when the chain has no hops.
        mfa_serial: Option<MfaSerial>,
    },
    /// Temporary credentials that somebody wrote into a file (with `aws_session_token`).
    Static {
        /// The profile.
        profile: ProfileName,
        /// `ASIA…`
        access_key_id: AccessKeyId,
    },
    /// A foreign `credential_process`.
    Process {
        /// The profile.
        profile: ProfileName,
        /// The command line, as the file has it.
        command: String,
    },
    /// `credential_source`: `Environment`, `Ec2InstanceMetadata`, `EcsContainer`.
    Source {
        /// The profile.
        profile: ProfileName,
        /// As the file has it.
        credential_source: String,
    },
    /// `web_identity_token_file` with its role.
    WebIdentity {
        /// The profile.
        profile: ProfileName,
        /// The file with the token.
        token_file: String,
    },
    /// IAM Identity Center.
    IdentityCenter {
        /// The profile.
        profile: ProfileName,
        /// The name of the `[sso-session]`, or the start URL of the old notation.
        sso_session: String,
    },
    /// `aws login`.
    Login {
        /// The profile.
        profile: ProfileName,
    },
}

/// Where the secret of an access key lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// The operating system's keychain.
    Keychain,
    /// Plain text in one of the AWS files.
    File,
}

/// One AssumeRole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The profile that asks for it.
    pub profile: ProfileName,
    /// `RoleArn`
    pub role_arn: RoleArn,
    /// `ExternalId`
    pub external_id: Option<ExternalId>,
    /// `SerialNumber`; the code goes here or on a GetSessionToken before the chain.
    pub mfa_serial: Option<MfaSerial>,
    /// `RoleSessionName`; one is made where the profile names none.
    pub role_session_name: Option<RoleSessionName>,
    /// `DurationSeconds`
    pub duration: Option<SessionDuration>,
    /// `Policy` (JSON), from `stagedoor_session_policy`.
    pub policy: Option<String>,
    /// `PolicyArns`, from `stagedoor_session_policy_arns`.
    pub policy_arns: Vec<String>,
    /// `Tags`, from `session_tags`.
    pub tags: Vec<SessionTag>,
    /// `TransitiveTagKeys`, from `transitive_session_tags`.
    pub transitive_tag_keys: Vec<String>,
    /// `SourceIdentity`, from `source_identity`.
    pub source_identity: Option<SourceIdentity>,
}

/// A resolved profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The profile that was asked for.
    pub profile: ProfileName,
    /// Where it begins.
    pub base: Base,
    /// The roles, in the order in which they are assumed.
    pub hops: Vec<Hop>,
    /// The Region of the profile that was asked for.
    pub region: Option<String>,
    /// How long a plain access key's GetSessionToken is asked for (`duration_seconds` of a profile without a role).
    pub session_duration: Option<SessionDuration>,
    /// A person must allow it each time: `stagedoor_ask` of the profile, or of one that it stands on.
    pub asks: bool,
    /// The person said that the access key itself may be handed out (`stagedoor_hand_out_access_key`).
    pub hand_out_access_key: bool,
}

impl Base {
    /// The profile at the base.
    pub const fn profile(&self) -> &ProfileName {
        match self {
            Self::AccessKey { profile, .. }
            | Self::Static { profile, .. }
            | Self::Process { profile, .. }
            | Self::Source { profile, .. }
            | Self::WebIdentity { profile, .. }
            | Self::IdentityCenter { profile, .. }
            | Self::Login { profile } => profile,
        }
    }

    /// Its kind on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccessKey { .. } => "access_key",
            Self::Static { .. } => "static",
            Self::Process { .. } => "process",
            Self::Source { .. } => "environment",
            Self::WebIdentity { .. } => "web_identity",
            Self::IdentityCenter { .. } => "identity_center",
            Self::Login { .. } => "login",
        }
    }

    /// Whether a role assumed from it certainly counts as chained: its credentials are a session already.
    fn is_session(&self) -> bool {
        match self {
            Self::AccessKey { .. } | Self::Process { .. } => false,
            Self::Source { credential_source, .. } => credential_source != "Environment",
            Self::Static { .. } | Self::WebIdentity { .. } | Self::IdentityCenter { .. } | Self::Login { .. } => true,
        }
    }

    fn json(&self) -> Value {
        let mut json = json!({ "kind": self.kind(), "profile": self.profile() });
        let (key, value) = match self {
            Self::AccessKey { access_key_id, .. } | Self::Static { access_key_id, .. } => ("access_key_id", access_key_id.as_str()),
            Self::Process { command, .. } => ("command", command.as_str()),
            Self::Source { credential_source, .. } => ("credential_source", credential_source.as_str()),
            Self::WebIdentity { token_file, .. } => ("web_identity_token_file", token_file.as_str()),
            Self::IdentityCenter { sso_session, .. } => ("sso_session", sso_session.as_str()),
            Self::Login { .. } => return json,
        };
        json[key] = value.into();
        json
    }
}

impl Hop {
    fn json(&self) -> Value {
        let mut json = Map::new();
        json.insert("profile".to_owned(), json!(self.profile));
        json.insert("role_arn".to_owned(), json!(self.role_arn));
        let optional = [
            ("external_id", self.external_id.as_ref().map(|value| json!(value))),
            ("mfa_serial", self.mfa_serial.as_ref().map(|value| json!(value))),
            ("role_session_name", self.role_session_name.as_ref().map(|value| json!(value))),
            ("duration_seconds", self.duration.map(|value| json!(value))),
        ];
        json.extend(optional.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        Value::Object(json)
    }
}

impl Chain {
    /// The MFA device whose code is needed: the first hop that names one, or the profile's own where there is no role.
    pub fn mfa_serial(&self) -> Option<&MfaSerial> {
        if self.hops.is_empty() {
            match &self.base {
                Base::AccessKey { mfa_serial, .. } => mfa_serial.as_ref(),
                Base::Static { .. }
                | Base::Process { .. }
                | Base::Source { .. }
                | Base::WebIdentity { .. }
                | Base::IdentityCenter { .. }
                | Base::Login { .. } => None,
            }
        } else {
            self.hops.iter().find_map(|hop| hop.mfa_serial.as_ref())
        }
    }

    /// Whether the MFA code goes on AssumeRole itself. A role assumed from a session token counts as chained and ends
    /// after an hour, so the one role of a chain that needs more takes the code directly.
    pub fn mfa_on_role(&self) -> bool {
        matches!(&self.hops[..], [hop] if hop.mfa_serial.is_some() && hop.duration.is_some_and(|d| d > SessionDuration::HOUR))
    }

    /// The longest that the hop at `index` can last, in seconds: an hour when it is chained, else twelve (the role itself
    /// may allow less). An MFA session before the role is no limit: who asks for more than an hour has the code go on the role.
    pub fn longest_hop_seconds(&self, index: usize) -> u32 {
        let chained = index > 0 || self.base.is_session();
        if chained { SessionDuration::HOUR.seconds() } else { SessionDuration::LONGEST.seconds() }
    }

    /// The longest that the whole can last, in seconds. A plain access key's GetSessionToken: 36 hours.
    pub fn longest_seconds(&self) -> u32 {
        match (self.hops.len().checked_sub(1), &self.base) {
            (Some(last), _) => self.longest_hop_seconds(last),
            (None, Base::AccessKey { .. }) => 129_600,
            (
                None,
                Base::Static { .. } | Base::Process { .. } | Base::Source { .. } | Base::WebIdentity { .. } | Base::IdentityCenter { .. } | Base::Login { .. },
            ) => SessionDuration::LONGEST.seconds(),
        }
    }

    /// What a person must give before it starts.
    pub fn needs(&self) -> Vec<&'static str> {
        let code = self.mfa_serial().map(|_| "mfa_code");
        let approval = self.asks.then_some("approval");
        let sign_in = matches!(self.base, Base::IdentityCenter { .. } | Base::Login { .. }).then_some("sign_in");
        code.into_iter().chain(approval).chain(sign_in).collect()
    }

    /// The answer of `stagedoor resolve --json`.
    pub fn json(&self) -> Value {
        json!({
            "profile": self.profile,
            "base": self.base.json(),
            "hops": self.hops.iter().map(Hop::json).collect::<Vec<_>>(),
            "longest_seconds": self.longest_seconds(),
            "needs": self.needs(),
        })
    }
}
