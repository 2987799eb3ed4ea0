//! Which profiles can be handed out and given back, and which of them only together.
//!
//! What is connected takes the place of what its tools had before: so a profile that Stagedoor could not serve is refused, named
//! or not, and so is what would change the credentials of another profile that nobody named. The edits themselves are in
//! `store/aws_files/connecting.rs`.

use super::{
    Agent,
    file_edits::{Planned, Preview, Skipped, called},
};
use crate::{
    error::{Code, Error, Result},
    model::{
        chain::{Base, Chain},
        profile::ProfileName,
    },
    store::aws_files::{AwsFiles, edit::Edit, keys::HAND_OUT},
};

impl Agent {
    /// Hands profiles out, all of them or none.
    pub(super) fn connecting(&self, files: &AwsFiles, profiles: Vec<ProfileName>, access_key: bool) -> Result<Planned<'static>> {
        let mut edit = Edit::connect(&profiles, &self.0.parts.program)?;
        for profile in &profiles {
            self.may_connect(profile)?;
            let chain = files.resolve(profile)?;
            if let Some(why) = cannot_be_served(&chain) {
                let hint = "Give it an access key or a role as its source, or leave it to the tools that read it themselves";
                return Err(Error::new(Code::NotSupported, format!("{profile} is left as it is: {why}"), hint));
            }
            if access_key && !(chain.hops.is_empty() && matches!(chain.base, Base::AccessKey { .. })) {
                return Err(super::profiles::no_plain_key(profile));
            }
            if access_key || chain.hand_out_access_key {
                edit = edit.then(Edit::set_all(profile, &[(HAND_OUT, access_key.then_some("true"))])?);
            }
        }
        let together = |source: &str, user: &str| format!("Connect them together: stagedoor connect {source} {user}");
        stays_a_source(files, |name| profiles.iter().any(|profile| profile.as_str() == name) || files.is_connected(name), together)?;
        Ok(Planned { edit, by: called("connect", &profiles), told: Preview { profiles, ..Preview::default() } })
    }
}

/// Gives profiles back, all of them or none.
pub(super) fn disconnecting(files: &AwsFiles, profiles: Vec<ProfileName>) -> Result<Planned<'static>> {
    let together = |source: &str, user: &str| format!("Disconnect them together: stagedoor disconnect {source} {user}");
    stays_a_source(files, |name| files.is_connected(name) && profiles.iter().all(|profile| profile.as_str() != name), together)?;
    Ok(Planned { edit: Edit::disconnect(&profiles), by: called("disconnect", &profiles), told: Preview { profiles, ..Preview::default() } })
}

/// Why a profile would be broken by being connected.
fn cannot_be_served(chain: &Chain) -> Option<String> {
    match &chain.base {
        Base::Static { .. } if chain.hops.is_empty() => Some("another tool writes its temporary credentials into the file".to_owned()),
        Base::Static { .. } | Base::AccessKey { .. } | Base::Process { .. } => None,
        Base::Source { .. } | Base::WebIdentity { .. } | Base::IdentityCenter { .. } | Base::Login { .. } => {
            Some(format!("Stagedoor cannot get credentials from {} yet", chain.base.kind().replace('_', " ")))
        }
    }
}

/// All that can be handed out, and why the others cannot.
pub(super) fn connectable(files: &AwsFiles) -> (Vec<ProfileName>, Vec<Skipped>) {
    let (mut profiles, mut skipped) = (Vec::new(), Vec::new());
    for profile in files.profiles().iter() {
        let name = ProfileName::new(&profile.name);
        let why = match files.resolve(&name) {
            _ if profile.connected => Some("it is connected already".to_owned()),
            Err(error) => Some(error.message),
            Ok(chain) if chain.hops.is_empty() && matches!(chain.base, Base::Process { .. }) => Some("another program hands it out already".to_owned()),
            Ok(chain) => cannot_be_served(&chain),
        };
        match why {
            Some(why) => skipped.push(Skipped { profile: name, why }),
            None => profiles.push(name),
        }
    }
    (profiles, skipped)
}

/// A profile that has an access key and a role of its own is, for other tools, its key where another profile names it as its source.
/// Connected, it would be its role there. So whoever names it has to be connected too. `together`: what to do about it.
fn stays_a_source(files: &AwsFiles, connected: impl Fn(&str) -> bool, together: impl Fn(&str, &str) -> String) -> Result<()> {
    for user in files.profiles().iter().filter(|profile| !connected(&profile.name)) {
        let Some(source) = user.get("source_profile").filter(|source| *source != user.name && connected(source)) else { continue };
        let both = files.profile(&ProfileName::new(source)).is_some_and(|source| source.plaintext_key && source.get("role_arn").is_some());
        if both {
            return Err(Error::new(
                Code::InvalidValue,
                format!("{} uses the access key of {source}, which would hand out its role instead while it is connected", user.name),
                together(source, &user.name),
            ));
        }
    }
    Ok(())
}
