//! The lines of `env` in real shells, with values that no AWS would give: whatever stands in one arrives as it is.
//!
//! Newlines, quotes, dollars, backticks, signs of the shells and of other scripts. How a shell is set up otherwise (strict,
//! unquoted `eval`) is in `tests/acceptance/test_shells.py`. PowerShell is no package of Debian: its rules are unit tests.

use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
};

use stagedoor_core::{
    deliver::{Handed, STALE, environment, unset},
    model::{access_key::AccessKeyId, secret::Secret, snapshot::Shell},
};
use time::macros::datetime;

const VALUES: [&str; 16] = [
    "plain",
    "",
    "'",
    "''",
    "'a'b'",
    "a'\n'b",
    "\ntwo\n\nlines",
    "$HOME ${HOME} $(echo no) `echo no`",
    r#"\ \\ \' \" \n " ""#,
    "!! !x ^a^b",
    "* ? [a] {a,b} ~ # ; & | < > ( )",
    " leading and trailing ",
    "\t\u{1b}[31m\r",
    "‘’‚‛“” é 漢 😀",
    "%PATH% %s %%",
    "=-x --help",
];

fn handed(secret: &str, token: &str, region: &str) -> Handed {
    Handed {
        access_key_id: AccessKeyId::parse("ASIAEXAMPLEEXAMPLE00").unwrap(),
        secret_access_key: Secret::new(secret),
        session_token: Some(Secret::new(token)),
        expiration: datetime!(2026-11-23 09:00 UTC),
        account_id: None,
        region: Some(region.to_owned()),
        endpoint_url: None,
    }
}

/// What a program sees that is started by the shell after it has run the script.
fn run(shell: &[&str], script: &str) -> BTreeMap<String, String> {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nowhere").env("LANG", "C.UTF-8");
    command.envs(STALE.iter().map(|name| (name, "stale"))).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{} did not start ({error}); install it: sudo apt install {0}", shell[0]));
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split('\0').filter_map(|entry| entry.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn every_value_arrives_as_it_is() {
    for (shell, kind) in [
        (&["bash", "--norc", "-euo", "noclobber"][..], Shell::Bash),
        (&["bash", "--posix"], Shell::Bash),
        (&["sh", "-eu"], Shell::Bash),
        (&["zsh", "-feu", "-o", "rcquotes"], Shell::Zsh),
        (&["zsh", "-f", "-o", "extendedglob", "-o", "shwordsplit"], Shell::Zsh),
        (&["fish", "--no-config"], Shell::Fish),
    ] {
        for (number, value) in VALUES.iter().enumerate() {
            let other = VALUES[(number + 3) % VALUES.len()];
            let lines = environment(&handed(value, other, value), kind);
            let seen = run(shell, &format!("{}env -0\n", lines.expose()));
            let of = |name: &str| seen.get(name).map(String::as_str);
            assert_eq!(of("AWS_REGION"), Some(*value), "{shell:?}");
            // A secret is known without the white space around it.
            assert_eq!((of("AWS_SECRET_ACCESS_KEY"), of("AWS_SESSION_TOKEN")), (Some(value.trim()), Some(other.trim())), "{shell:?}");
            assert_eq!(of("AWS_CREDENTIAL_EXPIRATION"), Some("2026-11-23T09:00:00Z"));
            assert!(!seen.values().any(|value| value == "stale"), "{shell:?}: {seen:?}");
            let seen = run(shell, &format!("{}{}env -0\n", lines.expose(), unset(kind, false)));
            assert!(!seen.keys().any(|name| name.starts_with("AWS_")), "{shell:?}: {seen:?}");
        }
    }
}
