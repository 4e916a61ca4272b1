//! Folders as people have them: formats that the script leaves out, directories within classes,
//! and splits that do not depend on how a path is typed.

use super::dataset::list;
use super::support::{Outcome, RETRAIN, Workspace, in_dir, json, miniature_dir, run};
use retrain::dataset::{
    Category, Directory, Formats, ImageLists, Layout, Source, Split, SplitKey, create_image_lists,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The names of a class's photographs, of all sets, as they are listed.
fn names(lists: &ImageLists, class: usize) -> Vec<String> {
    let name = |p: &retrain::dataset::Listed| p.photograph.name().to_str().unwrap().to_owned();
    Category::ALL.iter().flat_map(|&c| lists.labels[class].images(c)).map(name).collect()
}

fn only(text: &str) -> Formats {
    Formats::parse(text).unwrap()
}

/// The set of each photograph by its path from image_dir on.
fn sets(image_dir: &str, split: &Split) -> BTreeMap<String, Category> {
    let source = Source::Directory(Directory { recursive: true, ..Directory::new(image_dir) });
    let lists = create_image_lists(&source, Layout::Children, split).unwrap();
    let mut sets = BTreeMap::new();
    for label in &lists.labels {
        for set in Category::ALL {
            for listed in label.images(set) {
                let name = listed.photograph.name().to_str().unwrap();
                sets.insert(format!("{}/{name}", label.dir.to_str().unwrap()), set);
            }
        }
    }
    sets
}

fn by(split_key: SplitKey) -> Split {
    Split { split_key, ..Split::default() }
}

/// Writes some photographs again as PNG, which takes their place.
fn to_png(workspace: &Workspace, names: &[String]) {
    for name in names {
        let path = workspace.path(name);
        let image = image::open(&path).unwrap();
        image.save(path.with_extension("png")).unwrap();
        fs::remove_file(path).unwrap();
    }
}

fn photographs(class: &str, first: u64, end: u64) -> Vec<String> {
    let letter = &class[..1];
    (first..end).map(|i| format!("photos/{class}/{letter}{i:05}.jpg")).collect()
}

#[test]
fn other_formats_come_after_the_scripts() {
    let workspace = Workspace::new();
    for name in ["b.JPEG", "z.jpg", "a.Jpg", "a.TIF", "c.png", "d.webp", "a.jpg", "x.txt", "jpg"] {
        workspace.write(&format!("photos/x/{name}"), "");
    }
    let listed = |formats: &str, layout| {
        let directory =
            Directory { formats: only(formats), ..Directory::new(workspace.path("photos")) };
        names(&list(directory, layout, [0, 0]).unwrap(), 0).join(" ")
    };
    let poets = |formats| listed(formats, Layout::Children);
    assert_eq!(poets("all"), "a.jpg z.jpg b.JPEG a.Jpg c.png a.TIF d.webp");
    assert_eq!(poets("script"), "a.jpg z.jpg b.JPEG");
    assert_eq!(poets("jpeg"), "a.jpg z.jpg b.JPEG a.Jpg");
    assert_eq!(poets("PNG, tiff"), "c.png a.TIF");
    assert_eq!(listed("all", Layout::Walk), "b.JPEG a.jpg z.jpg c.png a.Jpg a.TIF d.webp");
    assert_eq!(listed("script", Layout::Walk), "b.JPEG a.jpg z.jpg c.png");
    for text in ["jpg", "", "jpeg,", "jpeg png"] {
        assert!(Formats::parse(text).unwrap_err().contains("must be all, script, or some of jpeg"));
    }
    for text in ["all", "script", "jpeg,png"] {
        assert_eq!(only(text).name(), text);
    }
}

#[test]
fn directories_within_a_class_belong_to_it() {
    let workspace = Workspace::new();
    for name in ["a.jpg", "sub/a.jpg", "sub/deep/b.png", "__MACOSX/c.jpg", "sub/._d.jpg", "e/f.JPG"]
    {
        workspace.write(&format!("photos/x/{name}"), name);
    }
    workspace.write("photos/y/z/a.jpg", "");
    std::os::unix::fs::symlink("..", workspace.path("photos/x/sub/loop")).unwrap();
    std::os::unix::fs::symlink("gone.jpg", workspace.path("photos/x/sub/gone.jpg")).unwrap();
    let image_dir = workspace.path("photos");
    for (layout, expected) in [
        (Layout::Children, "a.jpg sub/a.jpg e/f.JPG sub/deep/b.png"),
        (Layout::Walk, "e/f.JPG a.jpg sub/a.jpg sub/deep/b.png"),
    ] {
        let directory = Directory { recursive: true, ..Directory::new(&image_dir) };
        let lists = list(directory, layout, [0, 0]).unwrap();
        let dirs: Vec<_> = lists.labels.iter().map(|l| l.dir.to_str().unwrap()).collect();
        assert_eq!(dirs, ["x", "y"]);
        assert_eq!(names(&lists, 0).join(" "), expected);
        assert_eq!(names(&lists, 1), ["z/a.jpg"]);
        for listed in lists.labels[0].images(Category::Training) {
            let photograph = &listed.photograph;
            assert_eq!(photograph.path(), image_dir.join("x").join(photograph.name()));
        }
    }
}

#[test]
fn only_the_scripts_split_depends_on_how_a_path_is_typed() {
    let workspace = Workspace::new();
    for i in 0..60 {
        workspace.write(&format!("photos/a/{i}.jpg"), format!("{i}"));
        workspace.write(&format!("photos/b/sub/{i}_nohash_1.jpg"), format!("{}", i % 30));
        workspace.write(&format!("photos/b/{i}_nohash_2.jpg"), format!("b{i}"));
    }
    fs::rename(workspace.path("photos"), workspace.path("moved")).unwrap();
    fs::create_dir(workspace.path("photos")).unwrap();
    fs::rename(workspace.path("moved"), workspace.path("photos/moved")).unwrap();
    in_dir(workspace.root(), || {
        let both = |key| [sets("photos/moved", &by(key)), sets("./photos/moved/", &by(key))];
        let [typed, retyped] = both(SplitKey::Path);
        assert_ne!(typed, retyped);
        for key in [SplitKey::Relative, SplitKey::Name, SplitKey::Content] {
            let [sets, retyped] = both(key);
            assert_eq!(sets, retyped);
            assert!(Category::ALL.iter().all(|set| sets.values().any(|s| s == set)), "{key:?}");
        }
        // The hash is the script's, of another text.
        let [relative, _] = both(SplitKey::Relative);
        let expected = |path: &String| retrain::dataset::category_of(path.as_bytes(), 10, 10);
        assert!(relative.iter().all(|(path, set)| expected(path) == *set));
        let [name, _] = both(SplitKey::Name);
        for i in 0..60 {
            let variations = [format!("b/sub/{i}_nohash_1.jpg"), format!("b/{i}_nohash_2.jpg")];
            assert_eq!(name[&variations[0]], name[&variations[1]], "by name these are one");
        }
        let [content, _] = both(SplitKey::Content);
        for i in 0..30 {
            // 30 photographs of `a` are there twice more.
            let copies = [format!("a/{i}.jpg"), format!("b/sub/{i}_nohash_1.jpg")];
            let other = format!("b/sub/{}_nohash_1.jpg", i + 30);
            assert_eq!(content[&copies[0]], content[&copies[1]]);
            assert_eq!(content[&copies[0]], content[&other]);
        }
    });
}

#[test]
fn groups_are_what_decides_the_set() {
    let workspace = Workspace::new();
    for name in ["x/1_nohash_a.jpg", "x/s/1_nohash_b.jpg", "y/1.jpg"] {
        workspace.write(&format!("photos/{name}"), name);
    }
    let groups = |split_key| {
        let directory = Directory { recursive: true, ..Directory::new(workspace.path("photos")) };
        let source = Source::Directory(directory);
        let split = Split {
            testing_percentage: 0,
            validation_percentage: 0,
            split_key,
            ..Split::default()
        };
        let lists = create_image_lists(&source, Layout::Children, &split).unwrap();
        let listed = lists.labels.iter().flat_map(|label| label.images(Category::Training));
        listed.map(|l| String::from_utf8(l.group().into_owned()).unwrap()).collect::<Vec<_>>()
    };
    let at = |name: &str| workspace.path("photos").join(name).to_str().unwrap().to_owned();
    assert_eq!(groups(SplitKey::Path), [at("x/1"), at("x/s/1"), at("y/1.jpg")]);
    assert_eq!(groups(SplitKey::Relative), ["x/1", "x/s/1", "y/1.jpg"]);
    assert_eq!(groups(SplitKey::Name), ["1", "1", "1.jpg"]);
    assert!(groups(SplitKey::Content).iter().all(|group| group.len() == 64));
}

#[test]
fn a_split_file_is_written_then_read() {
    let workspace = Workspace::new();
    for i in 0..40 {
        workspace.write(&format!("photos/a/{i}.jpg"), "");
        workspace.write(&format!("photos/b, c/s/{i}.jpg"), "");
    }
    let with_file = Split { split_file: Some("split.csv".into()), ..Split::default() };
    let error = |text: &str| {
        fs::write("split.csv", text).unwrap();
        let source = Source::Directory(Directory { recursive: true, ..Directory::new("photos") });
        create_image_lists(&source, Layout::Children, &with_file).unwrap_err().to_string()
    };
    in_dir(workspace.root(), || {
        let first = sets("photos", &with_file);
        assert_eq!(first, sets("photos", &Split::default()));
        let text = fs::read_to_string("split.csv").unwrap();
        assert!(text.starts_with("path,set\n") && text.contains("\"b, c/s/7.jpg\","), "{text}");
        // However the directory is typed, and whatever the percentages, the file decides.
        let other = Split { testing_percentage: 70, ..with_file.clone() };
        assert_eq!(sets("./photos", &other), first);
        // Paths as typed, and those of another place, as an earlier run's predictions.csv has them.
        for before in ["photos/", "/elsewhere/photos/"] {
            let moved = text.replace("\na/", &format!("\n{before}a/"));
            let moved = moved.replace("\"b, c", &format!("\"{before}b, c"));
            fs::write("split.csv", moved.replace("path,set\n", "path,SET\n")).unwrap();
            assert_eq!(sets("photos", &other), first);
        }
        let short = text.lines().filter(|l| !l.starts_with("a/")).collect::<Vec<_>>().join("\n");
        let message = error(&short);
        let wanted = "split.csv: does not list 40 of 80 photographs; add a row for each, or \
                      remove the file to have it written anew\nphotos/a/";
        assert!(message.starts_with(wanted) && message.ends_with("\n… and 20 more"), "{message}");
        let message = error(&text.replacen("training", "trainig", 1));
        assert!(message.contains("has the set 'trainig'; it must be training"), "{message}");
        let twice = text.clone() + "x/a/1.jpg,testing\ny/a/1.jpg,training\n";
        assert_eq!(error(&twice.replacen("a/1.jpg", "a/100.jpg", 1)), {
            "split.csv: line 82 (x/a/1.jpg, testing) and line 83 (y/a/1.jpg, training) both may be \
             photos/a/1.jpg; remove the wrong one"
        });
    });
}

/// Lines of ours, without their prefix.
fn said<'o>(outcome: &'o Outcome, part: &str) -> Vec<&'o str> {
    outcome.stderr.lines().filter(|line| line.contains(part)).collect()
}

