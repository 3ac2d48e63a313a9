//! Other programs, run to their end.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, bail};

use crate::child::Child;

/// Runs `command` with this process's output. Anything but success is an error that names it.
pub fn run(command: Command) -> anyhow::Result<()> {
    let line = line(&command);
    succeeded(&line, Child::spawn(command)?.wait()?)
}

/// Like `run`, and returns what the command printed to its standard output, which is printed on.
pub fn run_and_listen(mut command: Command) -> anyhow::Result<String> {
    let line = line(&command);
    command.stdout(Stdio::piped());
    let mut child = Child::spawn(command)?;
    let mut said = String::new();
    if let Some(output) = child.process().stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            crate::say!("{line}");
            said.push_str(&line);
            said.push('\n');
        }
    }
    succeeded(&line, child.wait()?)?;
    Ok(said)
}

/// Runs `command` and prints what it says, to either output, at its end: for what runs beside others.
pub fn run_quietly(mut command: Command) -> anyhow::Result<()> {
    let line = line(&command);
    let (mut reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null());
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = Child::spawn(command)?;
    let mut said = Vec::new();
    reader.read_to_end(&mut said)?;
    crate::say!("{}", String::from_utf8_lossy(&said));
    succeeded(&line, child.wait()?)
}

/// What `command` prints on success, without blanks at either end. On failure the error ends
/// with what it printed.
pub fn output(mut command: Command) -> anyhow::Result<String> {
    let line = line(&command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("`{line}` cannot be started"))?;
    if !output.status.success() {
        // Some complain where they should not.
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said);
        bail!("`{line}` failed ({}): {}", output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A `Command` with its arguments.
pub fn command<Argument: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = Argument>,
) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// The first executable file called `name` on the `PATH`.
pub fn on_path(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

/// Whether this is a file that can be run.
pub fn is_executable(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn succeeded(line: &str, status: ExitStatus) -> anyhow::Result<()> {
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
