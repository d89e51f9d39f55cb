//! Every case, our client against our server, in one process.

use crate::setup;
use farcall_interop::{cases, env::Env, server::TestServer};

async fn run_all(env: &Env) {
    for name in cases::NAMES {
        let outcome = cases::run(name, env)
            .await
            .expect("every name in the list is a case");
        if let Err(failure) = outcome {
            panic!("{name}: {failure}");
        }
    }
}

#[tokio::test]
async fn every_case_passes_without_tls() {
    run_all(&setup::env(setup::serve(TestServer::new()).await)).await;
}

#[tokio::test]
async fn every_case_passes_with_tls_and_the_test_ca() {
    run_all(&setup::env_tls(setup::serve_tls().await)).await;
}

#[tokio::test]
async fn a_case_that_does_not_exist_is_not_run() {
    let env = setup::env(([127, 0, 0, 1], 1).into());
    assert!(cases::run("empty_unaray", &env).await.is_none());
}
