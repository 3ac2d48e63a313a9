//! Why a private key cannot be used: its algorithm, its curve, its length.

use pkcs1::RsaPrivateKeyRef;
use pkcs8::der::Decode as _;
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use sec1::EcPrivateKey;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// Names by their object identifiers.
const NAMES: [(&str, &str); 8] = [
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.10045.3.1.1", "P-192"),
    ("1.3.101.113", "Ed448"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
];

/// What it is, and what would do.
pub(super) fn describe(key: &PrivateKeyDer<'_>) -> String {
    let description = match key {
        PrivateKeyDer::Pkcs1(key) => of_rsa(key.secret_pkcs1_der()),
        PrivateKeyDer::Sec1(key) => {
            let key = EcPrivateKey::from_der(key.secret_sec1_der()).ok();
            let curve = key.and_then(|key| key.parameters?.named_curve());
            curve.map(on_curve)
        }
        PrivateKeyDer::Pkcs8(key) => of_pkcs8(key.secret_pkcs8_der()),
        _ => None,
    };
    description.unwrap_or_else(|| "is damaged".to_owned())
}

fn of_pkcs8(der: &[u8]) -> Option<String> {
    let key = PrivateKeyInfoRef::from_der(der).ok()?;
    match key.algorithm.oid {
        RSA => of_rsa(key.private_key.as_bytes()),
        ELLIPTIC => key.algorithm.parameters_oid().ok().map(on_curve),
        other => Some(format!(
            "is of the algorithm {}: use ECDSA, Ed25519 or RSA",
            name(other)
        )),
    }
}

fn on_curve(curve: ObjectIdentifier) -> String {
    format!("is on the curve {}: use P-256 or P-384", name(curve))
}

fn of_rsa(der: &[u8]) -> Option<String> {
    let key = RsaPrivateKeyRef::from_der(der).ok()?;
    let modulus = key.modulus.as_bytes();
    let unused = modulus.first().map_or(0, |first| first.leading_zeros());
    let bits = modulus.len() * 8 - unused as usize;
    Some(match bits {
        0..2048 => format!("is RSA of {bits} bits, which is too short: use 2048 or more"),
        _ => format!("is RSA of {bits} bits, which cannot be used: use 2048, 3072 or 4096"),
    })
}

fn name(identifier: ObjectIdentifier) -> String {
    let identifier = identifier.to_string();
    let known = NAMES.iter().find(|(known, _)| *known == identifier);
    known.map_or(identifier.clone(), |(_, name)| (*name).to_owned())
}
