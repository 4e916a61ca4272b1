//! Fine-tuning: gradients of known networks against finite differences, the choice of layers, and
//! whole runs.

use super::events;
use super::inception_replica::build_inception_v3_2015;
use super::loading::load_tensorflow;
use super::peers::{ALIKE, Feeding, assert_labels_alike};
use super::pip_networks::{backbone, kept};
use super::small_net::{miniature, published_mobilenet, write};
use super::support::Workspace;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use retrain::images::{PixelRange, PixelSpec};
use retrain::learn::Selection;
use retrain::model::{Backbone, Features, OwnGraph, WHEELS, create_own_graph};
use retrain::proto::{self, GraphDef, float_tensor, floats};
use retrain::retrain::fine_tune::{Gradients, Layer, Network, Piece, choose, layers};
use retrain::rewrite::{constant_floats, differentiable};
use retrain::tf::{NamedTensor, Tensor};
use std::fs;
use std::path::Path;
use std::process::Stdio;

const CLASSES: usize = 2;
const ALL: [&str; 3] = ["--fine_tune=all", "--fine_tune_epochs=2", "--testing_percentage=20"];

fn layers_of(backbone: &Backbone) -> Vec<Layer> {
    let (input, output) = (&backbone.input, &backbone.bottleneck);
    let frozen = backbone.frozen().unwrap();
    layers(&differentiable(&frozen, input, output, &backbone.pixels), input, output)
}

fn random(rng: &mut ChaCha8Rng, dims: &[u64], from: f32, to: f32) -> Tensor<f32> {
    let mut tensor = Tensor::new(dims);
    tensor.iter_mut().for_each(|v| *v = rng.random_range(from..to));
    tensor
}

fn head(rng: &mut ChaCha8Rng, size: usize) -> Vec<NamedTensor> {
    let weights = random(rng, &[size as u64, CLASSES as u64], -0.05, 0.05);
    let dims = [size as i64, CLASSES as i64];
    vec![
        ("weights".into(), float_tensor(&dims, &weights)),
        ("biases".into(), float_tensor(&[CLASSES as i64], &[0.1, -0.1])),
    ]
}

/// Three smooth pictures of random numbers.
fn piece(rng: &mut ChaCha8Rng, spec: &PixelSpec) -> Piece {
    let (height, width) = (spec.height as usize, spec.width as usize);
    let mut pixels = Tensor::new(&[3, height as u64, width as u64, 3]);
    for picture in pixels.chunks_mut(height * width * 3) {
        let [a, b, c]: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.5..3.0));
        for (i, value) in picture.iter_mut().enumerate() {
            let (x, y) =
                ((i / 3 % width) as f32 / width as f32, (i / 3 / width) as f32 / height as f32);
            *value = (a * 7.0 * x + b * 5.0 * y + c * (i % 3) as f32).sin();
        }
    }
    Piece {
        pixels,
        truth: Tensor::new(&[3, 2]).with_values(&[0.95, 0.05, 0.05, 0.95, 0.95, 0.05]).unwrap(),
        weights: Tensor::new(&[3]).with_values(&[0.5, 0.3, 0.2]).unwrap(),
    }
}

