//! Writes a SavedModel for serving: the graph, its variables, and signatures from images to
//! predictions.

use crate::error::{Error, Result};
use crate::fsio;
use crate::proto::{
    self, AssetFileDef, DataType, InputRef, MetaGraphDef, SavedModel, SignatureDef, SignatureEntry,
    TensorInfo, TensorInfoEntry, TensorShapeProto,
};
use crate::tf::{Graph, NamedTensor, write_checkpoint};
use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

/// An input or an output of a signature.
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

/// What can be asked of a SavedModel.
#[derive(Debug, Clone)]
pub struct Signature {
    /// Its name.
    pub key: &'static str,
    /// The API of TensorFlow Serving that it is for.
    pub method: Method,
    /// What is fed, by name.
    pub inputs: Vec<(&'static str, SignatureEnd)>,
    /// What is answered, by name.
    pub outputs: Vec<(&'static str, SignatureEnd)>,
}

/// An API of TensorFlow Serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Tensors in, tensors out.
    Predict,
    /// Serialized Examples in, labels and scores out.
    Classify,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Predict => "tensorflow/serving/predict",
            Self::Classify => "tensorflow/serving/classify",
        }
    }
}

/// A file that goes with the SavedModel, in its directory `assets`.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The file's name.
    pub file: &'static str,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// The string tensor that is fed its path.
    pub tensor: String,
}

/// Writes a SavedModel (the script's `simple_save`): the variables, the assets and `meta_graph`,
/// which must have its tag and saver, with the signatures added.
///
/// # Errors
/// If `dir` is not empty: as in TensorFlow, nothing is overwritten.
pub fn export_model(
    dir: &Path,
    mut meta_graph: MetaGraphDef,
    signatures: &[Signature],
    assets: &[Asset],
    variables: &[NamedTensor],
) -> Result<()> {
    check_free(dir)?;
    meta_graph.signature_def = signatures.iter().map(signature_def).collect();
    meta_graph.asset_file_def = assets.iter().map(asset_file_def).collect();
    let saved_model = SavedModel {
        saved_model_schema_version: 1,
        meta_graphs: vec![meta_graph],
        ..SavedModel::default()
    };
    fsio::ensure_dir_exists(&dir.join("variables"))?;
    write_checkpoint(&dir.join("variables").join("variables"), variables)?;
    for asset in assets {
        fsio::ensure_dir_exists(&dir.join("assets"))?;
        fsio::write(&dir.join("assets").join(asset.file), &asset.bytes)?;
    }
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

fn signature_def(signature: &Signature) -> SignatureEntry {
    let entries = |ends: &[(&str, SignatureEnd)]| {
        ends.iter().map(|(key, end)| entry(key, end)).collect::<Vec<_>>()
    };
    let definition = SignatureDef {
        inputs: entries(&signature.inputs),
        outputs: entries(&signature.outputs),
        method_name: signature.method.name().into(),
        ..SignatureDef::default()
    };
    SignatureEntry {
        key: signature.key.into(),
        value: Some(definition).into(),
        ..SignatureEntry::default()
    }
}

fn asset_file_def(asset: &Asset) -> AssetFileDef {
    let info = TensorInfo {
        name: asset.tensor.clone(),
        dtype: DataType::DT_STRING.into(),
        tensor_shape: Some(proto::shape(&[])).into(),
        ..TensorInfo::default()
    };
    AssetFileDef {
        tensor_info: Some(info).into(),
        filename: asset.file.into(),
        ..AssetFileDef::default()
    }
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
