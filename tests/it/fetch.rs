//! `retrain --fetch`: what comes into one directory, what it says, and what stops it. The hosts of
//! the networks are played by a proxy, and pip by a script.

use super::archive::tgz;
use super::http::{Reply, Request, Server};
use super::module_source::{module_tgz, sha1};
use super::pip_networks::{kept, small, with_pip};
use super::support::{Outcome, RETRAIN, Workspace, command, files_under, run_with_env, shared};
use retrain::fetch::{Item, library_in, parse};
use retrain::tf::LibrarySearch;
use std::env;
use std::env::consts::{ARCH, DLL_SUFFIX, OS};
use std::fs;
use std::path::{Path, PathBuf};
use tar::EntryType;

/// Fetches into `models`, with `proxy` in front of every host.
fn fetch(workspace: &Workspace, what: &str, proxy: &Server) -> Outcome {
    let args = [&format!("--fetch={what}")[..], "--model_dir=models"];
    let address = proxy.url("");
    let proxies = ["http_proxy", "https_proxy", "all_proxy"].map(|name| (name, &address[..]));
    run_with_env(RETRAIN, workspace.root(), &args, &proxies)
}

/// As most proxies: no tunnel to http's port, and `answer` for the rest.
fn hosts(answer: impl Fn(&str, &Request) -> Reply + Send + 'static) -> Server {
    Server::new(move |request, _| match request.method() {
        "CONNECT" => Reply::new("502 Bad Gateway", ""),
        _ => answer(request.target().rsplit('/').next().unwrap(), request),
    })
}

/// What was asked for, by the last part of its address.
fn asked(server: &Server) -> Vec<String> {
    let requests = server.requests().into_iter().filter(|request| request.method() == "GET");
    requests.map(|r| r.target().rsplit('/').next().unwrap().to_owned()).collect()
}

/// An archive like that of `mobilenet_0.50_128`, which has no known sum.
fn made_archive(bytes: &[u8]) -> Vec<u8> {
    tgz("mobilenet_v1_0.50_128/frozen_graph.pb", EntryType::Regular, "", bytes)
}

const MADE: &str = "mobilenet_v1_0.50_128_frozen.tgz";

#[test]
fn names_are_checked_before_anything_is_fetched() {
    let server = hosts(|_, _| Reply::new("404 Not Found", ""));
    let workspace = Workspace::new();
    for (what, said) in [
        (
            "mobilenet_0.50_128,mobilnet_0.50_224",
            "'mobilnet_0.50_224'; did you mean 'mobilenet_0.50_224'?",
        ),
        ("mobilenet_0.50_128,libary", "there is no 'libary'; did you mean 'library'?"),
        ("alll", "there is no 'alll'; did you mean 'all'?"),
        ("vgg16", "there is no 'vgg16'; give all, library, names of networks that --architecture"),
        (",", "--fetch: names nothing; give all, library, "),
        (
            "library_plan9_mips",
            "no wheel of TensorFlow is known for plan9_mips; there are library_",
        ),
        ("gs://modules/m", "--fetch: gs://modules/m: only http:// and https:// can be fetched"),
    ] {
        fetch(&workspace, what, &server).expect_code(2).says(said);
    }
    assert!(server.lines().is_empty() && !workspace.path("models").exists());
}

#[test]
fn all_is_every_network_and_the_library() {
    let all = parse("all").unwrap();
    let names: Vec<String> = all.iter().map(Item::name).collect();
    let library = format!("library_{OS}_{ARCH}");
    for name in [
        "inception_v3",
        "mobilenet_1.0_224",
        "mobilenet_0.25_128",
        "efficientnet_lite2",
        "mobilenet_v2_1.0_224",
        "miniature",
        &library,
    ] {
        assert!(names.iter().any(|other| other == name), "{name}: {names:?}");
    }
    // A quantized MobileNet comes in the archive of the other.
    assert!(names.iter().all(|name| !name.ends_with("_quantized")));
    assert_eq!(names.len(), 1 + 16 + 4 + 1 + 1, "{names:?}");
    assert_eq!(parse("mobilenet_1.0_224_quantized, mobilenet_1.0_224,").unwrap().len(), 1);
    assert_eq!(parse(&format!("all,library,{library},miniature")).unwrap(), all);
}

