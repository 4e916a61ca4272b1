//! The Python package, in environments into which `.ci/run` has installed the wheel by pip:
//! Python 3.9 to 3.13 with TensorFlow 2.16 to the newest.

use super::support::{OUTPUTS, Outcome, Workspace, command, scores, shared};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Pythons of the environments, of which RETRAIN_PEER_WHEEL is a search path. With
/// RETRAIN_SHARED it must be set.
fn pythons() -> Vec<PathBuf> {
    let Some(path) = env::var_os("RETRAIN_PEER_WHEEL") else {
        let required = env::var_os("RETRAIN_SHARED").is_some();
        assert!(!required, "with RETRAIN_SHARED, RETRAIN_PEER_WHEEL must be set too");
        println!("skipped: RETRAIN_PEER_WHEEL names no Python");
        return Vec::new();
    };
    env::split_paths(&path).collect()
}

/// `python -m MODULE`, as in an environment that is not activated, with a cache of the workspace's.
fn module(workspace: &Workspace, python: &Path, module: &str, args: &[&str]) -> Command {
    let mut command = command(python, workspace.root(), &[&["-m", module], args].concat());
    command.env("RETRAIN_CACHE_DIR", workspace.path("cache")).env("PATH", "/usr/bin:/bin");
    for name in ["TENSORFLOW_DIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH"] {
        command.env_remove(name);
    }
    command
}

