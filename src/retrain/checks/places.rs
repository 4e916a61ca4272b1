//! Checks the paths a run reads and writes: inputs exist, outputs are writable, and outputs overlap
//! neither each other nor the photographs.

use crate::dataset::table::TableFormat;
use crate::dataset::{Catalogue, NO_IMAGE_DIR, Source};
use crate::error::{Error, Result};
use crate::export;
use crate::fsio;
use crate::images::ImageFormat;
use crate::retrain::config::{Config, Pretrained};
use crate::text::shown;
use std::path::{Path, PathBuf};

/// A path and the setting that names it.
type Place<'c> = (&'static str, &'c Path);

impl Config {
    /// Checks every path before the expensive work.
    pub(super) fn check_places(&self) -> Result<()> {
        let files: [Place<'_>; 2] = [
            ("output_graph", &self.outputs.output_graph),
            ("output_labels", &self.outputs.output_labels),
        ];
        let dirs = self.dirs_written();
        check_not_empty(&files)?;
        check_different(&files)?;
        check_dirs(&dirs)?;
        self.check_apart(&files, &dirs)?;
        if let Some(dir) = &self.outputs.saved_model_dir {
            export::check_free(dir)?;
        }
        for (setting, path) in files {
            fsio::check_writable(path).map_err(|e| Error::usage(setting, e.to_string()))?;
        }
        self.check_inputs()?;
        self.check_own_graph()?;
        self.check_split_file()?;
        self.check_summaries_dir()
    }

    /// The same for a run that only fills the cache.
    pub(super) fn check_places_of_cache(&self) -> Result<()> {
        let dirs = self.dirs_of_cache();
        check_dirs(&dirs)?;
        self.check_apart(&[], &dirs)?;
        self.check_inputs()
    }

    /// Removes the temporary files that killed runs left where this run writes. (The cache does so
    /// for the directories of its classes, [`Run::find`](super::super::this_run::Run::find) for
    /// those of runs.)
    pub(in crate::retrain) fn clear_temporary_files(&self) {
        // If a directory does not exist yet, `check_dir` tried out its nearest existing ancestor.
        for (_, dir) in self.dirs_written() {
            fsio::clear_temporary_files(fsio::nearest(dir));
        }
        let outputs = &self.outputs;
        fsio::clear_temporary_files_beside(&outputs.output_graph);
        fsio::clear_temporary_files_beside(&outputs.output_labels);
        if outputs.intermediate_store_frequency > 0 {
            let graph = format!("{}intermediate", outputs.intermediate_output_graphs_dir);
            fsio::clear_temporary_files_beside(Path::new(&graph));
        }
    }

    /// No output overwrites the user's own graph.
    fn check_own_graph(&self) -> Result<()> {
        match self.pretrained.own_graph() {
            Some(own) if real(own) == real(&self.outputs.output_graph) => {
                let message = format!("{} is the graph to retrain; name another file", shown(own));
                Err(Error::usage("output_graph", message))
            }
            _ => Ok(()),
        }
    }

    /// The photographs and the user's own graph exist.
    fn check_inputs(&self) -> Result<()> {
        if let Pretrained::OwnGraph(own) = &self.pretrained {
            own.check_exists()?;
        }
        let place = self.photographs.place();
        match &self.photographs {
            Source::Directory(_) if !place.is_dir() => Err(Error::input(place, NO_IMAGE_DIR)),
            Source::Catalogue(_) if !place.is_file() => {
                Err(Error::input(place, "there is no such file; give a catalogue"))
            }
            Source::Catalogue(Catalogue { cutouts: Some(cutouts), .. }) => cutouts.check(),
            Source::Directory(_) | Source::Catalogue(_) => Ok(()),
        }
    }

    /// Refuses outputs among the photographs: the next run would take them for photographs or
    /// classes.
    fn check_apart(&self, files: &[Place<'_>], dirs: &[Place<'_>]) -> Result<()> {
        let image_dir = self.photographs.image_dir().map(Path::canonicalize);
        let Some(Ok(images)) = image_dir else { return self.check_apart_from_tables(files) };
        for (setting, dir) in dirs.iter().filter(|(setting, _)| *setting != "model_dir") {
            let place = real(dir);
            // `check_summaries_dir` reports a summaries directory that is `image_dir` itself.
            if place.starts_with(&images) && (*setting != "summaries_dir" || place != images) {
                let message = format!(
                    "{} is in `image_dir`, whose directories are classes; give another",
                    shown(dir)
                );
                return Err(Error::usage(*setting, message));
            }
        }
        for (setting, path) in files {
            if is_image_name(path) && real(path).starts_with(&images) {
                let message = format!(
                    "{} would be one of the photographs in `image_dir`; name another",
                    shown(path)
                );
                return Err(Error::usage(*setting, message));
            }
        }
        self.check_apart_from_tables(files)
    }

