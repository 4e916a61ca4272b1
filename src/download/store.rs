//! Stores photographs in their class directories: each content once, under names that are free, and
//! never outside `image_dir`.

use super::existing::{Existing, ExistingFile, check_inside};
use super::photograph::Photograph;
use super::plan::Job;
use crate::error::{Error, Result};
use crate::fsio;
use crate::net::sha256;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

/// What became of a photograph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Placed {
    /// It was written to this file.
    New(String),
    /// This file of its class, which no report mentions, has the same content.
    There(String),
    /// This file has the same content.
    Duplicate(String),
    /// Its class directory cannot be used: a sentence.
    Refused(String),
}

/// The class directories.
#[derive(Debug)]
pub(super) struct Store {
    root: PathBuf,
    /// The files by their size, of which few have the same.
    by_size: HashMap<u64, Vec<Known>>,
    /// The files that reports mention.
    reported: HashSet<String>,
}

#[derive(Debug)]
struct Known {
    file: ExistingFile,
    /// Once it was needed.
    sha256: Option<String>,
}

impl Store {
    /// `reported` are the files of earlier reports.
    pub(super) fn new(existing: Existing, reported: HashSet<String>) -> Self {
        let mut by_size: HashMap<u64, Vec<Known>> = HashMap::new();
        for file in existing.files {
            by_size.entry(file.bytes).or_default().push(Known { file, sha256: None });
        }
        Self { root: existing.root, by_size, reported }
    }

    /// Stores a photograph, unless its content is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn place(&mut self, job: &Job, photograph: &Photograph) -> Result<Placed> {
        if let Some(same) = self.same(photograph) {
            let path = same.path();
            let is_own = same.dir == job.dir && self.reported.insert(path.clone());
            return Ok(if is_own { Placed::There(path) } else { Placed::Duplicate(path) });
        }
        if let Err(why) = self.make_dir(&job.dir)? {
            return Ok(Placed::Refused(why));
        }
        let name = self.write(job, photograph)?;
        let bytes = photograph.content.len() as u64;
        let file = ExistingFile { dir: job.dir.clone(), name, bytes };
        let path = file.path();
        self.reported.insert(path.clone());
        let known = Known { file, sha256: Some(photograph.sha256.clone()) };
        self.by_size.entry(bytes).or_default().push(known);
        Ok(Placed::New(path))
    }

    /// A file with the same content.
    fn same(&mut self, photograph: &Photograph) -> Option<ExistingFile> {
        let size = photograph.content.len() as u64;
        for known in self.by_size.get_mut(&size)? {
            if known.sha256.is_none() {
                let path = self.root.join(&known.file.dir).join(&known.file.name);
                known.sha256 = fs::read(path).ok().map(|content| sha256(&content));
            }
            if known.sha256.as_ref() == Some(&photograph.sha256) {
                return Some(known.file.clone());
            }
        }
        None
    }

    /// Makes a class directory if there is none. The inner error says why it cannot be used.
    fn make_dir(&self, dir: &str) -> Result<std::result::Result<(), String>> {
        let path = self.root.join(dir);
        match fs::create_dir(&path) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                Err(Error::io("creating the directory", &path)(e))
            }
            _ => Ok(check_inside(&self.root, dir)),
        }
    }

    /// Writes the file under the first free name, and returns that. The name was free when the plan
    /// was made, but others may write here too.
    fn write(&self, job: &Job, photograph: &Photograph) -> Result<String> {
        let ending = photograph.format.endings()[0];
        let dir = self.root.join(&job.dir);
        let mut name = format!("{}.{ending}", job.stem);
        let mut file = fsio::temporary_beside(&dir.join(&name))?;
        let written = file.write_all(&photograph.content);
        written.map_err(Error::io("writing", &dir.join(&name)))?;
        let mut number = 2;
        loop {
            let path = dir.join(&name);
            match file.persist_noclobber(fsio::long(&path)) {
                Ok(_) => return Ok(name),
                Err(e) if e.error.kind() == ErrorKind::AlreadyExists => file = e.file,
                Err(e) => return Err(Error::io("writing", &path)(e.error)),
            }
            name = format!("{}-{number}.{ending}", job.stem);
            number += 1;
        }
    }
}
