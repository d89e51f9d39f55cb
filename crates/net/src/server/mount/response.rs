//! The response of a mounted server.

use super::{
    call::MountedCall,
    head,
    outlet::{Beginning, Outlet, Piece},
};
use bytes::Bytes;
use farcall_core::{Status, call::HeaderList, call::server::Rejection};
use http::{HeaderMap, Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use std::{
    convert::Infallible,
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// The future of a response, see [`HttpService`](super::HttpService).
///
/// # Cancel safety
/// Dropping it cancels the call.
///
/// ```
/// use farcall::{Server, server::ResponseFuture};
/// use tower_service::Service;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut service = Server::builder().into_service()?;
/// let request = http::Request::post("/a.B/C").version(http::Version::HTTP_2).header("content-type", "application/grpc");
/// let response: ResponseFuture = service.call(request.body(String::new())?);
/// assert_eq!(response.await?.headers()["grpc-status"], "12"); // UNIMPLEMENTED
/// # Ok(()) }
/// ```
pub struct ResponseFuture {
    state: State,
}

enum State {
    Answer(Option<Response<ResponseBody>>),
    Call(Option<Box<MountedCall>>),
}

impl ResponseFuture {
    pub(super) fn call(call: MountedCall) -> ResponseFuture {
        let state = State::Call(Some(Box::new(call)));
        ResponseFuture { state }
    }

    /// A status alone.
    pub(super) fn refuse(trailers: &HeaderList) -> ResponseFuture {
        let response = response(trailers, ResponseBody::empty());
        let state = State::Answer(Some(response));
        ResponseFuture { state }
    }

    /// The answer to what is not a request of gRPC's.
    pub(super) fn reject(rejection: &Rejection) -> ResponseFuture {
        let fields = rejection.head();
        let body = rejection
            .body()
            .map_or_else(ResponseBody::empty, ResponseBody::text);
        let mut response = Response::new(body);
        *response.status_mut() = head::status(fields.iter());
        *response.headers_mut() = head::map(fields.iter());
        let state = State::Answer(Some(response));
        ResponseFuture { state }
    }

    /// The answer to a request over a version of HTTP that gRPC does not work with.
    pub(super) fn wrong_version() -> ResponseFuture {
        let text = "gRPC needs HTTP/2\n";
        let mut response = Response::new(ResponseBody::text(Bytes::from_static(text.as_bytes())));
        *response.status_mut() = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
        let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        let state = State::Answer(Some(response));
        ResponseFuture { state }
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<ResponseBody>, Infallible>;

    /// # Panics
    /// After it was ready; or outside a tokio runtime.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let slot = match &mut self.state {
            State::Answer(answer) => {
                let answer = answer.take().expect("polled after it was ready");
                return Poll::Ready(Ok(answer));
            }
            State::Call(call) => call,
        };
        let call = slot.as_mut().expect("polled after it was ready");
        let over = Pin::new(&mut **call).poll(cx).is_ready();
        let outlet = Arc::clone(call.outlet());
        let beginning = ready!(outlet.poll_head(cx));
        let call = slot.take();
        Poll::Ready(Ok(match beginning {
            Beginning::Only(trailers) => response(&trailers, ResponseBody::empty()),
            Beginning::Head(head) => {
                if let Some(call) = call
                    && !over
                {
                    // HTTP polls a body only when there is room for more of it; the request must be read in any case.
                    tokio::spawn(call);
                }
                response(&head, ResponseBody::of(outlet))
            }
        }))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

fn response(list: &HeaderList, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = head::status(list.fields());
    *response.headers_mut() = head::map(list.fields());
    response
}

/// The body of a response of an [`HttpService`](super::HttpService): messages, then trailers. It never fails: what goes wrong is
/// the status in the trailers. Dropping it before its end cancels the call.
///
/// ```
/// use farcall::{Server, server::ResponseBody};
/// use http_body::Body;
/// use std::{future::poll_fn, pin::pin};
/// use tower_service::Service;
/// # use farcall_examples::{greeter::MyGreeter, hello::GreeterServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut service = Server::builder().add_service(GreeterServer::new(MyGreeter)).into_service()?;
/// let request = http::Request::post("/hello.Greeter/SayHello").version(http::Version::HTTP_2);
/// let request = request.header("content-type", "application/grpc");
/// // A message of five octets, without compression: the field 1, "Ada".
/// let request = request.body("\0\0\0\0\x05\x0a\x03Ada".to_owned())?;
/// let body: ResponseBody = service.call(request).await?.into_body();
///
/// let mut body = pin!(body);
/// let message = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.expect("a message")?;
/// assert!(message.into_data().expect("data").ends_with(b"Hello, Ada!"));
/// let end = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.expect("trailers")?;
/// assert_eq!(end.into_trailers().expect("trailers")["grpc-status"], "0");
/// # Ok(()) }
/// ```
pub struct ResponseBody {
    rest: Rest,
}

enum Rest {
    Messages(Arc<Outlet>),
    Text(Bytes),
    Nothing,
}

impl ResponseBody {
    fn of(outlet: Arc<Outlet>) -> ResponseBody {
        let rest = Rest::Messages(outlet);
        ResponseBody { rest }
    }

    fn text(text: Bytes) -> ResponseBody {
        let rest = Rest::Text(text);
        ResponseBody { rest }
    }

    fn empty() -> ResponseBody {
        let rest = Rest::Nothing;
        ResponseBody { rest }
    }

    fn trailers(&mut self, trailers: &HeaderList) -> HeaderMap {
        self.rest = Rest::Nothing;
        head::map(trailers.fields())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match &mut self.rest {
            Rest::Messages(outlet) => match ready!(outlet.poll_piece(cx)) {
                Piece::Data(data) => Frame::data(data),
                Piece::Trailers(trailers) => Frame::trailers(self.trailers(&trailers)),
            },
            Rest::Text(text) => {
                let text = mem::take(text);
                self.rest = Rest::Nothing;
                Frame::data(text)
            }
            Rest::Nothing => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.rest, Rest::Nothing)
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Rest::Messages(outlet) = &self.rest {
            outlet.abandon();
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseBody")
    }
}

/// A status for a call that no handler gets to see.
pub(super) fn failure(
    head: &farcall_core::call::server::RequestHead,
    status: Status,
) -> ResponseFuture {
    let none = farcall_core::Metadata::new();
    ResponseFuture::refuse(&crate::call::Reply::failure(head, status, &none).trailers)
}
