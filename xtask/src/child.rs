//! Child processes that never outlive the value that owns them, nor this process.

use std::io;
use std::process::{self, Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// A running child. Dropping it kills the child; so does, on Linux, the death of this process.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
    name: String,
}

impl Child {
    /// Starts `command`.
    pub fn spawn(command: Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let process =
            spawn_guarded(command).with_context(|| format!("`{name}` cannot be started"))?;
        Ok(Self { process, name })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The child itself, for its pipes.
    pub fn process(&mut self) -> &mut process::Child {
        &mut self.process
    }

    /// How the child ended, or `None` while it runs.
    pub fn try_wait(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.process
            .try_wait()
            .with_context(|| format!("`{}` cannot be waited for", self.name))
    }

    /// Waits until the child ends.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        self.process
            .wait()
            .with_context(|| format!("`{}` cannot be waited for", self.name))
    }

    /// Asks the child to end (SIGTERM), and kills it when it has not ended within `patience`.
    pub fn terminate(mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + patience;
        if let Some(id) = i32::try_from(self.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            // An error means that the child is gone already, which is what is wanted.
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        while Instant::now() < deadline {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.process
            .kill()
            .with_context(|| format!("`{}` cannot be killed", self.name))?;
        self.wait()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Errors mean that the child ended and was waited for already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Order {
    command: Command,
    reply: Sender<io::Result<process::Child>>,
}

/// Starts the child from a thread that lives as long as this process: Linux sends the death
/// signal when the *thread* that started the child ends, and each test has its own thread.
fn spawn_guarded(mut command: Command) -> io::Result<process::Child> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    die_with_parent(&mut command);
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, incoming) = channel::<Order>();
        std::thread::spawn(move || {
            for mut order in incoming {
                // An error means that whoever asked is gone.
                let _ = order.reply.send(order.command.spawn());
            }
        });
        orders
    });
    let (reply, answer) = channel();
    let gone = |_| io::Error::other("the thread that starts children has ended");
    spawner
        .send(Order { command, reply })
        .map_err(|_| io::Error::other("the thread that starts children has ended"))?;
    answer.recv().map_err(gone)?
}

#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;

    let parent = rustix::process::getpid();
    let before_exec = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // The parent may have ended before the signal was asked for.
        if rustix::process::getppid() != Some(parent) {
            return Err(io::Error::from_raw_os_error(
                rustix::io::Errno::SRCH.raw_os_error(),
            ));
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; the closure makes
    // two plain system calls and allocates nothing.
    unsafe { command.pre_exec(before_exec) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_command: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Command {
        let mut command = Command::new("sleep");
        command.arg("600");
        command
    }

    fn is_running(id: u32) -> bool {
        let id = i32::try_from(id)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        id.is_some_and(|id| rustix::process::test_kill_process(id).is_ok())
    }

    #[test]
    fn dropping_a_child_kills_it() {
        let child = Child::spawn(sleeper()).unwrap();
        let id = child.id();
        assert!(is_running(id));
        drop(child);
        assert!(!is_running(id));
    }

    #[test]
    fn a_child_survives_the_thread_that_asked_for_it() {
        let mut child = std::thread::spawn(|| Child::spawn(sleeper()).unwrap())
            .join()
            .unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        let status = child.terminate(Duration::from_secs(10)).unwrap();
        assert!(!status.success());
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let error = Child::spawn(Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().contains("no-such-program"));
    }
}
