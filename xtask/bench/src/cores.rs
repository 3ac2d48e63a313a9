//! Which core a thread runs on, and how long it ran.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// How Envoy calls its first worker thread.
const WORKER: &str = "wrk:worker_0";

/// How long a thread may take to become idle.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the account of an idle thread has to stay the same.
const SETTLING: Duration = Duration::from_micros(100);

/// A core for Envoy's worker, and another for everything else.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    worker: usize,
    other: usize,
}

impl Cores {
    /// Two of the cores that this process may use. `None` if it has only one.
    pub(crate) fn available() -> Option<Self> {
        let allowed = sched_getaffinity(None).ok()?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let other = cores.next()?;
        Some(Self {
            other,
            worker: cores.next_back()?,
        })
    }

    /// Pins this thread, and those of `process`.
    pub(crate) fn pin(self, process: u32, worker: &Thread) -> anyhow::Result<()> {
        pin(None, self.other)?;
        for id in thread_ids(process)? {
            let core = if id == worker.id {
                self.worker
            } else {
                self.other
            };
            // An error means that the thread has ended.
            let _ = pin(Pid::from_raw(id), core);
        }
        Ok(())
    }
}

/// A thread of another process.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    id: i32,
    folder: PathBuf,
}

impl Thread {
    /// The first worker of an Envoy.
    pub(crate) fn worker(process: u32) -> anyhow::Result<Self> {
        let threads = thread_ids(process)?.into_iter().map(|id| Self {
            id,
            folder: format!("/proc/{process}/task/{id}").into(),
        });
        let mut workers = threads.filter(|thread| thread.name() == WORKER);
        workers.next().context("Envoy has no worker thread")
    }

    /// The CPU time that the thread has used, once it is idle: while a thread runs, the kernel
    /// brings its account up to date only now and then, and last shortly after it calls it idle.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let deadline = Instant::now() + PATIENCE;
        let mut settled: Option<(Duration, Instant)> = None;
        // Without a pause: whoever sleeps on a busy machine wakes up late.
        while Instant::now() < deadline {
            let account = self.is_idle()?.then(|| self.account()).transpose()?;
            settled = match (account, settled) {
                (Some(account), Some((before, since))) if account == before => {
                    if since.elapsed() >= SETTLING {
                        return Ok(account);
                    }
                    settled
                }
                (account, _) => account.map(|account| (account, Instant::now())),
            };
        }
        bail!("Envoy's worker is never idle")
    }

    fn name(&self) -> String {
        fs::read_to_string(self.folder.join("comm"))
            .unwrap_or_default()
            .trim_end()
            .to_owned()
    }

    fn is_idle(&self) -> anyhow::Result<bool> {
        let stat = self.read("stat")?;
        // The state follows the name, which may contain blanks and brackets.
        let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
        Ok(state.starts_with('S'))
    }

    fn account(&self) -> anyhow::Result<Duration> {
        let schedstat = self.read("schedstat")?;
        let nanoseconds = schedstat.split(' ').next().unwrap_or_default().parse();
        Ok(Duration::from_nanos(nanoseconds.context(
            "the kernel keeps no account of threads (CONFIG_SCHED_INFO)",
        )?))
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.folder.join(file)).context("Envoy's worker has ended")
    }
}

fn thread_ids(process: u32) -> anyhow::Result<Vec<i32>> {
    let folder = fs::read_dir(format!("/proc/{process}/task")).context("Envoy has ended")?;
    let ids = folder.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    Ok(ids.collect())
}

fn pin(thread: Option<Pid>, core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(thread, &cores)
        .with_context(|| format!("no thread can be put on core {core}"))
}
