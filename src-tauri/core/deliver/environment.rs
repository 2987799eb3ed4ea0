//! Environment variables: for a child process, or as lines for a shell. Whatever could win over them is cleared with them.
//!
//! Shells differ in how a single quote is written and how a variable is cleared, and in nothing else that matters here. A region
//! and an endpoint go along, because without `AWS_PROFILE` a tool finds neither in the file. Each line ends with `;`, so that an
//! `eval` without quotes, which makes one line of all, does the same.

use std::fmt::Write;

use zeroize::Zeroizing;

use super::{Handed, rfc3339};
use crate::model::{secret::Secret, snapshot::Shell};

/// Variables of other credentials that would win or mix with ours.
pub const STALE: [&str; 18] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    // Older names of the two, which the SDKs for Go and Java still read.
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_ACCOUNT_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CREDENTIAL_FILE",
];

/// The variables to set. Those of [`STALE`] that are not among them are to be cleared.
pub fn variables(handed: &Handed) -> Vec<(&'static str, Zeroizing<String>)> {
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let mut set = vec![("AWS_ACCESS_KEY_ID", text(handed.access_key_id.as_str())), ("AWS_SECRET_ACCESS_KEY", text(handed.secret_access_key.expose()))];
    if let Some(token) = &handed.session_token {
        set.push(("AWS_SESSION_TOKEN", text(token.expose())));
    }
    set.push(("AWS_CREDENTIAL_EXPIRATION", text(&rfc3339(handed.expiration))));
    if let Some(account) = &handed.account_id {
        set.push(("AWS_ACCOUNT_ID", text(account)));
    }
    set.extend(surroundings(handed));
    set
}

/// The profile's Region and endpoint.
pub(super) fn surroundings(handed: &Handed) -> Vec<(&'static str, Zeroizing<String>)> {
    let text = |text: &str| Zeroizing::new(text.to_owned());
    let mut set = Vec::new();
    if let Some(region) = &handed.region {
        set.push(("AWS_REGION", text(region)));
        set.push(("AWS_DEFAULT_REGION", text(region)));
    }
    // Without AWS_PROFILE a tool would not find the profile's own endpoint: credentials of a practice account would go to AWS.
    if let Some(endpoint) = &handed.endpoint_url {
        set.push(("AWS_ENDPOINT_URL", text(endpoint)));
    }
    set
}

/// Lines that set the variables in `shell` and clear their stale siblings.
pub fn environment(handed: &Handed, shell: Shell) -> Secret {
    let set = variables(handed);
    let mut lines = Zeroizing::new(String::new());
    for name in STALE.iter().filter(|stale| !set.iter().any(|(name, _)| name == *stale)) {
        clear(&mut lines, shell, name);
        if matches!(shell, Shell::Fish) {
            // One that holds in all shells and for ever is a person's own choice: told, not taken away.
            let _ = writeln!(lines, "set -qU {name}; and echo 'stagedoor: the universal variable {name} is in the way; to erase it: set -eU {name}' >&2;");
        }
    }
    for (name, value) in &set {
        let value = Zeroizing::new(quoted(shell, value));
        let _ = match shell {
            Shell::Bash | Shell::Zsh => writeln!(lines, "export {name}={};", *value),
            Shell::Fish => writeln!(lines, "set -gx {name} {};", *value),
            Shell::Powershell => writeln!(lines, "$Env:{name} = {};", *value),
        };
    }
    Secret::new(lines.as_str())
}

/// Lines that clear everything [`environment`] sets; the endpoint only for a profile that has one.
pub fn unset(shell: Shell, endpoint: bool) -> String {
    let mut lines = String::new();
    for name in STALE.into_iter().chain(["AWS_REGION", "AWS_DEFAULT_REGION"]).chain(endpoint.then_some("AWS_ENDPOINT_URL")) {
        clear(&mut lines, shell, name);
    }
    lines
}

fn clear(lines: &mut String, shell: Shell, name: &str) {
    let _ = match shell {
        Shell::Bash | Shell::Zsh => writeln!(lines, "unset {name};"),
        // Global, and no other: without a scope fish would erase a universal variable, which is for ever.
        Shell::Fish => writeln!(lines, "set -eg {name};"),
        // Ignore, and not SilentlyContinue, which leaves an entry in $Error.
        Shell::Powershell => writeln!(lines, "Remove-Item Env:{name} -ErrorAction Ignore;"),
    };
}

/// Single quotes, inside which each shell has one way to write a single quote.
fn quoted(shell: Shell, value: &str) -> String {
    match shell {
        Shell::Bash | Shell::Zsh => format!("'{}'", value.replace('\'', "'\\''")),
        Shell::Fish => format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'")),
        Shell::Powershell => {
            let mut text = String::with_capacity(value.len() + 2);
            text.push('\'');
            for sign in value.chars() {
                text.push(sign);
                // To PowerShell the typographic ones are quotes as well; inside single quotes each is written twice.
                if matches!(sign, '\'' | '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}') {
                    text.push(sign);
                }
            }
            text.push('\'');
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use time::macros::datetime;

    use super::*;
    use crate::model::access_key::AccessKeyId;

    fn handed(token: Option<&str>) -> Handed {
        Handed {
            access_key_id: AccessKeyId::parse("ASIAEXAMPLEEXAMPLE00").expect("valid"),
            secret_access_key: Secret::new(r#"a'b$c`d"e\f"#),
            session_token: token.map(Secret::new),
            expiration: datetime!(2026-11-23 09:00 UTC),
            account_id: None,
            region: Some("eu-central-1".to_owned()),
            endpoint_url: None,
        }
    }

    #[test]
    fn a_shell_reads_back_what_was_written_and_stale_siblings_are_gone() {
        let script = format!("{}\nenv", environment(&handed(None), Shell::Bash).expose());
        let output = Command::new("bash").args(["-c", &script]).env("AWS_SESSION_TOKEN", "stale").env("AWS_PROFILE", "stale").output().expect("bash runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(text.lines().any(|l| l == r#"AWS_SECRET_ACCESS_KEY=a'b$c`d"e\f"#), "the secret arrives unchanged");
        assert!(text.lines().any(|l| l == "AWS_REGION=eu-central-1"));
        assert!(!text.contains("stale"), "a stale token would be mixed with the new key");
    }

    #[test]
    fn each_shell_has_its_own_words() {
        let fish = environment(&handed(Some("t")), Shell::Fish);
        assert!(fish.expose().contains(r#"set -gx AWS_SECRET_ACCESS_KEY 'a\'b$c`d"e\\f';"#));
        assert!(fish.expose().contains("\nset -eg AWS_PROFILE;\nset -qU AWS_PROFILE; and echo '"));
        let power = environment(&handed(Some("t")), Shell::Powershell);
        assert!(power.expose().contains(r#"$Env:AWS_SECRET_ACCESS_KEY = 'a''b$c`d"e\f';"#));
        assert!(power.expose().contains("Remove-Item Env:AWS_PROFILE -ErrorAction Ignore;"));
        assert!(unset(Shell::Zsh, false).lines().any(|l| l == "unset AWS_SESSION_TOKEN;"));
    }

    #[test]
    fn to_powershell_typographic_quotes_are_quotes() {
        assert_eq!(quoted(Shell::Powershell, "\u{2018}\u{2019}\u{201A}\u{201B}'"), "'\u{2018}\u{2018}\u{2019}\u{2019}\u{201A}\u{201A}\u{201B}\u{201B}'''");
        assert_eq!(quoted(Shell::Powershell, "$(x) `n “y”\n"), "'$(x) `n “y”\n'", "nothing else is special inside single quotes");
    }
}
