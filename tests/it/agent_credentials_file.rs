//! Temporary credentials in the credentials file: written on request, renewed, and gone with their session, whatever ends it.
//!
//! Beside our section every byte must stay, and what somebody else wrote is never touched, also where it has our section's name.

use std::{fs, sync::Arc};

use stagedoor_core::{
    agent::{Agent, Asker, FileEdit},
    error::{Code, Result},
    model::{credentials_file::CredentialsFileView, snapshot::Snapshot},
    store::aws_files::edit::AwsFile,
};
use time::Duration;

use crate::{
    agent_home::{BEGIN, Home, key_id, name, process, session, start, until},
    agent_tap::Line,
};

/// With a byte order mark, Windows line ends, no line end at the end, a comment that looks like ours.
const FOREIGN: &str =
    "\u{feff}# stagedoor_written = nobody\r\n[other]\r\naws_access_key_id=AKIAQQQQQQQQQQQQQQQQ\r\naws_secret_access_key = abc # x\r\n\r\n; end";

fn file(home: &Home) -> Option<String> {
    fs::read_to_string(home.paths().aws_credentials).ok()
}

async fn write(agent: &Agent, profile: &str, section: Option<&str>) -> Result<CredentialsFileView> {
    agent.write_file(&name(profile), section, &Asker::stagedoor()).await
}

/// The value of a key in the file.
fn value(home: &Home, key: &str) -> Option<String> {
    let text = file(home)?;
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = ").map(|value| value.trim_end().to_owned()))
}

fn written(home: &Home) -> Option<String> {
    value(home, "aws_access_key_id").filter(|id| id.starts_with("ASIA"))
}

fn shown(snapshot: &Snapshot, profile: &str) -> Option<CredentialsFileView> {
    snapshot.profiles.iter().find(|view| view.name.as_str() == profile)?.credentials_file.clone()
}

/// Waits until a look at the file came to this.
async fn until_shown(agent: &Agent, profile: &str, what: &str, is: impl Fn(&CredentialsFileView) -> bool) -> Arc<Snapshot> {
    until(agent, what, |snapshot| shown(snapshot, profile).is_some_and(|view| is(&view))).await
}

#[tokio::test]
async fn it_stands_there_with_its_end_and_goes_with_the_session() {
    let home = Home::new().await;
    home.credentials(FOREIGN);
    let agent = home.agent().await;
    let view = write(&agent, "reader", Some("old-tool")).await.unwrap();
    assert_eq!((&*view.section, view.expiration), ("old-tool", Some(BEGIN + Duration::HOUR)));
    assert_eq!(written(&home), Some(key_id(&agent, "reader").await.unwrap()));
    assert_eq!(value(&home, "x_security_token_expires").as_deref(), Some("2026-11-23T10:00:00Z"));
    assert_eq!(value(&home, "stagedoor_written").as_deref(), Some("reader"));
    assert!(file(&home).unwrap().starts_with(FOREIGN) && value(&home, "aws_session_token").is_some());
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(home.paths().aws_credentials).unwrap().permissions()) & 0o777, 0o600);
    // It is no profile of its own, and changes none.
    let snapshot = until_shown(&agent, "reader", "shown", |_| true).await;
    assert!(snapshot.profiles.iter().all(|view| view.name.as_str() != "old-tool"));
    assert!(session(&snapshot, "reader").unwrap().delivered.contains(&"file".to_owned()));
    agent.stop(&name("reader")).await.unwrap();
    assert_eq!(file(&home).as_deref(), Some(FOREIGN), "byte for byte");
    // It comes back with the next session, and goes with all.
    start(&agent, "reader", None).await.unwrap();
    until_shown(&agent, "reader", "it is back", |view| view.expiration.is_some()).await;
    assert!(written(&home).is_some());
    agent.stop_all().await.unwrap();
    assert_eq!(file(&home).as_deref(), Some(FOREIGN));
    // Off is off.
    start(&agent, "reader", None).await.unwrap();
    until_shown(&agent, "reader", "it is back", |view| view.expiration.is_some()).await;
    agent.write_file_no_more(&name("reader")).await.unwrap();
    assert_eq!(file(&home).as_deref(), Some(FOREIGN));
    assert_eq!(shown(&agent.snapshot().borrow(), "reader"), None);
}

#[tokio::test]
async fn each_renewal_writes_and_what_expires_goes() {
    let home = Home::new().await;
    let agent = home.agent().await;
    write(&agent, "reader", Some("old-tool")).await.unwrap();
    let first = written(&home).unwrap();
    home.advance(Duration::minutes(46));
    until_shown(&agent, "reader", "renewed", |view| view.expiration > Some(BEGIN + Duration::HOUR)).await;
    let second = written(&home).unwrap();
    assert_ne!(second, first);
    assert!(!file(&home).unwrap().contains(&first), "one at a time");
    // AWS does not answer until they have ended.
    home.tap.becomes(Line::Page(503, "text/html", "<html>away</html>"));
    home.advance(Duration::minutes(61));
    until_shown(&agent, "reader", "gone", |view| view.expiration.is_none()).await;
    assert_eq!(file(&home), None, "the file was made for it");
    home.tap.becomes(Line::Through);
    home.advance(Duration::minutes(1));
    process(&agent, "reader").await.unwrap();
    until_shown(&agent, "reader", "again", |view| view.expiration.is_some()).await;
    assert!(written(&home).is_some());
}

