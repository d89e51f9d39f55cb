//! Calls of all kinds, with everything that travels beside messages.

use crate::{
    Outcome,
    backend::Backend,
    config::Options,
    counters,
    proxy::{Proxy, a_moment},
    table::Table,
};
use farcall::{Code, Encoding, status::rpc::BadRequest};
use farcall_examples::hello::{GreeterClient, HelloRequest};
use std::{sync::atomic::Ordering, time::Duration};

/// All of them share one Envoy, so that its counters tell of all.
pub(crate) async fn run(table: &mut Table, envoy: &str) {
    let (backend, proxy) = match start(envoy).await {
        Ok(both) => both,
        Err(error) => return table.case("calls: start", async { Err(error) }).await,
    };
    let client = proxy.client();
    table.case("unary", unary(&client)).await;
    table
        .case("server streaming", server_streaming(&client))
        .await;
    table
        .case("client streaming", client_streaming(&client))
        .await;
    table
        .case("bidirectional: ping-pong, nothing held back", bidi(&client))
        .await;
    table
        .case(
            "metadata: text and binary, both ways, trailers",
            metadata(&client),
        )
        .await;
    table
        .case(
            "errors: message in UTF-8, details, trailers",
            error(&client),
        )
        .await;
    table
        .case("errors: after messages of a stream", late_error(&client))
        .await;
    table
        .case("errors: UNIMPLEMENTED", unimplemented(&proxy))
        .await;
    table
        .case("large messages: 3 MB both ways", large(&client))
        .await;
    table.case("compressed messages", compressed(&client)).await;
    table
        .case("10,000 calls, 100 at a time", many(&client))
        .await;
    table
        .case(
            "counters of protocol errors and resets",
            counters::clean(&proxy),
        )
        .await;
    // From here on streams are reset, as they should be.
    table
        .case("large messages: beyond the limit", too_large(&client))
        .await;
    table
        .case(
            "deadlines: known to the server, kept by the client",
            deadline(&client, &backend),
        )
        .await;
    table
        .case(
            "deadlines: a handler ends at its caller's",
            expired(&client, &backend),
        )
        .await;
    table
        .case(
            "cancellation reaches the handler",
            cancelled(&client, &backend),
        )
        .await;
    table
        .case(
            "counters of protocol errors, after resets",
            counters::no_errors(&proxy),
        )
        .await;
}

async fn start(envoy: &str) -> Result<(Backend, Proxy), Box<dyn std::error::Error + Send + Sync>> {
    let backend = Backend::start("one").await?;
    let proxy = Proxy::start(envoy, &[backend.address], Options::default()).await?;
    Ok((backend, proxy))
}

fn named(name: &str) -> HelloRequest {
    HelloRequest { name: name.into() }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, expected: T) -> Result<(), String> {
    match is == expected {
        true => Ok(()),
        false => Err(format!("{what}: {is:?}, not {expected:?}")),
    }
}

async fn unary(client: &GreeterClient) -> Outcome {
    let reply = client.say_hello(named("Ada")).await?;
    same("reply", reply.message.as_str(), "Hello, Ada!")?;
    // Envoy's own, which shows that it was there.
    same("server", reply.metadata().get("server"), Some("envoy"))?;
    Ok(String::new())
}

async fn server_streaming(client: &GreeterClient) -> Outcome {
    let mut replies = client.say_hello_in_every_language(named("Ada")).await?;
    let mut count = 0;
    while replies.message().await?.is_some() {
        count += 1;
    }
    same("replies", count, 3)?;
    Ok(String::new())
}

async fn client_streaming(client: &GreeterClient) -> Outcome {
    let (mut names, reply) = client.say_hello_to_all().split();
    for name in ["Ada", "Bob", "Cleo"] {
        names.send(named(name)).await?;
    }
    names.half_close();
    same(
        "reply",
        reply.await?.message.as_str(),
        "Hello, Ada, Bob, Cleo!",
    )?;
    Ok(String::new())
}

async fn bidi(client: &GreeterClient) -> Outcome {
    let (mut names, mut replies) = client.say_hello_to_each().split();
    for number in 0..100 {
        names.send(named(&number.to_string())).await?;
        let reply = replies.message().await?.ok_or("the stream ends early")?;
        same("reply", reply.message, format!("Hello, {number}!"))?;
    }
    names.half_close();
    same("end", replies.message().await?.is_none(), true)?;
    Ok("100 messages".into())
}

async fn metadata(client: &GreeterClient) -> Outcome {
    let binary = [0_u8, 255, 10, 13, 44];
    let call = client
        .say_hello(named("Ada"))
        .metadata("echo-text", "a, b; c");
    let reply = call
        .metadata("echo-text", "second")
        .metadata("echo-bin", binary.to_vec())
        .await?;
    for (where_, metadata) in [
        ("headers", reply.metadata()),
        ("trailers", reply.trailers()),
    ] {
        let texts: Vec<_> = metadata.get_all("echo-text").collect();
        // Intermediaries may join values of one key (RFC 9110 §5.2).
        let joined = texts.join(",").replace(' ', "");
        same(where_, joined.as_str(), "a,b;c,second")?;
        same(
            where_,
            metadata.get_bin("echo-bin").map(|value| value.to_vec()),
            Some(binary.to_vec()),
        )?;
    }
    Ok(String::new())
}

