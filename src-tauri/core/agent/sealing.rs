//! What of the state survives a restart: written sealed, read back with care.
//!
//! A session comes back only if its profile still resolves to the very chain it was issued for and it has not expired.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{
    Agent,
    leads::Leads,
    lease::{ReadLease, WrittenLease},
    renewal::Held,
    state::Source,
};
use crate::{
    aws::Teller,
    error::{Code, Error, Result},
    model::{
        access_key::AccessKeyId,
        credentials::{TemporaryCredentials, end},
        profile::ProfileName,
        secret::{Secret, wiped_json},
    },
};

/// Borrowed: the secrets are written straight into a buffer that is wiped.
#[derive(Serialize)]
struct Written<'a> {
    sessions: Vec<WrittenSession<'a>>,
    sources: Vec<WrittenSource<'a>>,
    used_steps: BTreeMap<String, i64>,
    leases: Vec<WrittenLease<'a>>,
}

#[derive(Serialize)]
struct WrittenSession<'a> {
    profile: &'a ProfileName,
    mark: &'a str,
    teller: &'a Teller,
    held: WrittenHeld<'a>,
    delivered: Vec<&'a String>,
    #[serde(with = "time::serde::rfc3339::option")]
    person_from: Option<OffsetDateTime>,
}

#[derive(Serialize)]
struct WrittenSource<'a> {
    key: &'a AccessKeyId,
    mfa_serial: Option<&'a str>,
    place: &'a str,
    teller: &'a Teller,
    held: WrittenHeld<'a>,
}

#[derive(Serialize)]
pub(super) struct WrittenHeld<'a> {
    access_key_id: &'a AccessKeyId,
    secret_access_key: &'a str,
    session_token: &'a str,
    #[serde(with = "time::serde::rfc3339")]
    expiration: OffsetDateTime,
    account_id: Option<&'a str>,
    arn: Option<&'a str>,
    #[serde(with = "time::serde::rfc3339")]
    issued: OffsetDateTime,
}

impl<'a> WrittenHeld<'a> {
    pub(super) fn of(held: &'a Held) -> Self {
        let c = &held.credentials;
        Self {
            access_key_id: &c.access_key_id,
            secret_access_key: c.secret_access_key.expose(),
            session_token: c.session_token.expose(),
            expiration: c.expiration,
            account_id: c.account_id.as_deref(),
            arn: c.arn.as_deref(),
            issued: held.issued,
        }
    }
}

#[derive(Deserialize)]
struct ReadBack {
    sessions: Vec<ReadSession>,
    sources: Vec<ReadSource>,
    used_steps: BTreeMap<String, i64>,
    #[serde(default)]
    leases: Vec<ReadLease>,
}

#[derive(Deserialize)]
struct ReadSession {
    profile: ProfileName,
    mark: String,
    #[serde(default)]
    teller: Teller,
    held: ReadHeld,
    delivered: Vec<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    person_from: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct ReadSource {
    key: AccessKeyId,
    mfa_serial: Option<String>,
    place: String,
    #[serde(default)]
    teller: Teller,
    held: ReadHeld,
}

#[derive(Deserialize)]
pub(super) struct ReadHeld {
    access_key_id: AccessKeyId,
    secret_access_key: Secret,
    session_token: Secret,
    #[serde(with = "time::serde::rfc3339")]
    expiration: OffsetDateTime,
    account_id: Option<String>,
    arn: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    issued: OffsetDateTime,
}

impl ReadHeld {
    /// `None`: its times are none that could be reckoned with.
    pub(super) fn held(self) -> Option<Held> {
        let Self { access_key_id, secret_access_key, session_token, expiration, account_id, arn, issued } = self;
        let (expiration, issued) = (end(expiration)?, end(issued)?);
        Some(Held { credentials: TemporaryCredentials { access_key_id, secret_access_key, session_token, expiration, account_id, arn }, issued })
    }
}

impl Agent {
    /// Seals in a moment; many changes at once are sealed once.
    pub(super) fn seal_soon(&self) {
        self.0.unsealed.notify_one();
    }

    /// Seals what there is now. A failure is told in the snapshot: the sessions are in memory all the same.
    pub(super) async fn seal(&self) -> Result<()> {
        let _one = self.0.sealing.lock().await;
        // Everything was sealed before it was locked, and the key is not at hand.
        if self.0.secrets.locked() {
            return Ok(());
        }
        // What an earlier run sealed is read first, if the keychain answers by now: it must not be replaced unread.
        if self.0.sealed.unread() {
            self.unseal().await;
            if self.0.sealed.unread() {
                return Ok(());
            }
        }
        let payload = self.payload();
        let result = match payload {
            Some(payload) => self.0.sealed.save(&payload).await,
            None => self.0.sealed.remove().await,
        };
        self.problems().sealed =
            result.as_ref().err().map(|error| Error { message: format!("Sessions cannot be kept through a restart: {}", error.message), ..error.clone() });
        self.keychain_said(result.as_ref().err());
        result
    }

