//! Fuzzing: anything at all that somebody writes into the agent's socket.
//!
//! What is done with the bytes, and what must hold, stands in `protocol.rs` beside, which `make test` compiles and runs too.

#![no_main]

#[path = "../protocol.rs"]
mod protocol;

libfuzzer_sys::fuzz_target!(|data: &[u8]| protocol::protocol(data));
