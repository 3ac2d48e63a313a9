//! `oci://` URLs: registry, repository, tag and digest.

use std::fmt;

use url::Url;

use super::source::percent_decode;

/// What Docker Hub is called in references.
const DOCKER_HUB: &str = "docker.io";

/// What `oci://` names.
#[derive(Clone)]
pub(super) struct Reference {
    /// `host` or `host:port`, as it was written.
    pub(super) registry: String,
    /// Components with slashes between them.
    pub(super) repository: String,
    /// What comes behind the colon.
    tag: Option<String>,
    /// What comes behind `@`.
    pub(super) digest: Option<Digest>,
    /// User name and password in the URL.
    pub(super) user_information: Option<(String, String)>,
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl Reference {
    /// Parses what comes behind `oci://`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (authority, path) = text
            .split_once('/')
            .ok_or("there is no repository behind the host")?;
        let (user_information, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(parse_user_information(user)), host),
            None => (None, authority),
        };
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(Digest::parse(digest)?)),
            None => (path, None),
        };
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(parse_tag(tag)?)),
            None => (path, None),
        };
        let (registry, repository) = place(host, repository);
        if Url::parse(&format!("https://{registry}/")).map_or(true, |url| url.path() != "/") {
            return Err("the registry's host is malformed".to_owned());
        }
        if !repository.split('/').all(is_component) || repository.len() > 255 {
            return Err("the repository's name is malformed".to_owned());
        }
        Ok(Self {
            registry,
            repository,
            tag,
            digest,
            user_information,
        })
    }

    /// The tag; `latest` if there is none.
    pub(super) fn tag(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }

    /// What the registry is asked for: the digest if there is one, else the tag.
    pub(super) fn manifest_name(&self) -> String {
        match &self.digest {
            Some(digest) => digest.to_string(),
            None => self.tag().to_owned(),
        }
    }

    /// Where the registry's API is: Docker Hub has it on another host.
    pub(super) fn api_host(&self) -> &str {
        if self.registry == DOCKER_HUB {
            "registry-1.docker.io"
        } else {
            &self.registry
        }
    }
}

fn parse_user_information(text: &str) -> (String, String) {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    let decode = |part| String::from_utf8_lossy(&percent_decode(part)).into_owned();
    (decode(user), decode(password))
}

fn parse_tag(tag: &str) -> Result<String, String> {
    let is_word = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
    let mut octets = tag.bytes();
    let is_tag = octets.next().is_some_and(is_word)
        && octets.all(|octet| is_word(octet) || matches!(octet, b'.' | b'-'))
        && tag.len() <= 128;
    if is_tag {
        Ok(tag.to_owned())
    } else {
        Err("the tag is malformed".to_owned())
    }
}

/// The registry and the repository. What has neither a dot nor a port is no host but the first part of a name on
/// Docker Hub, where names of one part belong to `library`.
fn place(host: &str, path: &str) -> (String, String) {
    let is_host = host.contains(['.', ':']) || host == "localhost";
    if !is_host {
        return (DOCKER_HUB.to_owned(), format!("{host}/{path}"));
    }
    if matches!(
        host,
        DOCKER_HUB | "index.docker.io" | "registry-1.docker.io"
    ) {
        let library = if path.contains('/') { "" } else { "library/" };
        return (DOCKER_HUB.to_owned(), format!("{library}{path}"));
    }
    (host.to_ascii_lowercase(), path.to_owned())
}

/// A component of a repository's name: lower-case words with separators between them.
fn is_component(component: &str) -> bool {
    let is_word = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    component.bytes().next().is_some_and(is_word)
        && component.bytes().last().is_some_and(is_word)
        && component
            .bytes()
            .all(|octet| is_word(octet) || matches!(octet, b'.' | b'_' | b'-'))
        && !component.contains("..")
}

/// A SHA-256 digest.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String")]
pub(super) struct Digest(String);

impl TryFrom<String> for Digest {
    type Error = String;

    /// Takes 64 hexadecimal digits.
    fn try_from(hex: String) -> Result<Self, String> {
        Self::from_hex(&hex).ok_or_else(|| "not 64 hexadecimal digits".to_owned())
    }
}

impl Digest {
    /// Parses `sha256:` and 64 hexadecimal digits.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.strip_prefix("sha256:")
            .and_then(Self::from_hex)
            .ok_or_else(|| {
                "the digest is malformed: it is sha256: and 64 hexadecimal digits".to_owned()
            })
    }

    /// 64 hexadecimal digits, in any case.
    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        let is_hex = hex.len() == 64 && hex.bytes().all(|octet| octet.is_ascii_hexdigit());
        is_hex.then(|| Self(hex.to_ascii_lowercase()))
    }

    /// The digest of `octets`.
    pub(super) fn of(octets: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::from(sha2::Sha256::digest(octets).as_slice())
    }

    /// 64 lower-case hexadecimal digits.
    pub(super) fn hex(&self) -> &str {
        &self.0
    }
}

impl From<&[u8]> for Digest {
    /// Takes the octets of a computed hash.
    fn from(hash: &[u8]) -> Self {
        use fmt::Write as _;
        let mut hex = String::with_capacity(hash.len() * 2);
        for octet in hash {
            // Writing to a `String` does not fail.
            let _ = write!(hex, "{octet:02x}");
        }
        Self(hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

#[cfg(test)]
mod tests;
