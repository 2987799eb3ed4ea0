//! The doctor: what other tools fail over although Stagedoor does not, and passwords that are in nothing that it shows.
//!
//! Files that the AWS CLI refuses as a whole, programs and token files that are not there, endpoints, bundles and proxies of a terminal.

use stagedoor_core::{
    aws::{Environment, without_login},
    doctor,
    model::doctor::{DoctorReport, Finding, Level, VariableFinding},
};

use crate::agent_home::Home;

fn local(home: &Home, config: &str, variables: &[(&str, &str)]) -> DoctorReport {
    home.rewrite_config(config);
    doctor::local(&home.paths(), &Environment::new(variables.iter().copied()), &home.parts().program)
}

fn terminal(variables: &[(&str, &str)]) -> DoctorReport {
    let mut report = DoctorReport::default();
    doctor::terminal(&mut report, &owned(variables), None);
    report
}

fn owned(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn find(report: &DoctorReport, id: &str) -> Option<Finding> {
    report.findings.iter().find(|finding| finding.id == id).cloned()
}

#[tokio::test]
async fn a_file_that_the_aws_cli_refuses_is_a_problem() {
    let home = Home::new().await;
    for (config, says) in [
        ("[profile a]\nregion = x\n[profile a]\nregion = y\n", "over line 3: the section [profile a] is on line 1 already"),
        ("[profile a]\nregion = x\n[profile b\nregion = y\n", "over line 3: it begins a [section] and has no ]"),
    ] {
        let found = find(&local(&home, config, &[]), "file_refused").unwrap();
        assert!(found.level == Level::Problem && found.title.contains(says) && found.title.contains("~/.aws/config"), "{found:?}");
    }
    assert_eq!(find(&local(&home, "[profile a]\nregion = x\n", &[]), "file_refused"), None);
    let found = find(&local(&home, "[Profile cap]\nregion = x\n", &[]), "section_case").unwrap();
    assert_eq!(found.mend.as_deref(), Some("Write it as [profile cap]"));
}

#[tokio::test]
async fn a_program_and_a_token_that_are_not_there_are_problems() {
    let home = Home::new().await;
    let token = home.path("token");
    let config = format!(
        "[profile p]\ncredential_process = /no/such/program --x\n[profile own]\nrole_arn = arn:aws:iam::111122223333:role/R\nsource_profile = p\n\
         [profile w]\nrole_arn = arn:aws:iam::111122223333:role/R\nweb_identity_token_file = {}\n",
        token.display()
    );
    let report = local(&home, &config, &[]);
    let programs: Vec<_> = report.findings.iter().filter(|finding| finding.id == "process_missing").collect();
    assert!(programs.len() == 1 && programs[0].title.contains("/no/such/program") && programs[0].level == Level::Problem, "{programs:?}");
    assert!(find(&report, "token_missing").unwrap().title.contains("w needs a web identity token"));
    home.put(&token, b"x");
    let report = local(&home, &config.replace("/no/such/program", "/bin/sh"), &[]);
    assert_eq!((find(&report, "process_missing"), find(&report, "token_missing")), (None, None));
}

#[tokio::test]
async fn a_terminals_endpoint_bundle_and_proxy_are_looked_at() {
    let home = Home::new().await;
    for wrong in ["nonsense", "ftp://x", "localhost:1234"] {
        assert_eq!(find(&terminal(&[("AWS_ENDPOINT_URL", wrong)]), "endpoint_no_url").unwrap().level, Level::Problem, "{wrong}");
    }
    assert!(find(&local(&home, "", &[("AWS_ENDPOINT_URL_STS", "nonsense")]), "endpoint_no_url").unwrap().title.contains("of the agent"));
    assert_eq!(find(&terminal(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]), "endpoint_no_url"), None);

    let (bundle, id) = (home.path("bundle.pem"), "ca_bundle_in_terminal");
    let path = bundle.display().to_string();
    assert!(find(&terminal(&[("AWS_CA_BUNDLE", &path)]), id).unwrap().title.contains("cannot be read"));
    home.put(&bundle, b"not a certificate");
    assert!(find(&terminal(&[("AWS_CA_BUNDLE", &path)]), id).unwrap().title.contains("no certificate in PEM form"));
    home.put(&bundle, b"# x\n-----BEGIN CERTIFICATE-----\n");
    assert_eq!(find(&terminal(&[("AWS_CA_BUNDLE", &path)]), id), None);

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://me:hidden@{}", listener.local_addr().unwrap());
    let look = |theirs: &[VariableFinding]| {
        let mut report = DoctorReport::default();
        doctor::terminal_proxy(&mut report, &owned(&[("HTTPS_PROXY", &proxy)]), theirs);
        find(&report, "proxy_in_terminal")
    };
    assert_eq!(look(&[]), None);
    drop(listener);
    let found = look(&[]).unwrap();
    assert!(found.title.contains("does not answer") && !found.title.contains("hidden"), "{found:?}");
    let agents = VariableFinding { name: "HTTPS_PROXY".to_owned(), of: "agent".to_owned(), value: None };
    assert_eq!(look(&[agents]), None, "the agent has it too, and says so itself");
}

#[tokio::test]
async fn no_password_of_a_url_is_shown() {
    let home = Home::new().await;
    let (name, value) = ("AWS_ENDPOINT_URL", "https://ada:hunter2@sts.example:8443/x");
    for report in [terminal(&[(name, value)]), local(&home, "", &[(name, value)]), terminal(&[(name, "ada:hunter2@nowhere")])] {
        assert!(!serde_json::to_string(&report).unwrap().contains("hunter2") && report.variables.len() == 1, "{report:?}");
    }
    for (value, shown) in [
        (value, "https://***@sts.example:8443/x"),
        ("http://a:b/c@d@host", "http://***@host"),
        ("http://host:1/path", "http://host:1/path"),
        ("a:b@host:1", "***@host:1"),
        ("/home/ada/.aws/config", "/home/ada/.aws/config"),
    ] {
        assert_eq!(without_login(value), shown);
    }
}

#[tokio::test]
async fn an_endpoint_is_told_with_its_port_and_a_bad_bundle_once() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let port = home.tap.endpoint().rsplit(':').next().unwrap().trim_end_matches('/').to_owned();
    assert!(find(&agent.doctor().await, "endpoint").unwrap().title.contains(&format!(":{port} answers")));
    let config = home.config_now().replace("region =", "ca_bundle = /no/such/bundle.pem\nregion =");
    home.rewrite_config(&config);
    let report = agent.doctor().await;
    let about: Vec<_> = report.findings.iter().filter(|finding| finding.title.contains("bundle.pem")).collect();
    assert_eq!(about.len(), 1, "{about:#?}");
}

#[tokio::test]
async fn where_the_vault_counts_the_vault_is_named() {
    let home = Home::new().await;
    let agent = home.agent().await;
    agent.create_vault(stagedoor_core::model::secret::Secret::new("correct horse battery staple")).await.unwrap();
    agent.migrate(stagedoor_core::model::lock::SecretsPlace::Vault, None, false).await.unwrap();
    let report = agent.doctor().await;
    let lines = report.profiles.iter().filter_map(|profile| profile.resolves.as_deref()).collect::<Vec<_>>().join("\n");
    assert!(lines.contains("in the vault") && !lines.contains("keychain"), "{lines}");
}
