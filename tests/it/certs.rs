//! Certificates of a test: an authority, and what it signs.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SerialNumber};

/// An authority that signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its private key, in PEM.
pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap());
        Self(issuer.unwrap())
    }

    /// Its own certificate, in PEM.
    pub(crate) fn root(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name and serial number.
    pub(crate) fn sign(&self, name: &str, serial: u64) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Signed {
    /// Puts both in place of what is there, the key first, as who renews certificates does.
    pub(crate) fn install(&self, certificate: &Path, key: &Path) {
        replace(key, &self.key);
        replace(certificate, &self.certificate);
    }
}

/// Puts a whole file in place of another one.
pub(crate) fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    crate::shop::write(&new, text);
    fs::rename(&new, path).unwrap();
}
