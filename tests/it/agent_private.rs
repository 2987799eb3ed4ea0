//! What the system could tell of a process's memory: no core dump of the agent or of the command line, no panic that quotes.
//!
//! Looked at from outside, in `/proc`, while the programs run; a program that `exec` becomes gets its own limits back.

use std::{fs, process::Stdio, time::Duration};

use stagedoor_core::private;

use crate::{agent_socket::Whole, world::World};

const SECRET: &str = "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY";

/// The soft and the hard limit for core dumps.
fn core_limits(of: &str) -> (String, String) {
    let limits = fs::read_to_string(format!("/proc/{of}/limits")).unwrap();
    core_limits_in(&limits)
}

fn core_limits_in(limits: &str) -> (String, String) {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    let mut words = line.split_whitespace().map(str::to_owned);
    (words.next().unwrap(), words.next().unwrap())
}

#[test]
fn neither_the_agent_nor_the_command_line_writes_a_core_dump() {
    let whole = Whole::new();
    // One byte: with zero, Linux still starts a program that takes dumps (`core_pattern` with a pipe).
    assert_eq!(core_limits(&whole.agent().to_string()), ("1".to_owned(), "1".to_owned()), "the agent");
    let hard = core_limits("self").1;
    whole.aws.set_latency(Duration::from_secs(2));
    let mut waiting = whole.world.command("stagedoor").args(["credential-process", "partner"]).stdout(Stdio::null()).spawn().unwrap();
    Whole::wait_until("the command line has read its arguments", || core_limits(&waiting.id().to_string()) == ("1".to_owned(), hard.clone()));
    assert!(waiting.wait().unwrap().success());
    let inside = whole.run(&["exec", "partner", "--", "cat", "/proc/self/limits"]);
    let inside = core_limits_in(&String::from_utf8_lossy(&inside.stdout));
    assert_eq!(inside, core_limits("self"), "what it becomes has the limits that it would have had");
}

#[test]
#[ignore = "started by the test below, in a process of its own"]
fn one_step() {
    private::quiet_panics();
    private::no_other_reader();
    assert_eq!(rustix::process::dumpable_behavior().unwrap(), rustix::process::DumpableBehavior::NotDumpable);
    let secret = crate::world::step();
    let text = format!("é{secret}");
    let built = std::thread::spawn(move || panic!("the secret is {secret}")).join();
    let sliced = std::thread::spawn(move || text[1..].len()).join();
    let fixed = std::thread::spawn(|| panic!("a fixed text")).join();
    assert!(built.is_err() && sliced.is_err() && fixed.is_err());
}

#[test]
fn a_panic_tells_where_and_quotes_nothing() {
    let world = World::new();
    let output = world.inside_command("agent_private::one_step", SECRET).env("RUST_BACKTRACE", "full").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("panicked at ").count(), 3, "{told}");
    assert!(told.contains("agent_private.rs:") && told.contains("a fixed text"), "{told}");
    assert!(!told.contains("je7MtGb") && !told.contains("EXAMPLEKEY") && !told.contains("stack backtrace"), "{told}");
}
