//! The record of activity: every request leaves a line, no line a secret, and nothing that lies in the way stops delivery.
//!
//! In process, against the practice account, on a driven clock; what is on disk is looked at as it is. How it reads in a terminal is
//! tried in `tests/acceptance`.

use std::{fs, path::PathBuf};

use stagedoor_core::{
    agent::{Agent, Asker, ConsoleTarget},
    error::Code,
    model::{
        activity::{ActivityLine, ActivityOutcome, ActivityQuery, AnsweredFrom},
        snapshot::Shell,
    },
};
use time::Duration;

use crate::agent_home::{Home, name, process, start, until};

fn file(home: &Home) -> PathBuf {
    home.paths().data.join("activity.jsonl")
}

fn program(name: &str, executable: &str) -> Asker {
    let mut asker = Asker::unknown();
    (asker.pid, asker.name, asker.executable) = (Some(4711), name.to_owned(), Some(executable.into()));
    asker
}

fn terraform() -> Asker {
    program("terraform", "/usr/bin/terraform")
}

async fn lines(agent: &Agent) -> Vec<ActivityLine> {
    agent.activity(ActivityQuery::default()).await.unwrap().lines
}

async fn asked(agent: &Agent, query: ActivityQuery) -> Vec<u64> {
    agent.activity(query).await.unwrap().lines.iter().map(|line| line.n).collect()
}

async fn close(agent: &Agent) {
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn every_request_leaves_a_line() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let me = Asker::stagedoor();
    agent.process_document(&name("reader"), &terraform()).await.unwrap();
    agent.process_document(&name("reader"), &terraform()).await.unwrap();
    agent.for_child(&name("key"), &me).await.unwrap();
    agent.environment(&name("reader"), Shell::Bash, &me).await.unwrap();
    agent.console_link(&name("reader"), &ConsoleTarget::default(), &me).await.unwrap();
    agent.who_am_i(&name("reader"), &me).await.unwrap();
    agent.stop(&name("reader")).await.unwrap();
    assert_eq!(agent.process_document(&name("dev"), &terraform()).await.unwrap_err().code, Code::MfaCodeRequired);
    assert_eq!(agent.process_document(&name("nobody"), &terraform()).await.unwrap_err().code, Code::MissingProfile);
    agent.hand_out_access_key(&name("key"), true).await.unwrap();
    agent.process_document(&name("key"), &terraform()).await.unwrap();

    let lines = lines(&agent).await;
    let told: Vec<_> =
        lines.iter().rev().map(|line| (line.n, line.profile.as_str(), line.what.as_str(), line.outcome, line.answered_from, line.code)).collect();
    let (ok, refused) = (ActivityOutcome::Ok, ActivityOutcome::Refused);
    let (aws, memory, key) = (Some(AnsweredFrom::Aws), Some(AnsweredFrom::Memory), Some(AnsweredFrom::AccessKey));
    assert_eq!(
        told,
        [
            (1, "reader", "credential_process", ok, aws, None),
            (2, "reader", "credential_process", ok, memory, None),
            (3, "key", "exec", ok, aws, None),
            (4, "reader", "environment", ok, memory, None),
            (5, "reader", "console", ok, memory, None),
            (6, "reader", "whoami", ok, memory, None),
            (7, "reader", "stop", ok, None, None),
            (8, "dev", "credential_process", refused, None, Some(Code::MfaCodeRequired)),
            (9, "nobody", "credential_process", refused, None, Some(Code::MissingProfile)),
            (10, "key", "credential_process", ok, key, None),
        ]
    );
    let first = serde_json::to_value(&lines[9]).unwrap();
    let role = format!("arn:aws:iam::{}:role/Reader", home.ready.account_id);
    assert_eq!((&first["at"], &first["role_arn"]), (&"2026-11-23T09:00:00Z".into(), &role.into()));
    assert_eq!((&first["who"], &first["pid"], &first["executable"]), (&"terraform".into(), &4711.into(), &"/usr/bin/terraform".into()));
    assert!(first["access_key_id"].as_str().unwrap().starts_with("ASIA") && first["duration_ms"].is_u64(), "{first}");
    assert_eq!(lines[0].access_key_id.as_ref(), Some(&home.ready.key.id));
    // On disk it is the same, a line each.
    let on_disk = fs::read_to_string(file(&home)).unwrap();
    let read: Vec<ActivityLine> = on_disk.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read.into_iter().rev().collect::<Vec<_>>(), lines);
    until(&agent, "the number of the newest line", |snapshot| snapshot.activity == 10).await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_program_is_told_with_what_started_it() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let asker = Asker::behind(std::process::id());
    agent.process_document(&name("reader"), &asker).await.unwrap();
    let line = lines(&agent).await.remove(0);
    let parent = fs::read_link(format!("/proc/{}/exe", std::os::unix::process::parent_id())).unwrap();
    assert_eq!((line.pid, line.parent), (Some(std::process::id()), Some(parent.display().to_string())));
}

