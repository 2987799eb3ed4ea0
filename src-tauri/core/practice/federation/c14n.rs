//! Exclusive XML Canonicalization 1.0: the one spelling of an element that a digest is made of.
//!
//! Works on a parsed tree and reads prefixes from the text it came from, because canonical XML keeps them. Only whole
//! elements, with one element left out where a signature lies inside what it signs; no DTD reaches this place.

use std::collections::BTreeMap;

use roxmltree::{Node, NodeType};

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// What a transform may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// Whether comments stay.
    pub(super) comments: bool,
    /// Prefixes that are written where they are declared, used or not; the empty one is the default namespace.
    pub(super) inclusive: Vec<String>,
}

/// The canonical text of an element, without `omitted`.
pub(super) fn canonical(apex: Node<'_, '_>, omitted: Option<Node<'_, '_>>, options: &Options) -> String {
    let mut writer = Writer { source: apex.document().input_text(), omitted, options, out: String::new() };
    writer.element(apex, &BTreeMap::new());
    writer.out
}

struct Writer<'a, 'input> {
    source: &'a str,
    omitted: Option<Node<'a, 'input>>,
    options: &'a Options,
    out: String,
}

impl Writer<'_, '_> {
    /// `written`: the declarations that are in force in the canonical text so far.
    fn element(&mut self, node: Node<'_, '_>, written: &BTreeMap<String, String>) {
        let name = self.name(node);
        let mut attributes: Vec<_> = node.attributes().collect();
        // By namespace, then by local name; those without a namespace come first.
        attributes.sort_by(|one, other| (one.namespace().unwrap_or_default(), one.name()).cmp(&(other.namespace().unwrap_or_default(), other.name())));
        let mut prefixes: Vec<&str> = vec![prefix(name)];
        prefixes
            .extend(attributes.iter().filter(|attribute| attribute.namespace().is_some_and(|uri| uri != XML)).map(|a| prefix(&self.source[a.range_qname()])));
        prefixes.extend(self.options.inclusive.iter().map(String::as_str));
        prefixes.sort_unstable();
        prefixes.dedup();

        let mut written = written.clone();
        self.out.push('<');
        self.out += name;
        for prefix in prefixes.into_iter().filter(|prefix| *prefix != "xml") {
            let uri = node.lookup_namespace_uri((!prefix.is_empty()).then_some(prefix)).unwrap_or_default();
            let before = written.get(prefix).map(String::as_str).unwrap_or_default();
            if uri == before {
                continue;
            }
            self.out += if prefix.is_empty() { " xmlns" } else { " xmlns:" };
            self.out += prefix;
            self.value(uri);
            written.insert(prefix.to_owned(), uri.to_owned());
        }
        for attribute in attributes {
            self.out.push(' ');
            self.out += &self.source[attribute.range_qname()];
            self.value(attribute.value());
        }
        self.out.push('>');
        let omitted = self.omitted;
        for child in node.children().filter(|child| omitted != Some(*child)) {
            self.child(child, &written);
        }
        self.out += "</";
        self.out += name;
        self.out.push('>');
    }

