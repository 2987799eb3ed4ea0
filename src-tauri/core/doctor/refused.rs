//! What the AWS CLI and boto3 refuse a whole file over, although other SDKs, and Stagedoor, pass it by or take the last of two.
//!
//! They read it with Python's `configparser`, whose rules these are: a section or a key that stands twice, a header without its
//! end, a line that is neither. An indented line belongs to the key before it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{
    model::doctor::{DoctorReport, Finding, Level},
    paths::Paths,
    store::files,
};

pub(super) fn look(report: &mut DoctorReport, paths: &Paths) {
    for path in [&paths.aws_config, &paths.aws_credentials] {
        let Ok(Some(text)) = files::read_text(path) else { continue };
        report.findings.extend(first(&text).map(|(line, why)| {
            let title = format!("The AWS CLI and boto3 refuse all of {} over line {line}: {why}", paths.told(path));
            Finding::new("file_refused", Level::Problem, "files", title)
                .because("Every profile in it is lost to them; other tools, and Stagedoor, read the rest")
                .mended_by(format!("Mend line {line} of {}", path.display()))
        }));
        report.findings.extend(path.eq(&paths.aws_config).then(|| other_case(paths, path, &text)).into_iter().flatten());
    }
}

/// The first line that the whole file is refused over, from 1, and why.
fn first(text: &str) -> Option<(usize, String)> {
    let mut sections: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut keys, mut in_section, mut in_key, mut indent) = (BTreeSet::new(), false, false, 0);
    for (number, line) in lines(text) {
        let inner = line.trim();
        let depth = line.len() - line.trim_start().len();
        if inner.is_empty() || inner.starts_with(['#', ';']) || (in_section && in_key && depth > indent) {
            continue;
        }
        indent = depth;
        if let Some(name) = header(inner) {
            if let Some(before) = sections.insert(name, number) {
                return Some((number, format!("the section [{name}] is on line {before} already")));
            }
            keys.clear();
            (in_section, in_key) = (true, false);
            continue;
        }
        if inner.starts_with('[') && !inner.contains(['=', ':']) {
            return Some((number, "it begins a [section] and has no ] at its end".to_owned()));
        }
        if !in_section {
            return Some((number, "it stands before the first [section]".to_owned()));
        }
        let Some((key, _)) = inner.split_once(['=', ':']).filter(|(key, _)| !key.trim().is_empty()) else {
            return Some((number, "it is no “key = value”".to_owned()));
        };
        if !keys.insert(key.trim().to_lowercase()) {
            return Some((number, format!("{} stands twice in its section", key.trim().to_lowercase())));
        }
        in_key = true;
    }
    None
}

/// `[Profile x]`, which nobody but a person takes for `[profile x]`.
fn other_case(paths: &Paths, path: &Path, text: &str) -> Vec<Finding> {
    let wrong = |(number, line): (usize, &str)| {
        let name = header(line.trim())?;
        let (word, rest) = name.split_once(char::is_whitespace)?;
        (word != "profile" && word.eq_ignore_ascii_case("profile")).then(|| {
            let title = format!("Line {number} of {} has the section [{name}], which is no profile to AWS's tools", paths.told(path));
            Finding::new("section_case", Level::Warning, "files", title)
                .because("They tell upper from lower case there")
                .mended_by(format!("Write it as [profile {}]", rest.trim()))
        })
    };
    lines(text).filter_map(wrong).collect()
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// What stands between the first `[` and the last `]` of a line that begins with one.
fn header(line: &str) -> Option<&str> {
    line.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')).map(|(name, _)| name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What botocore 1.40 makes of each, with the line that it stumbles over.
    #[test]
    fn a_file_is_refused_where_botocore_refuses_it() {
        for (text, line) in [
            ("[profile a]\nregion=x\n[profile a]\nregion=y\n", Some(3)),
            ("[profile a] # x\nregion=x\n[profile a]\n", Some(3)),
            ("[default]\n[default]\n", Some(2)),
            ("[profile a]\nregion=x\nRegion=y\n", Some(3)),
            ("[profile a\nregion=x\n", Some(1)),
            ("[profile a]\nregion\n", Some(2)),
            ("region = x\n[profile a]\n", Some(1)),
            ("[profile a]\nregion=x\n  [profile b]\nregion=y\n", Some(4)),
            ("[profile a]\ns3 =\n  a=1\n  a=2\n\n# note\nregion: x\n", None),
            ("[default]\nx=1\n[profile a]\nx=1\n[profile b]\n", None),
            ("[Profile a]\nregion=x\n", None),
            (" [profile a]\nregion=x\n", None),
            ("", None),
        ] {
            assert_eq!(first(text).map(|(line, _)| line), line, "{text:?}");
        }
    }
}
