//! Graphs with random ops in them: what depends on one is no bottleneck, what only looks as if it
//! did is.

use super::dropout_forms::{DROPOUTS, Dropout, Rate};
use super::loading::load_tensorflow;
use super::own_graph::{assert_guesses, assert_refused, described, some};
use super::small_module::{FEATURES, SmallModule, VariableKind};
use super::small_net::Net;
use super::support::{Workspace, shared};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::model::{Backbone, OwnGraph, create_module_graph, create_own_graph};
use retrain::proto::DataType::{DT_BOOL, DT_FLOAT, DT_INT32};
use retrain::proto::{self, GraphDef, Value};
use retrain::tf::{Feed, Graph, Session, Tensor, Threads};
use std::path::Path;
use std::time::{Duration, Instant};

const SHAPE: [i64; 4] = [-1, 32, 32, 3];

fn features() -> Net {
    Net::features(&SHAPE, false)
}

fn named(tensor: &str) -> OwnGraph {
    OwnGraph { bottleneck_tensor: some(tensor), ..OwnGraph::default() }
}

/// That a tensor named by hand is refused, with the random node and what comes before it.
#[track_caller]
fn assert_noisy(graph: &GraphDef, tensor: &str, random: &str, advice: &str) {
    let seed = if random.contains("(Stateless") { ", with the same seed in each run" } else { "" };
    let message = format!(
        "--bottleneck_tensor: '{tensor}' depends on noise: {random} is random{seed}; {advice}"
    );
    assert_refused(graph, named(tensor), &message);
}

fn random_ops(graph: &GraphDef) -> Vec<&str> {
    graph.node.iter().map(|n| n.op.as_str()).filter(|op| op.contains("Random")).collect()
}

#[test]
fn of_the_frozen_dropout_the_bottleneck_is_the_features() {
    let Some(path) = shared("min/dropout.pb") else { return };
    load_tensorflow();
    let own = OwnGraph { path, ..OwnGraph::default() };
    let backbone = create_own_graph(&own, Path::new("")).unwrap();
    assert_eq!((&*backbone.bottleneck, backbone.bottleneck_size), ("features", 64));
    assert_eq!(random_ops(&backbone.graph_def), [""; 0]);
    for (tensor, advice) in [
        ("drop/mul_1", "give 'features', which comes before it"),
        ("MatMul", "give 'features', which comes before it"),
        ("add", "give 'features', which comes before it"),
        // Of what is dropped nothing is made of the image.
        ("drop/Cast", "freeze the graph for inference, without it"),
    ] {
        let own = OwnGraph { bottleneck_tensor: some(tensor), ..own.clone() };
        let error = create_own_graph(&own, Path::new("")).unwrap_err().to_string();
        let expected = format!(
            "`bottleneck_tensor`: '{tensor}' depends on noise: 'drop/random_uniform/RandomUniform' \
             (RandomUniform) is random; {advice}"
        );
        assert_eq!(error, expected);
    }
    for tensor in ["features", "drop/mul", "Relu"] {
        let own = OwnGraph { bottleneck_tensor: some(tensor), ..own.clone() };
        create_own_graph(&own, Path::new("")).unwrap();
    }
}

#[test]
fn the_guess_is_what_comes_before_a_dropout_of_any_form() {
    for form in DROPOUTS {
        let rates = [Rate::Constant(0.5), Rate::KeepProb(0.9)];
        for rate in rates {
            let net = || features().dropout("drop", form, rate).dense(5);
            assert_guesses(net().softmax(), "images", "features", 8);
            assert_guesses(net(), "images", "features", 8);
            let graph = net().softmax().graph();
            let kept = described(&graph, OwnGraph::default()).unwrap().graph_def;
            assert_eq!(random_ops(&kept), [""; 0], "{form:?}");
            let op = if matches!(form, Dropout::Stateless) {
                "StatelessRandomUniform"
            } else {
                "RandomUniform"
            };
            let random = format!("'drop/random' ({op})");
            for tensor in ["drop/out", "dense", "logits", "classes"] {
                let advice = "give 'features', which comes before it";
                assert_noisy(&graph, tensor, &random, advice);
            }
            assert_eq!(described(&graph, named("drop/scaled")).unwrap().bottleneck, "drop/scaled");
        }
    }
    let switched = features().switched_dropout("drop", true).dense(5).softmax();
    assert_guesses(switched, "images", "features", 8);
}

