//! `cargo xtask users`: the users of an htpasswd file. Passwords come from a prompt or from standard
//! input, never from the command line, which every process of the machine can read.

mod file;
mod hash;
mod secret;

use std::path::PathBuf;

use anyhow::bail;
use basic_auth::Format;
use serde_json::json;

use file::{Entry, HtpasswdFile};
use hash::Hashing;

/// Arguments of `cargo xtask users`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask users add users.htpasswd alice
  printf %s \"$PASSWORD\" | cargo xtask users add users.htpasswd bob --stdin
  cargo xtask users list users.htpasswd
  cargo xtask users json users.htpasswd       the value of `users` in the plugin's configuration

A file is replaced as a whole or not at all; its mode and owner stay.")]
pub struct UsersArgs {
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Debug, clap::Subcommand)]
enum UsersCommand {
    /// Adds a user, or gives one another password; makes the file if there is none
    Add {
        #[command(flatten)]
        user: UserArgs,
        #[command(flatten)]
        hashing: Hashing,
    },
    /// Removes a user
    Remove {
        /// The htpasswd file
        file: PathBuf,
        /// The user's name
        name: String,
    },
    /// Lists the users, the format of each hash, and what is weak
    List {
        /// The htpasswd file
        file: PathBuf,
        /// `text`, or `json` for other programs
        #[arg(long, value_enum, default_value_t)]
        format: crate::operator::OutputFormat,
    },
    /// Says whether a password is the user's: status 0 if it is, 1 if not
    Verify(UserArgs),
    /// Prints the file as the value of `users` in the plugin's configuration
    Json {
        /// The htpasswd file
        file: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct UserArgs {
    /// The htpasswd file
    file: PathBuf,
    /// The user's name
    name: String,
    /// Reads the password from the first line of standard input, and asks nothing
    #[arg(long)]
    stdin: bool,
}

/// Does what is asked for.
pub fn run(args: &UsersArgs) -> anyhow::Result<()> {
    match &args.command {
        UsersCommand::Add { user, hashing } => add(user, hashing),
        UsersCommand::Remove { file, name } => remove(HtpasswdFile::open(file)?, name),
        UsersCommand::List { file, format } => list(&HtpasswdFile::open(file)?, format.is_json()),
        UsersCommand::Verify(user) => verify(user),
        UsersCommand::Json { file } => json(&HtpasswdFile::open(file)?),
    }
}

fn add(user: &UserArgs, hashing: &Hashing) -> anyhow::Result<()> {
    check_name(&user.name)?;
    let mut file = HtpasswdFile::open_or_new(&user.file)?;
    let password = secret::new_password(&user.name, user.stdin)?;
    hashing.check(&password)?;
    let (hash, description) = hashing.hash(&password)?;
    let is_new = file.put(&user.name, &hash);
    file.replace()?;
    let done = if is_new {
        "added"
    } else {
        "has a new password"
    };
    crate::say!(
        "{}: {} {done} ({description})",
        user.file.display(),
        user.name
    );
    Ok(())
}

fn remove(mut file: HtpasswdFile, name: &str) -> anyhow::Result<()> {
    if !file.remove(name) {
        bail!("{}: there is no user `{name}`", file.shown());
    }
    file.replace()?;
    crate::say!("{}: {name} removed", file.shown());
    Ok(())
}

fn list(file: &HtpasswdFile, is_json: bool) -> anyhow::Result<()> {
    let entries = file.entries()?;
    if is_json {
        let users: Vec<_> = entries
            .iter()
            .map(|entry| {
                json!({"name": entry.name, "line": entry.line, "format": entry.format().name(),
                    "weak": entry.format().is_weak()})
            })
            .collect();
        crate::say!("{}", json!({"users": users}));
        return Ok(());
    }
    let width = entries.iter().map(|entry| entry.name.chars().count());
    let width = width.max().unwrap_or(0);
    for entry in &entries {
        crate::say!("{:<width$}  {}", entry.name, describe(entry));
    }
    crate::say!("{} users", entries.len());
    Ok(())
}

fn describe(entry: &Entry) -> String {
    match entry.format() {
        Format::Locked => "locked: no password matches".to_owned(),
        format if format.is_weak() => {
            format!(
                "{format}, weak: quickly guessed by whoever reads the file; give it anew with `users add`"
            )
        }
        format => {
            let milliseconds = entry.verifier.estimated_cost().as_secs_f64() * 1000.0;
            format!("{format}, about {milliseconds:.0} ms a verification in Envoy")
        }
    }
}

fn verify(user: &UserArgs) -> anyhow::Result<()> {
    let file = HtpasswdFile::open(&user.file)?;
    let entries = file.entries()?;
    let entry = entries.iter().find(|entry| entry.name == user.name);
    let password = secret::known_password(&user.name, user.stdin)?;
    match entry {
        None => bail!("{}: there is no user `{}`", file.shown(), user.name),
        Some(entry) if entry.verifier.verify(password.as_bytes()) => {
            crate::say!("{}: this is the password of {}", file.shown(), user.name);
            Ok(())
        }
        Some(_) => bail!(
            "{}: this is not the password of {}",
            file.shown(),
            user.name
        ),
    }
}

fn json(file: &HtpasswdFile) -> anyhow::Result<()> {
    let lines = file.lines()?;
    crate::say!("{}", serde_json::to_string_pretty(&lines)?);
    Ok(())
}

/// What a line of htpasswd text can name, and a request can send (RFC 7617, 2).
fn check_name(name: &str) -> anyhow::Result<()> {
    let fault = if name.is_empty() {
        "is empty"
    } else if name.contains(':') {
        "has a colon, which separates name and password"
    } else if name.chars().any(char::is_control) {
        "has a control character"
    } else if name.trim() != name {
        "has a blank at an end"
    } else if name.starts_with('#') {
        "starts with `#`, as a comment does"
    } else {
        return Ok(());
    };
    bail!("the user name {fault}; write another")
}
