//! From options to a channel, and to the deadline that everything has together.

use crate::{arguments::Connection, failure::Failure, headers};
use farcall::{Channel, ClientTls, Metadata, tls::TlsConfigError};
use std::time::Instant;

/// A channel with what goes along with every call on it.
pub(crate) struct Connected {
    pub(crate) channel: Channel,
    pub(crate) metadata: Metadata,
    pub(crate) deadline: Option<Instant>,
}

/// Nothing is connected before the first call.
///
/// # Errors
/// The target or a certificate is wrong.
pub(crate) fn connect(target: &str, options: &Connection) -> Result<Connected, Failure> {
    let mut builder = Channel::builder(target).connect_timeout(options.connect_timeout);
    builder = match options.plaintext {
        true => builder.insecure(),
        false => builder.tls(tls(options).map_err(Failure::local)?),
    };
    if let Some(authority) = &options.authority {
        builder = builder.authority(authority);
    }
    Ok(Connected {
        channel: builder.build().map_err(Failure::local)?,
        metadata: headers::metadata(&options.metadata),
        deadline: options.timeout.map(|timeout| Instant::now() + timeout),
    })
}

fn tls(options: &Connection) -> Result<ClientTls, TlsConfigError> {
    let mut tls = match &options.ca {
        Some(file) => ClientTls::ca_pem_file(file)?,
        None => ClientTls::system_roots(),
    };
    if let (Some(certificate), Some(key)) = (&options.cert, &options.key) {
        tls = tls.identity_pem_files(certificate, key)?;
    }
    match &options.server_name {
        Some(name) => tls.server_name(name),
        None => Ok(tls),
    }
}

/// Gives a call what all calls have.
macro_rules! prepared {
    ($connected:expr, $call:expr) => {{
        let mut call = $call;
        for (key, value) in $connected.metadata.iter() {
            call = match value {
                ::farcall::metadata::Value::Text(text) => call.metadata(key, text),
                ::farcall::metadata::Value::Binary(bytes) => call.metadata(key, bytes.clone()),
            };
        }
        match $connected.deadline {
            Some(deadline) => call.deadline(deadline),
            None => call,
        }
    }};
}
pub(crate) use prepared;
