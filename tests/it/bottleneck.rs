//! The cache of bottlenecks: the scripts' files, read once and recomputed only when necessary.

use super::dataset::list;
use super::loading::load_tensorflow;
use super::support::{Workspace, files_under};
use retrain::CancelToken;
use retrain::bottleneck::{BadImage, Bottlenecks, CacheSpec, cache_bottlenecks};
use retrain::dataset::{Category, Directory, ImageLists, Layout};
use retrain::error::Result;
use retrain::inference::{Decoded, Extractor};
use retrain::tf::Tensor;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

const RECREATING: &str = "WARNING:tensorflow:Invalid float found, recreating bottleneck\n";

/// Tells a rewritten file from an untouched one.
fn state(workspace: &Workspace) -> BTreeMap<String, (SystemTime, Vec<u8>)> {
    let dir = workspace.path("bottlenecks");
    let file = |name: String| {
        let path = dir.join(&name);
        (name, (fs::metadata(&path).unwrap().modified().unwrap(), fs::read(&path).unwrap()))
    };
    files_under(&dir).into_iter().map(file).collect()
}

#[test]
fn files_have_the_scripts_names_and_form() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let state = state(&workspace);
    assert_eq!(state.len(), 40);
    for (name, (_, bytes)) in &state {
        let photo = name.strip_suffix("_miniature.txt").unwrap_or_else(|| panic!("{name}"));
        assert!(workspace.path("photos").join(photo).is_file(), "{name}");
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(!text.contains([' ', '\n']));
        assert_eq!(text.split(',').count(), 1001);
    }
}

#[test]
fn damaged_files_are_made_again_and_no_others() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let before = state(&workspace);
    let graph = fs::read(workspace.path("graph.pb")).unwrap();
    let text = |name: &str| String::from_utf8(before[name].1.clone()).unwrap();
    let names: Vec<&String> = before.keys().collect();
    let replaced = |name: &str, with: &str| {
        let text = text(name);
        let (first, rest) = text.split_once(',').unwrap();
        assert!(!first.is_empty());
        format!("{with},{rest}")
    };
    let damaged = [
        // As a killed script leaves it: cut off in the middle of a number …
        (
            names[0],
            text(names[0])[..text(names[0]).len() / 2].trim_end_matches(',').to_owned() + "-",
        ),
        // … or between numbers: each one parses, but some are missing.
        (names[1], text(names[1]).rsplit_once(',').unwrap().0.to_owned()),
        (names[2], text(names[2]) + ",1.0"),
        (names[3], replaced(names[3], "nan")),
        (names[4], replaced(names[4], "inf")),
        (names[5], replaced(names[5], "x")),
        (names[6], String::new()),
    ];
    for (name, content) in &damaged {
        fs::write(workspace.path("bottlenecks").join(name), content).unwrap();
    }
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert_eq!(outcome.stderr.matches(RECREATING).count(), damaged.len(), "{}", outcome.stderr);
    let after = state(&workspace);
    assert_eq!(before.len(), after.len());
    for (name, (time, bytes)) in &before {
        let (time_after, bytes_after) = &after[name];
        assert!(bytes == bytes_after, "{name} has another content");
        assert_eq!(time == time_after, !damaged.iter().any(|(n, _)| *n == name), "{name}");
    }
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph);
}

#[test]
fn what_the_cache_says_is_what_is_trained_on() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let graph = fs::read(workspace.path("graph.pb")).unwrap();
    for name in state(&workspace).keys() {
        // Valid, but from another photograph: only a cache that checks its source would notice.
        let zeros = vec!["0.5"; 1001].join(",");
        fs::write(workspace.path("bottlenecks").join(name), zeros).unwrap();
    }
    let before = state(&workspace);
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert!(!outcome.stderr.contains(RECREATING));
    assert_eq!(state(&workspace), before);
    assert!(fs::read(workspace.path("graph.pb")).unwrap() != graph);
}

