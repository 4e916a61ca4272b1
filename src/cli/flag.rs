//! The rows of a flag table: the type of each flag, and which of the original scripts have it.

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
    /// No value: on if given.
    Switch,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// An original script. Its command lines keep their meaning, whatever flags are added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// `retrain.py` or `label_image.py` of tensorflow-for-poets-2.
    Poets,
    /// `retrain.py` in tensorflow/examples/image_retraining of TensorFlow 1.5 to 1.7.
    Examples,
    /// `retrain.py` of tensorflow/hub.
    Hub,
}

impl Script {
    /// All scripts, the oldest first.
    pub const ALL: [Self; 3] = [Self::Poets, Self::Examples, Self::Hub];
}

/// Where a flag stands in the help. The help shows the groups in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The few that a newcomer needs; the short help shows no others.
    Start,
    /// Which photographs are used, and for what.
    Images,
    /// The network.
    Model,
    /// The steps and the evaluations.
    Training,
    /// What is written.
    Outputs,
    /// Changes to training images.
    Distortions,
    /// Caches, logs, going on after a stop.
    Running,
}

impl Group {
    /// The heading in the help.
    #[must_use]
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Start => "Start here",
            Self::Images => "Images",
            Self::Model => "Model",
            Self::Training => "Training",
            Self::Outputs => "Outputs",
            Self::Distortions => "Distortions",
            Self::Running => "Running",
        }
    }
}

/// One row of a flag table.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The name, without dashes.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// The default as it would be typed; empty for none.
    pub default: &'static str,
    /// One sentence for `--help`; `{formats}` stands for the image formats.
    pub help: &'static str,
    /// The scripts that have it; empty for a flag of our own.
    pub scripts: &'static [Script],
    /// Where it stands in the help.
    pub group: Group,
}

impl Flag {
    /// The same flag, but only in these scripts.
    #[must_use]
    pub const fn of(self, scripts: &'static [Script]) -> Self {
        Self { scripts, ..self }
    }

    /// The flag in another group.
    #[must_use]
    pub const fn group(self, group: Group) -> Self {
        Self { group, ..self }
    }

    /// Whether an original script has it.
    #[must_use]
    pub fn is_original(&self) -> bool {
        !self.scripts.is_empty()
    }

    /// The row as a clap argument.
    pub(super) fn to_arg(self) -> Arg {
        let arg = Arg::new(self.name)
            .long(self.name)
            .help_heading(self.group.heading())
            .hide_short_help(self.group != Group::Start)
            .help(self.help_text());
        if self.kind == Kind::Switch {
            return arg.action(ArgAction::SetTrue);
        }
        let value_name = match self.kind {
            Kind::Int => "int",
            Kind::Float => "float",
            _ => "text",
        };
        let arg = arg.action(ArgAction::Set).value_name(value_name).require_equals(true);
        let arg = arg.value_parser(clap::builder::OsStringValueParser::new());
        if self.default.is_empty() {
            return arg;
        }
        // clap would give the default two lines of its own.
        arg.default_value(self.default).hide_default_value(true)
    }

    fn help_text(&self) -> String {
        let help = self.help.replace("{formats}", &ImageFormat::names());
        match self.default {
            "" => help,
            default => format!("{help} [default: {default}]"),
        }
    }
}
