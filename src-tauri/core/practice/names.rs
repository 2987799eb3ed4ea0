//! A map by name in which a name is taken in any spelling: IAM keeps `Bob` as it was written and refuses `bob` beside it.
//!
//! Looking up is by the exact name, or by unique ID. Names in any spelling and unique IDs are indexes beside the map, so that
//! the ten thousandth role is made and found as quickly as the first; only the map survives a restart.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::ValuesMut},
    ops::Deref,
};

use serde::{Deserialize, Serialize};

/// What has a unique ID, the same for as long as it exists.
pub(super) trait Unique {
    fn id(&self) -> &str;
}

/// Things by name; reads like the map that it is.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Kept<T>", bound(serialize = "T: Serialize", deserialize = "T: Unique + Deserialize<'de>"))]
pub(super) struct Names<T> {
    by_name: BTreeMap<String, T>,
    /// In lower case.
    #[serde(skip)]
    taken: BTreeSet<String>,
    /// Unique ID to name.
    #[serde(skip)]
    ids: BTreeMap<String, String>,
}

/// What of it is kept.
#[derive(Deserialize)]
struct Kept<T> {
    by_name: BTreeMap<String, T>,
}

impl<T: Unique> From<Kept<T>> for Names<T> {
    fn from(kept: Kept<T>) -> Self {
        let mut names = Self::default();
        for (name, value) in kept.by_name {
            names.insert(name, value);
        }
        names
    }
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), taken: BTreeSet::new(), ids: BTreeMap::new() }
    }
}

impl<T> Deref for Names<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &Self::Target {
        &self.by_name
    }
}

impl<T: Unique> Names<T> {
    pub(super) fn insert(&mut self, name: String, value: T) {
        // What it takes the place of is gone with all that leads to it.
        self.remove(&name);
        self.taken.insert(name.to_ascii_lowercase());
        self.ids.insert(value.id().to_owned(), name.clone());
        self.by_name.insert(name, value);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<T> {
        let value = self.by_name.remove(name)?;
        self.taken.remove(&name.to_ascii_lowercase());
        self.ids.remove(value.id());
        Some(value)
    }

    pub(super) fn by_id(&self, id: &str) -> Option<&T> {
        self.by_name.get(self.ids.get(id)?)
    }
}

impl<T> Names<T> {
    /// Whether a new thing cannot have this name.
    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(&name.to_ascii_lowercase())
    }

    /// Whether a thing cannot be renamed so; its own name in another spelling is free.
    pub(super) fn is_taken_by_another(&self, old: &str, new: &str) -> bool {
        !old.eq_ignore_ascii_case(new) && self.is_taken(new)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.by_name.get_mut(name)
    }

    pub(super) fn values_mut(&mut self) -> ValuesMut<'_, String, T> {
        self.by_name.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Thing(String);

    impl Unique for Thing {
        fn id(&self) -> &str {
            &self.0
        }
    }

    fn thing(id: &str) -> Thing {
        Thing(id.to_owned())
    }

    #[test]
    fn a_unique_id_leads_to_whatever_name_its_bearer_has() {
        let mut names = Names::default();
        names.insert("Bob".to_owned(), thing("AIDA1"));
        names.insert("eve".to_owned(), thing("AIDA2"));
        assert_eq!(names.by_id("AIDA1"), Some(&thing("AIDA1")));
        assert_eq!(names.by_id("Bob"), None, "a name is no unique ID");

        let bob = names.remove("Bob").unwrap();
        assert_eq!(names.by_id("AIDA1"), None);
        names.insert("robert".to_owned(), bob);
        assert_eq!((names.by_id("AIDA1"), names.is_taken("bob")), (Some(&thing("AIDA1")), false));
        names.insert("Bob".to_owned(), thing("AIDA3"));
        assert_eq!(names.by_id("AIDA3"), names.get("Bob"), "a name that is used again is somebody else");
        names.insert("Bob".to_owned(), thing("AIDA4"));
        assert_eq!((names.by_id("AIDA3"), names.by_id("AIDA4")), (None, Some(&thing("AIDA4"))));
    }

    #[test]
    fn what_is_kept_is_found_again() {
        let mut names = Names::default();
        names.insert("Bob".to_owned(), thing("AIDA1"));
        let kept = serde_json::to_string(&names).unwrap();
        let again: Names<Thing> = serde_json::from_str(&kept).unwrap();
        assert_eq!((again.by_id("AIDA1"), again.is_taken("bob")), (Some(&thing("AIDA1")), true));
        assert_eq!(names.clone().by_id("AIDA1"), Some(&thing("AIDA1")), "and in a copy");
    }
}
