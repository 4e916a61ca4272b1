//! The flags of `cache_bottlenecks`: those of `retrain` that decide which bottlenecks there are.

use super::flag::{Flag, Group, Kind};
use super::retrain_flags::RETRAIN_FLAGS;

/// All flags.
pub const CACHE_BOTTLENECKS_FLAGS: &[Flag] = &[
    of_retrain("image_dir"),
    Flag {
        help: "The pretrained model: a name that retrain knows, or the path of a frozen graph of \
               your own",
        ..of_retrain("architecture")
    },
    SHARD,
    of_retrain("model_dir"),
    of_retrain("bottleneck_dir"),
    of_retrain("signature"),
    of_retrain("bottleneck_tensor"),
    of_retrain("input_tensor"),
    of_retrain("input_width"),
    of_retrain("input_height"),
    of_retrain("input_mean"),
    of_retrain("input_std"),
    of_retrain("tfhub_module"),
    of_retrain("features").group(Group::Model),
    of_retrain("symmetry"),
    of_retrain("preset").group(Group::Model),
    of_retrain("logging_verbosity"),
    of_retrain("bottleneck_text"),
    of_retrain("bottleneck_check"),
    of_retrain("exif_orientation"),
    of_retrain("fast_decode"),
    of_retrain("fits_hdu"),
    of_retrain("fits_interval"),
    of_retrain("fits_stretch"),
    of_retrain("fits_planes"),
    of_retrain("on_bad_image"),
    of_retrain("formats"),
    of_retrain("recursive"),
    of_retrain("image_list"),
    of_retrain("image_list_columns"),
    of_retrain("cutouts"),
    of_retrain("cutout_size"),
    of_retrain("cutout_origin"),
    of_retrain("offline"),
];

/// `--shard`
pub(super) const SHARD: Flag = Flag {
    name: "shard",
    kind: Kind::Str,
    default: "",
    help: "I/N: compute only part I of N, from 1/N to N/N, into a file of its own, which retrain \
           reads [default: in a Slurm array its task, else all]",
    scripts: &[],
    group: Group::Start,
};

/// The row of that name.
const fn of_retrain(name: &str) -> Flag {
    let mut i = 0;
    while !are_equal(RETRAIN_FLAGS[i].name.as_bytes(), name.as_bytes()) {
        // Past the last row, compilation ends here.
        i += 1;
    }
    RETRAIN_FLAGS[i]
}

/// `==`, which a constant cannot use on text.
const fn are_equal(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([x, a @ ..], [y, b @ ..]) => *x == *y && are_equal(a, b),
        _ => false,
    }
}
