//! The packed files of a cache: one that this process adds rows to, and others that it only reads.
//! A run adds to the cache's own file and reads the shards; where another process has that file, it
//! reads it too, and adds to a temporary one. A process that computes a shard adds to that, and
//! reads the cache's own file and the shards of other sets.

use super::appender::Appender;
use super::key::{Key, Name};
use super::packed::{Entry, Map, Mapped};
use super::rows::Place;
use super::shard::Shard;
use super::spec::{CacheSpec, MissingShard, get_packed_path, get_shard_path};
use crate::error::{Error, Result};
use crate::inference::Extractor;
use crate::{parallel, text};
use log::warn;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// All packed files of one model.
#[derive(Debug)]
pub(super) struct Files {
    /// The shard that this process computes; `None` if it fills the cache's own file.
    shard: Option<Shard>,
    added_to: Appender,
    others: Vec<Mapped>,
    /// Which of the others a shard is in; `None` stands for the cache's own file.
    index: HashMap<Option<Shard>, usize>,
    /// How many shards each set of the others has, and how many rows are in it.
    sets: BTreeMap<u32, usize>,
}

/// A row of one of the files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'f> {
    /// Which of the others it is in; `None` for the file that is added to.
    other: Option<usize>,
    entry: &'f Entry,
}

impl<'f> Row<'f> {
    pub(super) fn key(&self) -> &'f Key {
        &self.entry.key
    }

    /// The first eight bytes of the image's SHA-256, if that is known.
    pub(super) fn hash(&self) -> Option<u64> {
        let first = |hash: [u8; 32]| hash.first_chunk().map(|&bytes| u64::from_le_bytes(bytes));
        self.key().hash.and_then(first)
    }

    /// Where it is once all files are mapped.
    pub(super) fn place(&self) -> Option<Place> {
        Place::new(self.other.map_or(0, |other| other + 1), self.entry.offset)
    }
}

impl Files {
    /// Opens the files, to fill the cache's own one or a shard.
    pub(super) fn open(
        extractor: &dyn Extractor,
        spec: &CacheSpec<'_>,
        shard: Option<Shard>,
    ) -> Result<Self> {
        let (identity, size) = (extractor.identity(), extractor.bottleneck_size());
        let cache = get_packed_path(spec.bottleneck_dir, spec.model);
        let added_to = match shard {
            None => Appender::open(&cache, &identity, size)?,
            Some(shard) => Appender::open_shard(&get_shard_path(&cache, shard), &identity, size)?,
        };
        if !added_to.kept && !spec.text {
            warn!(
                target: "retrain",
                "{} is in use or cannot be written: this run's bottlenecks will not be kept",
                cache.display()
            );
        }
        let mut found = shards_beside(&cache)?;
        if let Some(shard) = shard {
            // No other shard of this set has any of its photographs.
            found.retain(|(other, _)| other.is_none_or(|other| other.count() != shard.count()));
        }
        if shard.is_some() || !added_to.kept {
            found.push((None, cache));
        }
        let open = |i: usize| Mapped::open(&found[i].1, &identity, size);
        let opened: Result<Vec<_>> = parallel::map(found.len(), open).into_iter().collect();
        let (others, index, sets) = (Vec::new(), HashMap::new(), BTreeMap::new());
        let mut files = Self { shard, added_to, others, index, sets };
        files.add(found, opened?);
        Ok(files)
    }

    /// Adds files that are only read, and says which are left out.
    fn add(&mut self, found: Vec<(Option<Shard>, PathBuf)>, opened: Vec<Option<Mapped>>) {
        let mut ignored = Vec::new();
        for ((shard, path), mapped) in found.into_iter().zip(opened) {
            match (shard, mapped) {
                (_, Some(mapped)) => {
                    if let Some(shard) = shard {
                        *self.sets.entry(shard.count()).or_default() += mapped.entries.len();
                    }
                    self.index.insert(shard, self.others.len());
                    self.others.push(mapped);
                }
                (Some(_), None) => ignored.push(path),
                (None, None) => {}
            }
        }
        if let Some(first) = ignored.first() {
            let shards = text::counted(ignored.len() as u64, "shard");
            let first = text::shown(first);
            warn!(
                target: "retrain",
                "{shards} ignored, not of this version of the model and its preprocessing: \
                 {first}{}",
                if ignored.len() > 1 { " and others" } else { "" }
            );
        }
    }

