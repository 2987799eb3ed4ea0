//! The AWS files as last read, and what of each profile they alone decide.
//!
//! After a change, a profile is looked at again when a section of it changed, or of a profile that its source profiles lead to. All
//! others keep the view they have, so that a changed line among 10,000 profiles costs little more than reading the file.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use super::{leads::Leads, view::base_view};
use crate::{
    error::{Error, Result},
    model::{
        profile::{Profile, ProfileName},
        snapshot::ProfileView,
    },
    paths::Paths,
    store::aws_files::{AwsFiles, Change},
};

/// The files as last read.
#[derive(Debug, Default)]
pub(super) struct Read {
    stamp: Option<[Stamp; 2]>,
    /// Why they could not be read; `files` are then those of before.
    failed: Option<Error>,
    files: Arc<AwsFiles>,
    base: Arc<Vec<Base>>,
}

/// What only the files decide about a profile.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) view: Arc<ProfileView>,
    pub(super) leads: Option<Arc<Leads>>,
    pub(super) name: Mark,
    /// Of its source profile, there or not.
    source: Option<Mark>,
}

/// A name as a number: quick to compare. Two names that share one cost a second look and nothing else.
pub(super) type Mark = u64;

/// The mark of a profile's name.
pub(super) fn mark(name: &str) -> Mark {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// Changes whenever a file does.
type Stamp = Option<(SystemTime, u64, u64)>;

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let id = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let id = 0;
    Some((metadata.modified().ok()?, metadata.len(), id))
}

impl Read {
    /// The files as they are now, and whether they changed since the last look.
    pub(super) fn fresh(&mut self, paths: &Paths) -> (Result<Arc<AwsFiles>>, bool) {
        let now = [stamp(&paths.aws_config), stamp(&paths.aws_credentials)];
        let changed = self.stamp != Some(now);
        if changed {
            // Whoever still works with the files of before keeps them.
            let files = Arc::make_mut(&mut self.files);
            match files.refresh(paths) {
                Ok(change) => {
                    look_again(&mut self.base, files, &change);
                    self.failed = None;
                }
                Err(error) => self.failed = Some(error),
            }
            self.stamp = Some(now);
        }
        (self.files(), changed)
    }

    /// The files as last read, or why they could not be.
    fn files(&self) -> Result<Arc<AwsFiles>> {
        self.failed.clone().map_or_else(|| Ok(Arc::clone(&self.files)), Err)
    }

    /// Where a profile leads in these files, if they are those that were read last and it leads anywhere.
    pub(super) fn leads(&self, files: &Arc<AwsFiles>, profile: &ProfileName) -> Option<Arc<Leads>> {
        let (same, name) = (Arc::ptr_eq(&self.files, files), mark(profile.as_str()));
        let found = self.base.iter().filter(|_| same).find(|base| base.name == name && base.view.name == *profile);
        found.and_then(|base| base.leads.clone())
    }

    /// What only the files decide, in their order; and the files, where they could be read.
    pub(super) fn seen(&self) -> (Arc<Vec<Base>>, Option<Arc<AwsFiles>>) {
        (Arc::clone(&self.base), self.files().ok().filter(|_| self.stamp.is_some()))
    }
}

fn look_again(base: &mut Arc<Vec<Base>>, files: &AwsFiles, change: &Change) {
    let profiles = files.profiles();
    if change.common {
        *base = Arc::new(profiles.iter().map(|profile| look(files, profile)).collect());
        return;
    }
    let stale = stale(base, change);
    let is_stale = |name: Mark| stale.binary_search(&name).is_ok();
    if !change.places {
        for (base, profile) in Arc::make_mut(base).iter_mut().zip(profiles.iter()) {
            if is_stale(base.name) {
                *base = look(files, profile);
            }
        }
        return;
    }
    let before: std::collections::HashMap<&str, &Base> = base.iter().filter(|base| !is_stale(base.name)).map(|base| (base.view.name.as_str(), base)).collect();
    let now = profiles.iter().map(|profile| before.get(profile.name.as_str()).map_or_else(|| look(files, profile), |base| (*base).clone())).collect();
    *base = Arc::new(now);
}

/// The profiles that changed and all that stand on one of them, sorted.
fn stale(base: &[Base], change: &Change) -> Vec<Mark> {
    let mut stale: Vec<Mark> = change.profiles.iter().map(|name| mark(name)).collect();
    stale.sort_unstable();
    loop {
        let has = |name: Mark| stale.binary_search(&name).is_ok();
        let more: Vec<Mark> = base.iter().filter(|base| base.source.is_some_and(has) && !has(base.name)).map(|base| base.name).collect();
        if more.is_empty() {
            return stale;
        }
        stale.extend(more);
        stale.sort_unstable();
    }
}