    /// `None`: nothing is worth keeping.
    fn payload(&self) -> Option<Zeroizing<Vec<u8>>> {
        let leases = self.kept_leases();
        let state = self.state();
        let live = |held: &Held, teller: &Teller| !held.credentials.expired(self.now_of(teller));
        if !state.sessions.values().any(|session| session.held.as_ref().is_some_and(|held| live(held, &session.teller)))
            && !state.sources.iter().any(|(source, held)| live(held, &source.teller))
            && state.used_steps().is_empty()
            && leases.is_empty()
        {
            return None;
        }
        let written = Written {
            sessions: state
                .sessions
                .iter()
                .filter_map(|(profile, session)| {
                    let held = session.held.as_ref().filter(|held| live(held, &session.teller))?;
                    Some(WrittenSession {
                        profile,
                        mark: &session.mark,
                        teller: &session.teller,
                        held: WrittenHeld::of(held),
                        delivered: session.delivered.iter().collect(),
                        person_from: session.person_from,
                    })
                })
                .collect(),
            sources: state
                .sources
                .iter()
                .filter(|(source, held)| live(held, &source.teller))
                .map(|(source, held)| WrittenSource {
                    key: &source.key,
                    mfa_serial: source.mfa_serial.as_deref(),
                    place: &source.place,
                    teller: &source.teller,
                    held: WrittenHeld::of(held),
                })
                .collect(),
            used_steps: state.used_steps(),
            leases: WrittenLease::all(&leases, |teller| self.now_of(teller)),
        };
        wiped_json(&written)
    }

    /// Takes the sessions of an earlier run over, if the keychain did not answer before and does now.
    pub(super) async fn unseal_late(&self) {
        if self.0.sealed.unread() && !self.0.secrets.locked() {
            let _one = self.0.sealing.lock().await;
            self.unseal().await;
        }
    }

    /// Takes the sessions of an earlier run over.
    pub(super) async fn unseal(&self) {
        let loaded = self.0.sealed.load().await;
        self.keychain_said(loaded.problem.as_ref());
        if let Some(problem) = &loaded.problem {
            tracing::warn!("{}", problem.message);
        }
        // A file that was set aside stays news; a keychain that did not answer and now does is none.
        let waited = |error: &Error| matches!(error.code, Code::KeychainLocked | Code::KeychainAbsent | Code::KeychainRefused | Code::Locked);
        {
            let mut problems = self.problems();
            if loaded.problem.is_some() || problems.set_aside.as_ref().is_some_and(waited) {
                problems.set_aside = loaded.problem;
            }
        }
        let Some(payload) = loaded.payload else { return };
        // serde_json's errors can quote what they read, so they are not passed on.
        let Ok(read) = serde_json::from_slice::<ReadBack>(&payload) else {
            self.problems().set_aside =
                Some(Error::new(Code::File, "Earlier sessions were written by another version of Stagedoor and are not used", "Start the profiles again"));
            return;
        };
        let files = self.files();
        let mut state = self.state();
        state.remember_steps(read.used_steps);
        if !state.stopped_all() {
            self.take_leases_back(read.leases);
        }
        for source in read.sources {
            let Some(held) = source.held.held() else { continue };
            let source = Source { key: source.key, mfa_serial: source.mfa_serial, place: source.place, teller: source.teller };
            if !held.credentials.expired(self.now_of(&source.teller)) && !state.stopped_all() {
                state.sources.entry(source).or_insert(held);
            }
        }
        for session in read.sessions {
            let Some(held) = session.held.held() else { continue };
            // The variables may name another endpoint by now.
            let same = files.as_ref().is_ok_and(|files| {
                self.0.aws.teller(files, session.profile.as_str()) == session.teller
                    && Leads::of(files, &session.profile).is_ok_and(|leads| leads.mark == session.mark)
            });
            let now = self.now_of(&session.teller);
            // What was stopped since then stays stopped; what only failed meanwhile is replaced.
            let open = !state.stopped(&session.profile) && state.valid(&session.profile, &session.mark, now).is_none();
            if same && open && !held.credentials.expired(now) {
                state.issued(&session.profile, (&session.mark, &session.teller), held, session.person_from);
                if let Some(kept) = state.sessions.get_mut(&session.profile) {
                    kept.delivered.extend(session.delivered);
                }
            }
        }
    }
}
