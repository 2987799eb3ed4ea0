//! Moving an access key: out of the files, whose line stays as a place, and back into that place, byte for byte.
//!
//! The key is in the keychain before its line leaves the file, which is the agent's business; here only the text changes.

use super::{
    both::{Edit, Next, Order},
    change::{Change, Property},
    edit::{is_our_line, section},
    keys,
};
use crate::{
    error::{Code, Error},
    model::{
        access_key::{AccessKey, AccessKeyId},
        profile::ProfileName,
        secret::Secret,
    },
    paths::Paths,
    store::aws_files::AwsFiles,
};

impl Edit<'_> {
    /// Moves an access key out of the files: its ID stays under our own key, its secret is gone. The keychain must have it by then.
    pub fn take_key(paths: Paths, profile: ProfileName, key_id: AccessKeyId) -> Self {
        let name = section(&profile);
        Self::new(Order::CredentialsFirst, move |files| {
            let read = AwsFiles::of([(&paths.aws_config, &files.config.document), (&paths.aws_credentials, &files.credentials.document)]);
            let key = read.plaintext_key(&profile).filter(|key| key.id == key_id).ok_or_else(|| no_such_key(&profile, &key_id))?;
            let mut changes = [Change::new(&files.config.document), Change::new(&files.credentials.document)];
            for change in &mut changes {
                for property in change.properties(&name) {
                    let value = change.document.value(property.line);
                    match keys::effective(&property.name) {
                        keys::ID if value == key_id.as_str() => change.replace_key(&property, keys::OWN_ID),
                        keys::SECRET if Secret::new(value.as_str()) == key.secret => {
                            change.replace_key(&property, keys::OWN_PLACE);
                            change.replace(property.value, keys::KEYCHAIN);
                        }
                        _ => {}
                    }
                }
            }
            let [config, credentials] = changes.map(|change| Next::Text(change.apply()));
            Ok((config, credentials))
        })
    }

    /// The reverse of [`take_key`].
    pub fn put_key_back(profile: ProfileName, key: AccessKey) -> Self {
        let name = section(&profile);
        Self::new(Order::CredentialsFirst, move |files| {
            let mut changes = [Change::new(&files.config.document), Change::new(&files.credentials.document)];
            let connected = changes.iter().any(|change| change.properties(&name).iter().any(|property| is_our_line(change.document, property, &profile)));
            let prefix = if connected { keys::PREFIX } else { "" };
            let (mut ids, mut secrets) = (0, 0);
            for change in &mut changes {
                let properties = change.properties(&name);
                let at = |property: &Property| change.document.at(&property.value).to_owned();
                let is_id = |property: &Property| property.name == keys::OWN_ID;
                // A place belongs to the ID in its section, or to whichever there is when its section has none.
                let of_other_key = |place: &Property| {
                    let mut beside = properties.iter().filter(|other| is_id(other) && other.section == place.section).peekable();
                    beside.peek().is_some() && beside.all(|other| at(other) != key.id.as_str())
                };
                let found: Vec<_> = properties
                    .iter()
                    .map(|property| {
                        (
                            is_id(property) && at(property) == key.id.as_str(),
                            property.name == keys::OWN_PLACE && at(property) == keys::KEYCHAIN && !of_other_key(property),
                        )
                    })
                    .collect();
                for (property, (is_id, is_place)) in properties.into_iter().zip(found) {
                    if is_id {
                        ids += 1;
                        change.replace_key_with_prefix(&property, prefix, keys::ID);
                    } else if is_place {
                        secrets += 1;
                        change.replace_key_with_prefix(&property, prefix, keys::SECRET);
                        change.replace(property.value, key.secret.expose());
                    }
                }
            }
            if ids == 0 || secrets == 0 {
                return Err(Error::new(
                    Code::NoCredentials,
                    format!("The access key {} of the profile “{profile}” did not come from a file, so there is no place to put it back to", key.id),
                    "It stays in the keychain",
                ));
            }
            let [config, credentials] = changes.map(|change| Next::Text(change.apply()));
            Ok((config, credentials))
        })
    }
}

impl Change<'_> {
    /// Gives a property another key, in capitals where the old one was.
    fn replace_key(&mut self, property: &Property, key: &str) {
        self.replace_key_with_prefix(property, "", key);
    }

    fn replace_key_with_prefix(&mut self, property: &Property, prefix: &str, key: &str) {
        let old = self.document.at(&property.key);
        let old = if keys::was_renamed(&property.name) { &old[keys::PREFIX.len()..] } else { old };
        let capitals = !old.bytes().any(|b| b.is_ascii_lowercase());
        let key = if capitals { key.to_ascii_uppercase() } else { key.to_owned() };
        self.replace(property.key.clone(), format!("{prefix}{key}"));
    }
}

fn no_such_key(profile: &ProfileName, key_id: &AccessKeyId) -> Error {
    Error::new(
        Code::NoCredentials,
        format!("The access key {key_id} of the profile “{profile}” is not in the files any more, or is no complete access key"),
        "See what the files hold with: stagedoor profiles",
    )
}
