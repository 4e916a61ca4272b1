//! Small servers on the loopback: a test supplies the function that answers, and requests are kept.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request as received, without its body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    headers: Vec<String>,
}

impl Request {
    pub(crate) fn method(&self) -> &str {
        self.line.split(' ').next().unwrap()
    }

    pub(crate) fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap()
    }

    /// The header of that name, ignoring case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// What a server does after sending its bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Close,
    Hold,
    /// Sends the content again and again.
    Repeat,
    /// Sends the content again and again, a byte at a time, each after this pause.
    Drip(Duration),
}

/// An answer, with its content's length unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    head: String,
    content: Vec<u8>,
    sent: usize,
    then: Then,
}

impl Reply {
    pub(crate) fn new(status: &str, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", content.len());
        Self { head, sent: content.len(), content, then: Then::Close }
    }

    /// Without Content-Length: the end of the connection ends the content.
    pub(crate) fn until_closed(content: impl Into<Vec<u8>>) -> Self {
        Self { head: "HTTP/1.1 200 OK\r\n".into(), ..Self::ok(content) }
    }

    /// `content` without end.
    pub(crate) fn endless(content: impl Into<Vec<u8>>) -> Self {
        Self { then: Then::Repeat, ..Self::until_closed(content) }
    }

    /// `content` without end, a byte at a time.
    pub(crate) fn dripping(content: impl Into<Vec<u8>>, pause: Duration) -> Self {
        Self { then: Then::Drip(pause), ..Self::until_closed(content) }
    }

    pub(crate) fn ok(content: impl Into<Vec<u8>>) -> Self {
        Self::new("200 OK", content)
    }

    /// The rest of `content`, from `start`.
    pub(crate) fn rest(content: &[u8], start: usize) -> Self {
        let range = format!("bytes {start}-{}/{}", content.len() - 1, content.len());
        Self::new("206 Partial Content", &content[start..]).with("Content-Range", &range)
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self::new("302 Found", "").with("Location", to)
    }

    pub(crate) fn with(mut self, header: &str, value: &str) -> Self {
        write!(self.head, "{header}: {value}\r\n").unwrap();
        self
    }

    /// Closes the connection after `sent` bytes of the content.
    pub(crate) fn cut(self, sent: usize) -> Self {
        Self { sent, ..self }
    }

    /// Sends `sent` bytes of the content, then hangs for as long as the server lives.
    pub(crate) fn stalled(self, sent: usize) -> Self {
        Self { sent, then: Then::Hold, ..self }
    }

    /// No answer at all.
    pub(crate) fn silence() -> Self {
        Self { head: String::new(), content: Vec::new(), sent: 0, then: Then::Hold }
    }
}

/// Answers until the test ends.
pub(crate) struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// `answer` gets the request and the number of requests before it.
    pub(crate) fn new(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Self {
        Self::after_handshake(|_| {}, answer)
    }

    /// Like [`Server::new`], with `handshake` before each request.
    pub(crate) fn after_handshake(
        handshake: impl Fn(&mut TcpStream) + Send + 'static,
        answer: impl Fn(&Request, usize) -> Reply + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                handshake(&mut stream);
                let request = read(&stream);
                let before = kept.lock().unwrap().len();
                kept.lock().unwrap().push(request.clone());
                let reply = answer(&request, before);
                send(&mut stream, &reply);
                if reply.then == Then::Hold {
                    held.push(stream);
                }
            }
        });
        Self { port, requests }
    }

    /// Like [`Server::new`], but each request has a thread of its own.
    pub(crate) fn concurrent(
        answer: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let request = read(&stream);
                    let before = {
                        let mut kept: std::sync::MutexGuard<Vec<Request>> = kept.lock().unwrap();
                        kept.push(request.clone());
                        kept.len() - 1
                    };
                    let reply = answer(&request, before);
                    send(&mut stream, &reply);
                    if reply.then == Then::Hold {
                        // Until the client hangs up.
                        let _ = stream.read(&mut [0]);
                    }
                });
            }
        });
        Self { port, requests }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The request lines of all requests.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.line).collect()
    }
}

/// A port on which nothing listens.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn read(stream: &TcpStream) -> Request {
    // Anything that is not a request, such as a TLS greeting, has no lines.
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let line = lines.next().unwrap_or_default();
    Request { line, headers: lines.take_while(|line| !line.is_empty()).collect() }
}

fn send(stream: &mut TcpStream, reply: &Reply) {
    if reply.head.is_empty() {
        return;
    }
    // A client that has hung up has all it wanted.
    let _ = stream
        .write_all(format!("{}Connection: close\r\n\r\n", reply.head).as_bytes())
        .and_then(|()| stream.write_all(&reply.content[..reply.sent]));
    match reply.then {
        Then::Close | Then::Hold => {}
        Then::Repeat => while stream.write_all(&reply.content).is_ok() {},
        Then::Drip(pause) => {
            for byte in reply.content.iter().cycle() {
                std::thread::sleep(pause);
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        }
    }
}

/// The server's side of SOCKS 5 without a password. Returns the requested host.
pub(crate) fn socks5(stream: &mut TcpStream) -> String {
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    };
    let methods = take(2)[1];
    take(methods.into());
    stream.write_all(&[5, 0]).unwrap();
    let mut take = |count: usize| {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    };
    let length = take(5)[4];
    let host = take(length.into());
    take(2);
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    String::from_utf8(host).unwrap()
}
