//! Servers reached inside the process: what is their own. That calls are as over a socket is what
//! [`everywhere`](crate::everywhere) tests.

use bytes::Bytes;
use farcall_core::{Method, MethodKind, Raw};
use farcall_e2e::{PATIENCE, Probe, within};
use farcall_net::{
    Code, ConnectivityState, Request, Server,
    server::{Methods, Service},
};
use farcall_testkit::stub_server::{StubServer, calls};
use std::{
    future::pending,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::Semaphore;

fn waiting(probe: &Probe) -> StubServer {
    let probe = probe.clone();
    StubServer::unary("/t.T/Wait", move |_| {
        let guard = probe.enter();
        async move {
            let _guard = guard;
            pending::<Result<Bytes, _>>().await
        }
    })
}

struct Alive(Arc<()>);

impl Service for Alive {
    const NAME: &'static str = "t.Alive";

    fn methods(&self, methods: &mut Methods) {
        let method =
            Method::<Bytes, Bytes, Raw>::with_codec("/t.Alive/Ask", MethodKind::Unary, Raw);
        methods.unary(&method, &self.0, |_, request| async move {
            Ok(request.into_inner().into())
        });
    }
}

#[tokio::test]
async fn the_server_lives_as_long_as_the_last_clone_of_its_channel() {
    let alive = Arc::new(());
    let watch: Weak<()> = Arc::downgrade(&alive);
    let channel = Server::builder()
        .add_service(Alive(alive))
        .in_process()
        .unwrap();
    let clone = channel.clone();
    drop(channel);
    let reply = calls::unary(&clone, "/t.Alive/Ask", Bytes::from("here")).await;
    assert_eq!(*reply.unwrap(), "here");
    drop(clone);
    within(PATIENCE, "the server's end", async {
        while watch.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_with_the_settings_is_said_when_the_channel_is_made() {
    let server = Server::builder().add_service(Alive(Arc::default()));
    let error = server
        .add_service(Alive(Arc::default()))
        .in_process()
        .unwrap_err();
    assert!(error.is_config(), "{error}");
    assert!(error.to_string().contains("t.Alive"), "{error}");
}

#[tokio::test]
async fn both_ends_are_named_in_process() {
    let channel = StubServer::unary("/t.T/Who", |request: Request<Bytes>| {
        let peer = request.peer().expect("a server knows its peer");
        let (remote, local) = (peer.remote_address(), peer.local_address());
        Ok(Bytes::from(format!(
            "{remote} {local} {}",
            request.authority()
        )))
    })
    .channel();
    let reply = calls::unary(&channel, "/t.T/Who", Bytes::new())
        .await
        .unwrap();
    assert_eq!(*reply, "in-process in-process in-process");
}

#[tokio::test(start_paused = true)]
async fn under_simulated_time_a_deadline_of_an_hour_passes_at_once() {
    let probe = Probe::new();
    let channel = waiting(&probe).channel();
    let (start, real) = (tokio::time::Instant::now(), std::time::Instant::now());
    let call = calls::unary(&channel, "/t.T/Wait", Bytes::new()).timeout(Duration::from_secs(3600));
    assert_eq!(call.await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed().as_secs(), 3600);
    assert!(real.elapsed() < PATIENCE);
    probe.ended(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_calls_and_counts_those_that_it_cuts() {
    let (probe, gate) = (Probe::new(), Arc::new(Semaphore::new(0)));
    let (inside, door) = (probe.clone(), Arc::clone(&gate));
    let server = StubServer::unary("/t.T/Wait", move |_| {
        let (guard, door) = (inside.enter(), Arc::clone(&door));
        async move {
            let _guard = guard;
            door.acquire().await.unwrap().forget();
            Ok(Bytes::from("done"))
        }
    })
    .unbound();
    let channel = server.channel();
    let call =
        |channel| tokio::spawn(calls::unary(channel, "/t.T/Wait", Bytes::new()).into_future());
    let calls = [call(&channel), call(&channel)];
    probe.begun(2).await;
    let shutdown = tokio::spawn(async move { server.shut_down(Duration::from_secs(30)).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    gate.add_permits(1);
    let report = shutdown.await.unwrap();
    assert_eq!((report.connections_cut, report.calls_cut), (1, 1));
    let mut codes = Vec::new();
    for call in calls {
        codes.push(
            call.await
                .unwrap()
                .map(|_| ())
                .map_err(|status| status.code()),
        );
    }
    codes.sort_by_key(|outcome| outcome.is_ok());
    assert_eq!(codes, [Err(Code::Unavailable), Ok(())]);
    assert_ne!(channel.state(), ConnectivityState::Ready);
}

#[tokio::test]
async fn a_server_with_tls_is_reached_without() {
    let tls = crate::wrong_servers::known_server();
    let channel = StubServer::unary("/t.T/Tls", |request: Request<Bytes>| {
        Ok(Bytes::from(
            request.peer().unwrap().tls().is_some().to_string(),
        ))
    })
    .configure(move |server| server.tls(tls.clone()))
    .channel();
    let reply = calls::unary(&channel, "/t.T/Tls", Bytes::new())
        .await
        .unwrap();
    assert_eq!(*reply, "false");
}
