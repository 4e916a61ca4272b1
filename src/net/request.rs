//! Sends one request and follows its redirects, each through its own proxy. Failures are sorted by
//! what can be done about them.

use super::address::Reach;
use super::client::{Client, Unanswered, Ways};
use super::part::Resumable;
use super::spec::{Fetch, Patience};
use crate::error::Error;
use std::io::Read;
use ureq::http::{Response, Uri};
use ureq::{Body, Timeout};

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 10;

/// Why a request gave no file.
pub(super) enum Failure {
    /// No server answered; another protocol may work.
    Refused(String),
    /// A retry may help.
    Broken(String),
    /// A retry will not help.
    Final(String),
    /// The fault is on this machine: a file cannot be written.
    Local(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Local(error)
    }
}

/// An answer with a file, or with part of one.
pub(super) struct Answer {
    response: Response<Body>,
    /// The address after all redirects.
    url: Uri,
    /// How it was reached.
    way: Way,
}

/// Whether anybody on the way could have changed the file.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// https all the way.
    Https,
    /// Plain http, at least for one redirect.
    Http,
}

/// Requests `url`, and follows up to [`MOST_REDIRECTS`] redirects.
pub(super) fn get(
    url: &str,
    headers: &[(&'static str, String)],
    fetch: &Fetch,
) -> Result<Answer, Failure> {
    let mut url: Uri =
        url.parse().map_err(|e| Failure::Final(format!("is not a valid address: {e}")))?;
    let mut way = Way::Https;
    let client = Client::new(ways(fetch));
    for _ in 0..=MOST_REDIRECTS {
        if !is_https(&url) {
            way = Way::Http;
        }
        let response = client.get(&url, headers, None).map_err(|e| match e {
            Unanswered::Offline(message) | Unanswered::Proxy(message) => Failure::Final(message),
            Unanswered::Failed(error) => failure(&error, fetch),
        })?;
        let location = match response.status().as_u16() {
            301 | 302 | 303 | 307 | 308 => text(&response, "Location"),
            _ => None,
        };
        match location {
            Some(location) => url = join(&url, location).map_err(Failure::Final)?,
            None => return Answer { response, url, way }.checked(fetch),
        }
    }
    Err(Failure::Final(format!("more than {MOST_REDIRECTS} redirects")))
}

fn ways(fetch: &Fetch) -> Ways {
    let Patience { connect, idle, .. } = fetch.patience;
    // The program chooses these addresses itself, or its user types them.
    let reach = Reach::Anywhere;
    Ways { proxies: fetch.proxies.clone(), reach, connect, idle, user_agent: None }
}

fn failure(error: &ureq::Error, fetch: &Fetch) -> Failure {
    let reason = reason(error, &fetch.patience);
    match error {
        ureq::Error::Http(_) | ureq::Error::BadUri(_) => Failure::Final(reason),
        // The server answered, but took too long.
        ureq::Error::Timeout(Timeout::PerRead | Timeout::PerWrite) => Failure::Broken(reason),
        _ => Failure::Refused(reason),
    }
}

/// The error in a few words.
pub(super) fn reason(error: &ureq::Error, patience: &Patience) -> String {
    match error {
        ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
            format!("no connection within {:?}", patience.connect)
        }
        ureq::Error::Timeout(_) => format!("nothing arrived for {:?}", patience.idle),
        ureq::Error::Io(e) => e.to_string(),
        other => other.to_string(),
    }
}

/// The address that a Location header refers to.
fn join(base: &Uri, location: &str) -> Result<Uri, String> {
    let scheme = base.scheme_str().unwrap_or("http");
    let authority = base.authority().map(|a| a.as_str()).unwrap_or_default();
    let whole = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let dir = base.path().rsplit_once('/').map_or("", |(dir, _)| dir);
        format!("{scheme}://{authority}{dir}/{location}")
    };
    whole
        .parse()
        .map_err(|e| format!("is redirected to '{location}', which is not a valid address: {e}"))
}

fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

fn text<'a>(response: &'a Response<Body>, header: &str) -> Option<&'a str> {
    response.headers().get(header)?.to_str().ok()
}

impl Answer {
    /// The answer, if it can be the file; otherwise why not.
    fn checked(self, fetch: &Fetch) -> Result<Self, Failure> {
        let moved = fetch.moved.map(|moved| format!("\n{moved}")).unwrap_or_default();
        let status = self.status();
        let reason = format!("http status: {status}");
        match status {
            200 | 206 if self.is_page() => Err(Failure::Final(format!(
                "a web page was sent instead of the file, from {}{moved}",
                self.url
            ))),
            200 | 206 | 416 => Ok(self),
            404 | 410 => Err(Failure::Final(format!("{reason}{moved}"))),
            408 | 429 | 500.. => Err(Failure::Broken(reason)),
            _ => Err(Failure::Final(reason)),
        }
    }

    fn is_page(&self) -> bool {
        text(&self.response, "Content-Type")
            .is_some_and(|t| t.to_ascii_lowercase().starts_with("text/html"))
    }

    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.response.body().content_length()
    }

    pub(super) fn reader(&mut self) -> impl Read {
        self.response.body_mut().as_reader()
    }

    /// What distinguishes this version of the file from others. A weak ETag does not, because it
    /// may stay the same when bytes change.
    pub(super) fn validator(&self) -> Option<String> {
        let etag = text(&self.response, "ETag").filter(|etag| !etag.starts_with("W/"));
        etag.or_else(|| text(&self.response, "Last-Modified")).map(str::to_owned)
    }

    /// Whether a partial answer continues the part that we have. (Some servers honour Range but not
    /// If-Range.)
    pub(super) fn continues(&self, have: &Resumable) -> bool {
        let range = text(&self.response, "Content-Range").unwrap_or_default();
        range.starts_with(&format!("bytes {}-", have.length))
            && self.validator().is_none_or(|validator| validator == have.validator)
    }

    /// The length of the whole file, from a partial answer.
    pub(super) fn total(&self) -> Option<u64> {
        text(&self.response, "Content-Range")?.rsplit_once('/')?.1.parse().ok()
    }
}
