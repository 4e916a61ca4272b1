//! Follows the frames of an HTTP/2 connection, on which gRPC runs: which calls are open, and where
//! one frame ends and the next begins. Nothing else in them is read.

/// What a client sends before its first frame.
const PREFACE: usize = 24;

/// The size of a frame's head.
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A GOAWAY that refuses none of the open calls: the client starts no more on this connection.
pub(super) const LEAVE: [u8; HEAD + 8] =
    [0, 0, 8, GOAWAY, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What a frame does to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The sender opens the stream, or answers on it.
    Open(u32),
    /// The sender ends its side.
    End(u32),
    /// The stream is aborted.
    Abort(u32),
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Frames {
    preface: usize,
    head: [u8; HEAD],
    /// How many bytes of `head` have come.
    headed: usize,
    /// How many bytes of the frame's payload are still to come.
    payload: usize,
    /// Whether the rest of a list of headers must come next.
    continues: bool,
}

impl Frames {
    pub(super) fn of_client() -> Self {
        Self { preface: PREFACE, ..Self::of_server() }
    }

    pub(super) fn of_server() -> Self {
        Self { preface: 0, head: [0; HEAD], headed: 0, payload: 0, continues: false }
    }

    /// Whether another frame may be put here.
    pub(super) fn at_boundary(&self) -> bool {
        self.preface == 0 && self.headed == 0 && self.payload == 0 && !self.continues
    }

    /// Reads up to the end of a frame, or all of `bytes`. Returns how many bytes that are.
    pub(super) fn read(&mut self, bytes: &[u8], mut on: impl FnMut(Event)) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let left = bytes.len() - at;
            if self.preface > 0 {
                let n = left.min(self.preface);
                (self.preface, at) = (self.preface - n, at + n);
            } else if self.payload > 0 {
                let n = left.min(self.payload);
                (self.payload, at) = (self.payload - n, at + n);
            } else {
                self.head[self.headed] = bytes[at];
                (self.headed, at) = (self.headed + 1, at + 1);
                if self.headed < HEAD {
                    continue;
                }
                self.headed = 0;
                self.begin(&mut on);
            }
            if self.at_boundary() {
                return at;
            }
        }
        at
    }

    /// A frame's head is complete.
    fn begin(&mut self, on: &mut impl FnMut(Event)) {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        self.payload = u32::from_be_bytes([0, a, b, c]) as usize;
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        if matches!(kind, HEADERS | CONTINUATION) {
            self.continues = flags & END_HEADERS == 0;
        }
        if kind == HEADERS {
            on(Event::Open(stream));
        }
        match kind {
            DATA | HEADERS if flags & END_STREAM != 0 => on(Event::End(stream)),
            RST_STREAM => on(Event::Abort(stream)),
            _ => {}
        }
    }
}
