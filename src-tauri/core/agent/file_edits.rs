//! Edits of the AWS files as a person meets them: shown first, then made; kept as versions, and taken back to one of them.
//!
//! What an edit would change and the edit itself come from the same value, so that what was shown is what is written. Each is
//! one write of both files and one at a time.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{
    Agent, Asker,
    approval::ASKS,
    connecting::{connectable, disconnecting},
    patience::patiently,
    profiles::{NewRole, key_edit, role_edit},
};
use crate::{
    error::{Code, Error, Result},
    model::{access_key::AccessKeyId, file_diff::FileDiff, params::MfaSerial, profile::ProfileName},
    store::{
        aws_files::{
            AwsFiles, diff,
            edit::{AwsFile, Changes, Content, Edit},
            written,
        },
        files,
    },
};

/// What shall be done with the AWS files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum FileEdit {
    /// Hand profiles out through Stagedoor, in one write.
    Connect {
        /// Which.
        profiles: Vec<ProfileName>,
        /// Also hand out the access key itself, of a plain one.
        access_key: bool,
    },
    /// Hand out all that can be.
    ConnectAll,
    /// Give profiles back as they were.
    Disconnect {
        /// Which.
        profiles: Vec<ProfileName>,
    },
    /// Give all back.
    DisconnectAll,
    /// Move access keys into the keychain; each is proven with AWS before its line leaves the file.
    Import {
        /// Whose.
        profiles: Vec<ProfileName>,
    },
    /// Put an access key back into its file.
    UndoImport {
        /// Whose.
        profile: ProfileName,
    },
    /// Add an access key's profile. Only to be shown: the key itself is stored and written with [`Agent::add_access_key`].
    AddKey {
        /// Made where there is none.
        profile: ProfileName,
        /// The key's public half.
        access_key_id: AccessKeyId,
        /// `region`
        region: Option<String>,
        /// `mfa_serial`
        #[cfg_attr(test, ts(type = "string | null"))]
        mfa_serial: Option<MfaSerial>,
    },
    /// Add a role profile.
    AddRole {
        /// What it says.
        role: NewRole,
    },
    /// Make a file what it was.
    Restore {
        /// Which.
        file: AwsFile,
        /// The number of the version.
        number: u32,
    },
}

/// What an edit would change, or has changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Preview {
    /// The profiles that it is about.
    pub profiles: Vec<ProfileName>,
    /// Those that are left as they are.
    pub skipped: Vec<Skipped>,
    /// The files that become others, line by line.
    pub diffs: Vec<FileDiff>,
}

/// A profile that is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct Skipped {
    /// Which.
    pub profile: ProfileName,
    /// Why.
    pub why: String,
}

/// One version of a file, without what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export))]
pub struct VersionLine {
    /// Of which file.
    pub file: AwsFile,
    /// Counts up for each file.
    pub number: u32,
    /// When it was seen.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, ts(type = "string"))]
    pub at: OffsetDateTime,
    /// What made it.
    pub by: String,
    /// In bytes.
    pub size: u32,
    /// Whether the file says exactly this now.
    pub current: bool,
}

/// What a program asks about edits of the AWS files.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum FilesRequest {
    /// What an edit would change; writes nothing.
    Preview {
        /// Which edit.
        wanted: FileEdit,
    },
    /// Make an edit.
    Edit {
        /// Which.
        wanted: FileEdit,
    },
    /// The last versions of both files.
    Versions,
    /// What was different in one of them.
    Diff {
        /// Of which file.
        file: AwsFile,
        /// Which.
        number: u32,
        /// Against the file as it is now, instead of the version before.
        against_now: bool,
    },
}

/// What the agent answers to that.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesAnswer {
    /// What an edit changes or has changed.
    Preview(Preview),
    /// Newest first.
    Versions(Vec<VersionLine>),
    /// Line by line.
    Diff(FileDiff),
}

/// An edit that was thought through on the files as they are.
pub(super) struct Planned<'a> {
    pub(super) edit: Edit<'a>,
    pub(super) by: String,
    pub(super) told: Preview,
}

impl Agent {
    /// Answers a program.
    pub(super) async fn about_files(&self, ask: FilesRequest, asker: &Asker) -> Result<FilesAnswer> {
        match ask {
            FilesRequest::Preview { wanted } => self.preview(&wanted).await.map(FilesAnswer::Preview),
            FilesRequest::Edit { wanted } => {
                for profile in self.laid_open(&wanted)? {
                    self.unlocked()?;
                    self.allowed_by_name(&profile, "plain_file", asker).await?;
                }
                self.edit_files(&wanted).await.map(FilesAnswer::Preview)
            }
            FilesRequest::Versions => self.file_versions().await.map(FilesAnswer::Versions),
            FilesRequest::Diff { file, number, against_now } => self.version_diff(file, number, against_now).await.map(FilesAnswer::Diff),
        }
    }

