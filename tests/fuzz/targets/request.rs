//! Fuzzing: any requests at all to a practice world.
//!
//! What is done with the bytes, and what must hold, stands in `input.rs`, which `make test` compiles and runs too.

#![no_main]

#[path = "../input.rs"]
#[expect(dead_code, reason = "a part of it is for the other target")]
mod input;

libfuzzer_sys::fuzz_target!(|data: &[u8]| input::requests(data));
