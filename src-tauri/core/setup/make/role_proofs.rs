//! The proofs of a role: who is trusted gets in, and not without what is asked for; the admin, who is not trusted, does not.
//!
//! Whom this computer has no credentials of cannot be called as: that is said, and not passed over.

use super::{Making, local_people::Person, role::Role, role_parts::needs_mfa};
use crate::{
    model::{
        params::ExternalId,
        setup::{Expected, Tag, Trusted},
    },
    setup::{
        documents::edit,
        plan::{By, ProofCall},
    },
};

/// What an AssumeRole call passes.
#[derive(Clone, Default)]
struct With {
    serial: Option<String>,
    external_id: Option<String>,
    source_identity: Option<String>,
    tags: Vec<Tag>,
}

impl With {
    fn call(self, by: &By, role: &Role<'_>) -> ProofCall {
        ProofCall::Assume {
            by: by.clone(),
            role_arn: role.arn.as_str().to_owned(),
            mfa_serial: self.serial,
            external_id: self.external_id,
            source_identity: self.source_identity,
            tags: self.tags,
        }
    }
}

pub(super) fn prove(making: &mut Making<'_>, role: &Role<'_>, person: Option<&Person>) {
    if let Some(person) = person {
        prove_person(making, role, person);
    }
    let asks_people = !role.whom.terms.users.is_empty() || !role.whom.groups().is_empty();
    if asks_people && person.is_none() {
        making.warnings.push(format!(
            "That those may assume {} whom it trusts cannot be proven from here: no profile on this computer has a key of one of them",
            role.name
        ));
    }
    prove_accounts(making, role);
    for who in &role.whom.trusted {
        let (what, why) = match who {
            Trusted::ThirdParty { id } => (format!("the third party {id}"), "only it can call from its account"),
            Trusted::Saml { arn } | Trusted::Oidc { arn, .. } => (arn.clone(), "it takes a sign-in there"),
            Trusted::Service { name } => (name.clone(), "only the service itself can"),
            Trusted::User { .. } | Trusted::Group { .. } | Trusted::Account { .. } => continue,
        };
        making.warnings.push(format!("That {what} may assume {} cannot be proven from here: {why}", role.name));
    }
    prove_admin(making, role);
}

/// What somebody passes who is let in.
fn enough(role: &Role<'_>, serial: Option<&str>) -> With {
    let mut tags: Vec<Tag> = Vec::new();
    for tag in &role.wanted.session_tags {
        if !tags.iter().any(|other| other.key == tag.key) {
            tags.push(Tag { key: tag.key.clone(), value: tag.value.replace(['*', '?'], "x") });
        }
    }
    With {
        serial: serial.filter(|_| needs_mfa(role)).map(str::to_owned),
        external_id: None,
        source_identity: role.wanted.source_identity.then(|| "stagedoor-proof".to_owned()),
        tags,
    }
}

fn prove_person(making: &mut Making<'_>, role: &Role<'_>, person: &Person) {
    let (name, who) = (&role.name, &person.name);
    let by = By::Profile { profile: person.profile.clone() };
    let with = enough(role, person.serial.as_deref());
    let (mfa, proven) = (needs_mfa(role), person.serial.is_some() || !needs_mfa(role));
    if proven {
        making.prove(Expected::Allowed, with.clone().call(&by, role), format!("Assume the role {name} as {who}"), format!("Assumed the role {name} as {who}"));
    } else {
        making
            .warnings
            .push(format!("That {who} may assume {name} cannot be proven from here: it needs MFA, and the seed of no MFA device of {who} is in the keychain"));
    }
    let mut refused = |with: With, what: &str| {
        making.prove(Expected::Denied, with.call(&by, role), format!("Be refused {name} {what}"), format!("Was refused {name} {what}"));
    };
    if mfa {
        refused(With { serial: None, ..with.clone() }, "without an MFA code");
    }
    if !proven {
        return;
    }
    if role.wanted.source_identity {
        refused(With { source_identity: None, ..with.clone() }, "without a source identity");
    }
    if !role.wanted.session_tags.is_empty() {
        let tags = vec![Tag { key: "stagedoor-proof".to_owned(), value: "x".to_owned() }];
        refused(With { tags, ..with }, "with a session tag that it does not take");
    }
}

/// From an account of one's own whose admin is in the plan, too.
fn prove_accounts(making: &mut Making<'_>, role: &Role<'_>) {
    for who in &role.whom.trusted {
        let Trusted::Account { id } = who else { continue };
        let found = making.seat_of(id).filter(|at| {
            let seat = &making.seats[*at];
            // Root cannot assume roles, and MFA of an admin is asked of a person.
            !seat.arn.ends_with(":root") && (!needs_mfa(role) || seat.with_mfa)
        });
        let Some(at) = found else {
            making.warnings.push(format!(
                "That the account {id} may assume {} cannot be proven from here: name an admin profile of that account that is a user or a role",
                role.name
            ));
            continue;
        };
        let (by, name, profile) = (By::Seat { seat: at }, &role.name, making.seats[at].profile.clone());
        let asked = role.whom.terms.external_id.as_ref().filter(|_| role.whom.third_parties().is_empty() && *id != role.arn.account_id());
        let with = With { external_id: asked.map(|id| id.as_str().to_owned()), ..enough(role, None) };
        making.prove(
            Expected::Allowed,
            with.clone().call(&by, role),
            format!("Assume the role {name} as {profile}"),
            format!("Assumed the role {name} as {profile}"),
        );
        if asked.is_none() {
            continue;
        }
        let mut refused = |external_id: Option<String>, what: &str| {
            let call = With { external_id, ..with.clone() }.call(&by, role);
            making.prove(Expected::Denied, call, format!("Be refused {name} {what}"), format!("Was refused {name} {what}"));
        };
        refused(None, "without the external ID");
        refused(ExternalId::parse("not-the-external-id").ok().map(|id| id.as_str().to_owned()), "with a wrong external ID");
    }
}

/// Whoever is not trusted is refused, however much they may do.
fn prove_admin(making: &mut Making<'_>, role: &Role<'_>) {
    let seat = &making.seats[0];
    if edit::allows(&role.trust, &seat.arn) {
        return;
    }
    let profile = seat.profile.clone();
    let with = With { external_id: role.whom.terms.external_id.as_ref().map(|id| id.as_str().to_owned()), ..enough(role, None) };
    let name = &role.name;
    making.prove(
        Expected::Denied,
        with.call(&By::Seat { seat: 0 }, role),
        format!("Be refused {name} as {profile}, whom it does not trust"),
        format!("Was refused {name} as {profile}, whom it does not trust"),
    );
}
