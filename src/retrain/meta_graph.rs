//! The meta graph that TensorFlow's FileWriter puts beside the graph: its collections and the ops it uses.

use crate::error::Result;
use crate::layers::{FinalTrainingOps, Summaries};
use crate::proto::{
    CollectionDef, CollectionEntry, GraphDef, MetaGraphDef, VariableDef, collection_def, meta_graph_def, serialize,
};
use crate::tf::{self, Graph};
use std::collections::BTreeSet;

/// A serialized MetaGraphDef for `graph_def`, which `graph` holds.
pub(super) fn create(
    graph: &Graph,
    graph_def: &GraphDef,
    ops: &FinalTrainingOps,
    summaries: &Summaries,
    train_step: &str,
) -> Result<Vec<u8>> {
    let variables = ops.variables.iter().map(|v| {
        serialize(&VariableDef {
            variable_name: tensor(&v.variable),
            initializer_name: v.initializer.clone(),
            snapshot_name: tensor(&v.snapshot),
            initial_value_name: tensor(&v.initial_value),
            trainable: true,
            ..VariableDef::default()
        })
    });
    let variables = variables.collect::<Result<Vec<_>>>()?;
    let summaries = summaries.names.iter().map(|n| tensor(n)).collect();
    let collections = [
        ("summaries", nodes(summaries)),
        ("train_op", nodes(vec![train_step.into()])),
        ("trainable_variables", bytes(variables.clone())),
        ("variables", bytes(variables)),
    ];
    let entry = |(key, kind): (&str, collection_def::Kind)| CollectionEntry {
        key: key.into(),
        value: Some(CollectionDef { kind: Some(kind), ..CollectionDef::default() }).into(),
        ..CollectionEntry::default()
    };
    let used: BTreeSet<&str> = graph_def.node.iter().map(|n| n.op.as_str()).collect();
    let op = used.into_iter().map(|op| graph.op_def(op)).collect::<Result<Vec<_>>>()?;
    let stripped_op_list = meta_graph_def::meta_info_def::OpList { op, ..Default::default() };
    let meta_info_def = meta_graph_def::MetaInfoDef {
        stripped_op_list: Some(stripped_op_list).into(),
        tensorflow_version: tf::version(),
        ..Default::default()
    };
    serialize(&MetaGraphDef {
        meta_info_def: Some(meta_info_def).into(),
        graph_def: Some(graph_def.clone()).into(),
        collection_def: collections.into_iter().map(entry).collect(),
        ..MetaGraphDef::default()
    })
}

fn tensor(node: &str) -> String {
    format!("{node}:0")
}

fn nodes(value: Vec<String>) -> collection_def::Kind {
    collection_def::Kind::NodeList(collection_def::NodeList { value, ..Default::default() })
}

fn bytes(value: Vec<Vec<u8>>) -> collection_def::Kind {
    collection_def::Kind::BytesList(collection_def::BytesList { value, ..Default::default() })
}
