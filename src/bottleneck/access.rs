//! Tells the system how the rows will be read, so that it reads them from the disk beforehand.

use super::Bottlenecks;
use crate::memory;

/// Rows that are this close in the file, in bytes, are read as one stretch.
#[cfg(unix)]
const GAP: usize = 64 << 10;

/// A multiple of the size of a page, which advice must begin with.
#[cfg(target_os = "linux")]
const PAGE: usize = 64 << 10;

/// In which order rows will be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Mostly one after the other.
    InOrder,
    /// Anywhere: nothing is read but the rows themselves.
    Random,
}

impl Bottlenecks<'_> {
    /// The bytes of a row.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        4 * self.size
    }

    /// Whether the file has more bytes than this process has memory left.
    #[must_use]
    pub fn exceed_memory(&self) -> bool {
        memory::available().is_some_and(|left| self.map.len() as u64 > left)
    }

    /// The rows in the order of the file.
    #[must_use]
    pub fn in_file_order(&self, rows: &[usize]) -> Vec<usize> {
        let mut rows = rows.to_vec();
        rows.sort_unstable_by_key(|&row| self.offsets[row]);
        rows
    }

    /// Tells the system in which order rows will be read. It may take no notice.
    pub fn expect(&self, access: Access) {
        #[cfg(unix)]
        let _ = self.map.advise(match access {
            Access::InOrder => memmap2::Advice::Normal,
            Access::Random => memmap2::Advice::Random,
        });
        #[cfg(not(unix))]
        let _ = access;
    }

    /// Has the system begin to read these rows, without waiting for them.
    pub fn read_ahead(&self, rows: &[usize]) {
        #[cfg(unix)]
        for (start, end) in self.stretches(rows) {
            let _ = self.map.advise_range(memmap2::Advice::WillNeed, start, end - start);
        }
        #[cfg(not(unix))]
        let _ = rows;
    }

    /// Tells the system to free the memory of these rows before that of others.
    pub fn set_aside(&self, rows: &[usize]) {
        #[cfg(target_os = "linux")]
        for (start, end) in self.stretches(rows) {
            // Whole pages; those at the ends have other rows too.
            let start = start.next_multiple_of(PAGE);
            let Some(stretch) = self.map.get(start..end) else { continue };
            // SAFETY: the range is part of the map, and the advice changes nothing in it.
            #[allow(unsafe_code)]
            let _ = unsafe {
                libc::madvise(stretch.as_ptr().cast_mut().cast(), stretch.len(), libc::MADV_COLD)
            };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = rows;
    }

    /// Where in the map these rows are, with neighbours in one stretch.
    #[cfg(unix)]
    fn stretches(&self, rows: &[usize]) -> Vec<(usize, usize)> {
        let mut stretches: Vec<(usize, usize)> = Vec::new();
        for start in rows.iter().filter_map(|&row| self.offsets[row]) {
            let (start, end) = (start as usize, start as usize + self.row_bytes());
            match stretches.last_mut() {
                Some((first, last)) if *first <= start && start <= *last + GAP => {
                    *last = end.max(*last);
                }
                _ => stretches.push((start, end)),
            }
        }
        stretches
    }
}
