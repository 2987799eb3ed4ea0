//! The snapshot: what the state, the files and the settings look like to a person.
//!
//! What only the files decide is in `base`; sessions, choices and activity are laid over it. A profile that has none of them is
//! shared with the snapshot before.

use std::sync::{Arc, PoisonError};

use super::{
    Agent, Parts,
    base::{Base as Seen, Mark, mark},
    leads::Leads,
    state::{Source, State},
};
use crate::{
    error::Code,
    issue::LONGEST_SECONDS,
    model::{
        chain::{Base, Chain, KeyPlace},
        lock::SecretsView,
        params::SessionDuration,
        profile::{Profile, ProfileKind, ProfileName},
        snapshot::{
            AgentView, ChainView, FilesView, HopView, KeyView, KeychainView, PracticeView, ProfileView, SessionState, SessionTokenView, SessionView, Settings,
            Snapshot,
        },
    },
    store::{aws_files::AwsFiles, keychain::Keychain, settings::SettingsFile},
};

impl Agent {
    /// Makes a snapshot and tells everybody.
    pub(super) fn publish(&self) {
        let _one = self.0.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.files();
        let (base, files) = self.0.files.lock().unwrap_or_else(PoisonError::into_inner).seen();
        let mut snapshot = empty(&self.0.parts);
        {
            let (state, choices) = (self.state(), self.choices());
            let dressed = self.dressed(&state, &choices);
            let standing =
                !state.sources.is_empty() || !choices.mfa_devices.is_empty() || choices.settings.mfa_session_seconds != Settings::default().mfa_session_seconds;
            let on_mfa = |seen: &Seen| seen.view.chain.as_ref().is_some_and(|chain| chain.mfa_serial.is_some() || chain.session_token.is_some());
            let plain = |seen: &Seen| dressed.binary_search(&seen.name).is_err() && !(standing && on_mfa(seen));
            let shown = |seen: &Seen| if plain(seen) { Arc::clone(&seen.view) } else { Arc::new(self.laid_over(seen, files.as_deref(), (&state, &choices))) };
            snapshot.profiles = base.iter().map(shown).collect();
            snapshot.settings = choices.settings.clone();
        }
        snapshot.agent.clock_offset_seconds = self.0.aws.clock.offset().unwrap_or_default().whole_seconds();
        snapshot.activity = self.0.activity.newest();
        snapshot.setup = self.0.setups.changes();
        snapshot.prompts = self.prompts().views();
        snapshot.keychain.name = self.0.secrets.name();
        snapshot.secrets = self.secrets_view();
        snapshot.leases = self.leases();
        snapshot.practice = self.0.practice_view.lock().unwrap_or_else(PoisonError::into_inner).clone();
        {
            let problems = self.problems();
            snapshot.keychain.error.clone_from(&problems.keychain);
            let practice = [&problems.practice, &problems.practice_set_aside, &problems.versions, &problems.activity, &problems.clock];
            snapshot.problems = [&problems.files, &problems.settings, &problems.unsaved, &problems.sealed, &problems.set_aside]
                .into_iter()
                .chain(practice)
                .flatten()
                .cloned()
                .collect();
        }
        if let Some(files) = files {
            snapshot.files.found = files.found();
            snapshot.files.readable_by_others = files.readable_by_others();
            snapshot.problems.extend(files.problems().iter().cloned());
        }
        self.0.snapshot.send_modify(|current| {
            snapshot.revision = current.revision + 1;
            *current = Arc::new(snapshot);
        });
    }

    /// The profiles about which more is to be said than the files know, sorted.
    fn dressed(&self, state: &State, choices: &SettingsFile) -> Vec<Mark> {
        let flying = self.0.flights.keys();
        let chosen = choices.profiles.keys().map(String::as_str);
        let named = state.sessions.keys().chain(state.activity.keys()).chain(flying.iter().map(|(name, _)| name)).map(ProfileName::as_str);
        let mut dressed: Vec<_> = chosen.chain(named).map(mark).collect();
        dressed.sort_unstable();
        dressed
    }

