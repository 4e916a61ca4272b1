//! Names with accents, which older Macs keep in another form (`é` as `e` and an accent) than lists
//! and other systems have them in.

use super::download::{download, jpeg, rows};
use super::http::{Reply, Server};
use super::label_image::trained;
use super::support::{Workspace, in_dir};
use retrain::dataset::{Category, Directory, Layout, Source, Split, create_image_lists};
use serde_json::Value;
use std::fs;

const COMPOSED: &str = "amas étoilé";
const DECOMPOSED: &str = "amas e\u{301}toile\u{301}";

#[test]
fn a_directory_is_its_label_in_either_form() {
    let workspace = trained();
    let photo = fs::read(workspace.path("photos/open cluster/o00000.jpg")).unwrap();
    // As a list keeps them, and as the scripts write the names of directories in either form.
    for label in [COMPOSED, "amas toil ", "amas e toile "] {
        workspace.write("labels.txt", format!("{label}\nガス\n"));
        for dir in [COMPOSED, DECOMPOSED, "ガス", "カ\u{3099}ス"] {
            workspace.write(&format!("{dir}/a.jpg"), &photo);
            let outcome = workspace.label_image(&["--evaluate", "--json", dir]).expect_code(0);
            let evaluation: Value = serde_json::from_str(&outcome.stdout).unwrap();
            assert_eq!(evaluation["photographs"], 1, "{label} {dir}");
        }
    }
}

#[test]
fn different_labels_are_sorted_into_directories_that_macs_tell_apart() {
    let workspace = trained();
    workspace.write("labels.txt", format!("{COMPOSED}\n{DECOMPOSED}\n"));
    let photos = ["photos/open cluster", "photos/globular cluster"];
    workspace.label_image(&[&["--sort_into=sorted"], &photos[..]].concat()).expect_code(0);
    let entries = fs::read_dir(workspace.path("sorted")).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, [format!("{DECOMPOSED}-2"), COMPOSED.to_owned()]);
}

#[test]
fn a_split_file_lists_names_in_either_form() {
    let workspace = Workspace::new();
    for i in 0..40 {
        workspace.write(&format!("photos/{DECOMPOSED}/{i}.jpg"), "");
        workspace.write(&format!("photos/b/é{i}.jpg"), "");
    }
    let split = Split { split_file: Some("split.csv".into()), ..Split::default() };
    let sets = || {
        let source = Source::Directory(Directory::new("photos"));
        let lists = create_image_lists(&source, Layout::Children, &split).unwrap();
        let of = |set| lists.labels.iter().flat_map(move |label| label.images(set));
        let paths = |set| of(set).map(|listed| listed.photograph.path().to_owned()).collect();
        Category::ALL.map(|set| -> Vec<_> { paths(set) })
    };
    in_dir(workspace.root(), || {
        let first = sets();
        let text = fs::read_to_string("split.csv").unwrap();
        let (dir, file) = (text.replace(DECOMPOSED, COMPOSED), text.replace('é', "e\u{301}"));
        assert!(dir != text && file != text);
        for other in [dir, file] {
            fs::write("split.csv", other).unwrap();
            assert_eq!(sets(), first);
        }
        // Where both are there, each is itself.
        let name = |set: &[std::path::PathBuf]| {
            let mut names = set.iter().map(|path| path.to_str().unwrap());
            names.find(|n| n.starts_with("photos/b/é")).unwrap().to_owned()
        };
        let (training, testing) = (name(&first[0]), first[1].len());
        fs::write(training.replace('é', "e\u{301}"), "").unwrap();
        let twin = training.strip_prefix("photos/").unwrap().replace('é', "e\u{301}");
        fs::write("split.csv", format!("{text}{twin},testing\n")).unwrap();
        let second = sets();
        assert_eq!((&second[0], second[1].len()), (&first[0], testing + 1));
    });
}

#[test]
fn a_class_is_downloaded_into_one_directory_and_no_name_is_taken_twice() {
    let server = Server::concurrent(|request, _| Reply::ok(jpeg(request.target().len() as u8)));
    let workspace = Workspace::new();
    let mut list = String::from("url,class,name\n");
    for (i, (class, name)) in
        [(COMPOSED, "é"), (DECOMPOSED, "e\u{301}"), (COMPOSED, "E\u{301}")].iter().enumerate()
    {
        let url = server.url(&format!("/{}.jpg", "x".repeat(i + 1)));
        list += &format!("{url},{class},{name}\n");
    }
    workspace.write("list.csv", list);
    download(&workspace, &["--urls=list.csv"]).expect_code(0);
    let mut files: Vec<String> = rows(&workspace).into_iter().map(|row| row.file).collect();
    files.sort();
    let wanted = [format!("{COMPOSED}/E\u{301}-3.jpg"), format!("{COMPOSED}/e\u{301}-2.jpg")];
    assert_eq!(files, [&wanted[..], &[format!("{COMPOSED}/é.jpg")]].concat());
}
