//! Whom a client trusts to be the server: certificate authorities of the system, or those of a PEM text.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// Certificate authorities that vouch for a server. They are looked at for `https` endpoints only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roots<'a> {
    /// Those that the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` count where they are set).
    System,
    /// Those of a text in PEM, and no others. A self-signed certificate is its own authority.
    Pem(&'a [u8]),
}

/// A connector for `http` and, where `secure`, for `https`.
///
/// # Errors
/// What is wrong with the authorities, in words.
pub(crate) fn connector(
    http: HttpConnector,
    secure: bool,
    roots: Roots<'_>,
) -> Result<HttpsConnector<HttpConnector>, String> {
    let roots = if secure { store(roots)? } else { RootCertStore::empty() };
    // Named here, so that no other part of the process has to install a default.
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http))
}

fn store(roots: Roots<'_>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                let why = found.errors.first().map(|error| format!(": {error}")).unwrap_or_default();
                return Err(format!("the system names no certificate authority that can be used{why}"));
            }
        }
        Roots::Pem(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("the authorities are not PEM: {error}"))?;
                store.add(certificate).map_err(|error| format!("an authority cannot be used: {error}"))?;
            }
            if store.is_empty() {
                return Err("there is no certificate among the authorities".to_owned());
            }
        }
    }
    Ok(store)
}
