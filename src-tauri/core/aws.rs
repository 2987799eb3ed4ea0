//! AWS as a value.
