//! The policy documents of a plan: written, edited, checked, compared. Pure.
//!
//! [`grant`] writes what identities get, [`trust`] who may assume a role, [`edit`] changes a trust policy and leaves the rest
//! of it alone; [`check`] says what AWS would refuse; [`compare`] tells whether two texts mean the same and how they differ.
//! All of it goes through `tree`, JSON that keeps the order of its keys, because a person reads a policy as it was written.

pub mod check;
pub mod compare;
pub mod edit;
pub mod external_id;
pub mod grant;
pub mod providers;
mod statements;
#[cfg(test)]
mod tests;
mod tree;
pub mod trust;

pub use self::{
    check::{Place, check},
    compare::{diff, pretty, same},
    external_id::new_external_id,
    grant::{Passing, assume_roles, bucket, bucket_by_tag, check_roles, pass_role, revoke_older, self_service, wildcards},
    trust::{Terms, service_principal, trust},
};