/// Compares the gradient of each of some trained tensors with the loss a little before and behind,
/// along that gradient; then takes steps and sees the loss fall.
fn assert_differentiates_and_learns(backbone: &Backbone, tensors: usize, rate: f32) {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let head = head(&mut rng, backbone.bottleneck_size);
    let chosen = choose(&layers_of(backbone), &Selection::All).unwrap();
    let network = Network::new(backbone, &chosen, &head).unwrap();
    let piece = piece(&mut rng, &backbone.pixels);
    let Gradients { loss, gradients, .. } = network.gradients(&piece).unwrap();
    let start = network.trained().unwrap();
    assert_eq!(gradients.len(), start.len());
    let name = &backbone.name;
    let mut compared = 0;
    for i in 0..tensors {
        let i = i * (start.len() - 1) / (tensors - 1);
        let length = gradients[i].iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        // The loss is a sum of floats: a smaller change is lost in its rounding.
        let step = (5e-4 / length).min(0.02);
        if step * length < 2e-4 {
            continue;
        }
        let moved = |sign: f64| {
            let mut values = start.clone();
            let tensor = &mut values[i].1;
            let dims: Vec<i64> = tensor.tensor_shape.dim.iter().map(|d| d.size).collect();
            let along = floats(tensor)
                .into_iter()
                .zip(gradients[i].iter())
                .map(|(w, g)| (f64::from(w) + sign * step * f64::from(*g) / length) as f32);
            *tensor = float_tensor(&dims, &along.collect::<Vec<_>>());
            network.set(&values).unwrap();
            f64::from(network.gradients(&piece).unwrap().loss)
        };
        let found = (moved(1.0) - moved(-1.0)) / (2.0 * step);
        let error = (found - length).abs() / length;
        assert!(error < 0.03, "{name}, {}: {found}, not {length}", start[i].0);
        compared += 1;
    }
    assert!(compared > tensors / 2, "{name}: only {compared} gradients are large enough");
    network.set(&start).unwrap();
    for _ in 0..4 {
        let gradients = network.gradients(&piece).unwrap().gradients;
        network.step(&gradients, [rate, 10.0 * rate]).unwrap();
    }
    let after = network.gradients(&piece).unwrap().loss;
    assert!(after < loss, "{name}: {after}, not below {loss}");
    let changed = network.trained().unwrap();
    for (before, after) in start.iter().zip(&changed) {
        assert!(before.0 == after.0 && before.1 != after.1, "{name}: {} is as before", before.0);
    }
    println!("{name}: {compared} gradients agree; loss {loss} to {after}");
}

fn own(path: &Path) -> Backbone {
    load_tensorflow();
    create_own_graph(&OwnGraph { path: path.to_owned(), ..OwnGraph::default() }, Path::new(""))
        .unwrap()
}

#[test]
fn miniature_differentiates_and_learns() {
    assert_differentiates_and_learns(&own(&miniature()), 12, 1e-4);
}

#[test]
fn mobilenet_v1_differentiates_and_learns() {
    let Some((_workspace, path)) = published_mobilenet() else { return };
    let backbone = own(&path);
    let layers = layers_of(&backbone);
    // 27 convolutions and the classifier; kernel, scale and offset each, or kernel and biases.
    assert_eq!(layers.len(), 28);
    let counts: Vec<usize> = layers.iter().map(|l| l.constants.len()).collect();
    assert!(counts[..27].iter().all(|&n| n == 3) && counts[27] == 2, "{layers:?}");
    let statistics = |name: &str| name.contains("moving_");
    assert!(!layers.iter().flat_map(|l| &l.constants).any(|c| statistics(c)));
    assert_differentiates_and_learns(&backbone, 15, 1e-4);
}

#[test]
fn networks_from_pip_differentiate_and_learn() {
    for name in ["mobilenet_v2_1.0_224", "efficientnet_lite1"] {
        let wheel = WHEELS.iter().find(|wheel| wheel.architecture == name).unwrap();
        if kept(wheel).is_some() {
            assert_differentiates_and_learns(&backbone(name, Features::Pooled), 12, 1e-4);
        }
    }
}

#[test]
fn inception_v3_differentiates_and_learns() {
    load_tensorflow();
    let backbone = Backbone {
        name: "inception".into(),
        wants_quantization: false,
        content_hash: [0; 32],
        graph_def: build_inception_v3_2015(5),
        variables: Vec::new(),
        input: "Mul:0".into(),
        bottleneck: "pool_3/_reshape:0".into(),
        bottleneck_size: 2048,
        views: None,
        pixels: PixelSpec::new(299, 299, PixelRange::Multiply { mean: 128.0, std: 128.0 }),
    };
    assert_eq!(layers_of(&backbone).len(), 94);
    // Its weights are random: small steps already change much.
    assert_differentiates_and_learns(&backbone, 5, 2e-6);
}

