//! A network with the new layer on top, some of whose constants are variables: it computes the
//! gradients of a few photographs at a time, and takes steps of AdamW.

use super::graph::{self, Names, Trained};
use super::select::Layer;
use crate::error::{Error, Result};
use crate::model::Backbone;
use crate::proto::{self, float_tensor};
use crate::tf::{Graph, NamedTensor, Session, Tensor, Threads, fetch, request};
use tensorflow::{Operation, Output, SessionRunArgs};

/// Each piece of a batch runs on a thread of its own, so that no core idles at the end of an op.
const THREADS: Threads = Threads { intra_op: 1, inter_op: -1 };

/// Photographs, and what should come out.
#[derive(Debug)]
pub struct Piece {
    /// [photographs, height, width, depth]
    pub pixels: Tensor<f32>,
    /// The wanted probabilities, [photographs, classes].
    pub truth: Tensor<f32>,
    /// What the cross-entropy of each photograph is multiplied by.
    pub weights: Tensor<f32>,
}

/// What came out of a piece.
#[derive(Debug)]
pub struct Gradients {
    /// Σ weight · cross-entropy.
    pub loss: f32,
    /// The logits, [photographs, classes].
    pub logits: Tensor<f32>,
    /// The gradient of the loss with respect to each trained tensor.
    pub gradients: Vec<Tensor<f32>>,
}

/// The network. Several threads may compute gradients at once, but not while a step is taken.
#[derive(Debug)]
pub struct Network {
    session: Session,
    input: Output,
    truth: Output,
    weights: Output,
    loss: Output,
    logits: Output,
    gradients: Vec<Output>,
    fed_gradients: Vec<Output>,
    rates: [Output; 2],
    step: Operation,
    variables: Vec<Variable>,
    /// How many of the variables are the network's and the layer's. The rest are the optimiser's.
    trained: usize,
    numbers: u64,
    /// The bytes of a photograph's activations.
    activations: u64,
}

/// A variable in the session.
#[derive(Debug)]
struct Variable {
    /// Its name in the published graph or in that of the new layer.
    name: String,
    assign: Operation,
    initial_value: Output,
    value: Output,
}

impl Network {
    /// The network of `backbone` with the constants of `layers` as variables. `head` holds the new
    /// layer's weights and biases.
    ///
    /// # Errors
    /// If TensorFlow's C API cannot differentiate one of its ops.
    pub fn new(backbone: &Backbone, layers: &[Layer], head: &[NamedTensor]) -> Result<Self> {
        let trained = graph::trained(backbone, layers, head)?;
        let (graph_def, names) = graph::build(backbone, &trained, head)?;
        let graph = Graph::import(&graph_def)?;
        let outputs = |names: &[String]| -> Result<Vec<Output>> {
            names.iter().map(|name| graph.output(name)).collect()
        };
        let variables = names.variables.iter().map(|(name, v)| {
            Ok(Variable {
                name: name.clone(),
                assign: graph.operation(&v.initializer)?,
                initial_value: graph.output(&v.initial_value)?,
                value: graph.output(&v.snapshot)?,
            })
        });
        let network = Self {
            session: Session::rewritten(&graph, THREADS)?,
            input: graph.output(&backbone.input)?,
            truth: graph.output(&names.truth)?,
            weights: graph.output(&names.weights)?,
            loss: graph.output(&names.loss)?,
            logits: graph.output(&names.logits)?,
            gradients: outputs(&names.gradients)?,
            fed_gradients: outputs(&names.fed_gradients)?,
            rates: [graph.output(&names.rates[0])?, graph.output(&names.rates[1])?],
            step: graph.operation(&names.step)?,
            variables: variables.collect::<Result<_>>()?,
            trained: trained.len(),
            numbers: trained.iter().map(Trained::count).sum(),
            activations: activations(&graph, &names),
        };
        let values: Vec<NamedTensor> = trained.into_iter().map(Trained::value).collect();
        network.set(&values)?;
        Ok(network)
    }

    /// The memory that fine-tuning takes, in bytes, with `photographs` at once: their activations
    /// and as much for the gradients of those, and each number with its gradient, its moments and
    /// copies of them.
    #[must_use]
    pub fn memory(&self, photographs: u64) -> u64 {
        2 * self.activations * photographs + 8 * 4 * self.numbers
    }

