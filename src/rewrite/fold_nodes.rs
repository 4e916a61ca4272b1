//! Folds batch normalisation into convolutions by nodes instead of numbers: the new kernel and the
//! new biases are computed from the constants of the graph, so gradients reach each of those.
//! Training is then as fast as without normalisation, whose statistics stay as they are.

use super::constants::Evaluator;
use super::fold::{Constants, Fold, bias_add, folds};
use crate::proto::DataType::DT_INT32;
use crate::proto::GraphDef;
use crate::tf::GraphBuilder;
use std::collections::HashMap;

/// Folds every batch normalisation that `fold_batch_norms` does. The values of the node `output`
/// do not change.
pub(super) fn fold_as_nodes(graph: &GraphDef, output: &str) -> GraphDef {
    let values = Evaluator::new(graph);
    let places: HashMap<&str, usize> =
        graph.node.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
    let mut b = GraphBuilder::on(graph);
    let mut folded = graph.clone();
    for fold in folds(graph, output) {
        let Some((weights, _)) = fold.apply(&values) else { continue };
        let scope = format!("{}/folded", fold.conv);
        let [kernel, biases] = b.name_scope(&scope, |b| add_nodes(b, &fold, &weights.dims));
        let [conv, norm] = [&fold.conv, &fold.norm].map(|name| places[name.as_str()]);
        folded.node[conv].input[1] = kernel;
        folded.node[norm] = bias_add(&fold.norm, vec![fold.conv.clone(), biases]);
    }
    folded.node.extend(b.take_nodes());
    folded
}

/// The folded kernel and biases; `dims` are the kernel's.
fn add_nodes(b: &mut GraphBuilder, fold: &Fold, dims: &[i64]) -> [String; 2] {
    let (m, c) = match &fold.constants {
        Constants::MultiplyAdd { m, c } => (m.clone(), c.clone()),
        Constants::Moments { mean, variance, beta, gamma, epsilon } => {
            let epsilon = b.float("epsilon", *epsilon);
            let variance = binary(b, "AddV2", variance, &epsilon);
            let root = b.op("Rsqrt", "Rsqrt").input(variance).float_type().finish();
            let m = gamma.as_ref().map_or(root.clone(), |gamma| binary(b, "Mul", gamma, &root));
            let product = binary(b, "Mul", mean, &m);
            (m, binary(b, "Sub", beta, &product))
        }
    };
    let c = match &fold.bias {
        Some(bias) => {
            let shifted = binary(b, "Mul", bias, &m);
            binary(b, "AddV2", &c, &shifted)
        }
        None => c,
    };
    let last: Vec<i32> =
        dims[if fold.depthwise { 2 } else { 3 }..].iter().map(|&d| d as i32).collect();
    let m = reshape(b, &m, &last);
    let biases = reshape(b, &c, &[last.iter().product()]);
    [binary(b, "Mul", &fold.weights, &m), biases]
}

fn binary(b: &mut GraphBuilder, op: &str, x: &str, y: &str) -> String {
    b.op(op, op).inputs([x, y]).float_type().finish()
}

fn reshape(b: &mut GraphBuilder, x: &str, dims: &[i32]) -> String {
    let shape = b.ints("shape", dims);
    let reshape = b.op("Reshape", "Reshape").inputs([x, &shape]).float_type();
    reshape.type_attr("Tshape", DT_INT32).finish()
}