#[test]
fn a_photograph_that_is_none_is_named_and_the_others_are_kept() {
    let workspace = Workspace::with_photos(20);
    workspace.write("photos/open cluster/zz.jpg", "not a photograph");
    let outcome = workspace.retrain(&[]).expect_code(1);
    outcome.says("Error during processing file photos/open cluster/zz.jpg");
    assert!(!workspace.path("graph.pb").exists() && !workspace.path("labels.txt").exists());
    let kept = state(&workspace);
    assert!(!kept.is_empty() && kept.keys().all(|name| !name.contains("zz.jpg")));
    fs::remove_file(workspace.path("photos/open cluster/zz.jpg")).unwrap();
    workspace.retrain(&[]).expect_code(0);
    let after = state(&workspace);
    assert!(
        kept.iter().all(|(name, value)| after[name] == *value),
        "kept files are not made again"
    );
}

/// Makes three numbers from a file's bytes, and counts how often it was asked.
#[derive(Default)]
struct Fake {
    asked: AtomicUsize,
    wrong_size: bool,
    /// Versions of the current and the previous identity.
    versions: [u8; 2],
}

impl Extractor for Fake {
    fn bottleneck_size(&self) -> usize {
        3
    }

    fn identity(&self) -> retrain::model::Identity {
        let [current, earlier] = self.versions.map(|version| [version; 32]);
        retrain::model::Identity { current, earlier }
    }

    fn batch_size(&self) -> usize {
        3
    }

    fn decode(&self, images: Vec<Vec<u8>>) -> Decoded {
        let decode = |image: Vec<u8>| match &image[..] {
            b"bad" => Err("is bad".to_owned()),
            _ => Ok(Tensor::new(&[1]).with_values(&[image.len() as f32]).unwrap()),
        };
        images.into_iter().map(decode).collect()
    }

    fn extract(&self, images: Decoded) -> Result<Vec<Result<Vec<f32>, String>>> {
        self.asked.fetch_add(images.len(), Ordering::Relaxed);
        let values = |n: Tensor<f32>| {
            if self.wrong_size { vec![n[0]; 2] } else { vec![n[0], 1e-5, -3.117_057] }
        };
        Ok(images.into_iter().map(|image| image.map(values)).collect())
    }
}

fn cached<'l>(
    fake: &Fake,
    lists: &'l ImageLists,
    dir: &Path,
) -> Result<(Bottlenecks<'l>, Vec<BadImage>)> {
    // Pixels are tensors.
    load_tensorflow();
    let categories = &Category::ALL;
    let spec = CacheSpec {
        bottleneck_dir: dir,
        model: "fake",
        text: true,
        check_mtime: false,
        categories,
        cancel: &CancelToken::new(),
    };
    cache_bottlenecks(fake, lists, &spec, &mut |_| ())
}

#[test]
fn each_photograph_is_asked_for_once_and_has_its_own_row() {
    let workspace = Workspace::new();
    for (class, count) in [("a", 30), ("b", 12)] {
        for i in 0..count {
            workspace.write(
                &format!("photos/{class}/{i:03}.jpg"),
                vec![b'x'; 1 + i + 100 * usize::from(class == "b")],
            );
        }
    }
    let lists = list(Directory::new(workspace.path("photos")), Layout::Children, [20, 20]).unwrap();
    let fake = Fake::default();
    let cache = workspace.path("bottlenecks");
    let killed = ["", "a/"].map(|place| format!("bottlenecks/{place}.retrain-killed.tmp"));
    for _ in 0..2 {
        killed.iter().for_each(|file| drop(workspace.write(file, "half")));
        let (bottlenecks, bad) = cached(&fake, &lists, &cache).unwrap();
        assert!(bad.is_empty());
        assert_eq!(fake.asked.load(Ordering::Relaxed), 42);
        killed.iter().for_each(|file| assert!(!workspace.path(file).exists(), "{file}"));
        let mut rows = 0;
        for category in Category::ALL {
            for (class, members) in bottlenecks.members(category).iter().enumerate() {
                let images = lists.labels[class].images(category);
                assert_eq!(members.len(), images.len());
                for (&row, image) in members.iter().zip(images) {
                    let path = image.photograph.path();
                    let length = fs::metadata(path).unwrap().len() as f32;
                    assert_eq!(bottlenecks.row(row), [length, 1e-5, -3.117_057]);
                    assert_eq!((bottlenecks.classes[row], bottlenecks.path(row)), (class, path));
                    rows += 1;
                }
            }
        }
        assert_eq!(rows, 42);
    }
    assert_eq!(
        fs::read_to_string(cache.join("a/000.jpg_fake.txt")).unwrap(),
        "1.0,1e-05,-3.117057"
    );
}

