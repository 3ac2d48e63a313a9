//! The filter's configuration and its users, as they were written, and read by the filter's own code.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use basic_auth::{HashCostCaps, Policy, parse_htpasswd_users};
use serde_json::Value;

/// The VM environment variable that users are in, if the configuration names no other.
const USERS_VARIABLE: &str = "BASIC_AUTH_USERS";

/// Linux allows 128 KiB for one variable with its name (`MAX_ARG_STRLEN`); this leaves room.
const LONGEST_VARIABLE: usize = 120 * 1024;

/// A configuration that the filter takes.
#[derive(Debug)]
pub(super) struct Configuration {
    text: String,
    users: Option<Users>,
    warnings: Vec<String>,
}

/// Users in an environment variable of the VM.
#[derive(Debug)]
pub(super) struct Users {
    /// The variable.
    pub(super) variable: String,
    /// htpasswd text.
    pub(super) text: String,
}

impl Configuration {
    /// Reads both files.
    pub(super) fn read(file: &Path, users: Option<&Path>) -> anyhow::Result<Self> {
        let text = read(file)?;
        let text = text.trim().replace("\r\n", "\n").replace('\t', "  ");
        let users = users.map(read_users).transpose()?;
        let Some(users) = users else {
            let policy = Policy::parse(text.as_bytes(), &|_| None);
            let policy = policy.map_err(|error| refused(file, &error))?;
            return Ok(Self {
                warnings: policy.warnings().to_vec(),
                text,
                users: None,
            });
        };
        let (text, variable) = with_variable(file, &text)?;
        let environment = |name: &str| (name == variable).then(|| users.text.clone().into_bytes());
        let policy = Policy::parse(text.as_bytes(), &environment);
        let policy = policy.map_err(|error| match users.error() {
            Some(error) => error,
            None => refused(file, &error),
        })?;
        Ok(Self {
            warnings: policy.warnings().to_vec(),
            users: Some(Users {
                variable,
                text: users.text,
            }),
            text,
        })
    }

    /// The configuration, JSON.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The users beside it.
    pub(super) fn users(&self) -> Option<&Users> {
        self.users.as_ref()
    }

    /// The users, if an environment variable of a process can hold them.
    pub(super) fn users_in_process(&self) -> anyhow::Result<Option<&Users>> {
        match &self.users {
            Some(users) if users.text.len() > LONGEST_VARIABLE => bail!(
                "the users take {} KiB, and an environment variable holds 120 KiB: use the agent, whose folder has no \
                 such limit (--for envoy-ecds)",
                users.text.len().div_ceil(1024)
            ),
            users => Ok(users.as_ref()),
        }
    }

    /// What the filter would log.
    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let octets = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    String::from_utf8(octets)
        .map_err(|_| anyhow::anyhow!("{} is not UTF-8, which YAML has to be", file.display()))
}

/// A file of users.
struct UsersFile<'a> {
    path: &'a Path,
    /// With its comments, so that the lines are those of the file.
    text: String,
}

impl UsersFile<'_> {
    /// What the filter's own reader finds wrong, with the line of the file.
    fn error(&self) -> Option<anyhow::Error> {
        let read = parse_htpasswd_users(self.text.as_bytes(), &HashCostCaps::default());
        read.err().map(|error| refused(self.path, &error))
    }
}

fn read_users(path: &Path) -> anyhow::Result<UsersFile<'_>> {
    let text = read(path)?.replace("\r\n", "\n");
    let is_user = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
    if !text.lines().any(is_user) {
        bail!("{} names no user", path.display());
    }
    let text = text.trim_end().to_owned() + "\n";
    Ok(UsersFile { path, text })
}

fn refused(file: &Path, error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{}: {error}", file.display())
}

/// The configuration with `users_env`, and the variable that it names. The rest stays as it was written.
fn with_variable(file: &Path, text: &str) -> anyhow::Result<(String, String)> {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let Some(object) = value.as_object() else {
        let error = Policy::parse(text.as_bytes(), &|_| None).err();
        let error = error.map_or_else(|| "no JSON object".to_owned(), |error| error.to_string());
        bail!("{}: {error}", file.display());
    };
    if let Some(variable) = object.get("users_env").and_then(Value::as_str) {
        let is_word = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
        if variable.is_empty() || !variable.bytes().all(is_word) {
            bail!(
                "{}: `users_env` names no variable that a process can have",
                file.display()
            );
        }
        return Ok((text.to_owned(), variable.to_owned()));
    }
    let comma = if object.is_empty() { "" } else { "," };
    let rest = text.strip_prefix('{').unwrap_or_default();
    let text = format!("{{\n  \"users_env\": \"{USERS_VARIABLE}\"{comma}{rest}");
    Ok((text, USERS_VARIABLE.to_owned()))
}
