//! What our servers do with calls that came through Envoy.

use farcall::{
    Request, Response, Sender, Status, Streaming,
    metadata::Value,
    status::rpc::{BadRequest, FieldViolation},
};
use farcall_examples::hello::{Greeter, HelloReply, HelloRequest};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

/// Of one backend.
#[derive(Clone, Default)]
pub(crate) struct Counters {
    /// Handlers that were entered.
    pub(crate) begun: Arc<AtomicUsize>,
    /// Handlers of the name "wait" that were dropped.
    pub(crate) dropped: Arc<AtomicUsize>,
}

/// Says hello, and what the name asks for: "wait" waits for ever, "deadline" tells how many milliseconds are left, an empty name is
/// refused with details, "big N" is answered with N bytes.
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) counters: Counters,
}

/// Counts when it is dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Greeter for Service {
    async fn say_hello(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<HelloReply>, Status> {
        self.counters.begun.fetch_add(1, Ordering::SeqCst);
        let message = match request.name.split_once(' ') {
            None if request.name.is_empty() => return Err(refusal()),
            None if request.name == "wait" => {
                let _dropped = Dropped(Arc::clone(&self.counters.dropped));
                std::future::pending().await
            }
            None if request.name == "deadline" => {
                let left = request.deadline().map(|deadline| deadline - Instant::now());
                left.map_or("none".to_owned(), |left| left.as_millis().to_string())
            }
            None if request.name == "who" => self.name.clone(),
            Some(("big", size)) => "x".repeat(size.parse().unwrap_or_default()),
            _ => format!("Hello, {}!", request.name),
        };
        let mut response = Response::new(HelloReply { message });
        for (key, value) in request
            .metadata()
            .iter()
            .filter(|(key, _)| key.starts_with("echo"))
        {
            match value {
                Value::Text(text) => {
                    response.metadata_mut().append(key, text);
                    response.trailers_mut().append(key, text);
                }
                Value::Binary(bytes) => {
                    response.metadata_mut().append(key, bytes.clone());
                    response.trailers_mut().append(key, bytes.clone());
                }
            }
        }
        Ok(response)
    }

    async fn say_hello_in_every_language(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        for word in ["Hello", "Bonjour", "Hallo"] {
            replies
                .send(HelloReply {
                    message: format!("{word}, {}!", request.name),
                })
                .await?;
        }
        match request.name.as_str() {
            "" => Err(refusal()),
            _ => Ok(()),
        }
    }

    async fn say_hello_to_all(
        &self,
        mut requests: Request<Streaming<HelloRequest>>,
    ) -> Result<Response<HelloReply>, Status> {
        let mut names = Vec::new();
        while let Some(request) = requests.message().await? {
            names.push(request.name);
        }
        Ok(HelloReply {
            message: format!("Hello, {}!", names.join(", ")),
        }
        .into())
    }

    async fn say_hello_to_each(
        &self,
        mut requests: Request<Streaming<HelloRequest>>,
        replies: &mut Sender<HelloReply>,
    ) -> Result<(), Status> {
        self.counters.begun.fetch_add(1, Ordering::SeqCst);
        while let Some(request) = requests.message().await? {
            replies
                .send(HelloReply {
                    message: format!("Hello, {}!", request.name),
                })
                .await?;
        }
        Ok(())
    }
}

/// With everything that a status can have.
fn refusal() -> Status {
    let violation = FieldViolation {
        field: "name".to_owned(),
        description: "must not be empty".to_owned(),
        ..FieldViolation::default()
    };
    let detail = BadRequest {
        field_violations: vec![violation],
    };
    let mut status = Status::invalid_argument("niemand da: 100 % ärgerlich").with_detail(detail);
    status.metadata_mut().insert("reason", "empty");
    status
}
