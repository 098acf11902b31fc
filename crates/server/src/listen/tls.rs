//! The certificate that the S3 port shows, read again when the operator says so (SIGHUP).
//!
//! A certificate that cannot be read at the start stops the start. One that cannot be read later changes nothing: the
//! old one goes on, and the log says why.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::complaint::Complaint;

/// A certificate chain, its key, and where they came from.
pub(crate) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files: PEM, the server's own certificate first.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, Complaint> {
        let current = read(certificate, key)?;
        Ok(Tls { certificate: certificate.into(), key: key.into(), current: RwLock::new(current) })
    }

    /// Reads them again; connections from now on show what they hold.
    pub(crate) fn reload(&self) -> Result<(), Complaint> {
        let fresh = read(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = fresh;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone())
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, Complaint> {
    let unreadable = |what: &str, path: &Path, error: &dyn std::fmt::Display| {
        Complaint::failed(
            format!("the TLS {what} {} cannot be used: {error}", path.display()),
            format!("Give a PEM file that this user may read with --tls-{what}."),
        )
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable("cert", certificate, &error))?;
    if chain.is_empty() {
        return Err(unreadable("cert", certificate, &"it holds no certificate"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("key", key, &error))?;
    // Named here, so that no other part of the process has to install a default.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| unreadable("key", key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
