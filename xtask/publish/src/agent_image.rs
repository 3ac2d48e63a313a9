//! The agent's image: the static program and the certificates of public authorities, and nothing else.

use anyhow::Context as _;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;
use xtask::build::agent::{AgentProfile, compile};

use crate::oci::archive::{Access, Entry};
use crate::oci::{Annotations, Image};

/// Not root, and no user of anybody else. The number is also the group's.
pub const USER: u32 = 65532;

/// Where Debian has them, and where the agent looks.
const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// The image of this source's agent.
///
/// # Errors
/// When the agent cannot be built.
pub fn make(profile: AgentProfile, annotations: &Annotations) -> anyhow::Result<Image> {
    let program = compile(profile)?;
    let certificates = certificates();
    let folder = |mode, owner| Entry::Folder(Access { mode, owner });
    let program = Entry::File(
        &program.octets,
        Access {
            mode: 0o755,
            owner: 0,
        },
    );
    let files = [
        ("etc/", folder(0o755, 0)),
        ("etc/ssl/", folder(0o755, 0)),
        ("etc/ssl/certs/", folder(0o755, 0)),
        (
            CERTIFICATES,
            Entry::File(certificates.as_bytes(), Access::READ),
        ),
        ("run/", folder(0o755, 0)),
        // The only places that it writes to; both are to be mounted, and shared with Envoy.
        ("run/wasm-agent/", folder(0o2770, USER)),
        ("var/", folder(0o755, 0)),
        ("var/lib/", folder(0o755, 0)),
        ("var/lib/wasm-agent/", folder(0o2770, USER)),
        ("wasm-agent", program),
    ];
    let second = 1_000_000_000_u64;
    let config = json!({
        "User": format!("{USER}:{USER}"),
        "Entrypoint": ["/wasm-agent"],
        "WorkingDir": "/",
        "Env": [
            format!("SSL_CERT_FILE=/{CERTIFICATES}"),
            "WASM_AGENT_LISTEN=unix:/run/wasm-agent/wasm-agent.sock",
            "WASM_AGENT_CACHE_DIR=/var/lib/wasm-agent",
        ],
        // Docker's extension of the configuration; Kubernetes has probes.
        "Healthcheck": {
            "Test": ["CMD", "/wasm-agent", "--check-ready"],
            "Interval": 10 * second,
            "Timeout": 5 * second,
            "Retries": 3,
        },
    });
    Image::of_files(&files, "wasm-agent", config, annotations).context("the agent's image")
}

/// Mozilla's list, as rustls' developers keep it.
fn certificates() -> String {
    let mut text = String::new();
    for certificate in TLS_SERVER_ROOT_CERTS {
        text += "-----BEGIN CERTIFICATE-----\n";
        for line in BASE64_STANDARD.encode(certificate).as_bytes().chunks(64) {
            text += &String::from_utf8_lossy(line);
            text.push('\n');
        }
        text += "-----END CERTIFICATE-----\n";
    }
    text
}
