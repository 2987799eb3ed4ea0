//! From arguments to what is wanted: `user:dana` becomes a trusted user, a file a policy.
//!
//! What can be seen to be wrong without asking anybody is refused here. Whether a name, an ARN or a policy is valid is said by the
//! plan, in one place for the window too.

use std::{io::Read, path::Path};

use stagedoor_core::{
    error::{Error, Result},
    model::{
        access_key::AccessKeyId,
        params,
        profile::ProfileName,
        setup::{
            Change, ChangeIntent, ExternalIdChoice, GroupIntent, Intent, PolicyHolder, PolicyHome, RoleIntent, RolePermission, RotateIntent, Tag, Trusted,
            UserIntent,
        },
    },
};

use crate::{
    files,
    setup_args::{ChangeCommand, GroupArguments, Mode, OidcClaims, RoleArguments, RotateArguments, UserArguments},
};

/// The longest policy that is read: far beyond what IAM takes.
const LONGEST_POLICY: u64 = 64 * 1024;

/// From here on a number without a unit is taken for seconds.
const SECONDS_ARE_MEANT: u32 = 60;

/// What is wanted, and what is to become of the plan.
pub(crate) type Wanted = (Intent, Mode);

/// Of `setup user`.
pub(crate) fn user(it: UserArguments) -> Result<Wanted> {
    let intent = UserIntent {
        admin: ProfileName::new(it.with.admin),
        others: files::named(it.also_as),
        name: it.name,
        path: it.path,
        tags: tags(&it.tags)?,
        boundary: it.boundary,
        groups: it.groups,
        access_key: !it.no_access_key,
        mfa: it.mfa,
        may_assume: it.may_assume,
        wildcard: it.wildcard,
        policy_home: home(it.managed),
        drop_oldest: it.drop_oldest,
        self_service: it.self_service,
        profile: it.profile.map(ProfileName::new),
        region: it.region,
        no_profiles: it.no_profiles,
        existing: it.existing,
    };
    Ok((Intent::User(intent), it.with.mode))
}

/// Of `setup role`.
pub(crate) fn role(it: RoleArguments) -> Result<Wanted> {
    let trusted: Vec<_> = it.trusted.iter().map(|who| trust(who, &it.claims)).collect::<Result<_>>()?;
    claims_have_a_use(&trusted, &it.claims)?;
    let mut permissions: Vec<_> = it.policies.iter().map(|policy| permission(policy)).collect::<Result<_>>()?;
    permissions.extend(it.buckets.into_iter().map(|bucket| RolePermission::Bucket { bucket }));
    let mfa_max_age = it.mfa_max_age.as_deref().map(span).transpose()?;
    let intent = RoleIntent {
        admin: ProfileName::new(it.with.admin),
        others: files::named(it.also_as),
        name: it.name,
        path: it.path,
        description: it.description,
        tags: tags(&it.tags)?,
        boundary: it.boundary,
        trusted,
        require_mfa: it.require_mfa || mfa_max_age.is_some(),
        mfa_max_age,
        external_id: it.external_id.map(external_id),
        max_session: it.max_session.as_deref().map(span).transpose()?,
        session_tags: it.session_tags.iter().map(|tag| session_tag(tag)).collect::<Result<_>>()?,
        source_identity: it.source_identity,
        permissions,
        instance_profile: it.instance_profile,
        deployer: it.deployer.as_deref().map(holder).transpose()?,
        profile: it.profile.map(ProfileName::new),
        source_profile: it.source_profile.map(ProfileName::new),
        existing: it.existing,
    };
    Ok((Intent::Role(intent), it.with.mode))
}

/// Of `setup group`.
pub(crate) fn group(it: GroupArguments) -> Wanted {
    let intent = GroupIntent {
        admin: ProfileName::new(it.with.admin),
        others: files::named(it.also_as),
        name: it.name,
        may_assume: it.may_assume,
        wildcard: it.wildcard,
        members: it.members,
        require_mfa: it.require_mfa,
        policy_home: home(it.managed),
        drop_oldest: it.drop_oldest,
    };
    (Intent::Group(intent), it.with.mode)
}

