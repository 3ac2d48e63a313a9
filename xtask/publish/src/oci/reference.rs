//! References: registry, repository, tag and digest.

use std::fmt;
use std::str::FromStr;

use anyhow::bail;
use xtask::module::Digest;

/// Docker's registry in references.
const DOCKER_HUB: &str = "docker.io";

/// What names an image in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `host` or `host:port`.
    pub registry: String,
    /// Components with slashes between them.
    pub repository: String,
    /// What comes behind the colon.
    pub tag: Option<String>,
    /// What comes behind `@sha256:`.
    pub digest: Option<Digest>,
}

impl FromStr for Reference {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let bare = text.strip_prefix("oci://").unwrap_or(text);
        if bare.contains("://") {
            bail!("`{text}` is no image: write registry.example/team/name:tag");
        }
        let (bare, digest) = match bare.split_once('@') {
            Some((bare, digest)) => (bare, Some(parse_digest(digest)?)),
            None => (bare, None),
        };
        let Some((registry, path)) = bare.split_once('/') else {
            bail!("`{text}` names no registry: write registry.example/team/name:tag");
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) if is_tag(tag) => (repository, Some(tag.to_owned())),
            Some((_, tag)) => bail!("`{tag}` is no tag: letters, digits, `_`, `.` and `-`"),
            None => (path, None),
        };
        if !is_host(registry) {
            bail!("`{registry}` is no registry: write registry.example or registry.example:5000");
        }
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            bail!("`{repository}` is no repository: lower-case words with `/` between them");
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@sha256:{digest}"),
            None => Ok(()),
        }
    }
}

impl Reference {
    /// Where the registry's API is: Docker's has it on another host.
    #[must_use]
    pub fn api_host(&self) -> &str {
        match self.registry.as_str() {
            DOCKER_HUB => "registry-1.docker.io",
            other => other,
        }
    }

    /// What the registry is called in Docker's configuration.
    #[must_use]
    pub fn credentials_key(&self) -> &str {
        match self.registry.as_str() {
            DOCKER_HUB => "https://index.docker.io/v1/",
            other => other,
        }
    }

    /// The same image by its digest alone.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }
}

fn parse_digest(text: &str) -> anyhow::Result<Digest> {
    let digest = text.strip_prefix("sha256:").map(str::parse);
    match digest {
        // Consumers compare the text.
        Some(Ok(digest)) if !text.contains(|octet: char| octet.is_ascii_uppercase()) => Ok(digest),
        _ => bail!("`{text}` is no digest: `sha256:` and 64 hexadecimal digits in lower case"),
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "1"));
    let is_name = name.contains('.') || host.contains(':') || name == "localhost";
    let is_octet = |octet: u8| octet.is_ascii_alphanumeric() || b".-[]:".contains(&octet);
    is_name && !name.is_empty() && name.bytes().all(is_octet) && port.parse::<u16>().is_ok()
}

fn is_tag(tag: &str) -> bool {
    let is_word = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(is_word)
        && tag
            .bytes()
            .all(|octet| is_word(octet) || b".-".contains(&octet))
}

fn is_component(component: &str) -> bool {
    let is_word = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit();
    component.bytes().next().is_some_and(is_word)
        && component.bytes().last().is_some_and(is_word)
        && component
            .bytes()
            .all(|octet| is_word(octet) || b"._-".contains(&octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written_back() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for text in [
            "registry.example/basic-auth",
            "registry.example:5000/team/basic_auth:1.2.3",
            &format!("localhost/a/b/c@sha256:{hex}"),
            &format!("127.0.0.1:5000/a:b@sha256:{hex}"),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
            let url = format!("oci://{text}");
            assert_eq!(url.parse::<Reference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_what_would_be_right() {
        for (text, error) in [
            (
                "basic-auth",
                "`basic-auth` names no registry: write registry.example/team/name:tag",
            ),
            (
                "team/basic-auth",
                "`team` is no registry: write registry.example or registry.example:5000",
            ),
            (
                "https://r.example/a",
                "`https://r.example/a` is no image: write registry.example/team/name:tag",
            ),
            (
                "r.example/Team",
                "`Team` is no repository: lower-case words with `/` between them",
            ),
            (
                "r.example/",
                "`` is no repository: lower-case words with `/` between them",
            ),
            (
                "r.example/a:",
                "`` is no tag: letters, digits, `_`, `.` and `-`",
            ),
            (
                "r.example/a@sha256:12",
                "`sha256:12` is no digest: `sha256:` and 64 hexadecimal digits in lower case",
            ),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap_err().to_string(), error);
        }
        assert!("u:p@r.example/a:1".parse::<Reference>().is_err());
    }
}
