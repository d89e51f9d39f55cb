//! The sending half of a stream of messages.

use super::{
    arrival::{Accepted, IncomingCall},
    encoding::Encoding,
    hooks::{HeadHooks, MessageHooks},
    intercept::{Gate, Link},
    payload::Payload,
    reply::{self, Open, Reply},
};
use crate::transport::{
    Mailbox,
    mailbox::{Finish, Head, Interest, Outgoing},
};
use bytes::Bytes;
use farcall_core::{
    Code, Codec, Metadata, Status,
    message::{Compressor, append_message, encode_message},
};
use farcall_http2::Reason;
use futures_core::Stream;
use std::{
    cell::Cell,
    fmt,
    future::poll_fn,
    mem,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

// Codecs are mostly values without a size: boxing such a closure allocates nothing.
type Encode<T> = Box<
    dyn Fn(&T, Option<&dyn Compressor>, usize, &mut Vec<u8>) -> Result<Encoded, Status>
        + Send
        + Sync,
>;

/// Messages up to this size are copied together.
const SMALL: usize = 4 << 10;

/// Where an encoded message is.
enum Encoded {
    /// In the scratch buffer.
    Short,
    Long(Bytes),
}

impl Encoded {
    #[inline]
    fn len(&self, scratch: &[u8]) -> usize {
        match self {
            Encoded::Short => scratch.len(),
            Encoded::Long(data) => data.len(),
        }
    }
}

thread_local! {
    /// Holds a short message until it is copied to its stream.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Sends a stream of messages: requests on a client, replies on a server.
///
/// Messages travel in order and are gathered: one `send` is not one packet. A sender that is faster than the
/// receiver waits in [`send`](Sender::send) once 64 KiB are on their way.
///
/// On a client the stream must be ended by [`half_close`](Sender::half_close): *dropping a sender that is not
/// half-closed cancels the call*, so that a truncated upload never looks complete. On a server the handler's
/// result ends the stream.
///
/// # Examples
///
/// On a client:
///
/// ```
/// # use farcall_examples::{hello::HelloRequest, local};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::greeter().await?;
/// let (mut names, reply) = client.say_hello_to_all().split();
/// for name in ["Ada", "Grace"] {
///     names.send(HelloRequest { name: name.into() }).await?;
/// }
/// names.half_close();
/// assert_eq!(reply.await?.message, "Hello, Ada, Grace!");
/// # Ok(()) }
/// ```
///
/// On a server:
///
/// ```
/// use farcall::{Request, Sender, Status};
/// # use farcall_examples::{hello::{Greeter, HelloReply, HelloRequest}, local};
/// # struct MyGreeter;
/// # impl Greeter for MyGreeter {
///
/// async fn say_hello_in_every_language(
///     &self,
///     request: Request<HelloRequest>,
///     replies: &mut Sender<HelloReply>,
/// ) -> Result<(), Status> {
///     replies.metadata_mut().insert("languages", "2"); // before the first reply
///     for hello in ["Hello", "Bonjour"] {
///         replies.send(HelloReply { message: format!("{hello}, {}!", request.name) }).await?;
///     }
///     replies.trailers_mut().insert("cost", "2");
///     Ok(()) // the end of the stream; an error here would be its status
/// }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = local::serve(MyGreeter).await?;
/// # let mut replies = client.say_hello_in_every_language(HelloRequest::default()).await?;
/// # assert_eq!(replies.metadata().await?.get("languages"), Some("2"));
/// # while replies.message().await?.is_some() {}
/// # assert_eq!(replies.trailers().unwrap().get("cost"), Some("2"));
/// # Ok(()) }
/// ```
pub struct Sender<T> {
    mailbox: Arc<Mailbox>,
    encode: Encode<T>,
    /// What compressed messages are compressed with, if any.
    compressor: Option<Arc<dyn Compressor>>,
    /// Whether messages are compressed from now on.
    compress: bool,
    /// Largest message, in bytes.
    limit: usize,
    /// Bytes that may go before the mailbox has to be asked again whether there is room. Only this sender fills it.
    room: usize,
    metadata: Metadata,
    trailers: Metadata,
    side: Side,
    /// Boxed: most calls have none.
    watched: Option<Box<Watched>>,
}

/// What interceptors have to do with it.
#[derive(Default)]
struct Watched {
    /// (client) Until the call has been started.
    gate: Option<Gate>,
    messages: MessageHooks,
    heads: HeadHooks,
    /// (server) They look at the outcome before it is put into the form of the wire.
    open: bool,
}

enum Side {
    Client {
        half_closed: bool,
    },
    Server {
        accepted: Arc<Accepted>,
        head_sent: bool,
    },
}

impl<T> Sender<T> {
    pub(crate) fn of_client<C: Codec<T> + Clone>(
        codec: &C,
        mailbox: Arc<Mailbox>,
        compressor: Option<Arc<dyn Compressor>>,
        limit: usize,
    ) -> Self {
        Sender::new(
            codec,
            mailbox,
            compressor,
            limit,
            Side::Client { half_closed: false },
        )
    }

    /// Of a call that interceptors may hold back.
    pub(crate) fn of_link<C: Codec<T> + Clone>(
        codec: &C,
        link: &Arc<Link>,
        compressor: Option<Arc<dyn Compressor>>,
        limit: usize,
    ) -> Self {
        let none = Mailbox::new(None, Interest::Any, Outgoing::default(), None);
        let mut sender = Sender::of_client(codec, none, compressor, limit);
        sender.watched = Some(Box::new(Watched {
            gate: Some(Gate::new(link)),
            ..Watched::default()
        }));
        // Mostly they do not: then it is a sender like any other.
        let _ = sender.poll_gate(&mut Context::from_waker(Waker::noop()));
        sender
    }

    pub(crate) fn of_server<C: Codec<T> + Clone>(codec: &C, call: &mut IncomingCall) -> Self {
        let accepted = Arc::clone(&call.arrival.accepted);
        let compressor = reply::compressor(&accepted, None);
        let limit = accepted.limits.send;
        let side = Side::Server {
            accepted,
            head_sent: false,
        };
        let mailbox = Arc::clone(call.arrival.context.mailbox());
        let mut sender = Sender::new(codec, mailbox, compressor, limit, side);
        if call.arrival.accepted.open {
            let watch = call.changed.as_mut().map(|changed| &mut changed.watch);
            let (messages, heads) = watch
                .map(|watch| (mem::take(&mut watch.responses), mem::take(&mut watch.heads)))
                .unwrap_or_default();
            sender.watched = Some(Box::new(Watched {
                gate: None,
                messages,
                heads,
                open: true,
            }));
        }
        sender
    }

    fn new<C: Codec<T> + Clone>(
        codec: &C,
        mailbox: Arc<Mailbox>,
        compressor: Option<Arc<dyn Compressor>>,
        limit: usize,
        side: Side,
    ) -> Self {
        let codec = codec.clone();
        Sender {
            mailbox,
            encode: Box::new(move |message, compressor, limit, scratch| {
                if compressor.is_some() || codec.size_hint(message) > SMALL {
                    return encode_message(&codec, message, compressor, limit).map(Encoded::Long);
                }
                append_message(&codec, message, limit, scratch)?;
                Ok(if scratch.len() <= SMALL {
                    Encoded::Short
                } else {
                    Encoded::Long(mem::take(scratch).into())
                })
            }),
            compress: compressor.is_some(),
            compressor,
            limit,
            room: 0,
            metadata: Metadata::new(),
            trailers: Metadata::new(),
            side,
            watched: None,
        }
    }

    /// Sends one message: waits until there is room, then hands it over. It is on its way, not delivered, when this returns.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if the message is larger than the limit for sending. On a server `CANCELLED` once the
    /// caller is gone. On a client `UNAVAILABLE` once the stream has ended: the call's own status is at the receiving half.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the future has sent nothing.
    pub async fn send(&mut self, message: T) -> Result<(), Status> {
        if self.watched.is_some() {
            poll_fn(|cx| self.poll_gate(cx)).await?;
        }
        if self.room == 0 {
            self.room = poll_fn(|cx| self.mailbox.poll_capacity(cx)).await;
        }
        self.pass(&message)
    }

    /// Hands a message over; there is room for it.
    fn pass(&mut self, message: &T) -> Result<(), Status> {
        let compressor = self.compressor.as_deref().filter(|_| self.compress);
        let limit = self.limit.min(self.mailbox.send_limit());
        let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
        scratch.clear();
        let encoded = match &mut self.watched {
            Some(watched) if !watched.messages.is_empty() => {
                let plain = (self.encode)(message, None, usize::MAX, &mut scratch)?;
                let shown = watched.show(plain, &scratch, compressor, limit);
                shown.inspect_err(|status| self.refuse(status))?
            }
            _ => (self.encode)(message, compressor, limit, &mut scratch)?,
        };
        let begun = match self.side {
            Side::Client { half_closed } => !half_closed,
            Side::Server { head_sent, .. } => head_sent,
        };
        let len = encoded.len(&scratch);
        let sent = match (begun, encoded) {
            (true, Encoded::Short) => {
                let copy = |outgoing: &mut Outgoing| outgoing.data.copy(&scratch);
                self.mailbox.send(len, copy)
            }
            (true, Encoded::Long(data)) => {
                let push = |outgoing: &mut Outgoing| outgoing.data.push(data);
                self.mailbox.send(len, push)
            }
            (false, encoded) => self.begin(encoded, &scratch)?,
        };
        self.room = self.room.saturating_sub(len);
        let _ = SCRATCH.try_with(|slot| slot.set(scratch));
        if sent { Ok(()) } else { Err(self.ended()) }
    }

    /// Hands the first message over, with what goes before it. False: the stream is over.
    #[cold]
    fn begin(&mut self, encoded: Encoded, scratch: &[u8]) -> Result<bool, Status> {
        let head = self.take_head()?;
        let len = encoded.len(scratch);
        Ok(self.mailbox.send(len, |outgoing| {
            if head.is_some() {
                outgoing.head = head;
            }
            match encoded {
                Encoded::Short => outgoing.data.copy(scratch),
                Encoded::Long(data) => outgoing.data.push(data),
            }
        }))
    }

    /// Sends every message of `messages` in order. A client still has to [`half_close`](Sender::half_close).
    ///
    /// # Errors
    /// As [`send`](Sender::send); what `messages` still has is not taken then.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, the future has sent some of the messages, and one that it has taken may be lost.
    pub async fn send_all(&mut self, messages: impl Stream<Item = T>) -> Result<(), Status> {
        let mut messages = std::pin::pin!(messages);
        while let Some(message) = poll_fn(|cx| messages.as_mut().poll_next(cx)).await {
            self.send(message).await?;
        }
        Ok(())
    }

    /// Whether messages from now on are compressed, with the encoding that was chosen for the call. No effect
    /// if none was. Empty messages never are.
    pub fn compress(&mut self, on: bool) {
        self.compress = on && self.compressor.is_some();
    }

    /// (client) Ends the stream of requests. Nothing can be sent afterwards; on a server the handler's result does this.
    pub fn half_close(&mut self) {
        if let Side::Client { half_closed } = &mut self.side
            && !mem::replace(half_closed, true)
        {
            if let Some(gate) = self.gate() {
                return gate.half_close();
            }
            self.mailbox
                .send(0, |outgoing| outgoing.finish = Finish::HalfClose);
        }
    }

    /// Ends the call now with `CANCELLED`; the peer's handler or call ends too.
    pub fn cancel(&mut self) {
        let status = || Status::new(Code::Cancelled, "the call was cancelled");
        match self.gate() {
            Some(gate) => gate.cancel(status()),
            None => self.mailbox.cancel(Reason::CANCEL, status),
        }
    }

    /// (server) Chooses the encoding of the replies, before the first one. Identity if the caller does not accept it.
    pub fn set_compression(&mut self, encoding: Encoding) {
        if let Side::Server {
            accepted,
            head_sent: false,
        } = &self.side
        {
            self.compressor = reply::compressor(accepted, Some(encoding));
            self.compress = self.compressor.is_some();
        }
    }

    /// (server) The initial metadata, sent with the first reply or by [`send_metadata`](Sender::send_metadata);
    /// changes after that are lost. A client's metadata belongs to its call: what is put here is not sent.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// (server) The trailing metadata, sent with the status when the handler returns. Clients send no trailers.
    pub fn trailers_mut(&mut self) -> &mut Metadata {
        &mut self.trailers
    }

    /// (server) Sends the initial metadata now, before the first reply.
    ///
    /// # Errors
    /// `INTERNAL` if the metadata is invalid; `CANCELLED` once the caller is gone.
    pub fn send_metadata(&mut self) -> Result<(), Status> {
        let Some(head) = self.take_head()? else {
            return Ok(());
        };
        let sent = self.mailbox.send(0, |outgoing| outgoing.head = Some(head));
        if sent { Ok(()) } else { Err(self.ended()) }
    }

    /// The response head if it is still to be sent.
    fn take_head(&mut self) -> Result<Option<Head>, Status> {
        match &mut self.side {
            Side::Client { half_closed: false } => Ok(None),
            Side::Client { half_closed: true } => {
                Err(Status::internal("a message was sent after the half-close"))
            }
            Side::Server {
                accepted,
                head_sent,
            } if !*head_sent => {
                if let Some(watched) = &mut self.watched {
                    watched.heads.apply(&mut self.metadata);
                }
                let head = reply::head(accepted, self.compressor.as_deref(), &self.metadata)?;
                *head_sent = true;
                Ok(Some(Head::Response(head)))
            }
            Side::Server { .. } => Ok(None),
        }
    }

    /// (server) The end of the stream: the handler's result with whatever was not sent yet.
    pub(crate) fn conclude(mut self, result: Result<(), Status>) -> Reply {
        let trailers = mem::take(&mut self.trailers);
        let Side::Server {
            accepted,
            head_sent,
        } = &self.side
        else {
            return Reply::lost();
        };
        if let Some(watched) = &mut self.watched
            && watched.open
        {
            let mut metadata = mem::take(&mut self.metadata);
            if !*head_sent {
                watched.heads.apply(&mut metadata);
            }
            let encoding = self.compressor.as_deref().map(Encoding::of);
            let open = Open {
                result,
                metadata,
                trailers,
                compression: Some(encoding.unwrap_or_default()),
                head_sent: *head_sent,
            };
            return Reply::open(None, open);
        }
        let result = result.and_then(|()| Ok(trailers.check()?));
        if *head_sent {
            return Reply::trailers(None, result, &trailers);
        }
        let head = reply::head(accepted, self.compressor.as_deref(), &self.metadata);
        match result.and(head) {
            Ok(head) => Reply::trailers(Some(head), Ok(()), &trailers),
            Err(status) => Reply::failure(&accepted.head, status, &trailers),
        }
    }

    fn gate(&self) -> Option<&Gate> {
        self.watched.as_ref()?.gate.as_ref()
    }

    /// Waits until the interceptors have let the call go on.
    #[cold]
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        let Some(gate) = self.gate() else {
            return Poll::Ready(Ok(()));
        };
        let Some((opened, messages)) = ready!(gate.poll_open(cx)) else {
            return Poll::Ready(Err(self.ended()));
        };
        self.mailbox = opened.mailbox;
        self.room = 0;
        self.watched = (!messages.is_empty()).then(|| {
            Box::new(Watched {
                messages,
                ..Watched::default()
            })
        });
        Poll::Ready(Ok(()))
    }

    /// An interceptor does not let a message pass: on a client that ends the call.
    #[cold]
    fn refuse(&self, status: &Status) {
        if let Side::Client { .. } = self.side {
            self.mailbox.cancel(Reason::CANCEL, || status.clone());
        }
    }

    fn ended(&self) -> Status {
        match self.side {
            Side::Client { .. } => {
                Status::unavailable("the call has ended; its status is at the receiving half")
            }
            Side::Server { .. } => Status::cancelled("the caller is gone"),
        }
    }
}

impl Watched {
    /// Shows interceptors a message that was encoded, uncompressed; what they make of it is ready to be sent.
    fn show(
        &mut self,
        encoded: Encoded,
        scratch: &[u8],
        compressor: Option<&dyn Compressor>,
        limit: usize,
    ) -> Result<Encoded, Status> {
        let mut payload = Payload::prefixed(match encoded {
            Encoded::Short => Bytes::copy_from_slice(scratch),
            Encoded::Long(data) => data,
        });
        self.messages.apply(&mut payload)?;
        payload.into_wire(compressor, limit).map(Encoded::Long)
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Side::Client { half_closed: false } = self.side {
            let status = || {
                Status::cancelled(
                    "the sending half was dropped before half_close(): the upload is incomplete",
                )
            };
            match self.gate() {
                Some(gate) => gate.cancel(status()),
                None => self.mailbox.cancel(Reason::CANCEL, status),
            }
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
