//! The pixels that a network expects.

/// The pixels a network expects.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelSpec {
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
    /// Channels: 3 for all models here.
    pub depth: i32,
    /// From 0–255 to the network's range.
    pub range: PixelRange,
}

/// What becomes of pixel values of 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PixelRange {
    /// (x − mean) · (1 / std): retrain.py of the poets generation.
    Multiply {
        /// The value that becomes 0.
        mean: f32,
        /// What the difference is divided by.
        std: f32,
    },
    /// (x − mean) / std: label_image.py. (The two differ in the last bit.)
    Divide {
        /// The value that becomes 0.
        mean: f32,
        /// What the difference is divided by.
        std: f32,
    },
    /// x / 255: TF-Hub modules.
    Unit,
}
