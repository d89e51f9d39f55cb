//! Calls as a caller makes them.

use crate::{mailbox::Mailbox, message, shape::Port};
use bytes::Bytes;
use farcall_http2::Fields;
use std::{future::poll_fn, io, sync::Arc, time::Instant};

/// One message there, one back: the bytes of the response.
///
/// # Errors
/// The connection was lost or the deadline has passed.
pub(crate) async fn unary(
    port: &Port,
    head: &Arc<Fields>,
    message: Bytes,
    now: Instant,
    deadline: Option<Instant>,
) -> io::Result<usize> {
    let mailbox = Mailbox::call(Arc::clone(head), deadline, true);
    mailbox.send(message, true);
    port.submit(now, Arc::clone(&mailbox)).await;
    let end = poll_fn(|cx| mailbox.poll_end(cx)).await;
    end.ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
}

/// A stream whose messages from the server all have the same size.
pub(crate) struct Stream {
    port: Port,
    mailbox: Arc<Mailbox>,
    /// Bytes of a message, its prefix included.
    size: usize,
    /// Bytes that have been read of messages not yet handed out.
    ahead: usize,
}

impl Stream {
    /// Opens a stream with its first message.
    pub(crate) async fn open(port: Port, head: &Arc<Fields>, message: Bytes) -> Stream {
        let mailbox = Mailbox::call(Arc::clone(head), None, false);
        let size = message::PREFIX + message::wanted(&message);
        mailbox.send(message, false);
        port.submit(Instant::now(), Arc::clone(&mailbox)).await;
        Stream {
            port,
            mailbox,
            size,
            ahead: 0,
        }
    }

    pub(crate) async fn send(&self, message: Bytes, now: Instant) {
        poll_fn(|cx| self.mailbox.poll_capacity(cx)).await;
        if self.mailbox.send(message, false) {
            self.port.submit(now, Arc::clone(&self.mailbox)).await;
        }
    }

    /// Waits for a message.
    ///
    /// # Errors
    /// The stream is over.
    pub(crate) async fn receive(&mut self) -> io::Result<()> {
        while self.ahead < self.size {
            let (bytes, tell) = poll_fn(|cx| self.mailbox.poll_receive(cx)).await;
            if bytes == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.ahead += bytes;
            if tell {
                let mailbox = Arc::clone(&self.mailbox);
                self.port.submit(Instant::now(), mailbox).await;
            }
        }
        self.ahead -= self.size;
        Ok(())
    }
}
