//! Words of a POSIX shell, from anything that a person or AWS named.
//!
//! A value never becomes more than one word, and never a flag, a file or a command: what could be read as one of these by the shell
//! or by the AWS CLI is put so that it cannot.

use serde_json::Value;

/// One word of the shell that is exactly `text`.
pub(super) fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+,./:@_-".contains(&b));
    // A NUL cannot be in an argument; no name of AWS has one.
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\0', "").replace('\'', r"'\''")) }
}

/// The text as a comment: each line marked, and nothing that a terminal would act on.
pub(super) fn comment(text: &str) -> String {
    let line = |line: &str| format!("# {}", plain(line)).trim_end().to_owned();
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Without control characters, and without marks that turn the direction of writing round.
pub(super) fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') { ' ' } else { c };
    text.chars().map(shown).collect()
}

/// `UserName` as `user-name`, `VirtualMFADeviceName` as `virtual-mfa-device-name`.
pub(super) fn kebab(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after_small = before.is_some_and(|before| !before.is_ascii_uppercase());
        let word_begins = before.is_some() && letters.get(at + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && before.is_some() && (after_small || word_begins) {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// A call as the AWS CLI takes it: the command, and each of its flags as one line.
pub(super) fn command(action: &str, request: &Value) -> Vec<String> {
    let mut lines = vec![format!("aws iam {}", kebab(action))];
    let members: Vec<_> = request.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).collect();
    // The AWS CLI reads a value that begins so as a flag, or as the name of a file to read.
    let misread = |value: &Value| value.as_str().is_some_and(|text| text.starts_with('-') || text.contains("://"));
    if members.iter().any(|(_, value)| misread(value)) {
        lines.push(format!("--cli-input-json {}", quoted(&request.to_string())));
        return lines;
    }
    for (name, value) in members {
        let flag = kebab(name);
        lines.push(match value {
            Value::Bool(true) => format!("--{flag}"),
            Value::Bool(false) => format!("--no-{flag}"),
            Value::String(text) if name.ends_with("PolicyDocument") => format!("--{flag} {}", quoted(&crate::setup::documents::pretty(text))),
            Value::String(text) => format!("--{flag} {}", quoted(text)),
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => format!("--{flag} {}", quoted(&value.to_string())),
        });
    }
    lines
}
