//! Flags: the table, and argparse's habits, with a test for each flag.

use super::support::{LABEL_IMAGE, Outcome, RETRAIN, Workspace, miniature_dir, run};
use retrain::cli::{Flag, Kind, RETRAIN_FLAGS, Script};
use std::collections::BTreeMap;

/// Names, types and defaults as COMPAT.md lists them, common to all three scripts and for each one.
/// `tfhub_module` has a default in the hub script. This program serves every generation, and
/// passing the flag selects the hub's, so here it has none. Neither has `saved_model_dir`: the
/// script of TensorFlow 1.5 to 1.7 writes there unless told otherwise.
const COMMON: &str = "
    image_dir str ; output_graph str /tmp/output_graph.pb
    intermediate_output_graphs_dir str /tmp/intermediate_graph/
    intermediate_store_frequency int 0 ; output_labels str /tmp/output_labels.txt
    summaries_dir str /tmp/retrain_logs
    how_many_training_steps int 4000 ; learning_rate float 0.01 ; testing_percentage int 10
    validation_percentage int 10 ; eval_step_interval int 10 ; train_batch_size int 100
    test_batch_size int -1
    validation_batch_size int 100 ; print_misclassified_test_images switch
    bottleneck_dir str /tmp/bottleneck
    final_tensor_name str final_result ; flip_left_right switch ; random_crop int 0
    random_scale int 0
    random_brightness int 0";
const POETS: &str = "model_dir str /tmp/imagenet ; architecture str inception_v3";
const EXAMPLES: &str = "model_dir str /tmp/imagenet ; architecture str inception_v3
    saved_model_dir str";
const HUB: &str = "tfhub_module str ; saved_model_dir str ; logging_verbosity choice INFO
    checkpoint_path str /tmp/_retrain_checkpoint";

/// A script's flags by name: type and default.
pub(crate) fn flags_of(script: Script) -> BTreeMap<&'static str, [&'static str; 2]> {
    let own = match script {
        Script::Poets => POETS,
        Script::Examples => EXAMPLES,
        Script::Hub => HUB,
    };
    let rows = COMMON.split([';', '\n']).chain(own.split([';', '\n']));
    let words = rows.map(|row| row.split_whitespace().collect::<Vec<_>>());
    words
        .filter(|words| !words.is_empty())
        .map(|words| (words[0], [words[1], words.get(2).unwrap_or(&"")]))
        .collect()
}

fn kind(flag: &Flag) -> &'static str {
    match flag.kind {
        Kind::Str => "str",
        Kind::Int => "int",
        Kind::Float => "float",
        Kind::Switch => "switch",
        Kind::Choice(_) => "choice",
    }
}

fn flag(name: &str) -> &'static Flag {
    RETRAIN_FLAGS.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no flag {name}"))
}

/// Runs `retrain` in an empty directory.
fn retrain(args: &[&str]) -> Outcome {
    run(RETRAIN, Workspace::new().root(), args)
}

/// The shortest prefix of this original flag that fits no other flag, nor `help`.
fn shortest_prefix(flag: &Flag) -> &'static str {
    let originals = RETRAIN_FLAGS.iter().filter(|f| f.is_original() && f.name != flag.name);
    let others: Vec<&str> = originals.map(|f| f.name).chain(["help"]).collect();
    let fits = |n: &usize| others.iter().all(|other| !other.starts_with(&flag.name[..*n]));
    &flag.name[..(1..=flag.name.len()).find(fits).unwrap()]
}

/// Every way to give a flag a value.
fn ways(flag: &Flag, value: &str) -> [Vec<String>; 4] {
    let (name, prefix) = (flag.name, shortest_prefix(flag));
    [
        vec![format!("--{name}={value}")],
        vec![format!("--{name}"), value.into()],
        vec![format!("--{prefix}={value}")],
        vec![format!("--{prefix}"), value.into()],
    ]
}

/// Gives the flag an invalid value in every way. Each must exit with code 2 and a message that
/// names the flag.
fn assert_refused(name: &str, value: &str, message: &str) {
    for way in ways(flag(name), value) {
        let args: Vec<&str> = way.iter().map(String::as_str).collect();
        let outcome =
            retrain(&[&["--architecture=miniature", "--image_dir=photos"], &args[..]].concat());
        outcome.expect_code(2).says(&format!("ERROR:retrain:--{name}: ")).says(message);
    }
}