#[test]
fn layers_are_chosen_by_number_or_name() {
    let backbone = own(&miniature());
    let all = layers_of(&backbone);
    let names = |selection: &str| -> Vec<String> {
        let chosen = choose(&all, &Selection::parse(selection).unwrap()).unwrap();
        chosen.into_iter().flat_map(|l| l.constants).collect()
    };
    let everything: Vec<String> = all.iter().flat_map(|l| l.constants.clone()).collect();
    assert_eq!(names("all"), everything);
    assert_eq!(
        names("2"),
        [all[all.len() - 2].constants.clone(), all[all.len() - 1].constants.clone()].concat()
    );
    let (layer, constant) = (&all[1].name, &all[2].constants[0]);
    assert_eq!(names(&format!("^{layer}$")), all[1].constants);
    assert_eq!(names(&format!("^{constant}$")), std::slice::from_ref(constant));
    let error = |selection: &str| {
        let chosen = Selection::parse(selection).and_then(|s| choose(&all, &s));
        chosen.unwrap_err().to_string()
    };
    let count = all.len();
    assert!(error("99").contains(&format!("is 99, but the network has {count} layers")));
    assert!(error("0").contains("must be at least 1 layer, not '0'"));
    assert!(error("nonesuch").contains(&format!(
        "'nonesuch' matches none of the network's {count} layers: {}",
        all[0].name
    )));
    assert!(error("(").contains("must be all, a number of layers, or a regular expression ('('"));
}

/// The float constants of a graph.
fn constants(graph: &GraphDef) -> Vec<(String, Vec<f32>)> {
    let floats = graph.node.iter().filter_map(|n| Some((n.name.clone(), constant_floats(n)?.1)));
    floats.collect()
}

fn graph(path: &Path) -> GraphDef {
    proto::parse(path, &fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_run_changes_the_chosen_layers_only_and_labels_as_it_says() {
    let workspace = Workspace::with_photos(10);
    let args = ["--fine_tune=3", "--fine_tune_epochs=3", "--testing_percentage=30", "--json"];
    let outcome = workspace.retrain(&args).expect_code(0);
    for text in
        ["Fine-tuning 3 of ", " MiB of memory", "Fine-tuning: epoch 3 of 3: cross entropy = "]
    {
        assert!(outcome.stderr.contains(text), "{text}: {}", outcome.stderr);
    }
    let backbone = own(&miniature());
    let all = layers_of(&backbone);
    let trained: Vec<&String> = all[all.len() - 3..].iter().flat_map(|l| &l.constants).collect();
    let tuned = graph(&workspace.path("graph.pb"));
    let before = constants(&backbone.graph_def);
    for (name, values) in constants(&tuned) {
        let Some((_, before)) = before.iter().find(|(n, _)| *n == name) else { continue };
        assert_eq!(*before != values, trained.contains(&&name), "{name}");
    }
    // Nodes and ops are as in a run without.
    workspace.retrain(&["--output_graph=plain.pb", "--testing_percentage=30"]).expect_code(0);
    let form = |graph: &GraphDef| -> Vec<_> {
        graph.node.iter().map(|n| (n.name.clone(), n.op.clone(), n.input.clone())).collect()
    };
    assert!(form(&tuned) == form(&graph(&workspace.path("plain.pb"))));
    // label_image and both TensorFlows agree on the graph.
    let side = backbone.pixels.width as u32;
    let feeding = Feeding { layer: "input", size: side, mean: 128, std: 128 };
    let photographs = ["globular cluster/g00003.jpg", "open cluster/o00001.jpg"]
        .map(|name| workspace.path("photos").join(name));
    assert_labels_alike(&workspace, &feeding, &photographs, ALIKE);
}

#[test]
fn tensorboard_shows_a_cycle_of_learning_rates_and_the_loss() {
    let workspace = Workspace::with_photos(10);
    workspace.retrain(&["--fine_tune=all", "--fine_tune_epochs=10"]).expect_code(0);
    let train = events::read(&workspace.path("summaries/train"));
    let rates = &train.scalars["fine_tune/learning_rate"];
    assert_eq!(rates.len(), 10);
    let steps: Vec<i64> = rates.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, (20..30).collect::<Vec<_>>(), "after the 20 steps of the new layer");
    let close = |a: f32, b: f32| (a - b).abs() < 1e-3 * b;
    assert!(close(rates[0].1, 1e-4 / 25.0) && close(rates[2].1, 1e-4), "{rates:?}");
    assert!(close(rates[9].1, 1e-4 / 25e4), "{rates:?}");
    assert!(rates[2..].is_sorted_by(|a, b| a.1 > b.1), "{rates:?}");
    for tag in ["cross_entropy", "accuracy"] {
        assert_eq!(train.scalars[&format!("fine_tune/{tag}")].len(), 10);
    }
    let validation = events::read(&workspace.path("summaries/validation"));
    assert_eq!(validation.scalars["fine_tune/accuracy"].len(), 10);
}

#[test]
fn a_seed_gives_the_same_network_with_and_without_a_stop() {
    let clean = Workspace::with_photos(20);
    let args = ["--fine_tune=all", "--fine_tune_epochs=40"];
    clean.retrain(&args).expect_code(0);
    let wanted = fs::read(clean.path("graph.pb")).unwrap();
    let workspace = Workspace::with_photos(20);
    let mut command = workspace.retrain_command(&args);
    let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let log = workspace.path("summaries/retrain.log");
    super::resume::wait_until("the third epoch", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("Fine-tuning: epoch 3 of"))
    });
    super::resume::signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    let kept = "steps of fine-tuning are done and kept in summaries/fine_tune.state; the same \
                command with --resume goes on";
    assert!(stderr.lines().last().unwrap().contains(kept), "{stderr}");
    let other = ["--fine_tune=2", "--fine_tune_epochs=40", "--resume"];
    workspace.retrain(&other).expect_code(2).says("--fine_tune: differs from the run");
    let resumed = workspace.retrain(&[&args[..], &["--resume"]].concat()).expect_code(0);
    resumed.says("steps of fine-tuning");
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == wanted);
    // A run that is done needs nothing more.
    workspace.retrain(&[&args[..], &["--resume"]].concat()).expect_code(0);
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == wanted);
}

