//! Which photographs belong to which class and set, compared with the scripts.

use super::support::{Workspace, golden, in_dir, json, shared, strings};
use retrain::dataset::{
    Category, Directory, Formats, ImageLists, Layout, Sampler, Source, Split, category_of,
    label_name, split_percentage,
};
use retrain::error::{Error, Result};
use serde_json::Value;
use std::path::Path;

/// The class lists as the poets script makes them.
fn create_image_lists(image_dir: &Path, testing: i64, validation: i64) -> Result<ImageLists> {
    let directory = Directory { formats: Formats::Script, ..Directory::new(image_dir) };
    list(directory, Layout::Children, [testing, validation])
}

/// The class lists of a directory.
pub(crate) fn list(
    directory: Directory,
    layout: Layout,
    [testing_percentage, validation_percentage]: [i64; 2],
) -> Result<ImageLists> {
    let split = Split { testing_percentage, validation_percentage, ..Split::default() };
    retrain::dataset::create_image_lists(&Source::Directory(directory), layout, &split)
}

fn names(lists: &ImageLists, class: usize, category: Category) -> Vec<&str> {
    lists.labels[class]
        .images(category)
        .iter()
        .map(|image| image.photograph.name().to_str().unwrap())
        .collect()
}

/// Compares with one class of a golden split, which lists names under each set.
fn assert_class(lists: &ImageLists, class: usize, dir: &str, sets: &Value) {
    assert_eq!(lists.labels[class].dir, dir);
    for category in Category::ALL {
        let expected = strings(&sets[category.name()]);
        assert_eq!(names(lists, class, category), expected, "{dir}, {}", category.name());
    }
}

