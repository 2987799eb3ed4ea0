//! The keys that Stagedoor renames, and those of its own. Its own begin with `stagedoor_`, which every SDK ignores.
//!
//! One list for connecting, disconnecting and reading, so that what one renames another finds. Which of them a person may see is
//! decided here too.

/// What stands before a key that was renamed because it would win over our `credential_process`.
pub(super) const PREFIX: &str = "stagedoor_";
pub(super) const PROCESS: &str = "credential_process";
pub(super) const ID: &str = "aws_access_key_id";
pub(super) const SECRET: &str = "aws_secret_access_key";
/// The ID of an access key whose secret is in the keychain.
pub(super) const OWN_ID: &str = "stagedoor_access_key_id";
/// Stands where the secret stood.
pub(super) const OWN_PLACE: &str = "stagedoor_key_in";
/// The value of [`OWN_PLACE`].
pub(super) const KEYCHAIN: &str = "keychain";
/// Says that a section is there only because of us, and whether the file is too.
pub(super) const OWN_SECTION: &str = "stagedoor_section";

/// Says that a profile's access key itself may be handed out.
pub(crate) const HAND_OUT: &str = "stagedoor_hand_out_access_key";

/// The keys that win over `credential_process` in at least one SDK.
const RENAMED: [&str; 14] = [
    "role_arn",
    "source_profile",
    "credential_source",
    "web_identity_token_file",
    "sso_session",
    "sso_start_url",
    "sso_region",
    "sso_account_id",
    "sso_role_name",
    "login_session",
    ID,
    SECRET,
    "aws_session_token",
    PROCESS,
];

/// Whether a key (lower case) is renamed when its profile is connected.
pub(super) fn is_renamed(key: &str) -> bool {
    RENAMED.contains(&key)
}

/// Whether it is a key that was renamed.
pub(super) fn was_renamed(key: &str) -> bool {
    key.strip_prefix(PREFIX).is_some_and(is_renamed)
}

/// What a key (lower case) stands for.
pub(super) fn effective(key: &str) -> &str {
    key.strip_prefix(PREFIX).filter(|rest| is_renamed(rest)).unwrap_or(key)
}

/// The session token, in its present and its former spelling.
pub(super) fn is_token(key: &str) -> bool {
    matches!(key, "aws_session_token" | "aws_security_token")
}

/// Whether anybody else is to see it: no secrets, none of our bookkeeping.
pub(super) fn is_shown(key: &str) -> bool {
    // The usual ones first: there may be ten thousand profiles.
    matches!(key, "region" | "role_arn" | "source_profile" | "mfa_serial" | "duration_seconds" | "output" | OWN_ID | ID)
        || !matches!(key, OWN_PLACE | OWN_SECTION)
            && !["secret_", "_secret", "password", "token"].iter().any(|word| key.contains(word) && key != "web_identity_token_file")
}

/// Whether its value must not be seen in a diff.
pub(super) fn is_secret(key: &str) -> bool {
    !matches!(key, OWN_PLACE | OWN_SECTION) && !is_shown(effective(key))
}
