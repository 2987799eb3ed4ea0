//! Which proxy a request goes through: the variables of the agent's start first, then the system's own setting.
//!
//! As curl and botocore read them: lower case wins, `NO_PROXY` takes suffixes, networks, ports and `*`, and this machine itself is
//! never asked through a proxy. What is told of a proxy has no password in it.

use std::{fmt, net::IpAddr};

use percent_encoding::percent_decode_str;
use url::Url;

use super::{environment::Environment, trouble::Trouble};
use crate::model::secret::Secret;

/// The way to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Direct,
    Through(Proxy),
}

/// A proxy, and which setting named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    /// `http://host:port`
    pub(super) url: String,
    /// Name and password.
    pub(super) login: Option<(String, Secret)>,
    /// `HTTPS_PROXY`, “the system's settings”.
    pub(super) setting: String,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.url, self.setting)
    }
}

/// The settings of one place where proxies are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Proxies {
    pub(super) http: Option<Named>,
    pub(super) https: Option<Named>,
    pub(super) except: Vec<Except>,
}

/// A proxy as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) setting: String,
    pub(super) written: Secret,
}

/// Who is asked directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Except {
    Everybody,
    Network(IpAddr, u8),
    /// A name and all below it, and the port if only that one.
    Name(String, Option<u16>),
}

impl Proxies {
    /// What the variables say.
    pub(super) fn of(environment: &Environment) -> Self {
        let first = |names: &[&str]| {
            let name = names.iter().find(|name| environment.get(name).is_some())?;
            Some(Named { setting: (*name).to_owned(), written: Secret::new(environment.get(name)?) })
        };
        Self {
            http: first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: except(environment.get("no_proxy").or_else(|| environment.get("NO_PROXY")).unwrap_or_default()),
        }
    }

    /// Whether any proxy is named.
    pub(super) const fn any(&self) -> bool {
        self.http.is_some() || self.https.is_some()
    }

    /// The way to a URL.
    pub(super) fn route(&self, scheme: &str, host: &str, port: u16) -> Result<Route, Trouble> {
        let named = if scheme == "https" { &self.https } else { &self.http };
        match named {
            Some(named) if !is_here(host) && !self.except.iter().any(|except| except.holds(host, port)) => named.proxy().map(Route::Through),
            _ => Ok(Route::Direct),
        }
    }
}

impl Named {
    fn proxy(&self) -> Result<Proxy, Trouble> {
        let written = self.written.expose().trim();
        let text = if written.contains("://") { written.to_owned() } else { format!("http://{written}") };
        let url =
            Url::parse(&text).ok().filter(Url::has_host).ok_or_else(|| Trouble::proxy_unusable(&self.setting, "it is no URL such as http://proxy:3128"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Trouble::proxy_unusable(&self.setting, &format!("it is a {} proxy, and only HTTP proxies can be used", url.scheme())));
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = (!url.username().is_empty() || url.password().is_some())
            .then(|| (decoded(url.username()), Secret::new(decoded(url.password().unwrap_or_default()))));
        let port = url.port_or_known_default().unwrap_or(80);
        Ok(Proxy { url: format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or_default()), login, setting: self.setting.clone() })
    }
}

/// Whether a host is this machine.
pub(super) fn is_here(host: &str) -> bool {
    let host = bare(host);
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Without the brackets of IPv6 and the last dot, in lower case.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

/// The entries of `NO_PROXY`: separated by commas or white space.
pub(super) fn except(text: &str) -> Vec<Except> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty()).map(Except::parse).collect()
}