    /// Sets variables. Those of the optimiser that have no value here start anew.
    pub fn set(&self, values: &[NamedTensor]) -> Result<()> {
        const DOING: &str = "setting the variables of the network";
        let mut fed = Vec::new();
        for (i, variable) in self.variables.iter().enumerate() {
            match values.iter().find(|(name, _)| *name == variable.name) {
                Some((_, value)) => fed.push((&variable.initial_value, tensor(value)?)),
                None if i >= self.trained => {}
                None => return Err(Error::graph(&variable.name, "has no value")),
            }
        }
        let mut args = SessionRunArgs::new();
        fed.iter()
            .for_each(|(output, value)| args.add_feed(&output.operation, output.index, value));
        self.variables.iter().for_each(|v| args.add_target(&v.assign));
        self.session.run(&mut args, DOING)
    }

    /// The values of the trained tensors, those of the network first.
    pub fn trained(&self) -> Result<Vec<NamedTensor>> {
        self.read(&self.variables[..self.trained])
    }

    /// The values of all variables, with the optimiser's.
    pub fn variables(&self) -> Result<Vec<NamedTensor>> {
        self.read(&self.variables)
    }

    /// Reads variables in one run: TensorFlow prepares the graph anew for each set of tensors.
    fn read(&self, variables: &[Variable]) -> Result<Vec<NamedTensor>> {
        const DOING: &str = "reading the variables of the network";
        let mut args = SessionRunArgs::new();
        let tokens: Vec<_> = variables.iter().map(|v| request(&mut args, &v.value)).collect();
        self.session.run(&mut args, DOING)?;
        let read = variables.iter().zip(tokens).map(|(variable, token)| {
            let value = fetch::<f32>(&mut args, token, DOING)?;
            let dims: Vec<i64> = value.dims().iter().map(|&d| d as i64).collect();
            Ok((variable.name.clone(), float_tensor(&dims, &value)))
        });
        read.collect()
    }

    /// How many numbers are trained.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.numbers
    }

    /// The logits of photographs, [photographs, classes].
    pub fn logits(&self, pixels: &Tensor<f32>) -> Result<Tensor<f32>> {
        const DOING: &str = "running the network";
        let mut args = SessionRunArgs::new();
        args.add_feed(&self.input.operation, self.input.index, pixels);
        let logits = request(&mut args, &self.logits);
        self.session.run(&mut args, DOING)?;
        fetch(&mut args, logits, DOING)
    }

    /// The loss of a piece and its gradients.
    pub fn gradients(&self, piece: &Piece) -> Result<Gradients> {
        const DOING: &str = "computing gradients";
        let mut args = SessionRunArgs::new();
        for (output, value) in [
            (&self.input, &piece.pixels),
            (&self.truth, &piece.truth),
            (&self.weights, &piece.weights),
        ] {
            args.add_feed(&output.operation, output.index, value);
        }
        let (loss, logits) = (request(&mut args, &self.loss), request(&mut args, &self.logits));
        let tokens: Vec<_> = self.gradients.iter().map(|g| request(&mut args, g)).collect();
        self.session.run(&mut args, DOING)?;
        let gradients = tokens.into_iter().map(|token| fetch(&mut args, token, DOING));
        let gradients = gradients.collect::<Result<_>>()?;
        let loss = fetch::<f32>(&mut args, loss, DOING)?[0];
        Ok(Gradients { loss, logits: fetch(&mut args, logits, DOING)?, gradients })
    }

    /// Takes a step against the gradients, with a learning rate for the network and one for the
    /// new layer.
    pub fn step(&self, gradients: &[Tensor<f32>], rates: [f32; 2]) -> Result<()> {
        let scalar = |value: f32| {
            Tensor::new(&[]).with_values(&[value]).map_err(|e| Error::tensorflow("a tensor", e))
        };
        let values = [scalar(rates[0])?, scalar(rates[1])?];
        let mut args = SessionRunArgs::new();
        let fed = self.fed_gradients.iter().chain(&self.rates).zip(gradients.iter().chain(&values));
        fed.for_each(|(output, value)| args.add_feed(&output.operation, output.index, value));
        args.add_target(&self.step);
        self.session.run(&mut args, "taking a step")
    }
}

fn tensor(value: &crate::proto::TensorProto) -> Result<Tensor<f32>> {
    let dims: Vec<u64> = value.tensor_shape.dim.iter().map(|d| d.size.unsigned_abs()).collect();
    let tensor = Tensor::<f32>::new(&dims).with_values(&proto::floats(value));
    tensor.map_err(|e| Error::tensorflow("making a tensor", e))
}

/// The bytes of what is kept of a photograph until its gradients are computed.
fn activations(graph: &Graph, names: &Names) -> u64 {
    let numbers = |tensor: &String| {
        let shape = graph.shape(tensor).filter(|s| s.len() > 1 && s[0] == -1)?;
        shape[1..].iter().try_fold(1u64, |n, &d| n.checked_mul(u64::try_from(d).ok()?))
    };
    4 * names.activations.iter().filter_map(numbers).sum::<u64>()
}