    /// Whether rows that are added get text files. Shards have none: they are for more photographs
    /// than a file system should have files.
    pub(super) fn write_text(&self) -> bool {
        self.shard.is_none()
    }

    /// Whether there should be a text file for this row.
    pub(super) fn has_text(&self, row: &Row<'_>) -> bool {
        let own = self.index.get(&None).copied();
        self.write_text() && (row.other.is_none() || row.other == own)
    }

    /// The rows of that name that have been written: at most one of each file, those of the file
    /// that is added to and of the cache's own file first.
    pub(super) fn rows(&self, name: &[u8]) -> Vec<Row<'_>> {
        let own = self.added_to.get(name).map(|entry| Row { other: None, entry });
        let shards = self.sets.keys().map(|&count| Some(Shard::of(name, count)));
        let others = [None].into_iter().chain(shards);
        let others = others.filter_map(|shard| {
            let &other = self.index.get(&shard)?;
            let entry = self.others[other].entries.get(name)?;
            Some(Row { other: Some(other), entry })
        });
        own.into_iter().chain(others).collect()
    }

    /// The numbers of a row.
    pub(super) fn values(&self, row: &Row<'_>) -> Result<Vec<f32>> {
        let offset = row.entry.offset;
        let bytes = match row.other {
            None => &self.added_to.row(offset)?,
            Some(other) => self.others[other].row(offset),
        };
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// Adds a row or replaces the one of that name.
    pub(super) fn append(&mut self, name: Name, key: Key, values: &[f32]) -> Result<()> {
        self.added_to.append(name, key, values)
    }

    /// Writes the rows added so far.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.added_to.flush()
    }

    /// The row of that name in the file that is added to.
    pub(super) fn added(&self, name: &[u8]) -> Option<Row<'_>> {
        self.added_to.get(name).map(|entry| Row { other: None, entry })
    }

    /// The shards that lack these rows, of the set that has most others; empty if there are no
    /// shards.
    pub(super) fn missing(&self, names: impl Iterator<Item = Name>) -> Vec<MissingShard> {
        let most = self.sets.iter().max_by_key(|(_, rows)| **rows);
        let Some((&count, _)) = most.filter(|_| self.shard.is_none()) else { return Vec::new() };
        let mut missing: BTreeMap<Shard, usize> = BTreeMap::new();
        names.for_each(|name| *missing.entry(Shard::of(&name, count)).or_default() += 1);
        let missing = missing.into_iter();
        missing.map(|(shard, images)| MissingShard { shard, images }).collect()
    }

    /// Maps all files into memory, in the order of [`Place`]s.
    pub(super) fn map(self) -> Result<Vec<Map>> {
        let own = self.added_to.map()?;
        Ok([own].into_iter().chain(self.others).map(|mapped| mapped.map).collect())
    }
}

/// The shards beside the packed file at `path`, with their paths.
fn shards_beside(path: &Path) -> Result<Vec<(Option<Shard>, PathBuf)>> {
    let (Some(dir), Some(packed)) = (path.parent(), path.file_name()) else {
        return Ok(Vec::new());
    };
    let mut shards = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(Error::io("listing", dir))? {
        let entry = entry.map_err(Error::io("listing", dir))?;
        if let Some(shard) = Shard::of_file_name(&entry.file_name(), packed) {
            shards.push((Some(shard), entry.path()));
        }
    }
    shards.sort();
    Ok(shards)
}
