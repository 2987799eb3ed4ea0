//! The one place that validates parameters: an action lists its fields with their rules, and AWS's sentence comes out.
//!
//! `N validation errors detected: Value '…' at 'roleSessionName' failed to satisfy constraint: Member must …; …`

use super::{
    fault::{Fault, Outcome},
    params::Params,
};
use crate::model::params::SessionTag;

/// Which characters, with the pattern as AWS prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chars {
    /// Anything at all.
    Free,
    /// Names of users, roles, groups, policies.
    Name,
    /// Session names, source identities, names of federated users.
    SessionName,
    ExternalId,
    Serial,
    Digits,
    /// The same two as IAM prints them.
    IamSerial,
    IamDigits,
    KeyId,
    Path,
    /// Of managed policies.
    PolicyPath,
    PathPrefix,
    Marker,
    Policy,
    Alias,
    Description,
    VersionId,
    TagKey,
    TagValue,
    /// Anything, and complaints do not repeat it.
    Secret,
    /// What IAM takes in a password; complaints do not repeat it.
    Password,
    /// Names of SAML providers.
    Provider,
}

impl Chars {
    const fn pattern(self) -> &'static str {
        match self {
            Self::Free | Self::Secret => "",
            Self::Provider => r"[\w._-]+",
            Self::Name => r"[\w+=,.@-]+",
            Self::SessionName => r"[\w+=,.@-]*",
            Self::ExternalId => r"[\w+=,.@:\/-]*",
            Self::Serial => r"[\w+=/:,.@-]*",
            Self::Digits => r"[\d]*",
            Self::IamSerial => r"[\w+=/:,.@-]+",
            Self::IamDigits => r"[\d]+",
            Self::KeyId => r"[\w]+",
            Self::Path => r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)",
            Self::PolicyPath => r"((/[A-Za-z0-9\.,\+@=_-]+)*)/",
            Self::PathPrefix => r"\u002F[\u0021-\u007F]*",
            Self::Marker => r"[\u0020-\u00FF]+",
            Self::Policy | Self::Password => r"[\u0009\u000A\u000D\u0020-\u00FF]+",
            Self::Alias => r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
            Self::Description => r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*",
            Self::VersionId => r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?",
            Self::TagKey => r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+",
            Self::TagValue => r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*",
        }
    }

    /// IAM has its own sentence for some.
    const fn sentence(self) -> Option<&'static str> {
        match self {
            Self::Name => Some("contain only alphanumeric characters and/or the following: +=,.@_-"),
            Self::Path | Self::PolicyPath => Some("begin and end with / and contain only alphanumeric characters and/or / characters."),
            Self::Free
            | Self::SessionName
            | Self::ExternalId
            | Self::Serial
            | Self::Digits
            | Self::IamSerial
            | Self::IamDigits
            | Self::KeyId
            | Self::PathPrefix
            | Self::Marker
            | Self::Policy
            | Self::Alias
            | Self::Description
            | Self::VersionId
            | Self::TagKey
            | Self::TagValue
            | Self::Secret
            | Self::Password
            | Self::Provider => None,
        }
    }

    fn accepts(self, text: &str) -> bool {
        let word = |extra: &'static str| move |c: char| c.is_ascii_alphanumeric() || c == '_' || extra.contains(c);
        match self {
            Self::Free | Self::Secret => true,
            Self::Provider => text.chars().all(word("._-")),
            Self::Name | Self::SessionName => text.chars().all(word("+=,.@-")),
            Self::ExternalId => text.chars().all(word("+=,.@:/-")),
            Self::Serial | Self::IamSerial => text.chars().all(word("+=/:,.@-")),
            Self::Digits | Self::IamDigits => text.chars().all(|c| c.is_ascii_digit()),
            Self::KeyId => text.chars().all(word("")),
            Self::Path => text.starts_with('/') && text.ends_with('/') && text.chars().all(|c| c.is_ascii_graphic()),
            Self::PolicyPath => text.starts_with('/') && text.ends_with('/') && !text.contains("//") && text.chars().all(word("/.,+@=-")),
            Self::PathPrefix => text.starts_with('/') && text.chars().all(|c| matches!(c, '!'..='\u{7f}')),
            Self::Marker => text.chars().all(|c| matches!(c, ' '..='\u{ff}')),
            Self::Policy | Self::Password => text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}')),
            Self::Alias => {
                let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
                edge(text.chars().next())
                    && edge(text.chars().last())
                    && !text.contains("--")
                    && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            }
            Self::Description => text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}')),
            Self::VersionId => text.strip_prefix('v').is_some_and(|rest| {
                let (number, more) = rest.split_once('.').unwrap_or((rest, ""));
                number.starts_with(|c: char| matches!(c, '1'..='9'))
                    && number.chars().all(|c| c.is_ascii_digit())
                    && more.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            }),
            Self::TagKey | Self::TagValue => text.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c)),
        }
    }
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Text {
        min: usize,
        max: usize,
        chars: Chars,
    },
    Number {
        min: i64,
        max: i64,
    },
    OneOf(&'static [&'static str]),
    Boolean,
    /// A list of values, each of which follows a rule.
    List {
        max: usize,
        of: &'static Rule,
    },
    /// A list of tags, at most 50.
    Tags,
    /// A list of tag keys, at most 50.
    TagKeys,
}

