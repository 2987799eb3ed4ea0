//! One HTTP request, read to its end: what the rest of the practice account sees of the network.
//!
//! Path and query are kept as they were sent, because the signature is over those bytes.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

/// A request with its body.
pub(super) struct Incoming {
    pub(super) method: String,
    /// As it was sent, not decoded.
    pub(super) path: String,
    /// As it was sent, not decoded.
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) peer: IpAddr,
}

impl Incoming {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header as the canonical request has them.
    pub(super) fn canonical_header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(own, _)| own == name);
        values.map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(",")
    }

    /// A decoded value of the query.
    pub(super) fn query_value(&self, name: &str) -> Option<String> {
        let value = self.query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }

    /// Whether the body is a form.
    pub(super) fn is_form(&self) -> bool {
        self.header("content-type").is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"))
    }

    /// The host is this machine: a page in a browser cannot reach the server under another name.
    pub(super) fn is_for_loopback(&self) -> bool {
        let Some(host) = self.header("host") else { return false };
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}
