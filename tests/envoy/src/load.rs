//! Calls without a pause, counted.

use farcall::Status;
use farcall_examples::hello::{GreeterClient, HelloRequest};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};
use tokio::task::JoinSet;

/// Eight callers of unary calls and four of short bidirectional streams, until they are told to stop.
pub(crate) struct Load {
    tasks: JoinSet<()>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    done: AtomicUsize,
    failed: Mutex<Vec<Status>>,
}

impl Load {
    pub(crate) fn start(clients: &[GreeterClient]) -> Load {
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for number in 0..12 {
            let client = clients[number % clients.len()].clone();
            let shared = Arc::clone(&shared);
            tasks.spawn(async move {
                while !shared.stop.load(Ordering::Relaxed) {
                    let outcome = match number {
                        0..8 => unary(&client).await,
                        _ => stream(&client).await,
                    };
                    match outcome {
                        Ok(()) => drop(shared.done.fetch_add(1, Ordering::Relaxed)),
                        Err(status) => shared.failed.lock().expect("nobody panics").push(status),
                    }
                }
            });
        }
        Load { tasks, shared }
    }

    /// Waits until so many more calls have ended well.
    pub(crate) async fn more(&self, calls: usize) {
        let until = self.done() + calls;
        while self.done() < until {
            crate::proxy::a_moment().await;
        }
    }

    fn done(&self) -> usize {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// How many calls there were.
    ///
    /// # Errors
    /// Calls failed.
    pub(crate) async fn stop(mut self) -> Result<usize, String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        let failed = self.shared.failed.lock().expect("nobody panics");
        match failed.first() {
            None => Ok(self.done()),
            Some(first) => Err(format!(
                "{} of {} calls failed, the first with {first:?}",
                failed.len(),
                self.done()
            )),
        }
    }
}

async fn unary(client: &GreeterClient) -> Result<(), Status> {
    client
        .say_hello(HelloRequest { name: "Ada".into() })
        .await
        .map(drop)
}

async fn stream(client: &GreeterClient) -> Result<(), Status> {
    let (mut names, mut replies) = client.say_hello_to_each().split();
    for _ in 0..20 {
        names.send(HelloRequest { name: "Ada".into() }).await?;
        replies
            .message()
            .await?
            .ok_or_else(|| Status::internal("the stream ends early"))?;
    }
    names.half_close();
    match replies.message().await? {
        None => Ok(()),
        Some(_) => Err(Status::internal("the stream goes on")),
    }
}
