//! Where libtensorflow is looked for: by the build script, which is run here in places of its own,
//! and by the library at run time.

use super::support::Workspace;
use retrain::tf;
use std::env;
use std::env::consts::{ARCH, DLL_SUFFIX, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

/// Set in the process that [`loading_sets_nothing_and_says_where_the_library_is`] starts.
const STARTED_BY_TEST: &str = "RETRAIN_TEST_LOADS_TENSORFLOW";

fn library() -> String {
    format!("libtensorflow{DLL_SUFFIX}")
}

/// The build script, which has to find TensorFlow in this workspace: no environment variable but
/// PYTHONPATH says where one is, and pip has no index.
fn build_script(workspace: &Workspace) -> Command {
    let mut script = Command::new(env!("RETRAIN_BUILD_SCRIPT"));
    script.current_dir(env!("CARGO_MANIFEST_DIR"));
    for name in ["TENSORFLOW_DIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "DOCS_RS"] {
        script.env_remove(name);
    }
    for (name, directory) in [
        ("RETRAIN_CACHE_DIR", "cache"),
        ("OUT_DIR", "out"),
        ("PYTHONPATH", "python"),
        ("PIP_FIND_LINKS", "wheels"),
    ] {
        let directory = workspace.path(directory);
        fs::create_dir_all(&directory).unwrap();
        script.env(name, directory);
    }
    script.env("CARGO_CFG_TARGET_OS", OS).env("CARGO_CFG_TARGET_ARCH", ARCH);
    script.env("HOST", "here").env("TARGET", "here").env("PIP_NO_INDEX", "1");
    script
}

/// Puts what Python takes for an installed TensorFlow into the workspace.
fn install(workspace: &Workspace, version: &str) {
    let _ = fs::remove_dir_all(workspace.path("python"));
    let metadata = format!("Metadata-Version: 2.1\nName: tensorflow\nVersion: {version}\n");
    workspace.write(&format!("python/tensorflow-{version}.dist-info/METADATA"), metadata);
    workspace.write("python/tensorflow/__init__.py", "raise ImportError('nobody imports this')");
    workspace.write("python/tensorflow/libtensorflow_cc.so.2", version);
    workspace.write("python/tensorflow/libtensorflow_framework.so.2", "framework");
    workspace.write("python/tensorflow.libs/libomp.so.5", "bundled");
    workspace.write("python/numpy.libs/libblas.so", "another package's");
}

/// Whether a test of [`build_script`] has something to do: there is a Python, and no libtensorflow
/// where it looks before.
fn python_is_asked() -> bool {
    let python =
        Command::new("python3").arg("--version").output().is_ok_and(|o| o.status.success());
    let before = ["/usr/local/lib", "/usr/local/lib/libtensorflow", "/usr/lib"];
    let asked = python && !before.iter().any(|dir| Path::new(dir).join(library()).is_file());
    if !asked {
        println!("skipped: no python3, or libtensorflow among the system's libraries");
    }
    asked
}

#[track_caller]
fn succeeds(script: &mut Command) -> String {
    let output = script.output().unwrap();
    let Output { stdout, stderr, status } = output;
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(status.success(), "{stdout}\n{stderr}");
    stdout
}

/// The error that the script ends with.
#[track_caller]
fn fails(script: &mut Command) -> String {
    let output = script.output().unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

/// What the script says behind `key`, each time that it says it.
fn said<'s>(stdout: &'s str, key: &'s str) -> Vec<&'s str> {
    stdout.lines().filter_map(|line| line.strip_prefix(key)).collect()
}

/// The directories that the script tells the program to look in.
fn directories(stdout: &str) -> Vec<PathBuf> {
    let said = said(stdout, "cargo:rustc-env=RETRAIN_TENSORFLOW_CACHES=");
    assert_eq!(said.len(), 1, "{stdout}");
    env::split_paths(said[0]).collect()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_installed_tensorflow_serves_the_build() {
    if !python_is_asked() {
        return;
    }
    let workspace = Workspace::new();
    install(&workspace, "2.18.1");
    let stdout = succeeds(&mut build_script(&workspace));
    let directories = directories(&stdout);
    assert_eq!(directories.len(), 2, "the links, and where the wheel would be");
    let installed = workspace.path("python/tensorflow/libtensorflow_cc.so.2");
    let links = &directories[0];
    // The loader looks for what a library needs beside the link it was loaded by.
    let mut linked = [
        &library(),
        "libomp.so.5",
        "libtensorflow_cc.so.2",
        "libtensorflow_framework.so.2",
        "package.txt",
    ];
    linked.sort_unstable();
    assert_eq!(names(links), linked);
    let target = links.join(library()).canonicalize().unwrap();
    assert_eq!(target, installed.canonicalize().unwrap());

    assert_eq!(succeeds(&mut build_script(&workspace)), stdout, "a second run changes nothing");
}

/// What was removed is not in the way of another installation, and is not used.
#[test]
fn links_to_a_removed_tensorflow_are_made_again() {
    if !python_is_asked() {
        return;
    }
    let workspace = Workspace::new();
    install(&workspace, "2.18.1");
    let links = directories(&succeeds(&mut build_script(&workspace))).remove(0);
    fs::remove_dir_all(workspace.path("python/tensorflow")).unwrap();
    assert!(!links.join(library()).is_file());
    let error = fails(&mut build_script(&workspace));
    assert!(error.contains("TENSORFLOW_DIR") && error.contains("pip"), "{error}");
    install(&workspace, "2.18.1");
    succeeds(&mut build_script(&workspace));
    assert_eq!(fs::read(links.join(library())).unwrap(), b"2.18.1");
}

/// cargo runs a script again, and compiles what depends on it, if a file that it names is newer
/// than the script's start.
#[test]
fn the_build_script_names_no_file_that_it_makes_newer_than_itself() {
    if !python_is_asked() {
        return;
    }
    let workspace = Workspace::new();
    install(&workspace, "2.18.1");
    let start = SystemTime::now();
    let stdout = succeeds(&mut build_script(&workspace));
    let named = said(&stdout, "cargo:rerun-if-changed=");
    assert!(named.iter().any(|file| file.ends_with(&library())), "{stdout}");
    for file in named {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert!(fs::metadata(path).unwrap().modified().unwrap() <= start, "{file}");
    }
}

#[test]
fn installed_tensorflows_of_other_versions_are_left_alone() {
    if !python_is_asked() {
        return;
    }
    for version in ["1.15.5", "2.12.1", "2.22.0", "3.16.2"] {
        let workspace = Workspace::new();
        install(&workspace, version);
        let error = fails(&mut build_script(&workspace));
        assert!(error.contains("2.16.2"), "{version}: {error}");
        assert!(names(&workspace.path("cache")).is_empty(), "{version}");
    }
    for version in ["2.13.0", "2.21.0rc1"] {
        let workspace = Workspace::new();
        install(&workspace, version);
        let links = directories(&succeeds(&mut build_script(&workspace))).remove(0);
        assert_eq!(fs::read_to_string(links.join(library())).unwrap(), version);
    }
}

#[test]
fn a_wheel_that_is_not_the_pinned_one_is_refused() {
    if !python_is_asked() {
        return;
    }
    let platform = match (OS, ARCH) {
        ("linux", "x86_64") => "cpu-2.16.2-cp311-cp311-manylinux_2_17_x86_64",
        ("linux", "aarch64") => "2.16.2-cp311-cp311-manylinux_2_17_aarch64",
        ("macos", "aarch64") => "2.16.2-cp311-cp311-macosx_12_0_arm64",
        _ => "2.16.2-cp311-cp311-macosx_10_15_x86_64",
    };
    let separator = if platform.starts_with("cpu") { '_' } else { '-' };
    let workspace = Workspace::new();
    // Whatever this machine's Python has is of no use.
    install(&workspace, "2.0.0");
    workspace.write(&format!("wheels/tensorflow{separator}{platform}.whl"), "somebody else's");
    let error = fails(&mut build_script(&workspace));
    assert!(error.contains("HASHES"), "{error}");
    assert!(names(&workspace.path("cache")).is_empty());
}

#[test]
fn a_given_directory_goes_before_an_installed_tensorflow() {
    let workspace = Workspace::new();
    install(&workspace, "2.18.1");
    workspace.write(&format!("given/{}", library()), "given");
    let mut script = build_script(&workspace);
    let stdout = succeeds(script.env("TENSORFLOW_DIR", workspace.path("given")));
    assert_eq!(directories(&stdout).len(), 1, "{stdout}");
    assert!(names(&workspace.path("cache")).is_empty());
}

/// Neither a directory of this machine nor a library would be of use on another.
#[test]
fn a_portable_build_neither_looks_nor_fetches() {
    let workspace = Workspace::new();
    install(&workspace, "2.18.1");
    let stdout = succeeds(build_script(&workspace).env("CARGO_FEATURE_PORTABLE", "1"));
    assert_eq!(said(&stdout, "cargo:rustc-env=RETRAIN_TENSORFLOW_CACHES="), [""]);
    assert!(names(&workspace.path("cache")).is_empty());
}

/// What this machine has is of no use to a program for another: the wheel for that one is fetched,
/// unless TENSORFLOW_DIR says where its library is.
#[test]
fn a_build_for_another_machine_does_not_use_this_ones_libraries() {
    if !python_is_asked() {
        return;
    }
    let workspace = Workspace::new();
    install(&workspace, "2.18.1");
    workspace.write("loader/libtensorflow.so", "this machine's");
    workspace.write("given/libtensorflow.so", "the other machine's");
    let script = || {
        let mut script = build_script(&workspace);
        script.env("TARGET", "there").env("CARGO_CFG_TARGET_OS", "linux");
        script.env("CARGO_CFG_TARGET_ARCH", if ARCH == "aarch64" { "x86_64" } else { "aarch64" });
        script.env("LD_LIBRARY_PATH", workspace.path("loader"));
        script
    };
    let error = fails(&mut script());
    assert!(error.contains("cannot fetch tensorflow"), "{error}");
    assert!(names(&workspace.path("cache")).is_empty());
    let stdout = succeeds(script().env("TENSORFLOW_DIR", workspace.path("given")));
    assert_eq!(directories(&stdout).len(), 1, "{stdout}");
    assert!(names(&workspace.path("cache")).is_empty());
}

/// In a process of its own: libtensorflow is loaded once a process.
#[test]
fn loading_sets_nothing_and_says_where_the_library_is() {
    if env::var_os(STARTED_BY_TEST).is_some() {
        let before: Vec<_> = env::vars_os().collect();
        match tf::load() {
            Ok(()) => println!("loaded {}", tf::version()),
            Err(error) => println!("error: {error}"),
        }
        assert_eq!(env::vars_os().collect::<Vec<_>>(), before);
        return;
    }
    let load = |directory: Option<&Path>| {
        let name = "library::loading_sets_nothing_and_says_where_the_library_is";
        let mut process = Command::new(env::current_exe().unwrap());
        process.args(["--exact", name, "--nocapture"]).env(STARTED_BY_TEST, "1");
        process.env_remove("TENSORFLOW_DIR").env_remove("LD_LIBRARY_PATH");
        process.env_remove("DYLD_LIBRARY_PATH").env("TF_CPP_MIN_LOG_LEVEL", "3");
        directory.map(|directory| process.env("TENSORFLOW_DIR", directory));
        succeeds(&mut process)
    };
    let found = tf::find_library().unwrap();
    let stdout = load(Some(found.parent().unwrap()));
    assert!(stdout.contains("loaded 2."), "{stdout}");

    let mut from_the_build = env::split_paths(env!("RETRAIN_TENSORFLOW_CACHES"));
    let Some(cached) = from_the_build.find(|dir| dir.join(library()).is_file()) else {
        println!("skipped: the build has found libtensorflow where the bindings look, too");
        return;
    };
    let stdout = load(None);
    let remedy = format!("Set TENSORFLOW_DIR={} ", cached.display());
    assert!(stdout.contains("error: ") && stdout.contains(&remedy), "{stdout}");
}
