//! A keychain in memory, for tests: it forgets everything when it is dropped, and can be told to fail.
//!
//! Clones share their content and their mood, so that a test keeps one in hand while the agent has the other. Never used
//! by the programs: Stagedoor has no fallback for a keychain that is missing.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Bytes, DEADLINE, Item, Keychain, Reply, absent, locked, refused, silent};
use crate::error::Result;

const NAME: &str = "The keychain in memory";

/// A keychain for tests.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    items: HashMap<Item, Bytes>,
    mood: Mood,
    calls: usize,
    /// It refuses after so many more calls.
    patience: Option<usize>,
}

#[derive(Clone, Copy, Default)]
enum Mood {
    #[default]
    Answers,
    Locked,
    Absent,
    Refuses,
    Hangs,
}

impl Memory {
    /// An empty one that answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on it answers.
    pub fn unlock(&self) {
        let mut inside = self.inside();
        (inside.mood, inside.patience) = (Mood::Answers, None);
    }

    /// From now on it is locked.
    pub fn lock(&self) {
        self.inside().mood = Mood::Locked;
    }

    /// From now on there is none.
    pub fn absent(&self) {
        self.inside().mood = Mood::Absent;
    }

    /// From now on it says no.
    pub fn refuse(&self) {
        self.inside().mood = Mood::Refuses;
    }

    /// Answers so many more calls, then says no: something breaks off in the middle.
    pub fn refuse_after(&self, calls: usize) {
        self.inside().patience = Some(calls);
    }

    /// What it holds.
    pub fn items(&self) -> Vec<Item> {
        self.inside().items.keys().cloned().collect()
    }

    /// From now on every call takes until its deadline, as with a prompt that nobody answers.
    pub fn hang(&self) {
        self.inside().mood = Mood::Hangs;
    }

    /// How many calls there were.
    pub fn calls(&self) -> usize {
        self.inside().calls
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, doing: &str, item: &Item) -> Result<()> {
        let mood = {
            let mut inside = self.inside();
            inside.calls += 1;
            match inside.patience {
                Some(0) => inside.mood = Mood::Refuses,
                Some(left) => inside.patience = Some(left - 1),
                None => {}
            }
            inside.mood
        };
        match mood {
            Mood::Answers => Ok(()),
            Mood::Locked => Err(locked(NAME)),
            Mood::Absent => Err(absent("a test says so")),
            Mood::Refuses => Err(refused(NAME, doing, item, "a test says so")),
            Mood::Hangs => {
                tokio::time::sleep(DEADLINE).await;
                Err(silent(NAME))
            }
        }
    }
}

impl Keychain for Memory {
    fn name(&self) -> String {
        NAME.to_owned()
    }

    fn get(&self, item: Item) -> Reply<'_, Option<Bytes>> {
        Box::pin(async move {
            self.answer("read", &item).await?;
            Ok(self.inside().items.get(&item).cloned())
        })
    }

    fn set(&self, item: Item, bytes: Bytes) -> Reply<'_, ()> {
        Box::pin(async move {
            self.answer("store", &item).await?;
            self.inside().items.insert(item, bytes);
            Ok(())
        })
    }

    fn delete(&self, item: Item) -> Reply<'_, ()> {
        Box::pin(async move {
            self.answer("delete", &item).await?;
            self.inside().items.remove(&item);
            Ok(())
        })
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}
