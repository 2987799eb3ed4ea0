//! A role, from the plan to the proof and back: who gets in, who does not, and what is left alone.
//!
//! Over the agent, with the practice account as AWS. Alice has a key and an MFA device on this computer.

use stagedoor_core::{
    agent::Agent,
    model::setup::{Expected, ExternalIdChoice, Intent, PolicyHolder, RoleIntent, RolePermission, SetupState, SetupView, Standing, StepState, Tag, Trusted},
};

use crate::{
    agent_home::{Home, key_id, name},
    setup_home::{apply, here, home, listing, plan, states, undo},
};

fn deploy(trusted: Vec<Trusted>) -> RoleIntent {
    RoleIntent { admin: name("admin"), name: "deploy".to_owned(), trusted, ..RoleIntent::default() }
}

fn alice(home: &Home) -> Trusted {
    Trusted::User { name: home.ready.user_name.clone() }
}

/// Alice's device, its seed in the keychain.
async fn with_seed(home: &Home, agent: &Agent) {
    agent.add_totp_seed(&home.ready.mfa_serial, home.ready.mfa_seed.clone()).await.unwrap();
}

/// Applies it, sees it proven and named as it should be, applies it again for nothing, and takes it back.
async fn there_and_back(home: &Home, agent: &Agent, intent: RoleIntent) -> SetupView {
    let (account, own) = (listing(home).await, here(home));
    let made = plan(agent, Intent::Role(intent.clone())).await.unwrap();
    assert_eq!(made.state, SetupState::Planned, "{made:?}");
    assert_eq!(listing(home).await, account, "a plan sends nothing");
    let done = apply(home, agent, &made.id).await;
    assert_eq!(done.state, SetupState::Done, "{:?} {:?}", done.error, done.proofs);
    let again = plan(agent, Intent::Role(intent)).await.unwrap();
    assert_eq!(again.state, SetupState::Nothing, "{:?}", states(&again));
    assert!(again.steps.iter().all(|step| step.state == StepState::Exists), "{:?}", states(&again));
    let undone = undo(home, agent, &made.id).await;
    assert_eq!(undone.state, SetupState::Undone, "{:?}", undone.error);
    assert_eq!(listing(home).await, account);
    assert_eq!(here(home), own);
    done
}

fn proofs(view: &SetupView) -> Vec<(&str, Expected)> {
    view.proofs.iter().map(|proof| (proof.title.as_str(), proof.expected)).collect()
}

#[tokio::test]
async fn a_user_gets_in_with_mfa_and_nobody_gets_in_without() {
    let home = home().await;
    let agent = home.agent().await;
    with_seed(&home, &agent).await;
    let intent = RoleIntent {
        path: Some("/people/".to_owned()),
        require_mfa: true,
        mfa_max_age: Some(3600),
        max_session: Some(7200),
        source_identity: true,
        session_tags: vec![Tag { key: "team".to_owned(), value: "payments".to_owned() }],
        description: Some("Deploys".to_owned()),
        tags: vec![Tag { key: "team".to_owned(), value: "payments".to_owned() }],
        permissions: vec![RolePermission::Bucket { bucket: "example-bucket".to_owned() }],
        ..deploy(vec![alice(&home)])
    };
    let done = Box::pin(there_and_back(&home, &agent, intent)).await;
    let told = proofs(&done);
    let denied = told.iter().filter(|(_, expected)| *expected == Expected::Denied).count();
    assert_eq!((told.len(), denied), (5, 4), "{told:?}");
    for what in ["without an MFA code", "without a source identity", "a session tag", "as admin"] {
        assert!(told.iter().any(|(title, _)| title.contains(what)), "{what}: {told:?}");
    }
}

#[tokio::test]
async fn a_profile_of_the_role_works_at_once() {
    let home = home().await;
    let agent = home.agent().await;
    let intent = || Intent::Role(RoleIntent { profile: Some(name("deploying")), ..deploy(vec![alice(&home)]) });
    let own = here(&home);
    let made = plan(&agent, intent()).await.unwrap();
    let done = apply(&home, &agent, &made.id).await;
    assert_eq!(done.state, SetupState::Done, "{:?}", done.proofs);
    assert!(key_id(&agent, "deploying").await.unwrap().starts_with("ASIA"));
    undo(&home, &agent, &made.id).await;
    assert_eq!(here(&home), own);
}

#[tokio::test]
async fn a_third_party_keeps_its_external_id_and_is_told() {
    let home = home().await;
    let agent = home.agent().await;
    let party = home.world.accounts()[2].account_id.clone();
    let done = Box::pin(there_and_back(&home, &agent, deploy(vec![Trusted::ThirdParty { id: party.clone() }]))).await;
    let note = done.notes.iter().find(|note| note.title == "For the third party").unwrap();
    let trust = done.steps[0].document.as_ref().unwrap().text.clone();
    let id = note.text.rsplit("External ID: ").next().unwrap();
    assert!(id.len() == 39 && trust.contains(id) && note.text.contains(&party) && note.text.contains("role/deploy"), "{note:?} {trust}");
    assert!(done.warnings.iter().any(|it| it.contains(&party) && it.contains("cannot be proven")), "{:?}", done.warnings);
}

