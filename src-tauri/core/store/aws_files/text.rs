//! One AWS file as text: every line with what it is, so that it can be edited without touching the rest.
//!
//! The rules are those of AWS's Rust SDK (`aws-runtime`, `env_config`), with two differences: a broken line does not
//! spoil the whole file, it becomes a problem and is skipped; and a name in quotes, which only the AWS CLI and boto3 understand,
//! is understood and reported. A problem never shows a line's text: it may hold a secret.

use std::{borrow::Cow, ops::Range};

use zeroize::Zeroizing;

/// What AWS takes as white space.
pub(super) const SPACE: [char; 2] = [' ', '\t'];
const BOM: &str = "\u{feff}";

/// The two files, whose sections are written differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// `~/.aws/config`
    Config,
    /// `~/.aws/credentials`
    Credentials,
}

/// A file and what its lines are.
pub(super) struct Document {
    pub(super) text: Zeroizing<String>,
    pub(super) lines: Vec<Line>,
    pub(super) sections: Vec<Section>,
}

/// What is wrong with a line, counted from 1. Who knows the file makes a sentence of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) line: usize,
    pub(super) what: String,
    pub(super) hint: Cow<'static, str>,
}

/// One line: `start..end` is what it says, `end..next` its line break.
pub(super) struct Line {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) next: usize,
    pub(super) kind: LineKind,
}

pub(super) enum LineKind {
    Blank,
    Comment,
    /// A section's header; also one that is broken, since it ends the section before.
    Header,
    /// `key = value`
    Property {
        section: usize,
        key: Range<usize>,
        value: Range<usize>,
    },
    /// A further line of the property at that line.
    Continuation {
        property: usize,
    },
    Broken,
}

pub(super) struct Section {
    /// The line of its header.
    pub(super) line: usize,
    pub(super) name: SectionName,
    /// Written as `[profile …]`.
    pub(super) prefixed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SectionName {
    Profile(String),
    SsoSession(String),
    Services(String),
    /// Not ours to understand: other kinds, broken headers, names that no tool accepts.
    Other,
}

impl SectionName {
    pub(super) fn is_default(&self) -> bool {
        matches!(self, Self::Profile(name) if name == "default")
    }
}

/// Why a header is skipped or only understood by some.
struct Complaint {
    message: String,
    hint: String,
}

impl Document {
    /// Takes a file apart. Never fails; what is wrong is told by who reads the profiles.
    pub(super) fn parse(kind: FileKind, text: String) -> Self {
        let Parsed { lines, mut sections, .. } = Parsed::of(kind, &text, byte_order_mark(&text));
        if kind == FileKind::Config && sections.iter().any(|section| section.prefixed && section.name.is_default()) {
            // `[profile default]` beats `[default]`: then the latter is no profile.
            for section in sections.iter_mut().filter(|section| !section.prefixed && section.name.is_default()) {
                section.name = SectionName::Other;
            }
        }
        Self { text: Zeroizing::new(text), lines, sections }
    }

    /// The text of a range.
    pub(super) fn at(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    /// A property's value with its continuation lines, as the SDK joins them.
    pub(super) fn value(&self, line: usize) -> String {
        value(&self.text, &self.lines, line)
    }

    /// The continuation lines of the property at `line`.
    pub(super) fn continuations(&self, line: usize) -> impl Iterator<Item = usize> + '_ {
        continuations(&self.lines, line)
    }

    /// The key of a nested property.
    pub(super) fn nested_key(&self, line: usize) -> Option<&str> {
        let text = &self.text[self.lines[line].start..self.lines[line].end];
        text.split_once('=').map(|(key, _)| key.trim_matches(SPACE))
    }

    /// The lines of a section after its header.
    pub(super) fn body(&self, section: usize) -> Range<usize> {
        let end = self.sections.get(section + 1).map_or(self.lines.len(), |next| next.line);
        self.sections[section].line + 1..end
    }
}

/// How many bytes a byte order mark takes at the beginning of a file.
pub(super) fn byte_order_mark(text: &str) -> usize {
    if text.starts_with(BOM) { BOM.len() } else { 0 }
}

/// A property's value with its continuation lines, as the SDK joins them.
pub(super) fn value(text: &str, lines: &[Line], line: usize) -> String {
    let LineKind::Property { value, .. } = &lines[line].kind else { return String::new() };
    let mut joined = text[value.clone()].to_owned();
    for further in continuations(lines, line) {
        joined.push('\n');
        joined.push_str(text[lines[further].start..lines[further].end].trim_matches(SPACE));
    }
    joined
}

fn continuations(lines: &[Line], line: usize) -> impl Iterator<Item = usize> + '_ {
    (line + 1..lines.len())
        .take_while(|index| !matches!(lines[*index].kind, LineKind::Header | LineKind::Property { .. }))
        .filter(move |index| matches!(lines[*index].kind, LineKind::Continuation { property } if property == line))
}

