//! From a trained layer to the run's outcome, its metadata and its reports.

use super::config::{Config, ReportDir};
use super::this_run::Run;
use crate::bottleneck::Bottlenecks;
use crate::dataset::Category;
use crate::error::Result;
use crate::export::Metadata;
use crate::layers::FinalTrainingOps;
use crate::model::Backbone;
use crate::report::{self, Material, Model, Outcome, Prediction, Quantization, Written};
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// How to feed and read the trained network.
pub(super) fn model(backbone: &Backbone, config: &Config, ops: &FinalTrainingOps) -> Model {
    let is_quantized = |op: &str| op == "Dequantize" || op.starts_with("Quantized");
    let has_quantized_ops = || backbone.graph_def.node.iter().any(|n| is_quantized(&n.op));
    let quantization = match backbone.wants_quantization {
        true => Quantization::Fake,
        false if has_quantized_ops() => Quantization::Ops,
        false => Quantization::None,
    };
    Model {
        name: backbone.name.clone(),
        input: backbone.input.clone(),
        output: config.outputs.final_tensor_name.clone(),
        bottleneck: backbone.bottleneck.clone(),
        bottleneck_size: backbone.bottleneck_size,
        pixels: backbone.pixels.clone(),
        bottleneck_input: ops.bottleneck_input.clone(),
        quantization,
    }
}

/// Where the results are.
pub(super) fn written(run: &Run<'_>) -> Written {
    let outputs = &run.config.outputs;
    Written {
        output_graph: outputs.output_graph.clone(),
        output_labels: outputs.output_labels.clone(),
        metadata: Metadata::path_of(&outputs.output_graph),
        report_dir: match &outputs.report {
            ReportDir::InSummaries => Some(run.summaries_dir.join("report")),
            ReportDir::At(dir) => Some(dir.clone()),
            ReportDir::Off => None,
        },
        summaries_dir: run.summaries_dir.clone(),
        saved_model_dir: outputs.saved_model_dir.clone(),
    }
}

/// The photographs that are exact copies of one in another set, as pairs of indices into `rows`.
pub(super) fn copies(bottlenecks: &Bottlenecks<'_>, rows: &[usize]) -> Vec<(usize, usize)> {
    let pairs = bottlenecks.duplicates_across_sets();
    if pairs.is_empty() {
        return Vec::new();
    }
    let index: HashMap<usize, usize> = rows.iter().enumerate().map(|(i, &row)| (row, i)).collect();
    pairs.iter().filter_map(|(a, b)| Some((*index.get(a)?, *index.get(b)?))).collect()
}

/// The test photographs, each content once, as indices into `photographs`.
pub(super) fn tested(
    bottlenecks: &Bottlenecks<'_>,
    photographs: &[Prediction],
    rows: &[usize],
) -> Vec<usize> {
    let mut seen = HashSet::new();
    let of_test = (0..rows.len()).filter(|&i| photographs[i].set == Category::Testing);
    of_test.filter(|&i| bottlenecks.content(rows[i]).is_none_or(|hash| seen.insert(hash))).collect()
}

/// Writes the metadata, and the reports unless the settings leave them out.
pub(super) fn write(
    run: &Run<'_>,
    outcome: &mut Outcome,
    bottlenecks: &Bottlenecks<'_>,
    rows: &[usize],
) -> Result<()> {
    let start = Instant::now();
    report::metadata(outcome).save(&outcome.written.output_graph)?;
    if let Some(dir) = &outcome.written.report_dir {
        let material = Material::new(outcome, bottlenecks, rows);
        report::write(&material, dir, &run.summaries_dir)?;
    }
    outcome.times.report = start.elapsed();
    Ok(())
}