async fn error(client: &GreeterClient) -> Outcome {
    let status = client
        .say_hello(named(""))
        .await
        .err()
        .ok_or("it was not refused")?;
    same("code", status.code(), Code::InvalidArgument)?;
    same("message", status.message(), "niemand da: 100 % ärgerlich")?;
    same("trailer", status.metadata().get("reason"), Some("empty"))?;
    let details: BadRequest = status.details().ok_or("the details are lost")?;
    same("field", details.field_violations[0].field.as_str(), "name")?;
    Ok(String::new())
}

async fn late_error(client: &GreeterClient) -> Outcome {
    let mut replies = client.say_hello_in_every_language(named("")).await?;
    let mut count = 0;
    let status = loop {
        match replies.message().await {
            Ok(Some(_)) => count += 1,
            Ok(None) => return Err("it ended well".into()),
            Err(status) => break status,
        }
    };
    same("replies", count, 3)?;
    same("code", status.code(), Code::InvalidArgument)?;
    same("details", status.details::<BadRequest>().is_some(), true)?;
    Ok(String::new())
}

async fn unimplemented(proxy: &Proxy) -> Outcome {
    let other = farcall_examples::helloworld::GreeterClient::new(proxy.channel());
    let request = farcall_examples::helloworld::HelloRequest::default();
    let status = other
        .say_hello(request)
        .await
        .err()
        .ok_or("it was answered")?;
    same("code", status.code(), Code::Unimplemented)?;
    Ok(String::new())
}

async fn large(client: &GreeterClient) -> Outcome {
    let size = 3_000_000;
    let reply = client.say_hello(named(&format!("big {size}"))).await?;
    same("reply", reply.message.len(), size)?;
    let name = "y".repeat(size);
    let (mut names, reply) = client.say_hello_to_all().split();
    names.send(named(&name)).await?;
    names.half_close();
    same("echo", reply.await?.message.len(), size + "Hello, !".len())?;
    Ok(String::new())
}

async fn too_large(client: &GreeterClient) -> Outcome {
    for request in [named("big 5000000"), named(&"z".repeat(5_000_000))] {
        let status = client
            .say_hello(request)
            .await
            .err()
            .ok_or("it was answered")?;
        same("code", status.code(), Code::ResourceExhausted)?;
    }
    Ok(String::new())
}

async fn compressed(client: &GreeterClient) -> Outcome {
    let reply = client
        .say_hello(named("big 100000"))
        .compress(Encoding::Gzip)
        .await?;
    same("compressed", reply.message_was_compressed(), true)?;
    same("reply", reply.message.len(), 100_000)?;
    Ok(String::new())
}

async fn many(client: &GreeterClient) -> Outcome {
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    client.say_hello(named("Ada")).await?;
                }
                Ok::<(), farcall::Status>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(String::new())
}

async fn deadline(client: &GreeterClient, backend: &Backend) -> Outcome {
    let reply = client
        .say_hello(named("deadline"))
        .timeout(Duration::from_secs(60))
        .await?;
    let left: u64 = reply
        .message
        .parse()
        .map_err(|_| format!("the server has deadline {:?}", reply.message))?;
    same("within a minute", (30_000..=60_000).contains(&left), true)?;
    same(
        "without one",
        client.say_hello(named("deadline")).await?.message.as_str(),
        "none",
    )?;
    let begun = backend.counters.begun.load(Ordering::SeqCst);
    let status = client
        .say_hello(named("wait"))
        .timeout(Duration::from_millis(300))
        .await;
    same(
        "code",
        status.map_err(|status| status.code()).err(),
        Some(Code::DeadlineExceeded),
    )?;
    same(
        "handlers",
        backend.counters.begun.load(Ordering::SeqCst),
        begun + 1,
    )?;
    Ok(String::new())
}

async fn expired(client: &GreeterClient, backend: &Backend) -> Outcome {
    let before = backend.counters.dropped.load(Ordering::SeqCst);
    let call = client
        .say_hello(named("wait"))
        .timeout(Duration::from_millis(300));
    same(
        "code",
        call.await.map_err(|status| status.code()).err(),
        Some(Code::DeadlineExceeded),
    )?;
    dropped(backend, before).await
}

async fn cancelled(client: &GreeterClient, backend: &Backend) -> Outcome {
    let before = backend.counters.dropped.load(Ordering::SeqCst);
    let begun = backend.counters.begun.load(Ordering::SeqCst);
    let call = tokio::spawn(client.say_hello(named("wait")).into_future());
    while backend.counters.begun.load(Ordering::SeqCst) == begun {
        a_moment().await;
    }
    call.abort();
    dropped(backend, before).await
}

/// Waits until one more handler is gone; the table's patience ends it if none is.
async fn dropped(backend: &Backend, before: usize) -> Outcome {
    while backend.counters.dropped.load(Ordering::SeqCst) == before {
        a_moment().await;
    }
    Ok(String::new())
}
