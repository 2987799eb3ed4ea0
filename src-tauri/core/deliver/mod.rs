//! Credentials out: one file per delivery.
