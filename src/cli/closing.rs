//! The closing word of a run: what its result is worth, where it is, and what to type next.

use super::argparse::Parsed;
use crate::dataset::Category;
use crate::images::ImageFormat;
use crate::images::fits::FitsSettings;
use crate::metrics::Interval;
use crate::report::{Outcome, Prediction, Retyped, TOO_FEW_TESTED};
use crate::text::{command_word, counted, one_line, shown};
use log::info;

/// How many pairs of confused classes are named.
const PAIRS: usize = 3;
/// How many classes are listed; the report lists all.
const CLASSES: usize = 20;

/// Says it, line by line, on the log.
pub(super) fn closing_word(outcome: &Outcome, parsed: &Parsed) {
    let lines = accuracy(outcome)
        .into_iter()
        .chain(classes(outcome))
        .chain(confused(outcome))
        .chain(copies(outcome))
        .chain(retyped(outcome))
        .chain(turned(outcome))
        .chain(faint(outcome))
        .chain(cross_validation(outcome))
        .chain(places(outcome))
        .chain(next(outcome))
        .chain(parsed.warnings.iter().cloned());
    lines.for_each(|line| info!(target: "retrain", "{line}"));
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn accuracy(outcome: &Outcome) -> Vec<String> {
    let confusion = outcome.confusion();
    let (right, total) = (confusion.right(), confusion.total());
    let Some(Interval { low, high }) = outcome.test_interval() else {
        return vec!["There are no test photographs: how good the result is remains open".into()];
    };
    let share = right as f64 / total as f64;
    let mut lines = vec![format!(
        "Test: {right} of {total} different photographs right, {} (95% interval {} to {})",
        percent(share),
        percent(low),
        percent(high)
    )];
    if total < TOO_FEW_TESTED {
        let tested = counted(total as u64, "test photograph");
        let are = if total == 1 { "is" } else { "are" };
        lines.push(format!(
            "{tested} {are} too few to conclude anything from; add photographs, or \
             raise --testing_percentage"
        ));
    }
    lines
}

fn classes(outcome: &Outcome) -> Vec<String> {
    let confusion = outcome.confusion();
    if confusion.total() == 0 {
        return Vec::new();
    }
    let labels: Vec<String> = outcome.labels.iter().map(|label| one_line(label)).collect();
    let width = labels.iter().take(CLASSES).map(|l| l.chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for (class, label) in labels.iter().enumerate().take(CLASSES) {
        let score = confusion.class(class);
        lines.push(format!("  {label:width$}  {}/{}", score.right, score.support));
    }
    if labels.len() > CLASSES {
        lines.push(format!("  … and {} more classes", labels.len() - CLASSES));
    }
    lines
}

fn confused(outcome: &Outcome) -> Option<String> {
    let label = |class: usize| one_line(&outcome.labels[class]);
    let mistakes = outcome.confusion().mistakes();
    let pairs = mistakes.iter().take(PAIRS).map(|&(truth, predicted, count)| {
        format!("{} taken for {} ({count})", label(truth), label(predicted))
    });
    let pairs: Vec<String> = pairs.collect();
    (!pairs.is_empty()).then(|| format!("Confused most: {}", pairs.join(", ")))
}

fn copies(outcome: &Outcome) -> Vec<String> {
    let listed = outcome.of_set(Category::Testing).count();
    let different = outcome.tested.len();
    let mut lines = Vec::new();
    if listed > different {
        let copies = listed - different;
        lines
            .push(format!("{copies} of {listed} test photographs are copies of others among them"));
    }
    if !outcome.copies.is_empty() {
        lines.push(format!(
            "{} photographs are exact copies of photographs in another set: the accuracy is too \
                high",
            outcome.copies.len()
        ));
    }
    lines
}

fn retyped(outcome: &Outcome) -> Option<String> {
    let Retyped { before, moved } = outcome.retyped.as_ref()?;
    let (photographs, are) =
        (counted(*moved as u64, "photograph"), if *moved == 1 { "is" } else { "are" });
    let before = one_line(before);
    Some(format!(
        "--image_dir was typed {before} before: {photographs} {are} in another set than then, so \
         the accuracies do not compare; --split_key=relative does not depend on it"
    ))
}

/// FITS images are mostly faint: from the least to the greatest value, a line leaves them black.
fn faint(outcome: &Outcome) -> Option<String> {
    let FitsSettings { interval, stretch, .. } = &outcome.model.pixels.reading.fits;
    let default = FitsSettings::DEFAULT;
    let is_fits = |p: &&Prediction| {
        let name = p.photograph.file_path().file_name();
        name.and_then(ImageFormat::of_name) == Some(ImageFormat::Fits)
    };
    let count = outcome.photographs.iter().filter(is_fits).count();
    if count == 0 || (*interval, *stretch) != (default.interval, default.stretch) {
        return None;
    }
    Some(format!(
        "{} read with --fits_interval={interval} --fits_stretch={stretch}, which leaves most deep \
         images nearly black: see label_image --save_preview, and try zscale and asinh",
        counted(count as u64, "FITS image"),
    ))
}

/// Names what would turn photographs that are held the wrong way.
fn turned(outcome: &Outcome) -> Option<String> {
    let turned = outcome.turned;
    if turned == 0 || outcome.model.pixels.reading.exif_orientation {
        return None;
    }
    Some(format!(
        "{} used as stored, as in the script, though the EXIF data says to turn or mirror: \
         --exif_orientation does",
        counted(turned as u64, "photograph"),
    ))
}

fn cross_validation(outcome: &Outcome) -> Vec<String> {
    let Some(cv) = &outcome.cross_validation else { return Vec::new() };
    let times = if cv.repeats > 1 { format!(", {} times", cv.repeats) } else { String::new() };
    let mut lines = vec![format!(
        "Cross-validation ({} folds{times}, {} photographs): {} ± {} right, ECE {:.3}",
        cv.folds,
        outcome.photographs.len(),
        percent(cv.accuracy_mean),
        percent(cv.accuracy_sd),
        cv.ece
    )];
    for (class, label) in outcome.labels.iter().enumerate().take(CLASSES) {
        if let Some(recall) = cv.confusion.class(class).recall {
            lines.push(format!("  {}  {}", one_line(label), percent(recall)));
        }
    }
    lines
}

fn places(outcome: &Outcome) -> Vec<String> {
    let written = &outcome.written;
    let page = written.report_dir.as_ref().map(|dir| dir.join("index.html"));
    let places = [
        ("Graph", Some(&written.output_graph)),
        ("Labels", Some(&written.output_labels)),
        ("Metadata", Some(&written.metadata)),
        ("SavedModel", written.saved_model_dir.as_ref()),
        ("Report", page.as_ref()),
        ("Summaries", Some(&written.summaries_dir)),
    ];
    let places = places.into_iter().filter_map(|(name, path)| Some((name, path?)));
    places.map(|(name, path)| format!("{name}: {}", shown(path))).collect()
}

/// The commands to type next.
fn next(outcome: &Outcome) -> [String; 2] {
    let written = &outcome.written;
    let setting = |name: &str| outcome.settings.get(name).and_then(|value| value.as_str());
    let image = match setting("cutouts") {
        Some(catalogue) => {
            let frame = command_word(setting("image_dir").unwrap_or("FRAME"));
            format!("--cutouts={} --image={frame}", command_word(catalogue))
        }
        None => {
            let photograph = outcome.of_set(Category::Testing).next();
            let path = photograph.map(|p| p.path().to_string_lossy());
            format!("--image={}", command_word(path.as_deref().unwrap_or("PHOTOGRAPH")))
        }
    };
    let graph = command_word(&written.output_graph.to_string_lossy());
    // With --summaries_keep, the directory of all runs.
    let logdir = command_word(setting("summaries_dir").unwrap_or_default());
    [
        format!("To label photographs: label_image --graph={graph} {image}"),
        format!("To see the training: tensorboard --logdir={logdir}"),
    ]
}
