//! Catalogues in place of folders: columns by name, sets, groups and weights, through both
//! programs.

use super::support::in_dir;
use super::support::{LABEL_IMAGE, OUTPUTS, Outcome, RETRAIN, Workspace, json, miniature_dir, run};
use retrain::dataset::{
    Catalogue, Category, ImageLists, Layout, Sampler, Source, Split, SplitKey, WeightedMembers,
    create_image_lists, file_labels, label_name,
};
use std::fs;

/// Lists a catalogue.
fn list(file: &str, split: &Split) -> Result<ImageLists, String> {
    let source = Source::Catalogue(Catalogue::new(file));
    create_image_lists(&source, Layout::Children, split).map_err(|e| e.to_string())
}

/// Each photograph: its label, path, set and group.
fn rows(lists: &ImageLists) -> Vec<[String; 4]> {
    let mut rows = Vec::new();
    for label in &lists.labels {
        for set in Category::ALL {
            for listed in label.images(set) {
                let path = listed.photograph.path().to_str().unwrap().to_owned();
                let group = String::from_utf8(listed.group().into_owned()).unwrap();
                rows.push([label.label.clone(), path, set.name().to_owned(), group]);
            }
        }
    }
    rows.sort();
    rows
}

/// Runs `retrain` on a catalogue, with all outputs in the workspace.
fn retrain(workspace: &Workspace, args: &[&str]) -> Outcome {
    let model_dir = format!("--model_dir={}", miniature_dir().display());
    let defaults = ["--architecture=miniature", "--random_seed=1", &model_dir];
    run(RETRAIN, workspace.root(), &[&defaults, &OUTPUTS[..], args].concat())
}

#[test]
fn sets_and_groups_are_those_of_the_catalogue() {
    let workspace = Workspace::new();
    for name in ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg", "c.png"] {
        workspace.write(&format!("data/{name}"), name);
    }
    workspace.write(
        "data/list.csv",
        "path,label,set,group\na/1.jpg,x,Test,g\na/2.jpg, y ,,g\nb/1.jpg,y,valid,\n\
         b/2.jpg,x,,h\nc.png,x,train,\n",
    );
    in_dir(workspace.root(), || {
        let none = Split { testing_percentage: 0, validation_percentage: 0, ..Split::default() };
        let lists = list("data/list.csv", &none).unwrap();
        let expected = [
            ["x", "data/a/1.jpg", "testing", "g"],
            ["x", "data/b/2.jpg", "training", "h"],
            ["x", "data/c.png", "training", "c.png"],
            ["y", "data/a/2.jpg", "testing", "g"],
            ["y", "data/b/1.jpg", "validation", "b/1.jpg"],
        ];
        assert_eq!(rows(&lists), expected.map(|row| row.map(str::to_owned)));
    });
}

#[test]
fn a_group_is_in_one_set_whatever_the_key() {
    let workspace = Workspace::new();
    let mut table = String::from("path,label,group\n");
    for i in 0..200 {
        workspace.write(&format!("{i}.jpg"), format!("{i}"));
        table += &format!("{i}.jpg,{},g{}\n", i % 2, i / 5);
    }
    workspace.write("list.csv", &table);
    in_dir(workspace.root(), || {
        let mut by_key = Vec::new();
        for split_key in [SplitKey::Path, SplitKey::Relative, SplitKey::Name, SplitKey::Content] {
            let lists = list("list.csv", &Split { split_key, ..Split::default() }).unwrap();
            let mut of_group = std::collections::BTreeMap::new();
            for [_, _, set, group] in rows(&lists) {
                assert_eq!(*of_group.entry(group).or_insert(set.clone()), set);
            }
            assert_eq!(of_group.len(), 40);
            assert!(Category::ALL.iter().all(|set| of_group.values().any(|s| s == set.name())));
            by_key.push(rows(&lists));
        }
        assert!(by_key.iter().all(|rows| *rows == by_key[0]));
    });
}

#[test]
fn the_split_of_a_catalogue_does_not_depend_on_where_one_stands() {
    let workspace = Workspace::new();
    let mut table = String::from("path,label\n");
    for i in 0..50 {
        workspace.write(&format!("d/p/{i}.jpg"), "");
        table += &format!("p/{i}.jpg,{}\n", i % 2);
    }
    workspace.write("d/list.csv", &table);
    let sets = |file: &str| {
        let lists = list(file, &Split::default()).unwrap();
        rows(&lists).into_iter().map(|[_, _, set, _]| set).collect::<Vec<_>>()
    };
    let outside = in_dir(workspace.root(), || sets("d/list.csv"));
    let inside = in_dir(&workspace.path("d"), || sets("./list.csv"));
    assert_eq!(outside, inside);
    assert_eq!(outside, sets(workspace.path("d/list.csv").to_str().unwrap()));
}