#[test]
fn cross_validation_tunes_each_fold() {
    let workspace = Workspace::with_photos(8);
    let args = [&ALL[..2], &["--cross_validate=3", "--json"]].concat();
    let outcome = workspace.retrain(&args).expect_code(0);
    assert_eq!(outcome.stderr.matches("Cross-validation: fold ").count(), 3, "{}", outcome.stderr);
    assert_eq!(outcome.stderr.matches("Fine-tuning: epoch 2 of 2").count(), 4);
}

#[test]
fn what_cannot_be_tuned_is_refused_by_name() {
    let workspace = Workspace::with_photos(4);
    for (args, text) in [
        (&["--fine_tune=nonesuch"][..], "--fine_tune: 'nonesuch' matches none of the network's "),
        (
            &["--fine_tune=all", "--fine_tune_epochs=0"],
            "--fine_tune_epochs: must be from 1 to 10000, not 0",
        ),
        (
            &["--fine_tune=all", "--fine_tune_learning_rate=0"],
            "--fine_tune_learning_rate: must be a finite number above 0",
        ),
        (
            &["--fine_tune=["],
            "--fine_tune: must be all, a number of layers, or a regular expression",
        ),
    ] {
        workspace.retrain(args).expect_code(2).says(text);
    }
    workspace
        .retrain(&["--fine_tune_epochs=3"])
        .expect_code(0)
        .says("--fine_tune_epochs is ignored without --fine_tune");
    // An op without a gradient.
    let net = super::small_net::Net::of(&[-1, 32, 32, 3]).convolution("conv", 3, 8);
    let net = net.then("Ceil", "steps").convolution("conv_1", 3, 8).pooled("features", false);
    write(&workspace, "steps.pb", &net.graph());
    let own = [
        "--architecture=steps.pb",
        "--bottleneck_tensor=features",
        "--input_mean=0",
        "--input_std=255",
    ];
    let refused = workspace.retrain(&[&own[..], &["--fine_tune=all"]].concat());
    refused
        .expect_code(2)
        .says("--fine_tune: cannot go through 'steps': TensorFlow has no gradient of Ceil");
    workspace
        .retrain(&[&own[..], &["--fine_tune=1", "--fine_tune_epochs=1"]].concat())
        .expect_code(0);
}
