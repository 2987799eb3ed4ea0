//! An AWS to practise on: STS, IAM, the federation endpoint and a little of S3, on loopback only, as strict as AWS.
//!
//! `server` reads HTTP; `exchange` is the way of every call: `table` (one table of actions), `authenticate` (who),
//! `fields` (parameters), `authorize` (what they may, through [`crate::policy`]), the action itself in `sts`, `iam` or `s3`,
//! and `xml`. `state` is what exists; sessions are not kept but sealed into their tokens, so that a restart with the same
//! seed still knows them.

mod authenticate;
mod authorize;
mod caller;
mod exchange;
mod fault;
mod fields;
mod iam;
mod ids;
mod incoming;
mod params;
mod png;
mod ready_made;
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

use self::{
    ids::{Draw, Seed},
    session::Sealer,
    state::{Account, Key, State},
};
pub use self::{ready_made::ReadyMade, server::Server};
use crate::{
    clock::Clock,
    model::access_key::{AccessKey, AccessKeyId},
};

/// One call that was made, for the activity and for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `AssumeRole`
    pub action: String,
    /// As the request said; empty where it was not signed.
    pub access_key_id: String,
    /// Who it was; empty where nobody was recognised.
    pub principal_arn: String,
    /// The code of the refusal.
    pub error_code: Option<String>,
    /// When.
    pub at: OffsetDateTime,
}

/// Accounts, users, roles, and everything that was done to them. Clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

struct Inner {
    clock: Clock,
    seed: Seed,
    sessions: Sealer,
    sign_ins: Sealer,
    account_id: String,
    state: Mutex<State>,
    latency: Mutex<Duration>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// A world with one account that has a root access key and nothing else. The same seed gives the same account, the same
    /// root key, and accepts session tokens issued before.
    pub fn new(seed: [u8; 32], clock: Clock) -> Self {
        let seed = Seed::new(seed);
        let now = clock.now();
        let state = State {
            accounts: std::collections::BTreeMap::new(),
            aws_policies: iam::aws_policies::all(),
            owners: std::collections::BTreeMap::new(),
            calls: std::collections::VecDeque::new(),
            failures: Vec::new(),
            draw: Draw::fresh(&seed, now),
        };
        let account_id = seed.account("account");
        let world = Self(Arc::new(Inner {
            sessions: Sealer::new(&seed, "session tokens"),
            sign_ins: Sealer::new(&seed, "sign-in tokens"),
            account_id: account_id.clone(),
            state: Mutex::new(state),
            latency: Mutex::new(Duration::ZERO),
            clock,
            seed,
        }));
        world.open_account(&account_id);
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
        self.key_of_root(&self.0.account_id)
    }

    /// The account's number.
    pub fn account_id(&self) -> String {
        self.0.account_id.clone()
    }

    /// The last calls, oldest first, at most a thousand.
    pub fn calls(&self) -> Vec<Call> {
        self.0.state().calls.iter().cloned().collect()
    }

    /// Lets every answer wait, so that concurrency can be tested.
    pub fn set_latency(&self, latency: Duration) {
        *self.0.latency.lock().unwrap_or_else(PoisonError::into_inner) = latency;
    }

    /// Lets the next `count` calls of an action fail with a code, after everything else about them was right.
    pub fn fail_next(&self, action: &str, count: usize, code: &str) {
        self.0.state().failures.push((action.to_owned(), count, code.to_owned()));
    }

    /// Opens one more account with a root key of its own.
    fn open_account(&self, id: &str) {
        let key = self.key_of_root(id);
        let now = self.0.clock.now();
        let mut state = self.0.state();
        let mut account = Account::new(id.to_owned(), now);
        state.owners.insert(key.id.clone(), (id.to_owned(), None));
        account.root_keys.push(Key { id: key.id, secret: key.secret, active: true, created: now, last_used: None });
        state.accounts.insert(id.to_owned(), account);
    }

    fn key_of_root(&self, account: &str) -> AccessKey {
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
