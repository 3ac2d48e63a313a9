//! Credentials for registries: a resource's pull secret, or the agent's own Docker configuration.
//!
//! `docker_credential` is not used: given a pull secret that names a helper it would run that program, and it
//! knows neither a limit of time for helpers nor keys with a path.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use super::reference::Reference;

/// How long a credential helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(10);
/// What Docker calls its hub in its configuration.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What is shown to a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// Nothing.
    Anonymous,
    /// A user name and a password.
    Basic { user: String, password: String },
    /// A refresh token for the token service.
    IdentityToken(String),
    /// A token for the registry itself.
    RegistryToken(String),
}

impl Credential {
    /// What may be wrong with it that nobody sees, to follow the news that it was refused; empty if nothing is.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            // Line breaks inside a password are common: Google's are JSON.
            Self::Basic { user, .. } if user.contains(char::is_control) => {
                " (the user name has a control character, such as a line break)"
            }
            Self::Basic { password, .. } if password.ends_with(char::is_control) => {
                " (the password ends with a line break or another control character)"
            }
            Self::IdentityToken(token) if token.contains(char::is_control) => {
                " (the identity token has a control character, such as a line break)"
            }
            _ => "",
        }
    }
}

impl Credential {
    fn identity(self) -> Vec<String> {
        match self {
            Self::Anonymous => vec!["anonymous".to_owned()],
            Self::Basic { user, password } => vec!["basic".to_owned(), user, password],
            Self::IdentityToken(token) => vec!["identity".to_owned(), token],
            Self::RegistryToken(token) => vec!["registry".to_owned(), token],
        }
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic { .. } => "Basic",
            Self::IdentityToken(_) => "IdentityToken",
            Self::RegistryToken(_) => "RegistryToken",
        })
    }
}

/// Whose credentials are used.
#[derive(Clone, Debug)]
pub(super) enum Keyring {
    /// The agent's own, in its Docker configuration.
    Own(OwnConfiguration),
    /// The pull secret's, and never the agent's own.
    Secret(DockerConfiguration),
    /// Those in the URL.
    Url(Credential),
}

/// Where the agent's own Docker configuration is.
#[derive(Clone, Debug)]
pub(super) struct OwnConfiguration {
    /// `config.json`, if there is a place for it.
    pub(super) file: Option<PathBuf>,
}

impl OwnConfiguration {
    /// In `folder`, or where Docker has it.
    pub(super) fn new(folder: Option<&Path>) -> Self {
        let usual = || {
            std::env::var_os("DOCKER_CONFIG")
                .map(PathBuf::from)
                .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".docker")))
        };
        Self {
            file: folder
                .map(Path::to_owned)
                .or_else(usual)
                .map(|folder| folder.join("config.json")),
        }
    }
}

impl Keyring {
    /// What sets these credentials apart from others, for `reference` and for its repositories on `mirrors`: each may
    /// be shown another one.
    pub(super) fn identity(
        &self,
        reference: &Reference,
        mirrors: &[(String, String)],
    ) -> Vec<String> {
        let configuration = match self {
            // One agent, one identity, however often its token changes.
            Self::Own(_) => return vec!["own".to_owned()],
            // No mirror is shown it.
            Self::Url(credential) => return credential.clone().identity(),
            Self::Secret(configuration) => configuration,
        };
        let own = (reference.registry.clone(), reference.repository.clone());
        let places = std::iter::once(&own).chain(mirrors);
        // One that cannot be read is refused before it is shown to anybody.
        let shown = places.map(|(host, repository)| configuration.find(host, repository));
        let shown = shown.map(|found| found.unwrap_or_default().unwrap_or(Credential::Anonymous));
        shown.flat_map(Credential::identity).collect()
    }

    /// The credential for a repository of a registry.
    pub(super) async fn credential(
        &self,
        registry: &str,
        repository: &str,
    ) -> Result<Credential, String> {
        match self {
            Self::Own(own) => own.credential(registry, repository).await,
            Self::Secret(configuration) => configuration
                .find(registry, repository)
                .map(|found| found.unwrap_or(Credential::Anonymous))
                .map_err(|cause| format!("in the pull secret, {cause}")),
            Self::Url(credential) => Ok(credential.clone()),
        }
    }
}

impl OwnConfiguration {
    async fn credential(&self, registry: &str, repository: &str) -> Result<Credential, String> {
        let Some(file) = &self.file else {
            return Ok(Credential::Anonymous);
        };
        let text = match tokio::fs::read(file).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Credential::Anonymous);
            }
            Err(error) => return Err(format!("`{}` cannot be read: {error}", file.display())),
        };
        let configuration = DockerConfiguration::parse(&text)
            .map_err(|cause| format!("`{}` is malformed: {cause}", file.display()))?;
        if let Some(helper) = configuration.helper(registry) {
            return ask(helper, registry).await;
        }
        let found = configuration.find(registry, repository);
        if let Some(credential) =
            found.map_err(|cause| format!("in `{}`, {cause}", file.display()))?
        {
            return Ok(credential);
        }
        match configuration.creds_store.as_deref() {
            Some(store) if !store.is_empty() => ask(store, registry).await,
            _ => Ok(Credential::Anonymous),
        }
    }
}

