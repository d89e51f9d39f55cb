//! Every shape answers.

use crate::{
    client::{connect, unary},
    heads::Method,
    message,
    server::{listen, serve},
    setup::{Handler, Setup},
};
use std::time::Instant;
use tokio::task::JoinSet;

async fn answers(pairs: &[&str]) {
    let setup = Setup::parse(pairs.iter().copied()).unwrap();
    let (listener, address) = listen().await.unwrap();
    tokio::spawn(serve(listener, setup.clone()));
    let port = connect(&setup, address).await.unwrap();
    let mut callers = JoinSet::new();
    for caller in 0..50 {
        let port = port.clone();
        callers.spawn(async move {
            for call in 0..4 {
                let size = (caller * 4 + call) * 1000;
                let message = message::request(size, size);
                let head = Method::Unary(Handler::Coop).head();
                let received = unary(&port, head, message, Instant::now(), None).await;
                assert_eq!(received.unwrap(), message::PREFIX + size);
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
}

#[tokio::test]
async fn every_shape_of_the_client_gets_whole_answers() {
    for shape in ["shape=owner", "shape=locked", "shape=mixed"] {
        answers(&[shape]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_shape_works_on_two_workers() {
    for shape in ["shape=owner", "shape=locked", "shape=mixed"] {
        answers(&[shape, "write=copied"]).await;
    }
}

#[tokio::test]
async fn every_way_to_run_handlers_and_to_yield_answers() {
    for pair in [
        "handlers=spawned",
        "cut=none",
        "cut=0",
        "budget=false",
        "yield=never",
        "yield=tokio",
    ] {
        answers(&[pair]).await;
    }
}
