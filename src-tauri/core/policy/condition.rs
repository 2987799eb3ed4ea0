//! The condition operators: text, number, date, boolean, binary, IP address, ARN, `Null`; with `IfExists` and the set
//! prefixes `ForAllValues:` and `ForAnyValue:`.
//!
//! A key that is absent makes a condition false, except for negated operators, `IfExists`, `ForAllValues` and `Null`.
//! Several values of a policy are alternatives; under a negated operator none of them may match.

use std::{cmp::Ordering, net::IpAddr};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Iso8601};

use super::{context::Context, pattern::Pattern};

/// How a value of the policy is compared with a value of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Test {
    Text,
    TextIgnoringCase,
    TextLike,
    Number(Compare),
    Date(Compare),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Set {
    All,
    Any,
}

/// `ForAllValues:StringNotLikeIfExists`, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    test: Test,
    negated: bool,
    set: Option<Set>,
    if_exists: bool,
}

impl Operator {
    /// By its name in a policy.
    pub fn parse(name: &str) -> Option<Self> {
        let (set, base) = match name.split_once(':') {
            Some(("ForAllValues", base)) => (Some(Set::All), base),
            Some(("ForAnyValue", base)) => (Some(Set::Any), base),
            Some(_) => return None,
            None => (None, name),
        };
        let (base, if_exists) = base.strip_suffix("IfExists").map_or((base, false), |base| (base, true));
        let (test, negated) = match base {
            "StringEquals" => (Test::Text, false),
            "StringNotEquals" => (Test::Text, true),
            "StringEqualsIgnoreCase" => (Test::TextIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Test::TextIgnoringCase, true),
            "StringLike" => (Test::TextLike, false),
            "StringNotLike" => (Test::TextLike, true),
            "NumericEquals" => (Test::Number(Compare::Equal), false),
            "NumericNotEquals" => (Test::Number(Compare::Equal), true),
            "NumericLessThan" => (Test::Number(Compare::Less), false),
            "NumericLessThanEquals" => (Test::Number(Compare::LessOrEqual), false),
            "NumericGreaterThan" => (Test::Number(Compare::Greater), false),
            "NumericGreaterThanEquals" => (Test::Number(Compare::GreaterOrEqual), false),
            "DateEquals" => (Test::Date(Compare::Equal), false),
            "DateNotEquals" => (Test::Date(Compare::Equal), true),
            "DateLessThan" => (Test::Date(Compare::Less), false),
            "DateLessThanEquals" => (Test::Date(Compare::LessOrEqual), false),
            "DateGreaterThan" => (Test::Date(Compare::Greater), false),
            "DateGreaterThanEquals" => (Test::Date(Compare::GreaterOrEqual), false),
            "Bool" => (Test::Bool, false),
            "BinaryEquals" => (Test::Binary, false),
            "IpAddress" => (Test::Ip, false),
            "NotIpAddress" => (Test::Ip, true),
            // AWS: ArnEquals and ArnLike behave the same.
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "Null" if set.is_none() && !if_exists => (Test::Null, false),
            _ => return None,
        };
        Some(Self { test, negated, set, if_exists })
    }

    /// Whether a value can stand in a policy: dates must be dates.
    pub fn takes(&self, value: &str) -> bool {
        !matches!(self.test, Test::Date(_)) || value.contains("${") || date(value).is_some()
    }
}

/// One key of one operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// How.
    pub operator: Operator,
    /// The operator as the policy writes it.
    pub name: String,
    /// Which condition key.
    pub key: String,
    /// Alternatives.
    pub values: Vec<String>,
}

impl Condition {
    /// Whether it holds. `variables`: whether `${…}` is filled in.
    pub fn holds(&self, context: &Context, variables: bool) -> bool {
        let Operator { test, negated, set, if_exists } = self.operator;
        let actual = context.get(&self.key);
        if test == Test::Null {
            return self.values.iter().any(|wanted| wanted.eq_ignore_ascii_case(if actual.is_none() { "true" } else { "false" }));
        }
        let Some(actual) = actual else {
            return match set {
                Some(Set::All) => true,
                Some(Set::Any) => if_exists,
                None => if_exists || negated,
            };
        };
        let one = |value: &String| self.values.iter().any(|wanted| matches(test, wanted, value, context, variables)) != negated;
        match set {
            Some(Set::All) => actual.iter().all(one),
            None if negated => actual.iter().all(one),
            Some(Set::Any) | None => actual.iter().any(one),
        }
    }
}

fn matches(test: Test, wanted: &str, actual: &str, context: &Context, variables: bool) -> bool {
    let expand = |wildcards| Pattern::expand(wanted, context, wildcards, variables);
    match test {
        Test::Text => expand(false).is_some_and(|pattern| pattern.matches(actual)),
        Test::TextIgnoringCase => expand(false).is_some_and(|pattern| pattern.matches_ignoring_case(actual)),
        Test::TextLike => expand(true).is_some_and(|pattern| pattern.matches(actual)),
        Test::Arn => expand(true).is_some_and(|pattern| pattern.matches_arn(actual)),
        Test::Bool => expand(false).is_some_and(|pattern| pattern.matches_ignoring_case(actual)),
        Test::Binary => wanted.trim_end_matches('=') == actual.trim_end_matches('='),
        Test::Number(compare) => match (wanted.trim().parse::<f64>(), actual.trim().parse::<f64>()) {
            (Ok(wanted), Ok(actual)) => actual.partial_cmp(&wanted).is_some_and(|order| compare.holds(order)),
            _ => false,
        },
        Test::Date(compare) => match (date(wanted), date(actual)) {
            (Some(wanted), Some(actual)) => compare.holds(actual.cmp(&wanted)),
            _ => false,
        },
        Test::Ip => network(wanted).zip(actual.parse().ok()).is_some_and(|(network, address)| network.contains(address)),
        Test::Null => false,
    }
}

impl Compare {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// A date as policies write it: ISO 8601 with or without a time, or seconds since 1970.
fn date(text: &str) -> Option<OffsetDateTime> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        // Four digits are a year.
        if text.len() > 4 {
            return OffsetDateTime::from_unix_timestamp(seconds).ok();
        }
    }
    OffsetDateTime::parse(text, &Iso8601::DEFAULT)
        .ok()
        .or_else(|| time::PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).ok().map(time::PrimitiveDateTime::assume_utc))
        .or_else(|| time::Date::parse(text, &Iso8601::DATE).ok().map(|day| day.midnight().assume_utc()))
}

struct Network {
    address: IpAddr,
    bits: u8,
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.trim().split_once('/') {
        Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u8>().ok()?)),
        None => (text.trim().parse::<IpAddr>().ok()?, None),
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some(Network { address, bits })
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                u32::from(own).checked_shr(shift).unwrap_or(0) == u32::from(other).checked_shr(shift).unwrap_or(0)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                u128::from(own).checked_shr(shift).unwrap_or(0) == u128::from(other).checked_shr(shift).unwrap_or(0)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}