#[test]
fn names_types_and_defaults_are_the_scripts() {
    for script in Script::ALL {
        let ours = RETRAIN_FLAGS.iter().filter(|f| f.scripts.contains(&script));
        let ours: BTreeMap<_, _> = ours.map(|f| (f.name, [kind(f), f.default])).collect();
        assert_eq!(ours, flags_of(script), "{script:?}");
    }
    assert_eq!(
        flag("logging_verbosity").kind,
        Kind::Choice(&["DEBUG", "INFO", "WARN", "ERROR", "FATAL"])
    );
}

#[test]
fn no_flag_is_made_of_a_scripts_flag_and_all_say_what_they_are_for() {
    assert!(RETRAIN_FLAGS.iter().all(|flag| !flag.help.is_empty()));
    for flag in RETRAIN_FLAGS.iter().filter(|flag| flag.is_original()) {
        for other in RETRAIN_FLAGS.iter().filter(|o| o.name != flag.name) {
            assert!(!other.name.starts_with(flag.name), "{} {}", other.name, flag.name);
        }
    }
}

#[test]
fn every_whole_number_is_read_and_checked() {
    for flag in RETRAIN_FLAGS.iter().filter(|f| f.kind == Kind::Int && f.is_original()) {
        assert_refused(flag.name, "1.5", "invalid int value: '1.5'");
    }
    for value in ["x", "", "0x10", "1e3", "1__0", "12345678901234567890"] {
        retrain(&[&format!("--train_batch_size={value}")])
            .expect_code(2)
            .says(&format!("int value: '{value}'"));
    }
    retrain(&["--random_seed=x"]).expect_code(2).says("--random_seed: invalid int value: 'x'");
}

#[test]
fn whole_numbers_out_of_range_are_refused() {
    for (name, value) in [
        ("intermediate_store_frequency", "-1"),
        ("how_many_training_steps", "-1"),
        ("testing_percentage", "101"),
        ("testing_percentage", "-1"),
        ("validation_percentage", "101"),
        ("eval_step_interval", "0"),
        ("train_batch_size", "0"),
        ("test_batch_size", "0"),
        ("validation_batch_size", "0"),
        ("random_crop", "-1"),
        ("random_scale", "-1"),
        ("random_brightness", "-1"),
        ("random_crop", "901"),
        ("random_scale", "901"),
        ("random_brightness", "101"),
    ] {
        assert_refused(name, value, "must be ");
    }
    retrain(&["--random_crop=400", "--random_scale=101"])
        .expect_code(2)
        .says("would enlarge images more than ten times");
    for angle in ["-1", "181"] {
        let says = format!("--rotate_degrees: must be an angle from 0 to 180°, not {angle}");
        retrain(&[&format!("--rotate_degrees={angle}")]).expect_code(2).says(&says);
    }
    let both = ["--testing_percentage=60", "--validation_percentage=60"];
    retrain(&both).expect_code(2).says("--validation_percentage add up to more than 100");
    retrain(&["--random_seed=-1"]).expect_code(2).says("--random_seed: must be at least 0");
}

#[test]
fn learning_rate_is_a_finite_number() {
    assert_refused("learning_rate", "fast", "invalid float value: 'fast'");
    assert_refused("learning_rate", "nan", "must be a finite number");
    // A negative number is a value, not a flag.
    assert_refused("learning_rate", "-1e-3", "not -0.001");
}

#[test]
fn logging_verbosity_is_one_of_five_words() {
    assert_refused(
        "logging_verbosity",
        "LOUD",
        "invalid choice: 'LOUD' (choose from DEBUG, INFO, WARN, ERROR, FATAL)",
    );
}

#[test]
fn final_tensor_name_must_be_a_nodes_name() {
    assert_refused("final_tensor_name", "a name", "'a name' cannot name a node");
    assert_refused("final_tensor_name", "a:0", "'a:0' cannot name a node");
}

#[test]
fn switches_take_no_value() {
    for name in ["print_misclassified_test_images", "flip_left_right"] {
        for typed in [name, shortest_prefix(flag(name))] {
            retrain(&[&format!("--{typed}=true")])
                .expect_code(2)
                .says(&format!("--{name}: is a switch"));
        }
    }
}

