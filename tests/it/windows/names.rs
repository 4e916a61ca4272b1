//! Names that Windows keeps or changes.

use super::wine;
use crate::support::{Workspace, files_under};

#[test]
fn nothing_is_written_under_a_name_that_windows_takes_for_something_else() {
    let Some(wine) = wine() else { return };
    let workspace = Workspace::with_photos(20);
    let before = files_under(workspace.root());
    for (flag, says) in [
        ("--output_graph=aux.pb", "aux.pb: names 'aux.pb', which Windows keeps for a device"),
        ("--output_graph=NUL", "NUL: names 'NUL', which Windows keeps for a device"),
        (r"--output_labels=out\con", r"out\con: names 'con', which Windows keeps for a device"),
        ("--output_labels=labels.", "names 'labels.', of which Windows drops the end"),
        (r"--summaries_dir=x \y", "names 'x ', of which Windows drops the end"),
        (r"--bottleneck_dir=x\a:b", "names 'a:b', but Windows allows no : in names"),
        ("--saved_model_dir=what?", "names 'what?', but Windows allows no ? in names"),
    ] {
        let refused = wine.retrain(workspace.root(), &[flag]);
        assert!([1, 2].contains(&refused.code), "{flag}: {}", refused.stderr);
        refused.says(says).says("give another path");
        assert_eq!(files_under(workspace.root()), before, "{flag}");
    }
}
