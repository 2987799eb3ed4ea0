//! One AWS file in parts: what stands before its first section, and each section by itself.
//!
//! No section says anything about another one, so a file that is read again is compared part by part, and only the parts that are
//! not as they were are read. The text is kept for that comparison; where it holds a secret it is wiped.

use std::{ops::Range, path::Path, sync::Arc};

use zeroize::Zeroize;

use super::{
    keys,
    text::{self, FileKind, Flaw, LineKind, Parsed, SectionName},
    written,
};
use crate::error::{Code, Error};

/// More problems than this in one file are told as a number.
const PROBLEMS: usize = 100;

/// Keys (lower case, as they are written) and values of one part, in order.
pub(super) type Properties = Vec<(String, String)>;

/// One section with the lines that belong to it, or the lines before the first.
#[derive(Debug)]
pub(super) struct Part {
    lines: usize,
    name: SectionName,
    prefixed: bool,
    secret: bool,
    /// Temporary credentials that we wrote: no profile of its own.
    written: bool,
    flaws: Vec<Flaw>,
}

/// A file as it was last read.
#[derive(Clone, Default)]
pub(super) struct File {
    text: String,
    /// The parts with their lengths: together they are the text without its byte order mark.
    parts: Vec<(usize, Arc<Part>)>,
    /// `[profile default]` is there, so `[default]` is no profile.
    prefixed_default: bool,
    /// A profile's secret lies in it as plain text.
    pub(super) holds_secret: bool,
    pub(super) found: bool,
}

/// What is not as it was: the parts that went, and those that came in their place.
pub(super) struct Changed {
    gone: Vec<Arc<Part>>,
    new: Range<usize>,
    properties: Vec<Properties>,
}

impl Drop for File {
    fn drop(&mut self) {
        if self.holds_secret {
            self.text.zeroize();
        }
    }
}

impl Part {
    fn of(kind: FileKind, text: &str) -> (Self, Properties) {
        let Parsed { lines, sections, flaws } = Parsed::of(kind, text, 0);
        let mut properties = Properties::with_capacity(lines.len());
        let mut secret = false;
        for (index, line) in lines.iter().enumerate() {
            let LineKind::Property { key, .. } = &line.kind else { continue };
            let key = &text[key.clone()];
            if !text::is_identifier(key) {
                continue;
            }
            let (key, value) = (key.to_ascii_lowercase(), text::value(text, &lines, index));
            let stands_for = keys::effective(&key);
            secret |= !value.is_empty() && (stands_for == keys::SECRET || keys::is_token(stands_for));
            properties.push((key, value));
        }
        let section = sections.into_iter().next();
        let prefixed = section.as_ref().is_some_and(|section| section.prefixed);
        let written = written::is_written(&properties);
        if written {
            properties.clear();
        }
        let name = section.map_or(SectionName::Other, |section| if written { SectionName::Other } else { section.name });
        (Self { lines: lines.len(), name, prefixed, secret, written, flaws }, properties)
    }

    fn is_prefixed_default(&self) -> bool {
        self.prefixed && self.name.is_default()
    }
}

impl File {
    /// Takes over what the file says now. `None`: there is none.
    pub(super) fn update(&mut self, kind: FileKind, text: Option<String>) -> Changed {
        self.found = text.is_some();
        let mut text = text.unwrap_or_default();
        let (before, after) = (body(&self.text), body(&text));
        let (front, front_bytes) = self.same_in_front(before, after);
        let (back, back_bytes) = self.same_at_the_back(before, after, front, front_bytes);
        let middle = after.get(front_bytes..after.len() - back_bytes).unwrap_or_default();
        let (mut new, mut properties) = (Vec::new(), Vec::new());
        for section in sections(middle) {
            let (part, said) = Part::of(kind, section);
            new.push((section.len(), Arc::new(part)));
            properties.push(said);
        }
        let range = front..front + new.len();
        let gone = self.parts.splice(front..self.parts.len() - back, new).map(|(_, part)| part).collect();
        std::mem::swap(&mut self.text, &mut text);
        if self.holds_secret {
            text.zeroize();
        }
        self.prefixed_default = kind == FileKind::Config && self.parts.iter().any(|(_, part)| part.is_prefixed_default());
        self.holds_secret = self.parts.iter().any(|(_, part)| part.secret && (part.written || matches!(self.counted(part), SectionName::Profile(_))));
        Changed { gone, new: range, properties }
    }

    /// How many parts at the beginning are as they were, and their bytes.
    fn same_in_front(&self, before: &str, after: &str) -> (usize, usize) {
        let same = same_bytes(before.as_bytes(), after.as_bytes());
        let (mut count, mut bytes) = (0, 0);
        for (length, _) in &self.parts {
            let end = bytes + length;
            // A part ends where the next section begins, or with the file.
            if end > same || !(after.len() == end || begins_section(after, end)) {
                break;
            }
            (count, bytes) = (count + 1, end);
        }
        (count, bytes)
    }