#[tokio::test]
async fn it_is_asked_by_page_and_narrowed() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for _ in 0..4 {
        agent.process_document(&name("reader"), &terraform()).await.unwrap();
        home.advance(Duration::minutes(1));
        let _ = start(&agent, "nobody", None).await;
        home.advance(Duration::minutes(1));
    }
    let page = agent.activity(ActivityQuery { limit: Some(3), ..ActivityQuery::default() }).await.unwrap();
    assert_eq!((page.lines.iter().map(|line| line.n).collect::<Vec<_>>(), page.more), (vec![8, 7, 6], true));
    let next = agent.activity(ActivityQuery { limit: Some(5), before: Some(6), ..ActivityQuery::default() }).await.unwrap();
    assert_eq!((next.lines.len(), next.more), (5, false));
    let any = ActivityQuery::default;
    assert_eq!(asked(&agent, ActivityQuery { after: Some(6), ..any() }).await, [8, 7]);
    assert_eq!(asked(&agent, ActivityQuery { after: Some(8), ..any() }).await, [0; 0]);
    assert_eq!(asked(&agent, ActivityQuery { refused: true, ..any() }).await, [8, 6, 4, 2]);
    assert_eq!(asked(&agent, ActivityQuery { profile: Some("reader".to_owned()), limit: Some(2), ..any() }).await, [7, 5]);
    assert_eq!(asked(&agent, ActivityQuery { who: Some("Stagedoor".to_owned()), ..any() }).await, [8, 6, 4, 2]);
    assert_eq!(asked(&agent, ActivityQuery { text: Some("BIN/Terra".to_owned()), before: Some(4), ..any() }).await, [3, 1]);
    assert_eq!(asked(&agent, ActivityQuery { text: Some("4711".to_owned()), after: Some(4), ..any() }).await, [7, 5]);
    assert_eq!(asked(&agent, ActivityQuery { since: Some(crate::agent_home::BEGIN + Duration::minutes(5)), ..any() }).await, [8, 7, 6]);
}

#[tokio::test]
async fn it_outlives_a_restart_and_feeds_the_profiles() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.process_document(&name("reader"), &terraform()).await.unwrap();
    let _ = process(&agent, "dev").await;
    let before = until(&agent, "two lines", |snapshot| snapshot.activity == 2).await;
    close(&agent).await;
    let agent = home.agent().await;
    let of = |snapshot: &stagedoor_core::model::snapshot::Snapshot, profile: &str| {
        snapshot.profiles.iter().find(|view| view.name.as_str() == profile).unwrap().activity.clone()
    };
    let now = agent.snapshot().borrow().clone();
    for profile in ["reader", "dev"] {
        assert_eq!(of(&now, profile), of(&before, profile));
    }
    assert_eq!((of(&now, "reader")[0].what.as_str(), of(&now, "reader")[0].who.as_str(), now.activity), ("credential_process", "terraform", 2));
    process(&agent, "reader").await.unwrap();
    assert_eq!(lines(&agent).await[0].n, 3, "the numbers go on");
}

#[tokio::test]
async fn no_name_can_forge_a_line() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let forged = "x\n{\"n\":99,\"who\":\"aws\"}\r\n\u{1b}[2J\u{202e}";
    let asker = program(forged, &format!("/tmp/{forged}"));
    agent.process_document(&name("reader"), &asker).await.unwrap();
    let _ = agent.process_document(&name(forged), &asker).await;
    let found = lines(&agent).await;
    let on_disk = fs::read(file(&home)).unwrap();
    assert_eq!((found.len(), on_disk.split(|byte| *byte == b'\n').count() - 1), (2, 2));
    assert!(on_disk.iter().all(|byte| *byte == b'\n' || !byte.is_ascii_control()));
    let who = &found[1].who;
    assert!(!who.chars().any(char::is_control) && who.contains("\\u{a}") && who.contains("\\u{202e}"), "{who}");
    assert_eq!(asked(&agent, ActivityQuery { profile: Some(forged.to_owned()), ..ActivityQuery::default() }).await, [2], "it is found by the name it has");
}

#[tokio::test]
async fn a_flood_of_refusals_is_counted_and_drives_nothing_off_the_record() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.process_document(&name("reader"), &terraform()).await.unwrap();
    for _ in 0..300 {
        assert!(agent.process_document(&name("nobody"), &terraform()).await.is_err());
    }
    agent.process_document(&name("reader"), &terraform()).await.unwrap();
    assert_eq!(lines(&agent).await.len(), 3, "the first of them is there at once");
    home.advance(Duration::minutes(1));
    let _ = agent.process_document(&name("dev"), &terraform()).await;
    close(&agent).await;
    let agent = home.agent().await;
    let found = lines(&agent).await;
    let told: Vec<_> = found.iter().rev().map(|line| (line.n, line.profile.as_str(), line.outcome)).collect();
    let (ok, refused) = (ActivityOutcome::Ok, ActivityOutcome::Refused);
    assert_eq!(told, [(1, "reader", ok), (2, "nobody", refused), (3, "reader", ok), (4, "nobody", refused), (5, "dev", refused)]);
    let count = &found[1];
    assert_eq!((count.who.as_str(), count.pid, count.code), ("terraform", Some(4711), Some(Code::MissingProfile)));
    assert!(count.message.as_ref().is_some_and(|message| message.ends_with("(299 more times)")), "{count:?}");
    // What was only counted is told when the agent ends.
    for _ in 0..3 {
        assert!(agent.process_document(&name("nobody"), &terraform()).await.is_err());
    }
    close(&agent).await;
    let agent = home.agent().await;
    assert!(lines(&agent).await[0].message.as_ref().is_some_and(|message| message.ends_with("(2 more times)")));
}

