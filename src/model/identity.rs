//! A hash of everything but the photograph that a cached bottleneck depends on. Names in the code
//! may change, but the hashed bytes may not: every cache would have to be computed again.
//!
//! Version 2 is the SHA-256 of lines `key=value`, in the order of `version_2`; numbers are
//! decimal, floats the hexadecimal of their bits. Version 1, found in packed files made before
//! 2026-12, is accepted wherever version 2 is.

use super::Backbone;
use crate::images::{PixelRange, PixelSpec};
use crate::text::hex;
use sha2::{Digest, Sha256};

/// The identity of a model and of everything done to a photograph before the model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// What new files are marked with.
    pub current: [u8; 32],
    /// What files made before 2026-12 are marked with.
    pub earlier: [u8; 32],
}

impl Identity {
    /// The identity of a backbone's bottlenecks.
    #[must_use]
    pub fn of(backbone: &Backbone) -> Self {
        let Backbone { content_hash, input, bottleneck, pixels, .. } = backbone;
        Self {
            current: version_2(content_hash, input, bottleneck, pixels),
            earlier: version_1(content_hash, input, bottleneck, pixels),
        }
    }
}

fn version_2(
    content_hash: &[u8; 32],
    input: &str,
    bottleneck: &str,
    pixels: &PixelSpec,
) -> [u8; 32] {
    let (range, mean, std) = match pixels.range {
        PixelRange::Multiply { mean, std } => ("multiply", mean, std),
        PixelRange::Divide { mean, std } => ("divide", mean, std),
        PixelRange::Unit => ("unit", 0.0, 0.0),
    };
    let mut hash = Sha256::new_with_prefix(b"retrain bottleneck identity 2\n");
    hash.update(b"model=");
    hash.update(hex(content_hash));
    hash.update(format!("\ninput={input}\nbottleneck={bottleneck}"));
    hash.update(format!(
        "\nwidth={}\nheight={}\ndepth={}",
        pixels.width, pixels.height, pixels.depth
    ));
    hash.update(format!(
        "\nrange={range}\nmean={:08x}\nstd={:08x}\n",
        mean.to_bits(),
        std.to_bits()
    ));
    hash.finalize().into()
}

fn version_1(
    content_hash: &[u8; 32],
    input: &str,
    bottleneck: &str,
    pixels: &PixelSpec,
) -> [u8; 32] {
    let generation = if pixels.range == PixelRange::Unit { "Hub" } else { "Poets" };
    let mut hash = Sha256::new_with_prefix(content_hash);
    hash.update(format!("{input} {bottleneck} {} {generation}", pixels_version_1(pixels)));
    hash.finalize().into()
}

/// The pixels as version 1 wrote them. Names of cached files depend on this text too.
pub(super) fn pixels_version_1(pixels: &PixelSpec) -> String {
    let PixelSpec { width, height, depth, range, .. } = pixels;
    let range = match range {
        PixelRange::Multiply { mean, std } => {
            format!("Multiply {{ mean: {mean:?}, std: {std:?} }}")
        }
        PixelRange::Divide { mean, std } => format!("Divide {{ mean: {mean:?}, std: {std:?} }}"),
        PixelRange::Unit => "Unit".into(),
    };
    format!("PixelSpec {{ width: {width}, height: {height}, depth: {depth}, range: {range} }}")
}