    fn child(&mut self, node: Node<'_, '_>, written: &BTreeMap<String, String>) {
        match node.node_type() {
            NodeType::Element => self.element(node, written),
            NodeType::Text => self.text(node.text().unwrap_or_default()),
            NodeType::Comment if self.options.comments => {
                self.out += "<!--";
                self.out += node.text().unwrap_or_default();
                self.out += "-->";
            }
            NodeType::PI => {
                if let Some(pi) = node.pi() {
                    self.out += "<?";
                    self.out += pi.target;
                    if let Some(value) = pi.value {
                        self.out.push(' ');
                        self.out += value;
                    }
                    self.out += "?>";
                }
            }
            NodeType::Comment | NodeType::Root => {}
        }
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out += "&amp;",
                '<' => self.out += "&lt;",
                '>' => self.out += "&gt;",
                '\r' => self.out += "&#xD;",
                c => self.out.push(c),
            }
        }
    }

    fn value(&mut self, text: &str) {
        self.out += "=\"";
        for c in text.chars() {
            match c {
                '&' => self.out += "&amp;",
                '<' => self.out += "&lt;",
                '"' => self.out += "&quot;",
                '\t' => self.out += "&#x9;",
                '\n' => self.out += "&#xA;",
                '\r' => self.out += "&#xD;",
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

impl<'a> Writer<'a, '_> {
    /// An element's name as it is written, with its prefix.
    fn name(&self, node: Node<'_, '_>) -> &'a str {
        let rest = &self.source[node.range().start + 1..];
        rest.split(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).next().unwrap_or_default()
    }
}

fn prefix(name: &str) -> &str {
    name.split_once(':').map_or("", |(prefix, _)| prefix)
}

#[cfg(test)]
mod tests {
    use super::{Options, canonical};

    /// The element of a document with this ID, or its root.
    #[track_caller]
    fn becomes(input: &str, id: Option<&str>, options: &Options, expected: &str) {
        let document = roxmltree::Document::parse(input).expect("well-formed");
        let found = document.descendants().find(|node| node.is_element() && (id.is_none() || node.attribute("Id") == id)).expect("it");
        assert_eq!(canonical(found, None, options), expected);
    }

    fn plain(input: &str, expected: &str) {
        becomes(input, None, &Options::default(), expected);
    }

    /// Canonical XML 1.0, 3.1 to 3.6, as far as they need no DTD; the rules are the same in the exclusive form.
    #[test]
    fn the_w3c_examples_of_canonical_xml() {
        plain("<?xml version=\"1.0\"?>\n<doc>Hello, world!<!-- Comment 1 --></doc>\n<!-- Comment 2 -->", "<doc>Hello, world!</doc>");
        let comments = Options { comments: true, ..Options::default() };
        becomes("<doc>Hello, world!<!-- Comment 1 --></doc>", None, &comments, "<doc>Hello, world!<!-- Comment 1 --></doc>");
        let white = "<doc>\n   <clean>   </clean>\n   <dirty>   A   B   </dirty>\n   <mixed>\n      A\n      <clean>   </clean>\n   </mixed>\n</doc>";
        plain(white, white);
        plain(
            "<doc>\n   <e1   />\n   <e2   ></e2>\n   <e3   name = \"elem3\"   id=\"elem3\"   />\n   <e4   name=\"elem4\"   id=\"elem4\"   ></e4>\n   \
             <e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\"\n      xmlns:b=\"http://www.ietf.org\"\n      xmlns:a=\"http://www.w3.org\"\n      \
             xmlns=\"http://example.org\"/>\n</doc>",
            "<doc>\n   <e1></e1>\n   <e2></e2>\n   <e3 id=\"elem3\" name=\"elem3\"></e3>\n   <e4 id=\"elem4\" name=\"elem4\"></e4>\n   \
             <e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" \
             a:attr=\"out\"></e5>\n</doc>",
        );
        plain(
            "<doc>\r\n   <text>First line&#x0d;&#10;Second line</text>\n   <value>&#x32;</value>\n   <compute><![CDATA[value>\"0\" && value<\"10\" \
             ?\"valid\":\"error\"]]></compute>\n   <compute expr='value>\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"'>valid</compute>\n   \
             <norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/>\n</doc>",
            "<doc>\n   <text>First line&#xD;\nSecond line</text>\n   <value>2</value>\n   <compute>value&gt;\"0\" &amp;&amp; value&lt;\"10\" \
             ?\"valid\":\"error\"</compute>\n   <compute expr=\"value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; \
             ?&quot;valid&quot;:&quot;error&quot;\">valid</compute>\n   <norm attr=\" '    &#xD;&#xA;&#x9;   ' \"></norm>\n</doc>",
        );
        plain("<doc>&#169;</doc>", "<doc>\u{a9}</doc>");
        plain("<doc><?pi-without-data   ?><?pi   some data ?></doc>", "<doc><?pi-without-data?><?pi some data ?></doc>");
    }

    /// Exclusive XML Canonicalization 1.0, 2.2: what surrounds an element does not change its canonical form.
    #[test]
    fn the_w3c_example_of_a_changed_surrounding() {
        let expected =
            "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\">\n         <n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff>\n     </n1:elem2>";
        let inner = "<n1:elem2 Id=\"x\" xmlns:n1=\"http://example.net\"\n         xml:lang=\"en\">\n         <n3:stuff xmlns:n3=\"ftp://example.org\"/>\n     </n1:elem2>";
        let expected = expected.replace(" xml:lang", " Id=\"x\" xml:lang");
        for outer in [
            format!("<n0:local xmlns:n0=\"foo:bar\" xmlns:n3=\"ftp://example.org\">\n     {inner}\n</n0:local>"),
            format!("<n2:pdu xmlns:n1=\"http://example.com\" xmlns:n2=\"http://foo.example\" xml:lang=\"fr\" xml:space=\"retain\">\n     {inner}\n</n2:pdu>"),
        ] {
            becomes(&outer, Some("x"), &Options::default(), &expected);
        }
    }

    #[test]
    fn namespaces_appear_where_they_are_used_and_once() {
        plain(
            "<a xmlns=\"u\" xmlns:p=\"v\"><b/><p:c><p:d xmlns:p=\"w\"/></p:c></a>",
            "<a xmlns=\"u\"><b></b><p:c xmlns:p=\"v\"><p:d xmlns:p=\"w\"></p:d></p:c></a>",
        );
        plain("<a xmlns=\"u\"><b xmlns=\"\"><c/></b></a>", "<a xmlns=\"u\"><b xmlns=\"\"><c></c></b></a>");
        plain("<p:a xmlns:p=\"u\" xmlns=\"\"><b/></p:a>", "<p:a xmlns:p=\"u\"><b></b></p:a>");
    }

    #[test]
    fn listed_prefixes_are_written_where_they_are_in_scope() {
        let options = Options { inclusive: vec!["xs".to_owned(), String::new()], ..Options::default() };
        becomes(
            "<a xmlns=\"u\" xmlns:xs=\"v\" xmlns:p=\"w\"><p:b Id=\"x\" type=\"xs:string\"/></a>",
            Some("x"),
            &options,
            "<p:b xmlns=\"u\" xmlns:p=\"w\" xmlns:xs=\"v\" Id=\"x\" type=\"xs:string\"></p:b>",
        );
    }
}