#[tokio::test]
async fn after_a_crash_the_next_start_takes_it_out() {
    let home = Home::new().await;
    home.credentials(FOREIGN);
    let agent = home.agent().await;
    write(&agent, "reader", Some("old-tool")).await.unwrap();
    let first = written(&home).unwrap();
    // Nobody ended it: a second agent opens on what a kill leaves. Its keychain is locked, so no session comes back.
    home.keychain.lock();
    let next = Agent::open(home.parts()).await.unwrap();
    assert_eq!(file(&home).as_deref(), Some(FOREIGN));
    home.keychain.unlock();
    drop((agent, next));
    // With the sealed session it stands there again, without AWS.
    let asked = home.tap.total();
    let agent = home.agent().await;
    start(&agent, "reader", None).await.unwrap();
    until_shown(&agent, "reader", "it is back", |view| view.expiration.is_some()).await;
    assert!(written(&home).is_some());
    assert!(home.tap.total() <= asked + 1, "{first}");
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    assert_eq!(file(&home).as_deref(), Some(FOREIGN), "an agent that ends leaves nothing");
}

#[tokio::test]
async fn what_a_crash_left_comes_back_only_when_a_person_starts_the_profile() {
    let home = Home::new().await;
    home.credentials(FOREIGN);
    let agent = home.agent().await;
    // Written, taken out and written again: the last record counts.
    write(&agent, "reader", Some("old-tool")).await.unwrap();
    agent.write_file_no_more(&name("reader")).await.unwrap();
    write(&agent, "reader", Some("old-tool")).await.unwrap();
    while !home.sealed().exists() {
        tokio::task::yield_now().await;
    }
    let first = written(&home);
    let (sealed, settings) = (fs::read(home.sealed()).unwrap(), fs::read(home.paths().config.join("settings.json")).unwrap());
    let left = file(&home).unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    // As a kill had left it: all three files of that moment.
    home.put(&home.sealed(), &sealed);
    home.put(&home.paths().config.join("settings.json"), &settings);
    home.put(&home.paths().aws_credentials, left.as_bytes());
    for round in 0..2 {
        let agent = home.agent().await;
        let snapshot = until_shown(&agent, "reader", "it says why", |view| view.error.is_some()).await;
        assert!(session(&snapshot, "reader").is_some(), "the session goes on");
        let error = shown(&snapshot, "reader").unwrap().error.unwrap();
        assert!(error.message.contains("[old-tool]") && error.hint.contains("stagedoor start reader"), "{error:?}");
        assert_eq!(file(&home).as_deref(), Some(FOREIGN));
        process(&agent, "reader").await.unwrap();
        if round == 1 {
            start(&agent, "reader", None).await.unwrap();
            until_shown(&agent, "reader", "it is back", |view| view.expiration.is_some() && view.error.is_none()).await;
            assert_eq!(written(&home), first);
        } else {
            until_shown(&agent, "reader", "it waits", |view| view.error.is_some()).await;
        }
        // An orderly end changes nothing about what waits.
        agent.close(std::time::Duration::from_secs(5)).await.unwrap();
        assert_eq!(file(&home).as_deref(), Some(FOREIGN));
    }
}

#[tokio::test]
async fn somebody_elses_section_is_never_touched() {
    let home = Home::new().await;
    home.credentials(FOREIGN);
    let agent = home.agent().await;
    for (profile, section, says) in [
        ("reader", Some("other"), "written by somebody else"),
        ("reader", Some("key"), "gets its credentials from elsewhere"),
        ("reader", Some("writer"), "gets its credentials from elsewhere"),
        ("reader", None, "gets its credentials from elsewhere"),
        ("reader", Some("two words"), "section name"),
        ("absent", None, "absent"),
    ] {
        let error = write(&agent, profile, section).await.unwrap_err();
        assert!(error.message.contains(says), "{error:?}");
    }
    assert_eq!((file(&home).as_deref(), home.tap.total()), (Some(FOREIGN), 0));
    write(&agent, "reader", Some("mine")).await.unwrap();
    assert!(write(&agent, "writer", Some("mine")).await.unwrap_err().message.contains("is for reader"));

    // Somebody puts a key of their own into our section: it is theirs now.
    let id = written(&home).unwrap();
    let theirs = file(&home).unwrap().replace(&id, "AKIAWWWWWWWWWWWWWWWW");
    home.put(&home.paths().aws_credentials, theirs.as_bytes());
    agent.stop(&name("reader")).await.unwrap();
    assert_eq!(file(&home).as_deref(), Some(&*theirs));
    start(&agent, "reader", None).await.unwrap();
    let snapshot = until_shown(&agent, "reader", "it says why", |view| view.error.is_some()).await;
    assert!(shown(&snapshot, "reader").unwrap().error.unwrap().message.contains("somebody else"));
    assert_eq!(file(&home).as_deref(), Some(&*theirs));
    drop(agent);
    let agent = home.agent().await;
    assert_eq!(file(&home).as_deref(), Some(&*theirs), "not at a start either");
    agent.write_file_no_more(&name("reader")).await.unwrap();
    assert_eq!(file(&home).as_deref(), Some(&*theirs));
}

