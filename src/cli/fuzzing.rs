//! Properties that hold for every command line of the programs.

use super::argparse::{self, Parsed};
use super::cache_bottlenecks;
use super::cache_bottlenecks_flags::CACHE_BOTTLENECKS_FLAGS;
use super::download_images;
use super::download_images_flags::DOWNLOAD_IMAGES_FLAGS;
use super::flag::{Flag, Kind};
use super::help::Program;
use super::label_image;
use super::label_image_flags::LABEL_IMAGE_FLAGS;
use super::retrain::config_from;
use super::retrain_flags::RETRAIN_FLAGS;
use crate::error::{Error, Result};
use std::ffi::OsString;

/// For command lines that never ask for help.
const EMPTY: Program = Program { name: "", about: "", usage: "", example: "", exit_codes: "" };

/// `data` holds the words of a command line, one per line. If they parse, the same command line
/// with full flag names parses to the same values; if not, the error names a flag.
pub fn flags(data: &[u8]) {
    let words = || data.split(|&b| b == b'\n').filter(|w| !asks_for_help(w)).map(word);
    let words: Vec<OsString> = words().collect();
    let read_retrain = |words: &[OsString]| argparse::parse(&EMPTY, RETRAIN_FLAGS, words);
    if let Some(parsed) = understood(read_retrain(&words)) {
        let again = understood(read_retrain(&in_full(&parsed, RETRAIN_FLAGS)));
        assert!(again.is_some_and(|again| same(&parsed, &again, RETRAIN_FLAGS)));
        match config_from(&parsed) {
            Ok(config) => {
                let (split, training) = (&config.split, &config.training);
                let kept = split.testing_percentage + split.validation_percentage;
                assert!((0..=100).contains(&kept));
                assert!(training.learning_rate.is_finite() && training.learning_rate >= 0.0);
                assert!(training.train_batch_size != Some(0) && training.eval_step_interval > 0);
            }
            Err(error) => assert_names_a_flag(&error, RETRAIN_FLAGS),
        }
    }
    let read_cache = |words: &[OsString]| argparse::parse(&EMPTY, CACHE_BOTTLENECKS_FLAGS, words);
    if let Some(parsed) = understood(read_cache(&words)) {
        let again = understood(read_cache(&in_full(&parsed, CACHE_BOTTLENECKS_FLAGS)));
        assert!(again.is_some_and(|again| same(&parsed, &again, CACHE_BOTTLENECKS_FLAGS)));
        match cache_bottlenecks::config(&parsed) {
            Ok((_, shard)) => assert!(shard.is_none_or(|s| (1..=s.count()).contains(&s.index()))),
            Err(error) => assert_names_a_flag(&error, CACHE_BOTTLENECKS_FLAGS),
        }
    }
    let read_label = |words: &[OsString]| {
        argparse::parse_with_paths(&EMPTY, LABEL_IMAGE_FLAGS, label_image::PATHS, words)
    };
    if let Some(parsed) = understood(read_label(&words)) {
        let full = in_full(&parsed, LABEL_IMAGE_FLAGS);
        let again = understood(read_label(&full));
        assert!(again.is_some_and(|again| same(&parsed, &again, LABEL_IMAGE_FLAGS)));
        match label_image::config(&parsed) {
            Ok(config) => {
                assert!(config.input_mean.is_none_or(f32::is_finite));
                assert!(config.input_std.is_none_or(|std| std != 0.0) && config.top_k > 0);
            }
            Err(error) => assert_names_a_flag(&error, LABEL_IMAGE_FLAGS),
        }
    }
    let read_download = |words: &[OsString]| {
        argparse::parse_with_paths(&EMPTY, DOWNLOAD_IMAGES_FLAGS, download_images::PATHS, words)
    };
    if let Some(parsed) = understood(read_download(&words)) {
        let full = in_full(&parsed, DOWNLOAD_IMAGES_FLAGS);
        let again = understood(read_download(&full));
        assert!(again.is_some_and(|again| same(&parsed, &again, DOWNLOAD_IMAGES_FLAGS)));
        match download_images::config(&parsed) {
            Ok(config) => {
                assert!(!config.lists.is_empty() && config.limits.max_bytes > 0);
                assert!(config.manners.parallel > 0 && config.manners.per_host > 0);
                assert!(config.manners.tries > 0 && !config.waits.stall.is_zero());
            }
            Err(error) => assert_names_a_flag(&error, DOWNLOAD_IMAGES_FLAGS),
        }
    }
}

/// Whether a word makes one of the programs print its help, version, or completions.
fn asks_for_help(word: &[u8]) -> bool {
    let word = word.split(|&b| b == b'=').next().unwrap_or(word);
    let begins = |name: &[u8]| word.len() > 2 && name.starts_with(word);
    let printed: [&[u8]; 3] = [b"--help", b"--version", b"--generate"];
    matches!(word, b"-h" | b"-V") || printed.into_iter().any(begins)
}

#[cfg(unix)]
fn word(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn word(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn understood(parsed: Result<Option<Parsed>>) -> Option<Parsed> {
    match parsed {
        Ok(parsed) => {
            assert!(parsed.is_some(), "mistaken for a request for help");
            parsed
        }
        Err(error) => {
            crate::fuzzing::assert_readable(&error);
            assert!(matches!(error, Error::Setting { .. }), "{error}");
            None
        }
    }
}

/// The flags that were given, by their full names, and the paths.
fn in_full(parsed: &Parsed, flags: &[Flag]) -> Vec<OsString> {
    let given = flags.iter().filter(|f| parsed.given(f.name));
    let full = given.map(|f| {
        let mut word = OsString::from(format!("--{}", f.name));
        if f.kind != Kind::Switch {
            word.push("=");
            word.push(parsed.os(f.name));
        }
        word
    });
    let mut words: Vec<OsString> = full.collect();
    if !parsed.paths.is_empty() {
        words.push("--".into());
        words.extend(parsed.paths.iter().cloned());
    }
    words
}

fn same(a: &Parsed, b: &Parsed, flags: &[Flag]) -> bool {
    let value =
        |p: &Parsed, f: &Flag| if f.kind == Kind::Switch { None } else { Some(p.os(f.name)) };
    a.paths == b.paths
        && b.warnings.is_empty()
        && flags.iter().all(|f| a.given(f.name) == b.given(f.name) && value(a, f) == value(b, f))
}

fn assert_names_a_flag(error: &Error, flags: &[Flag]) {
    crate::fuzzing::assert_readable(error);
    let names = |flag: &str| flags.iter().any(|f| f.name == flag);
    assert!(
        matches!(error, Error::Model { .. })
            || matches!(error, Error::Setting { setting, .. } if names(setting)),
        "{error}"
    );
}