#[tokio::test]
async fn another_account_gets_in_with_the_external_id_only() {
    let home = home().await;
    let agent = home.agent().await;
    let other = home.world.accounts()[1].clone();
    home.keys().put_access_key(&other.key).await.unwrap();
    let common = home.common();
    home.config(&format!("\n[profile sandbox]\nstagedoor_access_key_id = {}\n{common}", other.key.id));
    // The sandbox's root cannot assume roles: its administration role can.
    let role = format!("arn:aws:iam::{}:role/OrganizationAccountAccessRole", other.account_id);
    home.config(&format!("\n[profile over]\nrole_arn = {role}\nsource_profile = key\n{common}"));
    let intent =
        RoleIntent { others: vec![name("over")], external_id: Some(ExternalIdChoice::Auto), ..deploy(vec![Trusted::Account { id: other.account_id.clone() }]) };
    let done = Box::pin(there_and_back(&home, &agent, intent)).await;
    let told = proofs(&done);
    assert!(told.contains(&("Assume the role deploy as over", Expected::Allowed)), "{told:?}");
    assert!(told.contains(&("Be refused deploy without the external ID", Expected::Denied)), "{told:?}");
    assert!(told.contains(&("Be refused deploy with a wrong external ID", Expected::Denied)), "{told:?}");
    assert!(done.notes.iter().any(|note| note.text.contains("sts:AssumeRole") && note.title.contains(&other.account_id)), "{:?}", done.notes);
}

#[tokio::test]
async fn members_of_a_group_get_in_by_the_groups_policy() {
    let home = home().await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    iam.create_group().group_name("deployers").send().await.unwrap();
    iam.add_user_to_group().group_name("deployers").user_name(&home.ready.user_name).send().await.unwrap();
    let done = Box::pin(there_and_back(&home, &agent, deploy(vec![Trusted::Group { name: "deployers".to_owned() }]))).await;
    let policy = done.steps.iter().find(|step| step.action == "PutGroupPolicy").unwrap();
    assert!(policy.document.as_ref().unwrap().text.contains("role/deploy"), "{policy:?}");
    assert!(proofs(&done).iter().any(|(_, expected)| *expected == Expected::Allowed));
}

#[tokio::test]
async fn a_service_has_its_instance_profile_and_its_deployer_the_pass_role() {
    let home = home().await;
    let agent = home.agent().await;
    let ec2 = || deploy(vec![Trusted::Service { name: "ec2".to_owned() }]);
    let deployer = Some(PolicyHolder::User(home.ready.user_name.clone()));
    let done = Box::pin(there_and_back(&home, &agent, RoleIntent { deployer, ..ec2() })).await;
    let actions: Vec<_> = done.steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(actions, ["CreateRole", "CreateInstanceProfile", "AddRoleToInstanceProfile", "PutUserPolicy"]);
    assert!(done.steps[3].document.as_ref().unwrap().text.contains("iam:PassedToService"));
    let noted = plan(&agent, Intent::Role(ec2())).await.unwrap();
    assert!(noted.notes.iter().any(|note| note.text.contains("iam:PassRole")), "{:?}", noted.notes);
    let two = vec![Trusted::Service { name: "ec2".to_owned() }, Trusted::Service { name: "lambda".to_owned() }];
    let both = plan(&agent, Intent::Role(deploy(two))).await.unwrap();
    assert!(both.warnings.iter().any(|it| it.contains("One role for one purpose")), "{:?}", both.warnings);
}

#[tokio::test]
async fn an_instance_profile_that_holds_another_role_is_a_conflict_with_a_way_out() {
    let home = home().await;
    let agent = home.agent().await;
    let iam = home.iam().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    iam.create_role().role_name("older").assume_role_policy_document(trust).send().await.unwrap();
    iam.create_instance_profile().instance_profile_name("deploy").path("/ours/").send().await.unwrap();
    let ec2 = || deploy(vec![Trusted::Service { name: "ec2".to_owned() }]);
    Box::pin(there_and_back(&home, &agent, ec2())).await;
    iam.add_role_to_instance_profile().instance_profile_name("deploy").role_name("older").send().await.unwrap();
    let made = plan(&agent, Intent::Role(ec2())).await.unwrap();
    let step = made.steps.iter().find(|step| step.action == "AddRoleToInstanceProfile").unwrap();
    let error = step.error.clone().unwrap();
    assert_eq!((made.state, step.standing), (SetupState::Blocked, Standing::Conflict), "{made:?}");
    assert!(error.message.contains("holds the role older") && error.hint.contains("--instance-profile"), "{error:?}");
    let other = RoleIntent { instance_profile: Some("deploy-instances".to_owned()), ..ec2() };
    let done = Box::pin(there_and_back(&home, &agent, other)).await;
    assert!(done.steps.iter().any(|step| step.request["InstanceProfileName"] == "deploy-instances" && step.request["RoleName"] == "deploy"), "{done:?}");
}

