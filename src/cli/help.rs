//! What the help of every program looks like: 80 columns, groups of flags, an example, exit codes.

use super::flag::Group;
use clap::{Arg, ArgAction, Command};

/// The columns of a terminal that nobody has widened.
const COLUMNS: usize = 80;

/// What a program's help says besides its flags. No line is longer than 80 columns.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The program's name.
    pub name: &'static str,
    /// One or two sentences.
    pub about: &'static str,
    /// How it is called.
    pub usage: &'static str,
    /// A command line as it is typed.
    pub example: &'static str,
    /// The exit codes, a line each.
    pub exit_codes: &'static str,
}

impl Program {
    /// The program's command. The help has the groups in the order in which they come in `args`.
    #[must_use]
    pub fn command(&self, args: impl IntoIterator<Item = Arg>) -> Command {
        let Self { name, about, usage, example, exit_codes } = self;
        Command::new(*name)
            .about(*about)
            .version(env!("CARGO_PKG_VERSION"))
            .override_usage(*usage)
            .term_width(COLUMNS)
            .args_override_self(true)
            .disable_help_flag(true)
            .disable_version_flag(true)
            .args(args)
            .args([
                built_in("help", 'h', ArgAction::Help, "Print all flags (-h: only the first few)"),
                built_in("version", 'V', ArgAction::Version, "Print the version"),
            ])
            .after_help(format!("Example:\n{example}\n\n{name} --help lists all flags."))
            .after_long_help(format!("Example:\n{example}\n\nExit codes:\n{exit_codes}"))
    }
}

fn built_in(name: &'static str, short: char, action: ArgAction, help: &'static str) -> Arg {
    let arg = Arg::new(name).short(short).long(name).action(action).help(help);
    arg.help_heading(Group::Running.heading()).hide_short_help(true)
}
