//! Who gets past the door of the container endpoint: pure, decided from the head of a request alone.
//!
//! Loopback is open to every user of the machine and, through a browser, to every web page. So the `Host` must be this very
//! port, nothing that a browser adds may be there, and the token of the profile must: 256 random bits, compared in constant time.
//! Whether a profile exists is told to nobody who has no token.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Method, Request, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use subtle::ConstantTimeEq;

use crate::{
    error::{Code, Error, Result},
    model::{profile::ProfileName, secret::Secret},
};

/// Where the profiles' documents are.
const FOLDER: &str = "/credentials/";

/// What of a profile's name is written otherwise in a path.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Why a request gets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of HTTP.
    pub status: u16,
    /// For programs.
    pub code: String,
    /// For people; the SDKs show it.
    pub message: String,
}

impl Refusal {
    fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), message: message.to_owned() }
    }
}

/// The door: its port, and a token for each profile that was handed out through it.
#[derive(Debug)]
pub struct Gate {
    hosts: [String; 2],
    /// By path.
    tokens: Mutex<BTreeMap<String, (ProfileName, Secret)>>,
}

impl Gate {
    /// A door without tokens.
    pub fn new(port: u16) -> Self {
        Self { hosts: [format!("127.0.0.1:{port}"), format!("localhost:{port}")], tokens: Mutex::default() }
    }

    /// Where a profile's document is, and its token: made at first use, and then the same as long as the agent runs.
    pub fn key(&self, profile: &ProfileName) -> Result<(String, Secret)> {
        let path = format!("{FOLDER}{}", utf8_percent_encode(profile.as_str(), &ESCAPED));
        let url = format!("http://{}{path}", self.hosts[0]);
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, token)) = tokens.get(&path) {
            return Ok((url, token.clone()));
        }
        let mut random = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(&mut *random)
            .map_err(|error| Error::new(Code::Agent, format!("The system gave no random numbers for the container endpoint: {error}"), "Try again"))?;
        let token = Secret::new(URL_SAFE_NO_PAD.encode(*random));
        tokens.insert(path, (profile.clone(), token.clone()));
        Ok((url, token))
    }

    /// The profile whose credentials the request may have.
    pub fn admits<B>(&self, request: &Request<B>) -> Result<ProfileName, Refusal> {
        let headers = request.headers();
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        if !one(headers, header::HOST).is_some_and(|host| self.is_here(host)) || !authority.is_none_or(|host| self.is_here(host.as_bytes())) {
            return Err(Refusal::new(421, "host_refused", "The container endpoint answers only under its own address on this machine"));
        }
        if headers.contains_key(header::ORIGIN) || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-")) {
            return Err(Refusal::new(403, "origin_refused", "The container endpoint answers no web page"));
        }
        if request.method() != Method::GET {
            return Err(Refusal::new(405, "method_refused", "The container endpoint answers GET only"));
        }
        if headers.contains_key(header::TRANSFER_ENCODING) || headers.get_all(header::CONTENT_LENGTH).iter().any(|length| length.as_bytes() != b"0") {
            return Err(Refusal::new(413, "body_refused", "The container endpoint takes no body"));
        }
        if !request.uri().path().starts_with(FOLDER) || request.uri().query().is_some() {
            return Err(Refusal::new(404, "not_found", "There is nothing at this path of the container endpoint"));
        }
        let Some(given) = one(headers, header::AUTHORIZATION) else {
            return Err(Refusal::new(401, "token_missing", "The container endpoint wants the token of AWS_CONTAINER_AUTHORIZATION_TOKEN"));
        };
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        match tokens.get(request.uri().path()) {
            Some((profile, token)) if token.expose().as_bytes().ct_eq(given).into() => Ok(profile.clone()),
            Some(_) | None => Err(Refusal::new(
                403,
                "token_refused",
                "This token is not valid: Stagedoor was started anew since the command was. Run the command again with: stagedoor exec PROFILE --endpoint -- CMD",
            )),
        }
    }

    /// The profile that a path names, whether or not the request may have it: for the record.
    pub(super) fn named(&self, path: &str) -> Option<ProfileName> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(path).map(|(profile, _)| profile.clone())
    }

    fn is_here(&self, host: &[u8]) -> bool {
        self.hosts.iter().any(|own| own.as_bytes() == host)
    }
}