/// Of `setup change`.
pub(crate) fn change(command: ChangeCommand) -> Result<Wanted> {
    use ChangeCommand as C;
    let (with, change) = match command {
        C::TrustAdd { role, trust: who, claims, with } => {
            let who = trust(&who, &claims)?;
            claims_have_a_use(std::slice::from_ref(&who), &claims)?;
            (with, Change::AddPrincipal { role, who })
        }
        C::TrustRemove { role, principal, with } => (with, Change::RemovePrincipal { role, principal }),
        C::ExternalId { role, external_id: id, with } => (with, Change::ExternalId { role, external_id: (id != "none").then(|| external_id(id)) }),
        C::Mfa { role, max_age, off, with } => (with, Change::Mfa { role, require: !off, max_age: max_age.as_deref().map(span).transpose()? }),
        C::MendTrust { role, user, with } => (with, Change::MendTrust { role, user }),
        C::Attach { to, policy, with } => (with, Change::Attach { to: holder(&to)?, policy }),
        C::Detach { from, policy, with } => (with, Change::Detach { from: holder(&from)?, policy }),
        C::EditPolicy { policy, file, drop_oldest, with } => (with, Change::EditPolicy { policy, text: read_policy(&file)?, drop_oldest }),
        C::RollBack { policy, version, with } => (with, Change::RollBack { policy, version }),
        C::ToManaged { of, policy, name, with } => (with, Change::InlineToManaged { of: holder(&of)?, policy, name }),
    };
    Ok((Intent::Change(ChangeIntent { admin: ProfileName::new(with.admin), change }), with.mode))
}

/// Of `keys rotate`.
pub(crate) fn rotate(it: RotateArguments) -> Result<Wanted> {
    let intent = RotateIntent {
        profile: ProfileName::new(it.profile),
        admin: it.admin.map(ProfileName::new),
        wait: span(&it.wait)?,
        drop: it.drop.as_deref().map(AccessKeyId::parse).transpose()?,
    };
    Ok((Intent::Rotate(intent), it.mode))
}

const fn home(managed: bool) -> PolicyHome {
    if managed { PolicyHome::Managed } else { PolicyHome::Inline }
}

/// A number alone is the AWS CLI's seconds, and what people who mean hours type: so few of them are asked about.
fn span(text: &str) -> Result<u32> {
    let wrong = || Error::invalid("duration", text, "a number with a unit, such as 30m, 4h or 7d");
    let seconds = params::seconds(text).ok_or_else(wrong)?;
    let bare = text.bytes().all(|byte| byte.is_ascii_digit());
    if bare && (1..SECONDS_ARE_MEANT).contains(&seconds) { Err(wrong()) } else { Ok(seconds) }
}

fn tags(texts: &[String]) -> Result<Vec<Tag>> {
    let tag = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Tag { key: key.to_owned(), value: value.to_owned() }),
        Some(_) | None => Err(Error::invalid("tag", text, "KEY=VALUE")),
    };
    texts.iter().map(tag).collect()
}

/// Without a value, any may be passed.
fn session_tag(text: &str) -> Result<Tag> {
    let (key, value) = text.split_once('=').unwrap_or((text, "*"));
    if key.is_empty() { Err(Error::invalid("session tag", text, "KEY or KEY=VALUE")) } else { Ok(Tag { key: key.to_owned(), value: value.to_owned() }) }
}

fn external_id(text: String) -> ExternalIdChoice {
    if text == "auto" { ExternalIdChoice::Auto } else { ExternalIdChoice::Value(text) }
}

