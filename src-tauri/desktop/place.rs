//! Where the window was, so that it opens there again. A small file of its own: it concerns nobody but the window.
//!
//! Not in the settings: it changes with every drag, and another computer's place would be wrong here. A file that cannot be read
//! means the middle of the screen.

use serde::{Deserialize, Serialize};
use stagedoor_core::{paths::Paths, store::files};

/// In physical pixels, as the window system counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) maximized: bool,
}

const FILE: &str = "window.json";

impl Place {
    /// The last one, if there is one that can be read.
    pub(crate) fn load(paths: &Paths) -> Option<Self> {
        let bytes = std::fs::read(paths.data.join(FILE)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps it. A window that opens elsewhere next time is no reason to bother anybody.
    pub(crate) fn save(&self, paths: &Paths) {
        if let Ok(bytes) = serde_json::to_vec(self) {
            let _ = files::write_atomic(&paths.data.join(FILE), &bytes);
        }
    }

    /// Whether its title bar can be reached on a screen at `x`, `y` of this size.
    pub(crate) fn reachable(&self, x: i32, y: i32, width: u32, height: u32) -> bool {
        let within = |at: i32, from: i32, length: u32| i64::from(at) >= i64::from(from) && i64::from(at) + 64 <= i64::from(from) + i64::from(length);
        within(self.x.max(x), x, width) && i64::from(self.x) + i64::from(self.width) > i64::from(x) + 64 && within(self.y, y, height)
    }
}