#[test]
fn architecture_is_taken_in_every_way() {
    for way in ways(flag("architecture"), "mobilenet_1.0_225") {
        let args: Vec<&str> = way.iter().map(String::as_str).collect();
        // The script returns -1 here.
        retrain(&args)
            .expect_code(255)
            .says("should be '224', '192', '160', or '128', but found '225'");
    }
}

/// Flags whose value is a path: an impossible one, given in every way.
#[test]
fn places_are_taken_in_every_way() {
    let workspace = Workspace::new();
    let file = workspace.write("a_file", "");
    let file = file.to_str().unwrap();
    for (name, value, message) in [
        ("output_graph", format!("{file}/graph.pb"), "a_file"),
        ("output_labels", format!("{file}/labels.txt"), "a_file"),
        ("bottleneck_dir", file.into(), "a_file is not a directory"),
        ("model_dir", file.into(), "a_file is not a directory"),
        ("summaries_dir", file.into(), "a_file is not a directory"),
    ] {
        assert_refused(name, &value, message);
    }
    let model_dir = format!("--model_dir={}", miniature_dir().display());
    for way in ways(flag("image_dir"), "no such place") {
        let mut args: Vec<&str> = way.iter().map(String::as_str).collect();
        args.extend([
            "--architecture=miniature",
            &model_dir,
            "--output_graph=g",
            "--output_labels=l",
        ]);
        run(RETRAIN, workspace.root(), &args)
            .expect_code(255)
            .says("no such place: Image directory not found");
    }
}

#[test]
fn unknown_flags_are_ignored_with_a_warning() {
    let outcome = retrain(&["--zzz", "word", "--architecture=none", "-x"]).expect_code(255);
    for warning in [
        "WARNING:retrain:unknown flag --zzz is ignored\n",
        "WARNING:retrain:'word' is not a flag and is ignored\n",
        "WARNING:retrain:'-x' is not a flag and is ignored\n",
    ] {
        assert!(outcome.stderr.contains(warning), "'{warning}' is not in\n{}", outcome.stderr);
    }
}

#[test]
fn ambiguous_prefixes_are_refused_with_all_they_could_be() {
    let outcome = retrain(&["--random_=3"]).expect_code(2);
    outcome
        .says("ambiguous option: could match --random_crop, --random_scale, --random_brightness");
    retrain(&["--test", "1"]).expect_code(2).says("--testing_percentage, --test_batch_size");
    retrain(&["--o=x"]).expect_code(2).says("--output_graph, --output_labels");
}

#[test]
fn prefixes_mean_the_scripts_flags_before_ours() {
    // --random_seed is ours: in scripts written without it, these must still mean random_scale.
    for typed in ["--random_s=x", "--random_sc=x"] {
        retrain(&[typed]).expect_code(2).says("--random_scale: invalid int value: 'x'");
    }
    retrain(&["--random_se=x"]).expect_code(2).says("--random_seed: invalid int value: 'x'");
}

#[test]
fn a_flags_own_name_is_no_prefix_and_the_last_of_several_wins() {
    retrain(&["--architecture=one", "--arch", "two"]).expect_code(255).says("name 'two'");
    retrain(&["--train_batch_size=x", "--train_batch_size=0"])
        .expect_code(2)
        .says("must be at least 1");
}

#[test]
fn negative_numbers_are_values_and_flags_are_not() {
    let batches =
        ["--train_batch_size", "-1", "--test_batch_size", "-1", "--validation_batch_size", "-1"];
    let outcome = retrain(&[&batches[..], &["--architecture=none"]].concat()).expect_code(255);
    assert!(!outcome.stderr.contains("WARNING"), "{}", outcome.stderr);
    for args in
        [&["--image_dir", "--architecture=none"][..], &["--architecture=none", "--image_dir"]]
    {
        retrain(args).expect_code(2).says("--image_dir: expected one argument");
    }
    // Anything after an equals sign is a value.
    retrain(&["--architecture=--none"]).expect_code(255).says("name '--none'");
}

#[test]
fn pythons_ways_to_write_numbers_are_read() {
    for number in
        ["--how_many_training_steps=1_000", "--how_many_training_steps= 5 ", "--learning_rate=1e-2"]
    {
        retrain(&[number, "--architecture=none"]).expect_code(255);
    }
}

#[test]
fn image_dir_must_be_given() {
    retrain(&["--architecture=miniature"]).expect_code(2).says("--image_dir: must be given");
    retrain(&["--architecture=miniature", "--image_dir="])
        .expect_code(2)
        .says("--image_dir: must be given");
}

