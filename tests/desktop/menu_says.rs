//! What the tray's menu says, without a tray.
//!
//! The menu is a pure function of a snapshot, so its words, order and limits are tried with snapshots of every kind. That it
//! arrives in a panel is tried in `shell`.

use stagedoor_core::model::{
    lock::SecretsView,
    profile::{ProfileKind, ProfileName},
    prompt::{AskerView, PromptKind, PromptView},
    snapshot::{AgentView, FilesView, KeychainView, PracticeView, ProfileView, SessionState, SessionView, Settings, Snapshot},
};
use time::{Duration, OffsetDateTime, macros::datetime};

use crate::menu::{Entry, Mood, Press, entries, mood, same_shape, time_left, tooltip};

const NOW: OffsetDateTime = datetime!(2026-11-23 15:00 UTC);

fn profile(name: &str) -> ProfileView {
    ProfileView {
        name: ProfileName::new(name),
        kind: ProfileKind::Role,
        region: None,
        account_id: None,
        role_arn: None,
        role_name: None,
        source_profile: None,
        colour: 1,
        tags: vec![],
        favourite: false,
        last_used: None,
        connected: false,
        practice: false,
        key: None,
        hand_out_access_key: false,
        asks: false,
        chain: None,
        error: None,
        session: None,
        credentials_file: None,
        activity: vec![],
    }
}

fn active(name: &str, left: Duration) -> ProfileView {
    let session = SessionView {
        state: SessionState::Active,
        issued: Some(NOW - Duration::minutes(13)),
        expiration: Some(NOW + left),
        renews_at: Some(NOW + left - Duration::minutes(5)),
        needs_person_at: None,
        access_key_id: None,
        arn: None,
        delivered: vec![],
        error: None,
    };
    ProfileView { session: Some(session), ..profile(name) }
}

fn snapshot(profiles: Vec<ProfileView>) -> Snapshot {
    Snapshot {
        revision: 1,
        profiles: profiles.into_iter().map(std::sync::Arc::new).collect(),
        files: FilesView { config_path: String::new(), credentials_path: String::new(), found: true, readable_by_others: false },
        keychain: KeychainView { name: String::new(), error: None },
        secrets: SecretsView::default(),
        agent: AgentView { version: String::new(), windowless: false, program: String::new(), clock_offset_seconds: 0 },
        practice: PracticeView::default(),
        settings: Settings::default(),
        problems: vec![],
        prompts: vec![],
        activity: 0,
        setup: 0,
        leases: vec![],
    }
}

fn words(profiles: Vec<ProfileView>) -> Vec<String> {
    entries(&snapshot(profiles), NOW).iter().map(|entry| entry.label().unwrap_or_else(|| "—".to_owned())).collect()
}

#[test]
fn nothing_runs() {
    assert_eq!(words(vec![profile("dev")]), ["No active session", "—", "Open Stagedoor", "Lock", "Quit Stagedoor"]);
}

#[test]
fn locked_it_offers_to_unlock_and_names_no_profile() {
    let mut locked = snapshot(vec![profile("dev"), active("prod-admin", Duration::minutes(47))]);
    locked.secrets.locked = true;
    let shown: Vec<_> = entries(&locked, NOW).iter().map(|entry| entry.label().unwrap_or_else(|| "—".to_owned())).collect();
    assert_eq!(shown, ["Locked", "—", "Unlock Stagedoor", "Quit Stagedoor"]);
}

#[test]
fn what_ends_first_comes_first_with_the_time_left() {
    let shown = words(vec![active("long", Duration::minutes(192)), active("prod-admin", Duration::minutes(47))]);
    assert_eq!(shown, ["prod-admin — 47 min", "long — 3 h 12 min", "—", "Open Stagedoor", "Stop all sessions", "Lock", "Quit Stagedoor"]);
}

#[test]
fn an_active_session_can_be_used_and_stopped() {
    let name = ProfileName::new("dev");
    let menu = entries(&snapshot(vec![active("dev", Duration::HOUR)]), NOW);
    let Entry::Session { buttons, .. } = &menu[0] else { panic!("{menu:?}") };
    assert_eq!(
        buttons[..],
        [(Press::OpenConsole(name.clone()), "Open console"), (Press::CopyEnvironment(name.clone()), "Copy environment"), (Press::Stop(name), "Stop")]
    );
}

