//! The photograph that the commands name. Programs elsewhere decode JPEG and PNG, as they are
//! stored; of anything else they get what the network sees, as a PNG.

use crate::dataset::Category;
use crate::images::{DecodedBy, ImageFormat, Photograph, Reading, preview_path};
use crate::report::Outcome;
use crate::text::shell_word;
use std::path::Path;

/// Formats that all programs decode.
const COMMON: [ImageFormat; 2] = [ImageFormat::Jpeg, ImageFormat::Png];
/// Where previews are written.
pub(super) const PREVIEWS: &str = "previews";

/// A photograph as words of a shell.
pub(super) struct Named {
    pub(super) path: String,
    /// The arguments for label_image that write the path, if it is a preview.
    pub(super) preview_of: Option<String>,
}

/// A test photograph.
pub(super) fn named(outcome: &Outcome) -> Named {
    let photograph = |is: fn(&Photograph) -> bool| {
        let mut tested = outcome.of_set(Category::Testing).map(|p| &p.photograph);
        tested.find(|p| p.path().to_str().is_some() && is(p))
    };
    let Reading { exif_orientation, fast_decode, .. } = outcome.model.pixels.reading;
    let is_as_stored = !exif_orientation && !fast_decode;
    let common = |p: &Photograph| format(p).is_some_and(|format| COMMON.contains(&format));
    if let Some(photograph) = photograph(common).filter(|_| is_as_stored) {
        return Named { path: word(photograph.path()), preview_of: None };
    }
    let Some(photograph) = photograph(|_| true) else {
        return Named { path: "PHOTOGRAPH".into(), preview_of: None };
    };
    let preview = preview_path(Path::new(PREVIEWS), photograph.path());
    Named { path: word(&preview), preview_of: Some(label_image_arguments(outcome, photograph)) }
}

/// What names the photograph to label_image.
fn label_image_arguments(outcome: &Outcome, photograph: &Photograph) -> String {
    let cutouts = outcome.settings.get("cutouts").and_then(|value| value.as_str());
    let cutouts = cutouts.map(|cutouts| format!("--cutouts={} ", shell_word(cutouts)));
    let image = word(photograph.file_path());
    format!("{}--image={image}", cutouts.unwrap_or_default())
}

/// Whether TensorFlow's ops decode any of the training photographs.
pub(super) fn has_representatives(outcome: &Outcome) -> bool {
    let labels = outcome.split.labels.iter();
    let mut photographs = labels.flat_map(|label| label.images(Category::Training));
    let is_decoded = |format: ImageFormat| matches!(format.decoded_by(), DecodedBy::Op(_));
    photographs.any(|image| format(&image.photograph).is_some_and(is_decoded))
}

/// The format that its file's name promises.
fn format(photograph: &Photograph) -> Option<ImageFormat> {
    photograph.file_path().file_name().and_then(ImageFormat::of_name)
}

fn word(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}
