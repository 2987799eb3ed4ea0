//! The only writer of XML: elements with escaped text, and the two envelopes of the Query protocol.
//!
//! Names of elements come from our source, values from anywhere: only values are escaped. Characters that XML cannot write become U+FFFD.

use super::fault::Fault;

/// The inside of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Xml(String);

impl Xml {
    pub(super) const fn new() -> Self {
        Self(String::new())
    }

    /// `<name>value</name>`
    pub(super) fn text(self, name: &str, value: impl AsRef<str>) -> Self {
        self.wrap(name, &escape(value.as_ref()))
    }

    /// The same, where there is a value.
    pub(super) fn maybe(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// One after the other.
    pub(super) fn join(mut self, Self(more): Self) -> Self {
        self.0 += &more;
        self
    }

    /// `<name>…</name>`
    pub(super) fn element(self, name: &str, Self(inside): Self) -> Self {
        self.wrap(name, &inside)
    }

    fn wrap(mut self, name: &str, inside: &str) -> Self {
        for part in ["<", name, ">", inside, "</", name, ">"] {
            self.0 += part;
        }
        self
    }

    /// `<name><member>…</member>…</name>`
    pub(super) fn list(self, name: &str, members: impl IntoIterator<Item = Self>) -> Self {
        let inside = members.into_iter().fold(Self::new(), |list, member| list.element("member", member));
        self.element(name, inside)
    }

    /// Escaped text by itself, as a member of a list of strings.
    pub(super) fn bare(text: &str) -> Self {
        Self(escape(text))
    }

    /// In bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// As text, without elements of these names.
    pub(super) fn without(&self, names: &[&str]) -> Box<str> {
        let mut text = self.0.clone();
        for name in names {
            let (open, close) = (format!("<{name}>"), format!("</{name}>"));
            while let Some((from, length)) = text.find(&open).and_then(|from| Some((from, text[from..].find(&close)? + close.len()))) {
                text.replace_range(from..from + length, "");
            }
        }
        text.into_boxed_str()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            '\r' => out += "&#xD;",
            // XML 1.0 has no way to write these.
            c if c.is_control() && !matches!(c, '\t' | '\n') => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A good answer.
pub(super) fn response(action: &str, namespace: &str, result: Xml, request_id: &str) -> String {
    let mut body = Xml::new();
    if !result.is_empty() {
        body = body.element(&format!("{action}Result"), result);
    }
    let body = body.element("ResponseMetadata", Xml::new().text("RequestId", request_id));
    format!("<{action}Response xmlns=\"{namespace}\">{}</{action}Response>", body.0)
}

/// A refusal.
pub(super) fn error(fault: &Fault, namespace: &str, request_id: &str) -> String {
    let kind = if fault.status() >= 500 { "Receiver" } else { "Sender" };
    let body =
        Xml::new().element("Error", Xml::new().text("Type", kind).text("Code", &fault.code).text("Message", &fault.message)).text("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{namespace}\">{}</ErrorResponse>", body.0)
}
