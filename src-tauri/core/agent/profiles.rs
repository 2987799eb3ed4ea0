//! Profiles and choices: what a person adds, moves, connects and stars. Each edit of the AWS files is one at a time.
//!
//! What an edit needs first is done first: a key is proven before its line leaves the file, and a step that fails leaves the
//! keychain and the files as they were.

use serde::{Deserialize, Serialize};

use super::{Agent, file_edits::FileEdit};
use crate::{
    aws::Signer,
    error::{Code, Error, Result},
    issue::{caller_identity, partition_of},
    model::{
        access_key::{AccessKey, AccessKeyId},
        arn::{Partition, RoleArn},
        chain::Base,
        params::{ExternalId, MfaSerial, RoleSessionName, SessionDuration},
        profile::{ProfileKind, ProfileName},
        snapshot::Settings,
    },
    store::aws_files::{AwsFiles, edit::Edit, keys::HAND_OUT},
};

/// The property that says which key of the keychain a profile has.
pub(super) const KEY: &str = "stagedoor_access_key_id";

/// A new access key, and its profile where there is none.
#[derive(Clone, Debug, Deserialize)]
pub struct NewAccessKey {
    /// Created where there is none.
    pub profile: ProfileName,
    /// Into the keychain.
    pub key: AccessKey,
    /// `region`
    pub region: Option<String>,
    /// `mfa_serial`
    pub mfa_serial: Option<MfaSerial>,
}

/// A new role profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct NewRole {
    /// Must not exist yet.
    pub profile: ProfileName,
    /// `role_arn`
    pub role_arn: RoleArn,
    /// `source_profile`
    pub source_profile: ProfileName,
    /// `mfa_serial`
    #[cfg_attr(test, ts(type = "string | null"))]
    pub mfa_serial: Option<MfaSerial>,
    /// `external_id`
    #[cfg_attr(test, ts(type = "string | null"))]
    pub external_id: Option<ExternalId>,
    /// `role_session_name`
    #[cfg_attr(test, ts(type = "string | null"))]
    pub role_session_name: Option<RoleSessionName>,
    /// `duration_seconds`
    #[cfg_attr(test, ts(type = "number | null"))]
    pub duration: Option<SessionDuration>,
    /// `region`
    pub region: Option<String>,
}

impl Agent {
    /// Stores an access key in the keychain and creates its profile where there is none.
    pub async fn add_access_key(&self, new: NewAccessKey) -> Result<()> {
        let _edit = self.0.editing.lock().await;
        let files = self.files()?;
        let profile = &new.profile;
        let edit = key_edit(&files, profile, &new.key.id, new.region.as_deref(), new.mfa_serial.as_ref())?;
        let there = self.0.keys.access_key(&new.key.id).await;
        self.keychain_said(there.as_ref().err());
        let there = there?;
        let before = files.profile(profile).and_then(|found| found.get(KEY)).map(str::to_owned);
        let stored = self.0.keys.put_access_key(&new.key).await;
        self.keychain_said(stored.as_ref().err());
        stored?;
        let written = self.write_kept(&edit, &format!("keys add {profile}")).await;
        if let Err(error) = written {
            self.put_back(&new.key.id, there.as_ref()).await;
            return Err(error);
        }
        self.forget_orphan(before.as_deref(), new.key.id.as_str()).await;
        self.publish();
        Ok(())
    }

    /// The keychain's entry as it was before a change that failed: another profile may live on it.
    async fn put_back(&self, id: &AccessKeyId, there: Option<&AccessKey>) {
        let restored = match there {
            Some(before) => self.0.keys.put_access_key(before).await,
            None => self.0.keys.delete_access_key(id).await,
        };
        self.keychain_said(restored.as_ref().err());
    }

    /// A key that was replaced and that no profile names any more leaves the keychain.
    async fn forget_orphan(&self, before: Option<&str>, now: &str) {
        let Some(old) = before.filter(|old| *old != now) else { return };
        let used = self.files().is_ok_and(|files| files.profiles().iter().any(|profile| profile.get(KEY) == Some(old)));
        if let (false, Ok(id)) = (used, AccessKeyId::parse(old)) {
            let _ = self.0.keys.delete_access_key(&id).await;
        }
    }

    /// Writes a role profile.
    pub async fn add_role(&self, new: NewRole) -> Result<()> {
        let _edit = self.0.editing.lock().await;
        let files = self.files()?;
        self.write_kept(&role_edit(&files, &new)?, &format!("new role profile {}", new.profile)).await?;
        self.publish();
        Ok(())
    }

