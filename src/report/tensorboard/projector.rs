//! The bottlenecks for TensorBoard's projector, with what is known of each photograph and a sprite
//! of their thumbnails.

use super::super::{Exporter, Material, Outcome, Prediction, Thumbnails};
use super::canvas::{Area, Canvas};
use super::tags::png;
use crate::error::{Error, Result};
use crate::fsio;
use crate::images::Photograph;
use std::fmt::Write;
use std::path::Path;

/// The files of `projector/`, beside TensorBoard's `projector_config.pbtxt`.
pub const PROJECTOR_FILES: &[&str] = &[BOTTLENECKS, METADATA, SPRITE];
const BOTTLENECKS: &str = "bottlenecks.tsv";
const METADATA: &str = "metadata.tsv";
const SPRITE: &str = "sprite.png";
const CONFIG: &str = "projector_config.pbtxt";

/// More points would be slow to show, and their thumbnails slow to make.
const MOST_POINTS: usize = 2_000;
/// The most numbers in all vectors: a file of about 50 MB.
const MOST_NUMBERS: usize = 5_000_000;
/// The width and height of a thumbnail. The sprite may have 8192 pixels a side.
const SIDE: u32 = 64;

/// Writes the projector's files.
pub(in super::super) struct Projector;

impl Exporter for Projector {
    fn export(&self, material: &Material<'_>, dir: &Path) -> Result<()> {
        let points = points(material);
        if points.is_empty() {
            return Ok(());
        }
        let data = dir.join("projector");
        fsio::ensure_dir_exists(&data)?;
        fsio::clear_temporary_files(&data);
        fsio::write(&data.join(BOTTLENECKS), vectors(material, &points).as_bytes())?;
        fsio::write(&data.join(METADATA), metadata(material.outcome, &points).as_bytes())?;
        let photographs = points.iter().map(|&i| &material.outcome.photographs[i]);
        let sprite = png(&sprite(&material.thumbnails, photographs))
            .map_err(Error::io("making", &data.join(SPRITE)))?;
        fsio::write(&data.join(SPRITE), &sprite)?;
        let config = config(points.len(), material.bottlenecks.size);
        fsio::write(&dir.join(CONFIG), config.as_bytes())
    }
}

/// Which of the photographs the projector shows, in words.
pub(super) fn described(material: &Material<'_>) -> String {
    let (shown, all) = (points(material).len(), material.outcome.photographs.len());
    if shown == all {
        return format!("all {all} photographs with a cached bottleneck");
    }
    format!("{shown} of {all} photographs, as many of each class as there are")
}

/// The indices of the photographs that are shown.
fn points(material: &Material<'_>) -> Vec<usize> {
    let most = MOST_POINTS.min(MOST_NUMBERS / material.bottlenecks.size.max(1));
    let photographs = &material.outcome.photographs;
    let mut of_class = vec![Vec::new(); material.outcome.labels.len()];
    for (i, photograph) in photographs.iter().enumerate() {
        of_class[photograph.truth].push(i);
    }
    sample(&of_class, most)
}

/// At most `most` of all members, in order: of each class the same number, or all if it has fewer,
/// spread evenly over its members.
fn sample(of_class: &[Vec<usize>], most: usize) -> Vec<usize> {
    let total = |each: usize| of_class.iter().map(|members| members.len().min(each)).sum::<usize>();
    let longest = of_class.iter().map(Vec::len).max().unwrap_or(0);
    let each = (1..=longest.min(most)).rev().find(|&each| total(each) <= most).unwrap_or(1);
    let spread = |members: &Vec<usize>| {
        let count = members.len().min(each);
        (0..count).map(|i| members[i * members.len() / count]).collect::<Vec<_>>()
    };
    let mut sample: Vec<usize> = of_class.iter().flat_map(spread).take(most).collect();
    sample.sort_unstable();
    sample
}

fn vectors(material: &Material<'_>, points: &[usize]) -> String {
    let mut text = String::new();
    for &i in points {
        for (k, number) in material.bottlenecks.row(material.rows[i]).iter().enumerate() {
            let before = if k == 0 { "" } else { "\t" };
            // Writing to a string cannot fail.
            let _ = write!(text, "{before}{number}");
        }
        text.push('\n');
    }
    text
}

fn metadata(outcome: &Outcome, points: &[usize]) -> String {
    let one_cell = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    let mut text = "label\tprediction\tresult\tscore\tset\tfile\n".to_owned();
    for photograph in points.iter().map(|&i| &outcome.photographs[i]) {
        let cells = [
            one_cell(&outcome.labels[photograph.truth]),
            one_cell(&outcome.labels[photograph.predicted]),
            if photograph.is_right() { "right" } else { "wrong" }.into(),
            format!("{:.4}", photograph.scores[photograph.predicted]),
            photograph.set.name().into(),
            one_cell(&photograph.path().to_string_lossy()),
        ];
        text += &cells.join("\t");
        text.push('\n');
    }
    text
}

/// The thumbnails in a square grid, row by row.
fn sprite<'p>(
    thumbnails: &Thumbnails,
    photographs: impl Iterator<Item = &'p Prediction>,
) -> image::RgbImage {
    let photographs: Vec<&Photograph> = photographs.map(|p| &p.photograph).collect();
    let columns = (photographs.len() as f64).sqrt().ceil() as u32;
    let mut canvas = Canvas::new(columns * SIDE, columns * SIDE);
    for (i, thumbnail) in (0..).zip(thumbnails.of(&photographs, SIDE)) {
        let (left, top) = (i % columns * SIDE, i / columns * SIDE);
        if let Some(thumbnail) = thumbnail {
            canvas.place(Area { left, top, width: SIDE, height: SIDE }, &thumbnail);
        }
    }
    canvas.picture
}

fn config(points: usize, size: usize) -> String {
    format!(
        "embeddings {{
  tensor_name: \"bottlenecks\"
  tensor_path: \"projector/{BOTTLENECKS}\"
  tensor_shape: {points}
  tensor_shape: {size}
  metadata_path: \"projector/{METADATA}\"
  sprite {{
    image_path: \"projector/{SPRITE}\"
    single_image_dim: {SIDE}
    single_image_dim: {SIDE}
  }}
}}
"
    )
}
