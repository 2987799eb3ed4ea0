//! What can go wrong before AWS answers, each with its own sentence and its own next step.
//!
//! A [`Trouble`] travels inside the SDK's error from our connector to `told`, which puts the call's name to it. It never holds a
//! password: a proxy is named without one.

use std::{error::Error as StdError, fmt, io};

use aws_smithy_runtime_api::client::result::ConnectorError;

use super::{proxy::Proxy, tunnel::Tunnel};
use crate::error::{Code, Error};

/// One thing that went wrong on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    code: Code,
    message: String,
    hint: &'static str,
    /// Whether a second attempt, at once, may find it gone.
    passing: bool,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Trouble {}

/// The causes of an error, from the outside in, those within `io::Error` too.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn StdError + 'static)| match error.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
        None => error.source(),
    })
}

/// The cause of one type.
pub(super) fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(|cause| cause.downcast_ref::<E>())
}

/// What could not be read as HTTP.
fn garbled(error: &ConnectorError) -> Option<&hyper::Error> {
    cause::<hyper::Error>(error).filter(|error| error.is_parse())
}

/// Whether a proxy led nowhere, and nobody knows why.
pub(super) fn no_tunnel(error: &ConnectorError) -> bool {
    chain(error).any(|cause| cause.to_string() == "tunnel error: unsuccessful")
}

const ALLOW: &str = "Ask whoever runs the proxy to allow it, or name the host in NO_PROXY and start Stagedoor again";

const NETWORK: &str = "Check the network, VPN, proxy and the endpoint_url, then try again";

impl Trouble {
    /// The network's fault.
    fn line(message: String, hint: &'static str) -> Self {
        Self { code: Code::AwsUnreachable, message, hint, passing: true }
    }

    /// A certificate was refused.
    pub(super) const fn certificate(message: String, hint: &'static str) -> Self {
        Self { code: Code::AwsUnreachable, message, hint, passing: false }
    }

    /// Somebody answered, and it is no answer of AWS's.
    pub(super) const fn answer(message: String, hint: &'static str, passing: bool) -> Self {
        Self { code: Code::AwsUnreachable, message, hint, passing }
    }

    /// The proxy led nowhere: with its status, if it answered in HTTP.
    pub(super) fn no_tunnel(proxy: &Proxy, host: &str, said: Option<&Tunnel>) -> Self {
        match said {
            Some(Tunnel::Nonsense) => Self::line(
                format!("The proxy {proxy} answered with something that is not HTTP"),
                "Check the proxy's address and port: something else may listen there",
            ),
            Some(Tunnel::Refused(status)) => Self::line(format!("The proxy {proxy} refused to connect to {host} (HTTP {status})"), ALLOW),
            Some(Tunnel::Open(_)) | None => Self::line(format!("The proxy {proxy} refused to connect to {host}"), ALLOW),
        }
    }

    /// A file of certificates that a setting names.
    pub(super) fn bundle(setting: &str, path: &str, why: &str) -> Self {
        Self {
            code: Code::InvalidValue,
            message: format!("The certificates in {path} ({setting}) cannot be used: {why}"),
            hint: "Name a file with one or more certificates in PEM format, or remove the setting",
            passing: false,
        }
    }

    /// A proxy setting that leads nowhere.
    pub(super) fn proxy_unusable(setting: &str, why: &str) -> Self {
        Self {
            code: Code::InvalidValue,
            message: format!("The proxy in {setting} cannot be used: {why}"),
            hint: "Set HTTPS_PROXY to a URL such as http://proxy.example:3128 and start Stagedoor again",
            passing: false,
        }
    }

    /// The proxy wants to know who asks.
    pub(super) fn proxy_login(proxy: &Proxy) -> Self {
        let (message, hint) = if proxy.login.is_some() {
            (format!("The proxy {proxy} refused the user name and password"), "Mend them in the proxy's URL and start Stagedoor again")
        } else {
            (
                format!("The proxy {proxy} wants a user name and password"),
                "Put them into the proxy's URL (http://name:password@proxy:3128) and start Stagedoor again",
            )
        };
        Self { code: Code::AwsUnreachable, message, hint, passing: false }
    }

    /// What an error of the connection means. `host` with its port where it is unusual.
    pub(super) fn of(error: &ConnectorError, host: &str, proxy: Option<&Proxy>) -> Self {
        let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
        let says = |part: &str| texts.iter().any(|text| text.contains(part));
        if let Some(proxy) = proxy {
            if says("tunnel error: proxy authorization required") {
                return Self::proxy_login(proxy);
            }
            if no_tunnel(error) {
                return Self::no_tunnel(proxy, host, None);
            }
        }
        let (there, hint) = match proxy {
            Some(proxy) => (format!("the proxy {proxy}"), "Check the proxy's address and the network, then try again"),
            None => (host.to_owned(), NETWORK),
        };
        let kind = chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last();
        let message = match kind {
            _ if error.is_timeout() => {
                format!("No answer in time from {}", proxy.map_or_else(|| host.to_owned(), |proxy| format!("{host} through the proxy {proxy}")))
            }
            _ if says("dns error") => format!("The name of {there} is not known here"),
            Some(io::ErrorKind::ConnectionRefused) => format!("Nobody answers at {there}: Connection refused"),
            Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkDown) => {
                format!("There is no way to {there}: the network is down or leads elsewhere")
            }
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionAborted) => {
                format!("The connection to {there} broke off")
            }
            _ if says("connection closed before message completed") || says("unexpected end of file") || says("connection closed") => {
                format!("The connection to {there} broke off before the answer came")
            }
            _ if garbled(error).is_some_and(hyper::Error::is_parse_too_large) => format!("The head of the answer from {there} is larger than any of AWS's"),
            _ if garbled(error).is_some() => format!("Something that is not HTTP came from {there}"),
            _ => format!("AWS could not be reached at {there}: {}", texts.last().map_or("no connection", String::as_str)),
        };
        Self::line(message, hint)
    }

    /// For the SDK, which decides by the kind whether to try again at once.
    pub(super) fn into_connector_error(self, original: Option<&ConnectorError>) -> ConnectorError {
        let timed_out = original.is_some_and(ConnectorError::is_timeout);
        match (self.passing, timed_out) {
            (false, _) => ConnectorError::user(self.into()),
            (true, true) => ConnectorError::timeout(self.into()),
            (true, false) => ConnectorError::io(self.into()),
        }
    }

    /// For a person, with the call that came to nothing.
    pub(super) fn told(&self, asked: &str) -> Error {
        Error::new(self.code, format!("{} ({asked})", self.message), self.hint)
    }
}
