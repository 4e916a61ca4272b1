//! The final test, on photographs that training and validation never used, and the predictions for
//! all others.

use super::batches::{Batch, Batches};
use super::evaluation::Evaluator;
use crate::dataset::Category;
use crate::error::Result;
use crate::report::Prediction;
use crate::text::{one_line, shown};
use crate::tf::{fetch, request};
use log::{info, warn};

/// Images per evaluation: a large set in one tensor would take too much memory.
const CHUNK: usize = 4096;

/// The accuracy on `how_many` test images, or on all, and the prediction for each.
pub(super) fn final_test(
    batches: &mut Batches<'_>,
    evaluator: &Evaluator,
    how_many: Option<usize>,
) -> Result<(Option<f32>, Vec<Prediction>)> {
    let mut rows = Vec::new();
    batches.draw(&mut rows, Category::Testing, how_many);
    if rows.is_empty() {
        warn!(target: "retrain", "There are no test images: the final test is skipped");
        return Ok((None, Vec::new()));
    }
    let (correct, predictions) = predict_rows(batches, &rows, evaluator, Category::Testing)?;
    // TensorFlow computes it in f32; so do we, for the script's digits.
    let accuracy = (correct / rows.len() as f64) as f32;
    let percent = accuracy * 100.0;
    info!(target: "tensorflow", "Final test accuracy = {percent:.1}% (N={})", rows.len());
    Ok((Some(accuracy), predictions))
}

/// The prediction for every photograph that has a cached bottleneck, and its row: set by set, class
/// by class.
pub(super) fn predict_all(
    batches: &Batches<'_>,
    evaluator: &Evaluator,
) -> Result<(Vec<Prediction>, Vec<usize>)> {
    let most = batches.bottlenecks.photographs.len();
    let (mut predictions, mut all) = (Vec::with_capacity(most), Vec::with_capacity(most));
    for set in Category::ALL {
        let rows = cached(batches, set);
        predictions.extend(predict_rows(batches, &rows, evaluator, set)?.1);
        all.extend(rows);
    }
    Ok((predictions, all))
}

/// The sum of the cross-entropies of all photographs of one set that have cached bottlenecks.
pub(super) fn loss(batches: &Batches<'_>, evaluator: &Evaluator, set: Category) -> Result<f64> {
    let mut loss = 0.0;
    in_chunks(batches, &cached(batches, set), evaluator, set, |_, chunk| {
        loss = chunk.iter().map(Prediction::cross_entropy).fold(loss, |sum, one| sum + one);
    })?;
    Ok(loss)
}

/// The rows of one set that have bottlenecks.
fn cached(batches: &Batches<'_>, set: Category) -> Vec<usize> {
    let bottlenecks = batches.bottlenecks;
    let rows = bottlenecks.members(set).iter().flatten().copied();
    rows.filter(|&row| !bottlenecks.row(row).is_empty()).collect()
}

/// How many of these photographs of one set are recognised, and the prediction for each.
fn predict_rows(
    batches: &Batches<'_>,
    rows: &[usize],
    evaluator: &Evaluator,
    set: Category,
) -> Result<(f64, Vec<Prediction>)> {
    let (mut correct, mut predictions) = (0.0, Vec::with_capacity(rows.len()));
    in_chunks(batches, rows, evaluator, set, |accuracy, chunk| {
        correct += f64::from(accuracy) * chunk.len() as f64;
        predictions.extend(chunk);
    })?;
    Ok((correct, predictions))
}

/// Passes accuracy and predictions of one chunk of photographs after the other to `take`.
fn in_chunks(
    batches: &Batches<'_>,
    rows: &[usize],
    evaluator: &Evaluator,
    set: Category,
    mut take: impl FnMut(f32, Vec<Prediction>),
) -> Result<()> {
    let mut batch = Batch::new();
    let mut ahead = rows.chunks(CHUNK).skip(1);
    for rows in rows.chunks(CHUNK) {
        ahead.next().into_iter().for_each(|rows| batches.bottlenecks.read_ahead(rows));
        batch.rows.clear();
        batch.rows.extend_from_slice(rows);
        batches.gather_cached(&mut batch);
        let (accuracy, chunk) = predict(batches, &batch, evaluator, set)?;
        take(accuracy, chunk);
    }
    Ok(())
}

fn predict(
    batches: &Batches<'_>,
    batch: &Batch,
    evaluator: &Evaluator,
    set: Category,
) -> Result<(f32, Vec<Prediction>)> {
    let doing = "predicting the classes of photographs";
    let mut args = batch.feed(evaluator);
    let accuracy = request(&mut args, &evaluator.accuracy);
    let prediction = request(&mut args, &evaluator.prediction);
    let result = request(&mut args, &evaluator.result);
    evaluator.session.run(&mut args, doing)?;
    let accuracy = fetch::<f32>(&mut args, accuracy, doing)?[0];
    let predicted = fetch::<i64>(&mut args, prediction, doing)?;
    let scores = fetch::<f32>(&mut args, result, doing)?;
    let classes = scores.len() / batch.rows.len();
    let bottlenecks = batches.bottlenecks;
    let images = batch.rows.iter().zip(predicted.iter()).zip(scores.chunks(classes.max(1)));
    let predictions = images.map(|((&row, &predicted), scores)| Prediction {
        photograph: bottlenecks.photographs[row].clone(),
        set,
        truth: bottlenecks.classes[row],
        predicted: predicted as usize,
        scores: scores.to_vec(),
    });
    Ok((accuracy, predictions.collect()))
}

/// Lists the misclassified photographs as the scripts do. Where the scripts list nothing, we say
/// so.
pub(super) fn print_misclassified(predictions: &[Prediction], labels: &[String]) {
    info!(target: "tensorflow", "=== MISCLASSIFIED TEST IMAGES ===");
    let mut none = true;
    for prediction in predictions.iter().filter(|p| !p.is_right()) {
        let path = shown(prediction.path());
        let label = one_line(&labels[prediction.predicted]);
        info!(target: "tensorflow", "{path:>70}  {label}");
        none = false;
    }
    if none && !predictions.is_empty() {
        info!(target: "retrain", "none");
    }
}
