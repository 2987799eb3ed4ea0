//! Stagedoor's library: everything that is not a window and not a terminal.
//!
//! In reading order: [`model`] is pure data and parses; [`store`] keeps what survives a restart; [`issue`] gets credentials
//! in and [`deliver`] hands them out; [`agent`] is the only owner of state and joins the four. [`policy`] decides as IAM
//! does and [`practice`] is an AWS to try things on; [`doctor`] says what is wrong and how to mend it. It knows no Tauri, no terminal and no global.

pub mod agent;
pub mod aws;
pub mod clock;
pub mod deliver;
pub mod doctor;
pub mod error;
pub mod issue;
pub mod model;
pub mod paths;
pub mod policy;
pub mod practice;
pub mod private;
pub mod setup;
pub mod store;
