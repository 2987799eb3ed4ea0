//! Pure data: all parsing happens here, nothing is opened, called or remembered.
//!
//! A value of one of these types is valid; whoever holds it never checks again.

pub mod access_key;
pub mod activity;
pub mod arn;
pub mod chain;
pub mod credentials;
pub mod credentials_file;
pub mod doctor;
pub mod file_diff;
pub mod lease;
pub mod lease_policy;
pub mod lock;
pub mod mfa;
pub mod params;
pub mod practice;
pub mod profile;
pub mod prompt;
pub mod resolve;
pub mod secret;
pub mod setup;
pub mod snapshot;
pub mod surroundings;