#[test]
fn dropouts_that_drop_nothing_are_no_noise() {
    for form in DROPOUTS {
        for rate in [Rate::Constant(0.0), Rate::KeepProb(1.0)] {
            let net = || features().dropout("drop", form, rate).dense(5).softmax();
            assert_guesses(net(), "images", "drop/out", 8);
            described(&net().graph(), named("logits")).unwrap();
        }
    }
    let off = || features().switched_dropout("drop", false).dense(5).softmax();
    assert_guesses(off(), "images", "drop/merge", 8);
    described(&off().graph(), named("logits")).unwrap();
}

#[test]
fn noise_of_every_kind_is_seen() {
    for op in [
        "RandomUniform",
        "RandomStandardNormal",
        "TruncatedNormal",
        "RandomGamma",
        "Multinomial",
        "StatelessRandomNormal",
        "StatelessTruncatedNormal",
    ] {
        let net = || features().noise("noise", op).dense(5).softmax();
        assert_guesses(net(), "images", "features", 8);
        let advice = "give 'features', which comes before it";
        assert_noisy(&net().graph(), "noise/out", &format!("'noise/random' ({op})"), advice);
    }
}

#[test]
fn the_way_back_leads_through_layers_but_not_into_feature_maps() {
    let rate = Rate::Constant(0.5);
    // Two dense layers, each behind a dropout of its own.
    let mut net = features().dropout("first", Dropout::Cast, rate);
    let weights = net.weights("hidden/weights", &[8, 8]);
    let x = net.x.clone();
    net.x = net.scoped("hidden", "matmul", "MatMul", &[&x, &weights]);
    let net = net.then("Relu", "hidden/relu").dropout("second", Dropout::Cast, rate);
    assert_guesses(net.dense(5).softmax(), "images", "features", 8);
    // A classifier that is a convolution.
    let pooled = Net::features(&SHAPE, true).dropout("drop", Dropout::Select, rate);
    let net = pooled.convolution("classifier", 1, 5).reshaped("logits", &[-1, 5]).softmax();
    assert_guesses(net, "images", "flattened_bottleneck", 8);
    // Between the network and a layer that an earlier retraining put there.
    let mut net = features().dropout("drop", Dropout::Cast, rate);
    let given = net.b.op("PlaceholderWithDefault", "BottleneckInputPlaceholder").input(&net.x);
    let given = given.type_attr("dtype", DT_FLOAT).shape_attr("shape", &[-1, 8]).finish();
    net.x = given;
    assert_guesses(net.dense(5).softmax(), "images", "features", 8);
    // Before a dropout of feature maps there is no vector that means anything.
    let maps = Net::of(&SHAPE).convolved().dropout("drop", Dropout::Cast, rate);
    let graph = maps.pooled("features", false).dense(5).softmax().graph();
    let random = "'drop/random' (RandomUniform)";
    let advice = "give 'relu', which comes before it";
    let message = format!(
        "--bottleneck_tensor: must be given for net.pb: the output 'classes' \
         depends on noise: {random} \
         is random; {advice}"
    );
    assert_refused(&graph, OwnGraph::default(), &message);
    assert_noisy(&graph, "features", random, advice);
}

/// Channels of feature maps scaled by what a small network says of their means, then dropped with
/// all they hold: a vector is in sight, but of the middle of the network.
#[test]
fn the_gates_of_a_block_are_no_bottleneck() {
    let mut net = Net::of(&SHAPE).convolved();
    let maps = net.x.clone();
    net = net.pooled("gate/mean", true).then("Sigmoid", "gate");
    let gate = net.x.clone();
    net.x = net.scoped("gate", "scaled", "Mul", &[&maps, &gate]);
    let net = net.dropout("drop", Dropout::Cast, Rate::Constant(0.2)).pooled("features", false);
    let message = "--bottleneck_tensor: must be given for net.pb: the output 'classes' \
                   depends on noise: 'drop/random' (RandomUniform) is random; \
                   give 'gate/scaled', which comes before it";
    assert_refused(&net.dense(5).softmax().graph(), OwnGraph::default(), message);
}

#[test]
fn only_the_noise_between_input_and_bottleneck_counts() {
    // Augmentation that was exported with the network, and a second, noisy output.
    let images = Net::of(&SHAPE).dropout("augment", Dropout::Stateless, Rate::Constant(0.1));
    let mut net = images.convolved().pooled("features", false).dense(5).softmax();
    let rest = std::mem::replace(&mut net.x, "logits".into());
    net.channels = 5;
    net = net.noise("sampled", "RandomStandardNormal");
    net.x = rest;
    let graph = net.graph();
    let message = "--bottleneck_tensor: must be given for net.pb: the output 'classes' \
                   depends on noise: 'augment/random' (StatelessRandomUniform) is random, \
                   with the same seed in each run; freeze the graph for inference, without it";
    assert_refused(&graph, OwnGraph::default(), message);
    let own = OwnGraph { input_tensor: some("augment/out"), ..OwnGraph::default() };
    let backbone = described(&graph, own).unwrap();
    assert_eq!((&*backbone.input, &*backbone.bottleneck), ("augment/out", "features"));
    // The shape of noise is no noise.
    let mut net = features().noise("noise", "TruncatedNormal");
    let shape = net.b.op("Shape", "shape").input(&net.x).float_type().finish();
    net.x = net.b.op("Reshape", "same").inputs(["features", &shape]).float_type().finish();
    assert_guesses(net.dense(5).softmax(), "images", "same", 8);
}

