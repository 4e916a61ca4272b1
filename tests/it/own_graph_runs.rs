//! Whole runs on graphs of your own, and labelling with their results.

use super::dropout_forms::{Dropout, Rate};
use super::small_net::{Net, classifying, miniature, published_mobilenet, write};
use super::support::{
    LABEL_IMAGE, OUTPUTS, Outcome, RETRAIN, Workspace, files_under, miniature_dir, run, scores,
};
use retrain::export::Metadata;
use retrain::proto::DataType::DT_FLOAT;
use retrain::proto::{self, GraphDef};
use std::fs;
use std::path::Path;

/// Runs `retrain` in the workspace on `photos` with a graph of your own.
fn retrain(workspace: &Workspace, args: &[&str]) -> Outcome {
    let defaults = ["--image_dir=photos", "--how_many_training_steps=20", "--random_seed=1"];
    run(RETRAIN, workspace.root(), &[&defaults, &OUTPUTS[..], args].concat())
}

#[test]
fn a_run_says_what_it_guessed_and_how_to_label() {
    let workspace = Workspace::with_photos(20);
    let net = Net::of(&[-1, 32, 32, 3]).with("Mul", "scaled", &[1.0 / 127.5]).with(
        "Sub",
        "centred",
        &[1.0],
    );
    write(
        &workspace,
        "my nets/net.pb",
        &net.convolved().pooled("features", false).dense(5).softmax().graph(),
    );
    let outcome =
        retrain(&workspace, &["--architecture=my nets/net.pb", "--output_graph=my graph.pb"])
            .expect_code(0);
    let said: Vec<&str> = outcome
        .stderr
        .lines()
        .filter_map(|l| l.strip_prefix("INFO:retrain:my nets/net.pb: "))
        .collect();
    let expected = [
        "--input_tensor=images (guessed: the only placeholder for float images)",
        "--input_width=32 --input_height=32 (the shape of 'images')",
        "--input_mean=0 --input_std=1 (the graph itself normalises up to 'centred', apparently \
            from pixels of 0 to 255)",
        "--bottleneck_tensor=features (guessed: the input of the last classifier, 'dense')",
        "a bottleneck is the 8 numbers of 'features'",
    ];
    assert_eq!(said, expected);
    // The closing word's command labels a photograph as it is printed, in a shell.
    let said = "INFO:retrain:To label photographs: label_image ";
    let command = outcome.stderr.lines().find_map(|line| line.strip_prefix(said)).unwrap();
    assert!(command.starts_with("--graph='my graph.pb' --image="), "{command}");
    let labelled = run("/bin/sh", workspace.root(), &["-c", &format!("'{LABEL_IMAGE}' {command}")])
        .expect_code(0);
    assert_eq!(scores(&labelled.stdout).len(), 2, "{}", labelled.stdout);

    // With every flag given nothing is guessed, and the same files are used.
    let files = files_under(&workspace.path("bottlenecks"));
    let given = [
        "--bottleneck_tensor=features:0",
        "--input_tensor=images:0",
        "--input_width=32",
        "--input_height=32",
    ];
    let given = [&given[..], &["--input_mean=0", "--input_std=1", "--architecture=my nets/net.pb"]]
        .concat();
    let outcome = retrain(&workspace, &given).expect_code(0);
    assert!(
        !outcome.stderr.contains("guessed")
            && !outcome.stderr.contains("--input_mean=0 --input_std=1 (")
    );
    assert_eq!(files_under(&workspace.path("bottlenecks")), files);
    assert_eq!(
        fs::read(workspace.path("graph.pb")).unwrap(),
        fs::read(workspace.path("my graph.pb")).unwrap()
    );
}

#[test]
fn only_what_was_not_given_is_said_and_decimals_are_read() {
    let workspace = Workspace::with_photos(20);
    write(&workspace, "net.pb", &classifying(&[-1, 32, 32, 3]).graph());
    let args = [
        "--architecture=net.pb",
        "--input_mean=123.68",
        "--input_width=32",
        "--bottleneck_tensor=features",
    ];
    let outcome = retrain(&workspace, &args).expect_code(0);
    outcome.says("INFO:retrain:net.pb: --input_height=32 (the shape of 'images')\n").says(
        "INFO:retrain:net.pb: --input_std=127.5 (assumed, for pixels from -1 to 1: the \
            graph does not say;",
    );
    let metadata = Metadata::load(&workspace.path("graph.pb")).unwrap().unwrap();
    assert_eq!((metadata.input.mean, metadata.input.std), (123.68, 127.5));
    let label = workspace.label_image(&["--image=photos/open cluster/o00000.jpg"]).expect_code(0);
    assert_eq!(scores(&label.stdout).len(), 2);
}

/// Bottlenecks by image, for whichever model.
fn bottlenecks(workspace: &Workspace) -> Vec<(String, Vec<u8>)> {
    let dir = workspace.path("bottlenecks");
    let text_file =
        |f: &String| Some((f.split_once(".jpg_")?.0.to_owned(), fs::read(dir.join(f)).unwrap()));
    files_under(&dir).iter().filter_map(text_file).collect()
}