#[tokio::test]
async fn what_somebody_added_to_our_section_stays() {
    let home = Home::new().await;
    let agent = home.agent().await;
    write(&agent, "reader", Some("mine")).await.unwrap();
    home.credentials("region = eu-central-1\n# a note\n[next]\naws_access_key_id = AKIAQQQQQQQQQQQQQQQQ\n");
    agent.stop(&name("reader")).await.unwrap();
    assert_eq!(file(&home).unwrap(), "[mine]\nregion = eu-central-1\n# a note\n[next]\naws_access_key_id = AKIAQQQQQQQQQQQQQQQQ\n");
}

#[tokio::test]
async fn a_plain_key_may_have_its_own_name_and_never_its_own_secret() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.hand_out_access_key(&name("key"), true).await.unwrap();
    write(&agent, "key", None).await.unwrap();
    let text = file(&home).unwrap();
    assert!(text.starts_with("[key]\naws_access_key_id = ASIA") && text.contains("aws_session_token = "), "the session, though the key may be handed out");
    assert!(!text.contains(home.ready.key.secret.expose()));
    // The section does not become the profile's source.
    assert!(agent.snapshot().borrow().profiles.iter().find(|view| view.name.as_str() == "key").unwrap().error.is_none());
    start(&agent, "key", None).await.unwrap();
    assert_eq!(home.count("GetSessionToken"), 1, "it resolves as before");
    // Connected too, the tools would differ in what they take.
    assert!(agent.connect(&name("key")).await.unwrap_err().hint.contains("--off"));
    agent.write_file_no_more(&name("key")).await.unwrap();
    assert_eq!(file(&home), None);
    agent.connect(&name("key")).await.unwrap();
    assert_eq!(write(&agent, "key", None).await.unwrap_err().code, Code::InvalidValue);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_can_read_is_closed_to_them_first() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new().await;
    home.credentials(FOREIGN);
    let path = home.paths().aws_credentials;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let agent = home.agent().await;
    write(&agent, "reader", Some("mine")).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_code_is_asked_for_like_everywhere() {
    let home = Home::new().await;
    let agent = home.agent().await;
    assert_eq!(write(&agent, "dev", Some("mine")).await.unwrap_err().code, Code::MfaCodeRequired);
    assert_eq!((file(&home), shown(&agent.snapshot().borrow(), "dev")), (None, None), "nothing was chosen yet");
    start(&agent, "dev", Some(home.code())).await.unwrap();
    write(&agent, "dev", Some("mine")).await.unwrap();
    assert_eq!(written(&home), Some(key_id(&agent, "dev").await.unwrap()));
}

#[tokio::test]
async fn locked_there_is_nothing_in_the_file() {
    let home = Home::new().await;
    home.credentials(FOREIGN);
    let agent = home.agent().await;
    write(&agent, "reader", Some("mine")).await.unwrap();
    let before = written(&home);
    agent.lock().await.unwrap();
    assert_eq!(file(&home).as_deref(), Some(FOREIGN));
    assert_eq!(write(&agent, "writer", Some("theirs")).await.unwrap_err().code, Code::Locked);
    agent.unlock(None).await.unwrap();
    until_shown(&agent, "reader", "it is back", |view| view.expiration.is_some()).await;
    assert_eq!(written(&home), before);
}

#[tokio::test]
async fn a_version_is_restored_without_what_was_written_then() {
    let home = Home::new().await;
    home.credentials("[plain]\naws_access_key_id=AKIAQQQQQQQQQQQQQQQQ\naws_secret_access_key=abc\n");
    let before = file(&home);
    let agent = home.agent().await;
    write(&agent, "reader", Some("old-tool")).await.unwrap();
    // An edit of the file, after which a version of it holds the temporary credentials.
    agent.connect(&name("plain")).await.unwrap();
    let restore = |number| FileEdit::Restore { file: AwsFile::Credentials, number };
    let versions: Vec<_> = agent.file_versions().await.unwrap().into_iter().filter(|version| version.file == AwsFile::Credentials).collect();
    let number = versions.last().expect("the edit kept one").number;
    // While it is written, it stands there again with what holds now.
    agent.edit_files(&restore(number)).await.unwrap();
    assert_eq!(written(&home), Some(key_id(&agent, "reader").await.unwrap()));
    agent.write_file_no_more(&name("reader")).await.unwrap();
    let made = agent.edit_files(&restore(number)).await.unwrap();
    assert_eq!((written(&home), file(&home)), (None, before), "nobody would take it out");
    assert!(made.skipped.iter().any(|skipped| skipped.profile == name("reader") && skipped.why.contains("temporary")), "{made:?}");
}