/// What the lines of a text are: of a whole file, or of one section.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) lines: Vec<Line>,
    pub(super) sections: Vec<Section>,
    pub(super) flaws: Vec<Flaw>,
}

/// Where the parser stands.
#[derive(Clone, Copy)]
enum State {
    /// Before the first section.
    Start,
    /// In a section, after the property at a line, if any.
    Section { property: Option<usize>, nested: bool },
    /// After a broken line: continuations of it are not reported again.
    Broken,
}

impl Parsed {
    /// Takes a text apart from a byte on, line by line.
    pub(super) fn of(kind: FileKind, text: &str, mut start: usize) -> Self {
        let mut read = Self { lines: Vec::with_capacity(8), sections: Vec::with_capacity(1), flaws: Vec::new() };
        let mut state = State::Start;
        while start < text.len() {
            let (end, next) = match text[start..].find('\n') {
                Some(at) if text[..start + at].ends_with('\r') && at > 0 => (start + at - 1, start + at + 1),
                Some(at) => (start + at, start + at + 1),
                None => (text.len(), text.len()),
            };
            let (kind, then) = read.line(kind, &text[start..end], start, state);
            state = then;
            read.lines.push(Line { start, end, next, kind });
            start = next;
        }
        read
    }

    fn line(&mut self, kind: FileKind, line: &str, start: usize, state: State) -> (LineKind, State) {
        let index = self.lines.len();
        if line.trim_matches(SPACE).is_empty() {
            return (LineKind::Blank, state);
        }
        if line.starts_with(['#', ';']) {
            return (LineKind::Comment, state);
        }
        if line.starts_with('[') {
            let name = self.header(kind, line, index);
            let prefixed = line.trim_start_matches('[').trim_start_matches(SPACE).starts_with("profile");
            self.sections.push(Section { line: index, name, prefixed });
            return (LineKind::Header, State::Section { property: None, nested: false });
        }
        if line.starts_with(SPACE) {
            return self.continuation(line, index, state);
        }
        let Some((key, value)) = property(line) else {
            self.flaw(index + 1, "is neither a [section] nor key = value; it was skipped", "Mend or remove that line: AWS's own tools refuse the whole file");
            return (LineKind::Broken, State::Broken);
        };
        let Some(section) = self.sections.len().checked_sub(1) else {
            self.flaw(index + 1, "stands before the first [section]; it was skipped", "Put a header such as [default] before it, or remove that line");
            return (LineKind::Broken, State::Broken);
        };
        let shift = |range: Range<usize>| start + range.start..start + range.end;
        if !is_identifier(&line[key.clone()]) {
            self.flaw(index + 1, "has a key that AWS does not accept; it does not count", "Keys are one word of letters, digits and _-/.%@:+");
        }
        let nested = value.is_empty();
        (LineKind::Property { section, key: shift(key), value: shift(value) }, State::Section { property: Some(index), nested })
    }

    fn continuation(&mut self, line: &str, index: usize, state: State) -> (LineKind, State) {
        match state {
            State::Section { property: Some(at), nested } => {
                if nested && property(line.trim_matches(SPACE)).is_none() {
                    self.flaw(index + 1, "is no nested key = value; it was skipped", "Mend or remove that line: AWS's own tools refuse the whole file");
                    return (LineKind::Broken, state);
                }
                (LineKind::Continuation { property: at }, state)
            }
            State::Start | State::Section { property: None, .. } => {
                self.flaw(
                    index + 1,
                    "begins with a space but continues nothing; it was skipped",
                    "Remove the space at its beginning: AWS's own tools refuse the whole file",
                );
                (LineKind::Broken, State::Broken)
            }
            State::Broken => (LineKind::Broken, state),
        }
    }

    fn header(&mut self, kind: FileKind, line: &str, index: usize) -> SectionName {
        let before_comment = line.find(['#', ';']).map_or(line, |at| &line[..at]).trim_matches(SPACE);
        let Some(inner) = before_comment.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            self.flaw(index + 1, "begins a [section] but has no ] at its end; the section was skipped", "Write the header as [profile NAME], on one line");
            return SectionName::Other;
        };
        let (name, complaint) = section_name(kind, inner);
        if let Some(Complaint { message, hint }) = complaint {
            self.flaw(index + 1, &message, hint);
        }
        name
    }

    fn flaw(&mut self, line: usize, what: &str, hint: impl Into<Cow<'static, str>>) {
        self.flaws.push(Flaw { line, what: what.to_owned(), hint: hint.into() });
    }
}

