//! `--generate`: a program's shell completions and its manual page, from its flags.

use super::flag::{Flag, Group, Kind};
use clap::Command;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;
use std::io::{self, ErrorKind, Write};

/// What can be generated.
pub const GENERATED: &[&str] = &["bash", "zsh", "fish", "man"];

/// The flag, which every program has.
pub(super) const GENERATE: Flag = Flag {
    name: "generate",
    kind: Kind::Choice(GENERATED),
    default: "",
    help: "Print the completions of this program's flags for bash, zsh or fish, or its manual \
           page (man), and do nothing else",
    scripts: &[],
    group: Group::Running,
};

/// Prints what `--generate=what` asks for, by the program's command and its table of flags (empty
/// where the command itself has the values of its flags).
///
/// # Errors
/// Where standard output cannot be written to; a reader that has read enough is no error.
pub fn generate(command: Command, flags: &[Flag], what: &str) -> io::Result<()> {
    let mut command = flags.iter().chain([&GENERATE]).fold(command, |command, flag| {
        // The parser takes any text here; a shell is to offer the words.
        let Kind::Choice(words) = flag.kind else { return command };
        let words = PossibleValuesParser::new(words);
        command.mut_arg(flag.name, |arg| arg.value_parser(words).hide_possible_values(true))
    });
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    match what.parse::<Shell>() {
        Ok(shell) => clap_complete::generate(shell, &mut command, name, &mut text),
        Err(_) => clap_mangen::Man::new(command).render(&mut text)?,
    }
    let mut out = io::stdout().lock();
    match out.write_all(&text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}
