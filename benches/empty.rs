//! A program that does nothing: the price of starting any program at all, which the others are compared with.

fn main() {}
