//! Whom an `mqtts` connection trusts.

use crate::OptionsError;
use rumqttc::{TlsConfiguration, Transport};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::sync::Arc;

/// Builds the transport that checks the server against the given authorities, or against those of the system.
pub(crate) fn transport(ca_pem: Option<&[u8]>) -> Result<Transport, OptionsError> {
    let roots = match ca_pem {
        Some(pem) => given(pem)?,
        None => of_the_system()?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OptionsError::CertificateAuthority(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Transport::tls_with_config(TlsConfiguration::Rustls(Arc::new(config))))
}

fn given(pem: &[u8]) -> Result<RootCertStore, OptionsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| OptionsError::CertificateAuthority(error.to_string()))?;
        roots.add(certificate).map_err(|error| OptionsError::CertificateAuthority(error.to_string()))?;
    }
    if roots.is_empty() { Err(OptionsError::CertificateAuthority("the file holds no certificate".to_owned())) } else { Ok(roots) }
}

/// One bad certificate in the system's store must not keep the good ones from being used.
fn of_the_system() -> Result<RootCertStore, OptionsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let why = found.errors.first().map_or_else(|| "the system has none".to_owned(), ToString::to_string);
    Err(OptionsError::CertificateAuthority(why))
}

/// Says what is wrong with a handshake, and what to do about the one mistake that is made over and over: a certificate made
/// with `openssl req -x509` alone is an authority's, which no server may show. rustls hides that in an error of its verifier,
/// whose type it does not promise, so its name has to do.
pub(crate) fn words(error: &rustls::Error) -> String {
    let error = error.to_string();
    if error.contains("CaUsedAsEndEntity") {
        return "the server shows the certificate of an authority; make it one of its own, with the extension basicConstraints=CA:FALSE"
            .to_owned();
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_in_words() {
        let refusal = transport(Some(b"not a certificate")).err().unwrap().to_string();
        assert!(refusal.contains("holds no certificate"), "{refusal}");
    }
}
