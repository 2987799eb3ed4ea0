//! An AWS to practise on, on loopback only and as strict as AWS: STS, IAM, sign-in, and a little of four more services.
//!
//! `server` reads HTTP; `exchange` is the way of every call: `table` (one table of actions), `authenticate` (who),
//! `fields` (parameters), `authorize` (what they may, through [`crate::policy`]), the action itself in a folder or file named
//! after its service, `envelope` (the answer in its protocol), `record` (what is remembered). `federation` believes identity
//! providers. `state` is what exists, `kept` takes it over a restart; sessions are sealed into their tokens.

mod access_analyzer;
mod accounts;
mod authenticate;
mod authorize;
mod caller;
mod cloud_trail;
mod decode;
mod envelope;
mod exchange;
mod fault;
mod federation;
mod fields;
mod iam;
mod ids;
mod incoming;
mod kept;
mod known_actions;
mod lag;
mod names;
mod organizations;
mod overview;
mod params;
mod png;
mod ready_made;
mod record;
mod regions;
mod s3;
mod server;
mod session;
mod signin;
mod state;
mod sts;
mod table;
mod xml;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::{OffsetDateTime, macros::format_description};
use tokio::sync::watch;

pub use self::{
    accounts::AccountKey,
    ready_made::ReadyMade,
    record::{Call, Issuer, Judged, Reason, Session as CallerSession},
    server::Server,
};
use self::{
    ids::{Draw, Seed},
    session::Sealer,
    state::State,
};
use crate::{
    clock::Clock,
    model::access_key::{AccessKey, AccessKeyId},
};

/// Every action by Query: API, version, name and parameters (of a list, its first member), for tests that try all of them.
#[doc(hidden)]
pub fn actions() -> Vec<(&'static str, &'static str, &'static str, Vec<String>)> {
    let row = |action: &'static table::Action| {
        let version = action.service.namespace().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        (action.service.prefix(), version, action.name, action.fields.iter().flat_map(fields::Field::names).collect())
    };
    table::rows().map(row).collect()
}

/// Accounts, users, roles, and everything that was done to them. Clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Clock,
    seed: Seed,
    sessions: Sealer,
    sign_ins: Sealer,
    denials: Sealer,
    worlds: Sealer,
    /// Rises with every change that is worth keeping.
    changes: watch::Sender<u64>,
    account_id: String,
    state: Mutex<State>,
    latency: Mutex<Duration>,
}

impl Inner {
    /// The state as it is now: whoever looks sees what has become visible by now.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(self.clock.now());
        state
    }
}

impl World {
    /// A world whose accounts have a root access key each and nothing else. The same seed gives the same accounts, the same
    /// root keys, and accepts session tokens issued before.
    pub fn new(seed: [u8; 32], clock: Clock) -> Self {
        let seed = Seed::new(seed);
        let now = clock.now();
        let state = State {
            accounts: std::collections::BTreeMap::new(),
            aws_policies: iam::aws_policies::all(),
            owners: std::collections::BTreeMap::new(),
            lag: lag::Lag::default(),
            calls: record::Calls::default(),
            failures: Vec::new(),
            draw: Draw::fresh(&seed, now),
        };
        let account_id = seed.account("account");
        let world = Self(Arc::new(Inner {
            sessions: Sealer::new(&seed, "session tokens"),
            sign_ins: Sealer::new(&seed, "sign-in tokens"),
            denials: Sealer::new(&seed, "authorization messages"),
            worlds: Sealer::new(&seed, "worlds"),
            changes: watch::Sender::new(0),
            account_id: account_id.clone(),
            state: Mutex::new(state),
            latency: Mutex::new(Duration::ZERO),
            clock,
            seed,
        }));
        world.open_accounts();
        world
    }

    /// A world with a user, an MFA device, a role that needs it, and a partner's role that needs an external ID.
    pub fn ready_made(seed: [u8; 32], clock: Clock) -> (Self, ReadyMade) {
        let world = Self::new(seed, clock);
        let ready_made = ready_made::build(&world);
        (world, ready_made)
    }

    /// The access key of the account's root.
    pub fn root_key(&self) -> AccessKey {
        self.root_key_of(&self.0.account_id)
    }
    /// The account's number.
    pub fn account_id(&self) -> String {
        self.0.account_id.clone()
    }

    /// The last calls, oldest first; the oldest are forgotten after three thousand.
    pub fn calls(&self) -> Vec<Call> {
        self.0.state().calls.iter().cloned().collect()
    }

    /// The last `count` calls, newest first.
    pub fn last_calls(&self, count: usize) -> Vec<Call> {
        self.0.state().calls.iter().rev().take(count).cloned().collect()
    }

    /// The newest call since there were `before` that is the wanted one.
    pub fn last_call(&self, before: u64, wanted: impl Fn(&Call) -> bool) -> Option<Call> {
        let state = self.0.state();
        let new = usize::try_from(state.calls.count.saturating_sub(before)).unwrap_or(usize::MAX);
        state.calls.iter().rev().take(new).find(|call| wanted(call)).cloned()
    }

    /// Tells of every change that is worth keeping over a restart.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// How many calls there ever were: whoever shows them knows by it that there are new ones.
    pub fn call_count(&self) -> u64 {
        self.0.state().calls.count
    }

    /// Lets every answer wait, so that concurrency can be tested.
    pub fn set_latency(&self, latency: Duration) {
        *self.0.latency.lock().unwrap_or_else(PoisonError::into_inner) = latency;
    }

    /// Lets changes of IAM be seen late, as in AWS: they are listed at once, and count after this long. Zero switches it off.
    pub fn set_eventual(&self, delay: Duration) {
        self.0.state().lag.delay = delay.try_into().unwrap_or_default();
    }

    /// Lets the next `count` calls of an action fail with a code, after everything else about them was right.
    pub fn fail_next(&self, action: &str, count: usize, code: &str) {
        self.0.state().failures.push((action.to_owned(), count, code.to_owned()));
    }

    /// The access key of an account's root: for building up accounts, one's own or the partner's.
    pub fn root_key_of(&self, account: &str) -> AccessKey {
        self.derived_key(account, &format!("root key of {account}"))
    }

    fn derived_key(&self, account: &str, label: &str) -> AccessKey {
        let mut stream = self.0.seed.stream(label);
        let id = stream.access_key_id("AKIA", account);
        let secret = stream.secret();
        // The ID is made of the right characters.
        AccessKey { id: AccessKeyId::parse(&id).unwrap_or_else(|_| unreachable!()), secret }
    }
}

/// `2026-11-23T08:58:00Z`
fn time_text(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC).format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z")).unwrap_or_default()
}