#[test]
fn a_session_that_nobody_renews_is_told_to_end() {
    let mut ending = active("prod", Duration::minutes(6));
    ending.session.as_mut().unwrap().renews_at = None;
    let all = snapshot(vec![ending.clone()]);
    assert_eq!(words(vec![ending])[0], "prod — ends in 6 min");
    assert_eq!(mood(&all, NOW), Mood::Attention);
    assert_eq!(mood(&all, NOW - Duration::minutes(20)), Mood::Active);
}

#[test]
fn a_session_that_renews_itself_needs_nobody() {
    assert_eq!(mood(&snapshot(vec![active("prod", Duration::minutes(6))]), NOW), Mood::Active);
}

#[test]
fn favourites_come_before_recents_and_both_are_few() {
    let mut profiles: Vec<_> = (0..30).map(|n| ProfileView { last_used: Some(NOW - Duration::days(n)), ..profile(&format!("used-{n}")) }).collect();
    profiles.push(ProfileView { favourite: true, ..profile("starred") });
    let shown = words(profiles);
    assert_eq!(shown[2..5], ["Start starred", "Start used-0", "Start used-1"]);
    assert_eq!(shown.iter().filter(|label| label.starts_with("Start used")).count(), 10);
}

#[test]
fn what_does_not_resolve_is_not_offered() {
    let error = stagedoor_core::error::Error::invalid("role ARN", "x", "y");
    assert_eq!(words(vec![ProfileView { favourite: true, error: Some(error), ..profile("broken") }]), words(vec![]));
}

#[test]
fn an_ampersand_is_no_mnemonic_and_a_long_name_stays() {
    let name = format!("r&d-{}", "x".repeat(80));
    let shown = words(vec![ProfileView { favourite: true, ..profile(&name) }]);
    assert_eq!(shown[2], format!("Start r&&d-{}", "x".repeat(80)));
}

#[test]
fn a_minute_later_only_labels_differ() {
    let all = snapshot(vec![active("dev", Duration::HOUR)]);
    let (before, after) = (entries(&all, NOW), entries(&all, NOW + Duration::minutes(1)));
    assert_ne!(before, after);
    assert!(same_shape(&before, &after));
    assert!(!same_shape(&before, &entries(&snapshot(vec![]), NOW)));
}

#[test]
fn time_left_in_words() {
    let said = [
        (59, "less than a minute"),
        (60, "1 min"),
        (47 * 60 + 59, "47 min"),
        (3600, "1 h 00 min"),
        (11 * 3600 + 300, "11 h 05 min"),
        (-5, "less than a minute"),
    ];
    for (seconds, words) in said {
        assert_eq!(time_left(Duration::seconds(seconds)), words);
    }
}

#[test]
fn the_pointer_is_told_how_many() {
    assert_eq!(tooltip(&snapshot(vec![profile("dev")])), "Stagedoor: no active session");
    assert_eq!(tooltip(&snapshot(vec![active("dev", Duration::HOUR)])), "Stagedoor: 1 active session");
    assert_eq!(tooltip(&snapshot(vec![active("dev", Duration::HOUR), active("prod", Duration::HOUR)])), "Stagedoor: 2 active sessions");
}

#[test]
fn who_waits_stands_first_and_the_icon_calls_for_a_person() {
    let asker = |name: &str| AskerView { name: name.to_owned(), ..AskerView::default() };
    let prompt = PromptView {
        id: 1,
        kind: PromptKind::Approval,
        profile: ProfileName::new("prod"),
        role_arn: None,
        mfa_serial: None,
        way: "process".to_owned(),
        gives: None,
        askers: vec![asker("terraform")],
        waiting: 1,
        may_remember: true,
        since: NOW,
        until: NOW + Duration::seconds(45),
        error: None,
    };
    let asked = Snapshot { prompts: vec![prompt.clone(), PromptView { kind: PromptKind::MfaCode, waiting: 3, ..prompt }], ..snapshot(vec![profile("prod")]) };
    let menu = entries(&asked, NOW);
    let labels: Vec<_> = menu.iter().take(3).map(Entry::label).collect();
    assert_eq!(labels, [Some("terraform wants prod".to_owned()), Some("terraform and 2 more want prod".to_owned()), None]);
    assert_eq!((mood(&asked, NOW), tooltip(&asked).as_str()), (Mood::Attention, "Stagedoor: terraform wants prod"));
    assert_eq!(mood(&snapshot(vec![profile("prod")]), NOW), Mood::Idle);
}
