//! The confusion matrix of the test photographs as a picture.

use super::super::Outcome;
use super::canvas::{Area, BLACK, Canvas, Colour, Font, Ink, WHITE};
use super::tags::{Tag, image};
use crate::error::Result;
use crate::metrics::Confusion;
use crate::proto::summary::Value;
use image::RgbImage;

/// More classes would not be readable.
const MOST_CLASSES: usize = 40;
/// TensorBoard shrinks wider pictures unless it shows the "actual size".
const WIDTH: u32 = 350;
const NARROWEST_CELL: u32 = 26;
const WIDEST_CELL: u32 = 120;
/// The room for a label.
const LABEL: u32 = 160;
const GAP: u32 = 4;
const TITLE: u32 = 22;

const RIGHT: Colour = [21, 101, 192];
const WRONG: Colour = [198, 40, 40];

/// The picture; `None` without test photographs.
pub(super) fn value(outcome: &Outcome) -> Result<Option<Value>> {
    if outcome.tested.is_empty() {
        return Ok(None);
    }
    let confusion = outcome.confusion();
    let classes = most_confused(&confusion);
    let which = if classes.len() < outcome.labels.len() {
        format!(" The {} most confused of {} classes.", classes.len(), outcome.labels.len())
    } else {
        String::new()
    };
    let description = format!(
        "{} test photographs, {} of them recognised. A row is a true class, a column a prediction; \
         the darker a cell, the larger its share of the row.{which}",
        confusion.total(),
        confusion.right()
    );
    let tag = Tag { description, ..Tag::new("images", "retrain/confusion_matrix") };
    image(tag, &drawn(&confusion, &classes, &outcome.labels)).map(Some)
}

/// The classes with the most mistakes, in their own order.
fn most_confused(confusion: &Confusion) -> Vec<usize> {
    let count = confusion.counts.len();
    let mut mistakes = vec![0; count];
    for (truth, predicted, n) in confusion.mistakes() {
        mistakes[truth] += n;
        mistakes[predicted] += n;
    }
    let mut classes: Vec<usize> = (0..count).collect();
    classes.sort_by_key(|&class| std::cmp::Reverse(mistakes[class]));
    classes.truncate(MOST_CLASSES);
    classes.sort_unstable();
    classes
}

fn drawn(confusion: &Confusion, classes: &[usize], labels: &[String]) -> RgbImage {
    let count = classes.len() as u32;
    let ink = Ink { font: Font::Small, colour: BLACK };
    let fitted: Vec<String> =
        classes.iter().map(|&class| ink.font.fit(&labels[class], LABEL)).collect();
    let longest = fitted.iter().map(|label| ink.font.width_of(label)).max().unwrap_or(0);
    let left = longest + 2 * GAP;
    let side = ((WIDTH - GAP - left) / count).clamp(NARROWEST_CELL, WIDEST_CELL);
    let upright = longest <= side;
    let head = if upright { ink.font.height() } else { longest };
    let top = TITLE + head + GAP;
    let title = "Rows: true class. Columns: prediction.";
    let width = (left + count * side).max(ink.font.width_of(title) + GAP) + GAP;
    let mut canvas = Canvas::new(width, top + count * side + GAP);
    canvas.text(GAP, GAP, title, ink);
    for (i, (&truth, label)) in (0..).zip(classes.iter().zip(&fitted)) {
        let (x, y) = (left + i * side, top + i * side);
        let column = Area { left: x, top: TITLE, width: side, height: head };
        if upright {
            canvas.centred(column, label, ink);
        } else {
            canvas.upwards(column, label, ink);
        }
        let beside = left - GAP - ink.font.width_of(label);
        canvas.text(beside, y + (side - ink.font.height()) / 2, label, ink);
        for (j, &predicted) in (0..).zip(classes) {
            let area = Area { left: left + j * side, top: y, width: side, height: side };
            draw_cell(&mut canvas, area, confusion, [truth, predicted]);
        }
    }
    canvas.picture
}

fn draw_cell(canvas: &mut Canvas, area: Area, confusion: &Confusion, at: [usize; 2]) {
    let [truth, predicted] = at;
    let count = confusion.counts[truth][predicted];
    let of_class: usize = confusion.counts[truth].iter().sum();
    let share = count as f64 / of_class.max(1) as f64;
    let full = if truth == predicted { RIGHT } else { WRONG };
    // A single mistake among hundreds must still be seen.
    let strength = if count == 0 { 0.0 } else { 0.12 + 0.88 * share };
    let mixed = |i: usize| {
        (f64::from(full[i]) * strength + f64::from(WHITE[i]) * (1.0 - strength)).round() as u8
    };
    canvas.fill(area, [224; 3]);
    let inner = Area { width: area.width - 1, height: area.height - 1, ..area };
    canvas.fill(inner, [0, 1, 2].map(mixed));
    let text = count.to_string();
    let font = if area.width < 60 { Font::Small } else { Font::Large };
    if font.width_of(&text) < area.width && (count > 0 || area.width >= 60) {
        let colour = if strength > 0.5 { WHITE } else { BLACK };
        canvas.centred(inner, &text, Ink { font, colour });
    }
}
