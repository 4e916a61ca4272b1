//! The exported graph and the label file.

use retrain::export::{check_free, parse_labels, save_labels};
use retrain::proto::{DataType, GraphDef, VersionDef, float_tensor};
use retrain::rewrite::convert_variables_to_constants;
use retrain::tf::GraphBuilder;

fn graph() -> GraphDef {
    let mut b = GraphBuilder::default();
    let x = b.op("Placeholder", "x").type_attr("dtype", DataType::DT_FLOAT).finish();
    let v = b
        .op("VariableV2", "v")
        .type_attr("dtype", DataType::DT_FLOAT)
        .shape_attr("shape", &[2])
        .finish();
    let read = b.op("Identity", "v/read").input(&v).float_type().finish();
    b.op("Relu", "unneeded").input(&x).float_type().finish();
    let gate = b.op("NoOp", "gate").finish();
    b.op("Mul", "y")
        .inputs([x.clone(), format!("{read}:0"), format!("^{gate}")])
        .float_type()
        .finish();
    let versions = VersionDef { producer: 24, ..VersionDef::default() };
    GraphDef { node: b.take_nodes(), versions: Some(versions).into(), ..GraphDef::default() }
}

#[test]
fn what_the_output_needs_stays_as_it_was_and_variables_become_constants() {
    let original = graph();
    let value = float_tensor(&[2], &[1.5, -2.0]);
    let frozen =
        convert_variables_to_constants(&original, "y", &[("v".into(), value.clone())]).unwrap();
    let names: Vec<&str> = frozen.node.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["x", "v", "v/read", "gate", "y"]);
    for node in &frozen.node {
        if node.name == "v" {
            assert_eq!((node.op.as_str(), node.input.len()), ("Const", 0));
            assert_eq!(node.tensor_attr("value").unwrap(), &value);
            assert_eq!(node.type_attr("dtype").unwrap(), DataType::DT_FLOAT);
        } else {
            assert_eq!(node, original.find(&node.name).unwrap());
        }
    }
    assert_eq!(frozen.versions, original.versions);
}

#[test]
fn a_missing_output_is_named() {
    let error = convert_variables_to_constants(&graph(), "z", &[]).unwrap_err();
    assert!(error.to_string().contains("'z'"), "{error}");
}

#[test]
fn a_directory_with_nothing_but_what_a_desktop_leaves_is_free() {
    let dir = tempfile::tempdir().unwrap();
    check_free(&dir.path().join("new")).unwrap();
    for name in [".DS_Store", "desktop.ini"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    std::fs::create_dir(dir.path().join("__MACOSX")).unwrap();
    check_free(dir.path()).unwrap();
    std::fs::write(dir.path().join("saved_model.pb"), "").unwrap();
    let error = check_free(dir.path()).unwrap_err().to_string();
    assert!(error.contains("exists and is not empty"), "{error}");
}

#[test]
fn blank_lines_at_the_end_are_no_labels() {
    assert_eq!(parse_labels(b"a\n\nb\n\n"), ["a", "", "b"]);
    assert_eq!(parse_labels(b"a\r\nb\r\n\r\n \t\n  "), ["a", "b"]);
    assert_eq!(parse_labels(b"\n \n"), Vec::<String>::new());
    // A byte-order mark counts only at the start of the file.
    assert_eq!(parse_labels(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"), ["a", "\u{feff}b"]);
}

#[test]
fn labels_are_one_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("labels.txt");
    save_labels(&path, ["globular cluster", "open cluster"]).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"globular cluster\nopen cluster\n");
    assert_eq!(parse_labels(b"a b\r\nc \nd"), ["a b", "c", "d"]);
}
