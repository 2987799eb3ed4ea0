//! What survives a restart: the AWS files, the keychain, sealed sessions, settings.

pub mod aws_files;
pub mod files;
pub mod keychain;
pub mod sealed_sessions;
mod set_aside;
pub mod settings;
