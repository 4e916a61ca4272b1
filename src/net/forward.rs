//! Plain http through a proxy: the request goes to the proxy, with the full URL in its first line.
//! (ureq would ask for a tunnel, which most proxies only allow to port 443.)

use base64::prelude::{BASE64_STANDARD, Engine};
use std::io::ErrorKind;
use ureq::http::Uri;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};
use ureq::{Agent, Error, Proxy, config::Config};

/// The request to send to `proxy` for `url`, through [`agent`].
pub(super) struct Forwarded {
    pub(super) uri: Uri,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Forwarded {
    pub(super) fn new(url: &Uri, proxy: &Proxy) -> Result<Self, Error> {
        let at = proxy.uri();
        // Without user name and password, which go into a header.
        let authority = at.authority().map(|a| a.as_str()).unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let uri = Uri::builder()
            .scheme(at.scheme_str().unwrap_or("http"))
            .authority(host)
            .path_and_query(url.path_and_query().map_or("/", |p| p.as_str()))
            .build()
            .map_err(Error::Http)?;
        let mut headers = vec![("Host", url.authority().map(ToString::to_string))];
        let credentials = proxy.username().map(|name| {
            let password = proxy.password().unwrap_or_default();
            format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}")))
        });
        headers.push(("Proxy-Authorization", credentials));
        let headers =
            headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        Ok(Self { uri, headers })
    }
}

/// An agent that sends requests for `url` in the form that a proxy expects.
pub(super) fn agent(config: Config, url: &Uri) -> Agent {
    let authority = url.authority().map(|a| a.as_str()).unwrap_or_default();
    let full_url = FullUrl { before_path: format!("http://{authority}") };
    Agent::with_parts(
        config,
        DefaultConnector::default().chain(full_url),
        DefaultResolver::default(),
    )
}

/// Makes connections whose requests carry the full URL.
#[derive(Debug)]
struct FullUrl {
    before_path: String,
}

impl Connector<Box<dyn Transport>> for FullUrl {
    type Out = Connection;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<Box<dyn Transport>>,
    ) -> Result<Option<Connection>, Error> {
        let before_path = Some(self.before_path.clone());
        Ok(chained.map(|inner| Connection { inner, before_path }))
    }
}

/// A connection for one request.
#[derive(Debug)]
struct Connection {
    inner: Box<dyn Transport>,
    /// Scheme and host, until they are inserted into the request's first line.
    before_path: Option<String>,
}

/// The length of what precedes the path in a request.
const METHOD: usize = "GET ".len();

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let Some(before_path) = self.before_path.take() else {
            return self.inner.transmit_output(amount, timeout);
        };
        let whole = amount + before_path.len();
        let output = self.inner.buffers().output();
        if whole > output.len() || amount < METHOD {
            return Err(Error::Io(ErrorKind::FileTooLarge.into()));
        }
        output.copy_within(METHOD..amount, METHOD + before_path.len());
        output[METHOD..][..before_path.len()].copy_from_slice(before_path.as_bytes());
        self.inner.transmit_output(whole, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    /// Never, so that ureq does not reuse it for another request.
    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
