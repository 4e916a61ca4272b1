//! A TF-Hub module with a few nodes, built here: its features are the numbers of an 8 × 8 picture,
//! each multiplied by its own element of a variable. Tests alter it before it is written.

use super::loading::load_tensorflow;
use retrain::proto::{
    self, DataType, MetaGraphDef, NodeDef, SavedModel, SignatureDef, SignatureEntry,
};
use retrain::proto::{TensorInfo, TensorInfoEntry};
use retrain::tf::{self, GraphBuilder, NamedTensor};
use std::fs;
use std::path::Path;

/// Height and width of the pictures.
pub(crate) const SIDE: usize = 8;
/// The length of a feature vector.
pub(crate) const FEATURES: usize = SIDE * SIDE * 3;
/// The module's only variable.
pub(crate) const VARIABLE: &str = "scale";

/// TensorFlow's two kinds of variables.
#[derive(Debug, Clone, Copy)]
pub(crate) enum VariableKind {
    /// VarHandleOp, read by ReadVariableOp.
    Resource,
    /// VariableV2, read by Identity, as in modules before 2019.
    Reference,
}

pub(crate) struct SmallModule {
    pub(crate) saved_model: SavedModel,
    pub(crate) variables: Vec<NamedTensor>,
}

/// The variable's values: all different, and exact in binary.
pub(crate) fn scale() -> Vec<f32> {
    (0..FEATURES).map(|i| 0.5 + i as f32 / 256.0).collect()
}

impl SmallModule {
    pub(crate) fn new(kind: VariableKind) -> Self {
        let mut b = GraphBuilder::default();
        let (dtype, side) = (DataType::DT_FLOAT, SIDE as i64);
        let images = b.op("Placeholder", "images").type_attr("dtype", dtype);
        let images = images.shape_attr("shape", &[-1, side, side, 3]).finish();
        let initial = b.floats("initial", &[FEATURES as i64], &[0.0; FEATURES]);
        let read = match kind {
            VariableKind::Resource => {
                let variable = b
                    .op("VarHandleOp", VARIABLE)
                    .type_attr("dtype", dtype)
                    .str_attr("shared_name", VARIABLE);
                let variable = variable.shape_attr("shape", &[FEATURES as i64]).finish();
                let assign = b.op("AssignVariableOp", "scale/Assign").inputs([&variable, &initial]);
                assign.type_attr("dtype", dtype).finish();
                b.op("ReadVariableOp", "scale/Read/ReadVariableOp")
                    .input(&variable)
                    .type_attr("dtype", dtype)
                    .finish()
            }
            VariableKind::Reference => {
                let variable = b.op("VariableV2", VARIABLE).type_attr("dtype", dtype);
                let variable = variable.shape_attr("shape", &[FEATURES as i64]).finish();
                let assign =
                    b.op("Assign", "scale/Assign").inputs([&variable, &initial]).float_type();
                assign.colocate_with(VARIABLE).finish();
                let read = b.op("Identity", "scale/read").input(&variable).float_type();
                read.colocate_with(VARIABLE).finish()
            }
        };
        let flat = b.ints("flat/shape", &[-1, FEATURES as i32]);
        let flat = b.op("Reshape", "flat").inputs([&images, &flat]).float_type();
        let flat = flat.type_attr("Tshape", DataType::DT_INT32).finish();
        b.op("Mul", "features").inputs([&flat, &read]).float_type().finish();
        let mut meta_graph = MetaGraphDef::default();
        meta_graph.graph_def.mut_or_insert_default().node = b.take_nodes();
        meta_graph.signature_def = vec![SignatureEntry {
            key: "default".into(),
            value: Some(SignatureDef {
                inputs: vec![end("images", "images:0")],
                outputs: vec![end("default", "features:0")],
                ..SignatureDef::default()
            })
            .into(),
            ..SignatureEntry::default()
        }];
        let saved_model = SavedModel {
            saved_model_schema_version: 1,
            meta_graphs: vec![meta_graph],
            ..SavedModel::default()
        };
        let variables = vec![(VARIABLE.into(), proto::float_tensor(&[FEATURES as i64], &scale()))];
        Self { saved_model, variables }
    }

    pub(crate) fn meta_graph(&mut self) -> &mut MetaGraphDef {
        &mut self.saved_model.meta_graphs[0]
    }

    pub(crate) fn signature(&mut self) -> &mut SignatureDef {
        self.meta_graph().signature_def[0].value.mut_or_insert_default()
    }

    pub(crate) fn nodes(&mut self) -> &mut Vec<NodeDef> {
        &mut self.meta_graph().graph_def.mut_or_insert_default().node
    }

    pub(crate) fn node(&mut self, name: &str) -> &mut NodeDef {
        self.nodes().iter_mut().find(|n| n.name == name).unwrap()
    }

    /// Writes the module as a directory.
    pub(crate) fn write(&self, dir: &Path) {
        load_tensorflow();
        fs::create_dir_all(dir.join("variables")).unwrap();
        fs::write(dir.join("saved_model.pb"), proto::serialize(&self.saved_model).unwrap())
            .unwrap();
        fs::write(dir.join("tfhub_module.pb"), [8, 3]).unwrap();
        tf::write_checkpoint(&dir.join("variables/variables"), &self.variables).unwrap();
    }
}

fn end(key: &str, tensor: &str) -> TensorInfoEntry {
    let info = TensorInfo {
        name: tensor.into(),
        dtype: DataType::DT_FLOAT.into(),
        ..TensorInfo::default()
    };
    TensorInfoEntry { key: key.into(), value: Some(info).into(), ..TensorInfoEntry::default() }
}