/// A mask of one number, 1 or 0 by which of two branches is taken: neither holds a random number.
#[test]
fn a_branch_that_is_taken_at_random_is_noise() {
    let masked = |random: bool| {
        let mut net = features();
        let chance = if random {
            let none = net.b.ints("chance/dims", &[]);
            let chance = net.b.op("RandomUniform", "chance").input(none);
            chance.type_attr("dtype", DT_FLOAT).type_attr("T", DT_INT32).finish()
        } else {
            net.b.float("chance", 0.4)
        };
        let half = net.b.float("half", 0.5);
        let which = net.scoped("mask", "which", "GreaterEqual", &[&chance, &half]);
        let switch = net.b.op("Switch", "mask/switch").inputs([&which, &which]);
        let switch = switch.type_attr("T", DT_BOOL).finish();
        let branches = [("no", 0.0, switch.clone()), ("yes", 1.0, format!("{switch}:1"))];
        let branches = branches.map(|(name, value, branch)| {
            let pivot = net.b.op("Identity", &format!("mask/{name}")).input(branch);
            let pivot = pivot.type_attr("T", DT_BOOL).finish();
            let constant = net.b.op("Const", &format!("mask/{name}/value"));
            let constant = constant.input(format!("^{pivot}")).type_attr("dtype", DT_FLOAT);
            let value = Value::Tensor(proto::float_tensor(&[], &[value]));
            constant.attr("value", value).finish()
        });
        let mask = net.b.op("Merge", "mask").inputs(branches).float_type().int_attr("N", 2);
        let mask = mask.finish();
        net.x = net.scoped("masked", "features", "Mul", &["features", &mask]);
        net.reshaped("masked", &[-1, 8]).dense(5).softmax()
    };
    assert_guesses(masked(false), "images", "masked", 8);
    assert_guesses(masked(true), "images", "features", 8);
    let advice = "give 'features', which comes before it";
    assert_noisy(&masked(true).graph(), "masked", "'chance' (RandomUniform)", advice);
}

#[test]
fn a_module_with_noisy_features_is_refused() {
    let mut module = SmallModule::new(VariableKind::Resource);
    let graph = GraphDef { node: module.nodes().clone(), ..GraphDef::default() };
    let mut net = Net::after(&graph, "features");
    net.channels = FEATURES as i64;
    module.nodes().extend(net.noise("noise", "RandomStandardNormal").graph().node);
    let workspace = Workspace::new();
    let path = workspace.path("module");
    // Noise that the features do not hold is none of ours.
    module.write(&path);
    create_module_graph(path.to_str().unwrap(), Path::new("")).unwrap();
    module.signature().outputs[0].value.mut_or_insert_default().name = "noise/out:0".into();
    module.write(&path);
    let error = create_module_graph(path.to_str().unwrap(), Path::new("")).unwrap_err().to_string();
    let message = "module/saved_model.pb: gives features that depend on noise: \
                   'module_apply_default/noise/random' \
                   (RandomStandardNormal) is random; export it for inference, without dropout";
    assert!(error.ends_with(message), "{error}");
}

