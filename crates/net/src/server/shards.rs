//! The thread-per-core mode: each shard is a thread with a current-thread runtime and a listening socket of its own.
//!
//! A connection stays on the shard that accepted it, and so do its handlers: nothing moves between cores. The shards
//! share what a server's connections share anyway ([`Acceptance`]), so that one shutdown reaches all of them.

use super::{
    accepting::{Acceptance, serve_listener},
    listener::{BindError, Listener, Security, Socket},
};
use crate::transport::io::TcpOptions;
use std::{
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
    thread,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{oneshot, watch},
    task::JoinSet,
};

/// How far the shards are. Their sender's end means [`Cut`](Phase::Cut).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    Accepting,
    Draining,
    Cut,
}

/// Shards that listen, and accept once they are told to.
pub(super) struct Shards {
    shards: Vec<Shard>,
    phase: watch::Sender<Phase>,
}

struct Shard {
    start: oneshot::Sender<Start>,
    /// Where it is going to listen beside its first socket.
    more: Vec<(Socket, Option<Security>)>,
    /// Fails when the shard's last connection is gone.
    over: oneshot::Receiver<()>,
}

/// What a shard is told when it may accept.
struct Start {
    service: Arc<Acceptance>,
    more: Vec<(Socket, Option<Security>)>,
}

/// What a shard's thread has of all that.
struct Signals {
    start: oneshot::Receiver<Start>,
    phase: watch::Receiver<Phase>,
    _over: oneshot::Sender<()>,
}

impl Shards {
    /// Starts `count` threads that listen on `socket` and on others like it.
    ///
    /// # Errors
    /// There are no more threads, file descriptors or memory.
    pub(super) async fn start(
        (socket, security): (Socket, Option<Security>),
        address: &str,
        count: usize,
    ) -> Result<Shards, BindError> {
        let fault = |cause| BindError::new(address, cause);
        let phase = watch::Sender::new(Phase::Accepting);
        let mut sockets = Vec::with_capacity(count);
        for _ in 1..count {
            sockets.push(socket.another().map_err(fault)?);
        }
        sockets.push(socket);
        let mut shards = Vec::with_capacity(count);
        for (number, socket) in sockets.into_iter().enumerate() {
            let (ready, is_ready) = oneshot::channel();
            let (start, started) = oneshot::channel();
            let (over, is_over) = oneshot::channel();
            let signals = Signals {
                start: started,
                phase: phase.subscribe(),
                _over: over,
            };
            thread::Builder::new()
                .name(format!("farcall-shard-{number}"))
                .spawn({
                    let security = security.clone();
                    move || run((socket, security), ready, signals)
                })
                .map_err(fault)?;
            let outcome = is_ready.await;
            outcome
                .unwrap_or_else(|_| Err(io::Error::other("a shard's thread has died")))
                .map_err(fault)?;
            shards.push(Shard {
                start,
                more: Vec::new(),
                over: is_over,
            });
        }
        Ok(Shards { shards, phase })
    }

    /// Lets all shards listen at another place too.
    ///
    /// # Errors
    /// There are no more file descriptors.
    pub(super) fn listen_also(
        &mut self,
        socket: Socket,
        security: &Option<Security>,
    ) -> io::Result<()> {
        let (first, others) = self
            .shards
            .split_first_mut()
            .ok_or_else(|| io::Error::other("there are no shards"))?;
        for shard in others {
            shard.more.push((socket.another()?, security.clone()));
        }
        first.more.push((socket, security.clone()));
        Ok(())
    }

    /// Lets all shards accept, until the value that this gives is told otherwise, or dropped.
    pub(super) fn serve(self, service: &Arc<Acceptance>) -> Serving {
        let start = |shard: Shard| {
            // A shard whose thread is gone has nothing to serve; its `over` says so.
            let start = Start {
                service: Arc::clone(service),
                more: shard.more,
            };
            shard.start.send(start).ok();
            shard.over
        };
        Serving {
            over: self.shards.into_iter().map(start).collect(),
            phase: self.phase,
        }
    }
}

/// Shards at work. Dropping it cuts their connections.
pub(super) struct Serving {
    over: Vec<oneshot::Receiver<()>>,
    phase: watch::Sender<Phase>,
}

impl Serving {
    /// No more connections. The listening sockets close soon after.
    pub(super) fn stop_accepting(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Waits until no shard has a connection; only after [`stop_accepting`](Serving::stop_accepting) that can be.
    pub(super) async fn finish(&mut self) {
        for over in &mut self.over {
            // Its end is what is waited for, and no value ever comes.
            over.await.ok();
        }
        self.over.clear();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Cut);
    }
}

/// A shard's thread.
fn run(
    (socket, security): (Socket, Option<Security>),
    ready: oneshot::Sender<io::Result<()>>,
    signals: Signals,
) {
    let listening = Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .and_then(|runtime| {
            let listener = {
                let _inside = runtime.enter();
                Listener::from_socket(socket, TcpOptions::default())?.secured(security)
            };
            Ok((runtime, listener))
        });
    match listening {
        Ok((runtime, listener)) => {
            if ready.send(Ok(())).is_ok() {
                serve(&runtime, listener, signals);
            }
            // Whatever blocks in a handler must not keep the thread.
            runtime.shutdown_background();
        }
        Err(error) => {
            ready.send(Err(error)).ok();
        }
    }
}

fn serve(runtime: &Runtime, listener: Listener, signals: Signals) {
    let Signals {
        start,
        phase,
        _over,
    } = signals;
    runtime.block_on(async move {
        let Ok(Start { service, more }) = start.await else {
            return; // It was bound and never served.
        };
        let mut listeners = vec![listener];
        for (socket, security) in more {
            match Listener::from_socket(socket, TcpOptions::default()) {
                Ok(listener) => listeners.push(listener.secured(security)),
                Err(error) => service.report_listener(&error),
            }
        }
        let mut tasks = JoinSet::new();
        for listener in listeners {
            let end = reached(phase.clone(), Phase::Draining);
            tasks.spawn(serve_listener(end, listener, Arc::clone(&service)));
        }
        let mut cut = pin!(reached(phase, Phase::Cut));
        poll_fn(|cx| {
            while let Poll::Ready(task) = tasks.poll_join_next(cx) {
                if task.is_none() {
                    return Poll::Ready(());
                }
            }
            cut.as_mut().poll(cx)
        })
        .await;
    });
}

pub(super) async fn reached(mut phase: watch::Receiver<Phase>, wanted: Phase) {
    // Without a sender nobody waits for the connections any more.
    phase.wait_for(|phase| *phase >= wanted).await.ok();
}
