//! Where a request leaves: which proxy, whose certificates, and what its answer's `Date` says about the clock.
//!
//! One connector for each proxy, bundle and patience, kept with its connections. A bundle that changed on disk is read again, and
//! after a refused certificate so is the system's trust store, because somebody may have mended it meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio_rustls::rustls::Error as TlsError;
use url::Url;

use super::{
    answer, certificate,
    environment::Environment,
    offset::{AwsClock, Teller},
    proxy::{Proxies, Proxy, Route, is_here},
    system_proxy::SystemProxy,
    trouble::{Trouble, cause, no_tunnel},
    trust::{self, Bundle, Stamp},
    tunnel,
};
use crate::error::Error;

/// What all ways share.
#[derive(Debug)]
pub(super) struct Roads {
    clock: AwsClock,
    variables: Proxies,
    system: Option<SystemProxy>,
    connectors: Mutex<HashMap<Key, Kept>>,
    /// The last request, by the clock that stops while the computer sleeps and by the one that does not.
    last: Mutex<Option<(Instant, Duration)>>,
}

/// A sleep that is longer leaves connections behind that only look alive.
const NAP: Duration = Duration::from_secs(10);

/// A connection that nobody used for this long is not used again: what stands in between may have forgotten it.
const IDLE: Duration = Duration::from_secs(20);

/// A look at what a proxy says that takes longer is given up.
const LOOK: Duration = Duration::from_secs(3);

/// What makes one connector another than the next one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    proxy: Option<(String, String)>,
    /// `false`: in the clear, and nobody is believed.
    tls: bool,
    bundle: Option<Bundle>,
    connect: Option<Duration>,
    read: Option<Duration>,
}

#[derive(Clone, Debug)]
struct Kept {
    stamp: Stamp,
    connector: SharedHttpConnector,
}

impl Roads {
    pub(super) fn new(clock: AwsClock, environment: &Environment) -> Self {
        let variables = Proxies::of(environment);
        // As everywhere else: one variable is enough, and the system's settings do not count.
        let system = (environment.asks_the_system() && !variables.any()).then(SystemProxy::default);
        Self { clock, variables, system, connectors: Mutex::default(), last: Mutex::default() }
    }

    async fn route(&self, scheme: &str, host: &str, port: u16) -> Result<Route, Trouble> {
        match &self.system {
            Some(system) if !is_here(host) => system.route(scheme, host, port).await,
            _ => self.variables.route(scheme, host, port),
        }
    }