/// A known network by name and by path gives the same bottlenecks and the same graph.
fn assert_same_by_name_and_path(known: &[&str], path: &Path) {
    let (by_name, by_path) = (Workspace::with_photos(20), Workspace::with_photos(20));
    run(
        RETRAIN,
        by_name.root(),
        &[&["--image_dir=photos", "--random_seed=1"], &OUTPUTS[..], known].concat(),
    )
    .expect_code(0);
    let path = format!("--architecture={}", path.display());
    let tensors = ["--bottleneck_tensor=MobilenetV1/Predictions/Reshape", "--input_tensor=input"];
    retrain(&by_path, &[&tensors[..], &[&path]].concat()).expect_code(0);
    assert!(bottlenecks(&by_name) == bottlenecks(&by_path));
    assert_eq!(bottlenecks(&by_path).len(), 40);
    for file in ["graph.pb", "labels.txt"] {
        assert!(
            fs::read(by_name.path(file)).unwrap() == fs::read(by_path.path(file)).unwrap(),
            "{file}"
        );
    }
}

#[test]
fn a_known_network_by_its_path_is_the_same() {
    let models = miniature_dir();
    let model_dir = format!("--model_dir={}", models.display());
    let steps = "--how_many_training_steps=20";
    let miniature = miniature();
    assert_same_by_name_and_path(&["--architecture=miniature", &model_dir, steps], &miniature);
    if let Some((workspace, path)) = published_mobilenet() {
        let model_dir = format!("--model_dir={}", workspace.root().display());
        assert_same_by_name_and_path(
            &["--architecture=mobilenet_0.25_224", &model_dir, steps],
            &path,
        );
    }
}

#[test]
fn a_retrained_graph_can_be_retrained() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let first = fs::read(workspace.path("graph.pb")).unwrap();
    // The new graph must not overwrite the one it is made from.
    let outcome = retrain(&workspace, &["--architecture=graph.pb"]).expect_code(2);
    outcome.says(
        "ERROR:retrain:--output_graph: graph.pb is the graph to retrain; name another file\n",
    );
    let outcome =
        retrain(&workspace, &["--architecture=graph.pb", "--output_graph=again.pb"]).expect_code(0);
    let tensor = "--bottleneck_tensor=MobilenetV1/Predictions/Reshape";
    outcome.says(&format!(
        "{tensor} (guessed: the input of the last classifier, \
            'final_training_ops/Wx_plus_b/MatMul')"
    ));
    // The old layer is gone and the new one takes its names: the same seed gives the same graph.
    assert!(fs::read(workspace.path("again.pb")).unwrap() == first);
}

#[test]
fn with_distortions_and_a_flattened_bottleneck_a_run_is_like_others() {
    let workspace = Workspace::with_photos(20);
    write(&workspace, "net", &classifying(&[-1, -1, -1, 3]).graph());
    let args =
        ["--architecture=net", "--bottleneck_tensor=relu", "--input_width=16", "--input_height=12"];
    let args = [&args[..], &["--flip_left_right", "--random_crop=10"]].concat();
    let outcome = retrain(&workspace, &args).expect_code(0);
    assert!(!outcome.stderr.contains("one image at a time"), "{}", outcome.stderr);
    outcome.says("INFO:retrain:net: a bottleneck is the 384 numbers of 'relu'\n");
    let graph: GraphDef =
        proto::parse(Path::new("graph.pb"), &fs::read(workspace.path("graph.pb")).unwrap())
            .unwrap();
    assert_eq!(
        graph.require("flattened_bottleneck").unwrap().input,
        ["relu", "flattened_bottleneck/shape"]
    );
    let label =
        ["--input_layer=images", "--input_width=16", "--input_height=12", "--input_mean=127.5"];
    let label =
        [&label[..], &["--input_std=127.5", "--image=photos/open cluster/o00000.jpg"]].concat();
    assert_eq!(scores(&workspace.label_image(&label).expect_code(0).stdout).len(), 2);
}

#[test]
fn an_architecture_is_a_path_by_its_ending_its_slash_or_its_file() {
    let workspace = Workspace::with_photos(20);
    for path in ["none.pb", "no/such"] {
        let message = format!(
            "ERROR:retrain:--architecture: {path}: there is no such file; give the path of a \
             frozen GraphDef or of a SavedModel's directory, or a model's name\n"
        );
        retrain(&workspace, &[&format!("--architecture={path}")]).expect_code(2).says(&message);
    }
    let outcome = retrain(&workspace, &["--architecture=./photos"]).expect_code(2);
    outcome.says(
        "--architecture: ./photos: is a directory without saved_model.pb; give a SavedModel's \
         directory, the path of a frozen GraphDef, or a model's name\n",
    );
    workspace.write("words", "no graph");
    retrain(&workspace, &["--architecture=words"])
        .expect_code(1)
        .says("ERROR:retrain:words: is not a valid GraphDef");
    retrain(&workspace, &["--architecture=word"])
        .expect_code(255)
        .says("Couldn't understand architecture name 'word'");
    // A known name keeps its meaning.
    workspace.write("miniature", "no graph");
    workspace.retrain(&[]).expect_code(0);
}

