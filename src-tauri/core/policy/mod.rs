//! The IAM policy language: parse, evaluate, explain.
//!
//! [`document`] parses identity, trust and session policies with AWS's grammar and words; [`pattern`] matches actions,
//! resources and ARNs; [`condition`] knows every operator; [`evaluate`] decides: explicit deny, then allow, then implicit
//! deny, over identity policies, boundary, session policies and the policy of the resource. A decision names the
//! statements that made it, so that a denial can be explained. Nothing here knows a user, a role or a request.

pub mod condition;
pub mod context;
pub mod document;
pub mod evaluate;
mod grammar;
pub mod inspect;
mod json;
#[cfg(test)]
mod malformed;
pub mod pattern;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use context::Context;
pub use document::{Document, Effect, Malformed, Shape};
pub use evaluate::{Caller, Decision, Kind, Outcome, Policies, Request, ResourcePolicy, Source, decide};
