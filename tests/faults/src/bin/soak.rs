//! Mixed calls for minutes, with memory, file descriptors and tasks watched: `soak [--minutes N]`, 20 by default.
//!
//! Both ends run in this process, over sockets of 127.0.0.1: all kinds of calls, cancels, deadlines, small and large messages,
//! some of them compressed. After a tenth of the time, and at the end, everything comes to rest, and what is held then must be
//! equal: tasks, file descriptors, and live heap but for 64 KiB. The peak of resident memory in the second half may be
//! 1.05 times that of the first, and 2 MiB. Exit status 0: all of that holds, and no call ended otherwise than it should.
#![forbid(unsafe_code)]

use bytes::Bytes;
use farcall_faults::{
    ledger::Ledger,
    resources::{Resources, count_heap, resident},
    service::{CHAT, ECHO, MANY, SUM, service},
};
use farcall_net::{Channel, Code, Encoding, Status};
use farcall_testkit::stub_server::{StubServer, calls};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::{
    alloc::System,
    collections::BTreeMap,
    env,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Live heap that may have been added between the two looks.
const HEAP: i64 = 64 << 10;
const WORKERS: usize = 48;
const CHANNELS: usize = 6;
/// Unary: answers after as many milliseconds as its ninth byte says.
const LATE: &str = "/soak.Service/Late";

fn live_heap() -> i64 {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated as i64 - stats.bytes_deallocated as i64
}

fn main() -> ExitCode {
    count_heap(live_heap);
    let words: Vec<_> = env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let minutes = match words[..] {
        [] => Some(20.0),
        ["--minutes", number] => number
            .parse::<f64>()
            .ok()
            .filter(|n| (0.1..1e4).contains(n)),
        _ => None,
    };
    let Some(minutes) = minutes else {
        eprintln!("usage: soak [--minutes N]");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(soak(Duration::from_secs_f64(60.0 * minutes))) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What the workers have done.
#[derive(Default)]
struct Tally {
    codes: BTreeMap<i32, u64>,
    wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, kind: &str, allowed: &[Code], outcome: Result<(), Status>) {
        let code = outcome.as_ref().map_or_else(Status::code, |()| Code::Ok);
        *self.codes.entry(code as i32).or_default() += 1;
        if !allowed.contains(&code) && self.wrong.len() < 5 {
            self.wrong.push(format!(
                "{kind}: {}",
                outcome.expect_err("OK is always allowed")
            ));
        }
    }

    fn merge(&mut self, other: Tally) {
        for (code, count) in other.codes {
            *self.codes.entry(code).or_default() += count;
        }
        self.wrong.extend(other.wrong);
    }
}

struct Peaks {
    /// Peak resident memory (KiB) of each tenth of the time.
    tenths: [u64; 10],
}

async fn soak(time: Duration) -> bool {
    // What is executed is of no interest here.
    let ledger = Ledger::open(Path::new("/dev/null")).expect("/dev/null");
    let late = StubServer::unary(LATE, |request: farcall_net::Request<Bytes>| async move {
        let millis = request.get(8).copied().unwrap_or_default();
        sleep(Duration::from_millis(millis.into())).await;
        Ok(request.into_inner())
    });
    let server = service(ledger, Duration::ZERO).and(late).start().await;
    let channels: Vec<_> = (0..CHANNELS)
        .map(|_| {
            server
                .channel_builder()
                .insecure()
                .build()
                .expect("an address")
        })
        .collect();
    let (start, mut tally) = (Instant::now(), Tally::default());
    let mut peaks = Peaks { tenths: [0; 10] };
    tally.merge(phase(&channels, start, time, time / 10, &mut peaks).await);
    let first = rest("after a tenth of the time").await;
    tally.merge(phase(&channels, start, time, time, &mut peaks).await);
    let last = rest("at the end").await;
    report(first, last, &peaks, &tally)
}

/// Calls until `until` after the start; then waits for those that are open.
async fn phase(
    channels: &[Channel],
    start: Instant,
    time: Duration,
    until: Duration,
    peaks: &mut Peaks,
) -> Tally {
    let stop = watch::Sender::new(false);
    let workers: Vec<JoinHandle<Tally>> = (0..WORKERS)
        .map(|worker| {
            let (channel, stop) = (channels[worker % channels.len()].clone(), stop.subscribe());
            tokio::spawn(work(channel, stop))
        })
        .collect();
    while start.elapsed() < until {
        let tenth = (start.elapsed().as_secs_f64() / time.as_secs_f64() * 10.0) as usize;
        let peak = &mut peaks.tenths[tenth.min(9)];
        *peak = (*peak).max(resident());
        sleep(Duration::from_millis(250)).await;
    }
    stop.send_replace(true);
    let mut tally = Tally::default();
    for worker in workers {
        tally.merge(worker.await.expect("a worker does not panic"));
    }
    tally
}

/// Waits until nothing changes any more: the last resets are through, workers have ended.
async fn rest(when: &str) -> Resources {
    let mut last = Resources::now();
    for _ in 0..60 {
        sleep(Duration::from_millis(500)).await;
        let now = Resources::now();
        let still =
            (now.tasks, now.descriptors, now.heap) == (last.tasks, last.descriptors, last.heap);
        last = now;
        if still {
            break;
        }
    }
    println!(
        "{when}: {} tasks, {} file descriptors, {} bytes of live heap, {} KiB resident",
        last.tasks, last.descriptors, last.heap, last.resident
    );
    last
}

async fn work(channel: Channel, stop: watch::Receiver<bool>) -> Tally {
    let mut tally = Tally::default();
    while !*stop.borrow() {
        one(&channel, &mut tally).await;
        // Not as fast as it goes: this is about memory.
        sleep(Duration::from_millis(10)).await;
    }
    tally
}

fn message(len: usize) -> Bytes {
    let mut bytes = vec![0; len.max(9)];
    // Compressible, but not to nothing.
    bytes
        .iter_mut()
        .step_by(3)
        .for_each(|byte| *byte = fastrand::u8(..));
    bytes[8] = fastrand::u8(1..40);
    bytes.into()
}

fn size() -> usize {
    match fastrand::u32(..100) {
        0..70 => fastrand::usize(9..300),
        70..95 => fastrand::usize(300..20_000),
        95..99 => fastrand::usize(20_000..200_000),
        _ => fastrand::usize(200_000..3_000_000),
    }
}

async fn one(channel: &Channel, tally: &mut Tally) {
    let encoding = match fastrand::u32(..4) {
        0 => Encoding::Gzip,
        _ => Encoding::Identity,
    };
    match fastrand::u32(..100) {
        0..50 => {
            let call = calls::unary(channel, ECHO, message(size())).compress(encoding);
            tally.add("unary", &[Code::Ok], call.await.map(drop));
        }
        50..60 => {
            // Half of them are too late.
            let call = calls::unary(channel, LATE, message(20)).timeout(Duration::from_millis(20));
            let allowed = [Code::Ok, Code::DeadlineExceeded];
            tally.add("deadline", &allowed, call.await.map(drop));
        }
        60..70 => {
            let call = calls::unary(channel, LATE, message(size())).into_future();
            let patience = Duration::from_millis(fastrand::u64(..5));
            let outcome = match tokio::time::timeout(patience, call).await {
                Ok(outcome) => outcome.map(drop),
                Err(_) => Err(Status::cancelled("dropped")),
            };
            tally.add("cancel", &[Code::Ok, Code::Cancelled], outcome);
        }
        70..80 => {
            let call = calls::server_streaming(channel, MANY, message(20)).compress(encoding);
            let outcome = async {
                let mut replies = call.await?;
                // Some are left in the middle.
                let wanted = fastrand::usize(..60);
                for _ in 0..wanted {
                    if replies.message().await?.is_none() {
                        break;
                    }
                }
                Ok(())
            };
            tally.add("server streaming", &[Code::Ok], outcome.await);
        }
        80..90 => {
            let (mut requests, reply) = calls::client_streaming(channel, SUM)
                .compress(encoding)
                .split();
            let outcome = async {
                for _ in 0..fastrand::usize(1..20) {
                    requests.send(message(size() / 4)).await?;
                }
                requests.half_close();
                reply.await.map(drop)
            };
            tally.add("client streaming", &[Code::Ok], outcome.await);
        }
        _ => {
            let (mut requests, mut replies) = calls::bidi(channel, CHAT).compress(encoding).split();
            let outcome = async {
                for _ in 0..fastrand::usize(1..20) {
                    requests.send(message(size() / 4)).await?;
                    replies.message().await?;
                }
                requests.half_close();
                while replies.message().await?.is_some() {}
                Ok(())
            };
            tally.add("bidi", &[Code::Ok], outcome.await);
        }
    }
}

fn report(first: Resources, last: Resources, peaks: &Peaks, tally: &Tally) -> bool {
    let codes: Vec<_> = tally
        .codes
        .iter()
        .map(|(code, n)| format!("{} {n}", Code::from_i32(*code)))
        .collect();
    println!("calls: {}", codes.join(", "));
    println!(
        "peak resident KiB by tenths of the time: {:?}",
        peaks.tenths
    );
    let early = peaks.tenths[1..5].iter().copied().max().unwrap_or_default();
    let late = peaks.tenths[5..].iter().copied().max().unwrap_or_default();
    let grown = last.heap - first.heap;
    let checks = [
        (
            tally.wrong.is_empty(),
            format!("no call ended otherwise than it should {:?}", tally.wrong),
        ),
        (
            grown <= HEAP,
            format!("live heap at rest: {grown:+} bytes, at most +{HEAP}"),
        ),
        (
            late as f64 <= 1.05 * early as f64 + 2048.0,
            format!("peak resident: {early} KiB, then {late} KiB, at most 1.05 times and 2 MiB"),
        ),
        (
            first.descriptors == last.descriptors,
            "file descriptors equal".into(),
        ),
        (first.tasks == last.tasks, "tasks equal".into()),
    ];
    for (holds, what) in &checks {
        println!("{} {what}", if *holds { "ok  " } else { "FAIL" });
    }
    checks.iter().all(|(holds, _)| *holds)
}
