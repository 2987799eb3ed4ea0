//! The parameters of STS operations that have rules of their own: names, IDs, durations, tags.
//!
//! Each is parsed once, by AWS's own pattern and bounds, and is right from then on. What needs the account to be judged, such as
//! a role's own maximum duration, is not known here.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Declares a newtype over `String` that is parsed once.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $word:literal, $rule:literal, $lengths:expr, $extra:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(export, type = "string"))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses it by AWS's pattern.
            pub fn parse(text: &str) -> Result<Self> {
                let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || $extra.contains(&b);
                if $lengths.contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Error::invalid($word, text, $rule))
                }
            }

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

text!(
    /// `RoleSessionName`: shown in CloudTrail as the one who did it.
    RoleSessionName, "role session name", "2 to 64 of letters, digits and _+=,.@-", 2..=64, b"+=,.@-"
);
text!(
    /// `ExternalId`: what the owner of a role gave to a third party.
    ExternalId, "external ID", "2 to 1224 of letters, digits and _+=,.@:/-", 2..=1224, b"+=,.@:/-"
);
text!(
    /// `SourceIdentity`: stays with a session through every further role.
    SourceIdentity, "source identity", "2 to 64 of letters, digits and _+=,.@-", 2..=64, b"+=,.@-"
);
text!(
    /// `SerialNumber`: the serial of a hardware MFA device, or the ARN of a virtual one.
    MfaSerial, "MFA serial", "the ARN or the serial number of an MFA device, 9 to 256 of letters, digits and _+=/:,.@-", 9..=256, b"+=/:,.@-"
);

/// How long a session is asked for: 900 to 43,200 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, type = "number"))]
#[serde(try_from = "u32", into = "u32")]
pub struct SessionDuration(u32);

/// A span of time as people type it: seconds, or with units: `90`, `5s`, `15m`, `4h30m`, `7d`.
pub fn seconds(text: &str) -> Option<u32> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (mut seconds, mut number) = (0_u32, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            'd' => 86400,
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        seconds = number.parse::<u32>().ok()?.checked_mul(unit)?.checked_add(seconds)?;
        number.clear();
    }
    number.is_empty().then_some(seconds)
}

impl SessionDuration {
    /// What STS gives when nothing is asked for, and the most it gives a chained role: one hour.
    pub const HOUR: Self = Self(3600);
    /// The most any role can give: twelve hours.
    pub const LONGEST: Self = Self(43200);
    /// The least STS accepts: fifteen minutes.
    pub const SHORTEST: Self = Self(900);

    /// From seconds.
    pub fn from_seconds(seconds: u32) -> Result<Self> {
        if (900..=43200).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(Error::invalid("duration", &seconds.to_string(), "900 to 43200 seconds (15 minutes to 12 hours)"))
        }
    }

    /// From text as in `duration_seconds`, or with a unit: `15m`, `1h`, `4h30m`.
    pub fn parse(text: &str) -> Result<Self> {
        let seconds = seconds(text).ok_or_else(|| Error::invalid("duration", text, "seconds from 900 to 43200, or 15m to 12h"))?;
        let words = |error| if text.bytes().all(|byte| byte.is_ascii_digit()) { error } else { Error::invalid("duration", text, "at least 15m, at most 12h") };
        Self::from_seconds(seconds).map_err(words)
    }

    /// In seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for SessionDuration {
    type Error = Error;
    fn try_from(seconds: u32) -> Result<Self> {
        Self::from_seconds(seconds)
    }
}

impl From<SessionDuration> for u32 {
    fn from(duration: SessionDuration) -> Self {
        duration.0
    }
}

/// A session tag, `PrincipalTag` in policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct SessionTag {
    /// 1 to 128 characters.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

impl SessionTag {
    /// Parses `key=value,key=value`, at most 50.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        let bad = || Error::invalid("list of session tags", text, "key=value, separated by commas; at most 50, keys up to 128 and values up to 256 characters");
        let tags = text
            .split(',')
            .filter(|pair| !pair.trim().is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').ok_or_else(bad)?;
                let (key, value) = (key.trim(), value.trim());
                let fits = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
                if fits { Ok(Self { key: key.to_owned(), value: value.to_owned() }) } else { Err(bad()) }
            })
            .collect::<Result<Vec<_>>>()?;
        if tags.len() <= 50 { Ok(tags) } else { Err(bad()) }
    }

    /// Parses one `key=value`; the value may hold equals signs.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || Error::invalid("session tag", text, "key=value, the key 1 to 128 and the value up to 256 letters, digits, spaces and _.:/=+-@");
        let (key, value) = text.split_once('=').ok_or_else(bad)?;
        let tag = Self { key: key.trim().to_owned(), value: value.trim().to_owned() };
        if tag.fits() { Ok(tag) } else { Err(bad()) }
    }

    /// Whether AWS takes such a tag: its length and its characters.
    pub fn fits(&self) -> bool {
        let allowed = |c: char| c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c);
        self.key.chars().chain(self.value.chars()).all(allowed) && (1..=128).contains(&self.key.chars().count()) && self.value.chars().count() <= 256
    }
}
