//! A module server that fails in every way in which one can.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};
use tokio::net::TcpSocket;

/// What a server does with a request.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// It answers with a module.
    Module(Vec<u8>),
    /// It answers that there is none.
    NotFound,
    /// It breaks the connection off in the middle of a module.
    Truncated(Vec<u8>),
    /// It takes the request and says nothing.
    Silent,
}

/// An address on which nothing listens yet: connections are refused.
#[derive(Debug)]
pub struct Reserved {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Reserved {
    /// Takes a free port.
    ///
    /// # Panics
    /// When the machine has none.
    #[must_use]
    pub fn port() -> Reserved {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .expect("a free port");
        let address = socket.local_addr().expect("an address");
        Reserved { socket, address }
    }

    /// Where nothing listens yet.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to listen and to answer.
    ///
    /// # Panics
    /// When the machine has no thread left.
    #[must_use]
    pub fn serve(self, behaviour: Behaviour) -> ModuleServer {
        // Only the runtime's reactor, which `listen` needs, and not its threads.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build();
        let runtime = runtime.expect("a runtime");
        let guard = runtime.enter();
        let listener = self
            .socket
            .listen(128)
            .and_then(tokio::net::TcpListener::into_std);
        drop(guard);
        let listener = listener.expect("a listener");
        listener
            .set_nonblocking(false)
            .expect("a blocking listener");
        ModuleServer::start(listener, self.address, behaviour)
    }
}

/// A server of one module. It ends with the value.
#[derive(Debug)]
pub struct ModuleServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Behaviour,
    requests: AtomicUsize,
    is_ending: AtomicBool,
}

impl ModuleServer {
    fn start(listener: TcpListener, address: SocketAddr, behaviour: Behaviour) -> ModuleServer {
        let (requests, is_ending) = (AtomicUsize::new(0), AtomicBool::new(false));
        let shared = Arc::new(Shared {
            behaviour,
            requests,
            is_ending,
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || of_thread.serve(&listener));
        ModuleServer {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have come.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }
}

impl Drop for ModuleServer {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::SeqCst);
        // The connection only wakes the thread up. When it fails, so has the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            // A panic in the thread was already printed where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, listener: &TcpListener) {
        // Connections on which nothing is said have to stay open.
        let mut silent = Vec::new();
        for stream in listener.incoming().flatten() {
            if self.is_ending.load(Ordering::SeqCst) {
                return;
            }
            self.requests.fetch_add(1, Ordering::SeqCst);
            // A client that breaks off shows in what Envoy does.
            if let Ok(Some(stream)) = self.answer(stream) {
                silent.push(stream);
            }
        }
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<Option<TcpStream>> {
        let mut received = Vec::new();
        while !received.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet)?;
            received.push(octet[0]);
        }
        let (status, length, body) = match &self.behaviour {
            Behaviour::Module(module) => ("200 OK", module.len(), &module[..]),
            Behaviour::Truncated(module) => ("200 OK", module.len(), &module[..module.len() / 2]),
            Behaviour::NotFound => ("404 Not Found", 0, &b""[..]),
            Behaviour::Silent => return Ok(Some(stream)),
        };
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        Ok(None)
    }
}
