//! Leases against the practice account: what is sent, what the narrowed session may really do, how long it lasts, how it ends.
//!
//! The denials are the practice account's own, decided by the policies that were sent with the call. Nothing of a lease may leak
//! into its profile's session, or the other way round.

use aws_sdk_iam::error::ProvideErrorMetadata;
use stagedoor_core::{
    agent::{Agent, Asker},
    aws::{Aws, Environment},
    error::{Code, Result},
    model::{
        arn::Partition,
        lease::{LeaseRequest, LeaseView, Narrowing},
        params::{SessionDuration, SessionTag, SourceIdentity},
    },
    store::aws_files::AwsFiles,
};
use time::Duration;

use crate::{
    agent_home::{BEGIN, Home, key_id, name, session, start, until},
    agent_tap::Line,
};

pub(crate) fn request(profile: &str, narrowing: Narrowing, minutes: u32) -> LeaseRequest {
    LeaseRequest {
        profile: name(profile),
        narrowing,
        tags: Vec::new(),
        source_identity: None,
        duration: SessionDuration::from_seconds(minutes * 60).unwrap(),
        name: None,
        program: Some("terraform".to_owned()),
    }
}

fn policy(text: &str) -> Narrowing {
    Narrowing::Policy { text: text.to_owned() }
}

pub(crate) async fn lease(agent: &Agent, request: LeaseRequest) -> Result<LeaseView> {
    agent.lease(request, None, &Asker::stagedoor()).await
}

pub(crate) async fn leased_id(agent: &Agent, lease: &str) -> Result<String> {
    let document = agent.lease_document(lease, &Asker::stagedoor()).await?;
    Ok(serde_json::from_str::<serde_json::Value>(document.expose()).unwrap()["AccessKeyId"].as_str().unwrap().to_owned())
}

/// Clients that sign with a lease's credentials.
pub(crate) async fn clients(home: &Home, agent: &Agent, lease: &str) -> (aws_sdk_iam::Client, aws_sdk_sts::Client) {
    let handed = agent.lease_for_child(lease, &Asker::stagedoor()).await.unwrap();
    let token = handed.session_token.as_ref().map(|token| token.expose().to_owned());
    let credentials = aws_credential_types::Credentials::new(handed.access_key_id.as_str(), handed.secret_access_key.expose(), token, None, "lease");
    let aws = Aws::new(home.clock.clone(), Environment::default());
    let config = aws.config(&AwsFiles::read(&home.paths()).unwrap(), "key", Partition::Aws).await;
    let endpoint = home.tap.endpoint();
    (
        aws_sdk_iam::Client::from_conf(aws_sdk_iam::config::Builder::from(&config).endpoint_url(&endpoint).credentials_provider(credentials.clone()).build()),
        aws_sdk_sts::Client::from_conf(aws_sdk_sts::config::Builder::from(&config).endpoint_url(&endpoint).credentials_provider(credentials).build()),
    )
}

/// A role that may do everything, or what `policy` says, and a profile of its name.
pub(crate) async fn role(home: &Home, role: &str, actions: &str, policy: &str, more: &str) {
    let iam = home.iam().await;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{}:root"}},"Action":{actions}}}]}}"#,
        home.ready.account_id
    );
    iam.create_role().role_name(role).assume_role_policy_document(&trust).max_session_duration(7200).send().await.unwrap();
    iam.put_role_policy().role_name(role).policy_name("All").policy_document(policy).send().await.unwrap();
    home.role(&role.to_lowercase(), role, "key", more);
}

pub(crate) const EVERYTHING: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
pub(crate) const ASSUME: &str = r#""sts:AssumeRole""#;

