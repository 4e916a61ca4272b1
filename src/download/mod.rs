//! The batch image downloader: lists of addresses in, directories of photographs by class out.
//!
//! Addresses, names and answers come from elsewhere and are not trusted: requests go to public
//! addresses only, what is stored was recognised as a photograph by its content, and nothing is
//! written outside `image_dir`.

mod config;
mod crew;
mod existing;
mod failure;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod list;
mod names;
mod photograph;
mod plan;
mod report;
mod schedule;
mod store;
mod summary;
mod transfer;

pub use config::{
    DownloadConfig, FailedBefore, Limits, ListSource, Manners, REPORT_NAME, USER_AGENT, Waits,
};
pub use list::{Columns, Entry, List, ListFormat, parse};
pub use names::{LONGEST, class_name, clean, file_stem};
pub use report::{Row, Status};
pub use summary::Summary;

use crate::error::{Error, Result};
use crate::fsio;
use crate::net::{Client, Ways};
use crate::text::{counted, one_line, shown};
use crew::{Crew, Finished};
use existing::Existing;
use failure::{Failure, Remedy};
use log::{info, warn};
use plan::{Circumstances, Job, Plan};
use report::{Earlier, Report};
use schedule::{Schedule, Task};
use std::io::Read;
use std::path::Path;
use store::{Placed, Store};
use transfer::Transfer;

/// How many failures are logged; the report has all.
const LOGGED: u64 = 20;

/// Downloads what the lists name, and tells `progress` after each address what there is.
///
/// # Errors
/// [`Error::Input`] for a list or a directory that cannot be used, [`Error::Io`] where nothing can
/// be written, [`Error::Cancelled`]. Addresses that fail are no errors: see [`Summary::failed`].
pub fn run(config: &DownloadConfig, progress: &mut dyn FnMut(&Summary)) -> Result<Summary> {
    let entries = read_lists(config)?;
    let mut existing = Existing::scan(&config.image_dir)?;
    let path = config.report_path();
    let earlier = Earlier::read(&path)?;
    let reported = earlier.rows.iter().map(|row| row.file.clone()).collect();
    let plan = Plan::new(
        entries,
        Circumstances {
            class: config.class.as_deref(),
            failed_before: config.failed_before,
            earlier: earlier.rows.clone(),
            existing: &mut existing,
        },
    );
    let report = Report::begin(&path, earlier, plan.others.iter().chain(&plan.done))?;
    let store = Store::new(existing, reported);
    let total = (plan.done.len() + plan.refused.len() + plan.jobs.len()) as u64;
    let summary = Summary { total, repeated: plan.repeated, ..Summary::default() };
    let mut work = Work { config, store, report, summary };
    plan.done.iter().for_each(|row| work.summary.count_before(row));
    for row in &plan.refused {
        work.settle(row, "not an address or no class")?;
    }
    work.through(plan.jobs, progress)?;
    Ok(work.summary)
}

/// Reads the lists, and says what was made of each.
fn read_lists(config: &DownloadConfig) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for source in &config.lists {
        let (path, content) = match source {
            ListSource::File(path) => (path.as_path(), fsio::read(path)?),
            ListSource::Stdin => {
                let (mut content, path) = (Vec::new(), Path::new("standard input"));
                std::io::stdin().read_to_end(&mut content).map_err(Error::io("reading", path))?;
                (path, content)
            }
        };
        let content = String::from_utf8(content)
            .map_err(|_| Error::input(path, "is not UTF-8 text; save it as UTF-8"))?;
        let format = config.format.unwrap_or_else(|| ListFormat::of(path, &content));
        let list = parse(&content, format, &config.columns).map_err(|e| Error::input(path, e))?;
        let addresses = match list.entries.len() {
            1 => "1 address".to_owned(),
            n => format!("{n} addresses"),
        };
        let taken = list.taken.map(|taken| format!(": {taken}")).unwrap_or_default();
        info!(target: "retrain", "{}: {addresses}{taken}", shown(path));
        entries.extend(list.entries);
    }
    match entries.is_empty() {
        true => Err(Error::usage("urls", "must list at least one address, a line each")),
        false => Ok(entries),
    }
}

/// A run and what it has come to.
struct Work<'c> {
    config: &'c DownloadConfig,
    store: Store,
    report: Report,
    summary: Summary,
}

