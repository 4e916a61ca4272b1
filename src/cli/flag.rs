//! A program's flags as a table: what each takes, and which of the original scripts have it.

use crate::images::ImageFormat;
use clap::{Arg, ArgAction};

/// The type of a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Str,
    /// A whole number.
    Int,
    /// A decimal number.
    Float,
    /// No value: given or not.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// A script whose command lines keep their meaning, whatever flags are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Of tensorflow-for-poets-2: `retrain.py`, or `label_image.py`.
    Poets,
    /// `retrain.py` in tensorflow/examples/image_retraining of TensorFlow 1.5 to 1.7.
    Examples,
    /// `retrain.py` of tensorflow/hub.
    Hub,
}

impl Script {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::Poets, Self::Examples, Self::Hub];
}

/// One row of a flag table.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The name, without dashes.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default as one would type it; empty for none.
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// The scripts that have it; none for a flag of our own.
    pub scripts: &'static [Script],
}

impl Flag {
    /// The flag as one that only these scripts have.
    #[must_use]
    pub const fn of(self, scripts: &'static [Script]) -> Self {
        Self { scripts, ..self }
    }

    /// Whether an original script has it.
    #[must_use]
    pub fn is_original(&self) -> bool {
        !self.scripts.is_empty()
    }

    /// The row as clap has it.
    pub(super) fn to_arg(self) -> Arg {
        let arg = Arg::new(self.name)
            .long(self.name)
            .help(self.help.replace("{formats}", &ImageFormat::names()));
        if self.kind == Kind::Switch {
            return arg.action(ArgAction::SetTrue);
        }
        let value_name = match self.kind {
            Kind::Int => "int",
            Kind::Float => "float",
            _ => "text",
        };
        let arg = arg.action(ArgAction::Set).value_name(value_name).allow_hyphen_values(true);
        let arg = arg.value_parser(clap::builder::OsStringValueParser::new());
        if self.default.is_empty() { arg } else { arg.default_value(self.default) }
    }
}
