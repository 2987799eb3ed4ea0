//! The metadata document of a SAML provider: who it is and what keys it signs with.
//!
//! AWS asks for an entity ID, an identity provider's role with SAML 2.0, an endpoint, and a signing certificate; it does not look
//! at the certificates' dates. A signature over the metadata itself is not checked, by AWS neither.

use serde::{Deserialize, Serialize};

use super::{
    keys::PublicKey,
    tree::{self, bytes, children},
};

const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// What a metadata document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) struct Metadata {
    /// The issuer of its assertions.
    pub(super) entity_id: String,
    pub(super) keys: Vec<PublicKey>,
}

impl Metadata {
    /// `None`: AWS could not parse it.
    pub(in crate::practice) fn parse(text: &str) -> Option<Self> {
        let document = tree::document(text)?;
        let entity = document.root_element();
        let entity_id = entity.attribute("entityID").filter(|_| entity.has_tag_name((MD, "EntityDescriptor"))).filter(|id| !id.trim().is_empty())?;
        let speaks = |node: &roxmltree::Node<'_, '_>| {
            node.attribute("protocolSupportEnumeration").is_some_and(|list| list.split_whitespace().any(|protocol| protocol == PROTOCOL))
        };
        let provider = children(entity, (MD, "IDPSSODescriptor")).find(speaks)?;
        children(provider, (MD, "SingleSignOnService")).find(|endpoint| endpoint.attribute("Location").is_some_and(|location| !location.is_empty()))?;
        let signing = children(provider, (MD, "KeyDescriptor")).filter(|key| key.attribute("use").is_none_or(|usage| usage == "signing"));
        let certificates = signing.flat_map(|key| key.descendants().filter(|node| node.has_tag_name((DS, "X509Certificate"))));
        // One that cannot be read spoils the document.
        let keys = certificates.map(|certificate| PublicKey::of_certificate(&bytes(certificate)?)).collect::<Option<Vec<_>>>()?;
        (!keys.is_empty()).then(|| Self { entity_id: entity_id.to_owned(), keys })
    }
}
