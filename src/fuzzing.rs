//! Properties that hold for every input of the parsers of foreign bytes. The fuzz targets in
//! `tests/fuzz` check them, and so does the test that runs each target's corpus. Each function
//! panics if its property does not hold. Behind the feature `fuzzing`; not part of the API.

#![allow(missing_docs)]
// As in tests, a panic reports the failure.
#![allow(clippy::unwrap_used)]

pub use crate::bottleneck::fuzzing::{bottleneck_text, packed_cache};
pub use crate::cli::fuzzing::flags;
pub use crate::dataset::fuzzing::table;
pub use crate::download::fuzzing::{download_list, download_names};
pub use crate::images::fits::fuzzing::fits;
pub use crate::images::fuzzing::{image_decoding, image_sniffing};
pub use crate::model::fuzzing::{
    archive, graph_def, graph_made, hub_module, own_graph, saved_model, torch_weights,
};
pub use crate::retrain::fuzzing::state;
pub use crate::worker::fuzzing::frames;

use crate::export::{self, Metadata};
use serde_json::Value;
use std::path::Path;

/// Checks a property for one input.
pub type Property = fn(&[u8]);

/// The name of each target and its property. The last three load TensorFlow.
pub const TARGETS: [(&str, Property); 20] = [
    ("archive", archive),
    ("bottleneck_text", bottleneck_text),
    ("download_list", download_list),
    ("download_names", download_names),
    ("fits", fits),
    ("flags", flags),
    ("frames", frames),
    ("graph_def", graph_def),
    ("graph_made", graph_made),
    ("image_decoding", image_decoding),
    ("image_sniffing", image_sniffing),
    ("labels", labels),
    ("metadata", metadata),
    ("packed_cache", packed_cache),
    ("state", state),
    ("table", table),
    ("torch_weights", torch_weights),
    ("hub_module", hub_module),
    ("own_graph", own_graph),
    ("saved_model", saved_model),
];

/// Label files: each label is a line, and labels read back as they were written.
pub fn labels(data: &[u8]) {
    let labels = export::parse_labels(data);
    assert!(labels.len() <= data.iter().filter(|&&b| b == b'\n').count() + 1);
    assert!(labels.iter().all(|l| !l.contains('\n') && l.trim_end() == l));
    in_temporary_dir(|dir| {
        let path = dir.join("labels.txt");
        export::save_labels(&path, labels.iter().map(String::as_str)).unwrap();
        assert_eq!(export::parse_labels(&std::fs::read(&path).unwrap()), labels);
        assert_eq!(std::fs::read_dir(dir).unwrap().count(), 1);
    });
}

/// Metadata of graphs: what is read is written again with all its fields, known or not, and reads
/// as the same.
pub fn metadata(data: &[u8]) {
    match Metadata::parse(data) {
        Ok(metadata) => {
            let read: Value = serde_json::from_slice(data).unwrap();
            let written = serde_json::to_value(&metadata).unwrap();
            assert_keys_kept(&read, &written);
            let again = Metadata::parse(written.to_string().as_bytes()).unwrap();
            assert_eq!(serde_json::to_value(&again).unwrap(), written);
        }
        Err(message) => assert!(!message.is_empty()),
    }
}

/// Asserts that each key of `read`, at any depth, is in `written`.
fn assert_keys_kept(read: &Value, written: &Value) {
    if let (Value::Object(read), Value::Object(written)) = (read, written) {
        for (key, value) in read {
            assert!(written.contains_key(key), "{key} is lost");
            assert_keys_kept(value, &written[key]);
        }
    }
}

/// Asserts that the message is neither empty nor longer than a screen.
pub(crate) fn assert_readable(error: &crate::error::Error) {
    let text = error.to_string();
    assert!(!text.trim().is_empty() && text.chars().count() < 4000, "{text}");
}

/// Runs `f` with a new directory, which is removed afterwards.
pub(crate) fn in_temporary_dir(f: impl FnOnce(&Path)) {
    f(tempfile::tempdir().unwrap().path());
}