#[test]
fn a_catalogues_errors_name_the_line_and_the_remedy() {
    let workspace = Workspace::new();
    for name in ["a.jpg", "b.jpg"] {
        workspace.write(name, "");
    }
    let refused = |table: &str, wanted: &str| {
        workspace.write("list.csv", table);
        let message = in_dir(workspace.root(), || list("list.csv", &Split::default()).unwrap_err());
        assert!(message.contains(wanted), "{message}");
    };
    refused("file,x\na.jpg,1\n", "has no column for the label (label, class, class_name");
    refused("name,label\na.jpg,1\n", "has no column for the path (path, file_loc,");
    refused("path,label\na.jpg,x\nb.jpg, \n", "list.csv: line 3 has no label; fill it in");
    refused("path,label\n,x\n", "list.csv: line 2 has no path; fill it in");
    refused("path,label,set\na.jpg,x,dev\n", "line 2 has the set 'dev'; it must be training");
    for weight in ["-1", "x", "NaN", "inf"] {
        let table = format!("path,label,weight\na.jpg,x,{weight}\n");
        refused(&table, &format!("line 2 has the weight '{weight}'; it must be a number from 0"));
    }
    refused(
        "path,label\na.jpg,x\n./a.jpg,y\n",
        "line 3 lists ./a.jpg with another label than line 2; remove one of the rows",
    );
    refused(
        "path,label,set,group\na.jpg,x,test,g\nb.jpg,y,train,g\n",
        "the group 'g' is in two sets, testing and training",
    );
    let gone: String = (0..25).map(|i| format!("gone{i}.jpg,x\n")).collect();
    refused(
        &format!("path,label\na.jpg,x\n{gone}"),
        "25 of 26 files are not there; paths are relative to the catalogue's directory\n\
         line 3: gone0.jpg\n",
    );
    refused(&format!("path,label\n{gone}"), "line 21: gone19.jpg\n… and 5 more");
}

#[test]
fn labels_that_read_alike_stay_apart() {
    let lines =
        |labels: &[&str]| file_labels(&labels.iter().map(|&l| l.into()).collect::<Vec<_>>());
    assert_eq!(lines(&["M 13", "m-13", "M 15"]), ["M 13", "m-13", "m 15"]);
    assert_eq!(lines(&["星团", "散开", "open!"]), ["星团", "散开", "open "]);
    // A directory's labels stay as they are.
    let made = ["Globular_Cluster", " x ", "1"].map(label_name);
    assert_eq!(file_labels(&made), made);
}

#[test]
fn heavy_photographs_are_drawn_more_often() {
    let members = [vec![0, 1, 2], vec![], vec![3], vec![4]];
    let weights = [1.0, 3.0, 0.0, 0.5, 0.0];
    let weighted = WeightedMembers::new(&members, |row| weights[row]);
    let mut rows = Vec::new();
    Sampler::new(1).draw_weighted(&weighted, 8000, &mut rows);
    let count = |row| rows.iter().filter(|&&r| r == row).count();
    // Half of the draws are of class 2, the others 1 to 3; bounds of six standard deviations.
    assert!(count(3).abs_diff(4000) < 268, "{}", count(3));
    assert!(count(1).abs_diff(3000) < 260 && count(0).abs_diff(1000) < 178);
    assert_eq!((count(2), count(4), rows.len()), (0, 0, 8000));
    Sampler::new(1).draw_weighted(&WeightedMembers::new(&[vec![0]], |_| 0.0), 5, &mut rows);
    assert!(rows.is_empty());
}

/// A catalogue like Zoobot's of the photographs in the workspace, in another directory, with
/// labels that only a catalogue can have.
fn zoobot(workspace: &Workspace, per_class: u64) -> String {
    fs::rename(workspace.path("photos"), workspace.path("images")).unwrap();
    let mut table = String::from("id_str,file_loc,ra,summary\n");
    for (class, label) in [("globular cluster", "globular, M 13"), ("open cluster", "星団/open")]
    {
        for i in 0..per_class {
            let file = format!("{class}/{}{i:05}.jpg", &class[..1]);
            table += &format!("5877{i:08}{},../images/{file},1.5,\"{label}\"\n", class.len());
        }
    }
    table
}