#[tokio::test]
async fn a_lease_is_an_assume_role_of_its_own_with_all_that_narrows_it() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let of_profile = key_id(&agent, "reader").await.unwrap();
    let mut wanted = request("reader", Narrowing::NoIam, 30);
    wanted.tags = vec![SessionTag::parse("team=blue/green").unwrap()];
    wanted.source_identity = Some(SourceIdentity::parse("ada").unwrap());
    let made = lease(&agent, wanted).await.unwrap();
    let [_, seen] = &home.tap.seen("AssumeRole")[..] else { panic!("the profile's and the lease's") };
    let shown = made.policy.as_deref().unwrap();
    for (parameter, value) in
        [("Policy", shown), ("DurationSeconds", "1800"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue/green"), ("SourceIdentity", "ada")]
    {
        assert_eq!(seen.get(parameter), Some(value), "{parameter}");
    }
    assert!(seen.0.keys().all(|key| !key.starts_with("Transitive") && !key.starts_with("PolicyArns")), "{seen:?}");
    let of_lease = leased_id(&agent, &made.id).await.unwrap();
    assert_ne!(of_lease, of_profile);
    assert_eq!(key_id(&agent, "reader").await.unwrap(), of_profile, "the profile's session is what it was");
    assert_eq!((made.ends, made.expiration), (BEGIN + Duration::minutes(30), Some(BEGIN + Duration::minutes(30))));
    assert_eq!(made.program.as_deref(), Some("terraform"));

    // Stopping the profile leaves the lease, and the other way round.
    agent.stop(&name("reader")).await.unwrap();
    assert_eq!(leased_id(&agent, &made.id).await.unwrap(), of_lease);
    let snapshot = until(&agent, "it is listed", |snapshot| snapshot.leases.iter().any(|lease| lease.handed == 2)).await;
    let lines: Vec<_> = snapshot.profiles.iter().find(|view| view.name.as_str() == "reader").unwrap().activity.iter().map(|line| &*line.what).collect();
    assert!(lines.contains(&&*format!("lease {}, credential_process", made.name)) && lines.contains(&&*format!("lease {}", made.name)), "{lines:?}");
}

#[tokio::test]
async fn what_is_outside_the_lease_is_really_denied() {
    let home = Home::new().await;
    role(&home, "Admin", ASSUME, EVERYTHING, "").await;
    let agent = home.agent().await;

    let no_iam = lease(&agent, request("admin", Narrowing::NoIam, 15)).await.unwrap();
    let (iam, sts) = clients(&home, &agent, &no_iam.id).await;
    let denied = iam.list_users().send().await.unwrap_err();
    assert!(denied.message().is_some_and(|message| message.contains("explicit deny in a session policy")), "{denied:?}");
    let become_other = sts.assume_role().role_arn(format!("arn:aws:iam::{}:role/Reader", home.ready.account_id)).role_session_name("other").send().await;
    assert_eq!(become_other.unwrap_err().code(), Some("AccessDenied"));
    assert!(sts.get_caller_identity().send().await.unwrap().arn.unwrap().contains("assumed-role/Admin/"));

    let read_only = lease(&agent, request("admin", Narrowing::ReadOnly, 15)).await.unwrap();
    let (iam, _) = clients(&home, &agent, &read_only.id).await;
    assert!(!iam.list_roles().send().await.unwrap().roles.is_empty());
    let denied = iam.create_user().user_name("mallory").send().await.unwrap_err();
    assert!(denied.message().is_some_and(|message| message.contains("no session policy allows the iam:CreateUser action")), "{denied:?}");

    let own = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}"#;
    let own = lease(&agent, request("admin", policy(own), 15)).await.unwrap();
    let (iam, _) = clients(&home, &agent, &own.id).await;
    iam.get_user().user_name(&home.ready.user_name).send().await.unwrap();
    assert_eq!(iam.list_users().send().await.unwrap_err().code(), Some("AccessDenied"));

    // The profile itself may do all of it still.
    let of_profile = agent.for_child(&name("admin"), &Asker::stagedoor()).await.unwrap();
    assert!(agent.leases().iter().all(|lease| lease.access_key_id.as_ref() != Some(&of_profile.access_key_id)));
}

