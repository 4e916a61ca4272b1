//! Where the library looks for libtensorflow at run time: made-up Python environments, caches and
//! Pythons.

use super::support::Workspace;
use retrain::tf::LibrarySearch;
use std::env::consts::{ARCH, DLL_PREFIX, DLL_SUFFIX, OS};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn library() -> String {
    format!("{DLL_PREFIX}tensorflow{DLL_SUFFIX}")
}

/// Puts a TensorFlow into a directory for packages. Its library's content says which one it is.
fn install(workspace: &Workspace, site: &str, version: &str, bundled: &str) {
    let write = |name: &str, text: &str| workspace.write(&format!("{site}/{name}"), text);
    write(&format!("tensorflow_cpu-{version}.dist-info/METADATA"), "Name: tensorflow_cpu");
    write("tensorflow/libtensorflow_cc.so.2", &format!("{site} {version}"));
    write("tensorflow/libtensorflow_framework.so.2", "framework");
    write("tensorflow/python/other.so", "not of the C library");
    write(&format!("tensorflow_cpu.libs/{bundled}"), "bundled");
    write("numpy.libs/libblas.so", "another package's");
}

fn uninstall(workspace: &Workspace, site: &str) {
    fs::remove_dir_all(workspace.path(site)).unwrap();
}

/// What a program of `prefix` searches: its own environment and a cache.
fn search(workspace: &Workspace, prefix: &str) -> LibrarySearch {
    LibrarySearch {
        program: Some(workspace.write(&format!("{prefix}/bin/retrain"), "a program")),
        cache: Some(workspace.path("cache")),
        ..LibrarySearch::default()
    }
}

/// The content of the library that is found, with the names beside it.
#[track_caller]
fn found(search: &LibrarySearch) -> (String, Vec<String>) {
    let file = search.find().unwrap();
    let names = fs::read_dir(file.parent().unwrap()).unwrap();
    let mut names: Vec<_> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| *name != library());
    names.sort();
    (fs::read_to_string(file).unwrap(), names)
}

