//! Fuzzing: any bytes at all at the container endpoint.
//!
//! What is done with the bytes, and what must hold, stands in `endpoint.rs`, which `make test` compiles and runs too.

#![no_main]

#[path = "../endpoint.rs"]
mod endpoint;

libfuzzer_sys::fuzz_target!(|data: &[u8]| endpoint::endpoint(data));