#[test]
fn a_packed_file_of_the_earlier_version_serves_and_another_does_not() {
    let workspace = Workspace::new();
    workspace.write("photos/a/0.jpg", "good");
    let lists = list(Directory::new(workspace.path("photos")), Layout::Children, [0, 0]).unwrap();
    let cache = workspace.path("cache");
    let asked_by = |versions: [u8; 2]| {
        let fake = Fake { versions, ..Fake::default() };
        let (bottlenecks, _) = cached(&fake, &lists, &cache).unwrap();
        assert_eq!(bottlenecks.row(0), [4.0, 1e-5, -3.117_057]);
        // Only the packed file is left.
        fs::remove_dir_all(cache.join("a")).unwrap();
        fake.asked.load(Ordering::Relaxed)
    };
    assert_eq!([[1, 0], [2, 1], [1, 9], [3, 4], [3, 4]].map(asked_by), [1, 0, 0, 1, 0]);
}

#[test]
fn all_bad_photographs_are_named_in_order() {
    let workspace = Workspace::new();
    for i in 0..40 {
        workspace.write(&format!("photos/a/{i:03}.jpg"), if i >= 7 { "bad" } else { "good" });
    }
    let lists = list(Directory::new(workspace.path("photos")), Layout::Children, [0, 0]).unwrap();
    for _ in 0..10 {
        let (bottlenecks, bad) =
            cached(&Fake::default(), &lists, &workspace.path("cache")).unwrap();
        let names: Vec<_> =
            bad.iter().map(|b| b.path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(names, (7..40).map(|i| format!("{i:03}.jpg")).collect::<Vec<_>>());
        assert!(bad.iter().all(|b| b.message == "is bad"));
        assert_eq!(bottlenecks.members(Category::Training), [(0..7).collect::<Vec<_>>()]);
    }
    let fake = Fake { wrong_size: true, ..Fake::default() };
    let error = cached(&fake, &lists, &workspace.path("other")).unwrap_err();
    assert!(error.to_string().contains("2 numbers instead of 3"), "{error}");
}

fn packed(workspace: &Workspace) -> Vec<u8> {
    fs::read(workspace.path("bottlenecks/miniature.bottlenecks")).unwrap()
}

const COMPUTED: &str = " computed in ";

#[test]
fn the_packed_file_serves_alone_and_is_rebuilt_from_text() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0).says("40 bottlenecks computed in");
    let (before, graph) = (state(&workspace), fs::read(workspace.path("graph.pb")).unwrap());
    // Without text files: the same ones come back, and nothing is computed.
    fs::remove_dir_all(workspace.path("bottlenecks/open cluster")).unwrap();
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert!(!outcome.stderr.contains(COMPUTED), "{}", outcome.stderr);
    let contents = |state: &BTreeMap<String, (SystemTime, Vec<u8>)>| -> Vec<(String, Vec<u8>)> {
        state.iter().map(|(name, (_, bytes))| (name.clone(), bytes.clone())).collect()
    };
    assert!(contents(&state(&workspace)) == contents(&before));
    // Without the packed file: it comes back.
    fs::remove_file(workspace.path("bottlenecks/miniature.bottlenecks")).unwrap();
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert!(!outcome.stderr.contains(COMPUTED), "{}", outcome.stderr);
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph);
    // With nothing to do, nothing is written.
    let file = packed(&workspace);
    workspace.retrain(&[]).expect_code(0);
    assert!(packed(&workspace) == file);
}

#[test]
fn a_changed_photograph_is_computed_again_and_a_touched_one_is_not() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    let names: Vec<String> = state(&workspace).into_keys().collect();
    let photo =
        |name: &str| workspace.path("photos").join(name.strip_suffix("_miniature.txt").unwrap());
    fs::copy(photo(&names[3]), photo(&names[0])).unwrap();
    let touched = fs::read(photo(&names[1])).unwrap();
    fs::write(photo(&names[1]), touched).unwrap();
    let outcome = workspace.retrain(&[]).expect_code(0);
    outcome
        .says("recomputing 1 bottleneck, because the images have changed")
        .says("1 bottleneck computed in");
    let after = state(&workspace);
    assert!(
        after[&names[0]].1 == after[&names[3]].1,
        "the same photograph, whatever else was in its batch"
    );
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert!(!outcome.stderr.contains(COMPUTED), "{}", outcome.stderr);
}

