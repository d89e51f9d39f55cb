//! One connection of a channel: made, then driven to its end.

use super::{
    connection::ClientRole,
    connector::Connector,
    news::{News, Reporter},
    shared::{Settings, Shared},
};
use crate::{
    clock,
    peer::{Peer, SocketAddress},
    transport::{
        Driver, Mailbox, Submit,
        connect::{ConnectError, connect, secure},
        io::{Io, TcpOptions},
    },
};
use farcall_http2::Connection;
use farcall_lb::subchannel::Cause;
use farcall_lb::{Address, Location};
use std::{io, sync::Arc, time::Instant};

/// Connects to `address` and drives the connection until it is over. Aborting the task cuts it.
pub(crate) async fn run(
    shared: Arc<Shared>,
    address: Address,
    deadline: Instant,
    submit: Arc<Submit<Mailbox>>,
    reporter: Reporter,
) {
    let (io, peer) = match establish(&shared.settings, &address, deadline).await {
        Ok(connected) => connected,
        Err(cause) => {
            reporter.tell(News::Refused(cause));
            return;
        }
    };
    let machine = Connection::client(shared.settings.http2.clone(), clock::now());
    drop(shared);
    let role = ClientRole::new(peer.remote_address().to_string(), reporter);
    Driver::new(io, machine, submit, role).await;
}

async fn establish(
    settings: &Settings,
    address: &Address,
    deadline: Instant,
) -> Result<(Io, Peer), Cause> {
    let deadline = tokio::time::Instant::from_std(deadline);
    if let Some(connector) = &settings.connector {
        return custom(&**connector, settings, address, deadline)
            .await
            .map_err(|error| Arc::new(error) as Cause);
    }
    let options = TcpOptions {
        user_timeout: settings.user_timeout(),
    };
    let mut last: Option<ConnectError> = None;
    for address in socket_addresses(address).await? {
        match connect(
            &address,
            &settings.security,
            &settings.authority,
            options,
            deadline,
        )
        .await
        {
            Ok(connected) => return Ok(connected),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => Arc::new(error),
        None => Arc::new(io::Error::new(
            io::ErrorKind::NotFound,
            format!("{address} has no addresses"),
        )),
    })
}

/// The sockets' addresses behind an address; names are looked up only here (`passthrough:`).
async fn socket_addresses(address: &Address) -> Result<Vec<SocketAddress>, Cause> {
    let one = match address.location() {
        Location::Ip(ip) => SocketAddress::Ip(*ip),
        Location::Unix(path) => SocketAddress::Unix(path.clone()),
        Location::UnixAbstract(name) => SocketAddress::UnixAbstract(name.clone()),
        Location::Named(name) => {
            let found = tokio::net::lookup_host(name).await.map_err(|error| {
                Arc::new(io::Error::new(error.kind(), format!("{name}: {error}"))) as Cause
            })?;
            return Ok(found.map(SocketAddress::Ip).collect());
        }
        other => {
            let text = format!("{other}: only a custom connector can connect to such an address");
            return Err(Arc::new(io::Error::new(io::ErrorKind::Unsupported, text)));
        }
    };
    Ok(vec![one])
}

async fn custom(
    connector: &dyn Connector,
    settings: &Settings,
    address: &Address,
    deadline: tokio::time::Instant,
) -> Result<(Io, Peer), ConnectError> {
    let remote = match address.location() {
        Location::Ip(ip) => SocketAddress::Ip(*ip),
        other => SocketAddress::Other(other.to_string().into()),
    };
    let open = async {
        let stream = connector.connect(address).await?;
        Ok((Io::custom(stream), SocketAddress::Other("custom".into())))
    };
    secure(
        open,
        &remote,
        &settings.security,
        &settings.authority,
        deadline,
    )
    .await
}
