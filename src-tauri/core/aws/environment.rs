//! The variables that count, as they were when the program started: `AWS_…`, the proxy's, the user's name; never a credential.
//!
//! They are the agent's own. What a terminal sets later, or what the desktop never had, is not among them, so a proxy is also
//! looked for in the system's settings.

use std::{collections::BTreeMap, ffi::OsString, fmt};

/// What makes one terminal's AWS another than the next one's.
const SURROUNDINGS: [&str; 7] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_SIGNIN",
    "AWS_CA_BUNDLE",
];

/// The same for the way there: lower case wins, as everywhere.
const PROXIES: [&str; 8] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

/// Kept beside what begins with `AWS_`.
const OTHERS: [&str; 2] = ["USER", "USERNAME"];

/// The `AWS_…` variables and the few others that count, as they were when the program started.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    system: bool,
}

/// Names only: a proxy's variable can hold a password.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.variables.keys()).finish()
    }
}

/// A value as it may be shown: the name and the password in a URL become `***`.
pub fn without_login(value: &str) -> String {
    let (scheme, rest) = value.split_once("://").map_or(("", value), |(scheme, rest)| (&value[..scheme.len() + 3], rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may hold a slash that nobody escaped: then more is hidden, never less.
    let at = if scheme.is_empty() { rest[..end].rfind('@') } else { rest.rfind('@') };
    at.map_or_else(|| value.to_owned(), |at| format!("{scheme}***{}", &rest[at..]))
}

impl Environment {
    /// Keeps what begins with `AWS_`, the proxies, and the user's name; never a credential. What is not UTF-8 counts as unset.
    pub fn new(variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>) -> Self {
        let secret = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];
        let variables = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into().into_string().ok()?, value.into().into_string().ok()?)))
            .filter(|(name, value): &(String, String)| {
                !value.is_empty()
                    && (name.starts_with("AWS_") || OTHERS.contains(&name.as_str()) || PROXIES.contains(&name.as_str()))
                    && !secret.contains(&name.as_str())
            })
            .collect();
        Self { variables, system: false }
    }

    /// Where no variable names a proxy, the system's settings are asked for one.
    #[must_use]
    pub fn and_the_system(mut self) -> Self {
        self.system = true;
        self
    }

    /// Whether the system's settings count too.
    pub(super) const fn asks_the_system(&self) -> bool {
        self.system
    }

    /// The variables that decide which files are read, which endpoints are asked, through whom, and who is believed. Without a proxy's
    /// name and password.
    pub fn surroundings(&self) -> Vec<(String, String)> {
        SURROUNDINGS.iter().chain(&PROXIES).filter_map(|name| Some(((*name).to_owned(), without_login(self.get(name)?)))).collect()
    }

    /// One variable, if it is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_aws_is_told_without_a_password() {
        let environment = Environment::new([
            ("HTTPS_PROXY", "http://me:p@ss@proxy.example:3128"),
            ("http_proxy", "me:word@plain:1"),
            ("NO_PROXY", "corp.example"),
            ("AWS_CA_BUNDLE", "/etc/ca.pem"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
            ("AWS_SECRET_ACCESS_KEY", "never"),
            ("USER", "me"),
        ]);
        let told = environment.surroundings();
        let told: Vec<(&str, &str)> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            told,
            [
                ("AWS_ENDPOINT_URL", "http://127.0.0.1:5000"),
                ("AWS_CA_BUNDLE", "/etc/ca.pem"),
                ("HTTPS_PROXY", "http://***@proxy.example:3128"),
                ("http_proxy", "***@plain:1"),
                ("NO_PROXY", "corp.example"),
            ]
        );
    }
}
