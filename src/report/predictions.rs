//! All predictions as a table, `predictions.csv`, and with what else is known of each photograph,
//! `predictions.json`.
//!
//! Cells are quoted as RFC 4180 says, and are otherwise the names as they are: a cell that begins
//! with `=` is not given an apostrophe, because the path would then name no file.

use super::{Exporter, Material, Outcome, Prediction};
use crate::dataset::Category;
use crate::error::{Error, Result};
use crate::fsio;
use serde::Serialize;
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// Writes `predictions.csv`: path, set, truth, prediction, then a score per class.
pub(super) struct Csv;

impl Exporter for Csv {
    fn export(&self, material: &Material<'_>, dir: &Path) -> Result<()> {
        let outcome = material.outcome;
        let mut csv = csv::Writer::from_writer(Vec::new());
        let columns = ["path", "set", "truth", "prediction"].into_iter();
        let result =
            csv.write_record(columns.chain(outcome.labels.iter().map(String::as_str))).and_then(
                |()| outcome.photographs.iter().try_for_each(|p| record(&mut csv, outcome, p)),
            );
        let path = dir.join("predictions.csv");
        let bytes = result
            .map_err(io::Error::from)
            .and_then(|()| csv.into_inner().map_err(|e| e.into_error()));
        fsio::write(&path, &bytes.map_err(Error::io("writing", &path))?)
    }
}

fn record(csv: &mut csv::Writer<Vec<u8>>, outcome: &Outcome, p: &Prediction) -> csv::Result<()> {
    let path = p.path().to_string_lossy();
    let label = |class: usize| &*outcome.labels[class];
    for field in [&*path, p.set.name(), label(p.truth), label(p.predicted)] {
        csv.write_field(field)?;
    }
    // The shortest digits that give the same f32 again.
    p.scores.iter().try_for_each(|score| csv.write_field(score.to_string()))?;
    csv.write_record(None::<&[u8]>)
}

/// Writes `predictions.json`.
pub(super) struct Json;

#[derive(Serialize)]
struct Predictions<'a> {
    version: u32,
    labels: &'a [String],
    temperature: Option<f64>,
    photographs: Vec<Photograph<'a>>,
}

#[derive(Serialize)]
struct Photograph<'a> {
    path: String,
    set: &'static str,
    truth: &'a str,
    prediction: &'a str,
    scores: &'a [f32],
    /// Another test photograph with the same content, which is counted instead of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cross_validated: Option<&'a [f32]>,
}

impl Exporter for Json {
    fn export(&self, material: &Material<'_>, dir: &Path) -> Result<()> {
        let outcome = material.outcome;
        let originals = originals(material);
        let photographs = outcome.photographs.iter().enumerate().map(|(i, p)| Photograph {
            path: p.path().to_string_lossy().into_owned(),
            set: p.set.name(),
            truth: &outcome.labels[p.truth],
            prediction: &outcome.labels[p.predicted],
            scores: &p.scores,
            copy_of: originals.get(&i).map(|&original| {
                outcome.photographs[original].path().to_string_lossy().into_owned()
            }),
            cross_validated: material.cross_validated.as_ref().map(|scores| &scores[i][..]),
        });
        let predictions = Predictions {
            version: 1,
            labels: &outcome.labels,
            temperature: outcome.temperature(),
            photographs: photographs.collect(),
        };
        let path = dir.join("predictions.json");
        let json = serde_json::to_vec(&predictions).map_err(io::Error::from);
        fsio::write(&path, &json.map_err(Error::io("writing", &path))?)
    }
}

/// For each test photograph that is not counted, the one with the same content that is.
fn originals(material: &Material<'_>) -> HashMap<usize, usize> {
    let outcome = material.outcome;
    let content = |&i: &usize| material.bottlenecks.content(material.rows[i]);
    let tested: HashMap<u64, usize> =
        outcome.tested.iter().filter_map(|i| Some((content(i)?, *i))).collect();
    let of_test =
        (0..outcome.photographs.len()).filter(|&i| outcome.photographs[i].set == Category::Testing);
    let copies = of_test.filter_map(|i| Some((i, *tested.get(&content(&i)?)?)));
    copies.filter(|(copy, original)| copy != original).collect()
}
