//! XML from outside, as a tree: no DTD, so no entities; not deeper and not wider than anything honest.
//!
//! The parser's work grows with the square of the prefixes in force and of the attributes of an element, so both are counted
//! before it begins: whoever sends a document has signed nothing yet.
//!
//! Text is read whole: a comment in the middle of a name must not cut it off, because the signature does not see comments.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::{Document, Node, ParsingOptions};

/// How deep elements may lie: canonicalisation calls itself once a level.
const DEEPEST: usize = 64;
/// How many different prefixes may be declared.
const MOST_PREFIXES: usize = 64;
/// How many attributes an element may have.
const MOST_ATTRIBUTES: usize = 256;
/// How many elements, texts and comments there may be.
const MOST_NODES: u32 = 20_000;

/// Parses a document.
pub(super) fn document(text: &str) -> Option<Document<'_>> {
    if !is_modest(text) {
        return None;
    }
    let document = Document::parse_with_options(text, ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() }).ok()?;
    // In the order of the document, so a parent's depth is known before its children's.
    let mut depths: Vec<usize> = Vec::new();
    for node in document.descendants() {
        let depth = node.parent().and_then(|parent| depths.get(parent.id().get_usize())).map_or(0, |depth| depth + 1);
        if depth > DEEPEST {
            return None;
        }
        depths.push(depth);
    }
    Some(document)
}

/// Whether a parser can be shown it, judged by its letters: rather too many things count than too few.
fn is_modest(text: &str) -> bool {
    let mut prefixes = BTreeSet::new();
    for (at, word) in text.match_indices("xmlns") {
        let rest = &text[at + word.len()..];
        prefixes.insert(rest.split(|c: char| c == '=' || c.is_whitespace()).next());
        if prefixes.len() > MOST_PREFIXES {
            return false;
        }
    }
    // No tag reaches beyond the next one's beginning.
    text.split('<').all(|piece| piece.matches('=').count() <= MOST_ATTRIBUTES)
}

/// All text inside an element, without white space around it.
pub(super) fn text(node: Node<'_, '_>) -> String {
    let whole: String = node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect();
    whole.trim().to_owned()
}

/// Base64 inside an element, with line breaks anywhere.
pub(super) fn bytes(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let text: String = text(node).split_whitespace().collect();
    STANDARD.decode(text).ok()
}

/// The children of a name.
pub(super) fn children<'a, 'input: 'a>(parent: Node<'a, 'input>, name: (&'static str, &'static str)) -> impl Iterator<Item = Node<'a, 'input>> {
    parent.children().filter(move |child| child.has_tag_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root with so many declarations, and elements that each declare one of them again.
    fn declaring(prefixes: usize, elements: usize) -> String {
        let declared = (0..prefixes).map(|number| format!(" xmlns:p{number}='u'")).collect::<Vec<_>>().concat();
        format!("<r{declared}>{}</r>", "<e xmlns:p0='v'/>".repeat(elements))
    }

    #[test]
    fn a_document_declares_64_prefixes_at_most() {
        assert!(document(&declaring(64, 1000)).is_some(), "the same prefix again is no further one");
        assert!(document(&declaring(65, 1)).is_none());
        assert!(document(&declaring(2000, 2000)).is_none());
    }

    #[test]
    fn an_element_has_256_attributes_at_most() {
        let with = |attributes: usize| format!("<r><e{}/></r>", (0..attributes).map(|number| format!(" a{number}=''")).collect::<Vec<_>>().concat());
        assert!(document(&with(256)).is_some());
        assert!(document(&with(257)).is_none());
    }

    #[test]
    fn a_document_has_20_000_nodes_and_64_levels_at_most() {
        // The document itself and the root are nodes, too.
        let wide = |elements: usize| format!("<r>{}</r>", "<e/>".repeat(elements));
        assert!(document(&wide(19_998)).is_some());
        assert!(document(&wide(19_999)).is_none());
        let deep = |levels: usize| format!("{}{}", "<e>".repeat(levels), "</e>".repeat(levels));
        assert!(document(&deep(64)).is_some());
        assert!(document(&deep(65)).is_none());
    }
}
