//! The tour: the main job told step by step, with what AWS answered, and pictures of the window in `target/tour`.
//!
//! `make run` shows it where there is no display to open the app on. It ends with 0 only if every step held.

#![expect(clippy::unwrap_used, clippy::print_stderr, clippy::print_stdout, reason = "it talks to a person, and stops where a step does not hold")]
#![expect(dead_code, reason = "the modules are shared with the tests, which use more of them")]

#[expect(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    clippy::unused_self,
    clippy::used_underscore_binding,
    reason = "methods of an interface that others wrote, behind a macro"
)]
mod bus;
mod driver;
mod job;
mod world;

use std::path::Path;

#[tokio::main]
async fn main() {
    // `cargo test` may ask every target for its list of tests.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tour");
    std::fs::create_dir_all(&folder).expect("a folder for the pictures");
    println!("Stagedoor under a virtual display, against its practice account. Nothing leaves this machine.\n");
    let mut job = job::Job::begin(|line| println!("{line}"), Some(folder)).await;
    job.run().await;
    job.end().await;
    println!("\nEvery step held. Pictures of the window are in target/tour.");
}