#[tokio::test]
async fn tags_and_source_identity_arrive_where_the_role_lets_them() {
    let home = Home::new().await;
    let tagged = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue","aws:SourceIdentity":"ada"}}}]}"#;
    role(&home, "Tagged", r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#, tagged, "").await;
    role(&home, "Plain", ASSUME, EVERYTHING, "").await;
    let agent = home.agent().await;
    let with = |profile: &str, identity: Option<&str>| LeaseRequest {
        tags: vec![SessionTag::parse("team=blue").unwrap()],
        source_identity: identity.map(|identity| SourceIdentity::parse(identity).unwrap()),
        ..request(profile, Narrowing::TagsOnly, 15)
    };
    let both = lease(&agent, with("tagged", Some("ada"))).await.unwrap();
    clients(&home, &agent, &both.id).await.0.list_users().send().await.expect("both conditions hold");
    let one = lease(&agent, with("tagged", None)).await.unwrap();
    assert_eq!(clients(&home, &agent, &one.id).await.0.list_users().send().await.unwrap_err().code(), Some("AccessDenied"));
    let refused = lease(&agent, with("plain", None)).await.unwrap_err();
    assert!(refused.message.contains("sts:TagSession") && refused.hint.contains("trust policy"), "{refused:?}");
    assert_eq!(agent.leases().len(), 2, "what was refused is not listed");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_any_call() {
    let home = Home::new().await;
    home.role("own", "Reader", "key", r#"stagedoor_session_policy = {"Version":"2012-10-17","Statement":[]}"#);
    home.role("tags", "Reader", "key", "session_tags = team=red");
    home.config(&format!("\n[profile process]\ncredential_process = /bin/true\n{}", home.common()));
    let agent = home.agent().await;
    let tag = || vec![SessionTag::parse("Team=blue").unwrap()];
    let bucket = |bucket: &str| Narrowing::Bucket { bucket: bucket.to_owned(), read_only: true };
    for (wrong, says) in [
        (request("reader", Narrowing::TagsOnly, 15), "narrower than the profile"),
        (request("reader", policy("{"), 15), "invalid Json"),
        (request("reader", bucket("s3://x"), 15), "bucket name"),
        (request("own", Narrowing::ReadOnly, 15), "session policy of its own"),
        (LeaseRequest { tags: tag(), ..request("tags", Narrowing::NoIam, 15) }, "sets the session tag"),
        (request("process", Narrowing::NoIam, 15), "nothing whose session could be narrowed"),
        (LeaseRequest { source_identity: Some(SourceIdentity::parse("ada").unwrap()), ..request("key", Narrowing::NoIam, 15) }, "plain access key"),
        (request("absent", Narrowing::NoIam, 15), "absent"),
    ] {
        let error = lease(&agent, wrong).await.unwrap_err();
        assert!(error.message.contains(says), "{error:?}");
    }
    let named = || LeaseRequest { name: Some("ci".to_owned()), ..request("reader", Narrowing::NoIam, 15) };
    lease(&agent, named()).await.unwrap();
    assert!(lease(&agent, named()).await.unwrap_err().message.contains("already"));
    assert_eq!(home.tap.total(), 1, "one call, for the one that makes sense");
}

#[tokio::test]
async fn a_plain_key_is_leased_through_get_federation_token() {
    let home = Home::new().await;
    let (id, serial, common) = (home.ready.key.id.as_str(), home.ready.mfa_serial.as_str(), home.common());
    home.config(&format!("\n[profile guarded]\nstagedoor_access_key_id = {id}\nmfa_serial = {serial}\n{common}"));
    let agent = home.agent().await;
    let made = lease(&agent, LeaseRequest { tags: vec![SessionTag::parse("team=blue").unwrap()], ..request("key", Narrowing::NoIam, 240) }).await.unwrap();
    let [seen] = &home.tap.seen("GetFederationToken")[..] else { panic!("one call") };
    assert_eq!((seen.get("Name"), seen.get("DurationSeconds"), seen.get("Policy")), (Some("terraform"), Some("14400"), made.policy.as_deref()));
    assert_eq!((seen.get("Tags.member.1.Key"), home.tap.total()), (Some("team"), 1));
    assert_eq!(made.ends, BEGIN + Duration::hours(4));
    let (iam, sts) = clients(&home, &agent, &made.id).await;
    assert!(iam.list_users().send().await.is_err(), "such credentials call no IAM");
    assert!(sts.get_caller_identity().send().await.unwrap().arn.unwrap().ends_with("federated-user/terraform"));
    let read_only = lease(&agent, request("key", Narrowing::ReadOnly, 15)).await.unwrap();
    let seen = home.tap.seen("GetFederationToken").remove(1);
    assert_eq!((seen.get("Policy"), seen.get("PolicyArns.member.1.arn")), (None, read_only.policy_arns.first().map(String::as_str)));

    // A device on the profile is asked for, although this call cannot take its code.
    let wanted = || request("guarded", Narrowing::NoIam, 15);
    assert_eq!(lease(&agent, wanted()).await.unwrap_err().code, Code::MfaCodeRequired);
    agent.lease(wanted(), Some(home.code()), &Asker::stagedoor()).await.unwrap();
    assert_eq!((home.tap.seen("GetSessionToken").len(), home.tap.seen("GetFederationToken").len()), (1, 3));
}

#[tokio::test]
async fn a_code_is_given_once_for_the_profile_and_its_leases() {
    let home = Home::new().await;
    let agent = home.agent().await;
    assert_eq!(lease(&agent, request("dev", Narrowing::NoIam, 120)).await.unwrap_err().code, Code::MfaCodeRequired);
    let made = agent.lease(request("dev", Narrowing::NoIam, 120), Some(home.code()), &Asker::stagedoor()).await.unwrap();
    assert_eq!(session(&agent.snapshot().borrow(), "dev"), None, "the lease started no session of the profile");
    start(&agent, "dev", None).await.unwrap();
    lease(&agent, request("ops", Narrowing::ReadOnly, 15)).await.unwrap();
    assert_eq!((home.count("GetSessionToken"), home.count("AssumeRole")), (1, 3));
    assert_eq!(home.tap.seen("AssumeRole")[0].get("DurationSeconds"), Some("3600"), "behind an MFA session AWS gives an hour");
    assert_eq!((made.ends, made.expiration), (BEGIN + Duration::hours(2), Some(BEGIN + Duration::hours(1))));
}

#[tokio::test]
async fn within_its_time_it_is_renewed_with_the_same_narrowing_and_never_beyond() {
    let home = Home::new().await;
    home.role("second", "Second", "reader", "");
    let agent = home.agent().await;
    let made = lease(&agent, request("second", Narrowing::NoIam, 90)).await.unwrap();
    let first = leased_id(&agent, &made.id).await.unwrap();
    home.advance(Duration::minutes(45));
    let renewed = |snapshot: &stagedoor_core::model::snapshot::Snapshot| snapshot.leases.iter().any(|lease| lease.expiration == Some(made.ends));
    until(&agent, "it is renewed by itself", renewed).await;
    let second = leased_id(&agent, &made.id).await.unwrap();
    assert_ne!(second, first);
    let of_lease: Vec<_> = home.tap.seen("AssumeRole").into_iter().filter(|seen| seen.get("RoleArn").is_some_and(|arn| arn.ends_with("Second"))).collect();
    let durations: Vec<_> = of_lease.iter().map(|seen| seen.get("DurationSeconds").unwrap()).collect();
    assert_eq!(durations, ["3600", "2700"]);
    assert!(of_lease.iter().all(|seen| seen.get("Policy") == made.policy.as_deref()), "narrowed alike");
    home.advance(Duration::minutes(44));
    assert_eq!(leased_id(&agent, &made.id).await.unwrap(), second);
    let asked = home.tap.total();
    home.advance(Duration::minutes(1));
    let error = leased_id(&agent, &made.id).await.unwrap_err();
    assert_eq!(error.code, Code::NoCredentials, "{error:?}");
    let snapshot = until(&agent, "it is gone", |snapshot| snapshot.leases.is_empty()).await;
    let lines = &snapshot.profiles.iter().find(|view| view.name.as_str() == "second").unwrap().activity;
    assert!(lines.iter().any(|line| line.how == "ended"), "{lines:?}");
    assert_eq!(home.tap.total(), asked);
}

#[tokio::test]
async fn a_renewal_that_fails_keeps_what_holds_and_hands_out_nothing_expired() {
    let home = Home::new().await;
    home.role("second", "Second", "reader", "");
    let agent = home.agent().await;
    let made = lease(&agent, request("second", Narrowing::NoIam, 120)).await.unwrap();
    let first = leased_id(&agent, &made.id).await.unwrap();
    home.tap.becomes(Line::Page(503, "text/html", "<html>away</html>"));
    home.advance(Duration::minutes(50));
    let failed = until(&agent, "it says why", |snapshot| snapshot.leases.iter().any(|lease| lease.error.is_some())).await;
    assert_eq!(failed.leases[0].error.as_ref().unwrap().code, Code::AwsUnreachable);
    assert_eq!(leased_id(&agent, &made.id).await.unwrap(), first);
    home.advance(Duration::minutes(10));
    assert_eq!(leased_id(&agent, &made.id).await.unwrap_err().code, Code::AwsUnreachable);
    home.tap.becomes(Line::Through);
    home.advance(Duration::minutes(1));
    assert_ne!(leased_id(&agent, &made.id).await.unwrap(), first);
    assert_eq!(agent.leases()[0].error, None);
    assert_eq!(agent.leases()[0].expiration.unwrap(), BEGIN + Duration::minutes(120), "59 minutes were left, and not one more");
}

#[tokio::test]
async fn a_role_that_allows_less_says_so() {
    let home = Home::new().await;
    role(&home, "Admin", ASSUME, EVERYTHING, "").await;
    let agent = home.agent().await;
    let error = lease(&agent, request("admin", Narrowing::NoIam, 180)).await.unwrap_err();
    assert!(error.message.contains("MaxSessionDuration") && error.hint.contains("--duration"), "{error:?}");
    let made = lease(&agent, request("admin", Narrowing::NoIam, 120)).await.unwrap();
    assert_eq!(made.expiration, Some(BEGIN + Duration::hours(2)), "one call for all of it");
}

#[tokio::test]
async fn what_was_stopped_is_never_handed_out_again() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let named = LeaseRequest { name: Some("ci".to_owned()), ..request("reader", Narrowing::NoIam, 15) };
    let first = lease(&agent, named).await.unwrap();
    let second = lease(&agent, request("writer", Narrowing::NoIam, 15)).await.unwrap();
    agent.stop_lease("ci", &Asker::stagedoor()).await.unwrap();
    for gone in ["ci", &first.id] {
        let error = leased_id(&agent, gone).await.unwrap_err();
        assert!(error.message.contains("stopped") && error.hint.contains("lease list"), "{error:?}");
    }
    assert_eq!(agent.stop_lease("ci", &Asker::stagedoor()).await.unwrap_err().code, Code::NoCredentials);
    leased_id(&agent, &second.id).await.unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    let agent = home.agent().await;
    assert_eq!(agent.leases().iter().map(|lease| &*lease.id).collect::<Vec<_>>(), [&*second.id]);
    agent.stop_all().await.unwrap();
    assert!(agent.leases().is_empty(), "all is all");
    drop(agent);
    assert!(home.agent().await.leases().is_empty());
}

#[tokio::test]
async fn it_survives_a_restart_sealed_and_ends_in_time_all_the_same() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let made = lease(&agent, request("reader", Narrowing::NoIam, 30)).await.unwrap();
    let id = leased_id(&agent, &made.id).await.unwrap();
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    let asked = home.tap.total();
    let agent = home.agent().await;
    let back = agent.leases().remove(0);
    assert_eq!((&back.policy, back.ends, back.handed, &back.program), (&made.policy, made.ends, 1, &made.program));
    assert_eq!(leased_id(&agent, &made.id).await.unwrap(), id);
    assert_eq!((home.tap.total(), session(&agent.snapshot().borrow(), "reader")), (asked, None));
    agent.close(std::time::Duration::from_secs(5)).await.unwrap();
    home.advance(Duration::minutes(30));
    let agent = home.agent().await;
    assert!(agent.leases().is_empty());
    assert_eq!(leased_id(&agent, &made.id).await.unwrap_err().code, Code::NoCredentials);
}

#[tokio::test]
async fn a_profile_that_leads_elsewhere_is_not_what_was_leased() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let made = lease(&agent, request("reader", Narrowing::NoIam, 30)).await.unwrap();
    let before = home.config_now();
    home.rewrite_config(&before.replace("role/Reader", "role/Writer"));
    let error = leased_id(&agent, &made.id).await.unwrap_err();
    assert!(error.message.contains("leads elsewhere"), "{error:?}");
    home.rewrite_config(&before);
    leased_id(&agent, &made.id).await.unwrap();
}