/// One parameter of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    name: &'static str,
    required: bool,
    rule: Rule,
}

impl Field {
    /// Whether its value is never repeated and never put on record: passwords, codes, assertions, keys.
    pub(super) const fn is_secret(&self) -> bool {
        matches!(self.rule, Rule::Text { chars: Chars::Secret | Chars::Password | Chars::Digits | Chars::IamDigits, .. })
    }

    /// Whether a parameter is this one, or a part of it.
    pub(super) fn has(&self, param: &str) -> bool {
        param.strip_prefix(self.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Whether this is its name and its values are numbers or booleans.
    pub(super) fn is_plain(&self, name: &str) -> bool {
        self.name == name && matches!(self.rule, Rule::Number { .. } | Rule::Boolean)
    }

    /// As the Query protocol writes it; of a list the first member.
    pub(super) fn names(&self) -> Vec<String> {
        let name = self.name;
        match self.rule {
            Rule::Tags => vec![format!("{name}.member.1.Key"), format!("{name}.member.1.Value")],
            Rule::TagKeys | Rule::List { .. } => vec![format!("{name}.member.1")],
            Rule::Text { .. } | Rule::Number { .. } | Rule::OneOf(_) | Rule::Boolean => vec![name.to_owned()],
        }
    }
}

pub(super) const fn required(name: &'static str, rule: Rule) -> Field {
    Field { name, required: true, rule }
}

pub(super) const fn optional(name: &'static str, rule: Rule) -> Field {
    Field { name, required: false, rule }
}

pub(super) const fn text(min: usize, max: usize, chars: Chars) -> Rule {
    Rule::Text { min, max, chars }
}

/// Checks everything and complains about everything at once.
pub(super) fn check(fields: &[Field], params: &Params) -> Outcome<()> {
    let mut broken = Vec::new();
    for field in fields {
        let at = member(field.name);
        match (field.rule, params.get(field.name)) {
            (Rule::Tags, _) => tags(params, field.name, field.required, &mut broken),
            (Rule::TagKeys, _) => list(params, field, 50, &text(1, 128, Chars::TagKey), &mut broken)?,
            (Rule::List { max, of }, _) => list(params, field, max, of, &mut broken)?,
            (_, None) if field.required => broken.push(null(&at)),
            (rule, Some(value)) => one(&at, value, &rule, &mut broken)?,
            (_, None) => {}
        }
    }
    complain(&broken)
}

/// A value by itself.
fn one(at: &str, value: &str, rule: &Rule, broken: &mut Vec<String>) -> Outcome<()> {
    match *rule {
        Rule::Text { min, max, chars } => {
            if let Some(rule) = chars.sentence().filter(|_| !value.is_empty() && !chars.accepts(value)) {
                return Err(Fault::validation(format!("The specified value for {at} is invalid. It must {rule}")));
            }
            one_text(at, value, (min, max, chars), broken);
        }
        Rule::Number { min, max } => number(at, value, min, max, broken)?,
        Rule::OneOf(values) if !values.contains(&value) => {
            broken.push(complaint(value, at, &format!("Member must satisfy enum value set: [{}]", values.join(", "))));
        }
        Rule::Boolean if !matches!(value, "true" | "false") => {
            return Err(Fault::new("MalformedInput", format!("'{value}' can not be converted to a Boolean")));
        }
        Rule::OneOf(_) | Rule::Boolean | Rule::List { .. } | Rule::Tags | Rule::TagKeys => {}
    }
    Ok(())
}

fn complain(broken: &[String]) -> Outcome<()> {
    if broken.is_empty() {
        return Ok(());
    }
    let errors = if broken.len() == 1 { "error" } else { "errors" };
    Err(Fault::validation(format!("{} validation {errors} detected: {}", broken.len(), broken.join("; "))))
}

fn null(at: &str) -> String {
    format!("Value null at '{at}' failed to satisfy constraint: Member must not be null")
}

fn complaint(value: &str, at: &str, constraint: &str) -> String {
    format!("Value '{value}' at '{at}' failed to satisfy constraint: {constraint}")
}

/// Whether a tag keeps to the limits of keys and values.
pub(super) fn tag_fits(tag: &SessionTag) -> bool {
    let fits = |text: &str, min, max, chars: Chars| (min..=max).contains(&text.chars().count()) && chars.accepts(text);
    fits(&tag.key, 1, 128, Chars::TagKey) && fits(&tag.value, 0, 256, Chars::TagValue)
}

fn one_text(at: &str, value: &str, (min, max, chars): (usize, usize, Chars), broken: &mut Vec<String>) {
    let complaint = |value: &str, at: &str, constraint: &str| {
        if matches!(chars, Chars::Secret | Chars::Password) {
            format!("Value at '{at}' failed to satisfy constraint: {constraint}")
        } else {
            complaint(value, at, constraint)
        }
    };
    let length = value.chars().count();
    if !chars.accepts(value) {
        broken.push(complaint(value, at, &format!("Member must satisfy regular expression pattern: {}", chars.pattern())));
    }
    if length < min {
        broken.push(complaint(value, at, &format!("Member must have length greater than or equal to {min}")));
    }
    if length > max {
        broken.push(complaint(value, at, &format!("Member must have length less than or equal to {max}")));
    }
}

fn number(at: &str, value: &str, min: i64, max: i64, broken: &mut Vec<String>) -> Outcome<()> {
    let Ok(number) = value.parse::<i64>() else {
        return Err(Fault::new("MalformedInput", format!("'{value}' can not be converted to an Integer")));
    };
    if number < min {
        broken.push(complaint(value, at, &format!("Member must have value greater than or equal to {min}")));
    }
    if number > max {
        broken.push(complaint(value, at, &format!("Member must have value less than or equal to {max}")));
    }
    Ok(())
}

fn tags(params: &Params, name: &str, required: bool, broken: &mut Vec<String>) {
    let at = member(name);
    let tags = params.pairs(name);
    if tags.is_empty() && required {
        broken.push(null(&at));
    }
    if tags.len() > 50 {
        broken.push(complaint(&format!("[{} tags]", tags.len()), &at, "Member must have length less than or equal to 50"));
    }
    for index in 1..=tags.len() {
        for (half, part, size) in [("Key", "key", (1, 128, Chars::TagKey)), ("Value", "value", (0, 256, Chars::TagValue))] {
            let at = format!("{at}.{index}.member.{part}");
            match params.get(&format!("{name}.member.{index}.{half}")) {
                Some(text) => one_text(&at, text, size, broken),
                None => broken.push(null(&at)),
            }
        }
    }
}

fn list(params: &Params, field: &Field, max: usize, of: &Rule, broken: &mut Vec<String>) -> Outcome<()> {
    let at = member(field.name);
    let values = params.list(field.name);
    if values.is_empty() && field.required {
        broken.push(null(&at));
    }
    if values.len() > max {
        broken.push(complaint(&format!("[{}]", values.join(", ")), &at, &format!("Member must have length less than or equal to {max}")));
    }
    for (index, value) in values.iter().enumerate() {
        one(&format!("{at}.{}.member", index + 1), value, of, broken)?;
    }
    Ok(())
}

/// The name as AWS's messages write it: `RoleSessionName` is `roleSessionName`, `VirtualMFADeviceName` is `virtualMFADeviceName`.
fn member(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}
