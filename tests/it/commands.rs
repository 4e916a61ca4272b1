//! `--print_commands`: what is printed is a shell script of this run's names. tests/it/consumers.rs
//! runs the commands.

use super::support::{OUTPUTS, RETRAIN, Workspace, run, shared, system_python};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// The Python programs in a script: what stands between `<<'END'` after `python` and `END`.
fn python_programs(script: &str) -> Vec<&str> {
    let starts = script.split("python - ").skip(1);
    let programs = starts.map(|text| text.split_once("<<'END'\n").unwrap().1);
    programs.map(|text| text.split_once("\nEND\n").unwrap().0).collect()
}

#[test]
fn what_is_printed_is_a_script_with_the_names_of_the_run() {
    let workspace = Workspace::with_photos(20);
    let flags = [
        "--output_graph=it's $HOME.pb",
        "--final_tensor_name=answer",
        "--saved_model_dir=saved model",
        "--print_commands",
    ];
    let script = workspace.retrain(&flags).expect_code(0).stdout;
    for text in [
        "--graph='it'\\''s $HOME.pb' --labels=labels.txt",
        "--input_layer=input --output_layer=answer",
        "--input_height=128 --input_width=128",
        "--input_mean=128 --input_std=128",
        "{'input': [1, 128, 128, 3]}",
        "'it'\\''s $HOME'.onnx",
        "cp -R 'saved model'/. serving/retrained/1",
    ] {
        assert!(script.contains(text), "{text} is not in\n{script}");
    }
    let is_name = |text: &str| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let is_left = script.split('@').any(|part| part.len() > 2 && is_name(part));
    assert!(!is_left, "{script}");
    let path = workspace.write("commands.sh", &script);
    assert!(Command::new("sh").arg("-n").arg(&path).status().unwrap().success(), "{script}");
    let Some(python) = system_python() else { return };
    let programs = python_programs(&script);
    assert_eq!(programs.len(), 7);
    for program in programs {
        let file = workspace.write("program.py", program);
        let compile = "import sys; compile(open(sys.argv[1]).read(), 'program.py', 'exec')";
        let status = Command::new(&python).args(["-c", compile]).arg(file).status().unwrap();
        assert!(status.success(), "{program}");
    }
}

#[test]
fn names_of_files_are_printed_as_they_are() {
    let workspace = Workspace::with_photos(20);
    let flags = [
        "--output_graph=$(touch pwned) @LABELS@.pb",
        "--output_labels=$(touch pwned).txt",
        "--print_commands",
    ];
    let script = workspace.retrain(&flags).expect_code(0).stdout;
    let names = "--graph='$(touch pwned) @LABELS@.pb' --labels='$(touch pwned).txt'";
    assert!(script.contains(names), "{script}");
}

#[test]
fn the_page_and_the_json_have_the_commands_too() {
    let workspace = Workspace::with_photos(20);
    let printed = workspace.retrain(&["--json", "--print_commands"]).expect_code(0).stdout;
    let summary: Value = serde_json::from_str(&printed).unwrap();
    let commands = summary["commands"].as_object().unwrap();
    assert!(commands.contains_key("lite") && !commands.contains_key("serving"));
    let page = fs::read_to_string(workspace.path("summaries/report/index.html")).unwrap();
    for command in commands.values() {
        let escaped = command.as_str().unwrap().replace('&', "&amp;");
        let escaped = escaped.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(page.contains(&escaped), "{escaped}");
    }
}

#[test]
fn of_tensorflows_quantised_ops_only_tensorflow_is_named() {
    let (Some(photos), Some(models)) = (shared("data/star_clusters"), shared("models")) else {
        return;
    };
    let workspace = Workspace::new();
    let archive = "mobilenet_v1_0.25_224_frozen.tgz";
    fs::create_dir(workspace.path("models")).unwrap();
    fs::copy(models.join(archive), workspace.path("models").join(archive)).unwrap();
    let image_dir = format!("--image_dir={}", photos.display());
    let flags = [
        &image_dir,
        "--architecture=mobilenet_0.25_224_quantized",
        "--model_dir=models",
        "--how_many_training_steps=1",
        "--json",
    ];
    let args = [&flags[..], &OUTPUTS].concat();
    let outcome = run(RETRAIN, workspace.root(), &args).expect_code(0);
    let summary: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let names: Vec<_> = summary["commands"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["label_image"]);
}
