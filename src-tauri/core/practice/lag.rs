//! IAM's delay: what was changed is listed at once, but signatures, policies and trust see it only after a while.
//!
//! As in AWS, where IAM is eventually consistent. Switched off, there is one state; switched on, a copy is taken of it after
//! every change, and whoever decides reads the newest copy that is old enough. Changes of the same quarter of a second share one.

use std::collections::{BTreeMap, VecDeque};

use time::{Duration, OffsetDateTime};

use super::state::{Account, State};
use crate::model::access_key::AccessKeyId;

/// Changes that are this close together become visible together.
const TOGETHER: Duration = Duration::milliseconds(250);

/// Long-lived key to its account, and to its user where it is not root's.
pub(super) type Owners = BTreeMap<AccessKeyId, (String, Option<String>)>;

/// What signatures, policies and trust are decided on.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) accounts: &'a BTreeMap<String, Account>,
    pub(super) owners: &'a Owners,
}

struct Copy {
    accounts: BTreeMap<String, Account>,
    owners: Owners,
}

/// The copies that are on their way.
#[derive(Default)]
pub(super) struct Lag {
    pub(super) delay: Duration,
    /// `None`: everything is visible.
    seen: Option<Copy>,
    /// With the moment at which each becomes visible, oldest first.
    coming: VecDeque<(OffsetDateTime, Copy)>,
}

impl State {
    pub(super) fn seen(&self) -> Seen<'_> {
        match &self.lag.seen {
            Some(Copy { accounts, owners }) => Seen { accounts, owners },
            None => Seen { accounts: &self.accounts, owners: &self.owners },
        }
    }

    /// Lets the copies be seen whose time has come.
    pub(super) fn settle(&mut self, now: OffsetDateTime) {
        while self.lag.coming.front().is_some_and(|(visible, _)| *visible <= now) {
            self.lag.seen = self.lag.coming.pop_front().map(|(_, copy)| copy);
        }
        if self.lag.coming.is_empty() {
            self.lag.seen = None;
        }
    }

    /// To be called before a change.
    pub(super) fn before_change(&mut self) {
        if !self.lag.delay.is_zero() && self.lag.seen.is_none() {
            self.lag.seen = Some(self.copy());
        }
    }

    /// To be called after a change.
    pub(super) fn after_change(&mut self, now: OffsetDateTime) {
        if self.lag.delay.is_zero() {
            return;
        }
        let (visible, copy) = (now + self.lag.delay, self.copy());
        match self.lag.coming.back_mut() {
            Some((soon, last)) if visible - *soon < TOGETHER => *last = copy,
            Some(_) | None => self.lag.coming.push_back((visible, copy)),
        }
    }

    fn copy(&self) -> Copy {
        Copy { accounts: self.accounts.clone(), owners: self.owners.clone() }
    }
}
