//! Which cryptography rustls computes with.

use super::error::TlsConfigError;
use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// aws-lc where the feature `tls-aws-lc` is on, else ring.
#[cfg(feature = "tls-aws-lc")]
pub(super) fn provider() -> Result<Arc<CryptoProvider>, TlsConfigError> {
    Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc")))]
pub(super) fn provider() -> Result<Arc<CryptoProvider>, TlsConfigError> {
    Ok(Arc::new(rustls::crypto::ring::default_provider()))
}

#[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc")))]
pub(super) fn provider() -> Result<Arc<CryptoProvider>, TlsConfigError> {
    Err(TlsConfigError::unusable(
        "TLS",
        "built without cryptography: turn on the feature tls-aws-lc or tls-ring, or hand over a rustls configuration",
    ))
}