#[test]
fn the_two_generations_exclude_each_other() {
    let outcome =
        retrain(&["--tfhub_module=x", "--architecture=mobilenet_0.25_224", "--image_dir=y"]);
    outcome.expect_code(2).says("cannot be combined with --architecture");
}

#[test]
fn what_describes_a_graph_of_ones_own_goes_with_one() {
    let own = [
        "signature",
        "bottleneck_tensor",
        "input_tensor",
        "input_width",
        "input_height",
        "input_mean",
        "input_std",
    ];
    for name in own {
        let message = format!(
            "--{name}: applies only to a network of your own: --architecture=path/to/graph.pb or \
             --architecture=path/to/saved_model\n"
        );
        for model in
            ["--architecture=miniature", "--architecture=nonsense", "--tfhub_module=a/module"]
        {
            retrain(&[model, &format!("--{name}=1")]).expect_code(2).says(&message);
        }
        // Given the flag, the file is read: only the graph is missing.
        let mine =
            ["--architecture=mine.pb", "--image_dir=x", "--output_graph=g", "--output_labels=l"];
        for way in [vec![format!("--{name}=1")], vec![format!("--{name}"), "1".into()]] {
            let way: Vec<&str> = way.iter().map(String::as_str).collect();
            retrain(&[&mine[..], &way].concat())
                .expect_code(2)
                .says("--architecture: mine.pb: there is no such file");
        }
    }
    let mine = |value: &str| retrain(&["--architecture=mine.pb", value]).expect_code(2);
    for name in ["input_width", "input_height"] {
        mine(&format!("--{name}=1.5")).says(&format!("--{name}: invalid int value: '1.5'"));
        mine(&format!("--{name}=0"))
            .says(&format!("--{name}: must be between 1 and 16384 pixels, not 0"));
    }
    for name in ["input_mean", "input_std"] {
        mine(&format!("--{name}=x")).says(&format!("--{name}: invalid float value: 'x'"));
        mine(&format!("--{name}=nan")).says(&format!("--{name}: must be a finite number, not NaN"));
    }
    mine("--input_std=0").says("--input_std: must not be 0: pixel values are divided by it");
}

#[test]
fn help_lists_every_flag_and_its_default() {
    let outcome = retrain(&["--help"]).expect_code(0);
    for flag in RETRAIN_FLAGS {
        assert!(outcome.stdout.contains(&format!("--{}", flag.name)), "{}", flag.name);
        assert!(outcome.stdout.contains(flag.default), "{}", flag.name);
    }
    assert_eq!(outcome.stderr, "");
}

#[test]
fn label_image_has_the_same_habits() {
    let label = |args: &[&str]| run(LABEL_IMAGE, Workspace::new().root(), args);
    label(&[]).expect_code(2).says("--image: must be given");
    for name in ["input_height", "input_width"] {
        label(&["--image=x", &format!("--{name}=1.5")])
            .expect_code(2)
            .says("invalid int value: '1.5'");
        label(&["--image=x", &format!("--{name}"), "y"])
            .expect_code(2)
            .says("invalid int value: 'y'");
    }
    for name in ["input_mean", "input_std"] {
        label(&["--image=x", &format!("--{name}=y")])
            .expect_code(2)
            .says("invalid float value: 'y'");
        label(&["--image=x", &format!("--{name}"), "inf"])
            .expect_code(2)
            .says("must be a finite number, not inf");
        // Your own network may need decimals.
        label(&["--image=x", &format!("--{name}=127.5")])
            .expect_code(1)
            .says("reading x: No such file");
    }
    label(&["--image=x", "--input_s=0"]).expect_code(2).says("--input_std: must not be 0");
    label(&["--image=x", "--input_height=0"])
        .expect_code(2)
        .says("--input_height: must be between");
    label(&["--im=x", "--input_size=y"])
        .expect_code(1)
        .says("unknown flag --input_size is ignored")
        .says("reading x: No such file");
    let help = label(&["--help"]).expect_code(0).stdout;
    for default in [
        "tf_files/retrained_graph.pb",
        "tf_files/retrained_labels.txt",
        "224",
        "128",
        "input",
        "final_result",
    ] {
        assert!(help.contains(default), "{default} is not in\n{help}");
    }
}
