//! The order of batches in epochs.

use super::support::{OUTPUTS, RETRAIN, Workspace, miniature_dir, run};
use retrain::dataset::Epochs;
use std::collections::BTreeSet;
use std::fs;

/// Rows of 32 KiB: 16 in a block, 1024 shuffled among one another.
const ROW_BYTES: usize = 32 << 10;

/// Rows that are not numbered as they are in the file.
fn rows(n: usize) -> Vec<usize> {
    (0..n).map(|i| 3 * (n - i)).collect()
}

fn drawn(epochs: &mut Epochs, how_many: usize) -> Vec<usize> {
    let mut drawn = Vec::new();
    epochs.draw(how_many, &mut drawn);
    drawn
}

#[test]
fn each_epoch_has_each_row_once_in_another_order() {
    for n in [1, 10, 1000, 5000] {
        let all: BTreeSet<usize> = rows(n).into_iter().collect();
        let mut epochs = Epochs::new(rows(n), ROW_BYTES, 1);
        let orders: BTreeSet<Vec<usize>> = (0..4).map(|_| drawn(&mut epochs, n)).collect();
        assert!(orders.iter().all(|order| order.iter().copied().collect::<BTreeSet<_>>() == all));
        assert_eq!(orders.len(), if n == 1 { 1 } else { 4 });
    }
    let mut none = Epochs::new(Vec::new(), ROW_BYTES, 1);
    assert!(drawn(&mut none, 3).is_empty());
}

#[test]
fn the_order_depends_on_the_seed_alone_and_goes_on_from_any_place() {
    let n = 5000;
    let whole = drawn(&mut Epochs::new(rows(n), ROW_BYTES, 1), 3 * n);
    assert_ne!(drawn(&mut Epochs::new(rows(n), ROW_BYTES, 2), 3 * n), whole);
    let mut batches = Epochs::new(rows(n), ROW_BYTES, 1);
    let mut resumed = Epochs::new(rows(n), ROW_BYTES, 1);
    for place in (0..3 * n).step_by(300) {
        assert_eq!(batches.drawn(), place as u128);
        assert_eq!(drawn(&mut batches, 300), whole[place..place + 300]);
        resumed.skip_to(place as u128);
        assert_eq!(
            drawn(&mut resumed, 600.min(3 * n - place)),
            whole[place..3 * n][..600.min(3 * n - place)]
        );
    }
    for place in [n, 1024, 2 * n - 1] {
        resumed.skip_to(place as u128);
        assert_eq!(drawn(&mut resumed, 10), whole[place..place + 10], "{place}");
    }
}

/// What is drawn next is known beforehand, and lies in long stretches of the file.
#[test]
fn rows_are_read_in_blocks_and_shuffled_well_beyond_them() {
    let n = 8192;
    let rows: Vec<usize> = (0..n).collect();
    let mut epochs = Epochs::new(rows, ROW_BYTES, 1);
    let first = drawn(&mut epochs, 1024);
    let mut in_order = first.clone();
    in_order.sort_unstable();
    assert_ne!(first, in_order);
    assert!(in_order.chunks(16).all(|block| block[15] - block[0] == 15 && block[0] % 16 == 0));
    let blocks: BTreeSet<usize> = first[..100].iter().map(|row| row / 16).collect();
    assert!(blocks.len() > 40, "a batch is of {} blocks", blocks.len());
    let ahead = epochs.read_ahead().to_vec();
    assert!(ahead.is_sorted());
    let next: BTreeSet<usize> = drawn(&mut epochs, 512).into_iter().collect();
    assert!(next.is_subset(&ahead.into_iter().collect()));
    // As many as were drawn, and an eighth.
    assert_eq!(epochs.read_ahead().len(), 512 + 128);
    assert!(epochs.read_ahead().is_empty());
}

#[test]
fn runs_in_epochs_are_resumed_alike_and_learn() {
    let args = ["--batch_order=epochs", "--train_batch_size=7", "--eval_step_interval=1"];
    let train = |workspace: &Workspace, more: &[&str]| {
        workspace.retrain(&[&args, more].concat()).expect_code(0)
    };
    let clean = Workspace::with_photos(20);
    train(&clean, &["--how_many_training_steps=40"]);
    let graph = |w: &Workspace| fs::read(w.path("graph.pb")).unwrap();
    let workspace = Workspace::with_photos(20);
    train(&workspace, &["--how_many_training_steps=23"]);
    let resumed = train(&workspace, &["--how_many_training_steps=40", "--resume"]);
    resumed.says("Resuming after 23 steps");
    assert!(graph(&clean) == graph(&workspace));
    train(&clean, &["--how_many_training_steps=40", "--batch_order=random"]);
    assert!(graph(&clean) != graph(&workspace));
}

#[test]
fn photographs_with_weights_are_refused() {
    let workspace = Workspace::with_photos(4);
    let row = |class: &str, i: usize| {
        format!("photos/{class}/{}{i:05}.jpg,{class},{}\n", &class[..1], 1 + i)
    };
    let rows = ["globular cluster", "open cluster"];
    let rows: String = rows.iter().flat_map(|class| (0..4).map(|i| row(class, i))).collect();
    workspace.write("list.csv", format!("path,label,weight\n{rows}"));
    let model_dir = format!("--model_dir={}", miniature_dir().display());
    let args = ["--image_list=list.csv", "--architecture=miniature", "--batch_order=epochs"];
    let args = [&args, &OUTPUTS[..], &[&*model_dir]].concat();
    let refused = run(RETRAIN, workspace.root(), &args).expect_code(2);
    refused.says("--batch_order=epochs: takes each photograph once an epoch, so it cannot be");
}