#[test]
fn jpeg_and_png_are_used_together_and_it_is_said() {
    let workspace = Workspace::with_photos(300);
    to_png(&workspace, &photographs("open cluster", 290, 300));
    workspace.write("photos/open cluster/notes.txt", "");
    workspace.write("photos/globular cluster/README", "");
    workspace.write("photos/globular cluster/sub/a.jpg", "");
    let outcome = workspace.retrain(&[]).expect_code(0);
    assert_eq!(
        said(&outcome, "which the script would leave out"),
        ["INFO:retrain:10 PNG files are used, which the script would leave out; --formats=script \
         leaves them out"]
    );
    assert_eq!(
        said(&outcome, "Left out"),
        ["INFO:retrain:Left out: 1 .txt, 1 without an ending, 1 directory with 1 JPEG \
             (--recursive takes them)"]
    );
    outcome.says("INFO:retrain:2 classes: ");
    let split = |args: &[&str]| {
        workspace.retrain(args).expect_code(0);
        json(&workspace.path("graph.pb.json"))["split"].clone()
    };
    let all = split(&[]);
    let script = split(&["--formats=script"]);
    let count = |split: &serde_json::Value| {
        let sets = split.as_object().unwrap().values();
        sets.map(|set| set.as_array().unwrap().len()).sum::<usize>()
    };
    assert_eq!((count(&all), count(&script)), (600, 590));
    assert_eq!(script, split(&["--formats=jpeg"]));
    // What the script takes keeps its order and its sets.
    for (set, paths) in script.as_object().unwrap() {
        let jpeg = |path: &&serde_json::Value| path.as_str().unwrap().ends_with(".jpg");
        let kept: Vec<_> = all[set].as_array().unwrap().iter().filter(jpeg).collect();
        assert_eq!(kept, paths.as_array().unwrap().iter().collect::<Vec<_>>());
    }
    let png = "photos/open cluster/o00295.png";
    let labelled = workspace.label_image(&["--format=csv", png]).expect_code(0);
    assert!(labelled.stdout.contains("o00295.png,open cluster,"), "{}", labelled.stdout);
}

