//! One HTTP request, read to its end: what the rest of the practice account sees of the network.
//!
//! Path and query are kept as they were sent, because the signature is over those bytes.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;

use super::{fault::Outcome, federation::Fetched, params::Params};

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
    /// The keys of the identity provider that the call is about, fetched beforehand.
    pub(super) keys: Option<Fetched>,
}

impl Incoming {
    /// The head of a request, its body still to come.
    pub(super) fn new(parts: &http::request::Parts, peer: IpAddr) -> Self {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
            body: Vec::new(),
            peer,
            keys: None,
        }
    }

    /// What query and form say. Decoding it once is enough: it is handed on.
    pub(super) fn params(&self) -> Outcome<Params> {
        Params::parse(&self.query, if self.is_form() { &self.body } else { &[] })
    }

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

    /// The host is this machine, and so is the page that asks, where it is one: no page of another host reaches the server.
    pub(super) fn is_for_loopback(&self) -> bool {
        let origin = self.header("origin").is_none_or(|origin| origin.strip_prefix("http://").is_some_and(is_loopback));
        self.header("host").is_some_and(is_loopback) && origin && !self.is_lured()
    }

    /// A page of another host that has its browser load something from here, which sends no Origin. Following a link to sign in
    /// is no such thing.
    fn is_lured(&self) -> bool {
        let elsewhere = self.header("sec-fetch-site").is_some_and(|site| matches!(site, "cross-site" | "same-site"));
        elsewhere && !(self.header("sec-fetch-mode") == Some("navigate") && self.path.trim_end_matches('/') == "/federation")
    }
}

/// `localhost:4567`, `127.0.0.1`, `[::1]:4567`
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
