//! What label_image knows of a graph: from its metadata, or without any from the graph itself.

use super::label_image::{GOLDEN, trained};
use super::peers::REAL;
use super::small_net::{Net, write};
use super::support::{
    LABEL_IMAGE, Outcome, Workspace, ask_peer, golden, json as read_json, python, run, scores,
    shared,
};
use retrain::export::Metadata;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const PHOTO: &str = "--image=photos/open cluster/o00000.jpg";

/// Labels with the graph at `graph` and nothing else.
fn alone(workspace: &Workspace, graph: &str, args: &[&str]) -> Outcome {
    let graph = format!("--graph={graph}");
    run(LABEL_IMAGE, workspace.root(), &[&[graph.as_str()], args].concat())
}

/// Changes the metadata of `graph.pb`.
fn change(workspace: &Workspace, change: impl FnOnce(&mut Value)) {
    let path = workspace.path("graph.pb.json");
    let mut metadata = read_json(&path);
    change(&mut metadata);
    fs::write(path, metadata.to_string()).unwrap();
}

/// A network that takes pixels of any size from `images` to `classes`.
fn unusual(workspace: &Workspace, graph: &str, shape: &[i64]) {
    let net = Net::of(shape).with("Mul", "scaled", &[1.0 / 255.0]);
    let net = net.convolved().pooled("features", false).dense(2).softmax();
    write(workspace, graph, &net.graph());
}

#[test]
fn the_metadata_says_how_to_use_a_graph() {
    let workspace = trained();
    fs::rename(workspace.path("labels.txt"), workspace.path("kept.txt")).unwrap();
    let known = alone(&workspace, "graph.pb", &[PHOTO]).expect_code(0);
    assert_eq!(known.stderr, "");
    let flags = ["--labels=kept.txt", "--input_mean=127.5", "--input_std=127.5"];
    let given = alone(&workspace, "graph.pb", &[&flags[..], &[PHOTO]].concat()).expect_code(0);
    assert_eq!(given.stderr, "");
    assert_eq!(scores(&known.stdout), scores(&given.stdout));
    // The tutorial's 128 is within a grey level of 127.5.
    let flags = ["--input_mean=128", "--input_std=128", "--input_width=128", PHOTO];
    let tutorial = alone(&workspace, "graph.pb", &flags).expect_code(0);
    assert_eq!(tutorial.stderr, "");
    assert_ne!(scores(&tutorial.stdout), scores(&known.stdout), "flags override the metadata");
}

#[test]
fn metadata_of_unusual_tensors_is_followed() {
    let workspace = Workspace::with_photos(20);
    unusual(&workspace, "net.pb", &[-1, -1, -1, 3]);
    let args = ["--architecture=net.pb", "--input_width=40", "--input_height=24"];
    let args = [&args[..], &["--final_tensor_name=verdict"]].concat();
    workspace.retrain(&args).expect_code(0);
    let metadata = Metadata::load(&workspace.path("graph.pb")).unwrap().unwrap();
    assert_eq!((metadata.input.width, metadata.input.height), (40, 24));
    let known = alone(&workspace, "graph.pb", &[PHOTO]).expect_code(0);
    assert_eq!(known.stderr, "");
    let (mean, std) = (metadata.input.mean, metadata.input.std);
    let flags = [
        "--labels=labels.txt".to_owned(),
        "--input_layer=images".to_owned(),
        "--output_layer=verdict".to_owned(),
        "--input_width=40".to_owned(),
        "--input_height=24".to_owned(),
        format!("--input_mean={mean}"),
        format!("--input_std={std}"),
        PHOTO.to_owned(),
    ];
    fs::copy(workspace.path("graph.pb"), workspace.path("copy.pb")).unwrap();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let given = alone(&workspace, "copy.pb", &flags).expect_code(0);
    assert_eq!(given.stderr, "", "nothing was guessed");
    assert_eq!(scores(&known.stdout), scores(&given.stdout));
}