    /// The same at the end, without those in front.
    fn same_at_the_back(&self, before: &str, after: &str, front: usize, front_bytes: usize) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for (length, _) in self.parts[front..].iter().rev() {
            let more = bytes + length;
            let Some(start) = after.len().checked_sub(more).filter(|start| *start >= front_bytes) else { break };
            let was = before.len() - more;
            if before.as_bytes()[was..was + length] != after.as_bytes()[start..start + length] || !begins_section(after, start) {
                break;
            }
            (count, bytes) = (count + 1, more);
        }
        (count, bytes)
    }

    /// Every section in order.
    pub(super) fn sections(&self) -> impl Iterator<Item = &SectionName> {
        self.parts.iter().map(|(_, part)| self.counted(part))
    }

    /// What a part is here: `[default]` counts only where there is no `[profile default]`.
    fn counted<'a>(&self, part: &'a Part) -> &'a SectionName {
        if self.prefixed_default && part.name.is_default() && !part.prefixed { &SectionName::Other } else { &part.name }
    }

    /// What each of these sections says: from the reading just made where it came anew, else from the text.
    pub(super) fn properties(&self, kind: FileKind, changed: &mut Changed, wanted: impl Fn(&SectionName) -> bool) -> Vec<(&SectionName, Properties)> {
        let text = body(&self.text);
        let mut start = 0;
        let mut found = Vec::new();
        for (at, (length, part)) in self.parts.iter().enumerate() {
            let name = self.counted(part);
            if wanted(name) {
                let read = if changed.new.contains(&at) { std::mem::take(&mut changed.properties[at - changed.new.start]) } else { Properties::new() };
                let read = if read.is_empty() { Part::of(kind, &text[start..start + length]).1 } else { read };
                found.push((name, read));
            }
            start += length;
        }
        found
    }

    /// What is wrong with the file, a sentence each.
    pub(super) fn problems(&self, path: &Path) -> Vec<Error> {
        let shown = path.display();
        let problem = |message: String, hint: std::borrow::Cow<'static, str>| Error::new(Code::InvalidValue, message, hint);
        let (mut told, mut defaults, mut left_out, mut line) = (Vec::new(), Vec::new(), 0, 0);
        if text::byte_order_mark(&self.text) > 0 {
            told.push(problem(
                format!("Line 1 of {shown} begins with a byte order mark, which AWS's own tools do not understand"),
                "Save the file as UTF-8 without a byte order mark".into(),
            ));
        }
        for (_, part) in &self.parts {
            for Flaw { line: of_part, what, hint } in &part.flaws {
                if told.len() == PROBLEMS {
                    left_out += 1;
                } else {
                    told.push(problem(format!("Line {} of {shown} {what}", line + of_part), hint.clone()));
                }
            }
            if part.name.is_default() && self.counted(part) == &SectionName::Other {
                defaults.push(problem(
                    format!("[default] on line {} of {shown} does not count, because there is a [profile default] too", line + 1),
                    "Move its lines into [profile default] or remove one of the two".into(),
                ));
            }
            line += part.lines;
        }
        told.append(&mut defaults);
        if left_out > 0 {
            told.push(problem(format!("{left_out} more lines of {shown} are broken"), "Check whether this is the right file".into()));
        }
        told
    }
}

impl Changed {
    /// What the sections were that went, and are that came.
    pub(super) fn names<'a>(&'a self, file: &'a File) -> (Vec<&'a SectionName>, Vec<&'a SectionName>) {
        (self.gone.iter().map(|part| &part.name).collect(), file.parts[self.new.clone()].iter().map(|(_, part)| &part.name).collect())
    }
}

/// The text without its byte order mark.
fn body(text: &str) -> &str {
    &text[text::byte_order_mark(text)..]
}

fn begins_section(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    bytes.get(at) == Some(&b'[') && (at == 0 || bytes[at - 1] == b'\n')
}

/// How many bytes at the beginning are the same.
fn same_bytes(one: &[u8], other: &[u8]) -> usize {
    const BLOCK: usize = 4096;
    let blocks = one.chunks(BLOCK).zip(other.chunks(BLOCK)).take_while(|(one, other)| one == other).map(|(one, _)| one.len()).sum();
    // The last of these blocks may be the short end of one of them.
    blocks + one[blocks..].iter().zip(&other[blocks..]).take_while(|(one, other)| one == other).count()
}

/// A text cut before each line that begins a section.
fn sections(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find("\n[").map_or(rest.len(), |at| at + 1);
        let (section, after) = rest.split_at(end);
        rest = after;
        Some(section)
    })
}
