//! Sockets of virtual machines (vsock(7)), which tokio does not have of its own. In its hands they are Unix sockets: descriptors to wait for,
//! to read from and to write to. What else can be asked of a socket, the system is asked past it.

use crate::peer::SocketAddress;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use std::{
    io,
    os::{fd::OwnedFd, unix::net},
    task::{Context, Poll, ready},
};
use tokio::{io::Interest, net::UnixStream};

/// One that listens, for a runtime to wait on.
pub(crate) struct VsockListener(UnixStream);

/// One that listens, not to be waited on yet. The greatest number of a port lets the system choose (VMADDR_PORT_ANY).
pub(super) fn listen(cid: u32, port: u32, backlog: i32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::VSOCK, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::vsock(cid, port))?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// This end of a socket.
pub(super) fn local_address(socket: &Socket) -> io::Result<SocketAddress> {
    Ok(address(&socket.local_addr()?))
}

fn address(address: &SockAddr) -> SocketAddress {
    match address.as_vsock_address() {
        Some((cid, port)) => SocketAddress::Vsock { cid, port },
        None => SocketAddress::Other("vsock".into()),
    }
}

impl VsockListener {
    /// Waits in the runtime that this is called in.
    pub(super) fn new(socket: Socket) -> io::Result<VsockListener> {
        Ok(VsockListener(for_tokio(socket)?))
    }

    /// Outside of any runtime again.
    pub(super) fn into_socket(self) -> io::Result<Socket> {
        Ok(Socket::from(OwnedFd::from(self.0.into_std()?)))
    }

    #[cfg(test)]
    pub(super) fn local_address(&self) -> io::Result<SocketAddress> {
        local_address(&SockRef::from(&self.0))
    }

    /// The next connection, with its two ends: the peer's and ours.
    pub(super) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixStream, SocketAddress, SocketAddress)>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            let accept = || SockRef::from(&self.0).accept();
            match self.0.try_io(Interest::READABLE, accept) {
                Ok((socket, remote)) => {
                    return Poll::Ready(prepare(socket, &remote).map_err(lost));
                }
                // It is remembered that nobody is there, and the next look waits.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

fn for_tokio(socket: Socket) -> io::Result<UnixStream> {
    UnixStream::from_std(net::UnixStream::from(OwnedFd::from(socket)))
}

fn prepare(
    socket: Socket,
    remote: &SockAddr,
) -> io::Result<(UnixStream, SocketAddress, SocketAddress)> {
    socket.set_nonblocking(true)?;
    let local = local_address(&socket)?;
    Ok((for_tokio(socket)?, address(remote), local))
}

/// A socket that cannot be set up has lost its peer meanwhile: the listener is well.
fn lost(error: io::Error) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Another kind of socket in the same hands, as machines without virtual ones beside them cannot connect to themselves.
    #[tokio::test]
    async fn what_is_accepted_carries_octets_both_ways_and_ends() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).unwrap();
        socket.listen(8).unwrap();
        let target = socket.local_addr().unwrap().as_socket().unwrap();
        let listener = VsockListener::new(socket).unwrap();
        for _ in 0..3 {
            let near = tokio::spawn(async move {
                let mut near = tokio::net::TcpStream::connect(target).await.unwrap();
                near.write_all(b"there").await.unwrap();
                near.shutdown().await.unwrap();
                let mut text = String::new();
                near.read_to_string(&mut text).await.unwrap();
                text
            });
            let accepted = poll_fn(|cx| listener.poll_accept(cx)).await;
            let (mut far, remote, _) = accepted.unwrap();
            assert_eq!(remote, SocketAddress::Other("vsock".into()));
            let mut text = String::new();
            far.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "there");
            far.write_all(b"back").await.unwrap();
            drop(far);
            assert_eq!(near.await.unwrap(), "back");
        }
    }

    #[test]
    fn addresses_are_read_from_the_systems_form() {
        let socket = SockAddr::vsock(2, 50051);
        assert_eq!(
            address(&socket),
            SocketAddress::Vsock {
                cid: 2,
                port: 50051
            }
        );
    }
}
