//! Downloads: over https first, resumed after an interruption if the file is still the same,
//! retried, checked. Nothing is drawn here: see [`set_progress`].

mod forward;
mod part;
mod pip;
mod proxies;
mod request;
mod spec;
mod sum;

pub use pip::WheelFetch;
pub use proxies::Proxies;
pub use spec::{Fetch, Patience};
pub use sum::Sum;

use crate::error::{Error, Result};
use part::Part;
use request::{Answer, Failure, Way};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::OnceLock;

/// Shows one download: it is told the name and, where known, the size as the download starts. What
/// it returns is told how many bytes are there, and is dropped at the end.
pub type ShowProgress = fn(&str, Option<u64>) -> Box<dyn Fn(u64)>;

static SHOW_PROGRESS: OnceLock<ShowProgress> = OnceLock::new();

/// From now on, downloads of this process are shown by `show`. Only the first call counts.
pub fn set_progress(show: ShowProgress) {
    let _ = SHOW_PROGRESS.set(show);
}

impl Fetch<'_> {
    /// Downloads to `path`. What has arrived stays in `path` + `.part` until it is whole, so that
    /// an interrupted download goes on where it stopped, provided the file is still the same.
    ///
    /// # Errors
    /// [`Error::Net`] with the address and the reason, [`Error::Io`] for the file.
    pub fn to(&self, path: &Path) -> Result<()> {
        let part = Part::of(path);
        let mut attempt = 1;
        let arrival = loop {
            match self.attempt(&part) {
                Ok(arrival) => break arrival,
                Err(Failure::Final(message)) => return Err(self.error(message)),
                Err(Failure::Local(error)) => return Err(error),
                Err(Failure::Refused(message) | Failure::Broken(message)) => {
                    if attempt == self.patience.attempts {
                        return Err(self.error(message));
                    }
                    log::warn!(target: "tensorflow", "{}; trying again", self.error(message));
                }
            }
            std::thread::sleep(self.patience.pause * attempt);
            attempt += 1;
        };
        self.check_sum(&part)?;
        self.tell_way(&arrival);
        part.finish(path)
    }

    /// Over https where that can be, else as the address says.
    fn attempt(&self, part: &Part) -> Result<Arrival, Failure> {
        let as_given = || self.transfer(self.url, part);
        let Some(secure) = over_https(self.url) else {
            return as_given().map(|way| Arrival { way, refusal: None });
        };
        match self.transfer(&secure, part) {
            Ok(way) => Ok(Arrival { way, refusal: None }),
            Err(Failure::Refused(refusal)) => match as_given() {
                Ok(way) => Ok(Arrival { way, refusal: Some(refusal) }),
                Err(Failure::Refused(message)) if message != refusal => {
                    Err(Failure::Refused(format!("over https: {refusal}; over http: {message}")))
                }
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    fn transfer(&self, url: &str, part: &Part) -> Result<Way, Failure> {
        let resumable = part.resumable(url);
        let mut headers = Vec::new();
        if let Some(resumable) = &resumable {
            headers.push(("Range", format!("bytes={}-", resumable.length)));
            headers.push(("If-Range", resumable.validator.clone()));
        }
        let mut answer = request::get(url, &headers, self)?;
        let way = answer.way();
        match (answer.status(), resumable) {
            (206, Some(have)) if answer.continues(&have) => {
                self.receive(&mut answer, part, have.length)?;
            }
            // Nothing is left to send.
            (416, Some(have)) if answer.total() == Some(have.length) => {}
            (206 | 416, _) => {
                part.discard()?;
                return Err(Failure::Broken(
                    "the file on the server is no longer the one that was begun".into(),
                ));
            }
            _ => {
                part.begin(url, answer.validator().as_deref())?;
                self.receive(&mut answer, part, 0)?;
            }
        }
        Ok(way)
    }

    /// Appends what comes to the part, of which `have` bytes are there.
    fn receive(&self, answer: &mut Answer, part: &Part, have: u64) -> Result<(), Failure> {
        let total = answer.content_length().map(|length| have + length);
        log::info!(target: "tensorflow", ">> Downloading {}{}", self.name, size(total, have));
        let show = SHOW_PROGRESS.get().map(|show| show(self.name, total));
        let mut file = part.append()?;
        let mut reader = answer.reader();
        let mut buffer = vec![0; 1 << 16];
        let mut done = have;
        loop {
            let n = reader.read(&mut buffer).map_err(|e| self.broken(e, done, total))?;
            if n == 0 {
                return Ok(());
            }
            file.write_all(&buffer[..n]).map_err(Error::io("writing", part.file()))?;
            done += n as u64;
            if let Some(show) = &show {
                show(done);
            }
        }
    }

    /// The connection broke; ureq says so of a body shorter than its length, too.
    fn broken(&self, error: io::Error, done: u64, total: Option<u64>) -> Failure {
        let reason = request::reason(&ureq::Error::from(error), &self.patience);
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        Failure::Broken(format!("only {done}{of} bytes came: {reason}"))
    }

    fn check_sum(&self, part: &Part) -> Result<()> {
        let Some(sum) = self.sum else { return Ok(()) };
        let found = sum.of(part.file())?;
        if found == sum.expected() {
            return Ok(());
        }
        part.discard()?;
        Err(self.error(format!(
            "what came has the {} {found} instead of {}, and was thrown away",
            sum.kind(),
            sum.expected()
        )))
    }

    /// Says so where anybody on the way could have changed the file.
    fn tell_way(&self, arrival: &Arrival) {
        if arrival.way == Way::Https {
            return;
        }
        let refusal = arrival.refusal.as_ref();
        let why = refusal.map(|r| format!(" (https is refused: {r})")).unwrap_or_default();
        let came = format!("{} came over plain http{why}", self.name);
        match self.sum {
            Some(sum) => log::info!(target: "tensorflow", "{came}; its {} is right", sum.kind()),
            None => log::warn!(
                target: "tensorflow",
                "{came}, and its sum is not known: the file could not be verified"
            ),
        }
    }

    fn error(&self, message: String) -> Error {
        Error::Net { url: self.url.into(), message }
    }
}

/// How a file came, and what https said where it was refused.
struct Arrival {
    way: Way,
    refusal: Option<String>,
}

/// The same address over https. An address with a port means the one server that listens there.
fn over_https(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    (!host.rsplit(']').next().unwrap_or_default().contains(':')).then(|| format!("https://{rest}"))
}

/// A size as a message ends with it.
fn size(total: Option<u64>, have: u64) -> String {
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    match (total, have) {
        (None, 0) => String::new(),
        (None, have) => format!(" ({} are there)", megabytes(have)),
        (Some(total), 0) => format!(" ({})", megabytes(total)),
        (Some(total), have) => format!(" ({}, {} are there)", megabytes(total), megabytes(have)),
    }
}
