//! One channel for each server and identity, shared by all calls to it.

use super::plan::Unusable;
use crate::pb::ClientCompatRequest;
use bytes::Bytes;
use farcall::{Channel, ClientTls};
use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

/// The channels of a client.
#[derive(Debug, Default)]
pub struct Channels {
    open: Mutex<HashMap<Key, Channel>>,
}

/// What makes a channel another one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    host: String,
    port: u32,
    server_certificate: Bytes,
    identity: Option<(Bytes, Bytes)>,
}

impl Channels {
    /// The channel to a request's server, as whom the request says.
    pub(super) fn to(&self, request: &ClientCompatRequest) -> Result<Channel, Unusable> {
        let key = Key {
            host: request.host.clone(),
            port: request.port,
            server_certificate: request.server_tls_cert.clone(),
            identity: request
                .client_tls_creds
                .as_ref()
                .map(|creds| (creds.cert.clone(), creds.key.clone())),
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = open.get(&key) {
            return Ok(channel.clone());
        }
        let channel = key.connect()?;
        open.insert(key, channel.clone());
        Ok(channel)
    }
}

impl Key {
    fn connect(&self) -> Result<Channel, Unusable> {
        let builder = Channel::builder(format!("dns:///{}:{}", self.host, self.port));
        let builder = if self.server_certificate.is_empty() {
            builder.insecure()
        } else {
            builder.tls(self.tls().map_err(unusable)?)
        };
        builder.build().map_err(unusable)
    }

    fn tls(&self) -> Result<ClientTls, farcall::tls::TlsConfigError> {
        let tls = ClientTls::ca_pem(&self.server_certificate)?;
        match &self.identity {
            Some((certificate, key)) => tls.identity_pem(certificate, key),
            None => Ok(tls),
        }
    }
}

fn unusable(error: impl fmt::Display) -> Unusable {
    Unusable(format!("there can be no channel: {error}"))
}
