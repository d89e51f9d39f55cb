//! The id by which clients tell servers apart.

use crate::setup;
use farcall_interop::{env::Env, pb::SimpleRequest, server::TestServer};

async fn id(env: &Env, fill_server_id: bool) -> String {
    let request = SimpleRequest {
        fill_server_id,
        ..SimpleRequest::default()
    };
    env.client()
        .unary_call(request)
        .await
        .expect("the server is running")
        .into_inner()
        .server_id
}

#[tokio::test]
async fn a_server_says_its_id_when_asked_and_only_then() {
    let env = setup::env(setup::serve(TestServer::new()).await);
    assert_ne!(id(&env, true).await, "");
    assert_eq!(id(&env, false).await, "");
}

#[tokio::test]
async fn an_id_stays_the_same_and_no_two_servers_share_one() {
    let one = setup::env(setup::serve(TestServer::new()).await);
    let two = setup::env(setup::serve(TestServer::new()).await);
    let first = id(&one, true).await;
    assert_eq!(id(&one, true).await, first);
    assert_ne!(id(&two, true).await, first);
}
