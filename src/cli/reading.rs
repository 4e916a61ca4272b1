//! Reads the flags that say how files become pixels, which both programs have.

use super::argparse::Parsed;
use super::flag::{Flag, Group, Kind};
use crate::error::{Error, Result};
use crate::images::Reading;
use serde_json::{Map, Value, json};

/// `--exif_orientation`
pub(super) const EXIF_ORIENTATION: Flag = flag(
    "exif_orientation",
    Kind::Switch,
    "Turn photographs as their EXIF data says, which cameras write when they are held upright. The \
     script uses the pixels as they are stored",
);

/// `--fast_decode`
pub(super) const FAST_DECODE: Flag = flag(
    "fast_decode",
    Kind::Switch,
    "Reduce JPEGs while they are decoded, to a half, a quarter or an eighth, as far as they stay \
     no smaller than the network's input",
);

/// `--fits_hdu`, `--fits_interval`, `--fits_stretch`, `--fits_planes`
pub(super) const FITS: [Flag; 4] = [
    text(
        "fits_hdu",
        "",
        "The HDU of FITS files that holds the image: its number, from 0 on, or its name [default: \
         the first with an image]",
    ),
    text(
        "fits_interval",
        "minmax",
        "Which values of a FITS image become black and white, as in astropy: minmax, zscale, or \
         percentile:P, such as percentile:99.5",
    ),
    text(
        "fits_stretch",
        "linear",
        "The curve from black to white, as in astropy: linear, sqrt, log, asinh, sinh or histeq; \
         asinh:0.05 gives astropy's a",
    ),
    text(
        "fits_planes",
        "",
        "The plane of a FITS cube, or three for red, green and blue, from 0 on, such as 2,1,0",
    ),
];

/// What `label_image` switches off that a graph was trained with.
pub(super) const NO_EXIF_ORIENTATION: Flag = flag(
    "noexif_orientation",
    Kind::Switch,
    "Do not turn photographs, even if the graph's metadata says so",
);

/// See [`NO_EXIF_ORIENTATION`].
pub(super) const NO_FAST_DECODE: Flag = flag(
    "nofast_decode",
    Kind::Switch,
    "Decode JPEGs at full size, even if the graph's metadata says otherwise",
);

const fn flag(name: &'static str, kind: Kind, help: &'static str) -> Flag {
    Flag { name, kind, default: "", help, scripts: &[], group: Group::Images }
}

const fn text(name: &'static str, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: Kind::Str, default, help, scripts: &[], group: Group::Images }
}

/// Switches, each with the flag that switches it off, which only `label_image` has.
const SWITCHES: [(Flag, Flag); 2] =
    [(EXIF_ORIENTATION, NO_EXIF_ORIENTATION), (FAST_DECODE, NO_FAST_DECODE)];

/// How files become pixels, as the command line says.
pub(super) fn reading(parsed: &Parsed) -> Result<Reading> {
    Ok(Reading::of_options(&options(parsed)?)?.0)
}

/// The settings that the command line names, for [`Reading::of_options`].
///
/// # Errors
/// If a switch is both on and off.
pub(super) fn options(parsed: &Parsed) -> Result<Map<String, Value>> {
    let mut options = Map::new();
    for (on, off) in SWITCHES {
        match (parsed.given(on.name), parsed.given(off.name)) {
            (true, true) => {
                let message = format!("and --{} exclude each other: give one of them", on.name);
                return Err(Error::usage(off.name, message));
            }
            (false, false) => {}
            (is_on, _) => drop(options.insert(on.name.to_owned(), json!(is_on))),
        }
    }
    for flag in FITS.iter().filter(|flag| parsed.given(flag.name)) {
        options.insert(flag.name.to_owned(), json!(parsed.text(flag.name)?));
    }
    Ok(options)
}
