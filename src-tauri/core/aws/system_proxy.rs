//! The proxy of the system's own settings: GNOME's (which others share), macOS's and Windows'.
//!
//! Looked up when a request leaves, because people change networks, but at most every few seconds. On macOS and Windows
//! hyper-util reads them; on Linux `gsettings` does, and where there is none there is no setting. An automatic configuration
//! (PAC) is a program to be run, which Stagedoor does not: it goes directly then.

use std::{process::Stdio, time::Duration};

use hyper_util::client::proxy::matcher::Matcher;
use tokio::{process::Command, sync::Mutex, time::Instant};

use super::{
    proxy::{Named, Proxies, Route, except},
    trouble::Trouble,
};
use crate::model::secret::Secret;

/// What was read is good for this long.
const GOOD_FOR: Duration = Duration::from_secs(10);

/// A desktop that does not tell in this time has nothing to tell.
const PATIENCE: Duration = Duration::from_secs(2);

/// How it is called where a person reads it.
const SETTING: &str = "the system's settings";

/// The system's settings as last read.
#[derive(Debug, Default)]
pub(super) struct SystemProxy(Mutex<Option<(Instant, Proxies)>>);

impl SystemProxy {
    /// The way to a host by the settings as they are now.
    pub(super) async fn route(&self, scheme: &str, host: &str, port: u16) -> Result<Route, Trouble> {
        if cfg!(any(target_os = "macos", windows)) {
            return by_matcher(&Matcher::from_system(), scheme, host, port);
        }
        let mut kept = self.0.lock().await;
        if let Some((at, proxies)) = &*kept
            && at.elapsed() < GOOD_FOR
        {
            return proxies.route(scheme, host, port);
        }
        let proxies = gsettings().await;
        let route = proxies.route(scheme, host, port);
        *kept = Some((Instant::now(), proxies));
        route
    }
}

fn by_matcher(matcher: &Matcher, scheme: &str, host: &str, port: u16) -> Result<Route, Trouble> {
    let Ok(uri) = format!("{scheme}://{host}:{port}/").parse() else { return Ok(Route::Direct) };
    let Some(found) = matcher.intercept(&uri) else { return Ok(Route::Direct) };
    Proxies { https: Some(named(found.uri().to_string())), http: Some(named(found.uri().to_string())), except: Vec::new() }.route(scheme, host, port)
}

fn named(written: String) -> Named {
    Named { setting: SETTING.to_owned(), written: Secret::new(written) }
}

async fn gsettings() -> Proxies {
    let asked =
        Command::new("gsettings").args(["list-recursively", "org.gnome.system.proxy"]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).output();
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(output)) if output.status.success() => gnome(&String::from_utf8_lossy(&output.stdout)),
        _ => Proxies::default(),
    }
}

/// Lines such as `org.gnome.system.proxy.https port 3128`.
fn gnome(text: &str) -> Proxies {
    let value = |schema: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(schema)?.strip_prefix(' ')?.strip_prefix(key)?.strip_prefix(' '))?;
        Some(line.trim().trim_matches('\'').to_owned())
    };
    if value("org.gnome.system.proxy", "mode").as_deref() != Some("manual") {
        return Proxies::default();
    }
    let of = |kind: &str| {
        let schema = format!("org.gnome.system.proxy.{kind}");
        let host = value(&schema, "host").filter(|host| !host.is_empty())?;
        let port = value(&schema, "port").and_then(|port| port.parse::<u16>().ok()).filter(|port| *port != 0)?;
        Some(named(format!("http://{host}:{port}")))
    };
    let hosts = value("org.gnome.system.proxy", "ignore-hosts").unwrap_or_default();
    let hosts: String = hosts.trim_start_matches("@as ").chars().map(|c| if matches!(c, '[' | ']' | '\'' | ' ') { ',' } else { c }).collect();
    Proxies { http: of("http"), https: of("https").or_else(|| of("http")), except: except(&hosts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "org.gnome.system.proxy autoconfig-url ''
org.gnome.system.proxy ignore-hosts ['localhost', '127.0.0.0/8', '*.corp.example']
org.gnome.system.proxy mode 'manual'
org.gnome.system.proxy use-same-proxy true
org.gnome.system.proxy.http host 'web.example'
org.gnome.system.proxy.http port 8080
org.gnome.system.proxy.https host 'secure.example'
org.gnome.system.proxy.https port 3128
org.gnome.system.proxy.socks host ''
";

    fn through(text: &str, scheme: &str, host: &str) -> Option<String> {
        match gnome(text).route(scheme, host, 443).expect("usable") {
            Route::Direct => None,
            Route::Through(proxy) => Some(proxy.to_string()),
        }
    }

    #[test]
    fn gnomes_settings_are_read() {
        assert_eq!(through(SETTINGS, "https", "sts.amazonaws.com").as_deref(), Some("http://secure.example:3128 (the system's settings)"));
        assert_eq!(through(SETTINGS, "http", "sts.amazonaws.com").as_deref(), Some("http://web.example:8080 (the system's settings)"));
        assert_eq!(through(SETTINGS, "https", "sts.corp.example"), None);
        for mode in ["'none'", "'auto'"] {
            assert_eq!(through(&SETTINGS.replace("'manual'", mode), "https", "sts.amazonaws.com"), None, "{mode}");
        }
        assert_eq!(gnome("nothing that is known"), Proxies::default());
    }

    #[test]
    fn what_hyper_util_finds_is_a_proxy_like_any_other() {
        let matcher = Matcher::builder().https("http://mac.example:3128").no("corp.example").build();
        let route = |host: &str| by_matcher(&matcher, "https", host, 443).expect("usable");
        let Route::Through(proxy) = route("sts.amazonaws.com") else { panic!("through the proxy") };
        assert_eq!(proxy.to_string(), "http://mac.example:3128 (the system's settings)");
        assert_eq!(route("sts.corp.example"), Route::Direct);
    }
}