/// A loop of three rounds, each of which adds `step` to what was computed so far: `after`.
fn looped(mut net: Net, step: &str) -> Net {
    let enter = |net: &mut Net, from: &str, name: &str, dtype, is_constant| {
        let enter = net.b.op("Enter", name).input(from).type_attr("T", dtype);
        let enter = enter.str_attr("frame_name", "loop").bool_attr("is_constant", is_constant);
        enter.int_attr("parallel_iterations", 10).finish()
    };
    let node = |net: &mut Net, op: &str, name: &str, inputs: &[&str], dtype| {
        let node = net.b.op(op, name).inputs(inputs.iter().copied()).type_attr("T", dtype);
        if op == "Merge" { node.int_attr("N", 2).finish() } else { node.finish() }
    };
    let [zero, one, rounds] =
        [("zero", 0), ("one", 1), ("rounds", 3)].map(|(n, i)| net.b.int(n, i));
    let x = net.x.clone();
    let step = enter(&mut net, step, "step/enter", DT_FLOAT, true);
    let one = enter(&mut net, &one, "one/enter", DT_INT32, true);
    let rounds = enter(&mut net, &rounds, "rounds/enter", DT_INT32, true);
    let i = enter(&mut net, &zero, "i/enter", DT_INT32, false);
    let x = enter(&mut net, &x, "x/enter", DT_FLOAT, false);
    let i = node(&mut net, "Merge", "i", &[&i, "i/next"], DT_INT32);
    let x = node(&mut net, "Merge", "x", &[&x, "x/next"], DT_FLOAT);
    let less = node(&mut net, "Less", "less", &[&i, &rounds], DT_INT32);
    let more = net.b.op("LoopCond", "more").input(less).finish();
    node(&mut net, "Switch", "i/switch", &[&i, &more], DT_INT32);
    node(&mut net, "Switch", "x/switch", &[&x, &more], DT_FLOAT);
    node(&mut net, "Add", "i/sum", &["i/switch:1", &one], DT_INT32);
    node(&mut net, "Add", "x/sum", &["x/switch:1", &step], DT_FLOAT);
    node(&mut net, "NextIteration", "i/next", &["i/sum"], DT_INT32);
    node(&mut net, "NextIteration", "x/next", &["x/sum"], DT_FLOAT);
    net.x = node(&mut net, "Exit", "x/exit", &["x/switch"], DT_FLOAT);
    net.reshaped("after", &[-1, 8])
}

#[test]
fn noise_that_comes_into_a_loop_leaves_it() {
    let constant = || {
        let mut net = features();
        let step = net.weights("step", &[8]);
        looped(net, &step).dense(5).softmax()
    };
    assert_guesses(constant(), "images", "after", 8);
    let noisy = || {
        let mut net = features();
        let x = net.x.clone();
        net = net.noise("noise", "RandomUniform");
        net.x = x;
        looped(net, "noise/random").dense(5).softmax()
    };
    assert_guesses(noisy(), "images", "features", 8);
    let advice = "give 'features', which comes before it";
    assert_noisy(&noisy().graph(), "after", "'noise/random' (RandomUniform)", advice);
}

/// A long chain behind a loop that turns out to be noise, and a node that reads every node of it:
/// a look at all it reads for each of them would be 10¹⁰ steps.
#[test]
fn time_grows_with_the_graph_and_no_faster() {
    const LENGTH: usize = 100_000;
    let mut net = features();
    let x = net.x.clone();
    net = net.noise("noise", "RandomUniform");
    net.x = x;
    let mut net = looped(net, "noise/random");
    let mut read = Vec::with_capacity(LENGTH);
    for i in 0..LENGTH {
        read.push(net.x.clone());
        net = net.then("Identity", &format!("chain{i}"));
    }
    let sum = net.b.op("AddN", "sum").inputs(read).float_type();
    net.x = sum.int_attr("N", LENGTH as i64).finish();
    let mut graph = net.dense(5).softmax().graph();
    // What is looked at first depends on the order of the nodes.
    for _ in 0..2 {
        graph.node.reverse();
        let start = Instant::now();
        let backbone = described(&graph, OwnGraph::default()).unwrap();
        assert_eq!(backbone.bottleneck, "features");
        assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    }
}

