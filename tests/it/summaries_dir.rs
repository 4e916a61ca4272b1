//! The directory of summaries is emptied only if runs wrote everything in it.

use super::support::{Workspace, files_under};

#[test]
fn a_directory_with_other_files_is_left_alone() {
    let workspace = Workspace::with_photos(20);
    workspace.write("summaries/sub/thesis.tex", "two years of work");
    workspace.write("summaries/train/events.out.tfevents.1.host", "");
    let outcome = workspace.retrain(&[]).expect_code(2);
    outcome.says(
        "--summaries_dir: summaries would be emptied, but holds sub/thesis.tex, which \
        no run has written; ",
    );
    workspace.write("summaries/a.txt", "");
    workspace
        .retrain(&[])
        .expect_code(2)
        .says("holds a.txt and 1 more file, which no run has written");
    assert_eq!(
        files_under(&workspace.path("summaries")),
        ["a.txt", "sub/thesis.tex", "train/events.out.tfevents.1.host"]
    );
    workspace
        .retrain(&["--summaries_keep"])
        .expect_code(0)
        .says("Summaries go to summaries/run_0001");
    assert!(workspace.path("summaries/sub/thesis.tex").exists());
}

#[test]
fn what_a_desktop_leaves_stops_no_run_and_goes_with_the_summaries() {
    let workspace = Workspace::with_photos(20);
    let summaries = workspace.path("summaries");
    for _ in 0..2 {
        for name in [
            ".DS_Store",
            "train/._events",
            "Desktop.ini",
            "THUMBS.DB",
            "__MACOSX/train/._x",
            "@eaDir/x",
        ] {
            workspace.write(&format!("summaries/{name}"), "");
        }
        workspace.retrain(&["--noreport"]).expect_code(0);
        assert_eq!(files_under(&summaries).len(), 4, "{:?}", files_under(&summaries));
    }
    workspace.write("summaries/.DS_Store", "");
    workspace.retrain(&["--resume"]).expect_code(0);
    assert!(summaries.join(".DS_Store").exists(), "a resumed run deletes nothing");
}

#[test]
fn what_a_user_threw_away_or_named_like_a_leftover_is_not_deleted() {
    for name in
        [".Trashes/501/thesis.tex", ".ipynb_checkpoints/thesis.ipynb", "._backup/thesis.tex"]
    {
        let workspace = Workspace::with_photos(2);
        workspace.write(&format!("summaries/{name}"), "two years of work");
        let outcome = workspace.retrain(&[]).expect_code(2);
        outcome.says(&format!("would be emptied, but holds {name}, which no run has written"));
        assert_eq!(files_under(&workspace.path("summaries")), [name]);
    }
}

#[test]
fn the_files_of_an_earlier_run_go_or_stay() {
    let workspace = Workspace::with_photos(20);
    for _ in 0..2 {
        workspace.retrain(&["--noreport"]).expect_code(0);
        assert_eq!(
            files_under(&workspace.path("summaries")).len(),
            4,
            "{:?}",
            files_under(&workspace.path("summaries"))
        );
    }
    for run in ["run_0001", "run_0002"] {
        workspace.retrain(&["--summaries_keep", "--noreport"]).expect_code(0).says(run);
        assert_eq!(files_under(&workspace.path("summaries").join(run)).len(), 4);
    }
    workspace
        .retrain(&["--summaries_keep", "--resume", "--noreport"])
        .expect_code(0)
        .says("Resuming after 20 steps");
    assert_eq!(files_under(&workspace.path("summaries/run_0001")).len(), 4);
    assert_eq!(files_under(&workspace.path("summaries/run_0002")).len(), 6);
    assert!(!workspace.path("summaries/run_0003").exists());
}
