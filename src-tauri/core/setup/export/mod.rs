//! Plans as text for others to run: a script of the AWS CLI, or Terraform.
//!
//! Both are made of the calls that the plan would send, so that they do the same. What cannot be put that way (profiles on this
//! computer, proofs, secrets) is told in comments, and no secret is ever part of either.

mod aws_cli;
mod hcl;
mod shell;
mod terraform;

#[cfg(test)]
mod tests;

use super::{
    call::Call,
    plan::{Plan, Step},
};
use crate::{
    error::{Code, Error, Result},
    model::setup::{ExportFormat, Standing},
};

/// The plan in that format. One that has a conflict is none.
pub fn export(plan: &Plan, format: ExportFormat) -> Result<String> {
    if let Some(step) = plan.steps.iter().find(|step| matches!(step.standing, Standing::Conflict | Standing::Unknown)) {
        let why = step.conflict.as_ref().map_or_else(|| format!("What stands there cannot be seen: {}", step.title), |error| error.message.clone());
        let hint = step.conflict.as_ref().map_or_else(|| "Ask for the missing permission; then make the plan anew".to_owned(), |error| error.hint.clone());
        return Err(Error::new(Code::Conflict, format!("The plan cannot be exported as it is. {why}"), hint));
    }
    if sent(plan).any(|(_, call)| call.request.to_string().contains("\"$made:") && !call.needs.is_empty()) {
        return Err(Error::new(Code::NotSupported, "The plan goes on with what comes of its own steps, which a script cannot", "Apply it here: --apply"));
    }
    Ok(match format {
        ExportFormat::AwsCli => aws_cli::script(plan),
        ExportFormat::Terraform => terraform::text(plan),
    })
}

/// The steps that do something, with what they send.
fn sent(plan: &Plan) -> impl Iterator<Item = (&Step, Call)> {
    let open = |step: &&Step| matches!(step.standing, Standing::New | Standing::Change | Standing::Remove);
    plan.steps.iter().filter(open).filter_map(|step| Some((step, plan.call(step)?)))
}

/// The accounts that something is sent to, each with its admin profile.
fn accounts(plan: &Plan) -> Vec<(String, String)> {
    let mut accounts: Vec<(String, String)> = Vec::new();
    for seat in sent(plan).filter_map(|(step, _)| plan.seats.get(step.seat?)) {
        if accounts.iter().all(|(id, _)| *id != seat.place.account_id) {
            accounts.push((seat.place.account_id.clone(), seat.profile.to_string()));
        }
    }
    accounts
}