#[test]
fn the_graph_is_not_emptied_away_with_old_summaries() {
    let workspace = Workspace::with_photos(20);
    write(&workspace, "summaries/net.pb", &classifying(&[-1, 32, 32, 3]).graph());
    let outcome = retrain(&workspace, &["--architecture=summaries/net.pb"]).expect_code(2);
    outcome.says("ERROR:retrain:--summaries_dir: ").says("summaries/net.pb is in it\n");
    assert!(workspace.path("summaries/net.pb").is_file());
}

#[test]
fn a_dropout_that_was_frozen_in_is_left_out() {
    let workspace = Workspace::with_photos(20);
    let net = Net::features(&[-1, 32, 32, 3], false);
    let net = net.dropout("drop", Dropout::Cast, Rate::Constant(0.5));
    write(&workspace, "net.pb", &net.dense(3).softmax().graph());
    let outcome = retrain(&workspace, &["--architecture=net.pb"]).expect_code(0);
    assert!(!outcome.stderr.contains("one image at a time"), "{}", outcome.stderr);
    outcome.says(
        "INFO:retrain:net.pb: --bottleneck_tensor=features (guessed: the input of the last \
        classifier, 'dense', before \
         the dropout of 'drop/random' (RandomUniform))\n",
    );
    let bytes = fs::read(workspace.path("graph.pb")).unwrap();
    let graph: GraphDef = proto::parse(Path::new("graph.pb"), &bytes).unwrap();
    assert!(graph.node.iter().all(|n| !n.name.starts_with("drop")));
    let label = || {
        let flags = ["--input_layer=images", "--input_mean=127.5", "--input_std=127.5"];
        let image = ["--image=photos/open cluster/o00000.jpg"];
        let outcome = workspace.label_image(&[&flags[..], &image].concat()).expect_code(0);
        assert_eq!(outcome.stderr, "");
        scores(&outcome.stdout)
    };
    assert_eq!(label(), label());

    let outcome = retrain(&workspace, &["--architecture=net.pb", "--bottleneck_tensor=drop/out"]);
    outcome.expect_code(2).says(
        "ERROR:retrain:--bottleneck_tensor: 'drop/out' depends on noise: 'drop/random' \
        (RandomUniform) is random; give \
         'features', which comes before it\n",
    );
}

#[test]
fn of_a_network_that_is_random_nothing_is_cached() {
    let workspace = Workspace::with_photos(6);
    let bytes = fs::read(miniature()).unwrap();
    let mut graph: GraphDef = proto::parse(Path::new("miniature"), &bytes).unwrap();
    let bottleneck = "MobilenetV1/Predictions/Reshape";
    graph.node.iter_mut().find(|n| n.name == bottleneck).unwrap().name = "before".into();
    let mut net = Net::after(&graph, "before");
    net.channels = 1001;
    let noisy = net.noise("noise", "RandomStandardNormal").then("Identity", bottleneck);
    graph.node.extend(noisy.graph().node);
    write(&workspace, "models/miniature/frozen_graph.pb", &graph);
    let args = ["--architecture=miniature", "--model_dir=models"];
    let outcome = retrain(&workspace, &args).expect_code(255);
    outcome.says(
        "ERROR:retrain:model miniature: graph node 'noise/random': is random \
        (RandomStandardNormal): the same image \
         gives different bottlenecks each time; freeze the graph for inference, without dropout\n",
    );
    assert_eq!(files_under(&workspace.path("bottlenecks")), [""; 0]);
    assert!(!workspace.path("graph.pb").exists());
    // Nor with distortions.
    let outcome = retrain(&workspace, &[&args[..], &["--flip_left_right"]].concat());
    outcome.expect_code(255).says("graph node 'noise/random': is random (RandomStandardNormal)");
}

#[test]
fn a_network_that_normalises_by_the_batch_is_named_as_such() {
    let workspace = Workspace::with_photos(6);
    let mut net = Net::of(&[-1, 32, 32, 3]).convolution("conv", 3, 8);
    let [gamma, beta] = ["gamma", "beta"].map(|name| net.weights(name, &[8]));
    let none = ["mean", "variance"].map(|name| net.b.floats(name, &[0], &[]));
    let norm = net.b.op("FusedBatchNormV3", "norm").inputs([&net.x, &gamma, &beta]).inputs(none);
    net.x = norm.float_type().type_attr("U", DT_FLOAT).bool_attr("is_training", true).finish();
    let graph = net.then("Relu", "relu").pooled("features", false).dense(5).softmax().graph();
    write(&workspace, "net.pb", &graph);
    let outcome = retrain(&workspace, &["--architecture=net.pb"]).expect_code(0);
    outcome.says(
        "images give different bottlenecks in a batch than alone: 'norm' \
    (FusedBatchNormV3) normalises by \
                  the batch; the network runs one image at a time, slowly\n",
    );
}
