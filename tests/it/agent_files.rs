//! Edits of the AWS files through the agent: shown first, several in one write, kept as sealed versions, and taken back.
//!
//! And what others change in the files is in the snapshot within a second.

use std::fs;

use stagedoor_core::{
    agent::{Agent, FileEdit, NewAccessKey, NewRole, run},
    error::Code,
    model::{
        access_key::{AccessKey, AccessKeyId},
        file_diff::DiffKind,
        profile::ProfileName,
        secret::Secret,
    },
    store::aws_files::edit::AwsFile,
};

use crate::agent_home::{Home, name, until};

fn connect(profiles: &[&str]) -> FileEdit {
    FileEdit::Connect { profiles: profiles.iter().map(|profile| name(profile)).collect(), access_key: false }
}

fn changed(diffs: &[stagedoor_core::model::file_diff::FileDiff]) -> String {
    let lines = diffs.iter().flat_map(|diff| &diff.lines);
    lines.fold(String::new(), |told, line| match line.kind {
        DiffKind::Added => format!("{told}+{}\n", line.text),
        DiffKind::Removed => format!("{told}-{}\n", line.text),
        DiffKind::Same | DiffKind::Gap => told,
    })
}

async fn versions(agent: &Agent, file: AwsFile) -> Vec<(u32, String, bool)> {
    let all = agent.file_versions().await.unwrap();
    all.into_iter().filter(|version| version.file == file).map(|version| (version.number, version.by, version.current)).collect()
}

#[tokio::test]
async fn what_is_shown_is_what_is_written() {
    let home = Home::new().await;
    home.config("\n[profile plain]\nrole_arn = arn:aws:iam::210987654321:role/r\nsource_profile = key\n");
    let (agent, before) = (home.agent().await, home.config_now());
    let shown = agent.preview(&connect(&["plain", "key"])).await.unwrap();
    assert_eq!(home.config_now(), before, "a preview writes nothing");
    let told = changed(&shown.diffs);
    assert!(told.contains("+credential_process = /opt/stagedoor/stagedoor credential-process plain\n"), "{told}");
    assert!(
        told.contains("-role_arn = arn:aws:iam::210987654321:role/r\n+stagedoor_role_arn = arn:aws:iam::210987654321:role/r\n")
            || told.contains("+stagedoor_role_arn"),
        "{told}"
    );
    let made = agent.edit_files(&connect(&["plain", "key"])).await.unwrap();
    assert_eq!(changed(&made.diffs), told);
    assert_eq!(versions(&agent, AwsFile::Config).await, [(2, "connect plain key".into(), true), (1, "as another program left it".into(), false)], "one write");
    // One that is not there: none of them is written.
    let now = home.config_now();
    let error = agent.edit_files(&connect(&["dev", "nobody"])).await.unwrap_err();
    assert_eq!((error.code, home.config_now()), (Code::MissingProfile, now));
    agent.edit_files(&FileEdit::DisconnectAll).await.unwrap();
    assert_eq!(home.config_now(), before);
}

#[tokio::test]
async fn all_that_can_be_connected_is_and_the_others_are_named() {
    let home = Home::new().await;
    home.config(
        "\n[profile sso]\nsso_start_url = https://a.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = R\n\
                 [profile lost]\nrole_arn = arn:aws:iam::210987654321:role/r\nsource_profile = nobody\n[profile tool]\ncredential_process = other\n",
    );
    let (agent, before) = (home.agent().await, home.config_now());
    agent.connect(&name("dev")).await.unwrap();
    let made = agent.edit_files(&FileEdit::ConnectAll).await.unwrap();
    let skipped: Vec<_> = made.skipped.iter().map(|skipped| skipped.profile.as_str()).collect();
    for profile in ["sso", "lost", "tool", "dev"] {
        assert!(skipped.contains(&profile), "{skipped:?}");
    }
    assert!(made.profiles.contains(&name("key")) && made.skipped.iter().all(|skipped| !skipped.why.is_empty()), "{made:?}");
    assert!(agent.edit_files(&FileEdit::ConnectAll).await.unwrap().diffs.is_empty());
    agent.edit_files(&FileEdit::DisconnectAll).await.unwrap();
    assert_eq!(home.config_now(), before);
}

