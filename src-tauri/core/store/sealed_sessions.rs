//! Sessions on disk, sealed with a key from the keychain.
