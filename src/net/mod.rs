//! Downloads: https is tried first; interrupted downloads are retried and resumed if the file is
//! still the same; checksums are verified. Progress is shown by the caller: see [`set_progress`].

pub(crate) mod pythons;

mod address;
mod client;
mod forward;
mod offline;
mod part;
mod pip;
mod proxies;
mod request;
mod spec;
mod sum;

pub(crate) use address::NotPublic;
pub use address::{Reach, is_public};
pub(crate) use client::{Client, Unanswered, Ways};
pub(crate) use offline::check_online;
pub use offline::{go_offline, is_offline};
pub use pip::{Platform, WheelFetch};
pub use proxies::Proxies;
pub use spec::{Fetch, Patience};
pub use sum::Sum;
pub(crate) use sum::sha256;

use crate::error::{Error, Result};
use part::Part;
use request::{Answer, Failure, Way};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::OnceLock;

/// Shows the progress of one download. Called with the name and the size, if known, at the start;
/// returns a function that is called with the number of bytes so far, and dropped at the end.
pub type ShowProgress = fn(&str, Option<u64>) -> Box<dyn Fn(u64)>;

static SHOW_PROGRESS: OnceLock<ShowProgress> = OnceLock::new();

/// Makes `show` show all downloads of this process. Only the first call has an effect.
pub fn set_progress(show: ShowProgress) {
    let _ = SHOW_PROGRESS.set(show);
}

impl Fetch<'_> {
    /// Downloads to `path`. Until the file is complete it is called `path` + `.part`, so that an
    /// interrupted download can be resumed, provided that the file on the server is still the same.
    ///
    /// # Errors
    /// [`Error::Net`] with the address and the reason; [`Error::Io`] if the file cannot be written.
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

    /// Tries https if the address allows it, and then the address as given.
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
            // The part is already complete.
            (416, Some(have)) if answer.total() == Some(have.length) => {}
            (206 | 416, _) => {
                part.discard()?;
                return Err(Failure::Broken(
                    "the file on the server has changed since the download began".into(),
                ));
            }
            _ => {
                part.begin(url, answer.validator().as_deref())?;
                self.receive(&mut answer, part, 0)?;
            }
        }
        Ok(way)
    }

    /// Appends the answer's body to the part, which already has `have` bytes.
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

    /// The failure of a connection that broke. (ureq also reports a body that is too short as one.)
    fn broken(&self, error: io::Error, done: u64, total: Option<u64>) -> Failure {
        let reason = request::reason(&ureq::Error::from(error), &self.patience);
        let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
        Failure::Broken(format!("only {done}{of} bytes arrived: {reason}"))
    }

    fn check_sum(&self, part: &Part) -> Result<()> {
        let Some(sum) = self.sum else { return Ok(()) };
        let found = sum.of(part.file())?;
        if found == sum.expected() {
            return Ok(());
        }
        part.discard()?;
        Err(self.error(format!(
            "the download has the {} {found} instead of {} and was deleted",
            sum.kind(),
            sum.expected()
        )))
    }

    /// Logs a download over plain http, which anybody on the way could have changed.
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
        Error::net(self.url, message)
    }
}

/// How a file arrived, and why https was refused, if it was.
struct Arrival {
    way: Way,
    refusal: Option<String>,
}

/// The same address over https; `None` if it names a port, where another protocol would not answer.
fn over_https(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    (!host.rsplit(']').next().unwrap_or_default().contains(':')).then(|| format!("https://{rest}"))
}

/// The end of the message about a download: its size, and what is there of it.
fn size(total: Option<u64>, have: u64) -> String {
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    match (total, have) {
        (None, 0) => String::new(),
        (None, have) => format!(" ({} are there)", megabytes(have)),
        (Some(total), 0) => format!(" ({})", megabytes(total)),
        (Some(total), have) => format!(" ({}, {} are there)", megabytes(total), megabytes(have)),
    }
}
