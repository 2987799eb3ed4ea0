//! What AWS would refuse about a document, said before it is sent.
//!
//! In this order: it is no JSON (with line and column), it breaks IAM's grammar (with the statement), it has characters that
//! IAM does not take, it is too large for its place (with both numbers). Every error says what to do instead.

use std::borrow::Cow;

use super::tree::Tree;
use crate::{
    error::{Code, Error, Result},
    policy::{Document, Shape},
};

/// Where a document goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An inline policy of a user. `others`: the characters of the user's other inline policies, because the limit is for all.
    User {
        /// Without white space.
        others: usize,
    },
    /// An inline policy of a group.
    Group {
        /// Without white space.
        others: usize,
    },
    /// An inline policy of a role.
    Role {
        /// Without white space.
        others: usize,
    },
    /// A version of a managed policy.
    Managed,
    /// A role's trust policy.
    Trust,
}

impl Place {
    /// As an error names it.
    const fn word(self) -> &'static str {
        match self {
            Self::User { .. } => "inline policy of a user",
            Self::Group { .. } => "inline policy of a group",
            Self::Role { .. } => "inline policy of a role",
            Self::Managed => "managed policy",
            Self::Trust => "trust policy",
        }
    }

    const fn shape(self) -> Shape {
        match self {
            Self::User { .. } | Self::Group { .. } | Self::Role { .. } | Self::Managed => Shape::Identity,
            Self::Trust => Shape::Trust,
        }
    }

    const fn others(self) -> usize {
        match self {
            Self::User { others } | Self::Group { others } | Self::Role { others } => others,
            Self::Managed | Self::Trust => 0,
        }
    }

    /// AWS's limit in characters. White space does not count.
    pub const fn limit(self) -> usize {
        match self {
            Self::User { .. } | Self::Trust => 2048,
            Self::Group { .. } => 5120,
            Self::Role { .. } => 10240,
            Self::Managed => 6144,
        }
    }

    const fn way_out(self) -> &'static str {
        match self {
            Self::User { .. } | Self::Group { .. } | Self::Role { .. } => {
                "Make it a managed policy, which may have 6,144, or shorten it: one statement for the same resources, wildcards in actions"
            }
            Self::Managed => "Split it into two managed policies, or shorten it with wildcards in actions",
            Self::Trust => "Name an account instead of many of its users, or ask AWS for a higher quota: “Role trust policy length”, up to 4,096",
        }
    }
}

/// The characters of a policy that count against AWS's limits: all but white space.
pub fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Whether AWS would take it there.
pub fn check(text: &str, place: Place) -> Result<()> {
    let tree = parsed(text, place)?;
    Document::parse(text, place.shape()).map_err(|malformed| grammar(&tree, place, &malformed.0))?;
    if let Some(odd) = text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}')) {
        let message = format!("The {} cannot be used: IAM takes no “{}” in it", place.word(), odd.escape_default());
        return Err(Error::new(Code::InvalidValue, message, "Leave out characters beyond Latin-1"));
    }
    let (own, others, limit) = (size(text), place.others(), place.limit());
    if own + others > limit {
        let beside = if others > 0 { format!(" with the {} of the other inline policies there", thousands(others)) } else { String::new() };
        let message = format!("The {} is too large: {} characters{beside}, AWS takes {}", place.word(), thousands(own), thousands(limit));
        return Err(Error::new(Code::InvalidValue, message, place.way_out()));
    }
    Ok(())
}

/// The JSON of a text, or where it is none.
pub(super) fn parsed(text: &str, place: Place) -> Result<Tree> {
    Tree::parse(text).map_err(|error| {
        let why = error.to_string();
        let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
        let message = format!("The {} is no JSON at line {}, column {}: {why}", place.word(), error.line(), error.column());
        Error::new(Code::InvalidValue, message, "Mend that place; every text in double quotes, a comma between two values, none behind the last")
    })
}

/// IAM's complaint with the statement it is about; where IAM only says “Syntax errors”, what is wrong.
fn grammar(tree: &Tree, place: Place, complaint: &str) -> Error {
    let found = tree.get("Statement").map(Tree::items).unwrap_or_default().iter().enumerate().find_map(|(index, statement)| {
        let alone = super::statements::document(vec![statement.clone()]).pretty();
        Document::parse(&alone, place.shape()).err().map(|malformed| (index, statement, malformed.0))
    });
    let (at, why) = match found {
        Some((index, statement, why)) => {
            let sid = statement.get("Sid").and_then(Tree::text).map(|sid| format!(" ({})", sid.escape_debug())).unwrap_or_default();
            (format!("statement {}{sid}: ", index + 1), if is_vague(&why) { of_statement(statement).into() } else { Cow::Owned(why) })
        }
        None if is_vague(complaint) => (String::new(), of_document(tree).into()),
        None => (String::new(), Cow::Borrowed(complaint)),
    };
    let hint = match place.shape() {
        Shape::Identity | Shape::Resource => "A statement has Effect, Action and Resource, and may have Sid and Condition",
        Shape::Trust => "A statement has Effect, Principal and Action, and may have Sid and Condition",
    };
    Error::new(Code::InvalidValue, format!("The {} cannot be used: {at}{}", place.word(), why.trim_end_matches('.')), hint)
}

fn is_vague(complaint: &str) -> bool {
    complaint.starts_with("Syntax errors") || complaint.contains("legacy parsing")
}

fn of_document(tree: &Tree) -> String {
    let Some(entries) = tree.entries() else { return "it must be an object in braces".to_owned() };
    if let Some((other, _)) = entries.iter().find(|(key, _)| !matches!(key.as_str(), "Version" | "Id" | "Statement")) {
        return format!("“{}” is no element of a policy; those are Version, Id and Statement", other.escape_debug());
    }
    match tree.get("Statement") {
        None => "it has no Statement".to_owned(),
        Some(statements) if statements.is_empty() => "it has no statement".to_owned(),
        Some(_) => "Version and Id must be texts".to_owned(),
    }
}

fn of_statement(statement: &Tree) -> String {
    let Some(entries) = statement.entries() else { return "a statement must be an object in braces".to_owned() };
    let known = ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    if let Some((other, _)) = entries.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        return format!("“{}” is no element of a statement", other.escape_debug());
    }
    match statement.get("Effect") {
        None => return "it has no Effect".to_owned(),
        Some(effect) if !matches!(effect.text(), Some("Allow" | "Deny")) => return "Effect must be \"Allow\" or \"Deny\"".to_owned(),
        Some(_) => {}
    }
    for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")] {
        if statement.get(one).is_some() && statement.get(other).is_some() {
            return format!("it has both {one} and {other}");
        }
    }
    for key in ["Action", "NotAction", "Resource", "NotResource"] {
        if statement.get(key).is_some_and(|value| value.items().iter().any(|item| item.text().is_none())) {
            return format!("{key} must be a text or a list of texts");
        }
    }
    "an action, an ARN or a condition of it has a form that IAM does not take".to_owned()
}

/// `6,144`
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}
