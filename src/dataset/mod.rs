//! The user's photographs: their classes, the split into sets, and the sampling of batches.

mod assign;
mod candidate;
mod catalogue;
mod catalogue_classes;
mod cutouts;
mod directory;
mod epochs;
mod formats;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod left_out;
mod lists;
mod sampling;
mod source;
mod split;
mod split_file;
pub mod table;
mod typed;

pub use catalogue::{Catalogue, CatalogueRow, CatalogueRows, IMAGE_LIST_COLUMNS};
pub use cutouts::{Cutouts, MOST_SIDE};
pub use directory::Directory;
pub(crate) use directory::NO_IMAGE_DIR;
pub use epochs::Epochs;
pub use formats::{Formats, Layout};
pub use lists::{ImageLists, LabelLists, Listed, file_labels, label_name};
pub use sampling::{MAX_NUM_IMAGES_PER_CLASS, Sampler, WeightedMembers};
pub use source::{Source, create_image_lists};
pub use split::{Category, Split, SplitKey, category_of, hash_name, split_percentage};
pub use typed::{System, hashed_path};
