//! Sends single requests, each through the proxy that the environment names for it. Redirects are
//! left to the caller.

use super::address::{self, PublicOnly, Reach};
use super::forward::{self, Forwarded};
use super::offline::check_online;
use super::proxies::Proxies;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::{Response, Uri};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, Error, Proxy, ProxyProtocol};

/// How requests are sent.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    pub(crate) proxies: Proxies,
    pub(crate) reach: Reach,
    /// The longest wait for a connection, including a proxy and TLS.
    pub(crate) connect: Duration,
    /// The longest wait for the next bytes.
    pub(crate) idle: Duration,
    /// The program's name for servers; ureq's own if there is none.
    pub(crate) user_agent: Option<String>,
}

/// Why no answer came.
pub(crate) enum Unanswered {
    /// This process is offline: a sentence.
    Offline(String),
    /// The environment names a proxy that cannot be used: a sentence.
    Proxy(String),
    /// The request failed.
    Failed(Error),
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Sends requests. Connections without a proxy are kept for the next request to the same host.
#[derive(Debug)]
pub(crate) struct Client {
    ways: Ways,
    direct: Agent,
}

impl Client {
    pub(crate) fn new(ways: Ways) -> Self {
        let (config, connector) = (config(&ways, None), DefaultConnector::default());
        let direct = match ways.reach {
            Reach::PublicOnly => Agent::with_parts(config, connector, PublicOnly::default()),
            Reach::Anywhere => Agent::with_parts(config, connector, DefaultResolver::default()),
        };
        Self { ways, direct }
    }

    /// Requests `url`. Where `whole` is given, the answer must have arrived within that time.
    pub(crate) fn get(
        &self,
        url: &Uri,
        headers: &[(&'static str, String)],
        whole: Option<Duration>,
    ) -> Result<Response<Body>, Unanswered> {
        check_online().map_err(Unanswered::Offline)?;
        if self.ways.reach == Reach::PublicOnly {
            address::check_written(url).map_err(|e| e.into_error())?;
        }
        let mut headers = headers.to_vec();
        let request = match self.ways.proxies.proxy_for(url).map_err(Unanswered::Proxy)? {
            None => self.direct.get(url),
            Some(proxy) if forwards(url, &proxy) => {
                let forwarded = Forwarded::new(url, &proxy)?;
                headers.extend(forwarded.headers);
                forward::agent(config(&self.ways, None), url).get(forwarded.uri)
            }
            proxy => Agent::new_with_config(config(&self.ways, proxy)).get(url),
        };
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        Ok(request.config().timeout_global(whole).build().call()?)
    }

    /// Breaks the connections that go through no proxy off, also while other threads read them.
    pub(crate) fn shut_down(&self) {
        self.direct.clone().shutdown();
    }
}

/// Whether a proxy takes the request itself, instead of a tunnel to the host.
fn forwards(url: &Uri, proxy: &Proxy) -> bool {
    url.scheme_str() != Some("https")
        && matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)
}

fn config(ways: &Ways, proxy: Option<Proxy>) -> Config {
    let config = Agent::config_builder()
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_resolve(Some(ways.connect))
        .timeout_connect(Some(ways.connect))
        .timeout_per_read(Some(ways.idle))
        .timeout_per_write(Some(ways.idle));
    match &ways.user_agent {
        Some(name) => config.user_agent(name).build(),
        None => config.build(),
    }
}
