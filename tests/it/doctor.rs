//! The doctor: each thing that can be wrong is made wrong, is found with its mend, and is no longer found once it is mended.
//!
//! In process: what needs no agent by `doctor::local`, the rest by an agent against the practice account on a driven clock. The words
//! are tried in `tests/acceptance`, with the real program in broken homes.

use std::fs;

use stagedoor_core::{
    agent::Agent,
    aws::Environment,
    doctor,
    model::{
        doctor::{DoctorReport, Finding, Level, Mending},
        params::MfaSerial,
    },
    store::aws_files::AwsFiles,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::agent_home::{Home, name};

/// A home with these two files, and no agent.
async fn files(config: &str, credentials: &str) -> Home {
    let home = Home::new().await;
    let paths = home.paths();
    home.put(&paths.aws_config, config.as_bytes());
    home.put(&paths.aws_credentials, credentials.as_bytes());
    #[cfg(unix)]
    for path in [&paths.aws_config, &paths.aws_credentials] {
        mode(path, 0o600);
    }
    home
}

#[cfg(unix)]
fn mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

fn local(home: &Home) -> DoctorReport {
    doctor::local(&home.paths(), &Environment::default(), &home.parts().program)
}

fn all<'a>(report: &'a DoctorReport, id: &str) -> Vec<&'a Finding> {
    report.findings.iter().filter(|finding| finding.id == id).collect()
}

#[track_caller]
fn one<'a>(report: &'a DoctorReport, id: &str) -> &'a Finding {
    match all(report, id).as_slice() {
        [one] => one,
        others => panic!("{id}: {} findings in {:#?}", others.len(), report.findings),
    }
}

#[track_caller]
fn none(report: &DoctorReport, id: &str) {
    assert_eq!(all(report, id), Vec::<&Finding>::new());
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn key(profile: &str) -> String {
    format!("[{profile}]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n")
}

#[tokio::test]
async fn what_a_profile_resolves_to_is_told_with_its_lines() {
    let config = "[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = base\nregion = eu-west-1\nregion = eu-west-2\n\
                  [profile lost]\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = gone\n\
                  [profile two]\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = base\ncredential_process = /bin/x\n[profile empty]\nregion = x\n";
    let home = files(config, &key("base")).await;
    let report = local(&home);
    let of = |profile: &str| report.profiles.iter().find(|found| found.profile == profile).unwrap();
    assert_eq!(of("dev").resolves.as_deref(), Some("The role Dev of 123456789012, with the access key AKIAIOSFODNN7EXAMPLE in a file"));
    let (config, credentials) = ("~/.aws/config", "~/.aws/credentials");
    assert_eq!(
        of("dev").because,
        [
            format!("role_arn on line 2 of {config}, profile dev: arn:aws:iam::123456789012:role/Dev"),
            format!("source_profile on line 3 of {config}, profile dev: base"),
            format!("aws_access_key_id on line 2 of {credentials}, profile base: AKIAIOSFODNN7EXAMPLE"),
            format!("aws_secret_access_key on line 3 of {credentials}, profile base: a secret, in plain text"),
            format!("region on line 4 of {config} does not count: line 5 of {config} does"),
        ]
    );
    assert_eq!((of("lost").resolves.clone(), of("lost").error.is_some()), (None, true));
    assert!(
        of("two").because.iter().any(|line| line.starts_with("credential_process on line 12") && line.contains("does not count: role_arn")),
        "{:?}",
        of("two")
    );
    assert_eq!(one(&report, "profile_unresolved").level, Level::Problem);
    assert!(one(&report, "profile_unresolved").title.contains("lost"), "a section of settings alone is no problem");
    assert!(!serde_json::to_string(&report).unwrap().contains(SECRET));
}

#[tokio::test]
async fn aws_tools_that_disagree_are_told() {
    let home = files("[profile a]\ncredential_process = /bin/x\n", &key("a")).await;
    let finding = one(&local(&home), "tools_disagree").clone();
    assert!(finding.detail.unwrap().contains("boto3 take aws_access_key_id on line 2 of ~/.aws/credentials"));
    home.put(&home.paths().aws_credentials, b"");
    none(&local(&home), "tools_disagree");
}

#[tokio::test]
#[cfg(unix)]
async fn files_that_others_reach_are_found_and_closed() {
    let home = files("[default]\nregion = eu-west-1\n", &key("default")).await;
    let (paths, agent) = (home.paths(), home.agent().await);
    for (path, wrong, id) in [
        (&paths.aws_credentials, 0o644, "readable_by_others"),
        (&paths.aws_config, 0o666, "writable_by_others"),
        (&paths.aws_credentials, 0o620, "writable_by_others"),
        (&paths.data, 0o755, "opened_up"),
    ] {
        stagedoor_core::store::files::private_folder(&paths.data).unwrap();
        let before = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777;
        assert_eq!(before & 0o077, 0);
        mode(path, wrong);
        let report = local(&home);
        let finding = all(&report, id).into_iter().next().unwrap_or_else(|| panic!("{id} {report:#?}"));
        assert!(finding.mend.as_ref().unwrap().starts_with("chmod "), "{finding:?}");
        agent.mend(finding.action.as_ref().unwrap()).await.unwrap();
        none(&local(&home), id);
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, before);
    }
    // A config file without secrets may be read.
    mode(&paths.aws_config, 0o644);
    none(&local(&home), "readable_by_others");
    // Nothing else is touched at anybody's word.
    let other = home.path("other");
    home.put(&other, b"x");
    mode(&other, 0o644);
    assert!(agent.mend(&Mending::MakePrivate { path: other.display().to_string() }).await.is_err());
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&other.metadata().unwrap().permissions()) & 0o777, 0o644);
}