#[tokio::test]
async fn what_stagedoor_cannot_serve_is_refused_by_name_too() {
    let home = Home::new().await;
    home.config(
        "\n[profile instance]\nrole_arn = arn:aws:iam::210987654321:role/r\ncredential_source = Ec2InstanceMetadata\n\
                 [profile above]\nrole_arn = arn:aws:iam::210987654321:role/r\nsource_profile = instance\n\
                 [profile token]\nrole_arn = arn:aws:iam::210987654321:role/r\nweb_identity_token_file = /nowhere\n\
                 [profile written]\naws_access_key_id = ASIA2STAGEDOOR00001\naws_secret_access_key = abc\naws_session_token = def\n\
                 [profile upon]\nrole_arn = arn:aws:iam::210987654321:role/r\nsource_profile = written\n",
    );
    let (agent, before) = (home.agent().await, home.config_now());
    let all = agent.preview(&FileEdit::ConnectAll).await.unwrap();
    for profile in ["instance", "above", "token", "written"] {
        let why = &all.skipped.iter().find(|skipped| skipped.profile.as_str() == profile).unwrap().why;
        for refused in [agent.connect(&name(profile)).await, agent.edit_files(&connect(&["key", profile])).await.map(drop)] {
            let error = refused.unwrap_err();
            assert!(error.code == Code::NotSupported && error.message == format!("{profile} is left as it is: {why}") && !error.hint.is_empty(), "{error:?}");
        }
    }
    assert_eq!(home.config_now(), before, "and nothing of the others is written");
    agent.connect(&name("upon")).await.unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_named_pipe_in_the_place_of_the_config_keeps_nobody_waiting() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let home = Home::new().await;
    let (config, text) = (home.paths().aws_config, home.config_now());
    fs::remove_file(&config).unwrap();
    mkfifoat(CWD, &config, Mode::RUSR | Mode::WUSR).unwrap();
    let agent = home.agent().await;
    let error = agent.connect(&name("key")).await.unwrap_err();
    assert!(error.message.contains("a named pipe") && error.hint.contains("regular file"), "{error:?}");
    until(&agent, "it says what is wrong", |shown| shown.problems.iter().any(|problem| problem.message.contains("a named pipe"))).await;
    fs::remove_file(&config).unwrap();
    home.config(&text);
    agent.connect(&name("key")).await.unwrap();
    agent.disconnect(&name("key")).await.unwrap();
    assert_eq!(home.config_now(), text);
}

#[tokio::test]
async fn a_new_profile_is_shown_as_it_will_be_written() {
    let home = Home::new().await;
    let (agent, before) = (home.agent().await, home.config_now());
    let id = AccessKeyId::parse("AKIA2STAGEDOOR00001").unwrap();
    let key = FileEdit::AddKey { profile: name("second"), access_key_id: id.clone(), region: Some("eu-west-1".into()), mfa_serial: None };
    let told = changed(&agent.preview(&key).await.unwrap().diffs);
    assert!(told.contains("+[profile second]\n+stagedoor_access_key_id = AKIA2STAGEDOOR00001\n+region = eu-west-1\n"), "{told}");
    assert_eq!(agent.edit_files(&key).await.unwrap_err().code, Code::InvalidValue, "the secret is not in it");
    assert_eq!(home.config_now(), before);
    let new = NewAccessKey {
        profile: name("second"),
        key: AccessKey { id, secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY") },
        region: Some("eu-west-1".into()),
        mfa_serial: None,
    };
    agent.add_access_key(new).await.unwrap();
    assert!(told.lines().all(|line| home.config_now().contains(&line[1..])));
    let role: NewRole = serde_json::from_value(serde_json::json!({
        "profile": "third", "role_arn": "arn:aws:iam::210987654321:role/r", "source_profile": "second", "mfa_serial": null, "external_id": null,
        "role_session_name": null, "duration": 3600, "region": null
    }))
    .unwrap();
    let before = home.config_now();
    let shown = agent.preview(&FileEdit::AddRole { role: role.clone() }).await.unwrap();
    assert_eq!(home.config_now(), before);
    let told = changed(&shown.diffs);
    assert!(told.contains("+[profile third]\n+role_arn = arn:aws:iam::210987654321:role/r\n+source_profile = second\n+duration_seconds = 3600\n"), "{told}");
    agent.edit_files(&FileEdit::AddRole { role: role.clone() }).await.unwrap();
    assert!(told.lines().all(|line| home.config_now().contains(&line[1..])));
    let again = agent.preview(&FileEdit::AddRole { role }).await.map(drop).unwrap_err();
    assert!(again.message.contains("already"), "{again:?}");
}

#[tokio::test]
async fn versions_are_sealed_bounded_and_can_be_gone_back_to() {
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let home = Home::new().await;
    let plain = format!("[old]\naws_access_key_id = AKIA2STAGEDOOR00001\naws_secret_access_key = {SECRET}\n");
    home.credentials(&plain);
    let agent = home.agent().await;
    agent.connect(&name("old")).await.unwrap();
    let shown = agent.version_diff(AwsFile::Credentials, 2, false).await.unwrap();
    assert!(changed(std::slice::from_ref(&shown)).contains("••••") && !format!("{shown:?}").contains(SECRET), "{shown:?}");
    // What somebody else wrote meanwhile is kept at the next edit.
    let theirs = fs::read_to_string(home.paths().aws_credentials).unwrap() + "# theirs\n";
    home.put(&home.paths().aws_credentials, theirs.as_bytes());
    agent.disconnect(&name("old")).await.unwrap();
    assert_eq!(fs::read_to_string(home.paths().aws_credentials).unwrap(), format!("{plain}# theirs\n"));
    let named: Vec<_> = versions(&agent, AwsFile::Credentials).await.into_iter().map(|(number, by, _)| (number, by)).collect();
    let expected = [(4, "disconnect old"), (3, "as another program left it"), (2, "connect old"), (1, "as another program left it")];
    assert_eq!(named, expected.map(|(number, by)| (number, by.to_owned())));
    // Back to the first one; what was there stays a version.
    let restore = FileEdit::Restore { file: AwsFile::Credentials, number: 1 };
    assert_eq!(changed(&agent.preview(&restore).await.unwrap().diffs), "-# theirs\n");
    agent.edit_files(&restore).await.unwrap();
    assert_eq!(fs::read_to_string(home.paths().aws_credentials).unwrap(), plain);
    let now = versions(&agent, AwsFile::Credentials).await;
    assert_eq!(now[0], (5, "restore of version 1".into(), true));
    let missing = FileEdit::Restore { file: AwsFile::Credentials, number: 77 };
    assert_eq!(agent.edit_files(&missing).await.unwrap_err().code, Code::InvalidValue);
    // Ten of each, and no secret on the disk but where the person has it.
    for _ in 0..8 {
        agent.connect(&name("old")).await.unwrap();
        agent.disconnect(&name("old")).await.unwrap();
    }
    let now = versions(&agent, AwsFile::Credentials).await;
    assert_eq!((now.len(), now[0].0), (10, 21));
    let mut sealed = 0;
    for folder in fs::read_dir(home.paths().data.join("versions")).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(8).any(|part| SECRET.as_bytes().starts_with(part)), "{}", path.display());
            #[cfg(unix)]
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, 0o600);
            sealed += 1;
        }
    }
    assert!(sealed > 10, "{sealed}");
    // Another agent with the same keychain reads them.
    let again = home.agent().await;
    assert_eq!(versions(&again, AwsFile::Credentials).await, now);
}

