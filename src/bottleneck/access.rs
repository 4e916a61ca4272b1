//! Tells the system how the rows will be read, so that it reads them from the disk beforehand.

use super::Bottlenecks;
use crate::memory;
#[cfg(unix)]
use std::ops::Range;

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

    /// Whether the files have more bytes than this process has memory left.
    #[must_use]
    pub fn exceed_memory(&self) -> bool {
        memory::available()
            .is_some_and(|left| self.maps.iter().map(|map| map.len() as u64).sum::<u64>() > left)
    }

    /// The rows in the order of the files.
    #[must_use]
    pub fn in_file_order(&self, rows: &[usize]) -> Vec<usize> {
        let mut rows = rows.to_vec();
        rows.sort_unstable_by_key(|&row| self.places[row]);
        rows
    }

    /// Tells the system in which order rows will be read. It may take no notice.
    pub fn expect(&self, access: Access) {
        #[cfg(unix)]
        for map in &self.maps {
            let _ = map.advise(match access {
                Access::InOrder => memmap2::Advice::Normal,
                Access::Random => memmap2::Advice::Random,
            });
        }
        #[cfg(not(unix))]
        let _ = access;
    }

    /// Has the system begin to read these rows, without waiting for them.
    pub fn read_ahead(&self, rows: &[usize]) {
        #[cfg(unix)]
        for (map, Range { start, end }) in self.stretches(rows) {
            let _ = self.maps[map].advise_range(memmap2::Advice::WillNeed, start, end - start);
        }
        #[cfg(not(unix))]
        let _ = rows;
    }

    /// Tells the system to free the memory of these rows before that of others.
    pub fn set_aside(&self, rows: &[usize]) {
        #[cfg(target_os = "linux")]
        for (map, Range { start, end }) in self.stretches(rows) {
            // Whole pages; those at the ends have other rows too.
            let start = start.next_multiple_of(PAGE);
            let Some(stretch) = self.maps[map].get(start..end) else { continue };
            // SAFETY: the range is part of the map, and the advice changes nothing in it.
            #[allow(unsafe_code)]
            let _ = unsafe {
                libc::madvise(stretch.as_ptr().cast_mut().cast(), stretch.len(), libc::MADV_COLD)
            };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = rows;
    }

    /// The index of the map and the place in it of these rows, with neighbours in one stretch.
    #[cfg(unix)]
    fn stretches(&self, rows: &[usize]) -> Vec<(usize, Range<usize>)> {
        let mut stretches: Vec<(usize, Range<usize>)> = Vec::new();
        for place in rows.iter().filter_map(|&row| self.places[row]) {
            let (map, start) = (place.map as usize, place.offset.get() as usize);
            let end = start + self.row_bytes();
            match stretches.last_mut() {
                Some((same, last))
                    if *same == map && last.start <= start && start <= last.end + GAP =>
                {
                    last.end = end.max(last.end);
                }
                _ => stretches.push((map, start..end)),
            }
        }
        stretches
    }
}