impl Work<'_> {
    /// Works off the jobs.
    fn through(&mut self, jobs: Vec<Job>, progress: &mut dyn FnMut(&Summary)) -> Result<()> {
        let crew = self.crew(&jobs)?;
        let classes: Vec<&String> = self.summary.classes.keys().collect();
        classes.into_iter().for_each(|dir| self.stop_if_enough(&crew.schedule, dir));
        progress(&self.summary);
        while let Some(finished) = crew.next() {
            let job = &jobs[finished.task];
            let (row, kind) = self.store(job, finished)?;
            self.settle(&row, &kind)?;
            if row.status == Status::Ok {
                self.stop_if_enough(&crew.schedule, &job.dir);
            }
            progress(&self.summary);
        }
        self.config.cancel.check(|| {
            let photographs = counted(self.summary.photographs(), "photograph");
            let dir = shown(&self.config.image_dir);
            format!("{photographs} in {dir}; the same command goes on from there")
        })
    }

    fn crew(&self, jobs: &[Job]) -> Result<Crew> {
        let Work { config, .. } = self;
        let task = |job: &Job| Task {
            host: job.address.host_str().unwrap_or_default().to_owned(),
            class: job.dir.clone(),
        };
        let tasks = jobs.iter().map(task).collect();
        let schedule = Schedule::new(tasks, config.manners, config.cancel.clone());
        let ways = Ways {
            proxies: config.proxies.clone(),
            reach: config.reach,
            connect: config.waits.connect,
            idle: config.waits.stall,
            user_agent: Some(config.user_agent.clone()),
        };
        let transfer = Transfer {
            client: Client::new(ways),
            limits: config.limits,
            waits: config.waits,
            cancel: config.cancel.clone(),
            received: 0.into(),
        };
        let addresses = jobs.iter().map(|job| job.address.clone()).collect();
        Crew::start(addresses, schedule, transfer, config.manners.parallel)
    }

    /// Stores what a job has brought. Returns its row, and the reason of a failure in a few words.
    fn store(&mut self, job: &Job, finished: Finished) -> Result<(Row, String)> {
        let mut row = Row {
            url: job.url.clone(),
            class: job.class.clone(),
            file: String::new(),
            status: Status::Failed,
            bytes: None,
            width: None,
            height: None,
            tries: finished.tries,
            reason: String::new(),
            sha256: String::new(),
        };
        let photograph = match (finished.outcome, self.enough(&job.dir)) {
            (Err(failure), _) => return Ok((failed(row, &failure), failure.kind)),
            (Ok(_), Some(setting)) => {
                let enough = Failure::enough(setting);
                return Ok((failed(row, &enough), enough.kind));
            }
            (Ok(photograph), None) => photograph,
        };
        (row.file, row.status) = match self.store.place(job, &photograph)? {
            Placed::New(file) | Placed::There(file) => (file, Status::Ok),
            Placed::Duplicate(file) => {
                row.reason = format!("the same photograph as {file}");
                (file, Status::Duplicate)
            }
            Placed::Refused(why) => {
                let refused = Failure::last("unusable class directory", why);
                return Ok((failed(row, &refused), refused.kind));
            }
        };
        row.bytes = Some(photograph.content.len() as u64);
        (row.width, row.height) = (Some(photograph.size.0), Some(photograph.size.1));
        row.sha256 = photograph.sha256;
        Ok((row, String::new()))
    }

    /// Reports an address that is settled.
    fn settle(&mut self, row: &Row, kind: &str) -> Result<()> {
        self.report.add(row)?;
        self.summary.count(row, kind);
        if row.status == Status::Failed {
            match self.summary.failed {
                n if n <= LOGGED => {
                    warn!(target: "retrain", "{}: {}", one_line(&row.url), row.reason)
                }
                n if n == LOGGED + 1 => {
                    warn!(target: "retrain", "more failures: the report has them");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The limit on photographs that is reached in all, or for a class directory.
    fn enough(&self, dir: &str) -> Option<&'static str> {
        let limits = &self.config.limits;
        let of_class = || self.summary.classes.get(dir).copied().unwrap_or_default();
        if limits.max_images.is_some_and(|most| self.summary.photographs() >= most) {
            Some("max_images")
        } else if limits.max_per_class.is_some_and(|most| of_class() >= most) {
            Some("max_per_class")
        } else {
            None
        }
    }

    fn stop_if_enough(&self, schedule: &Schedule, dir: &str) {
        match self.enough(dir) {
            Some("max_images") => schedule.end(Failure::enough("max_images")),
            Some(_) => schedule.fill(dir),
            None => {}
        }
    }
}

fn failed(row: Row, failure: &Failure) -> Row {
    let status = match failure.remedy {
        Remedy::Skip => Status::Skipped,
        _ => Status::Failed,
    };
    Row { status, reason: failure.reason.clone(), ..row }
}
