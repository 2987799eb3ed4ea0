//! XML from outside, as a tree: no DTD, so no entities; not deeper than anything honest.
//!
//! Text is read whole: a comment in the middle of a name must not cut it off, because the signature does not see comments.

use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::{Document, Node};

/// How deep elements may lie: canonicalisation calls itself once a level.
const DEEPEST: usize = 64;

/// Parses a document.
pub(super) fn document(text: &str) -> Option<Document<'_>> {
    let document = Document::parse(text).ok()?;
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
