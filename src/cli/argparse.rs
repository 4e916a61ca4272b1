//! Reads a command line by a table of flags, the way Python's argparse does: `--flag=value` or
//! `--flag value`, any unambiguous prefix of a name, and the last value wins. Unknown flags are
//! ignored with a warning. Unlike argparse, it accepts `-` for `_` in a flag's name, and refuses a
//! name that is nearly a known flag's.

use super::flag::{Flag, Kind};
use super::generate::{GENERATE, GENERATED, generate};
use super::help::Program;
use super::names::{Names, typed_name};
use super::slips::{self, Slip};
use crate::error::{Error, Result};
use crate::{pyfmt, text};
use clap::{Arg, ArgMatches, Command};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A command line that has been read.
#[derive(Debug)]
pub struct Parsed {
    matches: ArgMatches,
    /// One sentence for each word that was not understood and is ignored.
    pub warnings: Vec<String>,
    /// One sentence for each thing the program made of the command line, to be logged.
    pub notes: Vec<String>,
    /// The words that belong to no flag, if the program accepts such words.
    pub paths: Vec<OsString>,
}

/// How a program treats words that belong to no flag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paths {
    /// The flag that takes the same kind of word, named in errors.
    pub(super) flag: &'static str,
    /// One sentence for `--help`.
    pub(super) help: &'static str,
}

/// Reads a command line (without the program's name). `Ok(None)` means that the help, the version
/// or what `--generate` makes was asked for and has been printed.
///
/// # Errors
/// If a word is nearly a flag, or a flag lacks its value.
pub(super) fn parse(
    program: &Program,
    flags: &[Flag],
    args: &[OsString],
) -> Result<Option<Parsed>> {
    let names = Names::new(flags, args);
    let mut words = canonical(&names, args)?;
    for word in &words.others {
        let advice = match slips::of_word(&names, word) {
            Some(slip @ Slip::Flag(flag, _)) => {
                let message = format!("'{}' is not a flag; {slip}", shown(word));
                return Err(Error::usage(flag, message));
            }
            Some(slip) => format!("; {slip}"),
            None => String::new(),
        };
        words.warnings.push(format!("'{}' is not a flag and is ignored{advice}", shown(word)));
    }
    words.others.clear();
    read(program.command(args_of(flags)), flags, words)
}

/// Like [`parse`], for a program that also accepts words without a flag. Every word after `--` is
/// one.
pub(super) fn parse_with_paths(
    program: &Program,
    flags: &[Flag],
    paths: Paths,
    args: &[OsString],
) -> Result<Option<Parsed>> {
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let (before, after) = args.split_at(end);
    let names = Names::new(flags, before);
    let mut words = canonical(&names, before)?;
    for word in std::mem::take(&mut words.others) {
        if is_path(&names, paths, &word)? {
            words.others.push(word);
        } else {
            let message = "is neither a flag nor a file, and is ignored";
            words.warnings.push(format!("'{}' {message}", shown(&word)));
        }
    }
    words.others.extend(after.iter().skip(1).cloned());
    // For the help text only: these words never reach clap.
    let paths = Arg::new("PATH").num_args(0..).help(paths.help);
    read(program.command(args_of(flags).into_iter().chain([paths])), flags, words)
}

/// Whether a word without a flag is a path. A word that begins with a dash is a path only if the
/// file exists.
///
/// # Errors
/// If the file does not exist and the word looks like a mistyped flag.
fn is_path(names: &Names<'_>, paths: Paths, word: &OsStr) -> Result<bool> {
    if word == "-" || Path::new(word).exists() {
        return Ok(true);
    }
    match slips::of_word(names, word) {
        None => Ok(!word.as_encoded_bytes().starts_with(b"-")),
        Some(slip) => {
            let flag = if let Slip::Flag(flag, _) = slip { flag } else { paths.flag };
            let message = format!("'{}' is neither a flag nor a file; {slip}", shown(word));
            Err(Error::usage(flag, message))
        }
    }
}

fn shown(word: &OsStr) -> String {
    text::shown(Path::new(word))
}

/// The rows of a table as clap has them, by group.
fn args_of(flags: &[Flag]) -> Vec<Arg> {
    let mut flags: Vec<&Flag> = flags.iter().chain([&GENERATE]).collect();
    flags.sort_by_key(|flag| flag.group);
    flags.into_iter().map(|flag| flag.to_arg()).collect()
}

fn read(command: Command, flags: &[Flag], words: Words) -> Result<Option<Parsed>> {
    let Words { known, warnings, others: paths } = words;
    let program = OsString::from(command.get_name());
    match command.clone().try_get_matches_from(std::iter::once(program).chain(known)) {
        Ok(matches) => {
            let parsed = Parsed { matches, warnings, notes: Vec::new(), paths };
            if !parsed.given(GENERATE.name) {
                return Ok(Some(parsed));
            }
            let what = parsed.choice(GENERATE.name, GENERATED)?;
            let printed = generate(command, flags, &what);
            printed.map_err(Error::io("writing to", Path::new("standard output")))?;
            Ok(None)
        }
        Err(e) if !e.use_stderr() => {
            // A closed pipe (`--help | head`) is not an error.
            let _ = e.print();
            Ok(None)
        }
        Err(e) => Err(Error::usage("help", e.to_string())),
    }
}