    fn laid_over(&self, seen: &Seen, files: Option<&AwsFiles>, (state, choices): (&State, &SettingsFile)) -> ProfileView {
        let (mut view, leads) = (ProfileView::clone(&seen.view), seen.leads.as_deref());
        if let Some(own) = choices.profiles.get(view.name.as_str()) {
            view.favourite = own.favourite;
            view.tags.clone_from(&own.tags);
            view.last_used = own.last_used;
            if let Some(colour) = own.colour {
                view.colour = colour;
            }
        }
        if let (Some(Leads { chain, place, .. }), Some(drawn)) = (leads, &mut view.chain) {
            drawn.mfa_seed_stored = drawn.mfa_serial.as_ref().is_some_and(|serial| choices.mfa_devices.contains(serial));
            if drawn.mfa_seed_stored {
                drawn.needs.retain(|need| need != "mfa_code");
            }
            if let (Some(token), Base::AccessKey { access_key_id, .. }) = (&mut drawn.session_token, &chain.base) {
                let teller = files.map(|files| self.0.aws.teller(files, view.name.as_str())).unwrap_or_default();
                let source = Source { key: access_key_id.clone(), mfa_serial: token.mfa_serial.clone(), place: place.clone(), teller };
                token.expiration = state.source(&source, self.now_of(&source.teller), time::Duration::ZERO).map(|held| held.credentials.expiration);
                if !chain.hops.is_empty() || chain.session_duration.is_none() {
                    token.duration_seconds = choices.settings.mfa_session_seconds;
                }
                if token.expiration.is_some() && token.mfa_serial.is_some() && !chain.hops.is_empty() {
                    drawn.needs.retain(|need| need != "mfa_code");
                }
            }
        }
        view.activity = state.activity.get(&view.name).map(|lines| lines.iter().cloned().collect()).unwrap_or_default();
        view.credentials_file = self.0.written_file.view(&view.name, choices);
        view.session = self.session_view(&view.name, leads.map(|leads| leads.mark.as_str()), state);
        if let Some(account) = view.session.as_ref().and_then(|_| state.sessions.get(&view.name)?.held.as_ref()?.credentials.account_id.clone()) {
            view.account_id = Some(account);
        }
        view
    }

    fn session_view(&self, name: &ProfileName, mark: Option<&str>, state: &State) -> Option<SessionView> {
        let flying = mark.is_some_and(|mark| self.0.flights.has(&(name.clone(), mark.to_owned())));
        let session = state.sessions.get(name).filter(|session| mark.is_none_or(|mark| *mark == session.mark));
        if session.is_none() && !flying {
            return None;
        }
        let now = self.now_of(&session.map(|session| session.teller.clone()).unwrap_or_default());
        let held = session.and_then(|session| session.held.as_ref()).filter(|held| !held.credentials.expired(now));
        let standing = session.map_or(SessionState::Starting, |session| State::stands(session, now));
        let person_from = session.and_then(|session| session.person_from);
        Some(SessionView {
            state: if flying && standing == SessionState::Failed { SessionState::Starting } else { standing },
            issued: held.map(|held| held.issued),
            expiration: held.map(|held| held.credentials.expiration),
            renews_at: held.map(super::renewal::Held::due).filter(|due| person_from.is_none_or(|from| from > *due)),
            needs_person_at: person_from.and_then(|_| held.map(|held| held.credentials.expiration)),
            access_key_id: held.map(|held| held.credentials.access_key_id.clone()),
            arn: held.and_then(|held| held.credentials.arn.clone()),
            delivered: session.map(|session| session.delivered.iter().cloned().collect()).unwrap_or_default(),
            error: session.and_then(|session| session.error.clone()),
        })
    }
}

/// A snapshot before anything was read.
pub(super) fn empty(parts: &Parts) -> Snapshot {
    let paths = &parts.paths;
    Snapshot {
        revision: 0,
        profiles: Vec::new(),
        leases: Vec::new(),
        files: FilesView {
            config_path: paths.told(&paths.aws_config),
            credentials_path: paths.told(&paths.aws_credentials),
            found: false,
            readable_by_others: false,
        },
        keychain: KeychainView { name: parts.keychain.name(), error: None },
        secrets: SecretsView::default(),
        agent: AgentView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            windowless: parts.windowless,
            program: parts.program.display().to_string(),
            clock_offset_seconds: 0,
        },
        practice: PracticeView::default(),
        activity: 0,
        setup: 0,
        settings: Settings::default(),
        problems: Vec::new(),
        prompts: Vec::new(),
    }
}

