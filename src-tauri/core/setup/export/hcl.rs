//! Terraform's language, as far as a plan needs it: blocks, names that are valid and unique, strings and texts that stay what they are.
//!
//! Nothing that a person or AWS named is read as a template: `${` and `%{` are always escaped.

use std::collections::BTreeMap;

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Hcl {
    /// A string.
    Text(String),
    /// A policy, over several lines.
    Document(String),
    /// A number, `null` or a reference: taken as it is.
    Bare(String),
    /// A list.
    List(Vec<Hcl>),
    /// Named texts.
    Map(BTreeMap<String, String>),
}

/// A quoted string.
pub(super) fn string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in without_templates(text).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Put there by `without_templates`: a brace that is no template's.
            '\u{e000}' => out.push_str("\\u007b"),
            c if c.is_control() => out.extend([format!("\\u{:04x}", u32::from(c))]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `${` as `$${`. After another `$` that would be read otherwise: there the brace itself is escaped.
fn without_templates(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = letters.next() {
        out.push(c);
        if matches!(c, '$' | '%') && letters.peek() == Some(&'{') {
            letters.next();
            if before == c {
                out.push('\u{e000}');
            } else {
                out.push(c);
                out.push('{');
            }
            before = '{';
        } else {
            before = c;
        }
    }
    out
}

impl Hcl {
    /// As it stands behind the `=`.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Text(text) => string(text),
            // In JSON, too, an escape stands for the brace.
            Self::Document(text) => heredoc(&without_templates(text).replace('\u{e000}', "\\u007b")),
            Self::Bare(text) => text.clone(),
            Self::List(values) => format!("[{}]", values.iter().map(Self::written).collect::<Vec<_>>().join(", ")),
            Self::Map(values) => {
                let lines = values.iter().map(|(key, value)| format!("    {} = {}\n", string(key), string(value)));
                format!("{{\n{}  }}", lines.collect::<String>())
            }
        }
    }
}

fn heredoc(text: &str) -> String {
    let mut end = "POLICY".to_owned();
    while text.lines().any(|line| line.trim() == end) {
        end.push('_');
    }
    format!("<<{end}\n{text}\n{end}")
}

/// A valid name, not one of `taken`.
pub(super) fn label(name: &str, taken: &dyn Fn(&str) -> bool) -> String {
    let mut base: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if !base.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        base.insert(0, '_');
    }
    let mut found = base.clone();
    let mut number = 2;
    while taken(&found) {
        found = format!("{base}_{number}");
        number += 1;
    }
    found
}
