//! Adam's step, against its formulas.

use super::loading::load_tensorflow;
use retrain::layers::{Trained, VariableNames, add_adam, add_variable};
use retrain::proto::DataType::{DT_FLOAT, DT_INT32};
use retrain::proto::GraphDef;
use retrain::tf::{Graph, GraphBuilder, Session, Tensor, Threads};
use tensorflow::SessionRunArgs;

const RATES: [f32; 4] = [0.1, 0.2, 0.05, 0.01];
const DECAY: f32 = 0.3;

struct Variable {
    w: Vec<f64>,
    m: Vec<f64>,
    v: Vec<f64>,
}

impl Variable {
    fn new(w: &[f32]) -> Self {
        let zeros = vec![0.0; w.len()];
        Self { w: w.iter().copied().map(f64::from).collect(), m: zeros.clone(), v: zeros }
    }

    fn step(&mut self, t: i32, rate: f64, decay: f64, gradient: &[f64]) {
        let root = (1.0 - 0.999f64.powi(t)).sqrt() / (1.0 - 0.9f64.powi(t));
        for (i, g) in gradient.iter().enumerate() {
            self.m[i] = 0.9 * self.m[i] + 0.1 * g;
            self.v[i] = 0.999 * self.v[i] + 0.001 * g * g;
            self.w[i] -= rate * decay * self.w[i];
            self.w[i] -= rate * root * self.m[i] / (self.v[i].sqrt() + 1e-8);
        }
    }
}

fn run(session: &Session, graph: &Graph, nodes: &[&str]) {
    let operations: Vec<_> = nodes.iter().map(|n| graph.operation(n).unwrap()).collect();
    session.run_targets(&operations, "running").unwrap();
}

/// The gradient of Σ a·b with respect to a is b, so that a step also shows whether each gradient is
/// computed before any variable changes.
#[test]
fn steps_follow_the_formulas_and_all_gradients_come_first() {
    load_tensorflow();
    let (a, b) = ([0.5, -1.0, 2.0], [1.5, 0.25, -0.75]);
    let mut builder = GraphBuilder::default();
    let variable = |builder: &mut GraphBuilder, name: &str, values: &[f32]| {
        let initial = builder.floats("initial", &[3], values);
        add_variable(builder, name, &[3], initial)
    };
    let names = [variable(&mut builder, "a", &a), variable(&mut builder, "b", &b)];
    let product = builder.op("Mul", "mul").inputs(names.iter().map(|n| n.snapshot.as_str()));
    let product = product.float_type().finish();
    let axes = builder.ints("axes", &[0]);
    let sum = builder.op("Sum", "sum").inputs([product, axes]).type_attr("T", DT_FLOAT);
    let sum = sum.type_attr("Tidx", DT_INT32).bool_attr("keep_dims", false).finish();
    let rate = builder.op("Placeholder", "rate").type_attr("dtype", DT_FLOAT);
    let rate = rate.shape_attr("shape", &[]).finish();
    let mut graph =
        Graph::import(&GraphDef { node: builder.take_nodes(), ..GraphDef::default() }).unwrap();
    let snapshots = names.each_ref().map(|n| n.snapshot.as_str());
    let gradients = graph.add_gradients("gradients", &sum, &snapshots).unwrap();
    let trained: Vec<Trained> = names
        .iter()
        .zip(gradients)
        .zip([DECAY, 0.0])
        .map(|((names, gradient), weight_decay)| Trained {
            names: names.clone(),
            dims: vec![3],
            gradient,
            learning_rate: rate.clone(),
            weight_decay,
        })
        .collect();
    let adam = add_adam(&mut builder, &trained, &[&sum]);
    graph.extend(&builder.take_nodes()).unwrap();
    let session = Session::new(&graph, Threads::default()).unwrap();
    let all: Vec<&VariableNames> = names.iter().chain(&adam.variables).collect();
    assert_eq!(adam.variables.len(), 6);
    run(&session, &graph, &all.iter().map(|v| v.initializer.as_str()).collect::<Vec<_>>());
    let mut wanted = [Variable::new(&a), Variable::new(&b)];
    for (t, rate_now) in RATES.into_iter().enumerate() {
        let value = Tensor::new(&[]).with_values(&[rate_now]).unwrap();
        let (fed, step) = (graph.output(&rate).unwrap(), graph.operation(&adam.train_step));
        let mut args = SessionRunArgs::new();
        args.add_feed(&fed.operation, fed.index, &value);
        args.add_target(&step.unwrap());
        session.run(&mut args, "stepping").unwrap();
        let [a, b] = &mut wanted;
        let before = a.w.clone();
        a.step(t as i32 + 1, rate_now.into(), DECAY.into(), &b.w);
        b.step(t as i32 + 1, rate_now.into(), 0.0, &before);
        for (names, wanted) in names.iter().zip(&wanted) {
            let output = graph.output(&names.snapshot).unwrap();
            let ours: Tensor<f32> = session.fetch(&output, "reading").unwrap();
            for (ours, wanted) in ours.iter().zip(&wanted.w) {
                let error = (f64::from(*ours) - wanted).abs();
                assert!(error < 1e-5, "{} after step {t}: {ours}, not {wanted}", names.variable);
            }
        }
    }
}
