//! What can go wrong, sorted by who can mend it: the settings, the user's images, our cache, a
//! model file, TensorFlow, the file system, the network. Every message names the setting, file or
//! node and the remedy.
//!
//! Messages write a setting as `` `name` `` or `` `name=value` ``, by the name it has in the
//! configuration and on the command line; a program may show it as it likes (`--name`).

use std::io;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, by blame. `Display` gives the one or two lines a user reads.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting, or a combination of settings, that cannot be carried out.
    #[error("`{setting}`: {message}")]
    Setting {
        /// The setting's name.
        setting: String,
        /// What is wrong with its value and what would be right.
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
    /// A cached bottleneck that can neither be read nor recreated.
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
    /// libtensorflow is not to be found or not to be loaded.
    #[error("{message}")]
    Library {
        /// Where it was looked for and what to install.
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
        /// What has been saved, and how to go on.
        kept: String,
    },
    /// A download.
    #[error("downloading {url}: {message}")]
    Net {
        /// The address.
        url: String,
        /// What happened and what to do without the network.
        message: String,
    },
}

/// How many characters of TensorFlow's words are repeated.
const LONGEST: usize = 1500;

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
        // Its messages quote nodes with all they hold.
        if let Some((end, _)) = message.char_indices().nth(LONGEST) {
            message.truncate(end);
            message.push('…');
        }
        Self::TensorFlow { doing: doing.into(), message }
    }

    /// Attaches a path to an `io::Error`: `.map_err(Error::io("reading", path))`.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}