fn run(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A virtual environment of this workspace's, with the wheel but without TensorFlow.
fn without_tensorflow(workspace: &Workspace, python: &Path) -> PathBuf {
    let site = |environment: &Path| {
        let lib = environment.join("lib");
        lib.join(&names(&lib)[0]).join("site-packages")
    };
    let new = workspace.path("environment");
    let mut venv = Command::new(python);
    assert!(venv.args(["-m", "venv", "--without-pip"]).arg(&new).status().unwrap().success());
    let old = python.parent().unwrap().parent().unwrap();
    for name in ["retrain", "label_image"] {
        fs::copy(old.join("bin").join(name), new.join("bin").join(name)).unwrap();
    }
    for package in ["retrain", "scripts"] {
        fs::create_dir(site(&new).join(package)).unwrap();
        for file in names(&site(old).join(package)).iter().filter(|name| name.ends_with(".py")) {
            let path = |environment| site(environment).join(package).join(file);
            fs::copy(path(old), path(&new)).unwrap();
        }
    }
    new.join("bin/python")
}

/// The tutorial's two commands as they are, in each environment.
#[test]
fn the_tutorials_commands_give_the_same_answers_in_every_environment() {
    let Some(models) = shared("models") else { return };
    let mut answers = Vec::new();
    for python in pythons() {
        let workspace = Workspace::new();
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        for photos in ["cluster_photos", "test_photos"] {
            let link = workspace.path("tf_files").join(photos);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(project.join("tf_files").join(photos), link).unwrap();
        }
        let archive = "mobilenet_v1_0.25_224_frozen.tgz";
        workspace.write("tf_files/models/README", "");
        fs::copy(models.join(archive), workspace.path("tf_files/models").join(archive)).unwrap();
        let training = [
            "--bottleneck_dir=tf_files/bottlenecks",
            "--how_many_training_steps=20",
            "--model_dir=tf_files/models/",
            "--summaries_dir=tf_files/training_summaries/mobilenet_0.25_224",
            "--output_graph=tf_files/retrained_graph.pb",
            "--output_labels=tf_files/retrained_labels.txt",
            "--architecture=mobilenet_0.25_224",
            "--image_dir=tf_files/cluster_photos",
            "--random_seed=1",
        ];
        run(module(&workspace, &python, "scripts.retrain", &training)).expect_code(0);
        let labelling = [
            "--graph=tf_files/retrained_graph.pb",
            "--image=tf_files/test_photos/open cluster/o00061.jpg",
        ];
        let labelled = run(module(&workspace, &python, "scripts.label_image", &labelling));
        answers.push((python, scores(&labelled.expect_code(0).stdout)));
        let cache = names(&workspace.path("cache"));
        assert_eq!(cache.len(), 1, "TensorFlow is the environment's own: {cache:?}");
        assert!(cache[0].starts_with("tensorflow-site-2."), "{cache:?}");
    }
    let Some((_, first)) = answers.first() else { return };
    assert_eq!(first.len(), 2, "{answers:?}");
    for (python, scores) in &answers {
        for ((label, score), (same_label, same_score)) in scores.iter().zip(first) {
            assert_eq!(label, same_label, "{}", python.display());
            assert!((score - same_score).abs() < 1e-4, "{}: {answers:?}", python.display());
        }
    }
}

#[test]
fn every_program_is_a_module_too_and_gets_its_arguments() {
    for python in pythons() {
        let workspace = Workspace::new();
        for (name, program, wrong) in [
            ("retrain", "retrain", "--image_dir=nö such"),
            ("retrain.label_image", "label_image", "--image=nö such"),
            ("retrain.simulate_clusters", "simulate_clusters", "--per_class=nö such"),
            ("retrain.download_images", "download_images", "nö such"),
            ("retrain.retrain_worker", "retrain_worker", "--listen=nö such"),
            ("retrain.cache_bottlenecks", "cache_bottlenecks", "--image_dir=nö such"),
            ("scripts.retrain", "retrain", "--image_dir=nö such"),
            ("scripts.label_image", "label_image", "--image=nö such"),
        ] {
            let program = python.with_file_name(program);
            for (argument, succeeds) in [("--help", true), (wrong, false)] {
                let by_module = run(module(&workspace, &python, name, &[argument]));
                let direct = run(command(&program, workspace.root(), &[argument]));
                assert_eq!(by_module.code == 0, succeeds, "{name}: {}", by_module.stderr);
                assert_eq!(by_module.code, direct.code, "{name}");
                assert_eq!(by_module.stdout, direct.stdout, "{name}");
                assert_eq!(by_module.stderr, direct.stderr, "{name}");
            }
        }
    }
}

/// The process becomes the program: who waits for it sees how the program ends.
#[test]
fn signals_reach_the_program() {
    for python in pythons() {
        let workspace = Workspace::with_photos(25);
        let args = ["--image_dir=photos", "--architecture=miniature", "--model_dir=models"];
        let mut command = module(&workspace, &python, "scripts.retrain", &args);
        command.arg("--how_many_training_steps=10000000").stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("Step 0:")), "training does not begin");
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        let rest: Vec<String> = lines.collect();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    }
}

/// A tutorial's own `scripts` and `retrain.py` stay what they are.
#[test]
fn files_of_the_same_names_in_the_working_directory_win_and_are_not_in_the_way() {
    for python in pythons() {
        let workspace = Workspace::new();
        workspace.write("retrain.py", "raise SystemExit('imported the wrong file')");
        let help = run(module(&workspace, &python, "scripts.label_image", &["--help"]));
        assert!(help.expect_code(0).stdout.contains("--graph"));
        workspace.write("scripts/__init__.py", "");
        workspace.write("scripts/retrain.py", "print('a script of my own')");
        let own = run(module(&workspace, &python, "scripts.retrain", &[]));
        assert_eq!(own.expect_code(0).stdout, "a script of my own\n");
    }
}

#[test]
fn without_tensorflow_or_the_program_the_remedy_is_named() {
    let Some(python) = pythons().into_iter().next() else { return };
    let workspace = Workspace::with_photos(25);
    let bare = without_tensorflow(&workspace, &python);
    let training = ["--image_dir=photos", "--architecture=miniature", "--model_dir=models"];
    let missing = run(module(&workspace, &bare, "retrain", &training)).expect_code(1);
    missing.says("Install TensorFlow (pip install tensorflow");

    fs::remove_file(bare.with_file_name("retrain")).unwrap();
    let missing = run(module(&workspace, &bare, "scripts.retrain", &[])).expect_code(1);
    let bin = bare.parent().unwrap().to_str().unwrap().to_owned();
    missing.says("The program retrain is not in ").says(&bin).says("-m pip install");
}

