//! Which kind of network a directory, a file or an address holds, whichever setting names it.

use super::described::OwnGraph;
use super::module_source::{Setting, find_module, is_address, is_archive};
use super::{hub, own_graph, saved_model};
use crate::error::{Error, Result};
use crate::model::backbone::Backbone;
use crate::text::command_word;
use log::info;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The file that marks a TF-Hub module of the first format.
const MODULE_FILE: &str = "tfhub_module.pb";

/// Reads the network that the setting `architecture` names by its path: a frozen graph, a
/// SavedModel, or a TF-Hub module of the first format.
///
/// # Errors
/// Each names the setting that corrects it, or the file.
pub fn create_own_graph(own: &OwnGraph) -> Result<Backbone> {
    own.check_exists()?;
    let Some(handle) = own.saved_model() else { return own_graph::read_graph(own) };
    let dir = find_module(&handle, Setting::Architecture)?;
    if !dir.join(MODULE_FILE).is_file() {
        return own_graph::read_saved_model(own, &dir);
    }
    if let Some(setting) = own.described_by() {
        let message = format!(
            "goes with no TF-Hub module, and {handle} is one: it says itself what it takes"
        );
        return Err(Error::usage(setting, message));
    }
    info!(target: "retrain", "{handle} is a TF-Hub module of the first format (`tfhub_module`)");
    hub::read_module(&dir, &handle)
}

/// Finds the module that the setting `tfhub_module` names and reads it. A SavedModel of TensorFlow
/// 2 is taken too.
///
/// # Errors
/// If there is no such module, or it is broken or of an unsupported kind.
pub fn create_module_graph(handle: &str) -> Result<Backbone> {
    let dir = find_module(handle, Setting::Module)?;
    if dir.join(MODULE_FILE).is_file() || !saved_model::serves(&dir) {
        return hub::read_module(&dir, handle);
    }
    info!(
        target: "retrain",
        "{handle} is a SavedModel of TensorFlow 2; more can be said about it with `architecture`"
    );
    let own = OwnGraph { path: PathBuf::from(handle), ..OwnGraph::default() };
    own_graph::read_saved_model(&own, &dir)
}

impl OwnGraph {
    /// Checks that there is such a file or directory, which may be a network.
    ///
    /// # Errors
    /// For a file of Keras, with the command that exports it.
    pub(crate) fn check_exists(&self) -> Result<()> {
        let path = &self.path;
        let shown = path.display();
        let wrong = |message: String| Err(Error::usage("architecture", message));
        if is_address(&path.to_string_lossy()) {
            return Ok(());
        }
        if !path.exists() {
            return wrong(format!(
                "{shown}: there is no such file; give the path of a frozen GraphDef or of a \
                 SavedModel's directory, or a model's name"
            ));
        }
        if path.is_dir() && !path.join(saved_model::FILE).is_file() {
            return wrong(format!(
                "{shown}: is a directory without {}; give a SavedModel's directory, the path of a \
                 frozen GraphDef, or a model's name",
                saved_model::FILE
            ));
        }
        match is_keras_file(path) {
            true => wrong(format!("{shown}: {}", how_to_export(path))),
            false => Ok(()),
        }
    }

    /// The directory, archive or address, unless the path is a graph's.
    fn saved_model(&self) -> Option<String> {
        let handle = self.path.to_string_lossy();
        let is_one = is_address(&handle) || is_archive(&handle) || self.path.is_dir();
        is_one.then(|| handle.into_owned())
    }

    /// A setting that describes the network, if one is given.
    fn described_by(&self) -> Option<&'static str> {
        let settings = [
            ("signature", self.signature.is_some()),
            ("bottleneck_tensor", self.bottleneck_tensor.is_some()),
            ("input_tensor", self.input_tensor.is_some()),
            ("input_width", self.input_width.is_some()),
            ("input_height", self.input_height.is_some()),
            ("input_mean", self.input_mean.is_some()),
            ("input_std", self.input_std.is_some()),
        ];
        settings.into_iter().find(|(_, given)| *given).map(|(setting, _)| setting)
    }
}

/// Whether a file is Keras' own, whatever its name: a zip archive (`.keras`), which begins with
/// `metadata.json`, or HDF5 (`.h5`).
fn is_keras_file(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(43).read_to_end(&mut start));
    // The name of a zip archive's first entry is behind a header of 30 bytes.
    let is_zip = start.starts_with(b"PK\x03\x04")
        && start.get(30..).is_some_and(|name| name == b"metadata.json");
    read.is_ok() && (is_zip || start.starts_with(b"\x89HDF\r\n\x1a\n"))
}

/// The command that makes a SavedModel of a file of Keras.
fn how_to_export(path: &Path) -> String {
    let mut dir = path.with_extension("");
    if dir == path {
        dir.as_mut_os_string().push("_saved_model");
    }
    let [file, word] = [path, &dir].map(|path| command_word(&path.to_string_lossy()));
    format!(
        "is a model as Keras saves it; export it with\n  python -c \"import keras, sys; \
         keras.saving.load_model(sys.argv[1]).export(sys.argv[2])\" {file} {word}\nand give \
         `architecture={word}`"
    )
}