#[tokio::test]
async fn a_role_that_is_there_is_a_conflict_and_every_change_of_it_goes_back() {
    let home = home().await;
    let agent = home.agent().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    home.iam().await.create_role().role_name("deploy").assume_role_policy_document(trust).send().await.unwrap();
    let intent = RoleIntent {
        max_session: Some(7200),
        description: Some("Deploys".to_owned()),
        tags: vec![Tag { key: "team".to_owned(), value: "payments".to_owned() }],
        boundary: Some("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()),
        ..deploy(vec![Trusted::Service { name: "ec2".to_owned() }])
    };
    let refused = plan(&agent, Intent::Role(intent.clone())).await.unwrap();
    assert_eq!((refused.state, refused.steps[0].standing), (SetupState::Blocked, Standing::Conflict));
    assert!(refused.steps[0].error.as_ref().unwrap().hint.contains("--existing"));
    let done = Box::pin(there_and_back(&home, &agent, RoleIntent { existing: true, ..intent })).await;
    let actions: Vec<_> = done.steps.iter().map(|step| step.action.as_str()).take(5).collect();
    assert_eq!(actions, ["CreateRole", "UpdateAssumeRolePolicy", "UpdateRole", "PutRolePermissionsBoundary", "TagRole"]);
    assert!(done.steps[1].diff.iter().any(|line| line.text.contains("lambda.amazonaws.com")));
    assert!(done.warnings.iter().any(|it| it.contains("serves lambda.amazonaws.com already")), "{:?}", done.warnings);
}

#[tokio::test]
async fn what_is_not_there_is_a_conflict() {
    let home = home().await;
    let agent = home.agent().await;
    let account = home.ready.account_id.clone();
    let saml = Trusted::Saml { arn: format!("arn:aws:iam::{account}:saml-provider/Corp") };
    let oidc = Trusted::Oidc { arn: format!("arn:aws:iam::{account}:oidc-provider/idp.example.com"), audience: None, subject: Some("build".to_owned()) };
    let nobody = format!("arn:aws:iam::{account}:policy/none");
    let document = RolePermission::Document { name: "Own".to_owned(), text: "{\n  \"Version\": 1,,\n}".to_owned() };
    let user = || deploy(vec![alice(&home)]);
    let cases = [
        (deploy(vec![Trusted::User { name: "ghost".to_owned() }]), "no user ghost"),
        (deploy(vec![Trusted::Group { name: "ghosts".to_owned() }]), "no group ghosts"),
        (deploy(vec![saml]), "no SAML provider"),
        (deploy(vec![oidc]), "no OpenID Connect provider"),
        (RoleIntent { boundary: Some(nobody.clone()), ..user() }, "for the permissions boundary"),
        (RoleIntent { permissions: vec![RolePermission::Managed { arn: nobody }], ..user() }, "no policy"),
        (RoleIntent { permissions: vec![document], ..user() }, "line 2"),
        (
            RoleIntent { deployer: Some(PolicyHolder::Role("ghost".to_owned())), ..deploy(vec![Trusted::Service { name: "lambda".to_owned() }]) },
            "no role ghost",
        ),
        (RoleIntent { profile: Some(name("reader")), ..user() }, "a profile reader already"),
        (RoleIntent { profile: Some(name("new")), source_profile: Some(name("nothing")), ..user() }, "no profile nothing"),
    ];
    for (intent, said) in cases {
        let made = plan(&agent, Intent::Role(intent)).await.unwrap();
        assert_eq!(made.state, SetupState::Blocked, "{said}");
        let errors: Vec<_> = made.steps.iter().filter_map(|step| step.error.as_ref()).collect();
        assert!(errors.iter().any(|error| error.message.contains(said) && !error.hint.is_empty()), "{said}: {errors:?}");
    }
    let short = plan(&agent, Intent::Role(RoleIntent { max_session: Some(60), ..user() })).await.unwrap_err();
    assert!(short.hint.contains("3600 to 43200"), "{short:?}");
}

#[tokio::test]
async fn without_a_seed_the_proof_is_left_out_and_told() {
    let home = home().await;
    let agent = home.agent().await;
    let made = plan(&agent, Intent::Role(RoleIntent { require_mfa: true, ..deploy(vec![alice(&home)]) })).await.unwrap();
    assert!(made.proofs.iter().all(|proof| proof.expected == Expected::Denied), "{:?}", proofs(&made));
    assert!(made.warnings.iter().any(|it| it.contains("seed")), "{:?}", made.warnings);
    assert_eq!(apply(&home, &agent, &made.id).await.state, SetupState::Done);
}
