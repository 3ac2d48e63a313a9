//! Where the agent listens: a TCP port, or a Unix socket with a mode of its own.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `host:port`.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => formatter.write_str(address),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// Why the agent cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The system does not let it.
    #[error("cannot listen on {listen}: {cause}")]
    System {
        /// Where.
        listen: Listen,
        /// What the system says.
        cause: io::Error,
    },
    /// Somebody else listens there.
    #[error("cannot listen on {0}: another process listens there")]
    InUse(Listen),
    /// There is something else at the path, which is none of the agent's.
    #[error("cannot listen on {0}: there is a file that is no socket")]
    NoSocket(Listen),
}

/// A listening socket. A Unix socket is removed with the value, unless another one took its place.
#[derive(Debug)]
pub struct Socket {
    listener: Listener,
    listen: Listen,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        path: PathBuf,
        inode: u64,
    },
}

impl Socket {
    /// Listens. A stale Unix socket is replaced; `mode` is that of a Unix socket.
    pub async fn bind(listen: &Listen, mode: u32) -> Result<Self, ListenError> {
        let system = |cause| ListenError::System {
            listen: listen.clone(),
            cause,
        };
        let listener = match listen {
            Listen::Tcp(address) => {
                Listener::Tcp(TcpListener::bind(address).await.map_err(system)?)
            }
            Listen::Unix(path) => {
                make_way(path, listen).await?;
                bind_unix(path, mode).map_err(system)?
            }
        };
        Ok(Self {
            listener,
            listen: listen.clone(),
        })
    }

    /// Where it listens, with the port that was chosen.
    pub fn address(&self) -> String {
        match &self.listener {
            Listener::Tcp(listener) => listener
                .local_addr()
                .map_or_else(|_| self.listen.to_string(), |address| address.to_string()),
            Listener::Unix { .. } => self.listen.to_string(),
        }
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<Connection> {
        match &self.listener {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // An error means a little more latency.
                let _ = stream.set_nodelay(true);
                Ok(Connection::Tcp(stream))
            }
            Listener::Unix { listener, .. } => listener
                .accept()
                .await
                .map(|(stream, _)| Connection::Unix(stream)),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Listener::Unix { path, inode, .. } = &self.listener
            && fs::symlink_metadata(path).is_ok_and(|metadata| metadata.ino() == *inode)
        {
            // An error means that it is gone already.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes sure that what is at `path` may be replaced.
async fn make_way(path: &Path, listen: &Listen) -> Result<(), ListenError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(ListenError::NoSocket(listen.clone()))
        }
        // Only a refusal shows that nobody has the socket open: one that is busy, of another kind such as a log's, or
        // of another user may be at work.
        Ok(_) => match UnixStream::connect(path).await {
            Ok(_) => Err(ListenError::InUse(listen.clone())),
            Err(cause) => match cause.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Ok(()),
                _ => Err(ListenError::System {
                    listen: listen.clone(),
                    cause,
                }),
            },
        },
    }
}

/// Makes the socket beside its place, so that it is never there with another mode, and moves it there.
fn bind_unix(path: &Path, mode: u32) -> io::Result<Listener> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let _ = fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside)?;
    let placed = fs::set_permissions(&beside, fs::Permissions::from_mode(mode))
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| fs::symlink_metadata(path));
    let inode = match placed {
        Ok(metadata) => metadata.ino(),
        Err(error) => {
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
    };
    Ok(Listener::Unix {
        listener,
        path: path.to_owned(),
        inode,
    })
}

/// A connection of either kind.
#[derive(Debug)]
pub(super) enum Connection {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, octets),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