#[test]
fn a_zoobot_catalogue_trains_and_labels() {
    let workspace = Workspace::with_photos(30);
    let table = zoobot(&workspace, 30);
    workspace.write("lists/train.csv", &table);
    let outcome = retrain(&workspace, &["--image_list=lists/train.csv"]).expect_code(0);
    outcome.says(
        "INFO:retrain:lists/train.csv: path from 'file_loc', label from 'summary', id from \
         'id_str'\n",
    );
    let metadata = json(&workspace.path("graph.pb.json"));
    let labels = ["globular, M 13", "星団/open"];
    assert_eq!(metadata["labels"], serde_json::json!(labels));
    assert_eq!(metadata["settings"]["image_list"], "lists/train.csv");
    let text = fs::read_to_string(workspace.path("labels.txt")).unwrap();
    assert_eq!(text, "globular m 13\n open\n");
    let page = fs::read_to_string(workspace.path("summaries/report/index.html")).unwrap();
    assert!(page.contains("星団/open"));
    // Another label does not compute a bottleneck again.
    workspace.write("lists/other.csv", table.replace("星団/open", "open"));
    let again = retrain(&workspace, &["--image_list=lists/other.csv"]).expect_code(0);
    assert!(!again.stderr.contains("computed in"), "{}", again.stderr);
    let inside = |entry: walkdir::DirEntry| entry.path().starts_with(workspace.path("bottlenecks"));
    let files = walkdir::WalkDir::new(workspace.path("bottlenecks")).into_iter();
    assert!(files.map(Result::unwrap).all(inside));

    retrain(&workspace, &["--image_list=lists/train.csv"]).expect_code(0);
    let label = |args: &[&str]| {
        let list = ["--graph=graph.pb", "--image_list=lists/train.csv"];
        run(LABEL_IMAGE, workspace.root(), &[&list, args].concat()).expect_code(0)
    };
    let csv = label(&["--format=csv"]).stdout;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("id,image,label,score,label_2,score_2,error"));
    let first = "587700000000016,../images/globular cluster/g00000.jpg,\"globular, M 13\",";
    let first = first.replace("587700000000016", "58770000000016");
    assert!(csv.lines().nth(1).unwrap().starts_with(&first), "{csv}");
    assert_eq!(lines.count(), 60);
    let json_lines = label(&["--format=json"]).stdout;
    let first: serde_json::Value =
        serde_json::from_str(json_lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["id"], "58770000000016");
    assert_eq!(first["path"], "../images/globular cluster/g00000.jpg");
    // Without a format, lines are for the shell: paths that can be opened.
    let text = label(&[]).stdout;
    assert!(text.starts_with("lists/../images/globular cluster/g00000.jpg\t"), "{text}");
    let evaluated = label(&["--evaluate", "--json"]).stdout;
    let evaluated: serde_json::Value = serde_json::from_str(&evaluated).unwrap();
    assert_eq!(evaluated["photographs"], 60);
    assert!(evaluated["accuracy"].as_f64().unwrap() > 0.6, "{evaluated}");
}

