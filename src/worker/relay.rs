//! Passes connections on to TensorFlow's server. TensorFlow can neither listen on one address only
//! nor stop: this can do both, because it sees where a client's calls begin and end.

use super::frames::{Event, Frames, LEAVE};
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The most connections at once; a client has one.
const MOST: usize = 256;

/// How much is passed on at once.
const CHUNK: usize = 1 << 16;

/// Connections to a worker.
#[derive(Debug)]
pub(super) struct Relay {
    listener: TcpListener,
    /// TensorFlow's server.
    server: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    leaving: AtomicBool,
    answered: AtomicU64,
    connections: Mutex<BTreeMap<u64, Arc<Connection>>>,
}

/// What a relay is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) clients: usize,
    /// Calls that clients wait for.
    pub(super) open: usize,
    /// Calls that have been answered.
    pub(super) answered: u64,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    open: Mutex<HashSet<u32>>,
    to_client: Mutex<ToClient>,
}

/// The direction from the server to the client, into which one frame of our own may be put.
#[derive(Debug)]
struct ToClient {
    frames: Frames,
    told: bool,
}

impl Relay {
    pub(super) fn new(listener: TcpListener, server: SocketAddr) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener, server, shared: Arc::default() })
    }

    /// Starts to serve a client, if one has come.
    pub(super) fn accept(&self) -> io::Result<Option<SocketAddr>> {
        let (client, address) = match self.listener.accept() {
            Ok(accepted) => accepted,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e),
        };
        if lock(&self.shared.connections).len() >= MOST {
            return Err(io::Error::other(format!("more than {MOST} connections")));
        }
        client.set_nonblocking(false)?;
        Connection::start(client, self.server, &self.shared)?;
        Ok(Some(address))
    }

    pub(super) fn load(&self) -> Load {
        let connections = lock(&self.shared.connections);
        Load {
            clients: connections.len(),
            open: connections.values().map(|c| lock(&c.open).len()).sum(),
            answered: self.shared.answered.load(Ordering::Relaxed),
        }
    }

    /// Asks all clients to start no further calls, and accepts no more clients.
    pub(super) fn leave(self) -> Leaving {
        self.shared.leaving.store(true, Ordering::SeqCst);
        for connection in lock(&self.shared.connections).values() {
            // While something is on its way, the thread that passes it on tells the client.
            if let Ok(mut to_client) = connection.to_client.try_lock() {
                let _ = to_client.tell(&connection.client);
            }
        }
        Leaving(self.shared)
    }
}

/// A relay that accepts no more clients.
#[derive(Debug)]
pub(super) struct Leaving(Arc<Shared>);

impl Leaving {
    /// How many calls clients still wait for.
    pub(super) fn open(&self) -> usize {
        lock(&self.0.connections).values().map(|c| lock(&c.open).len()).sum()
    }
}

impl ToClient {
    /// Tells the client to leave, once, if no frame is on its way.
    fn tell(&mut self, mut client: &TcpStream) -> io::Result<()> {
        if !self.told && self.frames.at_boundary() {
            self.told = true;
            client.write_all(&LEAVE)?;
        }
        Ok(())
    }
}

impl Connection {
    /// Passes bytes on both ways, on threads of their own, until one side closes.
    fn start(client: TcpStream, server: SocketAddr, shared: &Arc<Shared>) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let server = TcpStream::connect(server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let to_client = ToClient { frames: Frames::of_server(), told: false };
        let connection = Arc::new(Self {
            client,
            server,
            open: Mutex::default(),
            to_client: Mutex::new(to_client),
        });
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&shared.connections).insert(number, Arc::clone(&connection));
        let (this, shared) = (Arc::clone(&connection), Arc::clone(shared));
        thread::spawn(move || {
            let _ = this.to_client(&shared);
            this.close();
            lock(&shared.connections).remove(&number);
        });
        thread::spawn(move || {
            let _ = connection.to_server();
            connection.close();
        });
        Ok(())
    }

    fn close(&self) {
        for stream in [&self.client, &self.server] {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn to_server(&self) -> io::Result<()> {
        let mut frames = Frames::of_client();
        let mut buffer = vec![0; CHUNK];
        loop {
            let n = (&self.client).read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            let mut at = 0;
            while at < n {
                at += frames.read(&buffer[at..n], |event| match event {
                    Event::Open(stream) => drop(lock(&self.open).insert(stream)),
                    Event::Abort(stream) => drop(lock(&self.open).remove(&stream)),
                    Event::End(_) => {}
                });
            }
            (&self.server).write_all(&buffer[..n])?;
        }
    }

    fn to_client(&self, shared: &Shared) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let n = (&self.server).read(&mut buffer)?;
            if n == 0 {
                return Ok(());
            }
            let mut to_client = lock(&self.to_client);
            let mut at = 0;
            while at < n {
                let mut ended = Vec::new();
                let end = at
                    + to_client.frames.read(&buffer[at..n], |event| match event {
                        Event::End(stream) | Event::Abort(stream) => ended.push(stream),
                        Event::Open(_) => {}
                    });
                // A call counts as open until the client has its answer.
                (&self.client).write_all(&buffer[at..end])?;
                let mut open = lock(&self.open);
                let ended = ended.iter().filter(|stream| open.remove(stream)).count();
                shared.answered.fetch_add(ended as u64, Ordering::Relaxed);
                drop(open);
                if shared.leaving.load(Ordering::SeqCst) {
                    to_client.tell(&self.client)?;
                }
                at = end;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
