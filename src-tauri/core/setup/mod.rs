//! Changes to IAM as plans: read before, proven after, and taken back where somebody wants that.
//!
//! A plan is a list of steps, and each step says of one [`Thing`] what it shall be. What it is now is looked at (`iam`); what has
//! to be called follows from the two (`call`), and is what is shown, sent, journalled, exported and, the other way round, undone.
//! `make` turns what a person wants into a plan. Who runs it, with whose credentials, is the agent's business (`agent/setup`).

pub mod at_work;
pub mod call;
pub mod documents;
pub mod export;
pub mod iam;
pub mod journal;
pub mod make;
pub mod moment;
pub mod plan;
pub mod thing;
pub mod view;
