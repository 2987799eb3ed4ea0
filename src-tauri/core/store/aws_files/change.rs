//! Changes to the text of one AWS file: a list of small replacements, so that every byte beside them stays.
//!
//! Pure: from a [`Document`] to its next text. What a section that we add looks like is decided here, and so is how its
//! removal finds the file again as it was: with a blank line before it where the file ended in a line break, else without
//! a line break of its own.

use std::ops::Range;

use zeroize::Zeroizing;

use super::text::{Document, LineKind, SPACE, SectionName};

/// Replacements in one file.
pub(super) struct Change<'a> {
    pub(super) document: &'a Document,
    edits: Vec<(Range<usize>, Zeroizing<String>)>,
    appended: bool,
}

/// A property line of a section.
pub(super) struct Property {
    pub(super) line: usize,
    pub(super) section: usize,
    /// As written.
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
    /// In lower case.
    pub(super) name: String,
}

impl<'a> Change<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document, edits: Vec::new(), appended: false }
    }

    /// The sections of that name, in order.
    pub(super) fn sections(&self, name: &SectionName) -> Vec<usize> {
        (0..self.document.sections.len()).filter(|section| self.document.sections[*section].name == *name).collect()
    }

    /// The properties of all sections of that name, in order.
    pub(super) fn properties(&self, name: &SectionName) -> Vec<Property> {
        self.sections(name).into_iter().flat_map(|section| self.properties_of(section)).collect()
    }

    /// The properties of one section.
    pub(super) fn properties_of(&self, section: usize) -> Vec<Property> {
        let found = self.document.body(section).filter_map(|line| match &self.document.lines[line].kind {
            LineKind::Property { section, key, value } => {
                Some(Property { line, section: *section, key: key.clone(), value: value.clone(), name: self.document.at(key).to_ascii_lowercase() })
            }
            LineKind::Blank | LineKind::Comment | LineKind::Header | LineKind::Continuation { .. } | LineKind::Broken => None,
        });
        found.collect()
    }

    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push((range, Zeroizing::new(text.into())));
    }

    /// Removes a property with its continuation lines.
    pub(super) fn remove_property(&mut self, line: usize) {
        self.remove_continuations(line);
        self.remove_line(line);
    }

    /// Removes what continues a property, also what does so only when the property has a value.
    pub(super) fn remove_continuations(&mut self, line: usize) {
        for further in line + 1..self.document.lines.len() {
            match &self.document.lines[further].kind {
                LineKind::Continuation { .. } => self.remove_line(further),
                LineKind::Broken if self.document.text[self.document.lines[further].start..].starts_with(SPACE) => self.remove_line(further),
                LineKind::Blank | LineKind::Comment => {}
                // What is indented after a broken line belongs to that one.
                LineKind::Header | LineKind::Property { .. } | LineKind::Broken => break,
            }
        }
    }

    /// Removes a line with its line break; the last line of a file that ends without one takes the one before it along.
    fn remove_line(&mut self, index: usize) {
        let line = &self.document.lines[index];
        let before = index.checked_sub(1).filter(|_| line.end == line.next);
        let start = before.map_or(line.start, |before| self.document.lines[before].end);
        self.replace(start..line.next, "");
    }

    /// Inserts lines after a line.
    pub(super) fn insert_after(&mut self, index: usize, lines: &[&str]) {
        let line = &self.document.lines[index];
        let text = if line.end == line.next {
            let eol = self.eol();
            format!("{eol}{}", lines.join(eol))
        } else {
            let eol = &self.document.text[line.end..line.next];
            format!("{}{eol}", lines.join(eol))
        };
        self.replace(line.next..line.next, text);
    }

    /// Inserts a line as early in a section as it can stand alone: a line that begins with a space would continue it.
    pub(super) fn insert_first(&mut self, section: usize, text: &str) {
        let body = self.document.body(section);
        let mut after = body.start - 1;
        for index in body {
            match &self.document.lines[index].kind {
                LineKind::Blank | LineKind::Comment => {}
                LineKind::Broken => after = index,
                LineKind::Header | LineKind::Property { .. } | LineKind::Continuation { .. } => break,
            }
        }
        self.insert_after(after, &[text]);
    }

    /// Inserts lines after the last property of a section.
    pub(super) fn insert_last(&mut self, section: usize, lines: &[&str]) {
        self.insert_after(self.last_of(section), lines);
    }

    /// The last line of a section that says something.
    pub(super) fn last_of(&self, section: usize) -> usize {
        let body = self.document.body(section);
        let last = body.clone().rev().find(|line| !matches!(self.document.lines[*line].kind, LineKind::Blank | LineKind::Comment));
        last.unwrap_or(body.start - 1)
    }

    /// Appends a section at the end of the file.
    pub(super) fn append(&mut self, lines: &[&str]) {
        let eol = self.eol();
        let end = self.document.text.len();
        let block = lines.join(eol);
        let text = match self.document.lines.last() {
            None if self.appended => format!("{eol}{block}{eol}"),
            None => format!("{block}{eol}"),
            Some(last) if last.end == last.next => format!("{eol}{block}"),
            Some(_) => format!("{eol}{block}{eol}"),
        };
        self.replace(end..end, text);
        self.appended = true;
    }

    /// Whether a section was appended.
    pub(super) fn appended(&self) -> bool {
        self.appended
    }

    /// Removes a section from its header to its last line that says something, as [`append`](Self::append) wrote it.
    /// Comments and blank lines after that stay: they tend to belong to what follows.
    pub(super) fn remove_section(&mut self, section: usize) {
        let lines = &self.document.lines;
        let header = self.document.sections[section].line;
        let last = &lines[self.last_of(section)];
        let before = header.checked_sub(1).map(|before| &lines[before]);
        let start = match before {
            // The line break that `append` put in front: at the end of the file, or an empty line of its own.
            Some(before) if last.end == last.next || before.start == before.end => before.end,
            Some(_) | None => lines[header].start,
        };
        self.replace(start..last.next, "");
    }

    /// The line break that the file uses.
    fn eol(&self) -> &'a str {
        let first = self.document.lines.first().map(|line| &self.document.text[line.end..line.next]);
        first.filter(|eol| !eol.is_empty()).unwrap_or("\n")
    }

    /// The file's next text.
    pub(super) fn apply(mut self) -> Zeroizing<String> {
        self.edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = Zeroizing::new(String::with_capacity(self.document.text.len() + 256));
        let mut at = 0;
        for (range, new) in &self.edits {
            text.push_str(&self.document.text[at..range.start.max(at)]);
            text.push_str(new);
            at = range.end.max(at);
        }
        text.push_str(&self.document.text[at..]);
        text
    }
}
