//! Ways of a runtime that make a driver write once for each call, or drive handlers out of its task. Each costs several times
//! the CPU of a call, and none shows in what a call answers; so they are counted here. `benches/driver` measures them in pairs.
//!
//! Most on one worker of the multi-thread runtime: it has what the current-thread runtime has not (a LIFO slot, a local queue of
//! 256 tasks), and on one worker the counts do not depend on who is faster.

use bytes::Bytes;
use farcall_e2e::{PATIENCE, Writes, within};
use farcall_net::{Channel, client::ByteStream};
use farcall_testkit::{
    sim::NetConfig,
    stub_server::{StubServer, calls},
};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::Semaphore,
    task::JoinSet,
};

const PATH: &str = "/t.T/Call";
/// Enough calls for a method to be polled inline, if it ends at its first poll.
const WARM_UP: usize = 200;

/// A server with connections over sockets whose writes are counted.
struct Counting {
    server: farcall_net::server::Unbound,
    /// Where it runs.
    runtime: Handle,
    requests: Writes,
    replies: Writes,
}

impl Counting {
    /// A server on the worker of the callers.
    fn new(stub: StubServer) -> Counting {
        Counting::on(Handle::current(), stub)
    }

    fn on(runtime: Handle, stub: StubServer) -> Counting {
        Counting {
            server: stub.unbound(),
            runtime,
            requests: Writes::default(),
            replies: Writes::default(),
        }
    }

    /// A channel with a connection of its own.
    async fn channel(&self) -> Channel {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, replies) = (self.server.clone(), self.replies.clone());
        let listener = listener.into_std().unwrap();
        self.runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            server.serve(replies.of(stream)).await;
        });
        let requests = self.requests.clone();
        let connect = move |_: &farcall_net::Address| {
            let requests = requests.clone();
            Box::pin(async move {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(requests.of(stream)) as Box<dyn ByteStream>)
            }) as _
        };
        let builder = Channel::builder("passthrough:///counted").connector(connect);
        let channel = builder.insecure().build().unwrap();
        for _ in 0..WARM_UP {
            call(&channel).await;
        }
        self.requests.take();
        self.replies.take();
        channel
    }
}

fn echo() -> StubServer {
    StubServer::unary(PATH, |request| async move { Ok(request.into_inner()) })
}

async fn call(channel: &Channel) {
    let call = calls::unary(channel, PATH, Bytes::from("hello"));
    call.await.unwrap();
}

/// `callers` tasks that each make `count` calls, on the channels in turn.
async fn load(channels: &[Channel], callers: usize, count: usize) {
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let channels = channels.to_vec();
        tasks.spawn(async move {
            for at in caller..caller + count {
                call(&channels[at % channels.len()]).await;
            }
        });
    }
    within(PATIENCE, "the calls", tasks.join_all()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_of_callers_that_were_woken_together_leave_together() {
    let counting = Counting::new(echo());
    let channel = counting.channel().await;
    load(&[channel], 100, 50).await;
    let (requests, replies) = (counting.requests.take(), counting.replies.take());
    assert!(requests <= 5000 / 20, "{requests} writes for 5,000 calls");
    // The server also writes after so much work, which is after eight calls where they are slow.
    assert!(replies <= 5000 / 5, "{replies} writes for 5,000 replies");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_of_callers_that_another_connection_has_woken_leave_together() {
    let counting = Counting::new(echo());
    let channels = [counting.channel().await, counting.channel().await];
    load(&channels, 100, 50).await;
    let requests = counting.requests.take();
    assert!(requests <= 5000 / 10, "{requests} writes for 5,000 calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn replies_of_handlers_that_were_woken_together_leave_together() {
    let (gate, inside) = (
        Arc::new(Semaphore::new(WARM_UP)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (door, waiting) = (Arc::clone(&gate), Arc::clone(&inside));
    let counting = Counting::new(StubServer::unary(PATH, move |request| {
        let (door, waiting) = (Arc::clone(&door), Arc::clone(&waiting));
        async move {
            waiting.fetch_add(1, Ordering::Relaxed);
            door.acquire().await.unwrap().forget();
            Ok(request.into_inner())
        }
    }));
    let channel = counting.channel().await;
    let load = tokio::spawn(async move { load(&[channel], 100, 1).await });
    while inside.load(Ordering::Relaxed) < WARM_UP + 100 {
        tokio::task::yield_now().await;
    }
    counting.replies.take();
    // In a task, so that it happens on the worker.
    tokio::spawn(async move { gate.add_permits(100) })
        .await
        .unwrap();
    load.await.unwrap();
    let replies = counting.replies.take();
    assert!(replies <= 5, "{replies} writes for 100 replies");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_more_callers_are_woken_at_once_than_a_worker_can_queue() {
    let mut elsewhere = tokio::runtime::Builder::new_multi_thread();
    let elsewhere = elsewhere.worker_threads(1).enable_all().build().unwrap();
    let counting = Counting::on(elsewhere.handle().clone(), echo());
    let channel = counting.channel().await;
    // In a task, so that callers are spawned on the worker and not through the shared queue.
    let depth = tokio::spawn(deepest_shared_queue(channel, 1000));
    let depth = within(PATIENCE, "the calls", depth).await.unwrap();
    elsewhere.shutdown_background();
    assert!(depth < 32, "{depth} tasks were in the shared queue");
}

/// How many tasks the shared queue held at most while `callers` made calls.
async fn deepest_shared_queue(channel: Channel, callers: usize) -> usize {
    let (started, watching) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (channel, watching) = (channel.clone(), Arc::clone(&watching));
        let begun = Arc::clone(&started);
        tasks.spawn(async move {
            call(&channel).await;
            begun.add_permits(1);
            let (mut calls, mut deepest) = (0, 0);
            while calls < 20 {
                call(&channel).await;
                // Not before all have begun.
                if watching.load(Ordering::Relaxed) == 1 {
                    calls += 1;
                    let depth = Handle::current().metrics().global_queue_depth();
                    deepest = deepest.max(depth);
                }
            }
            deepest
        });
        // A few at a time: starting them must not fill the queue.
        if caller % 50 == 49 {
            started.acquire_many(50).await.unwrap().forget();
        }
    }
    watching.store(1, Ordering::Relaxed);
    tasks.join_all().await.into_iter().max().unwrap_or(0)
}

/// On paused time every poll is short, so that the method earns to be polled inline and keeps it however busy the machine is.
#[tokio::test(start_paused = true)]
async fn handlers_that_use_up_a_cooperation_budget_are_still_polled_inline() {
    static READY: Semaphore = Semaphore::const_new(1 << 20);
    let tasks = Arc::new(Mutex::new(HashSet::new()));
    let inside = Arc::clone(&tasks);
    let stub = StubServer::unary(PATH, move |request| {
        let tasks = Arc::clone(&inside);
        async move {
            for _ in 0..4 {
                let _permit = READY.acquire().await;
            }
            tasks.lock().unwrap().insert(tokio::task::id());
            Ok(request.into_inner())
        }
    });
    let stub = stub.simulated(1, NetConfig::default());
    let channel = stub.channel().clone();
    for _ in 0..WARM_UP {
        call(&channel).await;
    }
    tasks.lock().unwrap().clear();
    load(&[channel], 100, 20).await;
    let tasks = tasks.lock().unwrap().len();
    assert_eq!(tasks, 1, "the handlers ran in {tasks} tasks");
}