#[test]
fn flags_that_contradict_the_metadata_are_used_with_one_warning() {
    let workspace = trained();
    workspace.write("other.txt", "a\nb\n");
    for (flags, right, given) in [
        (
            &["--input_mean=0", "--input_std=255"][..],
            "--input_mean=127.5 --input_std=127.5",
            "--input_mean=0 --input_std=255",
        ),
        (&["--labels=other.txt"], "the labels in its metadata", "--labels=other.txt"),
        (
            &["--output_layer=MobilenetV1/Predictions/Reshape", "--labels=many.txt"],
            "--output_layer=final_result the labels in its metadata",
            "--output_layer=MobilenetV1/Predictions/Reshape --labels=many.txt",
        ),
    ] {
        let many: String = (0..1001).map(|i| format!("{i}\n")).collect();
        workspace.write("many.txt", many);
        let warning = format!(
            "WARNING:retrain:graph.pb was trained with {right}, not with {given}; leave these \
             settings out to have it used as graph.pb.json says\n"
        );
        for photos in [&[PHOTO][..], &["photos"]] {
            let outcome = alone(&workspace, "graph.pb", &[flags, photos].concat()).expect_code(0);
            assert_eq!(outcome.stderr.matches("was trained with").count(), 1, "{}", outcome.stderr);
            outcome.says(&warning);
        }
    }
    let other = alone(&workspace, "graph.pb", &["--labels=other.txt", PHOTO]);
    let labels: Vec<String> = scores(&other.stdout).into_iter().map(|s| s.0).collect();
    assert!(labels.contains(&"a".into()) && labels.contains(&"b".into()), "{labels:?}");
}

#[test]
fn metadata_that_is_broken_late_or_of_another_graph_is_an_error_with_the_remedy() {
    let workspace = trained();
    let original = read_json(&workspace.path("graph.pb.json"));
    let refused = |changed: &dyn Fn(&mut Value), message: &str| {
        fs::write(workspace.path("graph.pb.json"), original.to_string()).unwrap();
        change(&workspace, changed);
        let outcome = alone(&workspace, "graph.pb", &[PHOTO]).expect_code(1);
        assert_eq!(outcome.stdout, "");
        outcome.says(&format!("ERROR:retrain:graph.pb.json: {message}")).says("; remove it, or ");
    };
    refused(&|m| m["version"] = json!(2), "has version 2, but this program reads 1");
    refused(&|m| m["input"] = json!("x"), "is not the metadata of a graph (");
    refused(&|m| m["input"]["std"] = json!(0), "is not the metadata of a graph (`mean`, `std` and");
    refused(
        &|m| m["input"]["tensor"] = json!("Mul:0"),
        "is not the metadata of graph.pb: the graph has no 'Mul'",
    );
    refused(
        &|m| m["output"]["tensor"] = json!("verdict:0"),
        "is not the metadata of graph.pb: the graph has no 'verdict'",
    );
    refused(
        &|m| m["input"]["width"] = json!(224),
        "is not the metadata of graph.pb: the graph takes images of 128 pixels, not 224",
    );
    refused(
        &|m| m["labels"] = json!(["a", "b", "c"]),
        "is not the metadata of graph.pb: it has 3 labels, but the graph has 2 classes",
    );
    workspace.write("graph.pb.json", "{");
    alone(&workspace, "graph.pb", &[PHOTO])
        .expect_code(1)
        .says("graph.pb.json: is not the metadata of a graph (")
        .says("; remove it, or train again");
    // A copy of the graph has none.
    fs::copy(workspace.path("graph.pb"), workspace.path("copy.pb")).unwrap();
    alone(&workspace, "copy.pb", &[PHOTO]).expect_code(0);
}

