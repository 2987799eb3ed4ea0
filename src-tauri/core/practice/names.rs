//! A map by name in which a name is taken in any spelling: IAM keeps `Bob` as it was written and refuses `bob` beside it.
//!
//! Looking up is by the exact name. The spelling-blind half is an index, so that the ten thousandth role is made as quickly
//! as the first.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::ValuesMut},
    ops::Deref,
};

/// Things by name; reads like the map that it is.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Names<T> {
    by_name: BTreeMap<String, T>,
    /// In lower case.
    taken: BTreeSet<String>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), taken: BTreeSet::new() }
    }
}

impl<T> Deref for Names<T> {
    type Target = BTreeMap<String, T>;

    fn deref(&self) -> &Self::Target {
        &self.by_name
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

    pub(super) fn insert(&mut self, name: String, value: T) {
        self.taken.insert(name.to_ascii_lowercase());
        self.by_name.insert(name, value);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<T> {
        let value = self.by_name.remove(name)?;
        self.taken.remove(&name.to_ascii_lowercase());
        Some(value)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.by_name.get_mut(name)
    }

    pub(super) fn values_mut(&mut self) -> ValuesMut<'_, String, T> {
        self.by_name.values_mut()
    }
}
