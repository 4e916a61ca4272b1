//! Builds MetaGraphDefs: a graph with its collections and the definitions of the ops that it uses.

use crate::error::Result;
use crate::layers::{FinalTrainingOps, Summaries, VariableNames};
use crate::proto::{
    CollectionDef, CollectionEntry, GraphDef, MetaGraphDef, VariableDef, collection_def,
    meta_graph_def, serialize,
};
use crate::tf::{self, Graph};
use std::collections::BTreeSet;

/// A serialized MetaGraphDef for `graph_def`, as TensorFlow's FileWriter writes it. `graph` may be
/// any graph: it is only used to look up op definitions.
pub(crate) fn for_events(
    graph: &Graph,
    graph_def: &GraphDef,
    ops: &FinalTrainingOps,
    summaries: &Summaries,
    train_step: &str,
) -> Result<Vec<u8>> {
    let trainable = variable_defs(ops.variables.iter(), true)?;
    let variables =
        trainable.iter().cloned().chain(variable_defs(ops.ranges.iter(), false)?).collect();
    let summaries = summaries.names.iter().map(|n| tensor(n)).collect();
    let collections = [
        ("summaries", nodes(summaries)),
        ("train_op", nodes(vec![train_step.into()])),
        ("trainable_variables", bytes(trainable)),
        ("variables", bytes(variables)),
    ];
    serialize(&MetaGraphDef {
        meta_info_def: Some(meta_info(graph, graph_def, &[])?).into(),
        graph_def: Some(graph_def.clone()).into(),
        collection_def: collections.into_iter().map(|(key, kind)| entry(key, kind)).collect(),
        ..MetaGraphDef::default()
    })
}

/// The ops that a graph uses, its tags, and the version of TensorFlow.
pub(crate) fn meta_info(
    graph: &Graph,
    graph_def: &GraphDef,
    tags: &[&str],
) -> Result<meta_graph_def::MetaInfoDef> {
    let used: BTreeSet<&str> = graph_def.node.iter().map(|n| n.op.as_str()).collect();
    let op = used.into_iter().map(|op| graph.op_def(op)).collect::<Result<Vec<_>>>()?;
    let stripped_op_list = meta_graph_def::meta_info_def::OpList { op, ..Default::default() };
    Ok(meta_graph_def::MetaInfoDef {
        stripped_op_list: Some(stripped_op_list).into(),
        tags: tags.iter().map(ToString::to_string).collect(),
        tensorflow_version: tf::version(),
        ..Default::default()
    })
}

/// One serialized VariableDef per variable.
pub(crate) fn variable_defs<'a>(
    variables: impl Iterator<Item = &'a VariableNames>,
    trainable: bool,
) -> Result<Vec<Vec<u8>>> {
    let serialized = variables.map(|v| {
        serialize(&VariableDef {
            variable_name: tensor(&v.variable),
            initializer_name: v.initializer.clone(),
            snapshot_name: tensor(&v.snapshot),
            initial_value_name: tensor(&v.initial_value),
            trainable,
            ..VariableDef::default()
        })
    });
    serialized.collect()
}

/// A collection under its name.
pub(crate) fn entry(key: &str, kind: collection_def::Kind) -> CollectionEntry {
    CollectionEntry {
        key: key.into(),
        value: Some(CollectionDef { kind: Some(kind), ..CollectionDef::default() }).into(),
        ..CollectionEntry::default()
    }
}

/// The name of a node's first output.
pub(crate) fn tensor(node: &str) -> String {
    format!("{node}:0")
}

fn nodes(value: Vec<String>) -> collection_def::Kind {
    collection_def::Kind::NodeList(collection_def::NodeList { value, ..Default::default() })
}

/// A collection of serialized messages.
pub(crate) fn bytes(value: Vec<Vec<u8>>) -> collection_def::Kind {
    collection_def::Kind::BytesList(collection_def::BytesList { value, ..Default::default() })
}