#[tokio::test]
async fn without_a_keychain_edits_are_made_and_versions_wait() {
    let home = Home::new().await;
    let agent = home.agent().await;
    home.keychain.lock();
    agent.connect(&name("dev")).await.unwrap();
    assert!(home.config_now().contains("credential-process dev"));
    assert!(agent.snapshot().borrow().problems.iter().any(|problem| problem.message.contains("versions")));
    assert_eq!(agent.file_versions().await.unwrap_err().code, Code::KeychainLocked);
    home.keychain.unlock();
    agent.disconnect(&name("dev")).await.unwrap();
    let named: Vec<_> = versions(&agent, AwsFile::Config).await.into_iter().map(|(number, by, _)| (number, by)).collect();
    assert_eq!(named, [(3, "disconnect dev".to_owned()), (2, "connect dev".into()), (1, "as another program left it".into())]);
    assert!(!agent.snapshot().borrow().problems.iter().any(|problem| problem.message.contains("versions")));
}

#[tokio::test]
async fn a_key_with_a_role_of_its_own_stays_the_source_of_others() {
    let home = Home::new().await;
    home.credentials("[both]\naws_access_key_id = AKIA2STAGEDOOR00001\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n");
    home.config(
        "\n[profile both]\nrole_arn = arn:aws:iam::210987654321:role/r\nsource_profile = both\n\
                 [profile user]\nrole_arn = arn:aws:iam::210987654321:role/u\nsource_profile = both\n",
    );
    let (agent, before) = (home.agent().await, home.config_now());
    let error = agent.connect(&name("both")).await.unwrap_err();
    assert!(error.message.contains("user") && error.hint.contains("connect both user"), "{error:?}");
    agent.edit_files(&connect(&["both", "user"])).await.unwrap();
    let error = agent.disconnect(&name("user")).await.unwrap_err();
    assert!(error.message.contains("both") && error.hint.contains("stagedoor disconnect both user"), "{error:?}");
    agent.edit_files(&FileEdit::Disconnect { profiles: ["both", "user"].map(ProfileName::new).into() }).await.unwrap();
    assert_eq!(home.config_now(), before);
}

#[tokio::test(start_paused = true)]
async fn what_others_change_is_in_the_snapshot_within_a_second() {
    let home = Home::new().await;
    let agent = home.agent().await;
    tokio::spawn(run(agent.clone()));
    for round in 0..5 {
        // At any moment between two looks.
        tokio::time::sleep(std::time::Duration::from_millis(137 * round)).await;
        let began = tokio::time::Instant::now();
        home.config(&format!("\n[profile by-hand-{round}]\nregion = eu-west-1\n"));
        until(&agent, "the new profile", |shown| shown.profiles.iter().any(|view| view.name.as_str() == format!("by-hand-{round}"))).await;
        // On the driven clock of the runtime: not how fast this machine is, but how often it looks.
        assert!(began.elapsed() < std::time::Duration::from_millis(500), "{:?}", began.elapsed());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn who_holds_the_folder_holds_up_neither_the_start_nor_an_edit_for_ever() {
    let home = Home::new().await;
    let other = fs::File::open(home.path(".aws")).unwrap();
    other.lock().unwrap();
    let patience = std::time::Duration::from_secs(30);
    let agent = tokio::time::timeout(patience, home.agent()).await.expect("it starts");
    tokio::time::timeout(patience, agent.connect(&name("dev"))).await.expect("it goes on").unwrap();
    assert!(home.config_now().contains("credential-process dev"));
    drop(other);
}
