//! The queue in front of an events file, and the thread behind it.

use super::file::EventsFile;
use crate::error::{Error, Result};
use crate::proto::Event;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::thread::JoinHandle;
use std::time::Duration;

/// How many parcels may wait: a disk that stalls for a moment holds up nothing, one that stays slow
/// does not cost memory without end.
const CAPACITY: usize = 32;
/// How many events go in one parcel: waking the thread for each would cost more than writing it.
const PARCEL: usize = 32;

/// How long an answer is waited for before looking whether the thread is still there.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

enum Message {
    Events(Vec<Event>),
    Flush,
    Sync(Sender<()>),
}

/// Hands events to a thread that writes them in order.
#[derive(Debug)]
pub(super) struct Queue {
    /// `None` once the thread has ended.
    messages: Option<Sender<Message>>,
    parcel: Vec<Event>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Queue {
    pub(super) fn start(file: EventsFile) -> Result<Self> {
        let (send, receive) = bounded(CAPACITY);
        let name = std::thread::Builder::new().name("events".into());
        let path = file.path().to_owned();
        let thread = name
            .spawn(move || write_all(file, &receive))
            .map_err(Error::io("starting to write", &path))?;
        Ok(Self { messages: Some(send), parcel: Vec::new(), thread: Some(thread) })
    }

    pub(super) fn add(&mut self, event: Event) -> Result<()> {
        self.parcel.push(event);
        if self.parcel.len() < PARCEL { Ok(()) } else { self.send_parcel() }
    }

    fn send_parcel(&mut self) -> Result<()> {
        let parcel = std::mem::take(&mut self.parcel);
        if parcel.is_empty() { Ok(()) } else { self.send(Message::Events(parcel)) }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.send_parcel()?;
        self.send(Message::Flush)
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        self.send_parcel()?;
        let (send, receive) = bounded(1);
        self.send(Message::Sync(send))?;
        loop {
            match receive.recv_timeout(LOOK_AGAIN) {
                Ok(()) => return Ok(()),
                // A thread that has failed meanwhile leaves the question in the queue: nobody would
                // ever answer it.
                Err(RecvTimeoutError::Timeout)
                    if !self.thread.as_ref().is_none_or(JoinHandle::is_finished) => {}
                // It may have answered and ended between the two looks.
                Err(_) if receive.try_recv().is_ok() => return Ok(()),
                Err(_) => return self.end(),
            }
        }
    }

    /// The thread ends at the first error and takes no more messages: that is how it shows.
    fn send(&mut self, message: Message) -> Result<()> {
        match self.messages.as_ref().map(|m| m.send(message)) {
            Some(Ok(())) => Ok(()),
            _ => self.end(),
        }
    }

    /// Lets the thread write what waits, and takes its result.
    fn end(&mut self) -> Result<()> {
        self.messages = None;
        let result = self.thread.take().map(JoinHandle::join);
        result.map_or(Ok(()), |r| r.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let sent = self.send_parcel();
        if let Err(error) = sent.and(self.end()) {
            log::error!(target: "retrain", "{error}");
        }
    }
}

fn write_all(mut file: EventsFile, messages: &Receiver<Message>) -> Result<()> {
    for message in messages {
        match message {
            Message::Events(events) => events.iter().try_for_each(|event| file.write(event))?,
            Message::Flush => file.flush()?,
            Message::Sync(done) => {
                file.flush()?;
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
    }
    file.flush()
}
