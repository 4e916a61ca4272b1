//! What to download, where to, and with which limits and manners.

use super::list::{Columns, ListFormat};
use crate::CancelToken;
use crate::net::{Proxies, Reach};
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a download.
#[derive(Debug, Clone)]
pub struct DownloadConfig {
    /// The lists of addresses.
    pub lists: Vec<ListSource>,
    /// The lists' format; `None` to tell from the file's ending, else from its first line.
    pub format: Option<ListFormat>,
    /// The columns of CSV and TSV lists.
    pub columns: Columns,
    /// The class of lines that name none.
    pub class: Option<String>,
    /// Where the class directories are, or will be.
    pub image_dir: PathBuf,
    /// The report; `None` for [`REPORT_NAME`] in `image_dir`.
    pub report: Option<PathBuf>,
    /// When there is enough.
    pub limits: Limits,
    /// How servers are treated.
    pub manners: Manners,
    /// How long to wait.
    pub waits: Waits,
    /// Whether addresses that failed in an earlier run are tried again.
    pub failed_before: FailedBefore,
    /// Where requests may go.
    pub reach: Reach,
    /// The program's name for servers.
    pub user_agent: String,
    /// The proxies to go through.
    pub proxies: Proxies,
    /// Stops the run.
    pub cancel: CancelToken,
}

/// The report's name in `image_dir`.
pub const REPORT_NAME: &str = "download_report.csv";

/// How the program introduces itself to servers.
pub const USER_AGENT: &str = concat!(
    "retrain-download_images/",
    env!("CARGO_PKG_VERSION"),
    " (downloads a list of photographs for its user)"
);

impl DownloadConfig {
    /// Downloads what `list` names into `image_dir`, with the default settings.
    pub fn new(list: impl Into<PathBuf>, image_dir: impl Into<PathBuf>) -> Self {
        Self {
            lists: vec![ListSource::File(list.into())],
            format: None,
            columns: Columns::default(),
            class: None,
            image_dir: image_dir.into(),
            report: None,
            limits: Limits::default(),
            manners: Manners::default(),
            waits: Waits::default(),
            failed_before: FailedBefore::Retry,
            reach: Reach::PublicOnly,
            user_agent: USER_AGENT.into(),
            proxies: Proxies::from_env(),
            cancel: CancelToken::new(),
        }
    }

    /// Where the report is written.
    #[must_use]
    pub fn report_path(&self) -> PathBuf {
        self.report.clone().unwrap_or_else(|| self.image_dir.join(REPORT_NAME))
    }
}

/// Where a list comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListSource {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// Whether addresses that failed in an earlier run are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedBefore {
    /// They are.
    Retry,
    /// They are not; they still count as failed.
    Keep,
}

/// When there is enough.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most photographs in all, with those of earlier runs.
    pub max_images: Option<u64>,
    /// The most photographs of a class, with those of earlier runs.
    pub max_per_class: Option<u64>,
    /// The most bytes of a photograph.
    pub max_bytes: u64,
    /// The most bytes to receive in this run.
    pub max_total_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        let max_bytes = 50_000_000;
        Self { max_images: None, max_per_class: None, max_bytes, max_total_bytes: None }
    }
}

/// How servers are treated.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// Downloads at a time.
    pub parallel: usize,
    /// Downloads at a time from one host.
    pub per_host: usize,
    /// The shortest time between two requests to one host.
    pub delay: Duration,
    /// How often an address is tried.
    pub tries: u32,
    /// The pause before the second try; it doubles with each further one.
    pub retry_pause: Duration,
    /// The longest pause that a server may ask for.
    pub max_wait: Duration,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            parallel: 8,
            per_host: 2,
            delay: Duration::from_millis(100),
            tries: 4,
            retry_pause: Duration::from_secs(1),
            max_wait: Duration::from_secs(120),
        }
    }
}

/// How long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Waits {
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest wait for the next bytes, and the time over which the rate is measured.
    pub stall: Duration,
    /// The longest time for a photograph, with all redirects.
    pub whole: Duration,
    /// The fewest bytes a second.
    pub min_rate: u64,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            whole: Duration::from_secs(300),
            min_rate: 1000,
        }
    }
}
