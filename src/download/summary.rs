//! What a download came to.

use super::report::{Row, Status};
use std::collections::BTreeMap;

/// What a download came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Addresses of the lists, each with its class once.
    pub total: u64,
    /// Lines that repeat an earlier one.
    pub repeated: u64,
    /// Photographs that this run stored.
    pub ok: u64,
    /// Addresses that earlier runs have settled.
    pub before: u64,
    /// Addresses whose photograph is there under another address.
    pub duplicates: u64,
    /// Addresses without a photograph.
    pub failed: u64,
    /// Addresses left out because a limit was reached.
    pub skipped: u64,
    /// Bytes of the photographs that this run stored.
    pub bytes: u64,
    /// How often each reason for a failure or for leaving out was given, in a few words.
    pub reasons: BTreeMap<String, u64>,
    /// The photographs of each class directory, from these lists.
    pub classes: BTreeMap<String, u64>,
}

impl Summary {
    /// Counts an address that this run settled.
    pub(super) fn count(&mut self, row: &Row, reason: &str) {
        match row.status {
            Status::Ok => {
                self.ok += 1;
                self.bytes += row.bytes.unwrap_or_default();
                self.count_photograph(row);
            }
            Status::Duplicate => self.duplicates += 1,
            Status::Failed => self.failed += 1,
            Status::Skipped => self.skipped += 1,
        }
        if matches!(row.status, Status::Failed | Status::Skipped) {
            *self.reasons.entry(reason.to_owned()).or_default() += 1;
        }
    }

    /// Counts an address that an earlier run settled.
    pub(super) fn count_before(&mut self, row: &Row) {
        match row.status {
            Status::Failed => {
                self.failed += 1;
                *self.reasons.entry("failed before".into()).or_default() += 1;
            }
            Status::Ok => {
                self.before += 1;
                self.count_photograph(row);
            }
            _ => self.before += 1,
        }
    }

    fn count_photograph(&mut self, row: &Row) {
        let dir = row.file.split('/').next().unwrap_or_default();
        *self.classes.entry(dir.to_owned()).or_default() += 1;
    }

    /// The addresses settled so far.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.ok + self.before + self.duplicates + self.failed + self.skipped
    }

    /// The photographs that are there, with those of earlier runs.
    #[must_use]
    pub fn photographs(&self) -> u64 {
        self.classes.values().sum()
    }
}
