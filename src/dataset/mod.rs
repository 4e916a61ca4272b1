//! The user's photographs: their classes, the split into sets, and the sampling of batches.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod image_lists;
mod sampling;
mod split;
pub mod table;

pub(crate) use image_lists::NO_IMAGE_DIR;
pub use image_lists::{ImageLists, LabelLists, Layout, create_image_lists, label_name};
pub use sampling::{MAX_NUM_IMAGES_PER_CLASS, Sampler};
pub use split::{Category, category_of, hash_name, split_percentage};