    /// Refuses outputs that would overwrite the catalogue or the split.
    fn check_apart_from_tables(&self, files: &[Place<'_>]) -> Result<()> {
        let list = match &self.photographs {
            Source::Catalogue(catalogue) => Some(("image_list", &*catalogue.image_list)),
            Source::Directory(_) => None,
        };
        let split_file = self.split.split_file.as_deref().map(|file| ("split_file", file));
        let tables = || list.into_iter().chain(split_file);
        for (setting, path) in files.iter().copied().chain(split_file) {
            let other =
                tables().find(|(other, table)| *other != setting && real(table) == real(path));
            if let Some((other, _)) = other {
                let message = format!("{} is also `{other}`; name another file", shown(path));
                return Err(Error::usage(setting, message));
            }
        }
        Ok(())
    }

    /// The table of the split can be read or written.
    fn check_split_file(&self) -> Result<()> {
        let Some(file) = &self.split.split_file else { return Ok(()) };
        if file.as_os_str().is_empty() {
            return Err(Error::usage("split_file", "must not be empty: give a path"));
        }
        match file.exists() {
            true => Ok(()),
            false => TableFormat::of(file)
                .and_then(|format| match format {
                    TableFormat::Csv => fsio::check_writable(file),
                    _ => Err(Error::input(file, "must end in .csv to be written")),
                })
                .map_err(|e| Error::usage("split_file", e.to_string())),
        }
    }

    /// A run starts by emptying the summaries directory, so it must neither be nor contain anything
    /// that the run reads.
    fn check_summaries_dir(&self) -> Result<()> {
        let existing = |p: &Path| p.canonicalize().ok();
        let Some(summaries) = existing(&self.outputs.summaries_dir) else { return Ok(()) };
        let inputs = [self.photographs.place(), &self.cache.bottleneck_dir, &self.model_dir];
        let inputs = inputs.into_iter().chain(self.pretrained.own_graph());
        let inputs = inputs.chain(self.split.split_file.as_deref());
        for precious in inputs.chain([Path::new(".")]).filter_map(existing) {
            if precious.starts_with(&summaries) {
                let (summaries, precious) = (shown(&summaries), shown(&precious));
                let message = format!("{summaries} would be emptied, but {precious} is in it");
                return Err(Error::usage("summaries_dir", message));
            }
        }
        Ok(())
    }

    /// The directories of the cache and of the network.
    fn dirs_of_cache(&self) -> Vec<Place<'_>> {
        let mut dirs: Vec<Place<'_>> = vec![("bottleneck_dir", &self.cache.bottleneck_dir)];
        if let Pretrained::Architecture(_) = &self.pretrained {
            dirs.push(("model_dir", &self.model_dir));
        }
        dirs
    }

    /// The directories that this run writes to, with their settings.
    fn dirs_written(&self) -> Vec<Place<'_>> {
        let outputs = &self.outputs;
        let mut dirs: Vec<Place<'_>> = vec![("summaries_dir", &outputs.summaries_dir)];
        dirs.extend(self.dirs_of_cache());
        if let Pretrained::HubModule(_) = &self.pretrained {
            dirs.push(("checkpoint_path", fsio::directory_of(&outputs.checkpoint_path)));
        }
        dirs.extend(outputs.saved_model_dir.as_deref().map(|dir| ("saved_model_dir", dir)));
        if outputs.intermediate_store_frequency > 0 {
            let dir = Path::new(&outputs.intermediate_output_graphs_dir);
            dirs.push(("intermediate_output_graphs_dir", dir));
        }
        dirs
    }
}

/// The directories can be made or written to.
fn check_dirs(dirs: &[Place<'_>]) -> Result<()> {
    check_not_empty(dirs)?;
    for (setting, dir) in dirs {
        // A shared cache or model directory may be read-only.
        let may_be_read_only = ["bottleneck_dir", "model_dir"].contains(setting);
        if !(may_be_read_only && dir.is_dir()) {
            fsio::check_dir(dir).map_err(|message| Error::usage(*setting, message))?;
        }
    }
    Ok(())
}

fn check_not_empty(places: &[Place<'_>]) -> Result<()> {
    match places.iter().find(|(_, path)| path.as_os_str().is_empty()) {
        None => Ok(()),
        Some((setting, _)) => {
            let message = "must not be empty: give a path, or leave it out";
            Err(Error::usage(*setting, message))
        }
    }
}

fn check_different([(_, graph), (_, labels)]: &[Place<'_>; 2]) -> Result<()> {
    if real(graph) != real(labels) {
        return Ok(());
    }
    let message = format!("{} is also `output_graph`; name another file", shown(labels));
    Err(Error::usage("output_labels", message))
}

/// The absolute path, with links resolved in the part that exists.
fn real(path: &Path) -> PathBuf {
    let Ok(absolute) = std::path::absolute(path) else { return path.to_owned() };
    for above in absolute.ancestors() {
        if let Ok(real) = above.canonicalize() {
            return absolute.strip_prefix(above).map_or(real.clone(), |rest| real.join(rest));
        }
    }
    absolute
}

fn is_image_name(path: &Path) -> bool {
    path.file_name().and_then(ImageFormat::of_name).is_some()
}
