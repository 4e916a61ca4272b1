//! The classes of a catalogue.

use super::candidate::{Candidate, Class};
use super::catalogue::{Catalogue, CatalogueRow};
use crate::error::{Error, Result};
use crate::fsio::directory_of;
use crate::parallel;
use crate::text::{counted, hex, one_line, shown};
use log::{info, warn};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// How many missing files an error lists.
const LISTED: usize = 20;
/// A class with fewer photographs is named, as in the scripts.
const FEW: usize = 20;
/// How many bytes of a hash tell directories apart.
const HASH: usize = 8;

impl Catalogue {
    /// Reads the classes, in the order of their labels' bytes, and says which columns are used.
    pub(super) fn classes(&self) -> Result<Vec<Class>> {
        let rows = self.labelled_rows()?;
        self.check_files(&rows)?;
        let mut by_label: BTreeMap<String, Vec<CatalogueRow>> = BTreeMap::new();
        for mut row in rows {
            by_label.entry(row.label.take().unwrap_or_default()).or_default().push(row);
        }
        warn_of_few(&by_label);
        let mut places = CachePlaces::default();
        let class = |(label, rows): (String, Vec<CatalogueRow>)| {
            let candidate = |row| self.candidate(row, &mut places);
            let photographs = rows.into_iter().map(candidate).collect();
            Class { label, dir: OsString::new(), photographs }
        };
        Ok(by_label.into_iter().map(class).collect())
    }

    /// The rows, each photograph once, all with labels.
    fn labelled_rows(&self) -> Result<Vec<CatalogueRow>> {
        let mut rows = self.open()?;
        rows.check_labels()?;
        info!(target: "retrain", "{}: {}", shown(&self.image_list), rows.said());
        let (mut kept, mut numbers): (Vec<CatalogueRow>, HashMap<PathBuf, usize>) =
            (Vec::new(), HashMap::new());
        let mut repeated = 0;
        while let Some(row) = rows.next() {
            let row = row?;
            if row.label.as_ref().is_none_or(String::is_empty) {
                let message = "has no label; fill it in, or remove the row";
                return Err(rows.error(row.place, message));
            }
            // `./a` is `a`.
            let path: PathBuf =
                row.photograph.path().components().filter(|c| *c != Component::CurDir).collect();
            match numbers.get(&path).map(|&first| &kept[first]) {
                Some(first) => {
                    same(first, &row).map_err(|message| rows.error(row.place, &message))?;
                    repeated += 1;
                }
                None => {
                    numbers.insert(path, kept.len());
                    kept.push(row);
                }
            }
        }
        if repeated > 0 {
            let rows = counted(repeated, "row");
            warn!(target: "retrain", "Ignored {rows} with a photograph that an earlier row has");
        }
        Ok(kept)
    }

    fn candidate(&self, row: CatalogueRow, places: &mut CachePlaces) -> Candidate {
        let CatalogueRow { written, photograph, set, group, weight, .. } = row;
        let path = photograph.path();
        let beside = directory_of(&self.image_list);
        let relative = path.strip_prefix(beside).unwrap_or_else(|_| Path::new(&written));
        let relative = relative.to_string_lossy().into_owned();
        let relative = if cfg!(windows) { relative.replace('\\', "/") } else { relative };
        let mut name = places.name(photograph.file_path());
        name.push(photograph.part());
        Candidate {
            typed: Some(written.into()),
            relative: relative.into(),
            group,
            set,
            weight,
            photograph: photograph.named(name),
        }
    }

    /// Fails if files are missing.
    fn check_files(&self, rows: &[CatalogueRow]) -> Result<()> {
        let is_there = parallel::map(rows.len(), |i| rows[i].photograph.file_path().exists());
        let mut missing = rows.iter().zip(is_there).filter(|(_, is)| !is).map(|(row, _)| row);
        let listed: Vec<String> = missing
            .by_ref()
            .take(LISTED)
            .map(|row| format!("{}: {}", row.place, shown(row.photograph.file_path())))
            .collect();
        let count = listed.len() + missing.count();
        if count == 0 {
            return Ok(());
        }
        let more = if count > LISTED {
            format!("\n… and {} more", count - LISTED)
        } else {
            String::new()
        };
        let message = format!(
            "{count} of {} files are not there; paths are relative to the catalogue's directory\n\
             {}{more}",
            rows.len(),
            listed.join("\n")
        );
        Err(Error::input(&self.image_list, message))
    }
}

/// Fails if two rows of one photograph say different things.
fn same(first: &CatalogueRow, second: &CatalogueRow) -> Result<(), String> {
    let differs = [
        ("label", first.label != second.label),
        ("set", first.set != second.set),
        ("group", first.group != second.group),
        ("weight", first.weight != second.weight),
        ("place", first.photograph.part() != second.photograph.part()),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((what, _)) => Err(format!(
            "lists {} with another {what} than {}; remove one of the rows",
            one_line(&second.written),
            first.place
        )),
    }
}

fn warn_of_few(by_label: &BTreeMap<String, Vec<CatalogueRow>>) {
    for (label, rows) in by_label.iter().filter(|(_, rows)| rows.len() < FEW) {
        let photographs = counted(rows.len() as u64, "photograph");
        warn!(
            target: "retrain",
            "Label '{}' has only {photographs}, which may cause issues", one_line(label)
        );
    }
}

/// Names for the cache: the directory's name with a hash of where it is, and the file's name. So
/// neither another label nor another catalogue computes a bottleneck again, and no path leads out
/// of the cache.
#[derive(Default)]
struct CachePlaces {
    names: HashMap<PathBuf, OsString>,
}

impl CachePlaces {
    fn name(&mut self, path: &Path) -> OsString {
        let dir = directory_of(path);
        let name = self.names.entry(dir.to_owned()).or_insert_with(|| {
            let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
            let hash = Sha256::digest(real.as_os_str().as_encoded_bytes());
            let mut name = real.file_name().unwrap_or_default().to_owned();
            name.push("-");
            name.push(hex(&hash[..HASH]));
            name
        });
        let mut name = name.clone();
        name.push("/");
        name.push(path.file_name().unwrap_or_default());
        name
    }
}