fn directories_of(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A Python that tells of a TensorFlow, and leaves a mark when it is asked.
fn python(workspace: &Workspace, site: &str, version: &str) -> PathBuf {
    let package = workspace.path(site).join("tensorflow");
    let (mark, package) = (workspace.path("asked"), package.display());
    let answer = format!(
        "#!/bin/sh\ntouch {}\necho {ARCH}\necho {version}\necho {package}\n",
        mark.display()
    );
    let python = workspace.write("python3", answer);
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    python
}

#[test]
fn a_program_uses_the_tensorflow_of_its_own_environment() {
    for site in [
        "env/lib/python3.11/site-packages",
        "env/lib64/python3.13t/site-packages",
        "env/lib/python3.12/dist-packages",
        "env/lib/python3/dist-packages",
        "env",
    ] {
        let workspace = Workspace::new();
        install(&workspace, site, "2.18.1", "libomp-1.so");
        let (content, beside) = found(&search(&workspace, "env"));
        assert_eq!(content, format!("{site} 2.18.1"));
        let wanted = ["libomp-1.so", "libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
        assert_eq!(beside, wanted, "{site}: a library looks beside itself for what it needs");
    }
}

/// pipx puts a link to the program into `~/.local/bin`.
#[test]
fn a_linked_program_belongs_to_the_environment_that_it_lies_in() {
    let workspace = Workspace::new();
    install(&workspace, "venvs/retrain/lib/python3.11/site-packages", "2.18.1", "libomp.so");
    install(&workspace, "home/.local/lib/python3.11/site-packages", "2.17.1", "libomp.so");
    let mut search = search(&workspace, "venvs/retrain");
    let link = workspace.path("home/.local/bin/retrain");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink(search.program.as_deref().unwrap(), &link).unwrap();
    search.program = Some(link);
    assert!(found(&search).0.starts_with("venvs/retrain/"));
}

#[test]
fn of_two_pythons_the_one_with_this_package_comes_first_then_the_newest() {
    let workspace = Workspace::new();
    let site = |python: &str| format!("home/.local/lib/python{python}/site-packages");
    install(&workspace, &site("3.9"), "2.18.1", "libomp.so");
    install(&workspace, &site("3.10"), "2.18.1", "libomp.so");
    let search = search(&workspace, "home/.local");
    assert_eq!(found(&search).0, format!("{} 2.18.1", site("3.10")));

    workspace.write(&format!("{}/retrain-0.1.0.dist-info/METADATA", site("3.9")), "");
    assert_eq!(found(&search).0, format!("{} 2.18.1", site("3.9")));

    // Another Python's TensorFlow is as good, since only its C library is used.
    uninstall(&workspace, &format!("{}/tensorflow", site("3.9")));
    assert_eq!(found(&search).0, format!("{} 2.18.1", site("3.10")));
}

#[test]
fn a_version_that_cannot_be_used_is_named() {
    for version in ["1.15.5", "2.12.1", "2.22.0", "3.0.0"] {
        let workspace = Workspace::new();
        install(&workspace, "env/lib/python3.11/site-packages", version, "libomp.so");
        let complaints = search(&workspace, "env").find().unwrap_err();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        let wanted = format!("TensorFlow {version} in ");
        assert!(complaints[0].starts_with(&wanted), "{complaints:?}");
        assert!(complaints[0].ends_with("Install a version from 2.13 to 2.21."), "{complaints:?}");
    }
}

#[test]
fn links_to_a_deleted_environment_are_not_used_and_are_cleared_away() {
    let workspace = Workspace::new();
    install(&workspace, "old/lib/python3.11/site-packages", "2.18.1", "libomp.so");
    let old = search(&workspace, "old");
    let links = old.find().unwrap();
    uninstall(&workspace, "old/lib");
    assert_eq!(old.find(), Err(vec![]));
    // What a build remembers is not used either.
    let from_the_build = LibrarySearch {
        directories: vec![links.parent().unwrap().to_owned()],
        ..LibrarySearch::default()
    };
    assert_eq!(from_the_build.find(), Err(vec![]));

    install(&workspace, "new/lib/python3.11/site-packages", "2.18.1", "libomp.so");
    assert!(found(&search(&workspace, "new")).0.starts_with("new/"));
    assert_eq!(directories_of(&workspace.path("cache")).len(), 1, "the old links are gone");
}

#[test]
fn an_environment_that_is_upgraded_in_place_gets_new_links() {
    let workspace = Workspace::new();
    let site = "env/lib/python3.11/site-packages";
    let search = search(&workspace, "env");
    install(&workspace, site, "2.17.1", "libomp-1.so");
    let before = search.find().unwrap();
    // Another version, then the same version from another wheel: both bundle other files.
    for (version, bundled) in [("2.18.1", "libomp-2.so"), ("2.18.1", "libomp-3.so")] {
        uninstall(&workspace, site);
        install(&workspace, site, version, bundled);
        let (content, beside) = found(&search);
        assert_eq!(content, format!("{site} {version}"));
        assert_eq!(beside[0], bundled);
        // A build remembers the links that it made.
        let directories = vec![before.parent().unwrap().to_owned()];
        let remembered = LibrarySearch { directories, ..search.clone() };
        assert_eq!(found(&remembered).1[0], bundled, "links that dangle are passed over");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_named_with_the_remedy() {
    let workspace = Workspace::new();
    install(&workspace, "env/lib/python3.11/site-packages", "2.18.1", "libomp.so");
    symlink("lib", workspace.path("env/lib64")).unwrap();
    let file = workspace.write("file", "not a directory");
    for cache in [Some(file.join("cache")), None] {
        let search = LibrarySearch { cache, ..search(&workspace, "env") };
        let complaints = search.find().unwrap_err();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains("Set RETRAIN_CACHE_DIR"), "{complaints:?}");
        if let Some(cache) = &search.cache {
            assert!(complaints[0].contains(cache.to_str().unwrap()), "{complaints:?}");
        }
    }
}

#[test]
fn the_order_is_directories_own_environment_cache_and_pythons() {
    let workspace = Workspace::new();
    let own = "env/lib/python3.11/site-packages";
    let other = "usr/lib/python3/dist-packages";
    install(&workspace, other, "2.18.1", "libomp.so");
    let python = python(&workspace, other, "2.18.1");
    let missing = workspace.path("no python");
    let asking = LibrarySearch { pythons: vec![missing, python], ..search(&workspace, "env") };
    assert_eq!(found(&asking).0, format!("{other} 2.18.1"));
    fs::remove_file(workspace.path("asked")).unwrap();

    let wheel = format!("cache/tensorflow-2.16.2-{OS}-{ARCH}/{}", library());
    workspace.write(&wheel, "the unpacked wheel");
    assert_eq!(found(&asking).0, "the unpacked wheel");

    install(&workspace, own, "2.18.1", "libomp.so");
    assert_eq!(found(&asking).0, format!("{own} 2.18.1"));

    workspace.write(&format!("given/{}", library()), "given");
    let directories = vec![workspace.path("nothing"), workspace.path("given")];
    assert_eq!(found(&LibrarySearch { directories, ..asking }).0, "given");
    assert!(!workspace.path("asked").exists(), "Python is asked last");
}