/// Graphs of whatever TensorFlow's dropouts are made of, in any order.
struct Maker {
    net: Net,
    rng: ChaCha8Rng,
    /// Floats: constants, random numbers, and what was made of them, of one number or of 8.
    numbers: Vec<String>,
    /// Those of one number.
    single: Vec<String>,
    made: usize,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let mut net = features();
        let constants = [0.0, 1.0, 0.5, 2.0];
        let mut numbers: Vec<String> =
            constants.iter().map(|&c| net.b.float("constant", c)).collect();
        for default in [0.0, 1.0] {
            let default = proto::float_tensor(&[], &[default]);
            numbers.push(net.placeholder_with_default("given", default));
        }
        let mut single = numbers.clone();
        for (dims, pool) in [(&[8][..], &mut numbers), (&[], &mut single)] {
            let shape = net.b.ints("shape", dims);
            let random = net.b.op("RandomUniform", "random").input(shape);
            let random = random.type_attr("dtype", DT_FLOAT).type_attr("T", DT_INT32);
            pool.push(random.finish());
        }
        Self { net, rng: ChaCha8Rng::seed_from_u64(seed), numbers, single, made: 0 }
    }

    fn one_of(&mut self, single: bool) -> String {
        let pool = if single { &self.single } else { &self.numbers };
        pool[self.rng.random_range(0..pool.len())].clone()
    }

    fn op(&mut self, op: &str, inputs: &[&str]) -> String {
        self.made += 1;
        let name = format!("made{}", self.made);
        self.net.b.op(op, &name).inputs(inputs.iter().copied()).float_type().finish()
    }

    fn compared(&mut self, single: bool) -> String {
        let (a, b) = (self.one_of(single), self.one_of(single));
        let ops = ["Greater", "GreaterEqual", "Less", "LessEqual"];
        let op = ops[self.rng.random_range(0..ops.len())];
        let compared = self.op(op, &[&a, &b]);
        match self.rng.random_range(0..4) {
            0 => self.net.b.op("LogicalNot", "not").input(compared).finish(),
            1 => {
                let other = self.op("GreaterEqual", &[&b, &a]);
                self.net.b.op("LogicalAnd", "and").inputs([compared, other]).finish()
            }
            _ => compared,
        }
    }

    fn step(&mut self) {
        let single = self.rng.random_bool(0.5);
        let (a, b) = (self.one_of(single), self.one_of(single));
        let made = match self.rng.random_range(0..8) {
            0 => self.op("Floor", &[&a]),
            1 => {
                let compared = self.compared(single);
                let cast = self.net.b.op("Cast", "cast").input(compared);
                cast.type_attr("SrcT", DT_BOOL).type_attr("DstT", DT_FLOAT).finish()
            }
            2 => {
                let compared = self.compared(single);
                self.op("SelectV2", &[&compared, &a, &b])
            }
            3 => {
                let which = self.compared(true);
                let switch = self.op("Switch", &[&a, &which]);
                let taken = self.op("Add", &[&format!("{switch}:1"), &b]);
                let other = self.op("Identity", &[&switch]);
                let merge = self.net.b.op("Merge", "merge").inputs([other, taken]);
                merge.float_type().int_attr("N", 2).finish()
            }
            i => self.op(["Add", "Sub", "Mul", "AddV2"][i - 4], &[&a, &b]),
        };
        if single { self.single.push(made) } else { self.numbers.push(made) }
    }

    /// The graph, and its tensors of 8 numbers an image.
    fn finish(mut self) -> (GraphDef, Vec<String>) {
        for _ in 0..24 {
            self.step();
        }
        let made: Vec<String> = self.single.iter().chain(&self.numbers).cloned().collect();
        let mut read = Vec::new();
        for (i, made) in made.iter().enumerate() {
            self.net.x = self.op("AddV2", &["features", made]);
            // Of a Merge the shape may be unknown.
            self.net = self.net.reshaped(&format!("read{i}"), &[-1, 8]);
            read.push(self.net.x.clone());
        }
        (self.net.graph(), read)
    }
}

/// Whether several runs on one image give one answer, bit for bit.
fn is_repeatable(backbone: &Backbone) -> bool {
    let graph = Graph::import(&backbone.graph_def).unwrap();
    let session = Session::new(&graph, Threads { intra_op: 1, inter_op: -1 }).unwrap();
    let mut image: Tensor<f32> = Tensor::new(&[1, 32, 32, 3]);
    image.fill(0.3);
    let (input, output) =
        (graph.output("images").unwrap(), graph.output(&backbone.bottleneck).unwrap());
    let run = || -> Vec<u32> {
        let feed = Feed { output: &input, value: &image };
        let answer: Tensor<f32> = session.run_one(feed, &output, "running").unwrap();
        answer.iter().map(|v| v.to_bits()).collect()
    };
    let first = run();
    (0..10).all(|_| run() == first)
}

#[test]
fn what_is_taken_for_repeatable_is() {
    let (mut repeatable, mut refused) = (0, 0);
    for seed in 0..20 {
        let (graph, tensors) = Maker::new(seed).finish();
        for tensor in tensors {
            match described(&graph, named(&tensor)) {
                Ok(backbone) => {
                    let nodes = &backbone.graph_def.node;
                    let needed =
                        || nodes.iter().map(|n| format!("{} {} {:?}", n.op, n.name, n.input));
                    let needed = || needed().collect::<Vec<_>>().join("\n");
                    assert!(is_repeatable(&backbone), "seed {seed}: {tensor} of\n{}", needed());
                    repeatable += 1;
                }
                Err(error) => {
                    assert!(error.to_string().contains("depends on noise"), "seed {seed}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(repeatable > 100 && refused > 100, "{repeatable}, {refused}: too few of one kind");
}