#[test]
fn one_failure_is_named_and_the_rest_comes_once() {
    let Some(original) = shared("models/mobilenet_v1_0.25_128_frozen.tgz") else { return };
    let original = fs::read(original).unwrap();
    let module = module_tgz("");
    let answers = move |is_whole: bool| {
        let (original, module) = (original.clone(), module.clone());
        hosts(move |file, _| match file {
            "mobilenet_v1_0.25_128_frozen.tgz" => Reply::ok(original.clone()),
            "1.tar.gz?tf-hub-format=compressed" => Reply::ok(module.clone()),
            MADE if is_whole => Reply::ok(made_archive(b"graph")),
            _ => Reply::new("404 Not Found", ""),
        })
    };
    let address = "http://modules.example/small/1.tar.gz";
    let what = format!("mobilenet_0.50_128,mobilenet_0.25_128_quantized,miniature,{address}");
    let (server, workspace) = (answers(false), Workspace::new());
    let outcome = fetch(&workspace, &what, &server)
        .expect_code(1)
        .says("INFO:retrain:To fetch into models, about 10 MB and 1 module of unknown size:\n")
        .says(
            "INFO:retrain:  mobilenet_0.50_128                       7 MB  http://download.tensor",
        )
        .says(&format!(
            "ERROR:retrain:mobilenet_0.50_128: downloading \
             http://download.tensorflow.org/models/{MADE}: http status: 404\n"
        ))
        .says("INFO:retrain:3 fetched, 0 there before, 1 missing\n");
    let last = "ERROR:retrain:1 item missing: mobilenet_0.50_128; the same command tries again\n";
    assert!(outcome.stderr.ends_with(last), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("Without a network"), "{}", outcome.stderr);
    assert_eq!(asked(&server).len(), 3);
    let module = format!("models/tfhub_modules/{}", sha1(address));
    for file in [
        "models/miniature/frozen_graph.pb",
        "models/mobilenet_v1_0.25_128/frozen_graph.pb",
        "models/mobilenet_v1_0.25_128/quantized_graph.pb",
        &format!("{module}/saved_model.pb"),
        &format!("{module}.descriptor.txt"),
    ] {
        assert!(workspace.path(file).is_file(), "{file}: {:?}", files_under(workspace.root()));
    }

    let server = answers(true);
    fetch(&workspace, &what, &server)
        .expect_code(0)
        .says(&format!("In models already: mobilenet_0.25_128_quantized, miniature, {address}\n"))
        .says("INFO:retrain:1 fetched, 3 there before, 0 missing\n")
        .says(
            "Without a network: retrain --offline --model_dir=models \
             --architecture=mobilenet_0.50_128 --image_dir=…\n",
        );
    assert_eq!(asked(&server), [MADE]);
    // Nothing is left to do.
    let outcome = fetch(&workspace, &what, &server).expect_code(0);
    assert!(!outcome.stderr.contains("To fetch"), "{}", outcome.stderr);
    assert_eq!(asked(&server), [MADE]);
}

#[test]
fn what_was_interrupted_goes_on() {
    let archive = made_archive(&vec![7; 1 << 16]);
    let half = archive.len() / 2;
    let rest = Reply::rest(&archive, half).with("ETag", "\"one\"");
    let server = hosts(move |_, _| rest.clone());
    let workspace = Workspace::new();
    workspace.write(&format!("models/{MADE}.part"), &archive[..half]);
    let source = format!("http://download.tensorflow.org/models/{MADE}\n\"one\"");
    workspace.write(&format!("models/{MADE}.part.source"), source);
    fetch(&workspace, "mobilenet_0.50_128", &server).expect_code(0);
    let request = server.requests().pop().unwrap();
    assert_eq!(request.header("Range"), Some(&format!("bytes={half}-")[..]));
    assert_eq!(
        files_under(&workspace.path("models")),
        ["mobilenet_v1_0.50_128/frozen_graph.pb", MADE]
    );
}

