//! HTTP CONNECT (RFC 9110 §9.3.6) in HTTP/1.1.

use super::{broken, head};
use crate::{
    proxy::{Credentials, Destination, Problem},
    transport::io::Io,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::io::AsyncWriteExt;

pub(super) async fn connect(
    io: &mut Io,
    destination: &Destination,
    credentials: Option<&Credentials>,
    user_agent: &[u8],
) -> Result<(), Problem> {
    let request = request(destination, credentials, user_agent);
    io.write_all(&request).await.map_err(broken)?;
    io.flush().await.map_err(broken)?;
    let mut left = head::LIMIT;
    loop {
        let head = head::read(io, &mut left).await?;
        match head.status {
            // RFC 9110 §15.2: any number of them comes before the answer.
            100..=199 => {}
            // Whatever it says about a length: the tunnel begins behind the head.
            200..=299 => return Ok(()),
            status => return Err(Problem::Http(status, head.line)),
        }
    }
}

fn request(
    destination: &Destination,
    credentials: Option<&Credentials>,
    user_agent: &[u8],
) -> Vec<u8> {
    let mut request = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n");
    if let Some(Credentials { user, password }) = credentials {
        // RFC 7617.
        let basic = BASE64_STANDARD.encode(format!("{user}:{password}"));
        request.push_str(&format!("Proxy-Authorization: Basic {basic}\r\n"));
    }
    request.push_str("User-Agent: ");
    let mut request = request.into_bytes();
    request.extend_from_slice(user_agent);
    request.extend_from_slice(b"\r\n\r\n");
    request
}