#[test]
fn a_folder_of_png_only_trains() {
    let workspace = Workspace::with_photos(20);
    let classes = ["globular cluster", "open cluster"];
    classes.iter().for_each(|class| to_png(&workspace, &photographs(class, 0, 20)));
    let refused = workspace.retrain(&["--formats=script"]).expect_code(255);
    assert_eq!(said(&refused, "No files found"), ["WARNING:tensorflow:No files found"; 2]);
    refused.says("WARNING:retrain:'open cluster' holds 20 PNG (--formats leaves them out)\n").says(
        "ERROR:tensorflow:photos: No valid folders of images found at photos\nIts 2 \
             directories hold 40 PNG (--formats leaves them out)",
    );
    workspace.retrain(&[]).expect_code(0).says("INFO:retrain:40 PNG files are used, which the");
    let labelled = workspace.label_image(&["photos/open cluster/o00001.png"]).expect_code(0);
    assert!(labelled.stdout.contains("\topen cluster\t"), "{}", labelled.stdout);
}

#[test]
fn nested_folders_train_with_a_text_file_for_each_photograph() {
    let workspace = Workspace::with_photos(24);
    for class in ["globular cluster", "open cluster"] {
        let dir = workspace.path(&format!("photos/{class}"));
        for (i, name) in photographs(class, 0, 24).iter().enumerate() {
            // The same name in each of two directories.
            let to = dir.join(["one", "two/deep"][i % 2]).join(format!("{}.jpg", i / 2));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::rename(workspace.path(name), to).unwrap();
        }
    }
    let refused = workspace.retrain(&[]).expect_code(255);
    refused
        .says("'globular cluster' holds 2 directories with 24 JPEG (--recursive takes them)")
        .says("Its 2 directories hold 4 directories with 48 JPEG (--recursive takes them)");
    workspace.retrain(&["--recursive"]).expect_code(0);
    for name in ["one/3.jpg", "two/deep/3.jpg"] {
        let text = format!("bottlenecks/open cluster/{name}_miniature.txt");
        assert!(workspace.path(&text).is_file(), "{text}");
    }
    let killed = workspace.write("bottlenecks/open cluster/two/deep/.retrain-x.tmp", "");
    let again = workspace.retrain(&["--recursive"]).expect_code(0);
    assert!(!again.stderr.contains("computed in"), "all is cached:\n{}", again.stderr);
    assert!(!killed.exists());
    let labelled = workspace.label_image(&["photos/open cluster/two/deep/1.jpg"]).expect_code(0);
    assert!(labelled.stdout.contains("\topen cluster\t"), "{}", labelled.stdout);
}

