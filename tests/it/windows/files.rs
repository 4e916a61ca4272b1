//! Files that others have open, and where the programs put theirs.

use super::{Wine, outcome, retrain_args, seen, wine};
use crate::support::Workspace;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program that has a file open, and shares it with readers and writers, but lets nobody replace
/// it. It ends when this is dropped.
struct Holder(Child);

impl Holder {
    fn of(wine: &Wine, workspace: &Workspace, file: &str) -> Self {
        let mut command = wine.command("hold.exe", workspace.root(), &[file]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said.trim(), "held", "{file}");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

#[test]
fn a_result_whose_file_is_in_use_is_kept_beside_it() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    wine.retrain(workspace.root(), &[]).expect_code(0);
    let before = fs::read(workspace.path("graph.pb")).unwrap();
    let holder = Holder::of(&wine, &workspace, "graph.pb");
    let more = ["--how_many_training_steps=30"];
    let refused = wine.retrain(workspace.root(), &more).expect_code(1);
    refused
        .says("writing graph.pb: ")
        .says("The new content is in graph.pb.new: close that program, and rename it");
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == before);
    let kept = fs::read(workspace.path("graph.pb.new")).unwrap();
    drop(holder);
    wine.retrain(workspace.root(), &more).expect_code(0);
    assert!(
        fs::read(workspace.path("graph.pb")).unwrap() == kept,
        "what was kept is another graph"
    );
}

#[test]
fn a_cache_that_others_have_open_serves_them_all() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    wine.retrain(workspace.root(), &[]).expect_code(0);
    let packed = fs::read_dir(workspace.path("bottlenecks")).unwrap().flatten();
    let packed = packed.map(|entry| entry.path()).find(|p| p.extension().is_some());
    let packed = packed.unwrap();
    let name = packed.strip_prefix(workspace.root()).unwrap().to_str().unwrap().to_owned();
    let _holder = Holder::of(&wine, &workspace, &name.replace('/', "\\"));
    let again = wine.retrain(workspace.root(), &[]).expect_code(0);
    assert!(!again.stderr.contains("computed"), "{}", again.stderr);
    // Another model's would be replaced, which Windows does not do; nothing is lost by that.
    fs::write(&packed, [0; 100]).unwrap();
    let anew = wine.retrain(workspace.root(), &[]).expect_code(0);
    assert!(anew.stderr.contains("Final test accuracy"), "{}", anew.stderr);
    assert_eq!(fs::read(&packed).unwrap(), [0; 100]);
}

/// The names after `marker` in the tables that a dump shows for a DLL.
fn dumped(file: &Path) -> String {
    let dump = Command::new("x86_64-w64-mingw32-objdump").arg("-p").arg(file).output().unwrap();
    assert!(dump.status.success(), "{}", file.display());
    String::from_utf8_lossy(&dump.stdout).into_owned()
}

fn python_in(cache: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(cache).ok()?.flatten().map(|entry| entry.path());
    let mut stubs = entries.map(|entry| entry.join("python311.dll"));
    stubs.find(|path| path.is_file())
}

/// Wine does not miss what a DLL lacks, but Windows does.
#[test]
fn what_stands_for_python_has_every_name_that_tensorflow_imports() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    wine.retrain(workspace.root(), &[]).expect_code(0);
    let stub = python_in(&workspace.path("cache")).expect("no python311.dll");
    let exported = dumped(&stub);
    let (_, exported) = exported.split_once("[Ordinal/Name Pointer] Table").unwrap();
    let exported = exported.lines().filter_map(|line| line.rsplit_once(' '));
    let exported: BTreeSet<&str> =
        exported.map(|(_, name)| name.trim()).filter(|name| name.contains("Py")).collect();
    let imports = dumped(&wine.dir.join("tensorflow.dll"));
    let (_, imported) = imports.split_once("DLL Name: python311.dll").unwrap();
    let (imported, _) = imported.split_once("DLL Name: ").unwrap();
    let imported = imported.lines().filter_map(|line| line.split_whitespace().last());
    let imported: BTreeSet<&str> = imported.filter(|name| name.contains("Py")).collect();
    assert!(imported.len() > 190, "{}", imported.len());
    assert_eq!(exported, imported);
}

#[test]
fn caches_are_in_the_users_local_application_data() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    let local = workspace.path("profile/AppData/Local");
    fs::create_dir_all(&local).unwrap();
    let mut command = wine.command("retrain.exe", workspace.root(), &retrain_args(&[]));
    command.env_remove("RETRAIN_CACHE_DIR").env("LOCALAPPDATA", seen(&local));
    let ran = outcome(&mut command).expect_code(0);
    // Wine may put its own user's in place of the variable.
    let users = wine.dir.join("prefix/drive_c/users");
    let users = fs::read_dir(users).unwrap().flatten();
    let of_wine = users.map(|user| user.path().join("AppData/Local"));
    let mut places = [local].into_iter().chain(of_wine).map(|local| local.join("retrain"));
    assert!(places.any(|cache| python_in(&cache).is_some()), "{}", ran.stderr);
}

#[test]
fn paths_may_be_longer_than_windows_used_to_have_them() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    let deep = ["a very long name for a directory, of forty"; 8].join("/");
    fs::create_dir_all(workspace.path(&deep)).unwrap();
    fs::rename(workspace.path("photos"), workspace.path(&format!("{deep}/photos"))).unwrap();
    let at = |flag: &str, name: &str| {
        format!("--{flag}={}", format!("{deep}/{name}").replace('/', "\\"))
    };
    let args = [
        at("image_dir", "photos"),
        at("output_graph", "out/graph.pb"),
        at("output_labels", "out/labels.txt"),
        at("bottleneck_dir", "bottlenecks"),
        at("summaries_dir", "summaries"),
        at("model_dir", "models"),
        "--architecture=miniature".into(),
        "--how_many_training_steps=20".into(),
        at("saved_model_dir", "saved"),
    ];
    wine.run("retrain.exe", workspace.root(), &args).expect_code(0);
    wine.run("retrain.exe", workspace.root(), &args[..args.len() - 1]).expect_code(0);
    for file in ["out/graph.pb", "out/labels.txt", "saved/saved_model.pb"] {
        assert!(workspace.path(&format!("{deep}/{file}")).is_file(), "{file}");
    }
    let label = [
        at("graph", "out/graph.pb"),
        at("labels", "out/labels.txt"),
        "--format=csv".into(),
        format!("{deep}/photos").replace('/', "\\"),
        at("sort_into", "sorted"),
    ];
    let labelled = wine.run("label_image.exe", workspace.root(), &label).expect_code(0);
    assert_eq!(labelled.stdout.lines().count(), 41);
    assert!(!labelled.stderr.contains(r"\\?\"), "{}", labelled.stderr);
}
