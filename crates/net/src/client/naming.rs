//! Which `:authority` the calls of a connection carry, and whether the server has proven to be of that name.

use crate::{peer::Peer, transport::Picked};
use bytes::Bytes;
use farcall_core::{Status, call::client::RequestTemplate};
use farcall_http2::{Fields, KnownName};
use std::sync::Arc;

/// Lists that are kept with the address's name in place of the channel's; those of further methods are made for each call.
const KEPT: usize = 32;

/// See the module.
pub(super) struct Naming {
    /// The server's address, for messages.
    pub(super) peer: Arc<str>,
    /// The address's name, where calls do not have that of the channel.
    address: Option<Bytes>,
    /// The channel's lists, held so that their addresses are not those of others, and the same with the address's name.
    known: Vec<(Arc<Fields>, RequestTemplate)>,
    proof: Proof,
}

/// How the server can prove a name.
enum Proof {
    /// Nothing is proven on this connection: every name is as good as the target's.
    Plaintext,
    #[cfg(feature = "tls")]
    Certificate(Box<Certificate>),
}

#[cfg(feature = "tls")]
struct Certificate {
    /// The server's own, in DER.
    leaf: Box<[u8]>,
    /// The name that the handshake has proven, and the last one that was looked up since.
    names: [Bytes; 2],
}

impl Naming {
    /// Of a connection to `peer`, whose address has this name, if it is not the channel's.
    pub(super) fn new(address: Option<&str>, peer: &Peer) -> Naming {
        Naming {
            peer: peer.remote_address().to_string().into(),
            address: address.map(|name| Bytes::copy_from_slice(name.as_bytes())),
            known: Vec::new(),
            proof: Proof::of(peer),
        }
    }

    /// Whether calls that say nothing of it carry another name than the channel's.
    #[inline]
    pub(super) fn renames(&self) -> bool {
        self.address.is_some()
    }

    /// The lists of a request; `own`: the call has named the server itself.
    ///
    /// # Errors
    /// UNAVAILABLE: the server has not proven to be of the name that the call has.
    #[cold]
    pub(super) fn template(
        &mut self,
        template: &RequestTemplate,
        own: bool,
        picked: Option<&Picked>,
    ) -> Result<RequestTemplate, Status> {
        if own {
            self.proof.check(template)?;
            return Ok(template.clone());
        }
        if let Some(name) = picked.and_then(|picked| picked.authority.as_ref()) {
            return Ok(template.with_authority(name.as_str().to_owned()));
        }
        let Some(address) = &self.address else {
            return Ok(template.clone());
        };
        let mut known = self.known.iter();
        if let Some((_, renamed)) = known.find(|(old, _)| Arc::ptr_eq(old, &template.pseudo)) {
            return Ok(RequestTemplate {
                pseudo: Arc::clone(&renamed.pseudo),
                common: Arc::clone(&template.common),
            });
        }
        let renamed = template.with_authority(address.clone());
        if self.known.len() < KEPT {
            let old = Arc::clone(&template.pseudo);
            self.known.push((old, renamed.clone()));
        }
        Ok(renamed)
    }
}

impl Proof {
    #[cfg(not(feature = "tls"))]
    fn of(_: &Peer) -> Proof {
        Proof::Plaintext
    }

    #[cfg(feature = "tls")]
    fn of(peer: &Peer) -> Proof {
        let Some(tls) = peer.tls() else {
            return Proof::Plaintext;
        };
        let name = tls.server_name().unwrap_or_default().as_bytes();
        let name = Bytes::copy_from_slice(name);
        Proof::Certificate(Box::new(Certificate {
            leaf: tls.certificates().next().unwrap_or_default().into(),
            names: [name.clone(), name],
        }))
    }

    #[cfg(not(feature = "tls"))]
    fn check(&mut self, _: &RequestTemplate) -> Result<(), Status> {
        let Proof::Plaintext = self;
        let _ = KnownName::Authority;
        Ok(())
    }

    #[cfg(feature = "tls")]
    fn check(&mut self, template: &RequestTemplate) -> Result<(), Status> {
        let Proof::Certificate(certificate) = self else {
            return Ok(());
        };
        let Certificate { leaf, names } = &mut **certificate;
        let authority = KnownName::Authority.into();
        let mut fields = template.pseudo.iter();
        let Some(field) = fields.find(|field| field.name == authority) else {
            return Ok(());
        };
        let text = std::str::from_utf8(&field.value).unwrap_or_default();
        let host = crate::tls::host_of(text);
        if names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host.as_bytes()))
        {
            return Ok(());
        }
        crate::tls::proves(leaf, host).map_err(|error| {
            Status::unavailable(format!(
                "the option authority: the server has not proven to be \"{text}\""
            ))
            .with_cause(error)
        })?;
        names[1] = Bytes::copy_from_slice(host.as_bytes());
        Ok(())
    }
}