/// The command line with every known flag as `--full_name=value` and everything else dropped.
///
/// # Errors
/// If a flag is ambiguous or has no value; the error names the flag.
pub fn full_names(flags: &[Flag], args: &[OsString]) -> Result<Vec<OsString>> {
    Ok(canonical(&Names::new(flags, args), args)?.known)
}

/// The words of a command line, by kind.
#[derive(Default)]
struct Words {
    /// Known flags, as `--full_name=value`.
    known: Vec<OsString>,
    /// One sentence for each unknown flag.
    warnings: Vec<String>,
    /// Words that belong to no flag.
    others: Vec<OsString>,
}

fn canonical(names: &Names<'_>, args: &[OsString]) -> Result<Words> {
    let mut words = Words::default();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        if arg == "-h" || arg == "-V" {
            words.known.push(arg.clone());
            continue;
        }
        let Some(typed) = typed_name(arg) else {
            words.others.push(arg.clone());
            continue;
        };
        let Some(flag) = names.find(&typed)? else {
            let (typed, near) = (text::one_line(&typed), names.near(&typed));
            if !near.is_empty() {
                let near: Vec<String> = near.iter().map(|name| format!("--{name}")).collect();
                let message = format!("is not a flag; did you mean {}?", near.join(" or "));
                return Err(Error::usage(typed, message));
            }
            words.warnings.push(format!("unknown flag --{typed} is ignored"));
            continue;
        };
        let mut full = OsString::from(format!("--{}", flag.name));
        match (flag.kind, after_equals(arg)) {
            (Kind::Switch, None) => {}
            (Kind::Switch, Some(_)) => {
                let message = "is a switch and takes no value: give it or leave it out";
                return Err(Error::usage(flag.name, message));
            }
            (_, value) => {
                let value = value.or_else(|| args.next_if(|next| names.is_value(next)).cloned());
                full.push("=");
                full.push(value.ok_or_else(|| Error::usage(flag.name, "expected one argument"))?);
            }
        }
        words.known.push(full);
    }
    Ok(words)
}

/// The bytes after the first `=` (a path need not be UTF-8).
#[cfg(unix)]
fn after_equals(arg: &OsStr) -> Option<OsString> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = arg.as_bytes();
    let at = bytes.iter().position(|&b| b == b'=')?;
    Some(OsStr::from_bytes(&bytes[at + 1..]).to_owned())
}

/// The text after the first `=`.
#[cfg(not(unix))]
fn after_equals(arg: &OsStr) -> Option<OsString> {
    arg.to_string_lossy().split_once('=').map(|(_, value)| value.into())
}

impl Parsed {
    /// Whether a flag was given on the command line. A flag of the other program never was.
    #[must_use]
    pub fn given(&self, name: &str) -> bool {
        let known = self.matches.try_contains_id(name).is_ok();
        known && self.matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine)
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn switch(&self, name: &str) -> bool {
        self.matches.get_flag(name)
    }

    /// A value as it was typed, or the default.
    #[must_use]
    pub fn os(&self, name: &str) -> OsString {
        self.matches.get_one::<OsString>(name).cloned().unwrap_or_default()
    }

    /// A value as text.
    ///
    /// # Errors
    /// If the value is not UTF-8.
    pub fn text(&self, name: &str) -> Result<String> {
        self.os(name).into_string().map_err(|_| Error::usage(name, "is not valid UTF-8"))
    }

    /// A value as a path.
    #[must_use]
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.os(name).into()
    }

    /// A whole number, as Python's `int` reads it.
    pub fn int(&self, name: &str) -> Result<i64> {
        self.number(name, "int")
    }

    /// A whole number from 0 on.
    pub fn at_least_0(&self, name: &str) -> Result<u64> {
        let value = self.int(name)?;
        u64::try_from(value)
            .map_err(|_| Error::usage(name, format!("must be at least 0, not {value}")))
    }

    /// A decimal number, as Python's `float` reads it.
    pub fn float(&self, name: &str) -> Result<f64> {
        self.number(name, "float")
    }

    fn number<T: std::str::FromStr>(&self, name: &str, kind: &str) -> Result<T> {
        let text = self.text(name)?;
        let number = pyfmt::python_number(text.trim()).and_then(|t| t.parse().ok());
        number.ok_or_else(|| Error::usage(name, format!("invalid {kind} value: '{text}'")))
    }

    /// A value that must be one of `choices`.
    pub fn choice(&self, name: &str, choices: &[&str]) -> Result<String> {
        let text = self.text(name)?;
        if choices.contains(&text.as_str()) {
            return Ok(text);
        }
        Err(Error::usage(
            name,
            format!("invalid choice: '{text}' (choose from {})", choices.join(", ")),
        ))
    }
}
