//! Our `credential_process` line: written so that a POSIX shell, Python's shlex and `cmd.exe` read it alike, and
//! recognised again.
//! Only a line that names this very profile is ours; every other command is somebody else's and stays.

use std::path::{Path, PathBuf};

use crate::{
    error::{Code, Error, Result},
    model::profile::ProfileName,
};

const VERB: &str = "credential-process";

/// The command line that hands `profile` out.
pub(super) fn line(program: &Path, profile: &ProfileName) -> Result<String> {
    let refused = |why: &str| {
        Error::new(
            Code::InvalidValue,
            format!("The path of the program, {}, {why}", program.display().to_string().escape_debug()),
            "Install Stagedoor in a folder with a plain name and connect again",
        )
    };
    if !program.is_absolute() {
        return Err(refused("is not absolute"));
    }
    let path = program.to_str().ok_or_else(|| refused("is not UTF-8"))?;
    let program = quoted(path, cfg!(windows)).ok_or_else(|| refused("cannot be written into the config file"))?;
    let name = quoted(profile.as_str(), cfg!(windows)).ok_or_else(|| {
        Error::new(
            Code::InvalidValue,
            format!("The name of the profile “{}” cannot be written as an argument", profile.as_str().escape_debug()),
            "Rename the profile to one word of letters, digits and _-/.%@:+",
        )
    })?;
    // A name that begins with a dash is no option.
    let line = if name.starts_with('-') { format!("{program} {VERB} -- {name}") } else { format!("{program} {VERB} {name}") };
    // What the file's own rules would cut off as a comment.
    if [" #", " ;", "\t#", "\t;"].iter().any(|comment| line.contains(comment)) { Err(refused("holds a # or ; after a space")) } else { Ok(line) }
}

/// Whether a `credential_process` is ours and for this profile.
pub(super) fn is_ours(command: &str, profile: &str) -> bool {
    profile_of(command).is_some_and(|name| name == profile)
}

/// The profile that a `credential_process` of ours names.
pub(super) fn profile_of(command: &str) -> Option<String> {
    let words = words(command);
    let ([program, verb, name] | [program, verb, _, name]) = &words[..] else { return None };
    if words.len() == 4 && words[2] != "--" {
        return None;
    }
    let file = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = file.strip_suffix(".exe").unwrap_or(file);
    (stem == "stagedoor" && verb == VERB).then(|| name.clone())
}

/// The program that a command line starts.
pub(super) fn program(command: &str) -> Option<PathBuf> {
    words(command).into_iter().next().map(PathBuf::from)
}

fn quoted(word: &str, windows: bool) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c) || (windows && c == '\\');
    if word.is_empty() || word.chars().any(char::is_control) || (windows && word.contains('"')) {
        None
    } else if word.chars().all(plain) {
        Some(word.to_owned())
    } else if windows {
        Some(format!("\"{word}\""))
    } else {
        Some(format!("'{}'", word.replace('\'', r#"'"'"'"#)))
    }
}

/// Splits at spaces; quotes of both kinds hold together. A backslash is a backslash: our own lines never escape with one.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            Some(_) | None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_needs_it() {
        let line = |program: &str, name: &str| line(Path::new(program), &ProfileName::new(name));
        assert_eq!(line("/usr/bin/stagedoor", "a/b@c").unwrap(), "/usr/bin/stagedoor credential-process a/b@c");
        assert_eq!(line("/usr/bin/stagedoor", "-dash").unwrap(), "/usr/bin/stagedoor credential-process -- -dash");
        assert_eq!(profile_of("/usr/bin/stagedoor credential-process -- -dash").as_deref(), Some("-dash"));
        assert_eq!(profile_of("/usr/bin/stagedoor credential-process --lease x"), None);
        assert_eq!(line("/opt/my apps/stagedoor", "it's mine").unwrap(), r#"'/opt/my apps/stagedoor' credential-process 'it'"'"'s mine'"#);
        for (program, name) in [("stagedoor", "a"), ("/a #b/stagedoor", "a"), ("/a/stagedoor", "a\nb"), ("/a/stagedoor", ""), ("/a\n/stagedoor", "a")] {
            let error = line(program, name).unwrap_err();
            assert!(error.code == Code::InvalidValue && !error.hint.is_empty(), "{program} {name}");
        }
        assert_eq!(quoted(r"C:\Program Files\stagedoor.exe", true).unwrap(), r#""C:\Program Files\stagedoor.exe""#);
    }

    #[test]
    fn recognises_its_own_line() {
        for ours in [
            "/usr/bin/stagedoor credential-process x y",
            "/usr/bin/stagedoor credential-process",
            "/usr/bin/other credential-process x",
            "/usr/bin/stagedoor exec x",
            "/usr/bin/stagedoor credential-process y",
        ] {
            assert!(!is_ours(ours, "x"), "{ours}");
        }
        for ours in
            ["/usr/bin/stagedoor credential-process x", r#""C:\Program Files\stagedoor.exe" credential-process "x""#, "'/a b/stagedoor' credential-process x"]
        {
            assert!(is_ours(ours, "x"), "{ours}");
        }
        for name in ["it's mine", "a \"b\"", "x"] {
            let name = ProfileName::new(name);
            assert!(is_ours(&line(Path::new("/opt/o'neil/stagedoor"), &name).unwrap(), name.as_str()));
        }
    }
}