#[test]
fn without_metadata_the_graph_says_and_the_guesses_are_printed_once() {
    let workspace = trained();
    unusual(&workspace, "net.pb", &[-1, 32, 48, 3]);
    workspace.write("net_labels.txt", "one\ntwo\n");
    let line = "INFO:retrain:net.pb has no metadata; it is used with --input_layer=images \
                --input_height=32 --input_width=48 --input_mean=0 --input_std=1 \
                --output_layer=classes --labels=net_labels.txt\n";
    let guessed = alone(&workspace, "net.pb", &[PHOTO]).expect_code(0);
    assert_eq!(guessed.stderr, line);
    let many = alone(&workspace, "net.pb", &["photos"]).expect_code(0);
    assert_eq!(many.stderr.matches("has no metadata").count(), 1, "{}", many.stderr);
    let flags = ["--input_layer=images", "--output_layer=classes", "--labels=net_labels.txt"];
    let flags = [&flags[..], &["--input_mean=0", "--input_std=1", PHOTO]].concat();
    let given = alone(&workspace, "net.pb", &flags).expect_code(0);
    assert_eq!(given.stderr, "", "nothing was guessed");
    assert_eq!(scores(&guessed.stdout), scores(&given.stdout));
    // What the script would use is no guess.
    fs::copy(workspace.path("graph.pb"), workspace.path("copy.pb")).unwrap();
    let script = alone(&workspace, "copy.pb", &["--labels=labels.txt", PHOTO]).expect_code(0);
    assert_eq!(script.stderr, "");
    let given = ["--input_mean=128", "--input_std=128", "--labels=labels.txt", PHOTO];
    let given = alone(&workspace, "graph.pb", &given).expect_code(0);
    assert_eq!(scores(&script.stdout), scores(&given.stdout));
}

/// Files of labels, the best first; each would be taken without those before it.
#[test]
fn without_metadata_the_labels_beside_the_graph_are_its_own() {
    let workspace = trained();
    let graph = fs::read(workspace.path("graph.pb")).unwrap();
    workspace.write("d/my_graph.pb", graph);
    let names = [
        "d/my_labels.txt",
        "d/my_graph_labels.txt",
        "d/retrained_labels.txt",
        "d/output_labels.txt",
        "d/labels.txt",
        "tf_files/retrained_labels.txt",
    ];
    names.iter().for_each(|name| drop(workspace.write(name, format!("{name}\nother\n"))));
    for name in names {
        let outcome = alone(&workspace, "d/my_graph.pb", &[PHOTO]).expect_code(0);
        let labels: Vec<String> = scores(&outcome.stdout).into_iter().map(|s| s.0).collect();
        assert!(labels.contains(&name.to_owned()), "{labels:?} instead of {name}");
        let is_said = outcome.stderr.contains(&format!(" --labels={name}\n"));
        assert_eq!(is_said, name != names[5], "{}", outcome.stderr);
        fs::remove_file(workspace.path(name)).unwrap();
    }
    let outcome = alone(&workspace, "d/my_graph.pb", &[PHOTO]).expect_code(1);
    outcome.says("reading tf_files/retrained_labels.txt: No such file");
}

#[test]
fn fields_that_this_version_does_not_know_survive() {
    let workspace = trained();
    let places = ["/input", "/model", "/output", "/split", "/accuracy", ""];
    change(&workspace, |metadata| {
        for place in places {
            metadata.pointer_mut(place).unwrap()["later"] = json!({ "a": [1, 2.5, null] });
        }
    });
    let path = workspace.path("graph.pb");
    let before = read_json(&workspace.path("graph.pb.json"));
    Metadata::load(&path).unwrap().unwrap().save(&path).unwrap();
    assert_eq!(read_json(&workspace.path("graph.pb.json")), before);
    alone(&workspace, "graph.pb", &[PHOTO]).expect_code(0);
    // A seed of the fuzz target is what a run writes.
    let seed = golden("../fuzz/corpus/metadata/run.json");
    let seed = Metadata::parse(&fs::read(seed).unwrap()).unwrap();
    assert_eq!(seed.labels, ["globular cluster", "open cluster"]);
}