/// A Docker configuration: `config.json`, or a pull secret's `.dockerconfigjson`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DockerConfiguration {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: HashMap<String, String>,
}

impl std::fmt::Debug for DockerConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.auths.keys()).finish()
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl DockerConfiguration {
    /// Parses JSON. The error has nothing of the text in it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            let cause = match error.is_data() {
                // The text quotes what it found.
                true => String::new(),
                false => error
                    .to_string()
                    .replace(&format!(" at {}", place.replace(',', "")), ""),
            };
            let colon = if cause.is_empty() { "" } else { ": " };
            format!("not a Docker configuration ({place}{colon}{cause})")
        })
    }

    /// The credential with the longest matching key. The error has nothing of it.
    fn find(&self, registry: &str, repository: &str) -> Result<Option<Credential>, String> {
        let fitting = self.auths.iter().filter_map(|(key, entry)| {
            Some((Key::parse(key).fits(registry, repository)?, key, entry))
        });
        let Some((_, key, entry)) = fitting.max_by_key(|(length, ..)| *length) else {
            return Ok(None);
        };
        entry
            .credential()
            .map_err(|MalformedAuth| format!("`auth` for `{key}` is not `user:password` in base64"))
    }

    fn helper(&self, registry: &str) -> Option<&str> {
        self.cred_helpers
            .iter()
            .find(|(key, helper)| {
                Key::parse(key).fits(registry, "") == Some(0) && !helper.is_empty()
            })
            .map(|(_, helper)| helper.as_str())
    }
}

/// A key of `auths`: `host`, `host:port`, `host/path`, `https://host/v2/`.
struct Key<'a> {
    host: &'a str,
    path: &'a str,
}

impl<'a> Key<'a> {
    fn parse(key: &'a str) -> Self {
        let rest = key
            .strip_prefix("https://")
            .or_else(|| key.strip_prefix("http://"))
            .unwrap_or(key);
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_end_matches('/');
        Self {
            host: canonical(host),
            path: if matches!(path, "v1" | "v2") {
                ""
            } else {
                path
            },
        }
    }

    /// The length of the key's path, if the key is for the repository.
    fn fits(&self, registry: &str, repository: &str) -> Option<usize> {
        let rest = repository.strip_prefix(self.path)?;
        let ends_there = self.path.is_empty() || rest.is_empty() || rest.starts_with('/');
        (ends_there && self.host.eq_ignore_ascii_case(canonical(registry)))
            .then_some(self.path.len())
    }
}

fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        _ => host,
    }
}

impl Entry {
    fn credential(&self) -> Result<Option<Credential>, MalformedAuth> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = given(&self.registrytoken) {
            return Ok(Some(Credential::RegistryToken(token)));
        }
        if let Some(token) = given(&self.identitytoken) {
            return Ok(Some(Credential::IdentityToken(token)));
        }
        if let (Some(user), Some(password)) = (given(&self.username), given(&self.password)) {
            return Ok(Some(Credential::Basic { user, password }));
        }
        let auth = given(&self.auth);
        auth.map(|auth| decode(&auth).ok_or(MalformedAuth))
            .transpose()
    }
}

/// An `auth` that nobody can read.
struct MalformedAuth;

/// `auth` is `user:password` in base64; only the first colon counts, since passwords may have more. Line breaks, as
/// `base64` makes them in long lines, count for nothing, as they do to Docker.
fn decode(auth: &str) -> Option<Credential> {
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let octets = GeneralPurpose::new(&STANDARD, lenient)
        .decode(auth.replace(|character: char| character.is_ascii_whitespace(), ""))
        .ok()?;
    let text = String::from_utf8(octets).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(Credential::Basic {
        user: user.to_owned(),
        password: password.trim_end_matches('\0').to_owned(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

/// Asks a credential helper of the agent's own configuration.
async fn ask(helper: &str, registry: &str) -> Result<Credential, String> {
    let failed =
        |cause: &str| format!("the credential helper `docker-credential-{helper}` {cause}");
    if !helper
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.'))
    {
        return Err("the name of a credential helper is malformed".to_owned());
    }
    let output = tokio::time::timeout(HELPER_TIMEOUT, run(helper, registry))
        .await
        .map_err(|_| failed("gave no answer within 10 s"))?
        .map_err(|error| failed(&format!("cannot be run: {error}")))?;
    if !output.status.success() {
        let says_nothing_found =
            String::from_utf8_lossy(&output.stdout).contains("credentials not found");
        return if says_nothing_found {
            Ok(Credential::Anonymous)
        } else {
            Err(failed("failed"))
        };
    }
    let answer: HelperAnswer = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("gave an answer that is malformed"))?;
    Ok(match answer.username.as_str() {
        "<token>" => Credential::IdentityToken(answer.secret),
        _ => Credential::Basic {
            user: answer.username,
            password: answer.secret,
        },
    })
}

async fn run(helper: &str, registry: &str) -> std::io::Result<std::process::Output> {
    let mut child = tokio::process::Command::new(format!("docker-credential-{helper}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let server = if canonical(registry) == "docker.io" {
            HUB_KEY
        } else {
            registry
        };
        stdin.write_all(server.as_bytes()).await?;
    }
    child.wait_with_output().await
}

#[cfg(test)]
mod tests;
