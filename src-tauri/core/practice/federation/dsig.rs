//! XML Signature, as much of it as SAML uses: one enveloped signature over the element that it is a child of.
//!
//! What is verified is what is read: the reference must name the very element that the caller goes on to read, and no other
//! element may bear that ID. Keys come from the provider's metadata; a key that the message brings along counts for nothing.

use ring::digest;
use roxmltree::Node;

use super::{
    c14n::{Options, canonical},
    keys::{Algorithm, PublicKey},
    tree::bytes,
};

const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
/// How many prefixes a canonicalisation may list: each is looked for at every element.
const MOST_PREFIXES: usize = 32;

/// What can be said of an element's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signed {
    /// It has none.
    No,
    /// It is the whole element's, by one of the keys.
    Yes,
    /// It has one that proves nothing.
    Wrong,
}

/// Looks at the signature that is a child of `element`.
pub(super) fn signed(element: Node<'_, '_>, keys: &[PublicKey]) -> Signed {
    let mut signatures = element.children().filter(|child| child.has_tag_name((DS, "Signature")));
    match (signatures.next(), signatures.next()) {
        (None, _) => Signed::No,
        (Some(signature), None) if verifies(element, signature, keys).unwrap_or(false) => Signed::Yes,
        (Some(_), _) => Signed::Wrong,
    }
}

fn verifies(element: Node<'_, '_>, signature: Node<'_, '_>, keys: &[PublicKey]) -> Option<bool> {
    let info = only(signature, "SignedInfo")?;
    let reference = only(info, "Reference")?;
    let id = element.attribute("ID").filter(|id| !id.is_empty())?;
    let bearers = element.document().descendants().filter(|node| node.attributes().any(|a| a.name().eq_ignore_ascii_case("id") && a.value() == id)).count();
    if bearers != 1 || reference.attribute("URI")?.strip_prefix('#')? != id {
        return Some(false);
    }
    // The signature first: nobody's document is canonicalised but that of somebody with the provider's key.
    let form = method(only(info, "CanonicalizationMethod")?)?;
    let algorithm = Algorithm::of_xml(only(info, "SignatureMethod")?.attribute("Algorithm")?)?;
    let (message, value) = (canonical(info, None, &form), bytes(only(signature, "SignatureValue")?)?);
    if !keys.iter().any(|key| key.verifies(algorithm, message.as_bytes(), &value)) {
        return Some(false);
    }
    let form = transforms(reference)?;
    let hash = match only(reference, "DigestMethod")?.attribute("Algorithm")? {
        "http://www.w3.org/2000/09/xmldsig#sha1" => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        "http://www.w3.org/2001/04/xmlenc#sha256" => &digest::SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => &digest::SHA384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => &digest::SHA512,
        _ => return None,
    };
    let expected = bytes(only(reference, "DigestValue")?)?;
    Some(digest::digest(hash, canonical(element, Some(signature), &form).as_bytes()).as_ref() == expected)
}

/// The one child of this name; `None` where there are none or several.
fn only<'a, 'input>(parent: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    let mut found = parent.children().filter(|child| child.has_tag_name((DS, name)));
    found.next().filter(|_| found.next().is_none())
}

/// Enveloped, then exclusive canonicalisation: the two that SAML allows, each at most once.
fn transforms(reference: Node<'_, '_>) -> Option<Options> {
    let transforms: Vec<_> = only(reference, "Transforms")?.children().filter(Node::is_element).collect();
    match transforms.as_slice() {
        // What `#ID` stands for has no comments in it, whatever the canonicalisation would do with them.
        [first, second] if first.attribute("Algorithm") == Some(ENVELOPED) => Some(Options { comments: false, ..method(*second)? }),
        _ => None,
    }
}

/// A canonicalisation with its parameters.
fn method(node: Node<'_, '_>) -> Option<Options> {
    let comments = match node.attribute("Algorithm")? {
        EXCLUSIVE => false,
        WITH_COMMENTS => true,
        _ => return None,
    };
    let list = node.children().find(|child| child.has_tag_name((EXCLUSIVE, "InclusiveNamespaces"))).and_then(|list| list.attribute("PrefixList"));
    let inclusive = list.unwrap_or_default().split_whitespace().map(|prefix| if prefix == "#default" { String::new() } else { prefix.to_owned() });
    let inclusive: Vec<_> = inclusive.take(MOST_PREFIXES + 1).collect();
    (inclusive.len() <= MOST_PREFIXES).then_some(Options { comments, inclusive })
}