#[tokio::test]
#[cfg(unix)]
async fn links_are_followed_and_those_that_lead_nowhere_are_told() {
    let home = files("", "").await;
    let paths = home.paths();
    fs::rename(&paths.aws_config, home.path("dotfiles")).unwrap();
    std::os::unix::fs::symlink(home.path("dotfiles"), &paths.aws_config).unwrap();
    let report = local(&home);
    none(&report, "link_leads_nowhere");
    assert_eq!(report.files.iter().find(|file| file.path == "~/.aws/config").unwrap().link.as_deref(), Some("~/dotfiles"));
    fs::remove_file(home.path("dotfiles")).unwrap();
    assert!(one(&local(&home), "link_leads_nowhere").title.contains("~/dotfiles"));
    fs::remove_file(&paths.aws_config).unwrap();
    fs::create_dir(&paths.aws_config).unwrap();
    assert_eq!(one(&local(&home), "file_unreadable").level, Level::Problem);
}

#[tokio::test]
async fn broken_lines_and_missing_files_are_told() {
    let home = files("[profile a]\nregion\n", "").await;
    assert!(one(&local(&home), "line_broken").title.contains("Line 2"));
    for path in [home.paths().aws_config, home.paths().aws_credentials] {
        fs::remove_file(path).unwrap();
    }
    let report = local(&home);
    assert_eq!((one(&report, "no_files").level, report.profiles.len(), report.has_problem()), (Level::Info, 0, false));
}

#[tokio::test]
async fn a_hundred_findings_of_one_kind_are_counted() {
    let keys: String = (0..100).map(|n| key(&format!("p{n}"))).collect();
    let home = files("", &keys).await;
    let report = local(&home);
    let found = all(&report, "plaintext_key");
    assert_eq!((found.len(), found[25].title.as_str(), report.profiles.len()), (26, "75 more of the same kind", 100));
}

#[tokio::test]
async fn a_plaintext_key_is_found_and_moved() {
    let home = Home::new().await;
    let config = home.config_now().replace("stagedoor_access_key_id", "aws_access_key_id");
    home.rewrite_config(&config.replacen("\n\n", &format!("\naws_secret_access_key = {}\n\n", home.ready.key.secret.expose()), 1));
    let agent = home.agent().await;
    let report = agent.doctor().await;
    agent.mend(one(&report, "plaintext_key").action.as_ref().unwrap()).await.unwrap();
    none(&agent.doctor().await, "plaintext_key");
}

#[tokio::test]
async fn a_connected_profile_that_tools_do_not_ask_us_for_is_found_and_mended() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.connect(&name("reader")).await.unwrap();
    let moved = agent.doctor().await;
    assert!(one(&moved, "program_moved").title.contains("/opt/stagedoor/stagedoor"));
    // Another tool adds what wins.
    home.rewrite_config(&home.config_now().replace("credential_process", "role_arn = arn:aws:iam::123456789012:role/X\ncredential_process"));
    let report = agent.doctor().await;
    let finding = one(&report, "connected_beaten");
    assert!(finding.detail.as_ref().unwrap().contains("role_arn on line"), "{finding:?}");
    agent.mend(finding.action.as_ref().unwrap()).await.unwrap();
    none(&agent.doctor().await, "connected_beaten");
}

#[tokio::test]
async fn the_keychain_is_asked_for_what_the_profiles_need() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let report = agent.doctor().await;
    assert!(one(&report, "keychain").title.contains("the entry that is needed is there"), "{report:#?}");
    let serial = MfaSerial::parse("arn:aws:iam::123456789012:mfa/phone").unwrap();
    agent.add_totp_seed(&serial, home.ready.mfa_seed.clone()).await.unwrap();
    home.keys().delete_totp_seed(&serial).await.unwrap();
    home.keys().delete_access_key(&home.ready.key.id).await.unwrap();
    let report = agent.doctor().await;
    assert!(one(&report, "key_missing").mend.as_ref().unwrap().ends_with("stagedoor keys add key"));
    assert_eq!(one(&report, "seed_missing").level, Level::Warning);
    none(&report, "keychain");
    for (mood, id) in [(0, "keychain_locked"), (1, "keychain_absent"), (2, "keychain_refused")] {
        match mood {
            0 => home.keychain.lock(),
            1 => home.keychain.absent(),
            _ => home.keychain.refuse(),
        }
        let report = agent.doctor().await;
        assert_eq!((one(&report, id).level, one(&report, id).mend.is_some()), (Level::Problem, true));
    }
    home.keychain.unlock();
    home.keys().put_access_key(&home.ready.key).await.unwrap();
    home.keys().put_totp_seed(&serial, &home.ready.mfa_seed).await.unwrap();
    one(&agent.doctor().await, "keychain");
}