fn look(files: &AwsFiles, profile: &Profile) -> Base {
    let (view, leads) = base_view(files, profile);
    let source = profile.get("source_profile").map(mark);
    Base { view: Arc::new(view), leads: leads.map(Arc::new), name: mark(&profile.name), source }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::paths::Platform;

    /// Lines that mean something to each other: headers, what they may hold, and what is wrong.
    const LINES: [&str; 40] = [
        "[default]",
        "[profile default]",
        "[profile a]",
        "[profile b]",
        "[profile c]",
        "[profile d]",
        "[profile \"e e\"]",
        "[a]",
        "[b]",
        "[c]",
        "[sso-session s]",
        "[services v]",
        "[plugins]",
        "[profile broken",
        "[profile a] # again",
        "region = eu-west-1",
        "region = us-east-1 # a comment",
        "role_arn = arn:aws:iam::111122223333:role/One",
        "role_arn = arn:aws:iam::444455556666:role/Two",
        "role_arn = no ARN",
        "source_profile = a",
        "source_profile = b",
        "source_profile = c",
        "source_profile = default",
        "source_profile = nowhere",
        "stagedoor_access_key_id = AKIAIOSFODNN7EXAMPLE",
        "aws_access_key_id = AKIAI44QH8DHBEXAMPLE",
        "aws_secret_access_key = je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        "aws_session_token = FwoGZXIvYXdzEXAMPLE",
        "aws_session_token =",
        "credential_process = /opt/stagedoor/stagedoor credential-process a",
        "mfa_serial = arn:aws:iam::111122223333:mfa/alice",
        "sso_session = s",
        "sso_start_url = https://example.awsapps.com/start",
        "services = v",
        "sts =",
        "  endpoint_url = http://127.0.0.1:1",
        "no property",
        "# a comment",
        "",
    ];

    /// One edit: of which file, from which line on, how many lines go, which come; and how the file ends.
    type Edit = (bool, usize, usize, Vec<usize>, u8);

    fn edits() -> impl Strategy<Value = Vec<Edit>> {
        let edit = (any::<bool>(), 0..60_usize, 0..6_usize, proptest::collection::vec(0..LINES.len(), 0..12), 0..24_u8);
        proptest::collection::vec(edit, 1..16)
    }

    fn apply(path: &Path, (_, from, gone, new, ending): &Edit) {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
        let from = from % (lines.len() + 1);
        let end = (from + gone).min(lines.len());
        lines.splice(from..end, new.iter().map(|line| LINES[*line]));
        let mut text = lines.join(if *ending == 1 { "\r\n" } else { "\n" });
        match ending {
            0 => {}
            2 => text = format!("\u{feff}{text}\n"),
            _ => text.push('\n'),
        }
        if *ending == 3 {
            fs::remove_file(path).unwrap_or_default();
        } else {
            std::io::Write::write_all(&mut fs::File::create(path).unwrap(), text.as_bytes()).unwrap();
        }
    }

    /// All that can be learned from the files.
    fn told(files: &AwsFiles) -> String {
        let secrets: Vec<_> = files
            .profiles()
            .iter()
            .map(|profile| {
                let name = ProfileName::new(&profile.name);
                let key = files.plaintext_key(&name).map(|key| (key.id, key.secret.expose().to_owned()));
                let session = files.plaintext_session(&name).map(|(_, token)| token.expose().to_owned());
                (key, session, files.resolve(&name), files.profile(&name).is_some())
            })
            .collect();
        let rest = (files.problems(), files.found(), files.readable_by_others(), files.services("v"), files.sso_session("s"));
        format!("{:?} {secrets:?} {rest:?}", files.profiles())
    }

    proptest! {
        #[test]
        fn what_is_read_again_is_what_is_read_anew(edits in edits()) {
            let home = tempfile::tempdir().unwrap();
            let paths = Paths::from_env(Platform::current(), |name| (name == "HOME").then(|| home.path().to_string_lossy().into_owned()));
            fs::create_dir(home.path().join(".aws")).unwrap();
            let mut read = Read::default();
            for edit in edits {
                apply(if edit.0 { &paths.aws_config } else { &paths.aws_credentials }, &edit);
                // Two edits within a tick of the file system's clock can look alike.
                read.stamp = None;
                let again = read.fresh(&paths).0.unwrap();
                let mut anew = Read::default();
                prop_assert_eq!(told(&again), told(&anew.fresh(&paths).0.unwrap()));
                prop_assert_eq!(format!("{:?}", read.base), format!("{:?}", anew.base));
            }
        }
    }

    #[test]
    fn a_changed_line_leaves_the_views_of_all_others_alone() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::from_env(Platform::current(), |name| (name == "HOME").then(|| home.path().to_string_lossy().into_owned()));
        let config = |region: &str| {
            let role = |name: &str, source: &str| format!("[profile {name}]\nrole_arn = arn:aws:iam::111122223333:role/R\nsource_profile = {source}\n");
            format!(
                "[profile key]\nstagedoor_access_key_id = AKIAIOSFODNN7EXAMPLE\nregion = {region}\n{}{}{}",
                role("one", "key"),
                role("two", "one"),
                role("other", "nowhere")
            )
        };
        let mut read = Read::default();
        let mut views = |region: &str| {
            crate::store::files::write_atomic(&paths.aws_config, config(region).as_bytes()).unwrap();
            read.stamp = None;
            read.fresh(&paths).0.unwrap();
            read.seen().0.iter().map(|base| Arc::clone(&base.view)).collect::<Vec<_>>()
        };
        let (before, after) = (views("eu-west-1"), views("eu-west-2"));
        let same: Vec<_> = before.iter().zip(&after).map(|(before, after)| Arc::ptr_eq(before, after)).collect();
        assert_eq!(same, [false, false, false, true], "the key, the roles that stand on it, and one that does not");
    }
}
