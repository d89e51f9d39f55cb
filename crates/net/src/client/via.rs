//! Connections through a proxy.

use super::{race, shared::Settings};
use crate::{
    peer::{Peer, SocketAddress},
    proxy::{Destination, Problem, ProxyError, Routes},
    transport::{
        connect::{self, ConnectError, ConnectTime, Limit, Stage, secure},
        io::Io,
        proxy as handshake,
    },
    words::words,
};
use std::{io, net::IpAddr, net::SocketAddr, sync::Arc};

/// Connects to `destination` through the proxy, and secures the connection with the server behind it.
pub(super) async fn proxy(
    settings: &Settings,
    routes: &Routes,
    destination: &Destination,
    name: &str,
    time: ConnectTime,
) -> Result<(Io, Peer), ConnectError> {
    let server = SocketAddress::Other(destination.to_string().into());
    let limit = Limit::until(&server, time).ahead().through(&routes.url);
    let open = async {
        let found = look_up(routes).await?;
        let tunnel = |address| tunnel(settings, routes, destination, address);
        match race::first(found, tunnel).await {
            Some(outcome) => outcome,
            None => Err(no_address()),
        }
        .map_err(|problem| ProxyError::new(problem).into())
    };
    secure(&limit, Stage::Proxy, open, &settings.security, name).await
}

async fn look_up(routes: &Routes) -> Result<Vec<SocketAddr>, ProxyError> {
    let (host, port) = (&routes.url.host, routes.url.port);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = tokio::net::lookup_host((&host[..], port)).await;
    match found {
        Ok(found) => Ok(found.collect()),
        Err(error) => Err(Problem::LookUp(Arc::new(error)).into()),
    }
}

fn no_address() -> Problem {
    let error = io::Error::new(io::ErrorKind::NotFound, "it has no addresses");
    Problem::LookUp(Arc::new(error))
}

/// One attempt, at one address of the proxy.
async fn tunnel(
    settings: &Settings,
    routes: &Routes,
    destination: &Destination,
    proxy: SocketAddr,
) -> Result<(Io, SocketAddress), Problem> {
    let opened = connect::open(&proxy.into(), settings.tcp_options()).await;
    let (io, local) = opened.map_err(|error| {
        let text = format!("{proxy}: {}", words(&error));
        Problem::Connect(Arc::new(io::Error::new(error.kind(), text)))
    })?;
    #[cfg(feature = "tls")]
    let io = match &routes.tls {
        None => io,
        Some(tls) => {
            let host = &routes.url.host;
            let shaken = tls.handshake(io, host).await;
            let (stream, _) = shaken.map_err(|error| Problem::Tls(Arc::new(error)))?;
            Io::Tls(Box::new(stream.into()))
        }
    };
    let mut io = io;
    handshake::open(&mut io, &routes.url, destination, &settings.user_agent).await?;
    Ok((io, local))
}
