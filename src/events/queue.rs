//! The thread that writes an events file, and the queue that feeds it.

use super::file::EventsFile;
use crate::error::{Error, Result};
use crate::proto::Event;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::thread::JoinHandle;
use std::time::Duration;

/// How many batches may wait: enough to ride out a disk that stalls for a moment, and a bound on
/// memory if the disk stays slow.
const CAPACITY: usize = 32;
/// How many events go in one batch: waking the thread for each event would cost more than writing
/// it.
const BATCH: usize = 32;

/// How often to check, while waiting for an answer, that the thread is still running.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

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
    batch: Vec<Event>,
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
        Ok(Self { messages: Some(send), batch: Vec::new(), thread: Some(thread) })
    }

    pub(super) fn add(&mut self, event: Event) -> Result<()> {
        self.batch.push(event);
        if self.batch.len() < BATCH { Ok(()) } else { self.send_batch() }
    }

    fn send_batch(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() { Ok(()) } else { self.send(Message::Events(batch)) }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.send_batch()?;
        self.send(Message::Flush)
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        self.send_batch()?;
        let (send, receive) = bounded(1);
        self.send(Message::Sync(send))?;
        loop {
            match receive.recv_timeout(POLL_INTERVAL) {
                Ok(()) => return Ok(()),
                // A thread that has failed leaves this message unanswered in the queue, so keep
                // waiting only while it runs.
                Err(RecvTimeoutError::Timeout)
                    if !self.thread.as_ref().is_none_or(JoinHandle::is_finished) => {}
                // It may have answered and ended between the timeout and the check.
                Err(_) if receive.try_recv().is_ok() => return Ok(()),
                Err(_) => return self.finish(),
            }
        }
    }

    /// Sends a message to the thread. If it cannot be sent, the thread has ended at an error, which
    /// is returned.
    fn send(&mut self, message: Message) -> Result<()> {
        match self.messages.as_ref().map(|m| m.send(message)) {
            Some(Ok(())) => Ok(()),
            _ => self.finish(),
        }
    }

    /// Waits for the thread to write everything in the queue, and returns its result.
    fn finish(&mut self) -> Result<()> {
        self.messages = None;
        let result = self.thread.take().map(JoinHandle::join);
        result.map_or(Ok(()), |r| r.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let sent = self.send_batch();
        if let Err(error) = sent.and(self.finish()) {
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
                // This fails if the caller no longer waits.
                let _ = done.send(());
            }
        }
    }
    file.flush()
}
