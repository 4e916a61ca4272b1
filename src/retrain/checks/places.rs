//! The places a run writes to: there, writable, apart from one another and from the photographs.
//! All this is looked at before the costly work.

use crate::error::{Error, Result};
use crate::fsio;
use crate::retrain::config::{Config, Pretrained};
use crate::text::shown;
use std::path::{Path, PathBuf};

impl Config {
    /// The checks that need no more than the flags and a look at the file system.
    pub(in crate::retrain) fn check_places(&self) -> Result<()> {
        let files =
            [("output_graph", self.output_graph.as_path()), ("output_labels", &self.output_labels)];
        let dirs = self.dirs_written();
        for (flag, path) in files.iter().chain(&dirs) {
            if path.as_os_str().is_empty() {
                return Err(Error::usage(
                    *flag,
                    "must not be empty: give a path, or leave the flag out",
                ));
            }
        }
        if real(files[0].1) == real(files[1].1) {
            let message =
                format!("{} is --output_graph, too; name another file", shown(&self.output_labels));
            return Err(Error::usage("output_labels", message));
        }
        for (flag, dir) in &dirs {
            // A cache or a model that others have filled may well be read-only.
            if dir.is_dir() && ["bottleneck_dir", "model_dir"].contains(flag) {
                continue;
            }
            fsio::check_dir(dir).map_err(|message| Error::usage(*flag, message))?;
        }
        self.check_apart(&files, &dirs)
    }

    /// Removes the temporary files of killed runs from where this run writes to. (The cache does so
    /// for its classes' directories.)
    pub(in crate::retrain) fn clear_temporary_files(&self) {
        // Where a directory is not there yet, it is the nearest one above that was tried out.
        let dirs = self.dirs_written();
        dirs.iter().for_each(|(_, dir)| fsio::clear_temporary_files(fsio::nearest(dir)));
        fsio::clear_temporary_files_beside(&self.output_graph);
        fsio::clear_temporary_files_beside(&self.output_labels);
        if self.intermediate_store_frequency > 0 {
            let graph = format!("{}intermediate", self.intermediate_output_graphs_dir);
            fsio::clear_temporary_files_beside(Path::new(&graph));
        }
    }

    /// Nothing is written among the photographs, where it would be taken for one of them, or for a
    /// class.
    fn check_apart(
        &self,
        files: &[(&'static str, &Path)],
        dirs: &[(&'static str, &Path)],
    ) -> Result<()> {
        let Ok(images) = self.image_dir.canonicalize() else { return Ok(()) };
        for (flag, dir) in dirs.iter().filter(|(flag, _)| *flag != "model_dir") {
            let place = real(dir);
            // A directory that holds the photographs is refused elsewhere where it would be
            // emptied.
            if place.starts_with(&images) && (*flag != "summaries_dir" || place != images) {
                let message = format!(
                    "{} is in --image_dir, whose directories are classes; give another",
                    shown(dir)
                );
                return Err(Error::usage(*flag, message));
            }
        }
        for (flag, path) in files {
            let image = path.extension().is_some_and(|e| {
                ["jpg", "jpeg", "png"]
                    .iter()
                    .any(|known| e.to_string_lossy().eq_ignore_ascii_case(known))
            });
            if image && real(path).starts_with(&images) {
                let message = format!(
                    "{} would be one of the photographs in --image_dir; name another",
                    shown(path)
                );
                return Err(Error::usage(*flag, message));
            }
        }
        Ok(())
    }

    /// The directories that this run writes to, by their flags.
    fn dirs_written(&self) -> Vec<(&'static str, &Path)> {
        let mut dirs = vec![
            ("summaries_dir", self.summaries_dir.as_path()),
            ("bottleneck_dir", &self.bottleneck_dir),
        ];
        match &self.pretrained {
            Pretrained::Architecture(_) => dirs.push(("model_dir", &self.model_dir)),
            Pretrained::OwnGraph(_) => {}
            Pretrained::HubModule(_) => {
                dirs.push(("checkpoint_path", fsio::directory_of(&self.checkpoint_path)));
                dirs.extend(self.saved_model_dir.as_deref().map(|dir| ("saved_model_dir", dir)));
            }
        }
        if self.intermediate_store_frequency > 0 {
            dirs.push((
                "intermediate_output_graphs_dir",
                Path::new(&self.intermediate_output_graphs_dir),
            ));
        }
        dirs
    }
}

/// A path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let Ok(absolute) = std::path::absolute(path) else { return path.to_owned() };
    for above in absolute.ancestors() {
        if let Ok(real) = above.canonicalize() {
            return absolute
                .strip_prefix(above)
                .map_or_else(|_| absolute.clone(), |rest| real.join(rest));
        }
    }
    absolute
}
