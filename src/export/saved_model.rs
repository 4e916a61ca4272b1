//! Writes a SavedModel for serving: the graph, its variables, and a signature from image to
//! prediction.

use crate::error::{Error, Result};
use crate::fsio;
use crate::proto::{
    self, DataType, InputRef, MetaGraphDef, SavedModel, SignatureDef, SignatureEntry, TensorInfo,
    TensorInfoEntry, TensorShapeProto,
};
use crate::tf::{Graph, NamedTensor, write_checkpoint};
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// The input or the output of the signature.
#[derive(Debug, Clone)]
pub struct SignatureEnd {
    /// The tensor, as `name:0`.
    pub tensor: String,
    /// Its type.
    pub dtype: DataType,
    /// Its shape, −1 for an unknown dimension; `None` if even the rank is unknown.
    pub shape: Option<Vec<i64>>,
}

impl SignatureEnd {
    /// A tensor of floats or strings in `graph`, named `name` or `name:0`.
    ///
    /// # Errors
    /// If there is no such tensor.
    pub fn of(graph: &Graph, tensor: &str) -> Result<Self> {
        graph.output(tensor)?;
        let node = InputRef::parse(tensor).node;
        let dtype = if graph.is_float(tensor) { DataType::DT_FLOAT } else { DataType::DT_STRING };
        Ok(Self { tensor: format!("{node}:0"), dtype, shape: graph.shape(tensor) })
    }
}

/// The signature that TensorFlow Serving uses by default.
const SIGNATURE: &str = "serving_default";
const METHOD: &str = "tensorflow/serving/predict";

/// Writes a SavedModel (the script's `simple_save`): the variables, and `meta_graph`, which must
/// have its tag and saver, with the signature added.
///
/// # Errors
/// If `dir` is not empty: as in TensorFlow, nothing is overwritten.
pub fn export_model(
    dir: &Path,
    mut meta_graph: MetaGraphDef,
    image: &SignatureEnd,
    prediction: &SignatureEnd,
    variables: &[NamedTensor],
) -> Result<()> {
    check_free(dir)?;
    let signature = SignatureDef {
        inputs: vec![entry("image", image)],
        outputs: vec![entry("prediction", prediction)],
        method_name: METHOD.into(),
        ..SignatureDef::default()
    };
    meta_graph.signature_def = vec![SignatureEntry {
        key: SIGNATURE.into(),
        value: Some(signature).into(),
        ..SignatureEntry::default()
    }];
    let saved_model = SavedModel {
        saved_model_schema_version: 1,
        meta_graphs: vec![meta_graph],
        ..SavedModel::default()
    };
    fsio::ensure_dir_exists(&dir.join("variables"))?;
    write_checkpoint(&dir.join("variables").join("variables"), variables)?;
    fsio::write(&dir.join("saved_model.pb"), &proto::serialize(&saved_model)?)
}

/// Checks that a SavedModel can be written to `dir`.
///
/// # Errors
/// If `dir` holds anything but the files that desktops create (`.DS_Store`).
pub fn check_free(dir: &Path) -> Result<()> {
    let counts = |e: io::Result<DirEntry>| !e.is_ok_and(|e| fsio::is_desktop_file(&e.file_name()));
    if dir.is_file() || fs::read_dir(dir).is_ok_and(|mut entries| entries.any(counts)) {
        let message = format!(
            "{} exists and is not empty, and a SavedModel does not replace another; give another \
             directory, or remove this one first",
            dir.display()
        );
        return Err(Error::usage("saved_model_dir", message));
    }
    Ok(())
}

fn entry(key: &str, end: &SignatureEnd) -> TensorInfoEntry {
    let unknown = || TensorShapeProto { unknown_rank: true, ..TensorShapeProto::default() };
    let shape = end.shape.as_deref().map_or_else(unknown, proto::shape);
    let info = TensorInfo {
        name: end.tensor.clone(),
        dtype: end.dtype.into(),
        tensor_shape: Some(shape).into(),
        ..TensorInfo::default()
    };
    TensorInfoEntry { key: key.into(), value: Some(info).into(), ..TensorInfoEntry::default() }
}
