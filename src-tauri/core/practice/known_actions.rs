//! Which actions there are, of the services that the practice account knows well: to find what was misspelled in a policy.
//!
//! A list of names, a service a line. Of every other service nothing is said.

use std::{collections::BTreeMap, sync::LazyLock};

use crate::policy::pattern::names_action;

/// Service (`s3/object`: those that are about objects) to its actions, in lower case.
static ACTIONS: LazyLock<BTreeMap<&str, Vec<String>>> = LazyLock::new(|| {
    let lines = include_str!("known_actions.txt").lines().filter_map(|line| line.split_once(": "));
    lines.map(|(service, names)| (service, names.split(' ').map(str::to_ascii_lowercase).collect())).collect()
});
/// The lines of S3's actions.
const S3: [&str; 2] = ["s3", OBJECTS];
const OBJECTS: &str = "s3/object";

fn parts(action: &str) -> Option<(String, String)> {
    action.split_once(':').map(|(service, name)| (service.to_ascii_lowercase(), name.to_ascii_lowercase()))
}

/// Whether an action is of this service.
pub(super) fn of(service: &str, action: &str) -> bool {
    parts(action).is_some_and(|(own, _)| own == service)
}

/// Whether there is an action that a pattern means. `None`: nobody knows.
pub(super) fn known(action: &str) -> Option<bool> {
    let (service, name) = parts(action)?;
    let lines = if service == "s3" { S3.to_vec() } else { vec![service.as_str()] };
    let mut names = lines.into_iter().filter_map(|line| ACTIONS.get(line)).peekable();
    names.peek()?;
    Some(names.flatten().any(|own| names_action(&name, own)))
}

/// Whether an action of S3 is about objects and not about their bucket.
pub(super) fn is_about_objects(action: &str) -> bool {
    parts(action).is_some_and(|(_, name)| ACTIONS.get(OBJECTS).is_some_and(|names| names.contains(&name)))
}