    /// Moves the plaintext access key of a profile into the keychain, proves it with GetCallerIdentity, then clears the file.
    pub async fn import(&self, profile: &ProfileName) -> Result<()> {
        let _edit = self.0.editing.lock().await;
        let files = self.files()?;
        let Some(key) = files.plaintext_key(profile) else {
            if files.profile(profile).is_none() {
                files.resolve(profile)?;
            }
            return Err(no_plaintext_key(profile));
        };
        let there = self.0.keys.access_key(&key.id).await;
        self.keychain_said(there.as_ref().err());
        let there = there?;
        self.0.keys.put_access_key(&key).await?;
        // What comes back from the keychain is tried, not what was read from the file.
        let proven = match self.0.keys.access_key(&key.id).await {
            Ok(Some(kept)) => {
                let region = self.0.aws.region(&files, profile.as_str(), Partition::Aws)?;
                let config = self.0.aws.config(&files, profile.as_str(), partition_of(Some(&region))).await;
                caller_identity(&config, &Signer::Key(kept), false).await.map(|_| ())
            }
            Ok(None) => Err(Error::new(
                Code::KeychainRefused,
                "The keychain did not keep the access key",
                "Look at the keychain, then try again; the file is as it was",
            )),
            Err(error) => Err(error),
        };
        let moved = match proven {
            Ok(()) => {
                let edit = Edit::take_key(self.0.parts.paths.clone(), profile.clone(), key.id.clone());
                self.write_kept(&edit, &format!("import {profile}")).await.map(drop)
            }
            Err(error) => Err(Error { message: format!("{}; the file is as it was", error.message), ..error }),
        };
        if moved.is_err() {
            self.put_back(&key.id, there.as_ref()).await;
        }
        self.publish();
        moved
    }

    /// Puts an imported key back into its file, byte for byte.
    pub async fn undo_import(&self, profile: &ProfileName) -> Result<()> {
        let _edit = self.0.editing.lock().await;
        let (id, key) = self.imported_key(profile).await?;
        self.write_kept(&Edit::put_key_back(profile.clone(), key), &format!("import --undo {profile}")).await?;
        let still = self.files()?.profiles().iter().any(|other| other.get(KEY) == Some(id.as_str()));
        if !still {
            self.0.keys.delete_access_key(&id).await?;
        }
        self.publish();
        Ok(())
    }

    /// The key of the keychain that a profile has.
    pub(super) async fn imported_key(&self, profile: &ProfileName) -> Result<(AccessKeyId, AccessKey)> {
        let files = self.files()?;
        let found = files.profile(profile).map_or_else(|| files.resolve(profile).map(|_| None), |found| Ok(found.get(KEY).map(str::to_owned)))?;
        let Some(id) = found else {
            return Err(Error::new(
                Code::NoCredentials,
                format!("{profile} has no access key in {}", self.0.secrets.place().words()),
                "Run: stagedoor keys list",
            ));
        };
        let id = AccessKeyId::parse(&id)?;
        let key = self.0.keys.access_key(&id).await;
        self.keychain_said(key.as_ref().err());
        let key = key?.ok_or_else(|| {
            Error::new(
                Code::NoCredentials,
                format!("The access key {id} is not in {}", self.0.secrets.place().words()),
                format!("Store it again: stagedoor keys add {profile}"),
            )
        })?;
        Ok((id, key))
    }

    /// Hands a profile out through `credential_process`.
    pub async fn connect(&self, profile: &ProfileName) -> Result<()> {
        let access_key = self.files()?.resolve(profile)?.hand_out_access_key;
        self.edit_files(&FileEdit::Connect { profiles: vec![profile.clone()], access_key }).await.map(drop)
    }

    /// Gives its section back as it was. What was said for handing it out does not outlive it.
    pub async fn disconnect(&self, profile: &ProfileName) -> Result<()> {
        self.edit_files(&FileEdit::Disconnect { profiles: vec![profile.clone()] }).await.map(drop)
    }

    /// Whether the access key itself is handed out instead of GetSessionToken credentials.
    pub async fn hand_out_access_key(&self, profile: &ProfileName, yes: bool) -> Result<()> {
        let _edit = self.0.editing.lock().await;
        let chain = self.files()?.resolve(profile)?;
        if yes && !(chain.hops.is_empty() && matches!(chain.base, Base::AccessKey { .. })) {
            return Err(no_plain_key(profile));
        }
        if yes || chain.hand_out_access_key {
            let edit = Edit::set_all(profile, &[(HAND_OUT, yes.then_some("true"))])?;
            self.write_kept(&edit, &format!("hand out the access key of {profile}: {}", if yes { "yes" } else { "no" })).await?;
        }
        self.publish();
        Ok(())
    }

