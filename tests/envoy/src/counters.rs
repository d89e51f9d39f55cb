//! What Envoy has counted against us.

use crate::{Outcome, proxy::Proxy};

/// Nothing at all: every call so far ended in good order.
pub(crate) async fn clean(proxy: &Proxy) -> Outcome {
    let reset = "http2.(rx_reset|tx_reset|rx_messaging_error|.*flood|.*header.*|.*error.*)";
    none(proxy, reset).await
}

/// Nothing that breaks rules of HTTP/2.
pub(crate) async fn no_errors(proxy: &Proxy) -> Outcome {
    none(proxy, "http2.(rx_messaging_error|.*flood|.*error.*)").await?;
    none(proxy, "protocol_error").await
}

/// Nothing that breaks rules of HTTP/2 between Envoy and its backend. The other side is the client's: each connection that grpc-go's client
/// closes is counted as a protocol error of its own.
pub(crate) async fn no_errors_of_backend(proxy: &Proxy) -> Outcome {
    none(
        proxy,
        "cluster.backends.(http2.*(messaging_error|flood)|.*protocol_error)",
    )
    .await
}

async fn none(proxy: &Proxy, pattern: &str) -> Outcome {
    let all = proxy.admin.stats("http2.*total|cx_http2|rq_total").await?;
    let stats = proxy.admin.stats(pattern).await?;
    let bad: Vec<_> = stats.iter().filter(|(_, count)| **count > 0).collect();
    match (bad.is_empty(), stats.is_empty() && all.is_empty()) {
        (_, true) => Err("Envoy counts nothing of the kind".into()),
        (true, _) => Ok(format!("{} counters are 0", stats.len())),
        (false, _) => Err(format!("{bad:?}").into()),
    }
}
