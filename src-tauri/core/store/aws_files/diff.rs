//! The difference of two texts of an AWS file, as a person may see it: secrets never, whatever line they stand in.
//!
//! Compared are the real lines, so that a changed secret is a changed line; shown are masked ones. A secret is the value of a
//! key that says so, also in a comment or a broken line, and whatever looks like a secret access key or a session token.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use super::{
    bytes,
    edit::{AwsFile, Changes, Content},
    keys,
    text::SPACE,
};
use crate::{
    model::file_diff::{DiffKind, DiffLine, FileDiff},
    paths::Paths,
};

/// Lines around a change.
const AROUND: usize = 3;
/// More than this is not shown: nobody reads it, and it has to go through a socket.
const MOST_LINES: usize = 600;
const MOST_BYTES: usize = 60_000;
/// A line longer than this is cut.
const MOST_CHARS: usize = 400;
/// After this long the smallest difference is no longer searched for; a right one comes all the same.
const PATIENCE: Duration = Duration::from_millis(300);
const MASK: &str = "••••";

/// What an edit changes: the files that become others.
pub fn of_changes(paths: &Paths, changes: &Changes) -> Vec<FileDiff> {
    let files = [(AwsFile::Config, &changes.config), (AwsFile::Credentials, &changes.credentials)];
    files.into_iter().filter(|(_, changed)| changed.differs()).map(|(file, changed)| of_file(paths, file, &changed.before, &changed.after)).collect()
}

/// What is different between two texts of a file.
pub fn of_file(paths: &Paths, file: AwsFile, before: &Content, after: &Content) -> FileDiff {
    let path = match file {
        AwsFile::Config => &paths.aws_config,
        AwsFile::Credentials => &paths.aws_credentials,
    };
    let text = |content: &Content| zeroize::Zeroizing::new(content.as_ref().map(|found| bytes::decode(found)).unwrap_or_default());
    let (before, after) = (text(before), text(after));
    let (old, new): (Vec<&str>, Vec<&str>) = (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let (old_masks, new_masks) = (in_secrets(&old), in_secrets(&new));
    let mut diff = FileDiff { path: paths.told(path), ..FileDiff::default() };
    let compared = TextDiff::configure().timeout(PATIENCE).diff_slices(&old, &new);
    let (mut bytes, mut last) = (0, None);
    for group in compared.grouped_ops(AROUND) {
        for (index, change) in group.iter().flat_map(|op| compared.iter_changes(op)).enumerate() {
            let kind = match change.tag() {
                ChangeTag::Equal => DiffKind::Same,
                ChangeTag::Insert => DiffKind::Added,
                ChangeTag::Delete => DiffKind::Removed,
            };
            diff.added += u32::from(kind == DiffKind::Added);
            diff.removed += u32::from(kind == DiffKind::Removed);
            if diff.lines.len() >= MOST_LINES || bytes >= MOST_BYTES {
                diff.left_out += 1;
                continue;
            }
            let number = |index: Option<usize>| index.and_then(|index| u32::try_from(index + 1).ok());
            if index == 0 && (last.is_some() || change.old_index().unwrap_or(0).max(change.new_index().unwrap_or(0)) > 0) {
                diff.lines.push(DiffLine { kind: DiffKind::Gap, old: None, new: None, text: String::new() });
            }
            let masked = change.old_index().map(|index| old_masks[index]).or_else(|| change.new_index().map(|index| new_masks[index])).unwrap_or(true);
            let text = shown(change.value(), masked);
            bytes += text.len();
            last = Some(kind);
            diff.lines.push(DiffLine { kind, old: number(change.old_index()), new: number(change.new_index()), text });
        }
    }
    diff
}

/// For each line whether it continues the value of a secret: then nothing of it is shown.
fn in_secrets(lines: &[&str]) -> Vec<bool> {
    let mut secret = false;
    lines
        .iter()
        .map(|line| {
            let continues = line.starts_with(SPACE) && !line.trim().is_empty();
            if !continues && !line.trim().is_empty() && !line.starts_with(['#', ';']) {
                secret = secret_value(line).is_some();
            }
            continues && secret
        })
        .collect()
}

/// Where a line's secret value begins.
fn secret_value(line: &str) -> Option<usize> {
    let at = line.find(['=', ':'])?;
    let said = line[..at].to_ascii_lowercase();
    let mut words = said.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
    words.any(keys::is_secret).then_some(at + 1)
}

/// A line without its secrets, its end and what a terminal would obey.
fn shown(line: &str, secret: bool) -> String {
    let ended = line.ends_with('\n');
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let masked = if secret {
        MASK.to_owned()
    } else if let Some(at) = secret_value(line).filter(|at| !line[*at..].trim().is_empty()) {
        let space = line[at..].len() - line[at..].trim_start_matches(SPACE).len();
        format!("{}{MASK}", &line[..at + space])
    } else {
        line.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "/+=_-".contains(c))).map(word).collect()
    };
    let mut text: String = masked.chars().take(MOST_CHARS).map(|c| if c.is_control() && c != '\t' || bytes::is_foreign(c) { '\u{fffd}' } else { c }).collect();
    if masked.chars().count() > MOST_CHARS {
        text.push('…');
    }
    if !ended {
        text.push_str("  (no line end)");
    }
    text
}