#[test]
fn calibrated_scores_are_divided_by_the_temperature() {
    let workspace = trained();
    change(&workspace, |metadata| metadata["temperature"] = json!(2.0));
    let plain = scores(&alone(&workspace, "graph.pb", &[PHOTO]).expect_code(0).stdout);
    let calibrated = alone(&workspace, "graph.pb", &["--calibrated", PHOTO]).expect_code(0);
    let calibrated = scores(&calibrated.stdout);
    // softmax(logits / 2) of two classes, from softmax(logits).
    let roots = [plain[0].1.sqrt(), plain[1].1.sqrt()];
    assert_eq!(calibrated[0].0, plain[0].0);
    let wanted = roots[0] / (roots[0] + roots[1]);
    assert!((calibrated[0].1 - wanted).abs() < 2e-3, "{calibrated:?} instead of {wanted}");
    let many = alone(&workspace, "graph.pb", &["--calibrated", "--format=json", &PHOTO[8..]]);
    let many: Value = serde_json::from_str(&many.expect_code(0).stdout).unwrap();
    let many = many["scores"][0].as_f64().unwrap();
    assert!((many - f64::from(calibrated[0].1)).abs() < 1e-4, "{many}");
    change(&workspace, |metadata| metadata["temperature"] = Value::Null);
    alone(&workspace, "graph.pb", &["--calibrated", PHOTO])
        .expect_code(2)
        .says("--calibrated: graph.pb.json holds no temperature: train again with validation");
    fs::remove_file(workspace.path("graph.pb.json")).unwrap();
    alone(&workspace, "graph.pb", &["--calibrated", PHOTO])
        .expect_code(2)
        .says("--calibrated: needs the graph's metadata: there is no graph.pb.json");
}

const HUB: &str = "golden/hub_mobilenet_v1_025_224";
const QUANTOPS: &str = "golden/hub_mobilenet_v1_025_224_quantops";
const QUANTIZED: &str = "golden/poets_mobilenet_0.25_224_quantized";

/// The original scripts' graphs, with nothing but their path: as TensorFlow 1.15 answers when fed
/// as the script is with the right flags.
#[test]
fn the_scripts_graphs_need_no_flags() {
    let Some(python) = python("RETRAIN_PEER_TF115") else { return };
    let Some(photos) = shared("data/star_clusters") else { return };
    let images = REAL.map(|name| photos.join(name));
    // With fake quantisation, the last bit of a pixel moves a score by up to 0.011.
    for (directory, input, mean, std, tolerance) in [
        (GOLDEN, "input", 128, 128, 1e-4),
        (QUANTIZED, "input", 128, 128, 1e-4),
        (HUB, "Placeholder", 0, 255, 1e-4),
        (QUANTOPS, "Placeholder", 0, 255, 1.5e-2),
    ] {
        let graph = shared(directory).unwrap().join("retrained_graph.pb");
        let request = json!({
            "graph": graph, "images": images, "input": input, "size": 224, "mean": mean, "std": std,
        });
        let answer = ask_peer(&python, "classify.py", &request);
        for (image, theirs) in images.iter().zip(answer["scores"].as_array().unwrap()) {
            let image = format!("--image={}", image.display());
            let outcome = alone(&Workspace::new(), graph.to_str().unwrap(), &[&image]);
            for (label, score) in scores(&outcome.expect_code(0).stdout) {
                let class = ["globular cluster", "open cluster"].iter().position(|l| *l == label);
                let theirs = theirs[class.unwrap()].as_f64().unwrap();
                let difference = (f64::from(score) - theirs).abs();
                assert!(difference < tolerance, "{directory} {image}: {score} and {theirs}");
            }
        }
    }
}

fn evaluated(graph: &Path, photos: &Path, flags: &[&str]) -> Value {
    let args = [&["--evaluate", "--json", photos.to_str().unwrap()], flags].concat();
    let outcome = alone(&Workspace::new(), graph.to_str().unwrap(), &args).expect_code(0);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn all_photographs_are_recognised_by_a_hub_graph_as_with_the_right_flags() {
    let (Some(golden), Some(photos)) = (shared(HUB), shared("data/star_clusters")) else { return };
    let graph = golden.join("retrained_graph.pb");
    let alone = evaluated(&graph, &photos, &[]);
    let right =
        ["--input_layer=Placeholder", "--input_mean=0", "--input_std=255", "--input_width=224"];
    assert_eq!(alone, evaluated(&graph, &photos, &right));
    assert_eq!((&alone["right"], &alone["photographs"]), (&json!(131), &json!(138)));
    // The script's defaults are wrong for it.
    let wrong = evaluated(&graph, &photos, &["--input_mean=128", "--input_std=128"]);
    assert!(wrong["right"].as_u64().unwrap() < 80, "{wrong}");
}