/// An endpoint that answers everybody with this `Date`; its URL.
async fn endpoint(date: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(format!("HTTP/1.1 302 Found\r\nDate: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes()).await;
        }
    });
    url
}

async fn at(agent: &Agent, home: &Home, url: &str) -> DoctorReport {
    home.rewrite_config(&format!("[profile a]\nstagedoor_access_key_id = {}\nregion = eu-west-1\nendpoint_url = {url}\n", home.ready.key.id));
    agent.doctor().await
}

#[tokio::test]
async fn the_endpoint_and_its_clock_are_asked() {
    let home = Home::new().await;
    let agent = home.agent().await;
    // The driven clock shows 09:00.
    for (date, level, says) in [
        ("Mon, 23 Nov 2026 09:00:00 GMT", Level::Ok, "agrees"),
        ("Mon, 23 Nov 2026 08:58:00 GMT", Level::Warning, "2 minutes fast"),
        ("Mon, 23 Nov 2026 12:00:30 GMT", Level::Problem, "3 hours slow"),
    ] {
        let report = at(&agent, &home, &endpoint(date).await).await;
        assert_eq!(one(&report, "endpoint").level, Level::Ok);
        let clock = report.findings.iter().find(|finding| finding.about == "clock").unwrap();
        assert!(clock.level == level && clock.title.contains(says), "{clock:?}");
    }
    // Offline: nobody listens there.
    let report = at(&agent, &home, "http://127.0.0.1:9").await;
    assert_eq!(one(&report, "endpoint_unreachable").level, Level::Problem);
    assert!(one(&report, "endpoint_unreachable").detail.as_ref().unwrap().contains("profile a"));
    // Silence: it has its deadline.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let report = at(&agent, &home, &url).await;
    assert!(one(&report, "endpoint_unreachable").title.contains("did not answer within 4 seconds"));
}

#[tokio::test]
#[cfg(unix)]
async fn the_socket_is_looked_at() {
    let home = Home::new().await;
    let paths = home.paths();
    let report = local(&home);
    none(&report, "socket");
    stagedoor_core::store::files::private_folder(&paths.runtime).unwrap();
    let _listener = stagedoor_core::agent::socket::Listener::bind(&paths).unwrap();
    assert_eq!(one(&local(&home), "socket").level, Level::Ok);
    mode(&paths.socket(), 0o666);
    let agent = home.agent().await;
    agent.mend(one(&local(&home), "socket_open").action.as_ref().unwrap()).await.unwrap();
    one(&local(&home), "socket");
    fs::remove_file(paths.socket()).unwrap();
    home.put(&paths.socket(), b"");
    assert_eq!(one(&local(&home), "socket_is_none").level, Level::Problem);
    fs::remove_dir_all(&paths.runtime).unwrap();
    home.put(&paths.runtime, b"in the way");
    assert!(one(&local(&home), "socket_folder").title.contains("is no folder"));
}

#[tokio::test]
async fn what_other_tools_keep_is_told() {
    let home = files("", "").await;
    none(&local(&home), "aws_cli_cache");
    let cache = home.path(".aws/cli/cache");
    fs::create_dir_all(&cache).unwrap();
    home.put(&cache.join("0123.json"), b"{}");
    assert!(one(&local(&home), "aws_cli_cache").title.contains("keeps role sessions in ~/.aws/cli/cache (1)"));
}

#[tokio::test]
async fn a_terminals_variables_are_told_without_their_secrets() {
    let home = files("[profile a]\nregion = x\n", "").await;
    let files = AwsFiles::read(&home.paths()).unwrap();
    let look = |variables: &[(&str, &str)]| {
        let mut report = DoctorReport::default();
        let variables: Vec<_> = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        doctor::terminal(&mut report, &variables, Some(&files));
        report
    };
    let report = look(&[
        ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_PROFILE", "a"),
        ("HTTPS_PROXY", "http://me:hidden@proxy:3128"),
        ("HOME", "/home/me"),
    ]);
    assert_eq!(one(&report, "credentials_in_terminal").mend.as_deref(), Some("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY"));
    assert_eq!(one(&report, "profile_in_terminal").level, Level::Info);
    let told = serde_json::to_string(&report).unwrap();
    assert!(!told.contains(SECRET) && !told.contains("hidden") && !told.contains("HOME") && report.variables.len() == 4, "{told}");
    assert_eq!(one(&look(&[("AWS_PROFILE", "b")]), "no_such_profile_in_terminal").level, Level::Problem);
    assert_eq!(one(&look(&[("AWS_SESSION_TOKEN", "x")]), "half_credentials_in_terminal").level, Level::Warning);
    assert_eq!(one(&look(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/")]), "endpoint_in_terminal").level, Level::Info);
    assert_eq!(look(&[("AWS_PROFILE", "")]), DoctorReport::default());
}