/// The observatory's machine has the programs, and the rest on a stick that `--fetch` has filled.
#[test]
fn the_library_of_a_stick_serves_all_programs() {
    let Some(python) = pythons().into_iter().next() else { return };
    let workspace = Workspace::with_photos(25);
    let bare = without_tensorflow(&workspace, &python);
    let library = retrain::tf::find_library().unwrap();
    let place = env::split_paths(env!("RETRAIN_TENSORFLOW_CACHES")).last().unwrap();
    let stick = workspace.path("stick");
    fs::create_dir(&stick).unwrap();
    let link = stick.join(place.file_name().unwrap());
    std::os::unix::fs::symlink(library.parent().unwrap(), link).unwrap();

    let training = ["--offline", "--image_dir=photos", "--architecture=miniature"];
    let training = [&training[..], &["--model_dir=stick", "--how_many_training_steps=2"]].concat();
    let training = [&training[..], &OUTPUTS].concat();
    let export = format!("export RETRAIN_CACHE_DIR={}", stick.display());
    run(module(&workspace, &bare, "retrain", &training)).expect_code(0).says(&export);
    let photo = "--image=photos/open cluster/o00000.jpg";
    let labelling = ["--offline", "--graph=graph.pb", "--labels=labels.txt", photo];
    let mut label = module(&workspace, &bare, "retrain.label_image", &labelling);
    label.env("RETRAIN_CACHE_DIR", &stick);
    assert_eq!(scores(&run(label).expect_code(0).stdout).len(), 2);
    let label = module(&workspace, &bare, "retrain.label_image", &labelling);
    run(label).expect_code(1).says("set RETRAIN_CACHE_DIR to the directory");
}

/// It would be wrong on another machine.
#[test]
fn the_programs_remember_no_library_of_the_machine_that_built_them() {
    let Some(python) = pythons().into_iter().next() else { return };
    for name in ["retrain", "label_image", "retrain_worker", "cache_bottlenecks"] {
        let program = fs::read(python.with_file_name(name)).unwrap();
        for directory in env::split_paths(env!("RETRAIN_TENSORFLOW_CACHES")) {
            let path = directory.to_str().unwrap().as_bytes();
            assert!(!path.is_empty());
            let remembered = program.windows(path.len()).any(|bytes| bytes == path);
            assert!(!remembered, "{name}: {}", directory.display());
        }
    }
}

/// What pip asks for is what the program accepts.
#[test]
fn the_package_depends_on_the_versions_that_can_be_used() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pyproject = fs::read_to_string(project.join("pyproject.toml")).unwrap();
    let wheels = fs::read_to_string(project.join("src/tf/wheels.rs")).unwrap();
    let (_, versions) = wheels.split_once("MINOR_VERSIONS: RangeInclusive<u32> =").unwrap();
    let ranges = regex::Regex::new(r"(\d+)\.\.=(\d+)").unwrap();
    let ranges: Vec<_> = ranges.captures_iter(versions.split_once(';').unwrap().0).collect();
    let [windows, others] = &ranges[..] else { panic!("one range for Windows, one for others") };
    let is_one = |line: &&str| line.trim_start().starts_with("\"tensorflow");
    let wanted: Vec<&str> = pyproject.lines().filter(is_one).collect();
    assert_eq!(wanted.len(), 3, "{wanted:?}");
    for line in wanted {
        let range = if line.contains("platform_system == 'Windows'") { windows } else { others };
        let range = format!(">=2.{},<2.{};", &range[1], range[2].parse::<u32>().unwrap() + 1);
        assert!(line.contains(&range), "{range} is not in {line}");
    }
}
