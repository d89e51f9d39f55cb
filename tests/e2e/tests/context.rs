//! Calls made while a request is handled inherit its deadline and cancellation.

use crate::{everywhere, reach::Reach};
use bytes::Bytes;
use farcall_e2e::{PATIENCE, PROMPTLY, Probe, within};
use farcall_net::{Channel, Code, Context, Status};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

everywhere![
    an_outgoing_call_inherits_the_deadline_of_the_incoming_one,
    cancelling_the_incoming_call_cancels_the_outgoing_one,
    a_spawned_task_inherits_through_the_scope_of_a_context,
    a_spawned_task_without_a_scope_lives_on,
    a_detached_call_inherits_nothing,
    an_own_shorter_timeout_beats_the_inherited_deadline,
];

/// The far end: notes the deadline and waits for ever.
struct Backend {
    probe: Probe,
    deadline: Arc<Mutex<Option<Instant>>>,
    channel: Channel,
}

impl Backend {
    fn new() -> Backend {
        let (probe, deadline) = (Probe::new(), Arc::new(Mutex::new(None)));
        let (inside, seen) = (probe.clone(), Arc::clone(&deadline));
        let stub = StubServer::unary("/back.End/Wait", move |request| {
            *seen.lock().unwrap() = request.deadline();
            let guard = inside.enter();
            async move {
                let _guard = guard;
                pending::<Result<Bytes, _>>().await
            }
        });
        Backend {
            probe,
            deadline,
            channel: stub.reach(),
        }
    }
}

async fn ask(backend: Channel) -> Result<Bytes, Status> {
    calls::unary(&backend, "/back.End/Wait", Bytes::new())
        .await
        .map(|reply| reply.into_inner())
}

/// Calls the backend from within the handler.
fn front(backend: &Backend) -> Channel {
    let backend = backend.channel.clone();
    StubServer::unary("/front.End/Ask", move |_| ask(backend.clone())).reach()
}

async fn an_outgoing_call_inherits_the_deadline_of_the_incoming_one() {
    let backend = Backend::new();
    let front = front(&backend);
    front.connect().await.unwrap();
    let start = Instant::now();
    let call =
        calls::unary(&front, "/front.End/Ask", Bytes::new()).timeout(Duration::from_millis(300));
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    let deadline = backend.deadline.lock().unwrap().expect("it was inherited");
    assert!(
        deadline <= start + Duration::from_millis(310),
        "{:?}",
        deadline - start
    );
    within(
        PROMPTLY,
        "the end of the backend's handler",
        backend.probe.ended(1),
    )
    .await;
}

async fn cancelling_the_incoming_call_cancels_the_outgoing_one() {
    let backend = Backend::new();
    let front = front(&backend);
    let call = tokio::spawn(calls::unary(&front, "/front.End/Ask", Bytes::new()).into_future());
    within(PATIENCE, "the backend's handler", backend.probe.begun(1)).await;
    call.abort();
    within(
        PROMPTLY,
        "the end of the backend's handler",
        backend.probe.ended(1),
    )
    .await;
}

/// The handler spawns its outgoing call as `wrap` says and answers at once when it is told to go on.
fn spawning(backend: &Backend, scoped: bool, outcome: &Arc<Mutex<Option<Status>>>) -> Channel {
    let (backend, outcome) = (backend.channel.clone(), Arc::clone(outcome));
    StubServer::unary("/front.End/Spawn", move |request| {
        let (backend, outcome, context) =
            (backend.clone(), Arc::clone(&outcome), request.context());
        let work = async move {
            *outcome.lock().unwrap() = ask(backend).await.err();
        };
        if scoped {
            tokio::spawn(context.scope(work));
        } else {
            tokio::spawn(work);
        }
        pending::<Result<Bytes, Status>>()
    })
    .reach()
}

async fn a_spawned_task_inherits_through_the_scope_of_a_context() {
    let (backend, outcome) = (Backend::new(), Arc::default());
    let front = spawning(&backend, true, &outcome);
    let call = tokio::spawn(calls::unary(&front, "/front.End/Spawn", Bytes::new()).into_future());
    within(PATIENCE, "the backend's handler", backend.probe.begun(1)).await;
    call.abort();
    within(
        PROMPTLY,
        "the end of the backend's handler",
        backend.probe.ended(1),
    )
    .await;
    within(PATIENCE, "the task", async {
        while outcome.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        outcome.lock().unwrap().as_ref().unwrap().code(),
        Code::Cancelled
    );
}

async fn a_spawned_task_without_a_scope_lives_on() {
    let (backend, outcome) = (Backend::new(), Arc::default());
    let front = spawning(&backend, false, &outcome);
    let call = tokio::spawn(calls::unary(&front, "/front.End/Spawn", Bytes::new()).into_future());
    within(PATIENCE, "the backend's handler", backend.probe.begun(1)).await;
    call.abort();
    assert!(
        tokio::time::timeout(PROMPTLY, backend.probe.ended(1))
            .await
            .is_err()
    );
    assert!(backend.deadline.lock().unwrap().is_none());
}

async fn a_detached_call_inherits_nothing() {
    let backend = Backend::new();
    let far = backend.channel.clone();
    let front = StubServer::unary("/front.End/Detached", move |_| {
        // Detached and in a task of its own, since the handler is dropped with its call.
        tokio::spawn(Context::detached(ask(far.clone())));
        pending::<Result<Bytes, Status>>()
    })
    .reach();
    let call = calls::unary(&front, "/front.End/Detached", Bytes::new())
        .timeout(Duration::from_millis(100));
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    within(PATIENCE, "the backend's handler", backend.probe.begun(1)).await;
    assert!(
        tokio::time::timeout(PROMPTLY, backend.probe.ended(1))
            .await
            .is_err()
    );
    assert!(backend.deadline.lock().unwrap().is_none());
}

async fn an_own_shorter_timeout_beats_the_inherited_deadline() {
    let backend = Backend::new();
    let far = backend.channel.clone();
    let front = StubServer::unary("/front.End/Short", move |_| {
        let far = far.clone();
        async move {
            let call = calls::unary(&far, "/back.End/Wait", Bytes::new())
                .timeout(Duration::from_millis(50));
            match call.await {
                Err(status) if status.code() == Code::DeadlineExceeded => {
                    Ok(Bytes::from("the backend is slow"))
                }
                other => panic!("{other:?}"),
            }
        }
    })
    .reach();
    let reply = calls::unary(&front, "/front.End/Short", Bytes::new())
        .timeout(PATIENCE)
        .await
        .unwrap();
    assert_eq!(*reply, "the backend is slow");
}
