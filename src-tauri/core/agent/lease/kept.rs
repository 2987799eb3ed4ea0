//! What of a lease survives a restart: all of it, sealed beside the sessions and apart from them.
//!
//! It comes back only before its end; whether its profile still leads where it did is looked at when it is handed out.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    super::{
        Agent,
        renewal::Renewal,
        sealing::{ReadHeld, WrittenHeld},
    },
    Lease,
};
use crate::{
    aws::Teller,
    model::{credentials::end, lease::LeaseRequest, lease_policy::SessionPolicy},
};

/// Borrowed, as the sessions are.
#[derive(Serialize)]
pub(in crate::agent) struct WrittenLease<'a> {
    id: &'a str,
    request: &'a LeaseRequest,
    policy: Option<&'a str>,
    policy_arns: &'a [String],
    mark: &'a str,
    teller: &'a Teller,
    asked_by: &'a str,
    #[serde(with = "time::serde::rfc3339")]
    began: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    ends: OffsetDateTime,
    handed: u32,
    held: Option<WrittenHeld<'a>>,
}

#[derive(Deserialize)]
pub(in crate::agent) struct ReadLease {
    id: String,
    request: LeaseRequest,
    policy: Option<String>,
    policy_arns: Vec<String>,
    mark: String,
    #[serde(default)]
    teller: Teller,
    asked_by: String,
    #[serde(with = "time::serde::rfc3339")]
    began: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    ends: OffsetDateTime,
    handed: u32,
    held: Option<ReadHeld>,
}

impl<'a> WrittenLease<'a> {
    /// `None`: it is over.
    fn of(lease: &'a Lease, now: OffsetDateTime) -> Option<Self> {
        (!lease.over(now)).then(|| Self {
            id: &lease.id,
            request: &lease.request,
            policy: lease.session_policy.policy.as_deref(),
            policy_arns: &lease.session_policy.arns,
            mark: &lease.mark,
            teller: &lease.teller,
            asked_by: &lease.asked_by,
            began: lease.began,
            ends: lease.ends,
            handed: lease.handed,
            held: lease.valid(now).map(WrittenHeld::of),
        })
    }

    /// All that are worth keeping.
    pub(in crate::agent) fn all(leases: &'a [Lease], now_of: impl Fn(&Teller) -> OffsetDateTime) -> Vec<Self> {
        leases.iter().filter_map(|lease| Self::of(lease, now_of(&lease.teller))).collect()
    }
}

impl Agent {
    /// The leases as they are, to be written.
    pub(in crate::agent) fn kept_leases(&self) -> Vec<Lease> {
        self.0.leases.map().values().cloned().collect()
    }

    /// Takes the leases of an earlier run over.
    pub(in crate::agent) fn take_leases_back(&self, read: Vec<ReadLease>) {
        let mut map = self.0.leases.map();
        for read in read {
            let lease = Lease {
                session_policy: SessionPolicy { policy: read.policy, arns: read.policy_arns },
                mark: read.mark,
                teller: read.teller,
                asked_by: read.asked_by,
                allowed: None,
                began: read.began,
                ends: read.ends,
                held: read.held.and_then(ReadHeld::held),
                renewal: Renewal::default(),
                error: None,
                told_failure: None,
                handed: read.handed,
                request: read.request,
                id: read.id,
            };
            if end(lease.ends).is_some() && !lease.over(self.now_of(&lease.teller)) && self.comes_back(&lease) {
                map.entry(lease.id.clone()).or_insert(lease);
            }
        }
        drop(map);
        self.0.leases.changed.notify_one();
    }
}