    /// The proxy that a URL is asked through, without its password.
    pub(super) async fn proxy_of(&self, url: &str) -> Result<Option<String>, Error> {
        let Ok(url) = Url::parse(url) else { return Ok(None) };
        let route = self.route(url.scheme(), url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443)).await;
        match route.map_err(|trouble| trouble.told(url.as_str()))? {
            Route::Direct => Ok(None),
            Route::Through(proxy) => Ok(Some(proxy.to_string())),
        }
    }

    /// The connector for a way, with what the files say now.
    fn connector(&self, key: &Key, proxy: Option<&Proxy>) -> Result<SharedHttpConnector, Trouble> {
        let bundle = key.bundle.as_ref();
        let stamp = bundle.and_then(Bundle::stamp);
        let mut connectors = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = connectors.get(key)
            && kept.stamp == stamp
            && (stamp.is_some() || bundle.is_none())
        {
            return Ok(kept.connector.clone());
        }
        let context = if key.tls { trust::load(bundle)? } else { trust::nobody() };
        let mut settings = HttpConnectorSettings::builder();
        settings.set_connect_timeout(key.connect).set_read_timeout(key.read);
        let connector = Connector::builder()
            .proxy_config(proxy.map_or_else(|| Ok(ProxyConfig::disabled()), config)?)
            .connector_settings(settings.build())
            .sleep_impl(TokioSleep::new())
            .pool_idle_timeout(IDLE)
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context)
            .build();
        let connector = SharedHttpConnector::new(connector);
        connectors.insert(key.clone(), Kept { stamp, connector: connector.clone() });
        Ok(connector)
    }

    /// Pools count by a clock that stops while the computer sleeps, and keep what is long dead.
    fn forget_after_a_sleep(&self) {
        let (now, passed) = (Instant::now(), self.clock.passed());
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).replace((now, passed));
        if let Some((then, passed_then)) = last
            && passed.saturating_sub(passed_then) > now.saturating_duration_since(then) + NAP
        {
            self.hang_up();
        }
    }

    /// Ends all connections that are kept for the next request.
    pub(super) fn hang_up(&self) {
        self.connectors.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn forget(&self, key: &Key) {
        self.connectors.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    async fn ask(&self, request: HttpRequest, bundle: Option<Bundle>, settings: HttpConnectorSettings, api: bool) -> Result<HttpResponse, ConnectorError> {
        let url = Url::parse(request.uri()).map_err(|error| ConnectorError::user(error.into()))?;
        let (host, port) = (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default().unwrap_or(443));
        let told_host = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let mine = |trouble: Trouble| trouble.into_connector_error(None);
        let route = self.route(url.scheme(), &host, port).await.map_err(mine)?;
        let proxy = match &route {
            Route::Direct => None,
            Route::Through(proxy) => Some(proxy),
        };
        let named = proxy.map(|proxy| (proxy.url.clone(), proxy.setting.clone()));
        let tls = url.scheme() == "https" || proxy.is_some_and(|proxy| proxy.url.starts_with("https:"));
        let key = Key { proxy: named, tls, bundle: bundle.filter(|_| tls), connect: settings.connect_timeout(), read: settings.read_timeout() };
        self.forget_after_a_sleep();
        let connector = self.connector(&key, proxy).map_err(mine)?;
        let left = self.clock.leaves();
        // Who is given up on in between has waited in vain: the next one takes another connection.
        let mut pending = Pending { roads: self, key: &key, over: false };
        let answer = connector.call(request).await;
        pending.over = !answer.as_ref().is_err_and(ConnectorError::is_timeout);
        drop(pending);
        match answer {
            Ok(answer) => {
                if let (Some(proxy), 407) = (proxy, answer.status().as_u16()) {
                    return Err(mine(Trouble::proxy_login(proxy)));
                }
                // In the clear anybody on the way could have said it.
                if let (true, Some(date)) = (url.scheme() == "https" || is_here(&host), answer.headers().get("date")) {
                    self.clock.hears(Teller::of(url.scheme(), &host), left, date);
                }
                answer::whole(answer, &told_host, api, settings.read_timeout()).await
            }
            Err(error) => {
                if let Some(tls) = cause::<TlsError>(&error) {
                    self.forget(&key);
                    return Err(mine(certificate::refused(tls, &told_host, &host, port, &route).await));
                }
                let trouble = match proxy {
                    Some(proxy) if no_tunnel(&error) => {
                        let said = tokio::time::timeout(LOOK, tunnel::through(proxy, &host, port)).await.ok().flatten();
                        Trouble::no_tunnel(proxy, &told_host, said.as_ref())
                    }
                    Some(_) | None => Trouble::of(&error, &told_host, proxy),
                };
                Err(trouble.into_connector_error(Some(&error)))
            }
        }
    }
}

/// A request under way.
struct Pending<'a> {
    roads: &'a Roads,
    key: &'a Key,
    over: bool,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.roads.forget(self.key);
        }
    }
}

fn config(proxy: &Proxy) -> Result<ProxyConfig, Trouble> {
    let config = ProxyConfig::all(proxy.url.as_str()).map_err(|_| Trouble::proxy_unusable(&proxy.setting, "it is no URL such as http://proxy:3128"))?;
    Ok(match &proxy.login {
        // It is put into a URL again, and read from there: without this `p@ss` would be the password `p` and another host.
        Some((name, password)) => config.with_basic_auth(in_a_url(name), in_a_url(password.expose())),
        None => config,
    })
}

fn in_a_url(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The way of one profile: with its certificates.
#[derive(Clone, Debug)]
pub(super) struct Way {
    roads: Arc<Roads>,
    bundle: Option<Bundle>,
}

impl Way {
    pub(super) const fn new(roads: Arc<Roads>, bundle: Option<Bundle>) -> Self {
        Self { roads, bundle }
    }

    /// With a patience, for what is no AWS API.
    pub(super) const fn with(self, settings: HttpConnectorSettings) -> Patient {
        Patient { way: self, settings, api: false }
    }
}

impl HttpClient for Way {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Patient { api: true, ..self.clone().with(settings.clone()) })
    }
}

/// A way with the patience of one call.
#[derive(Clone, Debug)]
pub(super) struct Patient {
    way: Way,
    settings: HttpConnectorSettings,
    /// The answer must be what STS and IAM send.
    api: bool,
}

impl HttpConnector for Patient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { way: Way { roads, bundle }, settings, api } = self.clone();
        HttpConnectorFuture::new(async move { roads.ask(request, bundle, settings, api).await })
    }
}
