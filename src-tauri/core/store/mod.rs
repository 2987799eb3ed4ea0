//! What survives a restart: the AWS files, the keychain, sealed sessions, settings.
//!
//! Each file owns one thing on disk or in the keychain and knows its format; none knows what the agent makes of it. All writing
//! of whole files goes through `files`, lines are added through `append`.

pub(crate) mod append;
pub mod aws_files;
#[cfg(test)]
mod crash;
pub mod files;
pub mod keychain;
pub mod record;
mod replace;
pub mod sealed_sessions;
pub mod secrets;
pub(crate) mod set_aside;
pub mod settings;
mod steps;
pub mod vault;
pub mod versions;
