//! The main job, on real parts, without a word.
//!
//! The tour goes through the same description and tells each step. Here only the outcome counts.

use crate::job::Job;

#[tokio::test(flavor = "multi_thread")]
async fn from_a_key_in_a_file_to_a_role_in_a_terminal_a_tray_and_a_console() {
    let mut job = Job::begin(|_| {}, None).await;
    job.run().await;
    job.end().await;
}
