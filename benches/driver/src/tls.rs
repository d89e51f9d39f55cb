//! TLS for both ends, with the certificate of the benchmark kit.

use crate::io::Io;
use std::{error::Error, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
};

const CA: &[u8] = include_bytes!("../../peers/tls/ca.pem");
const SERVER: &[u8] = include_bytes!("../../peers/tls/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("../../peers/tls/server.key");

/// Shakes hands as the client.
///
/// # Errors
/// Those of the handshake.
pub(crate) async fn connect(stream: TcpStream) -> Result<Io, Box<dyn Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA)?)?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost")?;
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    Ok(Io::Tls(Box::new(stream.into())))
}

/// Shakes hands as the server.
///
/// # Errors
/// Those of the handshake.
pub(crate) async fn accept(stream: TcpStream) -> Result<Io, Box<dyn Error + Send + Sync>> {
    let chain = CertificateDer::pem_slice_iter(SERVER).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY)?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
    Ok(Io::Tls(Box::new(stream.into())))
}
