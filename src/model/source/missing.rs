//! What is said of a file that is not there and cannot be downloaded: where it belongs, and the
//! command that brings it.

use crate::error::{Error, Result};
use crate::net;
use crate::text::command_word;
use std::path::Path;

/// A file of a network that is to be downloaded.
pub(super) struct Missing<'a> {
    /// Where it is looked for.
    pub(super) file: &'a Path,
    /// The network's name or address.
    pub(super) network: &'a str,
    /// Where networks are kept.
    pub(super) model_dir: &'a Path,
}

impl Missing<'_> {
    /// Nothing, if it may be downloaded.
    ///
    /// # Errors
    /// If this process is offline.
    pub(super) fn check_online(&self) -> Result<()> {
        if !net::is_offline() {
            return Ok(());
        }
        let message = format!(
            "is not there, and `offline` forbids to download it\nWhere there is a network, this \
             brings it: {}",
            self.command()
        );
        Err(Error::input(self.file, message))
    }

    /// The error of a download, with what to do without a network: `place` says where to put what
    /// by hand.
    pub(super) fn advise(&self, error: Error, place: &str) -> Error {
        let Error::Net { url, message, .. } = error else { return error };
        let command = self.command();
        let advice =
            format!("\nWithout a network: {place}; where there is one, this brings it: {command}");
        Error::Net { url, message, advice }
    }

    fn command(&self) -> String {
        let [network, dir] = [self.network, &*self.model_dir.to_string_lossy()].map(command_word);
        format!("retrain `fetch={network}` `model_dir={dir}`")
    }
}
