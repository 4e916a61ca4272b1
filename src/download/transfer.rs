//! One try of one address: the request, its redirects, and the answer within all limits.

use super::config::{Limits, Waits};
use super::failure::{Failure, Remedy};
use super::photograph::{Photograph, check_start};
use crate::CancelToken;
use crate::net::Client;
use crate::text::one_line;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use ureq::Body;
use ureq::http::{Response, Uri};
use url::Url;

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 10;
/// How many bytes tell whether an answer is a photograph, a page or something else.
const START: usize = 512;

/// Downloads for one run.
pub(super) struct Transfer {
    pub(super) client: Client,
    pub(super) limits: Limits,
    pub(super) waits: Waits,
    pub(super) cancel: CancelToken,
    /// Bytes of answers received in this run.
    pub(super) received: AtomicU64,
}

impl Transfer {
    /// Downloads the photograph at `url`.
    pub(super) fn fetch(&self, url: &Url) -> Result<Photograph, Failure> {
        self.check_total()?;
        let began = Instant::now();
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(&url, began)?;
            match location(&response) {
                Some(location) => url = redirected(&url, &location)?,
                None => return self.receive(checked(response)?, began),
            }
        }
        let reason = format!("more than {MOST_REDIRECTS} redirects");
        Err(Failure::last("too many redirects", reason))
    }

    fn ask(&self, url: &Url, began: Instant) -> Result<Response<Body>, Failure> {
        let uri: Uri = url
            .as_str()
            .parse()
            .map_err(|e| Failure::last("not an address", format!("{url} is no address: {e}")))?;
        let left = self.waits.whole.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(Failure::too_long(&self.waits));
        }
        let headers = [("Accept", "image/*, */*;q=0.5"), ("Accept-Encoding", "identity")];
        let headers = headers.map(|(name, value)| (name, value.to_owned()));
        let answer = self.client.get(&uri, &headers, Some(left));
        answer.map_err(|e| Failure::unanswered(&e, &self.waits))
    }

    fn receive(&self, response: Response<Body>, began: Instant) -> Result<Photograph, Failure> {
        let content_type = header(&response, "Content-Type").unwrap_or_default();
        let total = response.body().content_length();
        if total.is_some_and(|total| total > self.limits.max_bytes) {
            return Err(self.too_large());
        }
        let mut content = Vec::new();
        let mut pace = Pace::new(&self.waits);
        let mut buffer = vec![0; 1 << 16];
        let (_, body) = response.into_parts();
        let mut reader = body.into_reader();
        let mut known = false;
        loop {
            let n = reader
                .read(&mut buffer)
                .map_err(|e| Failure::broken(e.into(), content.len(), total, &self.waits))?;
            if n == 0 {
                return Photograph::checked(content, &content_type);
            }
            content.extend_from_slice(&buffer[..n]);
            self.received.fetch_add(n as u64, Ordering::Relaxed);
            self.check_progress(content.len() as u64, began)?;
            pace.check(n as u64)?;
            if !known && content.len() >= START {
                check_start(&content, &content_type)?;
                known = true;
            }
        }
    }

    fn check_progress(&self, length: u64, began: Instant) -> Result<(), Failure> {
        if length > self.limits.max_bytes {
            return Err(self.too_large());
        }
        if self.cancel.is_cancelled() {
            return Err(Failure::last("stopped", "the run was stopped"));
        }
        if began.elapsed() > self.waits.whole {
            return Err(Failure::too_long(&self.waits));
        }
        self.check_total()
    }

    fn check_total(&self) -> Result<(), Failure> {
        let received = self.received.load(Ordering::Relaxed);
        match self.limits.max_total_bytes {
            Some(most) if received >= most => Err(Failure::enough("max_total_bytes")),
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> Failure {
        let reason = format!("has more than {} bytes (`max_bytes`)", self.limits.max_bytes);
        Failure::last("too large", reason)
    }
}

/// The rate of an answer, measured over periods as long as an answer may stall.
struct Pace {
    period: Duration,
    min_rate: u64,
    began: Instant,
    bytes: u64,
}

impl Pace {
    fn new(waits: &Waits) -> Self {
        Self { period: waits.stall, min_rate: waits.min_rate, began: Instant::now(), bytes: 0 }
    }

    fn check(&mut self, bytes: u64) -> Result<(), Failure> {
        self.bytes += bytes;
        let elapsed = self.began.elapsed();
        if elapsed < self.period {
            return Ok(());
        }
        let rate = self.bytes as f64 / elapsed.as_secs_f64();
        if rate < self.min_rate as f64 {
            let reason =
                format!("only {rate:.0} bytes a second, fewer than {} (`min_rate`)", self.min_rate);
            return Err(Failure::new(Remedy::Retry, "too slow", reason));
        }
        (self.began, self.bytes) = (Instant::now(), 0);
        Ok(())
    }
}

/// A header as text.
fn header(response: &Response<Body>, name: &str) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn location(response: &Response<Body>) -> Option<String> {
    match response.status().as_u16() {
        301 | 302 | 303 | 307 | 308 => header(response, "Location"),
        _ => None,
    }
}

/// Where a redirect leads. Only http and https are followed.
fn redirected(from: &Url, location: &str) -> Result<Url, Failure> {
    let refused = |why: String| Failure::last("redirected elsewhere", why);
    let to = from.join(location).map_err(|e| {
        refused(format!("redirected to '{}', which is no address: {e}", one_line(location)))
    })?;
    match to.scheme() {
        "http" | "https" => Ok(to),
        scheme => {
            Err(refused(format!("redirected to {scheme}:, but only http and https are followed")))
        }
    }
}

/// The answer, if it can be a photograph.
fn checked(response: Response<Body>) -> Result<Response<Body>, Failure> {
    let status = response.status().as_u16();
    let failed = format!("http status {status}");
    match status {
        200 => {}
        429 | 503 => {
            let remedy = match header(&response, "Retry-After").as_deref().and_then(pause) {
                Some(pause) => Remedy::RetryAfter(pause),
                None => Remedy::Retry,
            };
            return Err(Failure::new(remedy, &failed, &failed));
        }
        408 | 425 | 500.. => return Err(Failure::new(Remedy::Retry, &failed, &failed)),
        _ => return Err(Failure::last(&failed, &failed)),
    }
    match header(&response, "Content-Encoding") {
        Some(coding) if !coding.eq_ignore_ascii_case("identity") && !coding.is_empty() => {
            let coding = one_line(&coding);
            let reason = format!("was sent compressed ({coding}), which was not asked for");
            Err(Failure::last("compressed", reason))
        }
        _ => Ok(response),
    }
}

/// The pause that a Retry-After header asks for: seconds, or a date.
fn pause(header: &str) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = SystemTime::from(chrono::DateTime::parse_from_rfc2822(header).ok()?);
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}