impl Except {
    fn parse(entry: &str) -> Self {
        if entry == "*" {
            return Self::Everybody;
        }
        let whole = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
        if let Ok(address) = bare(entry).parse::<IpAddr>() {
            return Self::Network(address, whole(address));
        }
        if let Some((network, bits)) = entry.split_once('/')
            && let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u8>())
        {
            return Self::Network(network, bits.min(whole(network)));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
            _ => (entry, None),
        };
        Self::Name(bare(name.trim_start_matches('*').trim_start_matches('.')), port)
    }

    fn holds(&self, host: &str, port: u16) -> bool {
        let host = bare(host);
        match self {
            Self::Everybody => true,
            Self::Network(network, bits) => match (network, host.parse::<IpAddr>()) {
                (IpAddr::V4(network), Ok(IpAddr::V4(host))) => {
                    let differ = network.to_bits() ^ host.to_bits();
                    differ.checked_shr(32 - u32::from(*bits)).unwrap_or(0) == 0
                }
                (IpAddr::V6(network), Ok(IpAddr::V6(host))) => {
                    let differ = network.to_bits() ^ host.to_bits();
                    differ.checked_shr(128 - u32::from(*bits)).unwrap_or(0) == 0
                }
                _ => false,
            },
            Self::Name(name, only) => {
                let below = host.strip_suffix(name.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'));
                below && !name.is_empty() && only.is_none_or(|only| only == port)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::of(&Environment::new(variables.iter().copied()))
    }

    fn through(proxies: &Proxies, url: &str) -> Option<String> {
        let url = Url::parse(url).expect("a URL");
        match proxies.route(url.scheme(), url.host_str().expect("a host"), url.port_or_known_default().expect("a port")) {
            Ok(Route::Direct) => None,
            Ok(Route::Through(proxy)) => Some(proxy.to_string()),
            Err(trouble) => Some(trouble.to_string()),
        }
    }

    #[test]
    fn the_variables_are_read_as_curl_reads_them() {
        let both = proxies(&[("HTTPS_PROXY", "http://upper:1"), ("https_proxy", "lower:2"), ("ALL_PROXY", "http://all")]);
        assert_eq!(through(&both, "https://sts.amazonaws.com/").as_deref(), Some("http://lower:2 (https_proxy)"));
        assert_eq!(through(&both, "http://sts.amazonaws.com/").as_deref(), Some("http://all:80 (ALL_PROXY)"));
        assert_eq!(through(&both, "https://127.0.0.1:5000/"), None, "this machine is never asked through a proxy");
        assert_eq!(through(&both, "https://localhost/"), None);
        assert_eq!(through(&both, "https://[::1]/"), None);
        assert_eq!(through(&proxies(&[]), "https://sts.amazonaws.com/"), None);
    }

    #[test]
    fn a_password_goes_along_and_is_never_told() {
        let secret = proxies(&[("HTTPS_PROXY", "http://me:p%40ss@proxy.example:3128")]);
        let Ok(Route::Through(proxy)) = secret.route("https", "sts.amazonaws.com", 443) else { panic!("through the proxy") };
        assert_eq!(proxy.login, Some(("me".to_owned(), Secret::new("p@ss"))));
        assert!(!format!("{secret:?} {proxy:?} {proxy}").contains("ss@"), "{proxy:?}");
        assert_eq!(proxy.to_string(), "http://proxy.example:3128 (HTTPS_PROXY)");
    }

    #[test]
    fn exceptions_are_names_networks_ports_and_everybody() {
        let holds = |list: &str, host: &str, port: u16| except(list).iter().any(|except| except.holds(host, port));
        for (list, host, port, expected) in [
            ("example.com", "example.com", 443, true),
            ("example.com", "sts.example.com", 443, true),
            (".example.com", "sts.EXAMPLE.com", 443, true),
            ("*.example.com", "sts.example.com", 443, true),
            ("example.com", "notexample.com", 443, false),
            ("a.b, example.com:8443", "example.com", 8443, true),
            ("example.com:8443", "example.com", 443, false),
            ("10.0.0.0/8", "10.20.30.40", 443, true),
            ("10.0.0.0/8", "11.0.0.1", 443, false),
            ("0.0.0.0/0", "11.0.0.1", 443, true),
            ("192.168.1.7", "192.168.1.7", 80, true),
            ("192.168.1.7", "192.168.1.8", 80, false),
            ("fd00::/8", "[fd12::1]", 443, true),
            ("fd00::/8", "[fe80::1]", 443, false),
            ("*", "anything", 1, true),
            ("", "anything", 1, false),
            (" , ", "anything", 1, false),
        ] {
            assert_eq!(holds(list, host, port), expected, "{list} {host}:{port}");
        }
    }

    #[test]
    fn what_cannot_be_used_says_so_and_where_it_stands() {
        let socks = through(&proxies(&[("ALL_PROXY", "socks5://me:secret@proxy:1080")]), "https://sts.amazonaws.com/").expect("said");
        assert!(socks.contains("ALL_PROXY") && socks.contains("socks5") && !socks.contains("secret"), "{socks}");
        assert!(through(&proxies(&[("HTTPS_PROXY", "http://")]), "https://sts.amazonaws.com/").expect("said").contains("HTTPS_PROXY"));
    }
}
