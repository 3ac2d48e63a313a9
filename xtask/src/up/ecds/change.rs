//! The edits that show that Envoy follows, as commands to type and as commands to run.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::bail;

use super::Workshop;
use crate::command;
use crate::up::PATIENCE;
use crate::up::attempt::{self, Attempt, get};

/// An edit, and what it leads to.
struct Change {
    what: &'static str,
    /// For a shell.
    command: String,
    outcome: Outcome,
    attempts: Vec<Attempt>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    TakesEffect,
    IsRefused,
}

/// What the agent says when it keeps an edit from Envoy.
const REFUSED: &str = "extension configuration refused, the one at work stays";

fn changes(workshop: &Workshop) -> [Change; 4] {
    let users = workshop.users().display().to_string();
    let resource = workshop.resource().display().to_string();
    let wrong = "0".repeat(64);
    let edit = |expressions: &str| format!("sed -i.before '{expressions}' '{resource}'");
    let delete = |expected, user, what| {
        get("/api/orders", expected, what)
            .with_method("DELETE")
            .with_user(user)
    };
    [
        Change {
            what: "a user is added: carol can log in",
            command: format!("echo 'carol:{{PLAIN}}secret' >> '{users}'"),
            outcome: Outcome::TakesEffect,
            attempts: vec![
                delete(200, "carol:secret", "the new user"),
                delete(200, "deploy:5f2b9c64", "the old one"),
                delete(401, "carol:wrong", "the new one with a wrong password"),
            ],
        },
        Change {
            what: "another path is protected: /office instead of /admin",
            command: edit(r#"s|"/admin"|"/office"|"#),
            outcome: Outcome::TakesEffect,
            attempts: vec![
                get("/office", 401, "the path that is protected now"),
                get("/office", 200, "the same with a password").with_user("alice:wonderland"),
                get("/admin", 200, "the one that is not any more"),
            ],
        },
        Change {
            what: "a mistake: a checksum that the module does not have",
            command: edit(&format!(
                r#"s|sha256: .*|sha256: "{wrong}"|; s|"/office"|"/cellar"|"#
            )),
            outcome: Outcome::IsRefused,
            attempts: vec![
                get("/office", 401, "what works stays"),
                get("/office", 200, "with a password, too").with_user("alice:wonderland"),
                get("/cellar", 200, "nothing of the edit is at work"),
            ],
        },
        Change {
            what: "the mistake is put right",
            command: edit(&format!(r#"s|sha256: .*|sha256: "{}"|"#, workshop.digest())),
            outcome: Outcome::TakesEffect,
            attempts: vec![
                get("/cellar", 401, "the whole edit is at work"),
                get("/cellar", 200, "with a password").with_user("alice:wonderland"),
                get("/office", 200, "the path before it is not protected"),
            ],
        },
    ]
}

/// Prints the commands to try and what they lead to.
pub(super) fn print_all(workshop: &Workshop, address: SocketAddr) {
    let folder = workshop.resource();
    crate::say!(
        "\nTo change it while it runs, edit what is in\n  {}\nfor example:",
        folder.parent().unwrap_or(&folder).display()
    );
    for change in changes(workshop) {
        crate::say!("\n  # {}\n  {}", change.what, change.command);
        for attempt in &change.attempts {
            crate::say!("  {}   # {}", attempt.command(address), attempt.expected());
        }
    }
}

/// Makes the edits and sends the requests. An answer that differs is an error.
pub(super) fn try_all(workshop: &Workshop, address: SocketAddr) -> anyhow::Result<()> {
    for change in changes(workshop) {
        crate::say!("\n== {}\n{}", change.what, change.command);
        let length = workshop.log_length();
        let said = command::output(shell(&change.command))?;
        if !said.is_empty() {
            bail!("`{}` says {said}", change.command);
        }
        if change.outcome == Outcome::IsRefused {
            let line = workshop.wait_for_line(REFUSED, length)?;
            crate::say!("Agent: {line}\n");
        }
        attempt::try_within(PATIENCE, &change.attempts, address)?;
    }
    crate::say!("\nEvery edit did what it should.");
    Ok(())
}

fn shell(text: &str) -> Command {
    command::command("sh", ["-c", text])
}
