//! The crate's error type. Its variants say where the fault lies: settings, the user's data, the
//! cache, a model, TensorFlow, the file system or the network. Every message names the setting,
//! file or node at fault, and the remedy.
//!
//! Messages write a setting as `` `name` `` or `` `name=value` ``, with its name in the
//! configuration; a program may show it in its own way (`--name`).

use std::io;
use std::path::{Path, PathBuf};

/// The result of every fallible function in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, by where the fault lies. `Display` gives the one or two lines that a user reads.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting, or a combination of settings, that is not allowed.
    #[error("`{setting}`: {message}")]
    Setting {
        /// The setting's name.
        setting: String,
        /// What is wrong with its value, and what would be right.
        message: String,
    },
    /// Something about the user's data: an image, a label file, a directory of classes.
    #[error("{}: {message}", crate::text::shown(path))]
    Input {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// A cached bottleneck that can be neither read nor recreated.
    #[error("bottleneck cache {}: {message}", crate::text::shown(path))]
    Cache {
        /// The cache file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A pretrained model: its name, its archive or its graph.
    #[error("model {what}: {message}")]
    Model {
        /// The architecture's name or the model file.
        what: String,
        /// What is wrong with it and what to do.
        message: String,
    },
    /// A node of a graph that is missing or not as expected.
    #[error("graph node '{node}': {message}")]
    Graph {
        /// The node's name.
        node: String,
        /// What is wrong with it.
        message: String,
    },
    /// TensorFlow refused something.
    #[error("TensorFlow, {doing}: {message}")]
    TensorFlow {
        /// What was being done, as a participle: "running the training step".
        doing: String,
        /// TensorFlow's own words.
        message: String,
    },
    /// libtensorflow cannot be found or loaded.
    #[error("{message}")]
    Library {
        /// Where the crate looked for it, and what to install.
        message: String,
    },
    /// A file or directory that cannot be read or written.
    #[error("{doing} {}: {source}", crate::text::shown(path))]
    Io {
        /// What was being done, as a participle: "writing".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// A [`CancelToken`](crate::CancelToken) was cancelled.
    #[error("stopped: {kept}")]
    Cancelled {
        /// What has been saved, and how to continue.
        kept: String,
    },
    /// A download that failed.
    #[error("downloading {url}: {message}{advice}")]
    Net {
        /// The address.
        url: String,
        /// What happened.
        message: String,
        /// What to do without a network, on lines of its own; empty if nothing can be done.
        advice: String,
    },
}

/// TensorFlow's own messages are cut to this many characters.
const MAX_CHARACTERS: usize = 1500;

impl Error {
    /// An [`Error::Setting`].
    pub fn usage(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Setting { setting: setting.into(), message: message.into() }
    }

    /// An [`Error::Input`].
    pub fn input(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::Input { path: path.into(), message: message.into() }
    }

    /// An [`Error::Model`].
    pub fn model(what: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Model { what: what.into(), message: message.into() }
    }

    /// An [`Error::Graph`].
    pub fn graph(node: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Graph { node: node.into(), message: message.into() }
    }

    /// An [`Error::TensorFlow`].
    pub fn tensorflow(doing: impl Into<String>, message: impl ToString) -> Self {
        let mut message = message.to_string();
        // Its messages may quote whole nodes, including the values of constants.
        if let Some((end, _)) = message.char_indices().nth(MAX_CHARACTERS) {
            message.truncate(end);
            message.push('…');
        }
        Self::TensorFlow { doing: doing.into(), message }
    }

    /// An [`Error::Net`] without advice.
    pub fn net(url: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Net { url: url.into(), message: message.into(), advice: String::new() }
    }

    /// The error of a download without what to do where there is no network.
    #[must_use]
    pub fn without_advice(self) -> Self {
        match self {
            Self::Net { url, message, .. } => Self::net(url, message),
            other => other,
        }
    }

    /// Attaches a path to an `io::Error`: `.map_err(Error::io("reading", path))`.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
