//! What is to be done: which addresses of the lists are new, and under which name each photograph
//! will be stored. Names depend on the lists and on what is there, never on who answers first.

use super::config::FailedBefore;
use super::existing::{Existing, check_inside};
use super::list::Entry;
use super::names::{Names, class_name, file_stem};
use super::report::{Row, Status};
use crate::text::one_line;
use std::collections::{HashMap, HashSet};
use url::Url;

/// An address to download.
#[derive(Debug)]
pub(super) struct Job {
    /// As the list has it.
    pub(super) url: String,
    /// As the list has it.
    pub(super) class: String,
    pub(super) address: Url,
    /// The class directory.
    pub(super) dir: String,
    /// The file's name without its ending.
    pub(super) stem: String,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) jobs: Vec<Job>,
    /// Rows of earlier runs that stand, for addresses of these lists.
    pub(super) done: Vec<Row>,
    /// Rows of earlier runs for other addresses.
    pub(super) others: Vec<Row>,
    /// Addresses that cannot be tried.
    pub(super) refused: Vec<Row>,
    /// How many lines repeat an earlier line's address and class.
    pub(super) repeated: u64,
}

/// What a plan is made of besides the lists.
pub(super) struct Circumstances<'a> {
    /// The class of lines that name none.
    pub(super) class: Option<&'a str>,
    pub(super) failed_before: FailedBefore,
    pub(super) earlier: Vec<Row>,
    pub(super) existing: &'a mut Existing,
}

impl Plan {
    pub(super) fn new(entries: Vec<Entry>, circumstances: Circumstances) -> Self {
        let Circumstances { class, failed_before, earlier, existing } = circumstances;
        let mut names = Names::default();
        for file in &existing.files {
            let stem = file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem);
            names.take(&file.dir, stem);
        }
        let mut before: HashMap<(String, String), Row> = HashMap::new();
        for row in earlier {
            before.insert((row.url.clone(), row.class.clone()), row);
        }
        let mut plan = Self::default();
        let mut seen = HashSet::new();
        for entry in entries {
            let class = entry.class.as_deref().or(class).unwrap_or_default().to_owned();
            let key = (entry.url.clone(), class);
            if !seen.insert(key.clone()) {
                plan.repeated += 1;
                continue;
            }
            match before.remove(&key) {
                Some(row) if stands(&row, failed_before, existing) => plan.done.push(row),
                _ => plan.add(entry, key.1, existing, &mut names),
            }
        }
        plan.others = before.into_values().collect();
        plan.others.sort_by(|a, b| (&a.class, &a.url).cmp(&(&b.class, &b.url)));
        plan
    }

    /// Adds a job, or a row that says why there is none.
    fn add(&mut self, entry: Entry, class: String, existing: &mut Existing, names: &mut Names) {
        match address(&entry.url, &class) {
            Ok(address) => {
                let dir = existing.dir_of(&class_name(&class));
                if let Err(why) = check_inside(&existing.root, &dir) {
                    return self.refused.push(refused(entry.url, class, why));
                }
                let stem = names.distinct(&dir, &file_stem(entry.name.as_deref(), &address));
                self.jobs.push(Job { url: entry.url, class, address, dir, stem });
            }
            Err(why) => self.refused.push(refused(entry.url, class, why)),
        }
    }
}

/// Whether a row of an earlier run still holds.
fn stands(row: &Row, failed_before: FailedBefore, existing: &Existing) -> bool {
    match row.status {
        Status::Ok | Status::Duplicate => {
            let metadata = existing.root.join(&row.file).metadata();
            metadata.is_ok_and(|m| m.is_file() && Some(m.len()) == row.bytes)
        }
        Status::Failed => failed_before == FailedBefore::Keep,
        Status::Skipped => false,
    }
}

/// The address, if it can be tried.
fn address(url: &str, class: &str) -> Result<Url, String> {
    if class.trim().is_empty() {
        return Err("has no class; name one in the list, or `class` for all".into());
    }
    let address = Url::parse(url).map_err(|e| {
        let hint = if url.contains("://") { "" } else { ", such as https://host/photo.jpg" };
        format!("'{}' is not an address{hint} ({e})", one_line(url))
    })?;
    match address.scheme() {
        "http" | "https" => Ok(address),
        scheme => Err(format!("is a {scheme}: address; only http and https are downloaded")),
    }
}

fn refused(url: String, class: String, reason: String) -> Row {
    let (file, sha256) = (String::new(), String::new());
    let (status, bytes, width, height, tries) = (Status::Failed, None, None, None, 0);
    Row { url, class, file, status, bytes, width, height, tries, reason, sha256 }
}