/// Compares with each line `"path": percentage` of a JSON file. Percentages are compared as text:
/// both languages print the shortest form that reads back, and Python's doubles and Rust's must
/// agree to the bit.
fn assert_percentages(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let line = regex::Regex::new(r#"(?m)^ +(".*/.*"): ([0-9.e-]+),?$"#).unwrap();
    let lines: Vec<_> = line.captures_iter(&text).collect();
    assert!(lines.len() > 40);
    for line in lines {
        let path: String = serde_json::from_str(&line[1]).unwrap();
        assert_eq!(format!("{:?}", split_percentage(path.as_bytes())), line[2], "{path}");
    }
}

fn assert_label_names(golden: &Value) {
    for (dir, label) in golden.as_object().unwrap() {
        assert_eq!(label_name(dir), label.as_str().unwrap(), "{dir}");
    }
}

/// The directory tree described by tests/golden/dataset/splits.json, with empty files.
fn golden_tree(golden: &Value) -> Workspace {
    let workspace = Workspace::new();
    for path in golden["percentages"].as_object().unwrap().keys() {
        workspace.write(path, "");
    }
    for name in strings(&golden["ignored"]) {
        workspace.write(&format!("photos/open-cluster/{name}"), "");
    }
    workspace.write("photos/beside_the_classes.jpg", "");
    std::fs::create_dir(workspace.path("photos/without photographs")).unwrap();
    workspace
}

#[test]
fn hashes_and_label_names_are_pythons() {
    let golden = golden("dataset/splits.json");
    assert_percentages(&golden);
    assert_label_names(&json(&golden)["label_names"]);
}

#[test]
fn a_hash_at_a_limit_is_in_the_set_beyond_it() {
    let golden = json(&golden("dataset/splits.json"));
    for edge in golden["edges"].as_array().unwrap() {
        let path = edge["path"].as_str().unwrap().as_bytes();
        let percent = |set: &str| edge[set].as_i64().unwrap();
        let category = category_of(path, percent("testing"), percent("validation"));
        assert_eq!(category.name(), edge["set"].as_str().unwrap(), "{edge}");
    }
}

/// Every path of up to four of `_nohash_`, newline and `x`, by Python's own `re.sub`.
#[test]
fn newlines_end_a_variation_where_pythons_pattern_says() {
    assert_percentages(&golden("dataset/newlines.json"));
}

#[test]
fn hashes_and_label_names_are_the_scripts() {
    let (Some(hashes), Some(names)) =
        (shared("golden/split_hash.json"), shared("golden/label_names.json"))
    else {
        return;
    };
    assert_percentages(&hashes);
    assert_label_names(&json(&names));
}

#[test]
fn classes_and_sets_follow_the_formula() {
    let golden = json(&golden("dataset/splits.json"));
    let workspace = golden_tree(&golden);
    for split in golden["splits"].as_array().unwrap() {
        let (testing, validation) =
            (split["testing"].as_i64().unwrap(), split["validation"].as_i64().unwrap());
        let lists = in_dir(workspace.root(), || {
            create_image_lists(Path::new("photos"), testing, validation).unwrap()
        });
        let classes = split["classes"].as_array().unwrap();
        // Directories are in byte order. The one without photographs is not a class.
        assert_eq!(lists.class_count(), classes.len());
        for (i, class) in classes.iter().enumerate() {
            assert_class(&lists, i, class["dir"].as_str().unwrap(), &class["sets"]);
            assert_eq!(lists.labels[i].label, class["label"].as_str().unwrap());
        }
    }
}

#[test]
fn sets_of_real_photographs_are_the_scripts() {
    let Some(golden) = shared("golden/splits.json") else { return };
    let golden = json(&golden);
    let image_dir = golden["image_dir"].as_str().unwrap();
    let mut compared = 0;
    for (key, classes) in golden["splits"].as_object().unwrap() {
        let Some(percentages) = key.strip_prefix("poets test=") else { continue };
        let (testing, validation) = percentages.split_once(" validation=").unwrap();
        let (testing, validation) = (testing.parse().unwrap(), validation.parse().unwrap());
        let lists = in_dir(&shared("").unwrap(), || {
            create_image_lists(Path::new(image_dir), testing, validation).unwrap()
        });
        let classes = classes.as_object().unwrap();
        assert_eq!(lists.class_count(), classes.len());
        for (i, dir) in ["globular cluster", "open cluster"].into_iter().enumerate() {
            assert_class(&lists, i, dir, &classes[dir]);
        }
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn files_go_extension_by_extension() {
    let workspace = Workspace::new();
    for name in ["d.JPEG", "c.JPG", "b.jpeg", "z.jpg", "a.JPG", "a.jpg", "a.jpeg", "a.png", "a.Jpg"]
    {
        workspace.write(&format!("photos/x/{name}"), "");
    }
    let lists = create_image_lists(&workspace.path("photos"), 0, 0).unwrap();
    let expected = ["a.jpg", "z.jpg", "a.jpeg", "b.jpeg", "a.JPG", "c.JPG", "d.JPEG"];
    assert_eq!(names(&lists, 0, Category::Training), expected);
}

#[test]
fn what_a_desktop_leaves_is_no_photograph_and_no_class() {
    let workspace = golden_tree(&json(&golden("dataset/splits.json")));
    // Other names that begin with a dot are listed, as in the scripts.
    for name in [".hidden/a.jpg", "open-cluster/.a.jpg", "open-cluster/Thumbs.db.jpg"] {
        workspace.write(&format!("photos/{name}"), "");
    }
    let classes = |layout| {
        let list = || list(Directory::new("photos"), layout, [10, 10]);
        format!("{:#?}", in_dir(workspace.root(), list).unwrap().labels)
    };
    let layouts = [Layout::Children, Layout::Walk];
    let before = layouts.map(classes);
    assert!(before.iter().all(|b| b.contains(".hidden") && b.contains("Thumbs.db.jpg")));
    for name in [
        "__MACOSX/a.jpg",
        "__MACOSX/open-cluster/._a.jpg",
        "@eaDir/a.jpg",
        "$Recycle.Bin/a.jpg",
        "._open-cluster",
        "open-cluster/@eaDir/a.jpg",
        "open-cluster/._a.jpg",
        "open-cluster/._.a.jpg",
        "open-cluster/Thumbs.db",
    ] {
        workspace.write(&format!("photos/{name}"), "");
    }
    assert_eq!(layouts.map(classes), before);
}

#[test]
fn variations_of_one_photograph_stay_together() {
    let part_before = split_percentage(b"photos/a/leaf7");
    for i in 0..20 {
        let path = format!("photos/a/leaf7_nohash_{i}_nohash_x.jpg");
        assert_eq!(split_percentage(path.as_bytes()), part_before);
    }
    assert_ne!(split_percentage(b"photos/a/leaf7_nohas_1.jpg"), part_before);
}

#[test]
fn the_path_is_hashed_as_typed() {
    let workspace = golden_tree(&json(&golden("dataset/splits.json")));
    let sets = |image_dir: &str| -> Vec<String> {
        let lists =
            in_dir(workspace.root(), || create_image_lists(Path::new(image_dir), 10, 10).unwrap());
        names(&lists, 0, Category::Validation).into_iter().map(String::from).collect()
    };
    // os.path.join does not add a second slash, so a trailing one changes nothing.
    assert_eq!(sets("photos/"), sets("photos"));
    assert_ne!(sets("./photos"), sets("photos"));
}

#[test]
fn two_directories_with_one_label_are_an_error() {
    let workspace = Workspace::new();
    for dir in ["M 13", "m-13", "m14"] {
        workspace.write(&format!("photos/{dir}/a.jpg"), "");
    }
    let error = create_image_lists(&workspace.path("photos"), 10, 10).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, Error::Input { .. }), "{error:?}");
    for part in ["'M 13'", "'m-13'", "'m 13'"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_missing_directory_is_named() {
    let workspace = Workspace::new();
    let missing = workspace.path("nowhere");
    let error = create_image_lists(&missing, 10, 10).unwrap_err();
    assert!(matches!(&error, Error::Input { path, .. } if *path == missing), "{error:?}");
    let file = workspace.write("file", "");
    assert!(create_image_lists(&file, 10, 10).is_err());
}

#[test]
fn batches_are_drawn_class_by_class() {
    // Class 0 has one image, class 1 none, class 2 has 99: each non-empty class gets half of the
    // draws.
    let members = [vec![7], vec![], (100..199).collect()];
    let mut rows = vec![1, 2, 3];
    Sampler::new(5).draw(&members, 4000, &mut rows);
    assert_eq!(rows.len(), 4000);
    let first = rows.iter().filter(|&&r| r == 7).count();
    // 4000 tosses of a fair coin have a standard deviation of 32; the bounds are six of them.
    assert!((1808..2192).contains(&first), "{first}");
    let others: std::collections::HashSet<_> = rows.iter().filter(|&&r| r != 7).collect();
    assert!(others.iter().all(|r| (100..199).contains(*r)));
    assert_eq!(others.len(), 99, "every image of a class is drawn");
    Sampler::new(5).draw(&[vec![], vec![]], 10, &mut rows);
    assert_eq!(rows, Vec::<usize>::new());
}

#[test]
fn draws_go_on_where_they_were_left() {
    let members = [vec![1, 2, 3], (10..90).collect()];
    let (mut first, mut rest, mut resumed) = (Vec::new(), Vec::new(), Vec::new());
    let mut sampler = Sampler::new(5);
    sampler.draw(&members, 33, &mut first);
    let drawn = sampler.drawn();
    sampler.draw(&members, 33, &mut rest);
    let mut sampler = Sampler::new(5);
    sampler.skip_to(drawn);
    sampler.draw(&members, 33, &mut resumed);
    assert_eq!(resumed, rest);
    assert_ne!(first, rest);
}

/// The hub script's classes: base names of all directories, in the order of their paths, each once.
#[test]
fn a_walk_finds_the_classes_that_stand_at_the_top() {
    let workspace = Workspace::new();
    for file in ["a/1.jpg", "b/z/2.jpg", "c/3.jpg", "c/a/4.jpg", "z/5.jpg", "c/deep/6.jpg"] {
        workspace.write(&format!("photos/{file}"), "");
    }
    let lists = |dir: &str| {
        let lists = list(Directory::new(workspace.path(dir)), Layout::Walk, [0, 0]).unwrap();
        let class = |c: usize| {
            (lists.labels[c].label.clone(), names(&lists, c, Category::Training).join(" "))
        };
        (0..lists.class_count()).map(class).collect::<Vec<_>>()
    };
    // `z` comes by way of `b/z`, before `c`; `a` once; `deep`, and `b` itself, have no photographs.
    let wanted =
        [("a", "1.jpg"), ("z", "5.jpg"), ("c", "3.jpg")].map(|(l, i)| (l.to_owned(), i.to_owned()));
    assert_eq!(lists("photos"), wanted);
    // Links back to the top, and links that lead nowhere, change nothing.
    std::os::unix::fs::symlink("..", workspace.path("photos/b/loop")).unwrap();
    std::os::unix::fs::symlink("gone", workspace.path("photos/c/dangling")).unwrap();
    assert_eq!(lists("photos"), wanted);
}