#[test]
fn what_the_programs_write_is_a_catalogue() {
    let workspace = Workspace::with_photos(24);
    workspace.retrain(&[]).expect_code(0);
    let labelled = workspace.label_image(&["--format=csv", "photos"]).expect_code(0);
    workspace.write("labelled.csv", labelled.stdout);
    let predictions = workspace.path("summaries/report/predictions.csv");
    fs::copy(predictions, workspace.path("predictions.csv")).unwrap();
    let sets = |file: &str| json(&workspace.path(file))["split"].clone();
    let before = sets("graph.pb.json");
    let args = ["--image_list=predictions.csv", "--output_graph=again.pb"];
    retrain(&workspace, &args)
        .expect_code(0)
        .says("predictions.csv: path, label from 'truth', set\n");
    for set in ["training", "validation", "testing"] {
        let paths = |split: &serde_json::Value| {
            let paths = split[set].as_array().unwrap().iter();
            paths.map(|p| p.as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(paths(&before), paths(&sets("again.pb.json")), "{set}");
    }
    let args = ["--image_list=labelled.csv", "--output_graph=other.pb"];
    retrain(&workspace, &args).expect_code(0).says("path from 'image', label\n");
    // The sets of one run for another.
    let args = ["--split_file=predictions.csv", "--testing_percentage=60"];
    workspace.retrain(&args).expect_code(0).says("The sets are those of predictions.csv");
    assert_eq!(sets("graph.pb.json"), before);
    fs::copy(workspace.path("predictions.csv"), workspace.path("split.csv")).unwrap();
    let args = ["--image_list=predictions.csv", "--split_file=split.csv"];
    retrain(&workspace, &args).expect_code(2).says("--split_file: cannot decide the sets");
}

#[test]
fn a_photograph_of_weight_2_counts_as_two() {
    let workspace = Workspace::with_photos(24);
    let mut weighted = String::from("path,label,set,weight\n");
    let mut repeated = String::from("path,label,set\n");
    for (class, letter) in [("globular cluster", "g"), ("open cluster", "o")] {
        for i in 0..24u32 {
            let set = ["training", "training", "testing", "validation"][i as usize % 4];
            let path = format!("photos/{class}/{letter}{i:05}.jpg");
            let weight = 1 + i % 3;
            weighted += &format!("{path},{class},{set},{weight}\n");
            for copy in 0..weight {
                let name = format!("photos/{class}/{letter}{i:05}_{copy}.jpg");
                fs::copy(workspace.path(&path), workspace.path(&name)).unwrap();
                repeated += &format!("{name},{class},{set}\n");
            }
        }
    }
    workspace.write("weighted.csv", weighted);
    workspace.write("repeated.csv", repeated);
    let scores = |list: &str, args: &[&str]| {
        let list = format!("--image_list={list}");
        retrain(&workspace, &[args, &[&list]].concat()).expect_code(0);
        let photograph = "--image=photos/open cluster/o00002.jpg";
        let labelled = workspace.label_image(&[photograph]).expect_code(0);
        super::support::scores(&labelled.stdout)
    };
    let lbfgs = ["--optimizer=lbfgs", "--weight_decay=0.01", "--class_weights=balanced"];
    assert_eq!(scores("weighted.csv", &lbfgs), scores("repeated.csv", &lbfgs));
    assert_ne!(
        scores("weighted.csv", &lbfgs),
        scores("weighted.csv", &[&lbfgs[..], &["--image_list_columns=weight="]].concat())
    );
    // Batches are drawn at random: they only agree in the long run.
    let sgd = ["--how_many_training_steps=3000", "--learning_rate=0.02", "--noreport"];
    let [a, b] = ["weighted.csv", "repeated.csv"].map(|list| scores(list, &sgd));
    assert!(a[0].0 == b[0].0 && (a[0].1 - b[0].1).abs() < 0.02, "{a:?} {b:?}");
    retrain(&workspace, &["--image_list=weighted.csv", "--train_batch_size=-1"])
        .expect_code(2)
        .says("--train_batch_size: of all photographs takes each once, and would not honour");
    workspace.write(
        "none.csv",
        "path,label,weight\nphotos/open cluster/o00000.jpg,a,0\n\
        photos/open cluster/o00001.jpg,b,0\n",
    );
    let none = ["--image_list=none.csv", "--testing_percentage=0", "--validation_percentage=0"];
    retrain(&workspace, &none)
        .expect_code(255)
        .says("none.csv: gives all training photographs the weight 0");
}

#[test]
fn a_catalogue_that_breaks_off_ends_label_image_after_what_was_read() {
    let workspace = Workspace::with_photos(22);
    workspace.retrain(&[]).expect_code(0);
    workspace.write(
        "list.csv",
        "path,id\nphotos/open cluster/o00001.jpg,a\ngone.jpg,b\n\"x\ny\",c\nd\n",
    );
    let outcome = workspace.label_image(&["--format=csv", "--image_list=list.csv"]).expect_code(1);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[0].starts_with("id,image,") && lines[1].starts_with("a,photos/open cluster/o"));
    assert!(lines[2].starts_with("b,gone.jpg,,,"), "{}", outcome.stdout);
    outcome.says("line 6 has 1 cell, but the heading has 2").says("gone.jpg: ");
    for (args, message) in [
        (&["--image_list=list.csv", "photos"][..], "--image_list: "),
        (&["--image_list=gone.csv"], "gone.csv"),
        (&["--image_list_columns=path=x"], "--image_list_columns: needs a catalogue: --image_list"),
    ] {
        let outcome = workspace.label_image(args);
        assert!(outcome.code != 0 && outcome.stderr.contains(message), "{}", outcome.stderr);
    }
}
