//! Fuzzing: edits of any two files.
//!
//! What is done with the bytes, and what must hold, stands in `files.rs`, which `make test` compiles and runs too.

#![no_main]

#[path = "../files.rs"]
mod files;

libfuzzer_sys::fuzz_target!(|data: &[u8]| files::aws_files(data));
