//! The training graph: the pretrained graph as published, the decoding of photographs, the new
//! layer, its gradient step, its evaluation and all summaries, in one graph with the script's
//! names. Only the layer's part of it is loaded into a session.

use super::evaluation::{Evaluator, THREADS};
use crate::error::{Error, Result};
use crate::export::meta_graph;
use crate::layers::{
    Distortions, FinalTrainingOps, HeadSpec, LossSpec, StepSpec, Summaries, VariableNames,
    add_cross_entropy, add_evaluation_step, add_final_training_ops, add_input_distortions,
    add_jpeg_decoding, add_train_step,
};
use crate::model::Backbone;
use crate::proto::{self, GraphDef, InputRef, NodeDef, float_tensor};
use crate::tf::{Graph, GraphBuilder, NamedTensor, Session, Tensor};
use tensorflow::{Operation, Output, SessionRunArgs};

/// The training graph as built here: TensorBoard shows this, not TensorFlow's copy.
#[derive(Debug)]
pub(super) struct TrainingGraph {
    pub(super) graph_def: GraphDef,
    pub(super) meta_graph_def: Vec<u8>,
    pub(super) ops: FinalTrainingOps,
}

/// The new layer in a session without the pretrained graph.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) evaluator: Evaluator,
    pub(super) train_step: Operation,
    pub(super) merged: Output,
    pub(super) cross_entropy: Output,
    /// The variables of the layer.
    layer: Vec<Variable>,
    /// Those of the optimizer.
    slots: Vec<Variable>,
}

/// A variable in the session.
#[derive(Debug)]
struct Variable {
    name: String,
    initializer: Operation,
    initial_value: Output,
    snapshot: Output,
}

impl Variable {
    fn find(graph: &Graph, names: &VariableNames) -> Result<Self> {
        Ok(Self {
            name: names.variable.clone(),
            initializer: graph.operation(&names.initializer)?,
            initial_value: graph.output(&names.initial_value)?,
            snapshot: graph.output(&names.snapshot)?,
        })
    }
}

/// What is trained, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Training<'a> {
    pub(super) spec: &'a HeadSpec,
    pub(super) loss: &'a LossSpec,
    pub(super) step: StepSpec,
    pub(super) distortions: Option<&'a Distortions>,
}

impl Head {
    /// Builds the training graph on `backbone`, and opens a session on the layer's part of it.
    pub(super) fn build(
        backbone: &Backbone,
        training: Training<'_>,
    ) -> Result<(Self, TrainingGraph)> {
        let mut b = GraphBuilder::on(&backbone.graph_def);
        let mut graph_def = backbone.graph_def.clone();
        let mut summaries = Summaries::default();
        add_jpeg_decoding(&mut b, &backbone.pixels);
        if let Some(distortions) = training.distortions {
            add_input_distortions(&mut b, distortions, &backbone.pixels);
        }
        graph_def.node.extend(b.take_nodes());
        let ops = add_final_training_ops(&mut b, &mut summaries, training.spec)?;
        let loss = add_cross_entropy(&mut b, &mut summaries, &ops, training.loss);
        let step = add_evaluation_step(&mut b, &mut summaries, &ops);
        let merged = summaries.merge_all(&mut b);
        let forward = b.take_nodes();
        let mut graph = Graph::import(&alone(&forward, &ops.bottleneck_input, &graph_def))?;
        let train = add_train_step(&mut b, &mut graph, &ops, &loss, training.step, &merged)?;
        graph_def.node.extend(forward);
        graph_def.node.extend(b.take_nodes());
        let meta_graph_def =
            meta_graph::for_events(&graph, &graph_def, &ops, &summaries, &train.train_step)?;
        let session = Session::new(&graph, THREADS)?;
        let find = |names: &VariableNames| Variable::find(&graph, names);
        let head = Self {
            evaluator: Evaluator::new(&graph, session, &ops, &step)?,
            train_step: graph.operation(&train.train_step)?,
            merged: graph.output(&merged)?,
            cross_entropy: graph.output(&loss.mean)?,
            layer: ops.all_variables().map(find).collect::<Result<_>>()?,
            slots: train.variables.iter().map(find).collect::<Result<_>>()?,
        };
        Ok((head, TrainingGraph { graph_def, meta_graph_def, ops }))
    }

