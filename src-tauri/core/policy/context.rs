//! What is known of a request besides who, what and where: the condition keys and their values.
//!
//! Keys are compared without regard to case, as IAM does; values are text, because policies write them so. A key that is
//! absent and a key with an empty list are the same thing to every operator.

use std::collections::BTreeMap;

/// The condition keys of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, (String, Vec<String>)>);

impl Context {
    /// No keys at all.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets a key that has one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.0.insert(key.to_ascii_lowercase(), (key.to_owned(), vec![value.into()]));
    }

    /// Sets a key that has many values.
    pub fn set_all(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        self.0.insert(key.to_ascii_lowercase(), (key.to_owned(), values.into_iter().collect()));
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(&key.to_ascii_lowercase());
    }

    /// The values of a key; `None` where it is absent or empty.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_ascii_lowercase()).map(|(_, values)| values.as_slice()).filter(|values| !values.is_empty())
    }

    /// The value of a key that has exactly one: only such keys may stand in a policy variable.
    pub fn single(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some([value]) => Some(value),
            Some(_) | None => None,
        }
    }

    /// All keys, as they were spelled, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.values().map(|(key, values)| (key.as_str(), values.as_slice()))
    }
}