fn trust(text: &str, claims: &OidcClaims) -> Result<Trusted> {
    let wrong = || Error::invalid("--trust", text, "user:NAME, group:NAME, account:ID, third-party:ID, service:NAME, saml:ARN or oidc:ARN");
    let (who, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or_else(wrong)?;
    let rest = rest.to_owned();
    match who {
        "user" => Ok(Trusted::User { name: rest }),
        "group" => Ok(Trusted::Group { name: rest }),
        "account" => Ok(Trusted::Account { id: rest }),
        "third-party" => Ok(Trusted::ThirdParty { id: rest }),
        "service" => Ok(Trusted::Service { name: rest }),
        "saml" => Ok(Trusted::Saml { arn: rest }),
        "oidc" => Ok(Trusted::Oidc { arn: rest, audience: claims.audience.clone(), subject: claims.subject.clone() }),
        _ => Err(wrong()),
    }
}

/// A condition that would go nowhere must not look as if it held.
fn claims_have_a_use(trusted: &[Trusted], claims: &OidcClaims) -> Result<()> {
    let given = claims.audience.as_deref().or(claims.subject.as_deref());
    match given {
        Some(given) if !trusted.iter().any(|who| matches!(who, Trusted::Oidc { .. })) => {
            Err(Error::invalid("condition without an OpenID Connect provider", given, "--trust oidc:ARN beside --audience and --subject"))
        }
        Some(_) | None => Ok(()),
    }
}

fn holder(text: &str) -> Result<PolicyHolder> {
    match text.split_once(':') {
        Some(("user", name)) if !name.is_empty() => Ok(PolicyHolder::User(name.to_owned())),
        Some(("group", name)) if !name.is_empty() => Ok(PolicyHolder::Group(name.to_owned())),
        Some(("role", name)) if !name.is_empty() => Ok(PolicyHolder::Role(name.to_owned())),
        Some(_) | None => Err(Error::invalid("user, group or role", text, "user:NAME, group:NAME or role:NAME")),
    }
}

fn permission(text: &str) -> Result<RolePermission> {
    if text.starts_with("arn:") {
        return Ok(RolePermission::Managed { arn: text.to_owned() });
    }
    let path = Path::new(text);
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let hint = "Give the path of a file with a policy in JSON, or the ARN of a managed policy, which begins with arn:";
    let text = read_policy(path).map_err(|error| Error { hint: hint.to_owned(), ..error })?;
    Ok(RolePermission::Document { name, text })
}

/// Wrong JSON is told by the plan, at its line.
fn read_policy(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST_POLICY).read_to_string(&mut text));
    let hint = "Give the path of a file with a policy in JSON";
    read.map_err(|error| Error { hint: hint.to_owned(), ..Error::file("read", path, &error) })?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use stagedoor_core::error::Code;

    use super::*;
    use crate::{
        args::{Arguments, Command, KeysCommand},
        setup_args::{Format, SetupCommand},
    };

    const AS: &[&str] = &["--as", "admin"];

    fn command(arguments: &[&str]) -> Command {
        Arguments::try_parse_from([&["stagedoor"], arguments].concat()).unwrap().command.unwrap()
    }

    fn refused(arguments: &[&str]) -> bool {
        Arguments::try_parse_from([&["stagedoor"], arguments].concat()).is_err_and(|error| error.use_stderr())
    }

    fn wanted(arguments: &[&str]) -> Result<Wanted> {
        match command(arguments) {
            Command::Setup { command: SetupCommand::User(it) } => user(*it),
            Command::Setup { command: SetupCommand::Role(it) } => role(*it),
            Command::Setup { command: SetupCommand::Group(it) } => Ok(group(it)),
            Command::Setup { command: SetupCommand::Change { command } } => change(*command),
            Command::Keys { command: KeysCommand::Rotate(it) } => rotate(it),
            other => panic!("{other:?}"),
        }
    }

    fn intent(arguments: &[&str]) -> Intent {
        wanted(&[arguments, AS].concat()).unwrap().0
    }

    fn changed(arguments: &[&str]) -> Change {
        match intent(&[&["setup", "change"], arguments].concat()) {
            Intent::Change(change) => change.change,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_user_has_an_access_key_unless_it_is_not_wanted() {
        let Intent::User(plain) = intent(&["setup", "user", "dana"]) else { panic!() };
        assert_eq!(plain, UserIntent { admin: ProfileName::new("admin"), name: "dana".to_owned(), access_key: true, ..UserIntent::default() });
        let full = "setup user dana --path /people/ --tag team=pay=ments --tag empty= --boundary arn:b --group ops --group dev --no-access-key --mfa \
                    --may-assume arn:r --wildcard --managed --self-service --profile d --region eu-west-1 --existing --also-as other";
        let Intent::User(full) = intent(&full.split_whitespace().collect::<Vec<_>>()) else { panic!() };
        let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
        assert_eq!(full.tags, [tag("team", "pay=ments"), tag("empty", "")]);
        assert_eq!(
            (full.groups, full.may_assume, full.others),
            (vec!["ops".to_owned(), "dev".to_owned()], vec!["arn:r".to_owned()], vec![ProfileName::new("other")])
        );
        assert!(!full.access_key && full.mfa && full.wildcard && full.self_service && full.existing && !full.no_profiles);
        assert_eq!((full.policy_home, full.profile, full.region.as_deref()), (PolicyHome::Managed, Some(ProfileName::new("d")), Some("eu-west-1")));
        assert_eq!((full.path.as_deref(), full.boundary.as_deref()), (Some("/people/"), Some("arn:b")));
        assert!(wanted(&["setup", "user", "dana", "--as", "admin", "--tag", "nothing"]).is_err());
    }

    #[test]
    fn a_role_trusts_whom_it_is_told() {
        // Any file: whether it is a policy, the plan says.
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/clippy.toml");
        let arguments = "setup role deploy --trust user:dana --trust third-party:444455556666 --trust service:ec2 --trust oidc:arn:aws:iam::1:oidc-provider/h \
                         --audience sts --subject repo:* --mfa-max-age 1h --external-id auto --max-session 4h --policy arn:aws:iam::aws:policy/X \
                         --bucket data --session-tag team --session-tag env=dev --source-identity --deployer group:ops";
        let mut arguments: Vec<_> = arguments.split_whitespace().collect();
        arguments.extend(["--policy", file]);
        let Intent::Role(role) = intent(&arguments) else { panic!() };
        assert_eq!(role.trusted[0], Trusted::User { name: "dana".to_owned() });
        assert_eq!(role.trusted[1], Trusted::ThirdParty { id: "444455556666".to_owned() });
        let (audience, subject) = (Some("sts".to_owned()), Some("repo:*".to_owned()));
        assert_eq!(role.trusted[3], Trusted::Oidc { arn: "arn:aws:iam::1:oidc-provider/h".to_owned(), audience, subject });
        assert_eq!((role.require_mfa, role.mfa_max_age, role.max_session), (true, Some(3600), Some(14400)));
        assert_eq!((role.external_id, role.deployer), (Some(ExternalIdChoice::Auto), Some(PolicyHolder::Group("ops".to_owned()))));
        assert_eq!(role.session_tags.iter().map(|tag| (&*tag.key, &*tag.value)).collect::<Vec<_>>(), [("team", "*"), ("env", "dev")]);
        let permissions = [
            RolePermission::Managed { arn: "arn:aws:iam::aws:policy/X".to_owned() },
            RolePermission::Document { name: "clippy".to_owned(), text: include_str!("../../clippy.toml").to_owned() },
            RolePermission::Bucket { bucket: "data".to_owned() },
        ];
        assert_eq!(role.permissions, permissions);
    }

    #[test]
    fn what_is_plainly_wrong_in_a_role_is_told() {
        let error = |arguments: &[&str]| wanted(&[&["setup", "role", "deploy", "--as", "admin"], arguments].concat()).unwrap_err();
        assert_eq!(error(&["--trust", "dana"]).code, Code::InvalidValue);
        assert_eq!(error(&["--trust", "user:"]).code, Code::InvalidValue);
        assert!(error(&["--trust", "user:dana", "--subject", "x"]).message.contains("OpenID Connect"));
        assert_eq!(error(&["--trust", "user:dana", "--max-session", "long"]).code, Code::InvalidValue);
        assert!(error(&["--trust", "user:dana", "--max-session", "4"]).hint.contains("with a unit"), "four hours were meant");
        let missing = error(&["--trust", "user:dana", "--policy", "no/such/policy.json"]);
        assert!(missing.code == Code::File && missing.hint.contains("arn:"), "{missing:?}");
    }

    #[test]
    fn every_change_has_its_command() {
        let role = || "deploy".to_owned();
        let dana = || PolicyHolder::User("dana".to_owned());
        let managed = || "arn:p".to_owned();
        assert_eq!(
            changed(&["trust-add", "deploy", "--trust", "account:1"]),
            Change::AddPrincipal { role: role(), who: Trusted::Account { id: "1".to_owned() } }
        );
        assert_eq!(changed(&["trust-remove", "deploy", "AIDA1"]), Change::RemovePrincipal { role: role(), principal: "AIDA1".to_owned() });
        assert_eq!(changed(&["external-id", "deploy", "none"]), Change::ExternalId { role: role(), external_id: None });
        let value = Some(ExternalIdChoice::Value("x1".to_owned()));
        assert_eq!(changed(&["external-id", "deploy", "x1"]), Change::ExternalId { role: role(), external_id: value });
        assert_eq!(changed(&["mfa", "deploy", "--max-age", "1h"]), Change::Mfa { role: role(), require: true, max_age: Some(3600) });
        assert_eq!(changed(&["mfa", "deploy", "--off"]), Change::Mfa { role: role(), require: false, max_age: None });
        assert_eq!(changed(&["mend-trust", "deploy", "--user", "dana"]), Change::MendTrust { role: role(), user: Some("dana".to_owned()) });
        assert_eq!(changed(&["attach", "user:dana", "arn:p"]), Change::Attach { to: dana(), policy: managed() });
        assert_eq!(changed(&["detach", "user:dana", "arn:p"]), Change::Detach { from: dana(), policy: managed() });
        assert_eq!(changed(&["roll-back", "arn:p", "v2"]), Change::RollBack { policy: managed(), version: "v2".to_owned() });
        let turned = Change::InlineToManaged { of: dana(), policy: "Reports".to_owned(), name: Some("R".to_owned()) };
        assert_eq!(changed(&["to-managed", "user:dana", "Reports", "--name", "R"]), turned);
        assert!(refused(&["setup", "change", "mfa", "deploy", "--off", "--max-age", "1h", "--as", "admin"]));
    }

    #[test]
    fn a_rotation_waits_a_week_unless_told_otherwise() {
        let waits = |more: &[&str]| match wanted(&[&["keys", "rotate", "dana"], more].concat()).unwrap().0 {
            Intent::Rotate(rotation) => (rotation.wait, rotation.admin),
            other => panic!("{other:?}"),
        };
        assert_eq!(waits(&[]), (7 * 86400, None));
        assert_eq!(waits(&["--wait", "0", "--as", "admin"]), (0, Some(ProfileName::new("admin"))));
        assert!(wanted(&["keys", "rotate", "dana", "--drop", "no key"]).is_err());
    }

    #[test]
    fn a_plan_is_either_shown_or_applied_or_exported() {
        let mode = |more: &[&str]| wanted(&[&["setup", "user", "dana", "--as", "admin"], more].concat()).unwrap().1;
        assert!(!mode(&[]).apply && mode(&["--apply", "--json"]).apply && !mode(&["--plan"]).apply);
        assert_eq!(mode(&["--export", "aws-cli"]).export, Some(Format::AwsCli));
        assert_eq!(mode(&["--export", "terraform"]).export, Some(Format::Terraform));
        for both in [["--plan", "--apply"], ["--apply", "--export=aws-cli"], ["--json", "--export=aws-cli"]] {
            assert!(refused(&[&["setup", "user", "dana", "--as", "admin"], &both[..]].concat()), "{both:?}");
        }
        assert!(refused(&["setup", "user", "dana"]) && refused(&["revoke"]) && refused(&["revoke", "--user", "dana"]));
        assert!(refused(&["import", "--dry-run", "--plan"]) && refused(&["import", "--undo", "alice", "--apply"]));
    }
}