#[tokio::test]
async fn many_who_ask_for_one_lease_make_one_renewal() {
    let home = Home::new().await;
    home.role("second", "Second", "reader", "");
    let agent = Agent::open(home.parts()).await.unwrap();
    let made = lease(&agent, request("second", Narrowing::NoIam, 120)).await.unwrap();
    home.advance(Duration::minutes(60));
    let asked = home.tap.seen("AssumeRole").len();
    let all: Vec<_> = (0..50)
        .map(|_| {
            let (agent, id) = (agent.clone(), made.id.clone());
            tokio::spawn(async move { leased_id(&agent, &id).await })
        })
        .collect();
    let mut ids = Vec::new();
    for one in all {
        ids.push(one.await.unwrap().unwrap());
    }
    ids.dedup();
    assert_eq!((ids.len(), home.tap.seen("AssumeRole").len() - asked), (1, 2), "the two steps of the chain, once");
}

#[tokio::test]
async fn locked_it_is_not_handed_out_and_unlocked_it_is_there_again() {
    let home = Home::new().await;
    let agent = home.agent().await;
    let made = lease(&agent, request("reader", Narrowing::NoIam, 30)).await.unwrap();
    let id = leased_id(&agent, &made.id).await.unwrap();
    agent.lock().await.unwrap();
    assert!(agent.leases().is_empty(), "nothing of it is left in memory");
    assert_eq!(leased_id(&agent, &made.id).await.unwrap_err().code, Code::Locked);
    assert_eq!(lease(&agent, request("reader", Narrowing::NoIam, 30)).await.unwrap_err().code, Code::Locked);
    agent.unlock(None).await.unwrap();
    assert_eq!(leased_id(&agent, &made.id).await.unwrap(), id);
    agent.lock().await.unwrap();
    home.advance(Duration::minutes(30));
    agent.unlock(None).await.unwrap();
    assert!(agent.leases().is_empty(), "it ended meanwhile");
}

#[tokio::test]
async fn a_profile_that_asks_is_not_leased_without_a_person() {
    let home = Home::new().await;
    home.role("asks", "Reader", "key", "stagedoor_ask = true");
    let agent = home.agent().await;
    let refused = agent.lease(request("asks", Narrowing::NoIam, 15), None, &Asker::unknown()).await.unwrap_err();
    assert_eq!((refused.code, home.tap.total()), (Code::ApprovalRequired, 0));
    // The person's own window needs no leave; another program that knows its ID does.
    let made = lease(&agent, request("asks", Narrowing::NoIam, 15)).await.unwrap();
    leased_id(&agent, &made.id).await.unwrap();
    assert_eq!(agent.lease_document(&made.id, &Asker::unknown()).await.unwrap_err().code, Code::ApprovalRequired);
    let refused = agent.write_file(&name("asks"), Some("mine"), &Asker::unknown()).await.unwrap_err();
    assert_eq!(refused.code, Code::ApprovalRequired);
}
