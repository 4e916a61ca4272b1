//! What can be fetched, by name.

use super::library::Library;
use crate::error::{Error, Result};
use crate::model::{
    ModelInfo, Source, check_address, create_model_info, module_in, names, nearest_name, provide,
    provide_module,
};
use std::path::Path;

/// All networks and the library.
const ALL: &str = "all";
/// TensorFlow's library.
const LIBRARY: &str = "library";

/// A thing to fetch.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A network with a name.
    Network(Box<ModelInfo>),
    /// A TF-Hub module or another SavedModel, by its address.
    Module(String),
    /// TensorFlow's library, for this machine or another.
    Library(Library),
}

/// Reads names separated by commas. Of two names for one archive, only the first counts.
///
/// # Errors
/// For a name that is none, with the one that was probably meant.
pub fn parse(text: &str) -> Result<Vec<Item>> {
    let mut items: Vec<Item> = Vec::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        for item in named(word)? {
            if !items.iter().any(|other| other.brings(&item)) {
                items.push(item);
            }
        }
    }
    match items.is_empty() {
        true => Err(Error::usage("fetch", format!("names nothing; give {CHOICES}"))),
        false => Ok(items),
    }
}

/// What can be given, in words.
const CHOICES: &str = "all, library, names of networks that `architecture` knows, or addresses of \
                       TF-Hub modules, separated by commas";

fn named(word: &str) -> Result<Vec<Item>> {
    if word.contains("://") {
        check_address(word)?;
        return Ok(vec![Item::Module(word.to_owned())]);
    }
    if word == ALL {
        // A quantized network comes in the archive of the other.
        let networks = names().filter(|name| !name.ends_with("_quantized"));
        let networks = networks.filter_map(|name| create_model_info(&name).ok());
        // Where no wheel is known, the networks are all there is.
        let library = Library::here().ok().map(Item::Library);
        return Ok(networks.map(Item::network).chain(library).collect());
    }
    if word == LIBRARY {
        return Ok(vec![Item::Library(Library::here()?)]);
    }
    if let Some(platform) = word.strip_prefix("library_") {
        return Ok(vec![Item::Library(Library::of(platform)?)]);
    }
    if let Ok(info) = create_model_info(word) {
        return Ok(vec![Item::network(info)]);
    }
    let advice = match nearest_name(word, &[ALL, LIBRARY]) {
        Some(meant) => format!("did you mean '{meant}'?"),
        None => format!("give {CHOICES}"),
    };
    Err(Error::usage("fetch", format!("there is no '{}'; {advice}", crate::text::one_line(word))))
}

impl Item {
    fn network(info: ModelInfo) -> Self {
        Self::Network(Box::new(info))
    }

    /// As it is named to be fetched.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Network(info) => info.architecture.clone(),
            Self::Module(address) => address.clone(),
            Self::Library(library) => library.name(),
        }
    }

    /// Whether the other comes with this.
    fn brings(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Network(one), Self::Network(other)) => one.source == other.source,
            _ => self == other,
        }
    }

    /// How many megabytes come by the network, about, if that is known.
    pub(super) fn megabytes(&self) -> Option<u32> {
        match self {
            Self::Network(info) => info.megabytes(),
            Self::Module(_) => None,
            Self::Library(library) => Some(library.megabytes()),
        }
    }

    /// Where it comes from, in words.
    pub(super) fn origin(&self) -> String {
        match self {
            Self::Network(info) => match &info.source {
                Source::Archive(base, file) => format!("{base}{file}"),
                Source::BuiltIn => "made by this program".into(),
                Source::Wheel(wheel) => {
                    format!("{} {}, by pip", wheel.distribution, wheel.version)
                }
            },
            Self::Module(_) => "by its address".into(),
            Self::Library(library) => library.origin(),
        }
    }

    /// Whether it is in `dir` already.
    pub(super) fn is_in(&self, dir: &Path) -> bool {
        match self {
            Self::Network(info) => dir.join(&info.model_file_name).is_file(),
            Self::Module(address) => module_in(address, dir).join("saved_model.pb").is_file(),
            Self::Library(library) => library.is_in(dir),
        }
    }

    /// Brings it into `dir`.
    pub(super) fn bring(&self, dir: &Path) -> Result<()> {
        match self {
            Self::Network(info) => provide(info, dir).map(drop),
            Self::Module(address) => provide_module(address, dir).map(drop),
            Self::Library(library) => library.bring(dir),
        }
    }
}
