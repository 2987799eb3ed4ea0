//! The admin profiles of a plan: what signs for each, and whose account it is in, as AWS says.
//!
//! IAM does not answer the temporary credentials of a plain key without MFA, so such a profile signs with its key itself.

use super::super::{Agent, Asker, issuing::Want, leads::Led};
use crate::{
    aws::Signer,
    error::{Code, Error, Result},
    issue::{caller_identity, partition_of},
    model::{arn::Partition, chain::Base, profile::ProfileName},
    setup::{call::Place, iam::Seat},
};

impl Agent {
    /// An admin profile, ready to call IAM.
    pub(super) async fn seat(&self, profile: &ProfileName, asker: &Asker) -> Result<Seat> {
        self.unlocked()?;
        if profile.as_str().is_empty() {
            return Err(Error::new(Code::InvalidValue, "No admin profile is named", "Name a profile that may change IAM: --as PROFILE"));
        }
        self.allowed_by_name(profile, "setup", asker).await?;
        let led = self.led(profile)?;
        let chain = &led.leads.chain;
        let signer = self.signer_of(&led).await?;
        let region = self.0.aws.region(&led.files, profile.as_str(), chain.hops.first().map_or(Partition::Aws, |hop| hop.role_arn.partition()))?;
        let partition = chain.hops.first().map_or_else(|| partition_of(Some(&region)), |hop| hop.role_arn.partition());
        let config = self.0.aws.config(&led.files, profile.as_str(), partition).await;
        let identity = caller_identity(&config, &signer, true).await?;
        Ok(Seat {
            profile: profile.clone(),
            place: Place { partition: identity.arn.split(':').nth(1).unwrap_or("aws").to_owned(), account_id: identity.account, ..Place::default() },
            arn: identity.arn,
            alias: identity.account_alias,
            with_mfa: chain.mfa_serial().is_some() && matches!(signer, Signer::Temporary(_)),
            teller: self.0.aws.teller(&led.files, profile.as_str()),
            config,
            signer,
        })
    }

    async fn signer_of(&self, led: &Led) -> Result<Signer> {
        let chain = &led.leads.chain;
        Ok(match &chain.base {
            Base::AccessKey { profile, access_key_id, place, .. } if chain.hops.is_empty() && chain.mfa_serial().is_none() => {
                Signer::Key(self.access_key(profile, access_key_id, *place).await?)
            }
            _ => Signer::Temporary(self.ensure_led(led, Want::person()).await?.held.credentials),
        })
    }

    /// The same seats, signing with what their profiles have now: a plan may have given one another key.
    pub(super) async fn sign_anew(&self, seats: &mut [Seat]) -> Result<()> {
        for seat in seats {
            seat.signer = self.signer_of(&self.led(&seat.profile)?).await?;
        }
        Ok(())
    }

    /// The admin and those of other accounts, each account once.
    pub(super) async fn seats(&self, profiles: &[ProfileName], asker: &Asker) -> Result<Vec<Seat>> {
        let mut seats: Vec<Seat> = Vec::new();
        for profile in profiles {
            let seat = self.seat(profile, asker).await?;
            if !seats.iter().any(|other| other.place.account_id == seat.place.account_id) {
                seats.push(seat);
            }
        }
        Ok(seats)
    }
}