/// What only the files decide about a profile.
pub(super) fn base_view(files: &AwsFiles, profile: &Profile) -> (ProfileView, Option<Leads>) {
    let name = ProfileName::new(&profile.name);
    let (leads, error) = match Leads::of(files, &name) {
        Ok(leads) => (Some(leads), None),
        Err(error) => (None, Some(error)),
    };
    let chain = leads.as_ref().map(|leads| &leads.chain);
    let role = chain.and_then(|chain| chain.hops.last()).map(|hop| &hop.role_arn);
    let account_id = role.map(|role| role.account_id().to_owned()).or_else(|| profile.account_id().map(str::to_owned));
    let key = chain.and_then(|chain| match &chain.base {
        Base::AccessKey { profile, access_key_id, place, .. } if *profile == name => Some(KeyView { access_key_id: access_key_id.clone(), place: *place }),
        _ => None,
    });
    // A role profile with a plaintext key of its own shows the key, so that it can be moved.
    let key = key.or_else(|| files.plaintext_key(&name).map(|key| KeyView { access_key_id: key.id, place: KeyPlace::File }));
    let view = ProfileView {
        kind: profile.kind(),
        region: profile.get("region").map(str::to_owned),
        role_arn: profile.get("role_arn").map(str::to_owned),
        role_name: role.map(|role| role.role_name().to_owned()),
        source_profile: profile.get("source_profile").map(ProfileName::new),
        colour: colour(account_id.as_deref().unwrap_or(&profile.name)),
        account_id,
        tags: Vec::new(),
        favourite: false,
        last_used: None,
        connected: profile.connected,
        practice: profile.get("stagedoor_practice").is_some(),
        key,
        hand_out_access_key: chain.is_some_and(|chain| chain.hand_out_access_key),
        asks: profile.get(super::approval::ASKS).is_some_and(|value| !value.eq_ignore_ascii_case("false")),
        chain: chain.map(chain_view),
        error: error.filter(|error| profile.kind() != ProfileKind::Unresolved || error.code != Code::NoCredentials),
        session: None,
        credentials_file: None,
        activity: Vec::new(),
        name,
    };
    (view, leads)
}

/// One of the eight account colours, the same for an account everywhere.
fn colour(of: &str) -> u8 {
    let sum = of.bytes().fold(0_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    u8::try_from(sum % 8).unwrap_or(0) + 1
}

fn chain_view(chain: &Chain) -> ChainView {
    let detail = match &chain.base {
        Base::AccessKey { .. } | Base::Static { .. } | Base::Login { .. } => None,
        Base::Process { command, .. } => Some(command.clone()),
        Base::Source { credential_source, .. } => Some(credential_source.clone()),
        Base::WebIdentity { token_file, .. } => Some(token_file.clone()),
        Base::IdentityCenter { sso_session, .. } => Some(sso_session.clone()),
    };
    let key = match &chain.base {
        Base::AccessKey { access_key_id, .. } | Base::Static { access_key_id, .. } => Some(access_key_id.clone()),
        Base::Process { .. } | Base::Source { .. } | Base::WebIdentity { .. } | Base::IdentityCenter { .. } | Base::Login { .. } => None,
    };
    let serial = chain.mfa_serial().map(|serial| serial.as_str().to_owned());
    let plain = chain.hops.is_empty() && matches!(chain.base, Base::AccessKey { .. });
    let through_session = matches!(chain.base, Base::AccessKey { .. }) && serial.is_some() && !chain.mfa_on_role();
    let session_token = (plain || through_session).then(|| SessionTokenView {
        mfa_serial: serial.clone(),
        duration_seconds: chain.session_duration.filter(|_| plain).map_or_else(|| Settings::default().mfa_session_seconds, SessionDuration::seconds),
        longest_seconds: LONGEST_SECONDS,
        expiration: None,
    });
    let hop_view = |(index, hop): (usize, &crate::model::chain::Hop)| HopView {
        profile: hop.profile.clone(),
        role_arn: hop.role_arn.to_string(),
        role_name: hop.role_arn.role_name().to_owned(),
        account_id: hop.role_arn.account_id().to_owned(),
        external_id: hop.external_id.as_ref().map(|id| id.as_str().to_owned()),
        mfa_code: index == 0 && chain.mfa_on_role(),
        mfa_session: index == 0 && through_session,
        role_session_name: hop.role_session_name.as_ref().map(|name| name.as_str().to_owned()),
        // A chained role is asked for an hour at most, whatever its profile says.
        duration_seconds: hop.duration.unwrap_or(SessionDuration::HOUR).seconds().min(if through_session {
            SessionDuration::HOUR.seconds()
        } else {
            chain.longest_hop_seconds(index)
        }),
        longest_seconds: chain.longest_hop_seconds(index),
    };
    ChainView {
        base_kind: chain.base.kind().to_owned(),
        base_profile: chain.base.profile().clone(),
        base_access_key_id: key,
        base_detail: detail,
        session_token,
        hops: chain.hops.iter().enumerate().map(hop_view).collect(),
        longest_seconds: chain.longest_seconds(),
        needs: chain.needs().into_iter().map(str::to_owned).collect(),
        mfa_serial: serial,
        mfa_seed_stored: false,
    }
}
