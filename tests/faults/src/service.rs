//! The service under test. Every call's first message begins with its id, which goes into the ledger.

use crate::{ledger::Ledger, resources::Resources};
use bytes::Bytes;
use farcall_net::{Request, Status, Streaming};
use farcall_testkit::stub_server::StubServer;
use std::{sync::Arc, time::Duration};

/// Unary: answers with what it got.
pub const ECHO: &str = "/faults.Service/Echo";
/// Server streaming: as many kilobytes as the ninth byte says.
pub const MANY: &str = "/faults.Service/Many";
/// Client streaming: how many bytes came.
pub const SUM: &str = "/faults.Service/Sum";
/// Both: every message comes back.
pub const CHAT: &str = "/faults.Service/Chat";
/// Unary: the server's resources.
pub const RESOURCES: &str = "/faults.Service/Resources";
/// Unary: panics, which is logged.
pub const PANIC: &str = "/faults.Service/Panic";

fn id(message: &[u8]) -> Result<u64, Status> {
    let id = message
        .first_chunk()
        .ok_or_else(|| Status::invalid_argument("no id"))?;
    Ok(u64::from_le_bytes(*id))
}

/// The service; handlers take `work` each, which lets drains and kills find some running.
pub fn service(ledger: Ledger, work: Duration) -> StubServer {
    let ledger = Arc::new(ledger);
    let book = || Arc::clone(&ledger);
    let (echo, many, sum, chat) = (book(), book(), book(), book());
    StubServer::unary(ECHO, move |request: Request<Bytes>| {
        let noted = id(&request).map(|id| echo.note(id));
        async move {
            noted?;
            pause(work).await;
            Ok(request.into_inner())
        }
    })
    .and(StubServer::server_streaming(
        MANY,
        move |request, replies| {
            let many = Arc::clone(&many);
            Box::pin(async move {
                many.note(id(&request)?);
                for _ in 0..request.get(8).copied().unwrap_or(1) {
                    replies.send(Bytes::from_static(&[7; 1024])).await?;
                }
                pause(work).await;
                Ok(())
            })
        },
    ))
    .and(StubServer::client_streaming(
        SUM,
        move |request: Request<Streaming<Bytes>>| {
            let sum = Arc::clone(&sum);
            async move {
                let mut messages = request.into_inner();
                let (mut total, mut first) = (0, true);
                while let Some(message) = messages.message().await? {
                    if std::mem::take(&mut first) {
                        sum.note(id(&message)?);
                    }
                    total += message.len();
                }
                Ok(Bytes::from(total.to_string()))
            }
        },
    ))
    .and(StubServer::bidi(CHAT, move |request, replies| {
        let chat = Arc::clone(&chat);
        Box::pin(async move {
            let mut messages = request.into_inner();
            let mut first = true;
            while let Some(message) = messages.message().await? {
                if std::mem::take(&mut first) {
                    chat.note(id(&message)?);
                }
                replies.send(message).await?;
            }
            Ok(())
        })
    }))
    .and(StubServer::unary(RESOURCES, |_| async {
        Ok(Bytes::from(Resources::now().to_string()))
    }))
    .and(StubServer::unary(
        PANIC,
        |request: Request<Bytes>| async move {
            match request.len() {
                usize::MAX => Ok(Bytes::new()),
                _ => panic!("as asked"),
            }
        },
    ))
}

async fn pause(work: Duration) {
    if !work.is_zero() {
        tokio::time::sleep(work).await;
    }
}
