//! Chooses the proxy for a request from the variables that curl and Python read: `http_proxy`,
//! `https_proxy`, `all_proxy` and `no_proxy`, in lower or upper case.

use ureq::http::Uri;

/// What the variables say. An empty one counts as unset.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    http: Option<Named>,
    https: Option<Named>,
    /// The hosts that are reached without a proxy, as written.
    without: Vec<String>,
}

/// A proxy's address, and the variable that holds it.
#[derive(Debug, Clone)]
struct Named {
    variable: String,
    address: String,
}

impl Proxies {
    /// Reads the environment variables.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Reads variables through `value`, which returns the value of a name.
    pub fn from_variables(value: impl Fn(&str) -> Option<String>) -> Self {
        let named = |variable: &str| {
            [variable.to_owned(), variable.to_uppercase()].into_iter().find_map(|variable| {
                let address = value(&variable)?.trim().to_owned();
                (!address.is_empty()).then_some(Named { variable, address })
            })
        };
        let without = named("no_proxy").map(|n| n.address).unwrap_or_default();
        Self {
            http: named("http_proxy").or_else(|| named("all_proxy")),
            https: named("https_proxy").or_else(|| named("all_proxy")),
            without: without
                .split([',', ' '])
                .filter(|host| !host.is_empty())
                .map(str::to_lowercase)
                .collect(),
        }
    }

    /// The proxy for an address, if there is one.
    ///
    /// # Errors
    /// A sentence, if the variable does not hold a proxy's address. It does not quote the value,
    /// which may contain a password.
    pub fn proxy_for(&self, url: &Uri) -> Result<Option<ureq::Proxy>, String> {
        let named = if url.scheme_str() == Some("https") { &self.https } else { &self.http };
        let Some(named) = named.as_ref().filter(|_| !self.goes_without(url)) else {
            return Ok(None);
        };
        ureq::Proxy::new(&named.address).map(Some).map_err(|e| {
            format!(
                "the environment variable {} must hold a proxy's address, such as \
                 http://proxy.example:3128 ({e})",
                named.variable
            )
        })
    }

    fn goes_without(&self, url: &Uri) -> bool {
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_lowercase();
        let default = if url.scheme_str() == Some("https") { 443 } else { 80 };
        let port = url.port_u16().unwrap_or(default).to_string();
        self.without.iter().any(|entry| {
            // One colon separates a port; more colons make an IPv6 address.
            let (name, entry_port) = match entry.split_once(':') {
                Some((name, port)) if !port.contains(':') => (name, Some(port)),
                _ => (entry.trim_matches(['[', ']']), None),
            };
            let name = name.trim_start_matches('*').trim_start_matches('.');
            let within = host.strip_suffix(name).is_some_and(|b| b.is_empty() || b.ends_with('.'));
            entry == "*" || (!name.is_empty() && within && entry_port.is_none_or(|p| p == port))
        })
    }
}
