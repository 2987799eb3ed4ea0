//! Whether two policy texts mean the same, and how they differ for a person.
//!
//! Same are: another order of keys, statements and of what a list names; a text and a list of it alone; an account's number and
//! its root; `true` and `"true"`; capitals in actions and condition keys. A Sid is part of the meaning: a person reads it.

use std::{cmp::Ordering, time::Duration};

use similar::{ChangeTag, TextDiff};

use super::{
    statements::account,
    tree::{Tree, list, object},
};
use crate::model::file_diff::{DiffKind, DiffLine};

/// Lines around a change.
const AROUND: usize = 3;
/// After this long the smallest difference is no longer searched for.
const PATIENCE: Duration = Duration::from_millis(300);

/// Whether they mean the same. Texts that are no JSON do where they are the same text.
pub fn same(a: &str, b: &str) -> bool {
    match (Tree::parse(a), Tree::parse(b)) {
        (Ok(a), Ok(b)) => meaning(&a) == meaning(&b),
        (Ok(_) | Err(_), Err(_)) | (Err(_), Ok(_)) => a.trim() == b.trim(),
    }
}

/// With two spaces, one value a line, its keys as they stand; what is no JSON stays as it is.
pub fn pretty(text: &str) -> String {
    Tree::parse(text).map_or_else(|_| text.to_owned(), |tree| tree.pretty())
}

/// Line by line, both made pretty; `None` is a text that is not there. No lines where nothing changes.
pub fn diff(before: Option<&str>, after: Option<&str>) -> Vec<DiffLine> {
    let (before, after) = (before.map(pretty).unwrap_or_default(), after.map(pretty).unwrap_or_default());
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let compared = TextDiff::configure().timeout(PATIENCE).diff_slices(&old, &new);
    let number = |index: Option<usize>| index.and_then(|index| u32::try_from(index + 1).ok());
    let mut lines = Vec::new();
    let mut shown = 0;
    for group in compared.grouped_ops(AROUND) {
        for change in group.iter().flat_map(|op| compared.iter_changes(op)) {
            if change.old_index().is_some_and(|index| index > shown) {
                lines.push(DiffLine { kind: DiffKind::Gap, old: None, new: None, text: String::new() });
            }
            shown = change.old_index().map_or(shown, |index| index + 1);
            let kind = match change.tag() {
                ChangeTag::Equal => DiffKind::Same,
                ChangeTag::Insert => DiffKind::Added,
                ChangeTag::Delete => DiffKind::Removed,
            };
            lines.push(DiffLine { kind, old: number(change.old_index()), new: number(change.new_index()), text: change.value().to_owned() });
        }
    }
    lines
}

/// The one way to write what means the same.
pub(super) fn meaning(policy: &Tree) -> Tree {
    let mut policy = policy.clone();
    if let Some(statements) = policy.get_mut("Statement") {
        *statements = sorted(statements.items().iter().map(statement));
    }
    in_order(policy)
}

/// The one way to write a statement.
pub(super) fn statement(written: &Tree) -> Tree {
    let Some(elements) = written.entries() else { return written.clone() };
    in_order(object(elements.iter().map(|(name, value)| {
        let value = match name.as_str() {
            "Action" | "NotAction" => {
                sorted(value.items().iter().map(|action| action.text().map_or_else(|| action.clone(), |text| text.to_ascii_lowercase().into())))
            }
            "Resource" | "NotResource" => sorted(value.items().iter().cloned()),
            "Principal" | "NotPrincipal" => principal(value),
            "Condition" => conditions(value),
            _ => value.clone(),
        };
        (name.clone(), value)
    })))
}

fn principal(value: &Tree) -> Tree {
    if value.text().is_some() {
        return object([("AWS", value.clone())]);
    }
    let Some(kinds) = value.entries() else { return value.clone() };
    let name = |name: &Tree| name.text().and_then(account).map_or_else(|| name.clone(), Into::into);
    in_order(object(kinds.iter().map(|(kind, names)| (kind.clone(), sorted(names.items().iter().map(name))))))
}

/// The one way to write conditions.
pub(super) fn conditions(value: &Tree) -> Tree {
    let Some(operators) = value.entries() else { return value.clone() };
    let scalar = |value: &Tree| match value {
        Tree::Bool(value) => value.to_string().into(),
        Tree::Number(value) => value.to_string().into(),
        Tree::Null | Tree::Text(_) | Tree::List(_) | Tree::Object(_) => value.clone(),
    };
    let keys = |keys: &Tree| match keys.entries() {
        Some(keys) => in_order(object(keys.iter().map(|(key, values)| (key.to_ascii_lowercase(), sorted(values.items().iter().map(scalar)))))),
        None => keys.clone(),
    };
    in_order(object(operators.iter().map(|(operator, value)| (operator.clone(), keys(value)))))
}

fn sorted(values: impl Iterator<Item = Tree>) -> Tree {
    let mut values: Vec<Tree> = values.collect();
    values.sort_by(order);
    values.dedup();
    list(values)
}

fn in_order(mut tree: Tree) -> Tree {
    if let Some(entries) = tree.entries_mut() {
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    tree
}

fn order(a: &Tree, b: &Tree) -> Ordering {
    a.pretty().cmp(&b.pretty())
}
