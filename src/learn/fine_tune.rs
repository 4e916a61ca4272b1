//! How a network is fine-tuned: the settings.

use crate::error::{Error, Result};
use regex::Regex;

/// How the network is fine-tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct FineTune {
    /// The layers to train.
    pub layers: Selection,
    /// The highest learning rate.
    pub learning_rate: f32,
    /// How often each photograph is seen.
    pub epochs: u64,
}

impl FineTune {
    /// With the defaults.
    #[must_use]
    pub fn new(layers: Selection) -> Self {
        Self { layers, learning_rate: 1e-4, epochs: 30 }
    }
}

/// The layers to train (the setting `fine_tune`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    All,
    /// The last few.
    Last(usize),
    /// Those whose node, or one of whose constants, has a name that a regular expression matches.
    Matching(String),
}

impl Selection {
    /// Parses `all`, a number or a regular expression.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "all" {
            return Ok(Self::All);
        }
        if text.bytes().all(|b| b.is_ascii_digit()) {
            return match text.parse() {
                Ok(0) | Err(_) => {
                    let message = format!("must be at least 1 layer, not '{text}'");
                    Err(Error::usage("fine_tune", message))
                }
                Ok(count) => Ok(Self::Last(count)),
            };
        }
        pattern(text)?;
        Ok(Self::Matching(text.into()))
    }
}

impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Last(count) => write!(f, "{count}"),
            Self::Matching(pattern) => f.write_str(pattern),
        }
    }
}

/// The regular expression of a selection.
pub(crate) fn pattern(text: &str) -> Result<Regex> {
    Regex::new(text).map_err(|e| {
        let reason = e.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
        let message = format!(
            "must be all, a number of layers, or a regular expression ('{text}': {reason})"
        );
        Error::usage("fine_tune", message)
    })
}
