//! One client: a channel, and workers that call on it one call after the other.

use crate::{
    directory::{Directory, Source},
    tally::{Shape, Tally},
    wire::{Places, Sent, Wire},
};
use farcall::{ConfigError, Status};
use farcall_interop::pb::{
    Payload, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest, TestServiceClient,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Of each call: longer than anything that happens here.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Messages of a stream.
const MESSAGES: usize = 5;

/// A client at work.
pub struct Client {
    /// What it writes.
    pub sent: Arc<Sent>,
    stop: Arc<AtomicBool>,
    workers: Vec<JoinHandle<Tally>>,
}

/// What clients do.
#[derive(Clone, Debug)]
pub struct Load {
    /// The service config of their channels.
    pub config: String,
    /// Calls at a time, of each client.
    pub workers: usize,
    /// Whether streams are among the calls.
    pub streams: bool,
    /// What a worker waits between its calls.
    pub pause: Duration,
}

impl Client {
    /// Starts its workers. `phase` says where results are counted.
    ///
    /// # Errors
    /// The service config is wrong.
    pub fn start(
        directory: &Directory,
        source: Source,
        places: &Arc<Places>,
        load: &Load,
        phase: &Arc<AtomicUsize>,
    ) -> Result<Client, ConfigError> {
        let sent = Arc::new(Sent::default());
        let wire = Wire {
            places: Arc::clone(places),
            sent: Arc::clone(&sent),
        };
        let builder = directory.channel(source).connector(wire);
        let channel = builder.default_service_config(&load.config).build()?;
        let stop = Arc::new(AtomicBool::new(false));
        let worker = |number| {
            let worker = Worker {
                client: TestServiceClient::new(channel.clone()),
                stop: Arc::clone(&stop),
                phase: Arc::clone(phase),
                load: load.clone(),
            };
            tokio::spawn(worker.run(number))
        };
        let workers = (0..load.workers).map(worker).collect();
        Ok(Client {
            sent,
            stop,
            workers,
        })
    }

    /// Lets the open calls end; what came of all of them.
    ///
    /// # Panics
    /// A worker has.
    pub async fn finish(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let mut tally = Tally::default();
        for worker in self.workers {
            tally.merge(worker.await.expect("workers do not panic"));
        }
        tally
    }
}

struct Worker {
    client: TestServiceClient,
    stop: Arc<AtomicBool>,
    phase: Arc<AtomicUsize>,
    load: Load,
}

impl Worker {
    async fn run(self, number: usize) -> Tally {
        let mut tally = Tally::default();
        let mut call = number;
        while !self.stop.load(Ordering::Relaxed) {
            let shape = match call % 10 {
                7 if self.load.streams => Shape::Replies,
                8 if self.load.streams => Shape::Requests,
                9 if self.load.streams => Shape::Both,
                _ => Shape::Unary,
            };
            let start = Instant::now();
            let mut committed = false;
            let outcome = match shape {
                Shape::Unary => self.unary(call).await,
                Shape::Replies => self.replies(&mut committed).await,
                Shape::Requests => self.requests().await,
                Shape::Both => self.both(&mut committed).await,
            };
            let phase = self.phase.load(Ordering::Relaxed);
            tally.add(phase, shape, start.elapsed(), committed, outcome);
            call += 1;
            match self.load.pause {
                // A failed call may have taken no time at all: others must have their turn.
                Duration::ZERO => tokio::task::yield_now().await,
                pause => tokio::time::sleep(pause).await,
            }
        }
        tally
    }

    async fn unary(&self, call: usize) -> Result<(), Status> {
        let size = if call % 20 == 3 { 20_000 } else { 100 };
        let request = SimpleRequest {
            response_size: size as i32,
            payload: payload(size),
            ..SimpleRequest::default()
        };
        let reply = self.client.unary_call(request).timeout(TIMEOUT).await?;
        check(size_of(&reply.payload) == size)
    }

    async fn replies(&self, committed: &mut bool) -> Result<(), Status> {
        let call = self.client.streaming_output_call(wanted(MESSAGES));
        let mut replies = call.timeout(TIMEOUT).await?;
        let mut count = 0;
        while let Some(reply) = replies.message().await? {
            *committed = true;
            count += 1;
            check(size_of(&reply.payload) == 100)?;
        }
        check(count == MESSAGES)
    }

    /// The response is the first that the client hears, so it is never too late to retry.
    async fn requests(&self) -> Result<(), Status> {
        let call = self.client.streaming_input_call().timeout(TIMEOUT);
        let (mut requests, response) = call.split();
        for _ in 0..MESSAGES {
            let request = StreamingInputCallRequest {
                payload: payload(100),
                expect_compressed: None,
            };
            // The response tells why a call has ended, better than the sender.
            if requests.send(request).await.is_err() {
                break;
            }
        }
        requests.half_close();
        check(response.await?.aggregated_payload_size == 100 * MESSAGES as i32)
    }

    async fn both(&self, committed: &mut bool) -> Result<(), Status> {
        let call = self.client.full_duplex_call().timeout(TIMEOUT);
        let (mut requests, mut replies) = call.split();
        for _ in 0..MESSAGES {
            // As above.
            requests.send(wanted(1)).await.ok();
            let reply = replies.message().await?;
            *committed = true;
            check(reply.is_some_and(|reply| size_of(&reply.payload) == 100))?;
        }
        requests.half_close();
        check(replies.message().await?.is_none())
    }
}

/// A payload of so many zeros.
pub fn payload(len: usize) -> Option<Payload> {
    Some(Payload {
        r#type: 0,
        body: vec![0; len].into(),
    })
}

fn size_of(payload: &Option<Payload>) -> usize {
    payload.as_ref().map_or(0, |payload| payload.body.len())
}

fn wanted(messages: usize) -> StreamingOutputCallRequest {
    let parameters = ResponseParameters {
        size: 100,
        ..ResponseParameters::default()
    };
    StreamingOutputCallRequest {
        response_parameters: vec![parameters; messages],
        ..StreamingOutputCallRequest::default()
    }
}

fn check(holds: bool) -> Result<(), Status> {
    match holds {
        true => Ok(()),
        false => Err(Status::data_loss("not the right reply")),
    }
}
