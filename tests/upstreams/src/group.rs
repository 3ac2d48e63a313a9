//! Processes with children of their own, none of which outlives this process.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{self, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use xtask::child::Child;

/// Reads the numbers of process groups, and kills them when this process has ended, by whatever.
const WATCH: &str = r#"trap "" INT TERM HUP; groups=
while read -r group; do groups="$groups -$group"; done
[ -z "$groups" ] || kill -s KILL -- $groups 2>/dev/null"#;

/// A process and what it starts. All are killed with the value, and with this process.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Child,
}

impl Group {
    /// Starts `command` as the leader of a process group.
    pub(crate) fn spawn(mut command: Command) -> anyhow::Result<Self> {
        command.process_group(0);
        let leader = Child::spawn(command)?;
        watch(leader.id())?;
        Ok(Self { leader })
    }

    /// Whether its first process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.leader.try_wait(), Ok(None))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let id = i32::try_from(self.leader.id()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            // An error means that all of them have ended.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

/// Has the group killed when this process ends.
fn watch(group: u32) -> anyhow::Result<()> {
    static WATCHER: Mutex<Option<ChildStdin>> = Mutex::new(None);
    let mut watcher = WATCHER.lock().unwrap_or_else(PoisonError::into_inner);
    if watcher.is_none() {
        *watcher = Some(start_watcher()?);
    }
    let pipe = watcher.as_mut().context("the watcher has no pipe")?;
    writeln!(pipe, "{group}").context("the watcher of the servers has ended")
}

/// It is no `Child`, since those die at once with this process, and it has to act then.
fn start_watcher() -> anyhow::Result<ChildStdin> {
    let watcher: process::Child = Command::new("sh")
        .args(["-c", WATCH])
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("`sh` cannot be started")?;
    watcher.stdin.context("the watcher has no pipe")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::time::{Duration, Instant};

    use super::*;

    /// A group, and what its first process has started.
    fn parent_and_child() -> (Group, Pid) {
        let mut command = Command::new("sh");
        command
            .args(["-c", "sleep 600 & echo $!; wait"])
            .stdout(Stdio::piped());
        let mut group = Group::spawn(command).unwrap();
        let output = group.leader.process().stdout.take().unwrap();
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        let child = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        assert!(is_running(child));
        (group, child)
    }

    fn wait_until_ended(process: Pid) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while is_running(process) {
            assert!(Instant::now() < deadline, "it still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_a_process_starts_ends_with_its_group() {
        let (group, child) = parent_and_child();
        drop(group);
        wait_until_ended(child);
    }

    /// The pipe closes when this process ends, by whatever.
    #[test]
    fn what_a_process_starts_ends_with_this_process() {
        let (group, child) = parent_and_child();
        let (another, its_child) = parent_and_child();
        let mut pipe = start_watcher().unwrap();
        writeln!(pipe, "{}\n{}", group.leader.id(), another.leader.id()).unwrap();
        drop(pipe);
        wait_until_ended(child);
        wait_until_ended(its_child);
    }

    /// One that has ended and waits for a parent to notice does not run.
    fn is_running(process: Pid) -> bool {
        let path = format!("/proc/{}/stat", process.as_raw_nonzero());
        let stat = std::fs::read_to_string(path).unwrap_or_default();
        let state = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        state.is_some_and(|state| state != 'Z')
    }
}