/// Forty letters of an access key's secret, or a hundred of a token, are one wherever they stand.
fn word(word: &str) -> String {
    let (of, end) = word.split_at(word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || "/+=_-".contains(c))).len());
    let of_key = |part: &str| {
        let has = |kind: fn(&char) -> bool| part.chars().any(|c| kind(&c));
        part.len() == 40 && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit)
    };
    let key = of.split('=').find(|part| of_key(part));
    let token = of.len() >= 100 && !of.contains("/.");
    match key {
        _ if token => format!("{MASK}{end}"),
        Some(key) => format!("{}{end}", of.replace(key, MASK)),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Platform;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn diff(before: &str, after: &str) -> FileDiff {
        let paths = Paths::from_env(Platform::Linux, |name| (name == "HOME").then(|| "/home/ada".to_owned()));
        let content = |text: &str| Some(zeroize::Zeroizing::new(text.as_bytes().to_vec()));
        of_file(&paths, AwsFile::Credentials, &content(before), &content(after))
    }

    fn text(diff: &FileDiff) -> String {
        let mark = |kind| match kind {
            DiffKind::Same => ' ',
            DiffKind::Added => '+',
            DiffKind::Removed => '-',
            DiffKind::Gap => '@',
        };
        diff.lines.iter().fold(String::new(), |text, line| format!("{text}{}{}\n", mark(line.kind), line.text))
    }

    #[test]
    fn shows_what_changes_with_a_little_around_it() {
        let before = (1..=12).fold(String::new(), |text, n| format!("{text}# {n}\n"));
        let found = diff(&before, &before.replace("# 6\n", "# six\n# and a half\n"));
        assert_eq!((found.added, found.removed, found.left_out, &*found.path), (2, 1, 0, "~/.aws/credentials"));
        assert_eq!(text(&found), "@\n # 3\n # 4\n # 5\n-# 6\n+# six\n+# and a half\n # 7\n # 8\n # 9\n");
        assert_eq!((found.lines[4].old, found.lines[4].new, found.lines[5].new), (Some(6), None, Some(6)));
        assert!(diff(&before, &before).lines.is_empty());
        assert_eq!(text(&diff("a\r\nb", "a\r\nb\n")), " a\n-b  (no line end)\n+b\n");
    }

    #[test]
    fn a_secret_is_never_shown_wherever_it_stands() {
        let token = "FwoGZXIvYXdzEBYaD".repeat(9);
        for line in [
            format!("aws_secret_access_key = {SECRET}"),
            format!("AWS_SECRET_ACCESS_KEY={SECRET} # mine"),
            format!("stagedoor_aws_secret_access_key = {SECRET}"),
            format!("# aws_secret_access_key = {SECRET}"),
            format!("aws_secret_access_key: {SECRET}"),
            format!("  aws_secret_access_key = {SECRET}"),
            format!("aws_secret_access_key =\n  {SECRET}"),
            format!("aws_session_token = {token}"),
            format!("x_security_token = {token}\r"),
            format!("# the old one was {SECRET}, gone"),
            format!("credential_process = tool --secret {SECRET}"),
            format!("credential_process = tool --secret={SECRET}"),
            format!("credential_process = tool {token}"),
            "my_password = hunter2wJalrXUtn".to_owned(),
            format!("garbage {SECRET}"),
        ] {
            for found in [diff("[x]\n", &format!("[x]\n{line}\n")), diff(&format!("[x]\n{line}\n"), "[x]\nregion = x\n")] {
                let shown = text(&found);
                assert!(
                    shown.contains(MASK) && !shown.contains(&SECRET[..12]) && !shown.contains(&token[..12]) && !shown.contains("hunter2"),
                    "{line}: {shown}"
                );
            }
        }
        let changed = diff(&format!("aws_secret_access_key = {SECRET}\n"), "aws_secret_access_key = another\n");
        assert_eq!(text(&changed), format!("-aws_secret_access_key = {MASK}\n+aws_secret_access_key = {MASK}\n"));
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for line in [
            "aws_access_key_id = AKIA2STAGEDOOR00001",
            "role_arn = arn:aws:iam::123456789012:role/some-long/path/to/Role",
            "stagedoor_key_in = keychain",
            "credential_process = /opt/stagedoor/stagedoor credential-process deploy",
            "web_identity_token_file = /var/run/secrets/eks.amazonaws.com/serviceaccount/token",
            "# 0123456789abcdef0123456789abcdef01234567",
            "sso_start_url = https://acme.awsapps.com/start#/",
        ] {
            assert_eq!(text(&diff("", &format!("{line}\n"))), format!("+{line}\n"));
        }
    }

    #[test]
    fn a_long_one_is_cut_and_a_terminal_is_not_commanded() {
        let many = (0..50_000).map(|n| format!("[profile p{n}]")).collect::<Vec<_>>().join("\n");
        let found = diff("", &many);
        assert!(found.lines.len() <= MOST_LINES + 1 && found.added == 50_000 && found.left_out > 49_000);
        assert_eq!(text(&diff("", "a\u{1b}[2Jb\n")), "+a\u{fffd}[2Jb\n");
        assert!(text(&diff("", &"x y ".repeat(1000))).chars().count() < 500);
    }
}
