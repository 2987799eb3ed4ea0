//! A program that does nothing: the price of starting any program at all, which the others are compared with.
//!
//! Nothing may be added here: every figure of the benchmark is told as a multiple of this one.

fn main() {}
