//! A program's flags as one table, read with the habits of Python's argparse: `--flag=value` and
//! `--flag value`, any unambiguous prefix, the last of several wins, and what is not known is
//! ignored — here with a warning that names the nearest known flag.

use crate::error::{Error, Result};
use crate::images::ImageFormat;
use crate::pyfmt;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::ffi::{OsStr, OsString};

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

/// One row of a flag table.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The name, without dashes.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default as one would type it; empty for none.
    pub default: &'static str,
    /// One sentence, in which `{formats}` stands for the names of all image formats.
    pub help: &'static str,
    /// Whether the original scripts have it: their flags go first where a prefix fits several.
    pub original: bool,
}

/// A command line, read.
#[derive(Debug)]
pub struct Parsed {
    matches: ArgMatches,
    /// What was not understood and is ignored: one sentence each.
    pub warnings: Vec<String>,
    /// The words that belong to no flag, where the program takes any.
    pub paths: Vec<OsString>,
}

impl Flag {
    fn to_arg(self) -> Arg {
        let help = self.help.replace("{formats}", &ImageFormat::names());
        let arg = Arg::new(self.name).long(self.name).help(help);
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

/// Reads a command line (without the program's name) by a table. `Ok(None)` where help was asked
/// for and printed.
pub(super) fn parse(
    program: &'static str,
    about: &'static str,
    flags: &[Flag],
    args: &[OsString],
) -> Result<Option<Parsed>> {
    read(Command::new(program).about(about), flags, args, |word, warnings| {
        warnings.push(format!("'{}' is not a flag and is ignored", word.to_string_lossy()));
        None
    })
}

/// The same for a program that also takes words without a flag, described by `help`. After `--` all
/// are such words.
pub(super) fn parse_with_paths(
    program: &'static str,
    about: &'static str,
    flags: &[Flag],
    help: &'static str,
    args: &[OsString],
) -> Result<Option<Parsed>> {
    // For the help only: what is read here never reaches clap.
    let paths = Arg::new("PATH").num_args(0..).help(help);
    let command = Command::new(program).about(about).arg(paths);
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let (before, after) = args.split_at(end);
    let parsed = read(command, flags, before, |word, warnings| {
        let dashed = word.as_encoded_bytes().starts_with(b"-") && word != "-";
        if dashed {
            let text = word.to_string_lossy();
            warnings.push(format!(
                "'{text}' is not a flag and is ignored; a file of that name is ./{text}"
            ));
        }
        (!dashed).then(|| word.to_owned())
    })?;
    Ok(parsed.map(|mut parsed| {
        parsed.paths.extend(after.iter().skip(1).cloned());
        parsed
    }))
}

/// `word` says what becomes of a word that belongs to no flag.
fn read(
    command: Command,
    flags: &[Flag],
    args: &[OsString],
    word: impl Fn(&OsStr, &mut Vec<String>) -> Option<OsString>,
) -> Result<Option<Parsed>> {
    let mut warnings = Vec::new();
    let mut paths = Vec::new();
    let canonical =
        canonical(flags, args, &mut warnings, |text, warnings| paths.extend(word(text, warnings)))?;
    let command = command.version(env!("CARGO_PKG_VERSION")).args_override_self(true);
    let command = command.args(flags.iter().map(|f| f.to_arg()));
    let program = OsString::from(command.get_name());
    match command.try_get_matches_from(std::iter::once(program).chain(canonical)) {
        Ok(matches) => Ok(Some(Parsed { matches, warnings, paths })),
        Err(e) if !e.use_stderr() => {
            // A closed pipe (`--help | head`) is no reason to complain.
            let _ = e.print();
            Ok(None)
        }
        Err(e) => Err(Error::usage("help", e.to_string())),
    }
}

/// The same command line with full names and `--flag=value` throughout, without what is not known.
fn canonical(
    flags: &[Flag],
    args: &[OsString],
    warnings: &mut Vec<String>,
    mut other: impl FnMut(&OsStr, &mut Vec<String>),
) -> Result<Vec<OsString>> {
    let mut known = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        let bytes = arg.as_encoded_bytes();
        if matches!(bytes, b"-h" | b"--help" | b"--version" | b"-V") {
            known.push(arg.clone());
            continue;
        }
        let text = arg.to_string_lossy();
        let Some(body) = text.strip_prefix("--").filter(|b| !b.is_empty()) else {
            other(arg, warnings);
            continue;
        };
        let (typed, has_value) =
            body.split_once('=').map_or((body, false), |(name, _)| (name, true));
        let Some(flag) = find(flags, typed)? else {
            warnings.push(unknown(flags, typed));
            continue;
        };
        if flag.kind == Kind::Switch {
            if has_value {
                return Err(Error::usage(
                    flag.name,
                    "is a switch and takes no value: give it or leave it out",
                ));
            }
            known.push(format!("--{}", flag.name).into());
            continue;
        }
        let mut full: OsString = format!("--{}=", flag.name).into();
        if has_value {
            full.push(after_equals(arg));
        } else {
            let missing = || Error::usage(flag.name, "expected one argument");
            full.push(args.next_if(|next| is_value(next)).ok_or_else(missing)?);
        }
        known.push(full);
    }
    Ok(known)
}

/// What stands after the first `=`, byte for byte (a path need not be UTF-8).
#[cfg(unix)]
fn after_equals(arg: &OsStr) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    let bytes = arg.as_bytes();
    let at = bytes.iter().position(|&b| b == b'=').map_or(bytes.len(), |i| i + 1);
    OsStr::from_bytes(&bytes[at..]).to_owned()
}