/// The value of a header that is there exactly once.
fn one(headers: &HeaderMap, name: header::HeaderName) -> Option<&[u8]> {
    let mut all = headers.get_all(name).iter();
    all.next().filter(|_| all.next().is_none()).map(http::HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> (Gate, String) {
        let gate = Gate::new(4711);
        let (_, token) = gate.key(&ProfileName::new("dev/ops é")).expect("random numbers");
        (gate, token.expose().to_owned())
    }

    fn refused(gate: &Gate, method: &str, uri: &str, headers: &[(&str, &str)]) -> Option<(u16, String)> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        gate.admits(&request.body(()).expect("a request")).err().map(|refusal| (refusal.status, refusal.code))
    }

    const PATH: &str = "/credentials/dev%2Fops%20%C3%A9";

    #[test]
    fn the_right_token_at_the_right_place_gets_in() {
        let (gate, token) = gate();
        assert_eq!(token.len(), 43, "256 bits");
        for host in ["127.0.0.1:4711", "localhost:4711"] {
            assert_eq!(refused(&gate, "GET", PATH, &[("host", host), ("authorization", &token), ("accept", "application/json")]), None);
        }
        assert_eq!(gate.key(&ProfileName::new("dev/ops é")).expect("it is there").1.expose(), token, "one a profile");
        assert_ne!(gate.key(&ProfileName::new("other")).expect("random numbers").1.expose(), token);
    }

    #[test]
    fn everything_else_is_refused() {
        let (gate, token) = gate();
        let own = ("host", "127.0.0.1:4711");
        let key = ("authorization", token.as_str());
        let bearer = format!("Bearer {token}");
        let cut = &token[1..];
        for (method, uri, headers, status) in [
            ("GET", PATH, &[key][..], 421),
            ("GET", PATH, &[("host", "127.0.0.1"), key], 421),
            ("GET", PATH, &[("host", "evil.example:4711"), key], 421),
            ("GET", PATH, &[("host", "127.0.0.1:4711.evil.example"), key], 421),
            ("GET", PATH, &[("host", "[::1]:4711"), key], 421),
            ("GET", PATH, &[own, ("host", "evil.example"), key], 421),
            ("GET", "http://evil.example/credentials/dev%2Fops%20%C3%A9", &[own, key], 421),
            ("GET", PATH, &[own, key, ("origin", "http://127.0.0.1:4711")], 403),
            ("GET", PATH, &[own, key, ("origin", "null")], 403),
            ("GET", PATH, &[own, key, ("sec-fetch-mode", "no-cors")], 403),
            ("POST", PATH, &[own, key], 405),
            ("HEAD", PATH, &[own, key], 405),
            ("OPTIONS", PATH, &[own, key], 405),
            ("GET", PATH, &[own, key, ("content-length", "1073741824")], 413),
            ("GET", PATH, &[own, key, ("transfer-encoding", "chunked")], 413),
            ("GET", "/", &[own, key], 404),
            ("GET", "/latest/meta-data/", &[own, key], 404),
            ("GET", "/credentials/dev%2Fops%20%C3%A9?x", &[own, key], 404),
            ("GET", PATH, &[own], 401),
            ("GET", PATH, &[own, key, key], 401),
            ("GET", PATH, &[own, ("authorization", "")], 403),
            ("GET", PATH, &[own, ("authorization", cut)], 403),
            ("GET", PATH, &[own, ("authorization", &bearer)], 403),
            ("GET", "/credentials/dev/ops%20%C3%A9", &[own, key], 403),
            ("GET", "/credentials/nobody", &[own, key], 403),
            ("GET", "/credentials/nobody", &[own], 401),
        ] {
            assert_eq!(refused(&gate, method, uri, headers).map(|(status, _)| status), Some(status), "{method} {uri} {headers:?}");
        }
    }
}
