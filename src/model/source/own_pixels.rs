//! The pixels that a network of the user's own takes: as the settings say, or as its graph shows,
//! or as is assumed. What is not given is logged.

use super::described::{Assumed, OwnGraph, shape_text};
use super::saved_model::Convention;
use crate::error::{Error, Result};
use crate::images::{PixelRange, PixelSpec};
use crate::model::inspect::{GraphView, RangeGuess, image_size, shown_range};
use crate::proto::InputRef;

impl OwnGraph {
    /// The size and range of the pixels that the input tensor takes, as given or guessed.
    pub(super) fn pixels(
        &self,
        view: &GraphView<'_>,
        input: &str,
        assumed: Assumed,
    ) -> Result<PixelSpec> {
        let wrong =
            |message: String| Err(Error::usage("input_tensor", format!("'{input}' {message}")));
        if InputRef::parse(input).index > 0 {
            return wrong(
                "is not the first output of its node; only that output can be fed".into(),
            );
        }
        if !view.is_float(input) {
            return wrong(
                "does not hold floats; give the tensor of float pixels computed from it".into(),
            );
        }
        let shape = view.shape(input);
        let dims = shape.as_deref().unwrap_or(&[-1; 4]);
        if dims.len() != 4 || ![-1, 1].contains(&dims[0]) || ![-1, 3].contains(&dims[3]) {
            let message = "RGB images must be [?, height, width, 3] or [1, height, width, 3]";
            return wrong(format!("is {}; {message}", shape_text(dims)));
        }
        let (height, width) = self.size(input, [dims[1], dims[2]], assumed.side)?;
        let guess = shown_range(view, input).unwrap_or_else(|| match assumed.convention {
            Convention::Usual => RangeGuess::usual(),
            Convention::Hub => RangeGuess::hub(),
            Convention::Bytes => RangeGuess::bytes(),
        });
        let (mean, std) =
            (self.input_mean.unwrap_or(guess.mean), self.input_std.unwrap_or(guess.std));
        self.log_guesses(
            [
                ("input_mean", self.input_mean.is_none(), &mean),
                ("input_std", self.input_std.is_none(), &std),
            ],
            &guess.why,
        );
        Ok(PixelSpec::new(width, height, PixelRange::Multiply { mean, std }))
    }

    /// Height and width: as given, or else as the graph declares them, or else as assumed.
    fn size(&self, input: &str, declared: [i64; 2], assumed: Option<i64>) -> Result<(i32, i32)> {
        let given = [self.input_height, self.input_width];
        // One side goes for both.
        let other = given[0].or(given[1]).map(i64::from);
        let known = [0, 1].map(|i| match (declared[i], given[i], assumed) {
            (..0, None, Some(usual)) => other.unwrap_or(usual),
            (declared, ..) => declared,
        });
        let height = self.side(input, "input_height", given[0], known[0])?;
        let width = self.side(input, "input_width", given[1], known[1])?;
        let (height, width) =
            image_size(height, width).map_err(|message| Error::input(&self.path, message))?;
        let why = match known == declared {
            true => format!("the shape of '{input}'"),
            false => format!("assumed: '{input}' takes images of any size"),
        };
        self.log_guesses(
            [
                ("input_width", given[1].is_none(), &width),
                ("input_height", given[0].is_none(), &height),
            ],
            &why,
        );
        Ok((height, width))
    }

    /// Width or height: as given, or else as it is known.
    fn side(&self, input: &str, setting: &str, given: Option<i32>, known: i64) -> Result<i64> {
        match (given.map(i64::from), Some(known).filter(|&k| k > 0)) {
            (Some(given), Some(known)) if given != known => Err(Error::usage(
                setting,
                format!("{given}, but '{input}' wants {known}; leave it out"),
            )),
            (Some(side), _) | (None, Some(side)) => Ok(side),
            (None, None) => {
                let message = format!(
                    "must be given: '{input}' of {} takes images of any size",
                    self.path.display()
                );
                Err(Error::usage(setting, message))
            }
        }
    }
}
