//! What lets somebody in who should be refused: the statements of the role's trust policy and of the caller's own policies.
//!
//! Decided here from what IAM says now, as AWS decides. What may not be read is missing; then nothing is named.

use super::{super::Agent, runs::Run};
use crate::{
    error::Result,
    model::{
        practice::{PolicyKind, StatementView},
        setup::Expected,
    },
    policy::{Caller, Context, Document, Effect, Kind, Policies, Request, ResourcePolicy, Shape, Source, decide},
    setup::{
        call::{last, text},
        iam::{self, Seat},
        plan::{Proof, ProofCall},
        thing::{State, Thing},
    },
};

impl Agent {
    /// The statements that let somebody in who should not be.
    pub(super) async fn what_allows(&self, run: &Run, seats: &[Seat], proof: &Proof) -> Vec<StatementView> {
        debug_assert_eq!(proof.expected, Expected::Denied);
        self.allowing(run, seats, proof).await.unwrap_or_else(|error| {
            tracing::info!(message = error.message, "what allows it could not be read");
            Vec::new()
        })
    }

    async fn allowing(&self, run: &Run, seats: &[Seat], proof: &Proof) -> Result<Vec<StatementView>> {
        let ProofCall::Assume { by, role_arn, mfa_serial, external_id, source_identity, tags } = &proof.call else { return Ok(Vec::new()) };
        let (signer, seat) = self.prover(run, seats, by).await?;
        let Some(user) = iam::user_of_key(seat, signer.access_key_id()).await.map_err(|fault| fault.error)? else { return Ok(Vec::new()) };
        let thing = Thing::User { name: user.clone() };
        let found = iam::look(seat, &thing).await.map_err(|fault| fault.error)?;
        let path = text(&found, "Path").unwrap_or_else(|| "/".to_owned());
        let arn = format!("arn:{}:iam::{}:user{path}{user}", seat.place.partition, seat.place.account_id);
        let id = iam::unique_id(seat, &thing).await.map_err(|fault| fault.error)?;
        let mut context = Context::new();
        context.set("aws:PrincipalArn", arn.as_str());
        context.set("aws:PrincipalAccount", seat.place.account_id.as_str());
        context.set("aws:PrincipalType", "User");
        context.set("aws:username", user.as_str());
        context.set("sts:RoleSessionName", "stagedoor-proof");
        if mfa_serial.is_some() {
            context.set("aws:MultiFactorAuthPresent", "true");
            context.set("aws:MultiFactorAuthAge", "0");
        }
        for (key, value) in [("aws:userid", &id), ("sts:ExternalId", external_id), ("sts:SourceIdentity", source_identity)] {
            if let Some(value) = value {
                context.set(key, value.as_str());
            }
        }
        for tag in tags {
            context.set(&format!("aws:RequestTag/{}", tag.key), tag.value.as_str());
        }
        context.set_all("aws:TagKeys", tags.iter().map(|tag| tag.key.clone()));
        let account = role_arn.split(':').nth(4).unwrap_or_default();
        let there = seats.iter().find(|seat| seat.place.account_id == account);
        let trust: State = match there {
            Some(seat) => iam::look(seat, &Thing::Trust { role: last(role_arn).to_owned() }).await.map_err(|fault| fault.error)?,
            None => None,
        };
        let own = iam::policies_of_user(seat, &user).await.map_err(|fault| fault.error)?;
        let own: Vec<(String, Document)> = own.into_iter().filter_map(|(name, text)| Some((name, Document::parse(&text, Shape::Identity).ok()?))).collect();
        let trust = text(&trust, "PolicyDocument").and_then(|text| Document::parse(&text, Shape::Trust).ok());
        let name = format!("Trust policy of {}", last(role_arn));
        let policies = Policies {
            identity: own.iter().map(|(name, document)| Source { name, document }).collect(),
            resource: trust.as_ref().map(|document| ResourcePolicy { source: Source { name: &name, document }, account, required: true }),
            ..Policies::default()
        };
        let caller = Caller { account: seat.place.account_id.clone(), exact: [arn].into_iter().chain(id).collect(), behind: Vec::new() };
        let decision = decide(&Request { caller: &caller, action: "sts:AssumeRole", resource: role_arn, context: &context }, &policies);
        let allowing = decision.because.iter().filter(|matched| matched.effect == Effect::Allow);
        Ok(allowing
            .map(|matched| StatementView {
                policy: matched.policy.clone(),
                kind: match matched.kind {
                    Kind::Identity => PolicyKind::Identity,
                    Kind::Boundary => PolicyKind::Boundary,
                    Kind::Session => PolicyKind::Session,
                    Kind::Resource => PolicyKind::Resource,
                },
                sid: matched.sid.clone(),
                number: matched.statement + 1,
                denies: false,
                text: policies.statement(matched).map(|statement| statement.text.to_string()).unwrap_or_default(),
            })
            .collect())
    }
}
