//! A sheet of the photographs that were not recognised.

use super::super::{Material, Outcome, Prediction, Thumbnails};
use super::canvas::{Area, BLACK, Canvas, Colour, Font, Ink};
use super::tags::{Tag, image};
use crate::dataset::Category;
use crate::error::Result;
use crate::images::Photograph;
use crate::proto::summary::Value;
use image::RgbImage;

const MOST: usize = 24;
/// TensorBoard shrinks pictures of more than 350 pixels, unless it shows the "actual size".
const COLUMNS: usize = 2;
/// The width of a tile, and the width and height of the picture in it.
const SIDE: u32 = 160;
const GAP: u32 = 10;
/// The lines below a picture.
const LINES: u32 = 4;

const GREEN: Colour = [27, 94, 32];
const RED: Colour = [183, 28, 28];
const GREY: Colour = [97; 3];

/// The sheet; `None` if all photographs were recognised.
pub(super) fn value(material: &Material<'_>) -> Result<Option<Value>> {
    let outcome = material.outcome;
    let wrong = misclassified(outcome);
    let shown = &wrong[..wrong.len().min(MOST)];
    if shown.is_empty() {
        return Ok(None);
    }
    let description = format!(
        "{} of {} misclassified photographs, those of the test set first, the most certain \
         mistakes first. Below each: true class, prediction and score, set and file.",
        shown.len(),
        wrong.len()
    );
    let tag = Tag { description, ..Tag::new("images", "retrain/misclassified") };
    image(tag, &sheet(&material.thumbnails, shown, &outcome.labels)).map(Some)
}

fn misclassified(outcome: &Outcome) -> Vec<&Prediction> {
    let sets = [Category::Testing, Category::Validation, Category::Training];
    let of_set = |set| {
        let mut wrong: Vec<_> = outcome.of_set(set).filter(|p| !p.is_right()).collect();
        wrong.sort_by(|a, b| b.scores[b.predicted].total_cmp(&a.scores[a.predicted]));
        wrong
    };
    sets.into_iter().flat_map(of_set).collect()
}

fn sheet(thumbnails: &Thumbnails, predictions: &[&Prediction], labels: &[String]) -> RgbImage {
    let font = Font::Small;
    let photographs: Vec<&Photograph> = predictions.iter().map(|p| &p.photograph).collect();
    let thumbnails = thumbnails.of(&photographs, SIDE);
    let columns = predictions.len().min(COLUMNS);
    let rows = predictions.len().div_ceil(columns);
    let height = SIDE + LINES * font.height() + 2;
    let size = |count: usize, each: u32| GAP + count as u32 * (each + GAP);
    let mut canvas = Canvas::new(size(columns, SIDE), size(rows, height));
    for (i, (prediction, thumbnail)) in predictions.iter().zip(thumbnails).enumerate() {
        let (left, top) = (size(i % columns, SIDE), size(i / columns, height));
        let frame = Area { left, top, width: SIDE, height: SIDE };
        canvas.fill(frame, [238; 3]);
        if let Some(thumbnail) = thumbnail {
            canvas.place(frame, &thumbnail);
        }
        for (line, (text, colour)) in (0..).zip(caption(prediction, labels)) {
            let top = top + SIDE + 2 + line * font.height();
            canvas.text(left, top, &font.fit(&text, SIDE), Ink { font, colour });
        }
    }
    canvas.picture
}

fn caption(prediction: &Prediction, labels: &[String]) -> [(String, Colour); LINES as usize] {
    let file = prediction.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let score = format!("{:.2} ", prediction.scores[prediction.predicted]);
    [
        (labels[prediction.truth].clone(), GREEN),
        (score + &labels[prediction.predicted], RED),
        (prediction.set.name().to_owned(), GREY),
        (file, BLACK),
    ]
}