#[test]
fn text_older_than_its_photograph_is_trusted_unless_told_otherwise() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&[]).expect_code(0);
    fs::remove_file(workspace.path("bottlenecks/miniature.bottlenecks")).unwrap();
    let name = state(&workspace).into_keys().next().unwrap();
    let photo = workspace.path("photos").join(name.strip_suffix("_miniature.txt").unwrap());
    let bytes = fs::read(&photo).unwrap();
    fs::write(&photo, bytes).unwrap();
    let outcome = workspace.retrain(&["--bottleneck_check=mtime"]).expect_code(0);
    outcome.says("1 bottleneck computed in");
    fs::remove_file(workspace.path("bottlenecks/miniature.bottlenecks")).unwrap();
    fs::write(&photo, fs::read(&photo).unwrap()).unwrap();
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains(COMPUTED));
}

#[test]
fn without_text_the_packed_file_is_all_there_is() {
    let workspace = Workspace::with_photos(20);
    workspace.retrain(&["--bottleneck_text=off"]).expect_code(0);
    assert_eq!(state(&workspace).len(), 0);
    let graph = fs::read(workspace.path("graph.pb")).unwrap();
    let outcome = workspace.retrain(&["--bottleneck_text=off"]).expect_code(0);
    assert!(!outcome.stderr.contains(COMPUTED), "{}", outcome.stderr);
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert!(!outcome.stderr.contains(COMPUTED), "{}", outcome.stderr);
    assert_eq!(state(&workspace).len(), 40);
    assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph);
}

#[test]
fn a_packed_file_that_is_cut_off_or_damaged_serves_as_far_as_it_is_whole() {
    let workspace = Workspace::with_photos(40);
    let off = ["--bottleneck_text=off"];
    workspace.retrain(&off).expect_code(0);
    let (whole, graph) = (packed(&workspace), fs::read(workspace.path("graph.pb")).unwrap());
    let path = workspace.path("bottlenecks/miniature.bottlenecks");
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let mut other_model = whole.clone();
    other_model[20] ^= 1;
    let (n, cut) = (whole.len(), |n: usize| whole[..n].to_vec());
    // 80 rows make two blocks; the first has 64.
    for (damaged, computed) in [
        (cut(n - 1), "16 bottlenecks computed"),
        (flipped, "16 bottlenecks computed"),
        (cut(n / 2), "80 bottlenecks computed"),
        (cut(64), "80 bottlenecks computed"),
        (cut(63), "80 bottlenecks computed"),
        (cut(0), "80 bottlenecks computed"),
        (b"something else".to_vec(), "80 bottlenecks computed"),
        (other_model, "80 bottlenecks computed"),
        ([&whole[..], b"BLCK\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"].concat(), ""),
    ] {
        fs::write(&path, damaged).unwrap();
        let outcome = workspace.retrain(&off).expect_code(0);
        let outcome = outcome.says(computed);
        assert_eq!(outcome.stderr.contains(COMPUTED), !computed.is_empty());
        assert!(fs::read(workspace.path("graph.pb")).unwrap() == graph);
    }
}

#[test]
fn copies_in_another_set_are_reported() {
    let workspace = Workspace::with_photos(20);
    assert!(!workspace.retrain(&[]).expect_code(0).stderr.contains("exact copies"));
    // The split hashes names as typed, as the program passes them: of twenty copies under other
    // names some land in other sets.
    for i in 0..20 {
        fs::copy(
            workspace.path("photos/open cluster/o00001.jpg"),
            workspace.path(&format!("photos/open cluster/copy{i}.jpg")),
        )
        .unwrap();
    }
    let outcome = workspace.retrain(&[]).expect_code(0);
    outcome
        .says("images are exact copies of images in another set")
        .says(" = photos/open cluster/copy");
    // With distortions, too: training photographs are not asked for then, but known.
    let outcome = workspace.retrain(&["--flip_left_right"]).expect_code(0);
    outcome.says("images are exact copies of images in another set");
}