#[test]
fn what_is_there_in_place_of_classes_is_said() {
    let workspace = Workspace::new();
    let refused = |dir: &str, message: &str| {
        let image_dir = format!("--image_dir={dir}");
        workspace.retrain(&[&image_dir]).expect_code(255).says(message);
    };
    workspace.write("flat/a.jpg", "");
    workspace.write("flat/b.png", "");
    refused(
        "flat",
        "flat: No valid folders of images found at flat\n1 JPEG, 1 PNG lie directly in",
    );
    fs::create_dir_all(workspace.path("empty/x")).unwrap();
    workspace.write("none/notes", "");
    refused("none", "found at none\nIt holds no directories; each class needs one");
    refused("empty", "WARNING:retrain:'x' holds nothing\n");
    workspace.write("other/x/a.heic", "");
    refused("other", "found at other\nIts only directory holds 1 .heic\n");
}

#[test]
fn another_spelling_of_image_dir_is_noticed() {
    let workspace = Workspace::with_photos(60);
    let notes = |args: &[&str]| {
        let outcome = workspace.retrain(args).expect_code(0);
        said(&outcome, "in another set").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(notes(&[]).is_empty() && notes(&[]).is_empty());
    let warned = notes(&["--image_dir=./photos"]);
    let beginning = "INFO:retrain:--image_dir was typed photos before: ";
    assert!(warned.len() == 1 && warned[0].starts_with(beginning), "{warned:?}");
    assert!(warned[0].contains("--split_key=relative does not depend on it"), "{warned:?}");
    // The same spelling as before, and a key that does not depend on it.
    assert!(notes(&["--image_dir=./photos"]).is_empty());
    notes(&["--split_key=relative"]);
    assert!(notes(&["--image_dir=./photos", "--split_key=relative"]).is_empty());
}

#[test]
fn a_resumed_run_names_what_differs_about_its_photographs() {
    let workspace = Workspace::with_photos(30);
    let args = ["--split_file=split.csv", "--recursive"];
    workspace.retrain(&args).expect_code(0);
    let resumed = |args: &[&str]| workspace.retrain(&[args, &["--resume"]].concat());
    resumed(&args).expect_code(0);
    for (args, setting) in [
        (&args[..1], "recursive"),
        (&["--split_file=split.csv", "--recursive", "--split_key=name"], "split_key"),
        (&["--split_file=split.csv", "--recursive", "--formats=jpeg"], "formats"),
        (&args[1..], "split_file"),
    ] {
        resumed(args).expect_code(2).says(&format!("ERROR:retrain:--{setting}: differs from the"));
    }
    let text = fs::read_to_string(workspace.path("split.csv")).unwrap();
    workspace.write("split.csv", text.replacen("training", "testing", 1));
    resumed(&args).expect_code(2).says("ERROR:retrain:--split_file: differs from the run");
}

#[test]
fn places_that_cannot_be_are_refused() {
    let workspace = Workspace::with_photos(2);
    let refused = |args: &[&str], message: &str| {
        workspace.retrain(args).expect_code(2).says(message);
    };
    refused(&["--split_file="], "--split_file: must not be empty");
    refused(&["--split_file=split.json"], "must end in .csv to be written");
    refused(&["--split_file=labels.csv", "--output_labels=labels.csv"], "is also --");
    workspace.write("summaries/split.csv", "path,set\n");
    refused(&["--split_file=summaries/split.csv"], "--summaries_dir: ");
    refused(&["--formats=jpg"], "--formats: must be all, script, or some of jpeg");
    refused(&["--image_list=x.csv"], "--image_dir: goes with a directory, not with a catalogue");
    refused(
        &["--image_list_columns=path=x"],
        "--image_list_columns: needs a catalogue: --image_list",
    );
    let model_dir = format!("--model_dir={}", miniature_dir().display());
    let outcome = run(RETRAIN, workspace.root(), &["--image_list=x.csv", &model_dir]);
    outcome.expect_code(255).says("x.csv: there is no such file");
    assert!(Path::new(&workspace.path("photos")).exists());
}
