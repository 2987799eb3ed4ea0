//! Statements as they are written, and what an edit asks of one.
//!
//! Elements stand in AWS's usual order: Sid, Effect, Principal, Action, Resource, Condition. What asks for something reads
//! both spellings, a text and a list of texts, because people write both.

use super::tree::{Tree, list, object};
use crate::policy::pattern::names_action;

/// A policy of these statements.
pub(super) fn document(statements: Vec<Tree>) -> Tree {
    object([("Version", "2012-10-17".into()), ("Statement", Tree::List(statements))])
}

/// An identity policy's statement; a `None` element is left out.
pub(super) fn identity(sid: &str, effect: &str, action: (&str, Tree), resource: Tree, condition: Option<Tree>) -> Tree {
    let entries = [("Sid", sid.into()), ("Effect", effect.into()), action, ("Resource", resource)];
    object(entries.into_iter().chain(condition.map(|condition| ("Condition", condition))))
}

/// One condition: operator, key, values.
pub(super) fn condition(operator: &str, key: &str, values: Tree) -> Tree {
    object([(operator, object([(key, values)]))])
}

/// Adds a condition, next to others of its operator.
pub(super) fn require(conditions: &mut Tree, operator: &str, key: &str, values: Tree) {
    match conditions.get_mut(operator) {
        Some(keys) => keys.set(key, values),
        None => conditions.set(operator, object([(key, values)])),
    }
}

/// A trust policy's statement. It has no Sid: those must be unique, and it may come into a policy that has some.
pub(super) fn trusting(kind: &str, name: &str, actions: &[&str], conditions: Tree) -> Tree {
    let entries = [("Effect", "Allow".into()), ("Principal", object([(kind, name.into())])), ("Action", list(actions.iter().copied()))];
    let some = (!conditions.is_empty()).then_some(("Condition", conditions));
    object(entries.into_iter().chain(some))
}

/// Whether it allows.
pub(super) fn allows(statement: &Tree) -> bool {
    statement.get("Effect").and_then(Tree::text) == Some("Allow")
}

/// Whether it is about an action.
pub(super) fn is_about(statement: &Tree, action: &str) -> bool {
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), _) => actions.texts().iter().any(|pattern| names_action(pattern, action)),
        (None, Some(others)) => !others.texts().iter().any(|pattern| names_action(pattern, action)),
        (None, None) => false,
    }
}

/// The principals by kind; `"*"` is the AWS principal `*`.
pub(super) fn principals(statement: &Tree) -> Vec<(String, String)> {
    match statement.get("Principal") {
        Some(Tree::Text(text)) => vec![("AWS".to_owned(), text.clone())],
        Some(kinds) => {
            let kinds = kinds.entries().unwrap_or_default();
            kinds.iter().flat_map(|(kind, names)| names.texts().into_iter().map(|name| (kind.clone(), name.to_owned()))).collect()
        }
        None => Vec::new(),
    }
}

/// Takes out the principals for which `gone` holds; what became empty goes too. A `Principal` of none is left empty.
pub(super) fn take_principals(statement: &mut Tree, gone: impl Fn(&str, &str) -> bool) {
    let Some(principal) = statement.get_mut("Principal") else { return };
    if principal.text().is_some_and(|text| gone("AWS", text)) {
        *principal = Tree::Object(Vec::new());
        return;
    }
    let Some(kinds) = principal.entries_mut() else { return };
    kinds.retain_mut(|(kind, names)| match names {
        Tree::List(names) => {
            names.retain(|name| !name.text().is_some_and(|name| gone(kind, name)));
            !names.is_empty()
        }
        Tree::Text(name) => !gone(kind, name),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Object(_) => true,
    });
}

/// Takes a condition key out of every operator; what became empty goes too.
pub(super) fn take_condition(statement: &mut Tree, key: &str) {
    let Some(conditions) = statement.get_mut("Condition") else { return };
    let Some(operators) = conditions.entries_mut() else { return };
    operators.retain_mut(|(_, keys)| {
        let Some(keys) = keys.entries_mut() else { return true };
        let before = keys.len();
        keys.retain(|(own, _)| !own.eq_ignore_ascii_case(key));
        !keys.is_empty() || before == 0
    });
    if conditions.is_empty() {
        statement.remove("Condition");
    }
}

/// Whether a condition asks for a key.
pub(super) fn asks_for(statement: &Tree, key: &str) -> bool {
    let operators = statement.get("Condition").and_then(Tree::entries).unwrap_or_default();
    operators.iter().filter_map(|(_, keys)| keys.entries()).flatten().any(|(own, _)| own.eq_ignore_ascii_case(key))
}

/// The account of an account's principal: 12 digits, or the ARN of its root.
pub(super) fn account(name: &str) -> Option<&str> {
    let digits = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    match name.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        [id] | ["arn", _, "iam", "", id, "root"] if digits(id) => Some(id),
        _ => None,
    }
}

/// Whether two names are one principal: an account may be named in two ways.
pub(super) fn same_principal(one: &str, other: &str) -> bool {
    one == other || account(one).is_some_and(|id| account(other) == Some(id))
}
