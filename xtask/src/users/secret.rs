//! Where a password comes from: a terminal that does not show it, or standard input.

use std::io::{self, BufRead as _, Read as _};

use anyhow::{Context as _, bail};

/// More than any password has: what is longer is no password but a wrong file.
const MAX_OCTETS: u64 = 8 * 1024;

/// A password that is new, asked for twice.
pub(super) fn new_password(user: &str, from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        return first_line();
    }
    let password = ask(&format!("Password for {user}: "))?;
    if ask("The same again: ")? != password {
        bail!("the two passwords differ; nothing is written");
    }
    Ok(password)
}

/// A password that is to be compared.
pub(super) fn known_password(user: &str, from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        first_line()
    } else {
        ask(&format!("Password for {user}: "))
    }
}

fn ask(prompt: &str) -> anyhow::Result<String> {
    rpassword::prompt_password(prompt).context(
        "there is no terminal to ask for the password: give it on standard input with --stdin",
    )
}

/// Without its line end. Nothing may follow, so that a password with a line end is not cut.
fn first_line() -> anyhow::Result<String> {
    let mut octets = Vec::new();
    let mut stdin = io::stdin().lock().take(MAX_OCTETS);
    stdin
        .read_until(b'\n', &mut octets)
        .context("standard input cannot be read")?;
    let mut rest = Vec::new();
    stdin
        .read_to_end(&mut rest)
        .context("standard input cannot be read")?;
    if !rest.is_empty() || octets.len() as u64 >= MAX_OCTETS {
        bail!("there is more than one line on standard input; give the password alone");
    }
    let line = octets.strip_suffix(b"\n").unwrap_or(&octets);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8(line.to_vec())
        .context("the password on standard input is not UTF-8, as clients send it (RFC 7617, 2.1)")
}
