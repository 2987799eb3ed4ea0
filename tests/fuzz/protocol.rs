//! What the fuzz target of the agent's socket does with its bytes, and what must hold whatever they are.
//!
//! The bytes are what somebody writes into the socket: they are cut into lines as the agent cuts them, in pieces of any size, and
//! each line is read as a question and as an answer. What can be read can be written and read again. No question is asked.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use stagedoor_core::agent::{
    protocol::{LONGEST_LINE, Line, Request, Response},
    socket::{End, Lines},
};
use tokio::io::AsyncReadExt as _;

/// Reads all that stands in `data`. Panics where something does not hold.
pub(crate) fn protocol(data: &[u8]) {
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        again::<Request>(line);
        again::<Response>(line);
    }
    if data.len() < LONGEST_LINE {
        let at = usize::from(data.first().copied().unwrap_or_default()) % (data.len() + 1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(cut(data, at));
    }
}

fn again<T: Serialize + DeserializeOwned + Debug>(line: &[u8]) {
    let Ok(read) = serde_json::from_slice::<Line<T>>(line) else { return };
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let read = serde_json::from_slice::<Line<T>>(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&read).expect("and written"), written, "{read:?}");
}

/// The same lines come out, whatever the pieces.
async fn cut(data: &[u8], at: usize) {
    let (first, second) = data.split_at(at);
    let mut lines = Lines::of(first.chain(second));
    for expected in data.split_inclusive(|byte| *byte == b'\n') {
        match lines.next().await {
            Ok(line) => assert_eq!(&line[..], expected),
            Err(end) => {
                assert_eq!(end, End::Half);
                assert!(!expected.ends_with(b"\n"));
                return;
            }
        }
    }
    assert_eq!(lines.next().await.map(|line| line.len()), Err(End::Done));
}
