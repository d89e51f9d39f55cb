//! The calls that are made while something breaks, and what came of them.

use crate::{
    ledger::Book,
    service::{CHAT, ECHO, MANY},
};
use bytes::Bytes;
use farcall_net::{Channel, Code, Status};
use farcall_testkit::stub_server::calls;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How much later than its deadline a call may be over: a busy machine, nothing else.
const SLACK: Duration = Duration::from_millis(1500);

/// What is sent.
#[derive(Clone, Debug)]
pub struct Load {
    /// The id of the first call; the others count up from it. Loads that share a book need ids of their own.
    pub first: u64,
    /// Calls in all.
    pub calls: usize,
    /// Calls at a time.
    pub workers: usize,
    /// Of every call.
    pub timeout: Duration,
    /// What each worker waits between its calls.
    pub pause: Duration,
}

impl Load {
    /// 10,000 calls, 64 at a time, that take about so long altogether if each is answered at once.
    pub fn lasting(time: Duration) -> Load {
        let (calls, workers) = (10_000, 64);
        Load {
            first: 0,
            calls,
            workers,
            timeout: Duration::from_secs(1),
            pause: time * workers as u32 / calls as u32,
        }
    }
}

/// What came of it.
#[derive(Default, Debug)]
pub struct Outcome {
    /// Calls made.
    pub calls: usize,
    /// Failures by code.
    pub failures: BTreeMap<i32, usize>,
    /// The longest call.
    pub slowest: Duration,
    /// Calls that were over too long after their deadline.
    pub late: usize,
    /// Replies that were not what they should be, and codes that no fault explains.
    pub wrong: Vec<String>,
    /// Ids of the calls that succeeded.
    pub answered: Vec<u64>,
}

impl Outcome {
    /// What came of one call.
    pub fn add(&mut self, id: u64, took: Duration, timeout: Duration, result: Result<(), Status>) {
        self.calls += 1;
        self.slowest = self.slowest.max(took);
        self.late += usize::from(took > timeout + SLACK);
        match result {
            Ok(()) => self.answered.push(id),
            Err(status) => {
                *self.failures.entry(status.code() as i32).or_default() += 1;
                let explained = matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded);
                if !explained && self.wrong.len() < 5 {
                    self.wrong.push(format!("call {id}: {status}"));
                }
            }
        }
    }

    /// Adds what came of another load.
    pub fn merge(&mut self, other: Outcome) {
        self.calls += other.calls;
        for (code, count) in other.failures {
            *self.failures.entry(code).or_default() += count;
        }
        self.slowest = self.slowest.max(other.slowest);
        self.late += other.late;
        self.wrong.extend(other.wrong);
        // Exactly: what this list takes counts as heap that is not given back.
        self.answered.reserve_exact(other.answered.len());
        self.answered.extend(other.answered);
    }

    /// Failures in all.
    pub fn failed(&self) -> usize {
        self.failures.values().sum()
    }

    /// What the servers' book says against it.
    pub fn audit(&self, book: &Book) -> Vec<String> {
        let executed = book.executed();
        let twice = executed.values().filter(|count| **count > 1).count();
        let unknown = |id: &&u64| !executed.contains_key(id);
        let never = self.answered.iter().filter(unknown).count();
        let mut problems = Vec::new();
        if twice > 0 {
            problems.push(format!("{twice} calls were executed twice"));
        }
        if never > 0 {
            problems.push(format!("{never} calls were answered and never executed"));
        }
        problems
    }
}

/// Makes the calls, on the channels in turn. `progress` counts those that are over.
pub async fn run(channels: &[Channel], load: &Load, progress: &Arc<AtomicUsize>) -> Outcome {
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = Vec::new();
    for worker in 0..load.workers {
        let (load, next, progress) = (load.clone(), Arc::clone(&next), Arc::clone(progress));
        let channel = channels[worker % channels.len()].clone();
        workers.push(tokio::spawn(async move {
            let mut outcome = Outcome::default();
            loop {
                let id = next.fetch_add(1, Ordering::Relaxed);
                if id >= load.calls {
                    return outcome;
                }
                let start = Instant::now();
                let id = load.first + id as u64;
                let result = one(&channel, id, load.timeout).await;
                outcome.add(id, start.elapsed(), load.timeout, result);
                progress.fetch_add(1, Ordering::Relaxed);
                if !load.pause.is_zero() {
                    tokio::time::sleep(load.pause).await;
                }
            }
        }));
    }
    let mut whole = Outcome::default();
    for worker in workers {
        whole.merge(worker.await.expect("a worker does not panic"));
    }
    whole
}

/// A message of `len` bytes that begins with the id.
fn message(id: u64, len: usize) -> Bytes {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.resize(len, id as u8);
    bytes.into()
}

fn wrong(what: &str) -> Status {
    Status::data_loss(format!("not the right reply to {what}"))
}

/// One call: mostly unary, some of them large; every tenth streams replies, every tenth streams both ways.
///
/// # Errors
/// What the call ends with; `DATA_LOSS` if a reply was not the right one.
pub async fn one(channel: &Channel, id: u64, timeout: Duration) -> Result<(), Status> {
    match id % 10 {
        8 => {
            let mut request = message(id, 9).to_vec();
            request[8] = 20;
            let call = calls::server_streaming(channel, MANY, Bytes::from(request));
            let mut replies = call.timeout(timeout).await?;
            let mut count = 0;
            while replies.message().await?.is_some() {
                count += 1;
            }
            if count == 20 {
                Ok(())
            } else {
                Err(wrong(MANY))
            }
        }
        9 => {
            let (mut requests, mut replies) = calls::bidi(channel, CHAT).timeout(timeout).split();
            for _ in 0..3 {
                // Its replies tell why a call has ended, better than its sender.
                if requests.send(message(id, 500)).await.is_err() {
                    break;
                }
                match replies.message().await? {
                    Some(reply) if reply == message(id, 500) => {}
                    _ => return Err(wrong(CHAT)),
                }
            }
            requests.half_close();
            match replies.message().await? {
                None => Ok(()),
                Some(_) => Err(wrong(CHAT)),
            }
        }
        kind => {
            let message = message(id, if kind == 7 { 20_000 } else { 100 });
            let call = calls::unary(channel, ECHO, message.clone()).timeout(timeout);
            let reply = call.await?;
            if *reply == message {
                Ok(())
            } else {
                Err(wrong(ECHO))
            }
        }
    }
}
