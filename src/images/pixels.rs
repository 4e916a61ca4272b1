//! The description of a network's input pixels.

use super::reading::Reading;

/// The size and range of the pixels that a network takes, and how they are made of files.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelSpec {
    /// Width in pixels.
    pub width: i32,
    /// Height in pixels.
    pub height: i32,
    /// Channels: 3 for all models here.
    pub depth: i32,
    /// How pixel values of 0 to 255 are normalised.
    pub range: PixelRange,
    /// How files become pixels.
    pub reading: Reading,
}

impl PixelSpec {
    /// Pixels of this size and range, made of files as in the scripts.
    #[must_use]
    pub const fn new(width: i32, height: i32, range: PixelRange) -> Self {
        Self { width, height, depth: 3, range, reading: Reading::DEFAULT }
    }

    /// The same pixels, made of files in this way.
    #[must_use]
    pub fn with_reading(self, reading: Reading) -> Self {
        Self { reading, ..self }
    }
}

/// How pixel values x of 0 to 255 are normalised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PixelRange {
    /// (x − mean) · (1 / std), as in retrain.py of the poets generation.
    Multiply {
        /// The value that becomes 0.
        mean: f32,
        /// What the difference is divided by.
        std: f32,
    },
    /// (x − mean) / std, as in label_image.py. (It differs from `Multiply` in the last bit.)
    Divide {
        /// The value that becomes 0.
        mean: f32,
        /// What the difference is divided by.
        std: f32,
    },
    /// x / 255, for TF-Hub modules.
    Unit,
}

impl PixelRange {
    /// The mean and std of (x − mean) / std, for pixel values x of 0 to 255.
    #[must_use]
    pub fn mean_and_std(self) -> (f32, f32) {
        match self {
            Self::Multiply { mean, std } | Self::Divide { mean, std } => (mean, std),
            Self::Unit => (0.0, 255.0),
        }
    }
}
