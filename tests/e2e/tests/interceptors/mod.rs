//! Interceptors: code around calls, on either end, for all four kinds.

mod alone;
mod attached;
mod halves;
mod held_back;
mod immediate;
mod kinds;
mod messages;
mod order;
mod repeated;
mod server;

use bytes::Bytes;
use farcall_net::{
    Channel, Request, Response, Sender, Status, Streaming,
    interceptor::{Call, Interceptor, Next, Outcome},
};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{SimulatedStub, StubServer, calls},
};
use std::sync::{Arc, Mutex};

/// What happened, in order.
#[derive(Clone, Debug, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Notes when a call comes and how it goes.
struct Noting {
    name: &'static str,
    diary: Diary,
}

impl Interceptor for Noting {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        self.diary
            .note(format!("{} {}", self.name, call.method().name()));
        let outcome = next.run(call).await;
        self.diary.note(match &outcome {
            Ok(_) => format!("{} OK", self.name),
            Err(status) => format!("{} {}", self.name, status.code()),
        });
        outcome
    }
}

/// Lets a closure look at the call on its way.
struct Before<F>(F);

impl<F: Fn(&mut Call) -> Result<(), Status> + Send + Sync + 'static> Interceptor for Before<F> {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        (self.0)(call)?;
        next.run(call).await
    }
}

/// A closure, with the types that the compiler does not find alone.
fn before<F: Fn(&mut Call) -> Result<(), Status> + Send + Sync + 'static>(look: F) -> Before<F> {
    Before(look)
}

/// Lets a closure look at the outcome.
struct After<F>(F);

impl<F: Fn(Outcome) -> Outcome + Send + Sync + 'static> Interceptor for After<F> {
    async fn intercept(&self, call: &mut Call, next: Next<'_>) -> Outcome {
        (self.0)(next.run(call).await)
    }
}

/// All four kinds: each answers with what it was sent, joined or one by one, and with the value of `x-in` as `x-out`. A message
/// `fail` is answered with `ABORTED`.
fn echo() -> StubServer {
    StubServer::unary("/t.T/Unary", |request: Request<Bytes>| async move {
        fail(&request)?;
        let mut response = Response::new((*request).clone());
        copy(request.metadata(), response.metadata_mut());
        Ok(response)
    })
    .and(StubServer::client_streaming(
        "/t.T/Join",
        |mut request: Request<Streaming<Bytes>>| async move {
            let mut all = Vec::new();
            while let Some(message) = request.message().await? {
                fail(&message)?;
                all.extend_from_slice(&message);
            }
            let mut response = Response::new(Bytes::from(all));
            copy(request.metadata(), response.metadata_mut());
            Ok(response)
        },
    ))
    .and(StubServer::server_streaming(
        "/t.T/Split",
        |request: Request<Bytes>, replies: &mut Sender<Bytes>| {
            Box::pin(async move {
                copy(request.metadata(), replies.metadata_mut());
                fail(&request)?;
                for byte in request.iter() {
                    replies.send(Bytes::copy_from_slice(&[*byte])).await?;
                }
                replies.trailers_mut().insert("x-end", "split");
                Ok(())
            })
        },
    ))
    .and(StubServer::bidi(
        "/t.T/Chat",
        |mut request: Request<Streaming<Bytes>>, replies: &mut Sender<Bytes>| {
            Box::pin(async move {
                copy(request.metadata(), replies.metadata_mut());
                while let Some(message) = request.message().await? {
                    fail(&message)?;
                    replies.send(message).await?;
                }
                replies.trailers_mut().insert("x-end", "chat");
                Ok(())
            })
        },
    ))
}

fn fail(message: &Bytes) -> Result<(), Status> {
    match &message[..] {
        b"fail" => Err(Status::aborted("as asked")),
        _ => Ok(()),
    }
}

fn copy(from: &farcall_net::Metadata, to: &mut farcall_net::Metadata) {
    for value in from.get_all("x-in") {
        to.append("x-out", value);
    }
}

fn simulated(server: StubServer) -> SimulatedStub {
    server.simulated(1, NetConfig::default())
}

/// What a call of any kind gives: the replies joined, the values of `x-out`.
struct Replied {
    text: String,
    out: Vec<String>,
    end: Option<String>,
}

const PATHS: [&str; 4] = ["/t.T/Unary", "/t.T/Join", "/t.T/Split", "/t.T/Chat"];

/// Calls a method of [`echo`] of any kind with `text`.
async fn call(channel: &Channel, path: &'static str, text: &str) -> Result<Replied, Status> {
    let text = Bytes::copy_from_slice(text.as_bytes());
    match path {
        "/t.T/Unary" => calls::unary(channel, path, text).await.map(replied),
        "/t.T/Join" => {
            let (mut requests, response) = calls::client_streaming(channel, path).split();
            // The call may be over already; then the response says why.
            let _ = requests.send(text).await;
            requests.half_close();
            response.await.map(replied)
        }
        "/t.T/Split" => {
            let mut replies = calls::server_streaming(channel, path, text).await?;
            all(&mut replies).await
        }
        _ => {
            let (mut requests, mut replies) = calls::bidi(channel, path).split();
            let _ = requests.send(text).await;
            requests.half_close();
            all(&mut replies).await
        }
    }
}

fn replied(response: Response<Bytes>) -> Replied {
    Replied {
        out: values(response.metadata(), "x-out"),
        end: response.trailers().get("x-end").map(str::to_owned),
        text: String::from_utf8(response.into_inner().into()).unwrap(),
    }
}

async fn all(replies: &mut Streaming<Bytes>) -> Result<Replied, Status> {
    let out = values(replies.metadata().await?, "x-out");
    let mut text = Vec::new();
    while let Some(reply) = replies.message().await? {
        text.extend_from_slice(&reply);
    }
    let end = replies
        .trailers()
        .and_then(|trailers| trailers.get("x-end"));
    Ok(Replied {
        text: String::from_utf8(text).unwrap(),
        out,
        end: end.map(str::to_owned),
    })
}

fn values(metadata: &farcall_net::Metadata, key: &str) -> Vec<String> {
    metadata.get_all(key).map(str::to_owned).collect()
}
