//! Listening sockets that no runtime waits on yet.

#[cfg(unix)]
use super::bind::unix::SocketFile;
use super::bind::{BindError, Listening, tcp_socket};
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::vsock::{self, VsockListener};
use crate::peer::SocketAddress;
use std::io;

/// A socket that listens, to be handed to a runtime by [`Listener::from_socket`](super::Listener::from_socket).
pub(crate) enum Socket {
    Tcp(std::net::TcpListener),
    /// Made by somebody else.
    Given(std::net::TcpListener),
    #[cfg(unix)]
    Unix {
        listener: std::os::unix::net::UnixListener,
        address: SocketAddress,
        /// Kept for its drop; only the first of several has it.
        file: Option<SocketFile>,
    },
    #[cfg(any(target_os = "linux", target_os = "android"))]
    Vsock(socket2::Socket),
}

impl Socket {
    /// Listens at `address`, which [`another`](Socket::another) may share, if `shared`. An address in use is an error as always, though
    /// the sockets themselves would share it with those of another process.
    pub(crate) async fn bind(address: &str, shared: bool) -> Result<Socket, BindError> {
        let fault = |cause| BindError::new(address, cause);
        Ok(match Listening::bind(address, shared).await? {
            Listening::Tcp(listener) => Socket::Tcp(listener.into_std().map_err(fault)?),
            #[cfg(unix)]
            Listening::Unix {
                listener,
                address: local,
                file,
            } => Socket::Unix {
                listener: listener.into_std().map_err(fault)?,
                address: local,
                file,
            },
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Listening::Vsock(listener) => Socket::Vsock(listener.into_socket().map_err(fault)?),
        })
    }

    /// A socket that the user has made.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn given(listener: std::net::TcpListener) -> io::Result<Socket> {
        listener.set_nonblocking(true)?;
        Ok(Socket::Given(listener))
    }

    /// The same of a Unix socket, whose file stays the user's.
    ///
    /// # Errors
    /// The system's.
    #[cfg(unix)]
    pub(crate) fn given_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Socket> {
        listener.set_nonblocking(true)?;
        Ok(Socket::Unix {
            address: listener.local_addr()?.into(),
            listener,
            file: None,
        })
    }

    pub(crate) fn local_address(&self) -> io::Result<SocketAddress> {
        match self {
            Socket::Tcp(listener) | Socket::Given(listener) => Ok(listener.local_addr()?.into()),
            #[cfg(unix)]
            Socket::Unix { address, .. } => Ok(address.clone()),
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Socket::Vsock(socket) => vsock::local_address(socket),
        }
    }

    /// A second socket at the same address. On Linux and Android TCP connections are spread over them by the system
    /// (SO_REUSEPORT, by a hash of the addresses); elsewhere, and of other kinds of socket, it is a handle to the same queue, and
    /// whoever comes first gets a connection.
    pub(crate) fn another(&self) -> io::Result<Socket> {
        Ok(match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Socket::Tcp(listener) => Socket::Tcp(tcp_socket(listener.local_addr()?, true)?.into()),
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            Socket::Tcp(listener) => Socket::Tcp(listener.try_clone()?),
            Socket::Given(listener) => Socket::Given(listener.try_clone()?),
            #[cfg(unix)]
            Socket::Unix {
                listener, address, ..
            } => Socket::Unix {
                listener: listener.try_clone()?,
                address: address.clone(),
                file: None,
            },
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Socket::Vsock(socket) => Socket::Vsock(socket.try_clone()?),
        })
    }

    pub(super) fn into_listening(self) -> io::Result<Listening> {
        Ok(match self {
            Socket::Tcp(listener) | Socket::Given(listener) => {
                Listening::Tcp(tokio::net::TcpListener::from_std(listener)?)
            }
            #[cfg(unix)]
            Socket::Unix {
                listener,
                address,
                file,
            } => Listening::Unix {
                listener: tokio::net::UnixListener::from_std(listener)?,
                address,
                file,
            },
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Socket::Vsock(socket) => Listening::Vsock(VsockListener::new(socket)?),
        })
    }
}