    /// Sets all variables to their initial values.
    pub(super) fn initialize(&self) -> Result<()> {
        let initializers: Vec<Operation> = self.all().map(|v| v.initializer.clone()).collect();
        self.evaluator.session.run_targets(&initializers, "initializing the new layer")
    }

    /// Sets all variables, those of the optimizer too, to what [`Self::state`] returned.
    pub(super) fn restore(&self, values: &[NamedTensor]) -> Result<()> {
        self.assign(self.all(), values)
    }

    /// Sets the layer's variables to `values`.
    pub(super) fn set_layer(&self, values: &[NamedTensor]) -> Result<()> {
        self.assign(self.layer.iter(), values)
    }

    /// The current values of the layer's variables, by name.
    pub(super) fn layer(&self) -> Result<Vec<NamedTensor>> {
        self.read(self.layer.iter())
    }

    /// The current values of all variables, those of the optimizer too, by name.
    pub(super) fn state(&self) -> Result<Vec<NamedTensor>> {
        self.read(self.all())
    }

    fn all(&self) -> impl Iterator<Item = &Variable> {
        self.layer.iter().chain(&self.slots)
    }

    fn assign<'v>(
        &self,
        variables: impl Iterator<Item = &'v Variable>,
        values: &[NamedTensor],
    ) -> Result<()> {
        const DOING: &str = "restoring the new layer";
        let mut tensors = Vec::new();
        for variable in variables {
            let name = &variable.name;
            let value = values.iter().find(|(n, _)| n == name).map(|(_, value)| value);
            let value =
                value.ok_or_else(|| Error::graph(name, "is missing from the state of the run"))?;
            let dims: Vec<u64> =
                value.tensor_shape.dim.iter().map(|d| d.size.unsigned_abs()).collect();
            let numbers = proto::floats(value);
            let tensor = Tensor::<f32>::new(&dims).with_values(&numbers);
            tensors.push((variable, tensor.map_err(|e| Error::tensorflow(DOING, e))?));
        }
        let mut args = SessionRunArgs::new();
        for (variable, tensor) in &tensors {
            let fed = &variable.initial_value;
            args.add_feed(&fed.operation, fed.index, tensor);
            args.add_target(&variable.initializer);
        }
        self.evaluator.session.run(&mut args, DOING)
    }

    fn read<'v>(&self, variables: impl Iterator<Item = &'v Variable>) -> Result<Vec<NamedTensor>> {
        let read = |variable: &Variable| -> Result<NamedTensor> {
            let doing = format!("reading {}", variable.name);
            let value: Tensor<f32> = self.evaluator.session.fetch(&variable.snapshot, &doing)?;
            let dims: Vec<i64> = value.dims().iter().map(|&d| d as i64).collect();
            Ok((variable.name.clone(), float_tensor(&dims, &value)))
        };
        variables.map(read).collect()
    }
}

/// The new layer without the pretrained graph: bottlenecks are always fed, and a smaller graph
/// makes a session's first runs faster.
fn alone(layer: &[NodeDef], bottleneck_input: &str, whole: &GraphDef) -> GraphDef {
    let input = InputRef::parse(bottleneck_input).node;
    let fed = |node: &NodeDef| match node.name == input {
        true => NodeDef { op: "Placeholder".into(), input: Vec::new(), ..node.clone() },
        false => node.clone(),
    };
    GraphDef {
        node: layer.iter().map(fed).collect(),
        versions: whole.versions.clone(),
        ..GraphDef::default()
    }
}
