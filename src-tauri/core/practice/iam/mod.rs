//! The operations of IAM, a file for each kind of thing.

use super::table::Action;

/// Every row of IAM.
pub(super) static ACTIONS: [&[Action]; 0] = [];