    /// The profiles whose secrets an edit can lay open in a plain file: whoever set them to ask is asked. An earlier version may
    /// hold anybody's, and may not know yet that a profile asks.
    fn laid_open(&self, wanted: &FileEdit) -> Result<Vec<ProfileName>> {
        Ok(match wanted {
            FileEdit::UndoImport { profile } => vec![profile.clone()],
            FileEdit::Restore { .. } => {
                let files = self.files()?;
                let asking = files.profiles().iter().filter(|profile| profile.get(ASKS).is_some()).map(|profile| ProfileName::new(&profile.name));
                asking.collect()
            }
            FileEdit::Connect { .. }
            | FileEdit::ConnectAll
            | FileEdit::Disconnect { .. }
            | FileEdit::DisconnectAll
            | FileEdit::Import { .. }
            | FileEdit::AddKey { .. }
            | FileEdit::AddRole { .. } => Vec::new(),
        })
    }

    /// What an edit would change. Writes nothing.
    pub async fn preview(&self, wanted: &FileEdit) -> Result<Preview> {
        let planned = self.plan(wanted).await?;
        let changes = planned.edit.preview(&self.0.parts.paths)?;
        Ok(Preview { diffs: diff::of_changes(&self.0.parts.paths, &changes), ..planned.told })
    }

    /// Makes an edit and tells what it changed.
    pub async fn edit_files(&self, wanted: &FileEdit) -> Result<Preview> {
        // What needs the keychain too is done one by one.
        match wanted {
            FileEdit::Import { profiles } => {
                let shown = self.preview(wanted).await?;
                for profile in profiles {
                    self.import(profile).await?;
                }
                return Ok(shown);
            }
            FileEdit::UndoImport { profile } => {
                let shown = self.preview(wanted).await?;
                return self.undo_import(profile).await.map(|()| shown);
            }
            FileEdit::AddRole { role } => {
                let shown = self.preview(wanted).await?;
                return self.add_role(role.clone()).await.map(|()| shown);
            }
            FileEdit::AddKey { profile, .. } => {
                return Err(Error::new(Code::InvalidValue, "The secret access key is missing", format!("Run: stagedoor keys add {profile}")));
            }
            FileEdit::Connect { .. } | FileEdit::ConnectAll | FileEdit::Disconnect { .. } | FileEdit::DisconnectAll | FileEdit::Restore { .. } => {}
        }
        let one = self.0.editing.lock().await;
        let planned = self.plan(wanted).await?;
        let changes = self.write_kept(&planned.edit, &planned.by).await?;
        drop(one);
        if changes.credentials.differs() {
            self.write_credentials_again().await;
        }
        self.publish();
        Ok(Preview { diffs: diff::of_changes(&self.0.parts.paths, &changes), ..planned.told })
    }

    /// Writes an edit; what was there before and what is there then are kept as versions. The caller holds `editing`.
    pub(super) async fn write_kept(&self, edit: &Edit<'_>, by: &str) -> Result<Changes> {
        let (keeper, paths) = (self.0.versions.keeper(by).await, &self.0.parts.paths);
        let lock = self.lock_aws_files().await?;
        let (mut tries, mut kept): (u32, Result<()>) = (0, Ok(()));
        let both = |changes: &Changes, keep: &mut dyn FnMut(&std::path::Path, &Content) -> Result<()>, after: bool| {
            for (path, changed) in [(&paths.aws_config, &changes.config), (&paths.aws_credentials, &changes.credentials)] {
                if changed.differs() {
                    keep(path, if after { &changed.after } else { &changed.before })?;
                }
            }
            Ok(())
        };
        let before = |changes: &Changes| both(changes, &mut |path, content| content.as_ref().map_or(Ok(()), |content| keeper.before(path, content)), false);
        // Before the first attempt only: where somebody writes all the time, the others would be lost to the time that keeping takes,
        // and what they find is not worth a version each.
        let mut about_to = |changes: &Changes| {
            tries += 1;
            if tries == 1 {
                kept = before(changes);
            }
        };
        let changes = patiently(|| edit.write_under(&lock, paths, &mut about_to)).await?;
        if tries > 1 {
            kept = before(&changes);
        }
        let after = both(&changes, &mut |path, content| content.as_ref().map_or(Ok(()), |content| keeper.after(path, content)), true);
        // The edit is made; that its versions only wait in memory is told, and is no reason to fail.
        self.problems().versions = kept
            .and(after)
            .err()
            .map(|error| Error { message: format!("The last versions of the AWS files are not kept on disk yet: {}", error.message), ..error });
        Ok(changes)
    }

