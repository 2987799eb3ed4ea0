//! The fuzz targets without the fuzzer: the seeds, and some hundred random changes of each, the same at every run.
//!
//! So the targets cannot rot, and a finding becomes a seed. The search itself is `make fuzz`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic, and says on what")]

use std::{fs, path::Path};

use crate::{fuzz_endpoint, fuzz_files, fuzz_input, fuzz_protocol};

/// A small generator of numbers: the same at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit.max(1)
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(target);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5);
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Cuts, doubles, overwrites and mixes.
fn mutated(dice: &mut Dice, seed: &[u8], other: &[u8]) -> Vec<u8> {
    const PIECES: [&[u8]; 14] = [b"%ff", b"<", b"&", b"=", b"\0", b"\"", b"{", b"}", b"[", b"\n", b"*", b"${", b":", b"99999999999999999999"];
    let mut data = seed.to_vec();
    for _ in 0..=dice.below(6) {
        let at = dice.below(data.len() + 1);
        let end = (at + dice.below(12)).min(data.len());
        match dice.below(5) {
            0 => drop(data.drain(at..end)),
            1 => {
                let part = data[at..end].to_vec();
                data.splice(at..at, part);
            }
            2 => drop(data.splice(at..end, PIECES[dice.below(PIECES.len())].iter().copied())),
            3 if at < data.len() => data[at] = u8::try_from(dice.below(256)).unwrap(),
            3.. => {
                let from = dice.below(other.len());
                let part = other[from..(from + dice.below(80)).min(other.len())].to_vec();
                data.splice(at..at, part);
            }
        }
    }
    data
}

fn replay(target: &str, times: usize, run: impl Fn(&[u8])) {
    let seeds = seeds(target);
    for seed in &seeds {
        run(seed);
    }
    let mut dice = Dice(20_261_123);
    for _ in 0..times {
        let (one, other) = (dice.below(seeds.len()), dice.below(seeds.len()));
        let data = mutated(&mut dice, &seeds[one], &seeds[other]);
        // Shown only where the run below fails.
        println!("{}", data.escape_ascii());
        run(&data);
    }
}

#[test]
fn requests_of_any_kind_are_answered() {
    replay("request", 500, fuzz_input::requests);
}

#[test]
fn policies_of_any_kind_are_decided() {
    replay("policy", 2000, fuzz_input::policy);
}

#[test]
fn aws_files_of_any_kind_are_edited_and_nothing_else_changes() {
    replay("aws_files", 1500, fuzz_files::aws_files);
}

#[test]
fn lines_of_any_kind_are_read_or_refused() {
    replay("protocol", 3000, fuzz_protocol::protocol);
}

#[test]
fn bytes_of_any_kind_get_nothing_from_the_endpoint_without_its_token() {
    replay("endpoint", 2000, fuzz_endpoint::endpoint);
}
