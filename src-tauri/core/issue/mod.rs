//! Credentials in: one file per STS operation.
