//! The parameters of one request: from the query and from the form, decoded once.
//!
//! Lists and structures come flattened (`Tags.member.1.Key`), as the Query protocol has them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fault::{Fault, Outcome};
use crate::model::params::SessionTag;

/// How many bytes of names a JSON body may become.
const LARGEST: usize = 2 << 20;

/// Names and values.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// From a query and a form body; what is no UTF-8 is refused.
    pub(super) fn parse(query: &str, form: &[u8]) -> Outcome<Self> {
        let mut params = BTreeMap::new();
        for part in query.as_bytes().split(|b| *b == b'&').chain(form.split(|b| *b == b'&')).filter(|part| !part.is_empty()) {
            let at = part.iter().position(|b| *b == b'=');
            let (name, value) = at.map_or((part, &[][..]), |at| (&part[..at], &part[at + 1..]));
            params.insert(decode(name)?, decode(value)?);
        }
        Ok(Self(params))
    }

    /// Adds one that the path says.
    pub(super) fn set(&mut self, name: &str, value: String) {
        self.0.insert(name.to_owned(), value);
    }

    /// Adds what a JSON body says, under the names that a form would have.
    pub(super) fn absorb_json(&mut self, body: &[u8]) -> Outcome<()> {
        if body.is_empty() {
            return Ok(());
        }
        let json = serde_json::from_slice(body).map_err(|_| Fault::new("SerializationException", "The request body is no JSON."))?;
        let mut left = LARGEST;
        flatten("", &json, &mut self.0, &mut left).ok_or_else(|| Fault::new("SerializationException", "The request body is too large when it is taken apart."))
    }

    /// All of them, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter that is there; an empty one is there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One that the table of actions requires: it has been checked.
    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// `Name.member.1`, `Name.member.2`, …
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|index| self.get(&format!("{name}.member.{index}"))).collect()
    }

    /// `Name.member.N.Key` and `.Value`
    pub(super) fn pairs(&self, name: &str) -> Vec<SessionTag> {
        (1..=self.0.len())
            .map(|index| (self.get(&format!("{name}.member.{index}.Key")), self.get(&format!("{name}.member.{index}.Value"))))
            .take_while(|(key, value)| key.is_some() || value.is_some())
            .map(|(key, value)| SessionTag { key: key.unwrap_or_default().to_owned(), value: value.unwrap_or_default().to_owned() })
            .collect()
    }

    /// Names that begin so.
    pub(super) fn iter_under<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().map(String::as_str).filter(move |name| name.starts_with(start))
    }

    /// `Name.member.N.FIELD`
    pub(super) fn structures(&self, name: &str, field: &str) -> Vec<&str> {
        (1..).map_while(|index| self.get(&format!("{name}.member.{index}.{field}"))).collect()
    }
}

/// Every value gets its whole path as its name, so a small body could become a large map: `left` is how many bytes it may.
fn flatten(at: &str, json: &Value, into: &mut BTreeMap<String, String>, left: &mut usize) -> Option<()> {
    *left = left.checked_sub(at.len() + 16)?;
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match json {
        Value::Null => {}
        Value::String(text) => drop(into.insert(at.to_owned(), text.clone())),
        Value::Bool(_) | Value::Number(_) => drop(into.insert(at.to_owned(), json.to_string())),
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten(&below(&format!("member.{}", index + 1)), value, into, left)?;
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                flatten(&below(name), value, into, left)?;
            }
        }
    }
    Some(())
}

fn decode(bytes: &[u8]) -> Outcome<String> {
    let spaces: Vec<u8> = bytes.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let decoded = percent_encoding::percent_decode(&spaces).collect::<Vec<u8>>();
    String::from_utf8(decoded).map_err(|_| Fault::new("MalformedQueryString", "The query string contains a syntax error."))
}
