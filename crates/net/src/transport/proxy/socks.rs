//! SOCKS 5 (RFC 1928), with user and password (RFC 1929).

use super::broken;
use crate::{
    proxy::{Credentials, Destination, Host, Problem},
    transport::io::Io,
};
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const NOBODY: u8 = 0;
const PASSWORD: u8 = 2;

pub(super) async fn connect(
    io: &mut Io,
    destination: &Destination,
    credentials: Option<&Credentials>,
) -> Result<(), Problem> {
    let methods: &[u8] = match credentials {
        Some(_) => &[VERSION, 2, NOBODY, PASSWORD],
        None => &[VERSION, 1, NOBODY],
    };
    send(io, methods).await?;
    let [version, method] = receive(io).await?;
    if version != VERSION {
        return Err(malformed(&[version, method]));
    }
    match (method, credentials) {
        (NOBODY, _) => {}
        (PASSWORD, Some(credentials)) => log_in(io, credentials).await?,
        _ => {
            return Err(Problem::SocksMethod {
                password: credentials.is_some(),
            });
        }
    }
    send(io, &request(destination)).await?;
    reply(io).await
}

async fn log_in(io: &mut Io, credentials: &Credentials) -> Result<(), Problem> {
    let mut login = vec![LOGIN_VERSION];
    for word in [&credentials.user, &credentials.password] {
        push_word(&mut login, word);
    }
    send(io, &login).await?;
    // Some proxies answer with the version of SOCKS; only the second byte says something.
    let [_, status] = receive(io).await?;
    match status {
        0 => Ok(()),
        _ => Err(Problem::SocksPassword),
    }
}

fn request(destination: &Destination) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0];
    match &destination.host {
        Host::Ip(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend_from_slice(&ip.octets());
        }
        Host::Ip(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend_from_slice(&ip.octets());
        }
        Host::Name(name) => {
            request.push(3);
            push_word(&mut request, name);
        }
    }
    request.extend_from_slice(&destination.port.to_be_bytes());
    request
}

/// Its length in one byte, and it; what is longer was refused before.
fn push_word(into: &mut Vec<u8>, word: &str) {
    let word = &word.as_bytes()[..word.len().min(255)];
    into.push(word.len() as u8);
    into.extend_from_slice(word);
}

async fn reply(io: &mut Io) -> Result<(), Problem> {
    let [version, reply, _, kind] = receive(io).await?;
    if version != VERSION {
        return Err(malformed(&[version, reply]));
    }
    if reply != 0 {
        return Err(Problem::Socks(reply));
    }
    // Where the proxy connects from, which is of no use here, but has to be read.
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => {
            let [length] = receive(io).await?;
            usize::from(length)
        }
        _ => return Err(malformed(&[version, reply, 0, kind])),
    };
    let mut bound = [0; 255 + 2];
    let bound = &mut bound[..length + 2];
    io.read_exact(bound).await.map(drop).map_err(broken)
}

async fn send(io: &mut Io, bytes: &[u8]) -> Result<(), Problem> {
    io.write_all(bytes).await.map_err(broken)?;
    io.flush().await.map_err(broken)
}

async fn receive<const N: usize>(io: &mut Io) -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    io.read_exact(&mut bytes).await.map_err(broken)?;
    Ok(bytes)
}

fn malformed(seen: &[u8]) -> Problem {
    Problem::Malformed("SOCKS 5", String::from_utf8_lossy(seen).into_owned())
}
