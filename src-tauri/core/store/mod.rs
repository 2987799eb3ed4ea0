//! What survives a restart: the AWS files, the keychain, sealed sessions, settings.
//!
//! Each file owns one thing on disk or in the keychain and knows its format; none knows what the agent makes of it. All writing
//! of files goes through `files`.

pub mod aws_files;
pub mod files;
pub mod keychain;
pub mod sealed_sessions;
pub mod secrets;
pub(crate) mod set_aside;
pub mod settings;
pub mod vault;