/// The ranges of key and value of a `key = value` line, comment and white space left out.
fn property(line: &str) -> Option<(Range<usize>, Range<usize>)> {
    let mut after_space = false;
    let comment = line.bytes().any(|byte| matches!(byte, b'#' | b';')).then(|| {
        line.char_indices().find(|(_, c)| {
            let found = after_space && matches!(c, '#' | ';');
            after_space = c.is_whitespace();
            found
        })
    });
    let content = comment.flatten().map_or(line, |(at, _)| &line[..at]);
    let equals = content.find('=')?;
    let trimmed = |from: usize, to: usize| {
        let text = &content[from..to];
        let start = from + (text.len() - text.trim_start_matches(SPACE).len());
        start..(from + text.trim_end_matches(SPACE).len()).max(start)
    };
    let key = trimmed(0, equals);
    (!key.is_empty()).then(|| (key, trimmed(equals + 1, content.len())))
}

/// What AWS's SDKs accept as a name or key.
pub(super) fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-/.%@:+".contains(&b))
}

/// What the AWS CLI and boto3 accept beyond that, in quotes.
pub(super) fn is_loose_name(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(|c| c.is_control() || super::bytes::is_foreign(c) || "[]#;\"'\\".contains(c))
}

fn section_name(kind: FileKind, inner: &str) -> (SectionName, Option<Complaint>) {
    let inner = inner.trim_matches(SPACE);
    let skipped = |message: String, hint: String| (SectionName::Other, Some(Complaint { message, hint }));
    let (prefix, name) = match inner.split_once(SPACE) {
        Some((prefix, name)) => (Some(prefix), name.trim()),
        None => (None, inner),
    };
    match (kind, prefix) {
        (FileKind::Config, None) if name == "default" => (SectionName::Profile(name.to_owned()), None),
        // The AWS CLI's own.
        (FileKind::Config, None) if matches!(name, "plugins" | "preview") => (SectionName::Other, None),
        (FileKind::Config, None) => skipped(format!("has the section [{name}], which is no profile"), format!("Write it as [profile {name}]")),
        (FileKind::Config, Some("profile")) => profile_name(name),
        (FileKind::Config, Some("sso-session")) if is_identifier(name) => (SectionName::SsoSession(name.to_owned()), None),
        (FileKind::Config, Some("services")) if is_identifier(name) => (SectionName::Services(name.to_owned()), None),
        (FileKind::Config, Some(_)) => (SectionName::Other, None),
        (FileKind::Credentials, Some("profile")) => {
            skipped(format!("has the section [profile {name}], which is no profile in this file"), format!("Write it as [{name}]"))
        }
        (FileKind::Credentials, Some(prefix @ ("sso-session" | "services"))) => {
            skipped(format!("has the section [{prefix} {name}], which does not count in this file"), "Move it to the config file".to_owned())
        }
        (FileKind::Credentials, None | Some(_)) if is_identifier(inner) => (SectionName::Profile(inner.to_owned()), None),
        (FileKind::Credentials, None | Some(_)) => refused(inner),
    }
}

fn profile_name(name: &str) -> (SectionName, Option<Complaint>) {
    if is_identifier(name) {
        return (SectionName::Profile(name.to_owned()), None);
    }
    let quoted = ['"', '\''].into_iter().find_map(|quote| name.strip_prefix(quote)?.strip_suffix(quote));
    match quoted {
        Some(name) if is_identifier(name) => (SectionName::Profile(name.to_owned()), Some(only_some(name))),
        Some(name) if is_loose_name(name) => (SectionName::Profile(name.to_owned()), Some(only_some(name))),
        Some(_) | None => refused(name),
    }
}

fn only_some(name: &str) -> Complaint {
    Complaint {
        message: format!("names the profile “{name}” in a way that only the AWS CLI and boto3 understand; other AWS tools skip it"),
        hint: format!("Rename it to {}", plain(name)),
    }
}

fn refused(name: &str) -> (SectionName, Option<Complaint>) {
    let shown = name.escape_debug();
    let complaint = Complaint {
        message: format!("names the profile “{shown}”, which AWS's tools do not accept; the section was skipped"),
        hint: format!("Rename it to {}: a name is one word of letters, digits and _-/.%@:+", plain(name)),
    };
    (SectionName::Other, Some(complaint))
}

/// The nearest name that every tool accepts.
fn plain(name: &str) -> String {
    let name: String = name.chars().map(|c| if is_identifier(c.encode_utf8(&mut [0; 4])) { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "my-profile".to_owned() } else { name.to_owned() }
}
