//! How modules are fetched and kept.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::retry::Backoff;

/// How modules are fetched and kept.
#[derive(Clone, Debug)]
pub struct ModulesOptions {
    /// Where modules are kept. It is created if it is missing.
    pub cache_dir: PathBuf,
    /// A larger module is refused; one of exactly this size is not.
    pub max_module_bytes: u64,
    /// A module that nobody asked for during this time, and that no Envoy uses, is removed.
    pub expiry: Duration,
    /// How often expired modules are looked for.
    pub purge_interval: Duration,
    /// Unused modules beyond this many bytes are removed before they expire, those unused longest first.
    pub max_unused_bytes: Option<u64>,
    /// The time that one attempt may take, its body included.
    pub request_timeout: Duration,
    /// How often something is asked for in all, as `WASM_HTTP_REQUEST_MAX_RETRIES` counts; 0 counts as 1.
    pub max_attempts: u32,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// The time in all for a request without a timeout. Istio's agent has 5 s there, and 30 s is what its control
    /// plane sends: since every try starts anew, a slow link would never finish within 5 s.
    pub default_timeout: Duration,
    /// Refuses a module without `sha256`.
    pub require_checksum: bool,
    /// `host` or `host:port` whose certificates are not verified and that may speak plain HTTP; `*` for all.
    pub insecure_registries: Vec<String>,
    /// Registries that are asked in place of others, before them.
    pub registry_mirrors: Vec<RegistryMirror>,
    /// Certificate authorities of single registries or module servers.
    pub registry_cas: Vec<RegistryCa>,
    /// Addresses that are never connected to, beside those that never are.
    pub blocked_cidrs: Vec<IpNet>,
    /// Proxies on the way to module servers and registries.
    pub proxies: ProxySettings,
    /// The folder of Docker's `config.json`; without it `DOCKER_CONFIG`, else `~/.docker`.
    pub docker_config: Option<PathBuf>,
}

impl ModulesOptions {
    /// The defaults, with modules kept in `cache_dir`.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            max_module_bytes: 256 << 20,
            expiry: Duration::from_secs(24 * 60 * 60),
            purge_interval: Duration::from_secs(60 * 60),
            max_unused_bytes: None,
            request_timeout: Duration::from_secs(15),
            max_attempts: 5,
            backoff: Backoff::default(),
            default_timeout: Duration::from_secs(30),
            require_checksum: false,
            insecure_registries: Vec::new(),
            registry_mirrors: Vec::new(),
            registry_cas: Vec::new(),
            blocked_cidrs: Vec::new(),
            proxies: ProxySettings::Environment,
            docker_config: None,
        }
    }
}

/// Proxies on the way to module servers and registries.
///
/// A proxy resolves names itself: of the addresses that are never connected to, those in URLs and redirects are
/// still refused, those behind a name are for the proxy to refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxySettings {
    /// Those of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    #[default]
    Environment,
    /// These and no others.
    Proxies {
        /// The proxy's URL for `http:`.
        http: Option<String>,
        /// The proxy's URL for `https:`.
        https: Option<String>,
        /// In the form of `NO_PROXY`.
        no_proxy: Option<String>,
    },
}

/// A registry that is asked before another one: `HOST=HOST/PREFIX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryMirror {
    /// The registry that is mirrored: `host` or `host:port`.
    pub host: String,
    /// The mirror's `host` or `host:port`.
    pub mirror: String,
    /// What comes before the repository on the mirror, without slashes at its ends; may be empty.
    pub prefix: String,
}

/// The certificate authorities of one host: `HOST=FILE`. They take the place of the system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryCa {
    /// `host`, for all of its ports, or `host:port`.
    pub host: String,
    /// A file of certificates in PEM.
    pub file: PathBuf,
}

/// Why an option's value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionError {
    /// Not `HOST=HOST/PREFIX`.
    #[error("a mirror is `HOST=HOST/PREFIX`, where HOST is `host` or `host:port`")]
    Mirror,
    /// Not `HOST=FILE`.
    #[error("a certificate authority is `HOST=FILE`, where HOST is `host` or `host:port`")]
    Ca,
}

impl FromStr for RegistryMirror {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let (host, rest) = text.split_once('=').ok_or(OptionError::Mirror)?;
        let (mirror, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_host(host) || !is_host(mirror) {
            return Err(OptionError::Mirror);
        }
        let prefix = prefix.trim_matches('/').to_owned();
        Ok(Self {
            host: host.to_owned(),
            mirror: mirror.to_owned(),
            prefix,
        })
    }
}

impl FromStr for RegistryCa {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let (host, file) = text.split_once('=').ok_or(OptionError::Ca)?;
        if !is_host(host) || file.is_empty() {
            return Err(OptionError::Ca);
        }
        Ok(Self {
            host: host.to_owned(),
            file: file.into(),
        })
    }
}

/// Whether `text` is `host` or `host:port`.
fn is_host(text: &str) -> bool {
    let is_plain = !text.contains(['/', '@', '?', '#']) && !text.is_empty();
    is_plain && url::Url::parse(&format!("https://{text}/")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_and_authorities_are_parsed_or_refused() {
        let mirror = |host: &str, mirror: &str, prefix: &str| {
            Ok(RegistryMirror {
                host: host.to_owned(),
                mirror: mirror.to_owned(),
                prefix: prefix.to_owned(),
            })
        };
        for (text, expected) in [
            (
                "registry.example=m.example:5000/team/x/",
                mirror("registry.example", "m.example:5000", "team/x"),
            ),
            (
                "registry.example=m.example",
                mirror("registry.example", "m.example", ""),
            ),
            ("registry.example", Err(OptionError::Mirror)),
            ("=m.example", Err(OptionError::Mirror)),
            (
                "https://registry.example=m.example",
                Err(OptionError::Mirror),
            ),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        let ca = RegistryCa {
            host: "h:1".to_owned(),
            file: "/ca.pem".into(),
        };
        assert_eq!("h:1=/ca.pem".parse(), Ok(ca));
        assert_eq!("h:1=".parse::<RegistryCa>(), Err(OptionError::Ca));
    }
}