#[tokio::test]
async fn a_torn_line_is_skipped_and_counted() {
    let home = Home::new().await;
    let agent = home.agent().await;
    process(&agent, "reader").await.unwrap();
    close(&agent).await;
    let whole = fs::read_to_string(file(&home)).unwrap();
    home.put(&file(&home), format!("{whole}{}", &whole[..whole.len() / 2]).as_bytes());
    let agent = home.agent().await;
    process(&agent, "reader").await.unwrap();
    let page = agent.activity(ActivityQuery::default()).await.unwrap();
    assert_eq!((page.lines.iter().map(|line| line.n).collect::<Vec<_>>(), page.unreadable), (vec![2, 1], 1));
    assert!(fs::read_to_string(file(&home)).unwrap().ends_with("}\n"));
}

#[tokio::test]
async fn files_turn_by_size_and_by_age() {
    let home = Home::new().await;
    let numbered = |number: usize| home.paths().data.join(format!("activity.{number}.jsonl"));
    let agent = home.agent().await;
    process(&agent, "reader").await.unwrap();
    close(&agent).await;
    let line = fs::read_to_string(file(&home)).unwrap();
    // Grown to the brim.
    home.put(&file(&home), line.repeat((2 << 20) / line.len()).as_bytes());
    let agent = home.agent().await;
    process(&agent, "reader").await.unwrap();
    assert_eq!(lines(&agent).await.len(), 1000, "a page is no larger");
    assert!(file(&home).metadata().unwrap().len() < 1000 && numbered(1).metadata().unwrap().len() > 2_000_000);
    // And old.
    for turn in 2..=5 {
        home.advance(Duration::days(31));
        process(&agent, "reader").await.unwrap();
        lines(&agent).await;
        assert_eq!((1..=5).filter(|number| numbered(*number).exists()).count(), turn.min(4));
    }
    assert!((1..=4).all(|number| numbered(number).metadata().unwrap().len() < 1000), "the large one was the oldest");
}

#[tokio::test]
#[cfg(unix)]
async fn what_lies_in_the_way_is_told_once_and_delivery_goes_on() {
    let home = Home::new().await;
    let data = home.paths().data;
    fs::create_dir_all(&data).unwrap();
    fs::File::create(home.path("mine")).unwrap();
    std::os::unix::fs::symlink(home.path("mine"), file(&home)).unwrap();
    let agent = home.agent().await;
    for _ in 0..3 {
        process(&agent, "reader").await.unwrap();
        let _ = agent.activity(ActivityQuery::default()).await;
    }
    let told = |snapshot: &stagedoor_core::model::snapshot::Snapshot| {
        snapshot.problems.iter().filter(|problem| problem.message.contains("record of activity is not kept")).count()
    };
    let seen = until(&agent, "the problem", |snapshot| told(snapshot) > 0).await;
    assert_eq!(told(&seen), 1);
    assert!(fs::read(home.path("mine")).unwrap().is_empty(), "no link is followed");
    // Mended, and what waited is written.
    fs::remove_file(file(&home)).unwrap();
    process(&agent, "reader").await.unwrap();
    assert_eq!(lines(&agent).await.len(), 4);
    until(&agent, "no problem", |snapshot| told(snapshot) == 0).await;
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file(&home).metadata().unwrap().permissions()) & 0o777, 0o600);
}

#[tokio::test]
async fn it_is_exported_into_a_new_file() {
    let home = Home::new().await;
    let agent = home.agent().await;
    for profile in ["reader", "key", "reader"] {
        agent.process_document(&name(profile), &terraform()).await.unwrap();
    }
    fs::create_dir(home.path("Downloads")).unwrap();
    let query = ActivityQuery { profile: Some("reader".to_owned()), ..ActivityQuery::default() };
    let path = agent.export_activity(query.clone()).await.unwrap();
    assert_eq!(path, home.path("Downloads/stagedoor-activity-2026-11-23.jsonl"));
    let numbers = |text: &str| text.lines().map(|line| serde_json::from_str::<ActivityLine>(line).unwrap().n).collect::<Vec<_>>();
    assert_eq!(numbers(&fs::read_to_string(&path).unwrap()), [1, 3]);
    let again = agent.export_activity(ActivityQuery::default()).await.unwrap();
    assert!(again.ends_with("stagedoor-activity-2026-11-23-2.jsonl"), "nothing is overwritten: {again:?}");
    assert_eq!(numbers(&fs::read_to_string(&again).unwrap()), [1, 2, 3]);
}
