//! Unary calls that are expected to work.

use super::payload::{LARGE_RESPONSE, check_payload, large, payload, simple};
use crate::{
    env::Env,
    failure::{Outcome, check, check_eq},
    pb::{Empty, Payload, SimpleRequest, SimpleResponse},
};
use bytes::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) async fn empty_unary(env: &Env) -> Outcome {
    let reply = env.client().empty_call(env.request(Empty {})).await?;
    check_eq!(reply.into_inner(), Empty {}, "the response");
    Ok(())
}

pub(super) async fn large_unary(env: &Env) -> Outcome {
    let reply = env.client().unary_call(env.request(large())).await?;
    check_payload(reply.payload.as_ref(), LARGE_RESPONSE)?;
    check_eq!(
        (&*reply.username, &*reply.oauth_scope),
        ("", ""),
        "what was not asked for"
    );
    Ok(())
}

/// A request of 10 MiB, more than the usual limit of a server.
pub(super) async fn very_large_request(env: &Env) -> Outcome {
    let reply = env
        .client()
        .unary_call(env.request(simple(10 << 20, 10)))
        .await?;
    check_payload(reply.payload.as_ref(), 10)
}

/// The same request has the same response, another one has another, and the response says how long it may be kept.
///
/// Whether a proxy on the way really kept it cannot be told without one.
pub(super) async fn cacheable_unary(env: &Env) -> Outcome {
    let first = cacheable(env, "first").await?;
    check_eq!(
        cacheable(env, "first").await?,
        first,
        "the response to the same request"
    );
    let other = cacheable(env, "other").await?;
    check!(
        other != first,
        "another request got the same response: {other:?}"
    );
    Ok(())
}

async fn cacheable(env: &Env, text: &str) -> Result<SimpleResponse, crate::failure::Failure> {
    // Fresh for each run, so that nothing of an earlier one is still kept.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
        / 60;
    let body = Bytes::from(format!("{text} {} {now}", std::process::id()));
    let message = SimpleRequest {
        payload: Some(Payload {
            body,
            ..payload(0).unwrap_or_default()
        }),
        ..SimpleRequest::default()
    };
    // Proxies do not keep what a local address asked for.
    let mut request = env.request(message);
    request.metadata_mut().insert("x-user-ip", "1.2.3.4");
    let reply = env.client().cacheable_unary_call(request).await?;
    let control = reply.metadata().get("cache-control");
    check!(
        control.is_some_and(|value| value.contains("max-age=60")),
        "cache-control is {control:?}"
    );
    Ok(reply.into_inner())
}