    /// Stars a profile or takes the star away.
    pub async fn set_favourite(&self, profile: &ProfileName, favourite: bool) -> Result<()> {
        self.choose(|choices| choices.profiles.entry(profile.as_str().to_owned()).or_default().favourite = favourite).await
    }

    /// Gives a profile one of the eight account colours.
    pub async fn set_colour(&self, profile: &ProfileName, colour: u8) -> Result<()> {
        if !(1..=8).contains(&colour) {
            return Err(Error::invalid("colour", &colour.to_string(), "1 to 8"));
        }
        self.choose(|choices| choices.profiles.entry(profile.as_str().to_owned()).or_default().colour = Some(colour)).await
    }

    /// Replaces the settings.
    pub async fn set_settings(&self, settings: Settings) -> Result<()> {
        if !(900..=crate::issue::LONGEST_SECONDS).contains(&settings.mfa_session_seconds) {
            return Err(Error::invalid(
                "length of an MFA session",
                &settings.mfa_session_seconds.to_string(),
                "900 to 129600 seconds (15 minutes to 36 hours)",
            ));
        }
        super::locking::check(&settings)?;
        let chosen = self.choose(|choices| choices.settings = settings).await;
        self.0.locking.again.notify_one();
        chosen
    }
}

/// What storing a key writes into the config file.
pub(super) fn key_edit(
    files: &AwsFiles,
    profile: &ProfileName,
    id: &AccessKeyId,
    region: Option<&str>,
    mfa_serial: Option<&MfaSerial>,
) -> Result<Edit<'static>> {
    if id.is_temporary() {
        return Err(Error::new(
            Code::InvalidValue,
            format!("{id} is the ID of temporary credentials, which end by themselves"),
            "Store a long-lived access key, whose ID begins with AKIA",
        ));
    }
    if let Some(found) = files.profile(profile)
        && !matches!(found.kind(), ProfileKind::AccessKey | ProfileKind::Unresolved)
        && found.get("source_profile") != Some(profile.as_str())
    {
        return Err(Error::new(
            Code::InvalidValue,
            format!("{profile} gets its credentials elsewhere, so a key of its own would never be used"),
            "Store the key under the profile that it is the source of, or under a new name",
        ));
    }
    if files.plaintext_key(profile).is_some() {
        return Err(Error::new(
            Code::InvalidValue,
            format!("{profile} has an access key in a plain file already"),
            format!("Move that one into the keychain: stagedoor import {profile}"),
        ));
    }
    let mut properties = vec![(KEY, id.as_str())];
    properties.extend(region.map(str::trim).filter(|region| !region.is_empty()).map(|region| ("region", region)));
    properties.extend(mfa_serial.map(|serial| ("mfa_serial", serial.as_str())));
    if files.profile(profile).is_some() {
        Edit::set_all(profile, &properties.iter().map(|(key, value)| (*key, Some(*value))).collect::<Vec<_>>())
    } else {
        Edit::add_profile(profile, &properties)
    }
}

/// What a new role profile writes into the config file.
pub(super) fn role_edit(files: &AwsFiles, new: &NewRole) -> Result<Edit<'static>> {
    let Some(source) = files.profile(&new.source_profile) else {
        return Err(Error::new(
            Code::MissingSource,
            format!("There is no profile {} to get the role with", new.source_profile),
            "Choose a profile that exists, or add its access key first",
        ));
    };
    let duration = new.duration.map(|duration| duration.seconds().to_string());
    let mut properties = vec![("role_arn", new.role_arn.as_str()), ("source_profile", new.source_profile.as_str())];
    let optional = [
        ("mfa_serial", new.mfa_serial.as_ref().map(MfaSerial::as_str)),
        ("external_id", new.external_id.as_ref().map(ExternalId::as_str)),
        ("role_session_name", new.role_session_name.as_ref().map(RoleSessionName::as_str)),
        ("duration_seconds", duration.as_deref()),
        // A role of the practice account is asked for there, and nowhere else.
        ("endpoint_url", source.get("endpoint_url")),
        ("stagedoor_practice", source.get("stagedoor_practice")),
        ("region", new.region.as_deref().map(str::trim).filter(|region| !region.is_empty())),
    ];
    properties.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value?))));
    Edit::add_profile(&new.profile, &properties)
}

pub(super) fn no_plaintext_key(profile: &ProfileName) -> Error {
    Error::new(
        Code::NoCredentials,
        format!("{profile} has no access key in a plain file"),
        "Run: stagedoor profiles, to see where each profile's credentials come from",
    )
}

pub(super) fn no_plain_key(profile: &ProfileName) -> Error {
    Error::new(
        Code::InvalidValue,
        format!("{profile} is no plain access key, so there is no key of its own to hand out"),
        format!("Connect it without --access-key: stagedoor connect {profile}"),
    )
}
