//! How to label photographs with the graph of a run.

use super::config::Config;
use crate::images::PixelRange;
use crate::model::Backbone;
use log::info;

/// How to label a photograph with the graph just written: label_image's defaults are those of a
/// MobileNet.
pub(super) fn labelling_command(config: &Config, backbone: &Backbone) {
    let pixels = &backbone.pixels;
    let (mean, std) = match pixels.range {
        PixelRange::Multiply { mean, std } | PixelRange::Divide { mean, std } => (mean, std),
        PixelRange::Unit => (0.0, 255.0),
    };
    let flags = [
        format!("--graph={}", quoted(&config.output_graph.to_string_lossy())),
        format!("--labels={}", quoted(&config.output_labels.to_string_lossy())),
        format!("--input_layer={}", quoted(&backbone.input)),
        format!("--output_layer={}", quoted(&config.final_tensor_name)),
        format!("--input_width={} --input_height={}", pixels.width, pixels.height),
        format!("--input_mean={mean} --input_std={std}"),
    ];
    info!(target: "retrain", "To label a photograph: label_image {} --image=PHOTOGRAPH", flags.join(" "));
}

/// As a shell reads it as one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=+,@%".contains(c);
    if text.chars().all(plain) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