/// What stands after the first `=`.
#[cfg(not(unix))]
fn after_equals(arg: &OsStr) -> OsString {
    arg.to_string_lossy().split_once('=').map(|(_, value)| value.into()).unwrap_or_default()
}

/// Whether argparse would take the next word as a flag's value: not a flag itself, but a negative
/// number is one.
fn is_value(next: &OsStr) -> bool {
    let text = next.to_string_lossy();
    !text.starts_with('-') || text == "-" || text.parse::<f64>().is_ok() || text.contains(' ')
}

/// The flag a name stands for: itself, or the only one it begins, the scripts' own before ours.
fn find<'f>(flags: &'f [Flag], typed: &str) -> Result<Option<&'f Flag>> {
    if let Some(flag) = flags.iter().find(|f| f.name == typed) {
        return Ok(Some(flag));
    }
    for original in [true, false] {
        let fitting: Vec<&Flag> =
            flags.iter().filter(|f| f.original == original && f.name.starts_with(typed)).collect();
        match fitting[..] {
            [] => {}
            [flag] => return Ok(Some(flag)),
            _ => {
                let names: Vec<String> = fitting.iter().map(|f| format!("--{}", f.name)).collect();
                return Err(Error::usage(
                    typed,
                    format!("ambiguous option: could match {}", names.join(", ")),
                ));
            }
        }
    }
    Ok(None)
}

fn unknown(flags: &[Flag], typed: &str) -> String {
    let score = |f: &&Flag| strsim::jaro_winkler(f.name, typed);
    let nearest =
        flags.iter().max_by(|a, b| score(a).total_cmp(&score(b))).filter(|f| score(f) > 0.75);
    let hint = nearest.map(|f| format!("; did you mean --{}?", f.name)).unwrap_or_default();
    format!("unknown flag --{typed} is ignored{hint}")
}

impl Parsed {
    /// Whether a flag was given on the command line.
    #[must_use]
    pub fn given(&self, name: &str) -> bool {
        self.matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine)
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

    /// A value that is text.
    pub fn text(&self, name: &str) -> Result<String> {
        self.os(name).into_string().map_err(|_| Error::usage(name, "is not valid UTF-8"))
    }

    /// A value that is a path.
    #[must_use]
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.os(name).into()
    }

    /// A whole number, as Python's `int` reads it.
    pub fn int(&self, name: &str) -> Result<i64> {
        self.number(name, "int")
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

    /// One of the words a choice flag takes.
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