#[test]
fn a_full_disk_is_named_and_what_fits_still_comes() {
    let noise: Vec<u8> = (0..400_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
    let module = module_tgz("");
    let server = hosts(move |file, _| match file {
        MADE => Reply::ok(made_archive(&noise)),
        _ => Reply::ok(module.clone()),
    });
    let workspace = Workspace::new();
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let what = "--fetch=mobilenet_0.50_128,http://modules.example/m";
    let mut shell = command("/bin/sh", workspace.root(), &["-c", script, RETRAIN, what]);
    let output =
        shell.arg("--model_dir=models").env("http_proxy", server.url("")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let full = format!("mobilenet_0.50_128: writing models/{MADE}.part: File too large");
    assert!(said.contains(&full), "{said}");
    assert!(said.contains("1 fetched, 0 there before, 1 missing"), "{said}");
}

/// Fetches by the `python3` in the workspace that stands for pip.
fn fetch_by_pip(workspace: &Workspace, what: &str) -> Outcome {
    let path = format!("{}:/usr/bin:/bin", workspace.path("bin").display());
    let cache = workspace.path("cache").display().to_string();
    let env = [("PATH", &path[..]), ("RETRAIN_CACHE_DIR", &cache), ("VIRTUAL_ENV", "")];
    let args = [&format!("--fetch={what}")[..], "--model_dir=models"];
    run_with_env(RETRAIN, workspace.root(), &args, &env)
}

#[test]
fn a_network_of_pip_is_built_in_model_dir() {
    let wheel = small();
    let Some(file) = kept(wheel) else { return };
    let workspace = with_pip(wheel.file);
    fs::copy(&file, workspace.path("pips.whl")).unwrap();
    let origin = format!("{} {}, by pip\n", wheel.distribution, wheel.version);
    fetch_by_pip(&workspace, wheel.architecture).expect_code(0).says(&origin);
    let asked = fs::read_to_string(workspace.path("asked")).unwrap();
    assert!(!asked.contains("--platform"), "{asked}");
    let graph = format!("{}/frozen_graph.pb", wheel.architecture);
    assert_eq!(files_under(&workspace.path("models")), [graph]);
    fetch_by_pip(&workspace, wheel.architecture).expect_code(0).says("1 there before");
    assert_eq!(fs::read_to_string(workspace.path("asked")).unwrap(), asked);
}

/// TensorFlow's wheel for this machine, in the directory that RETRAIN_WHEELS names, and the name of
/// what it becomes.
fn library_wheel() -> Option<(PathBuf, String)> {
    let dir = env::var_os("RETRAIN_WHEELS").map(PathBuf::from);
    let is_one = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("tensorflow") && name.ends_with(&format!("_{ARCH}.whl"))
    };
    let files = dir.iter().flat_map(|dir| fs::read_dir(dir).unwrap());
    let Some(file) = files.map(|entry| entry.unwrap().path()).find(is_one) else {
        assert!(dir.is_none(), "RETRAIN_WHEELS holds no wheel of TensorFlow");
        println!("skipped: RETRAIN_WHEELS names no directory with TensorFlow's wheel");
        return None;
    };
    let name = file.file_name().unwrap().to_str().unwrap();
    let version = name.split('-').nth(1).unwrap().to_owned();
    Some((file, format!("tensorflow-{version}-{OS}-{ARCH}")))
}

#[test]
fn the_library_comes_by_pip_and_is_found() {
    let Some((file, directory)) = library_wheel() else { return };
    let name = file.file_name().unwrap().to_str().unwrap();
    let workspace = with_pip(name);
    std::os::unix::fs::symlink(&file, workspace.path("pips.whl")).unwrap();
    let models = workspace.path("models");
    fetch_by_pip(&workspace, "library")
        .expect_code(0)
        .says(&format!("export RETRAIN_CACHE_DIR={}\n", models.display()));
    let asked = fs::read_to_string(workspace.path("asked")).unwrap();
    assert!(asked.contains(" --platform ") && asked.contains(" --python-version "), "{asked}");
    let library = models.join(&directory).join(format!("libtensorflow{DLL_SUFFIX}"));
    assert_eq!(library_in(&models), Some(library.clone()));
    let search = LibrarySearch { cache: Some(models.clone()), ..LibrarySearch::default() };
    assert_eq!(search.find().unwrap(), library);
    // Plain files, for a file system without links; of the wheel nothing else is left.
    let files = files_under(&models);
    assert!(files.iter().all(|file| file.starts_with(&directory)), "{files:?}");
    assert!(files.iter().any(|file| file.contains("libtensorflow_framework")), "{files:?}");
    assert!(files.iter().all(|file| !models.join(file).is_symlink()));
    fetch_by_pip(&workspace, "library").expect_code(0).says("1 there before");
    assert_eq!(fs::read_to_string(workspace.path("asked")).unwrap(), asked);
    // It serves: the bindings look there first.
    fs::create_dir(workspace.path("run")).unwrap();
    let photos = workspace.path("photos");
    let args = [
        format!("--image_dir={}", photos.display()),
        "--architecture=miniature".into(),
        "--how_many_training_steps=2".into(),
    ];
    let args = args.into_iter().chain(super::support::OUTPUTS.map(str::to_owned));
    let args: Vec<String> = args.chain(["--model_dir=models".into()]).collect();
    let place = models.join(&directory);
    let env = [("TENSORFLOW_DIR", place.to_str().unwrap())];
    run_with_env(RETRAIN, &workspace.path("run"), &args, &env).expect_code(0);
}

#[test]
fn another_wheel_than_the_pinned_one_becomes_no_library() {
    let Some((file, _)) = library_wheel() else { return };
    let workspace = with_pip(file.file_name().unwrap().to_str().unwrap());
    workspace.write("pips.whl", "not it");
    fetch_by_pip(&workspace, "library")
        .expect_code(1)
        .says(" came with the sha256 ")
        .says("ERROR:retrain:1 item missing: library_");
    let left = files_under(&workspace.path("models"));
    assert!(left.is_empty() && !Path::new(&workspace.path("cache")).exists(), "{left:?}");
}