    /// The versions of both files, newest first.
    pub async fn file_versions(&self) -> Result<Vec<VersionLine>> {
        let mut lines = Vec::new();
        for file in [AwsFile::Config, AwsFile::Credentials] {
            let (path, now) = self.read_file(file)?;
            for version in self.0.versions.list(path).await? {
                let current = now.as_ref().is_some_and(|now| now[..] == version.content[..]);
                let size = u32::try_from(version.content.len()).unwrap_or(u32::MAX);
                lines.push(VersionLine { file, number: version.number, at: version.about.at, by: version.about.by, size, current });
            }
        }
        Ok(lines)
    }

    /// What was different in a version: against the one before it, or against the file as it is now.
    pub async fn version_diff(&self, file: AwsFile, number: u32, against_now: bool) -> Result<FileDiff> {
        let (path, now) = self.read_file(file)?;
        let version = self.0.versions.get(path, number).await?;
        let (before, after) = if against_now {
            (Some(version.content), now)
        } else {
            let before = self.0.versions.list(path).await?.into_iter().find(|other| other.number < number);
            (before.map(|before| before.content), Some(version.content))
        };
        Ok(diff::of_file(&self.0.parts.paths, file, &before, &after))
    }

    fn read_file(&self, file: AwsFile) -> Result<(&std::path::Path, Content)> {
        let paths = &self.0.parts.paths;
        let path = match file {
            AwsFile::Config => &paths.aws_config,
            AwsFile::Credentials => &paths.aws_credentials,
        };
        Ok((path, files::read(path)?))
    }

    async fn plan(&self, wanted: &FileEdit) -> Result<Planned<'static>> {
        let files = self.files()?;
        match wanted {
            FileEdit::Connect { profiles, access_key } => self.connecting(&files, profiles.clone(), *access_key),
            FileEdit::ConnectAll => {
                let (profiles, skipped) = connectable(&files);
                let mut planned = self.connecting(&files, profiles, false)?;
                "connect --all".clone_into(&mut planned.by);
                planned.told.skipped = skipped;
                Ok(planned)
            }
            FileEdit::Disconnect { profiles } => disconnecting(&files, profiles.clone()),
            FileEdit::DisconnectAll => {
                let connected = files.profiles().iter().filter(|profile| profile.connected).map(|profile| ProfileName::new(&profile.name));
                let mut planned = disconnecting(&files, connected.collect())?;
                "disconnect --all".clone_into(&mut planned.by);
                Ok(planned)
            }
            FileEdit::Import { profiles } => {
                let mut edit = Edit::nothing();
                for profile in profiles {
                    let id = plaintext_id(&files, profile)?;
                    edit = edit.then(Edit::take_key(self.0.parts.paths.clone(), profile.clone(), id));
                }
                Ok(Planned { edit, by: String::new(), told: Preview { profiles: profiles.clone(), ..Preview::default() } })
            }
            FileEdit::UndoImport { profile } => {
                let (_, key) = self.imported_key(profile).await?;
                let told = Preview { profiles: vec![profile.clone()], ..Preview::default() };
                Ok(Planned { edit: Edit::put_key_back(profile.clone(), key), by: String::new(), told })
            }
            FileEdit::AddKey { profile, access_key_id, region, mfa_serial } => {
                let edit = key_edit(&files, profile, access_key_id, region.as_deref(), mfa_serial.as_ref())?;
                Ok(Planned { edit, by: String::new(), told: Preview { profiles: vec![profile.clone()], ..Preview::default() } })
            }
            FileEdit::AddRole { role } => {
                let told = Preview { profiles: vec![role.profile.clone()], ..Preview::default() };
                Ok(Planned { edit: role_edit(&files, role)?, by: String::new(), told })
            }
            FileEdit::Restore { file, number } => {
                let version = self.0.versions.get(self.read_file(*file)?.0, *number).await?;
                let profiles = if *file == AwsFile::Credentials { written::without(&version.content).1 } else { BTreeSet::new() };
                let why = "temporary credentials that stood in that version for it are not brought back";
                let skipped = profiles.iter().map(|profile| Skipped { profile: ProfileName::new(profile), why: why.to_owned() }).collect();
                let (edit, by) = (Edit::restore(*file, &version.content), format!("restore of version {number}"));
                Ok(Planned { edit, by, told: Preview { skipped, ..Preview::default() } })
            }
        }
    }
}

/// `connect a, b`; many are counted.
pub(super) fn called(verb: &str, profiles: &[ProfileName]) -> String {
    match profiles {
        [] => verb.to_owned(),
        few if few.len() <= 3 => format!("{verb} {}", few.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(" ")),
        many => format!("{verb} {} and {} more", many[0], many.len() - 1),
    }
}

fn plaintext_id(files: &AwsFiles, profile: &ProfileName) -> Result<AccessKeyId> {
    if files.profile(profile).is_none() {
        files.resolve(profile)?;
    }
    let key = files.plaintext_key(profile).ok_or_else(|| super::profiles::no_plaintext_key(profile))?;
    Ok(key.id)
}
