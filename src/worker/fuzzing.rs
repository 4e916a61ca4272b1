//! A fuzzed property of the frames of a connection, for any bytes.

// As in tests, a panic is the report.
#![allow(clippy::unwrap_used)]

use super::frames::{Event, Frames};

/// Frames are the same in whatever pieces their bytes come, and never go beyond them.
pub fn frames(data: &[u8]) {
    for open in [Frames::of_client, Frames::of_server] {
        let whole = follow(open(), data.chunks(data.len().max(1)));
        assert_eq!(follow(open(), data.chunks(1)), whole);
        let size = usize::from(data.first().copied().unwrap_or_default()) + 1;
        assert_eq!(follow(open(), data.chunks(size)), whole);
    }
}

/// What happens, and where other frames may be put in between.
fn follow<'d>(
    mut frames: Frames,
    pieces: impl Iterator<Item = &'d [u8]>,
) -> (Vec<Event>, Vec<usize>) {
    let (mut events, mut boundaries, mut place) = (Vec::new(), Vec::new(), 0);
    for mut piece in pieces {
        while !piece.is_empty() {
            let read = frames.read(piece, |event| events.push(event));
            assert!(read > 0 && read <= piece.len());
            (piece, place) = (&piece[read..], place + read);
            if frames.at_boundary() {
                boundaries.push(place);
            } else {
                assert!(piece.is_empty(), "stopped inside a frame");
            }
        }
    }
    (events, boundaries)
}
