//! What can be said of a document without deciding anything: where its statements stand in the text, and which condition
//! keys it asks for.
//!
//! Places are IAM's, as its simulator gives them: lines and columns from 1; a statement begins behind the bracket, the brace
//! or the statement before it, and ends behind its closing brace.

use std::collections::BTreeSet;

use super::{
    condition::Condition,
    document::{Document, Listed},
};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
}

/// Where each statement begins and ends, in the order of the text.
pub fn places(document: &Document) -> Vec<(Place, Place)> {
    let mut places = Vec::new();
    let (mut line, mut column, mut depth) = (1, 1, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    // The key that was read last on the outermost level, and the depth at which statements are objects.
    let (mut key, mut level) = (String::new(), None);
    let mut begin = Place { line, column };
    for c in document.text().chars() {
        column += 1;
        if c == '\n' {
            (line, column) = (line + 1, 1);
        }
        let here = Place { line, column };
        if in_text {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_text = false,
                c if depth == 1 => key.push(c),
                _ => {}
            }
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                if depth == 1 {
                    key.clear();
                }
            }
            '[' | '{' => {
                if depth == 1 && key == "Statement" {
                    level = Some(if c == '[' { 2 } else { 1 });
                    begin = here;
                }
                depth += 1;
            }
            ']' | '}' => {
                depth = depth.saturating_sub(1);
                if c == '}' && level == Some(depth) {
                    places.push((begin, here));
                    begin = here;
                }
                if depth <= 1 {
                    level = None;
                }
            }
            _ => {}
        }
    }
    places
}

/// The condition keys that a document asks for: of its conditions and of the variables in its text.
pub fn context_keys(document: &Document) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for statement in &document.statements {
        if let Some(Listed::In(names) | Listed::NotIn(names)) = &statement.resources {
            for name in names {
                variables(name, &mut keys);
            }
        }
        for Condition { key, values, .. } in &statement.conditions {
            keys.insert(key.clone());
            for value in values {
                variables(value, &mut keys);
            }
        }
    }
    keys
}

fn variables(text: &str, keys: &mut BTreeSet<String>) {
    let mut rest = text;
    while let Some((name, tail)) = rest.split_once("${").and_then(|(_, after)| after.split_once('}')) {
        let key = name.split(',').next().unwrap_or_default().trim();
        if key.contains(':') {
            keys.insert(key.to_owned());
        }
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Shape;

    fn columns(text: &str) -> Vec<(usize, usize, usize, usize)> {
        let document = Document::parse(text, Shape::Identity).unwrap();
        places(&document).iter().map(|(begin, end)| (begin.line, begin.column, end.line, end.column)).collect()
    }

    #[test]
    fn statements_stand_where_iam_says() {
        let one = "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \"Effect\": \"Allow\",\n            \"Action\": \"*\",\n            \"Resource\": \"*\"\n        }\n    ]\n}";
        assert_eq!(columns(one), [(3, 19, 8, 10)]);
        let bare = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"Null":{"a:b":"true"}}}}"#;
        assert_eq!(columns(bare), [(1, 38, 1, bare.len())]);
        let two = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::}{"},{"Effect":"Deny","Action":"*","Resource":["*"]}],"Id":"x"}"#;
        let split = two.find("},{").unwrap() + 2;
        assert_eq!(columns(two), [(1, 15, 1, split), (1, split, 1, two.find("],\"Id").unwrap() + 1)]);
    }

    #[test]
    fn keys_are_those_of_conditions_and_variables() {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/${*}","Condition":{"StringLike":{"s3:prefix":["${aws:PrincipalTag/team, 'x'}/*"]}}}}"#;
        let keys = context_keys(&Document::parse(text, Shape::Identity).unwrap());
        assert_eq!(keys.into_iter().collect::<Vec<_>>(), ["aws:PrincipalTag/team", "aws:username", "s3:prefix"]);
    }
}
