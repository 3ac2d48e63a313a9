//! What loading a filter takes: time to compile and to configure, and memory.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::bootstrap::bootstrap;
use super::cores::Thread;
use super::variant::Variant;
use crate::envoy::Envoy;

/// How long Envoy may take to load a filter.
const PATIENCE: Duration = Duration::from_secs(120);

/// What V8 reserves behind the memory of a VM, at least, and nobody else does.
const GUARD: u64 = 1 << 32;

/// Of one filter in an Envoy with one worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footprint {
    /// From reading the module to its first VM, in milliseconds. Once for all workers.
    pub(super) compile_ms: Option<f64>,
    /// The CPU time of a worker until it has started its VM and taken the configuration.
    pub(super) configure: Duration,
    /// The linear memory of a worker's VM, in octets.
    pub(super) memory: u64,
    /// What is resident of Envoy, in octets.
    pub(super) resident: u64,
}

impl Footprint {
    /// Starts an Envoy with nothing but the filter of `variant`.
    pub(super) fn of(variant: &Variant, program: &Path) -> anyhow::Result<Self> {
        let name = "measured";
        let configuration = bootstrap([(name, &variant.filter)].into_iter()).to_string();
        let arguments = ["--concurrency", "1", "--component-log-level", "wasm:debug"];
        let mut envoy = Envoy::start(program, &configuration, &arguments)?;
        envoy.wait_until_live(PATIENCE)?;
        let listener = envoy.wait_for_listener(name, PATIENCE)?;
        // Workers configure their VMs after Envoy has called itself live, and answer after that.
        variant
            .check(listener)
            .with_context(|| envoy.last_words())?;
        let worker = Thread::worker(envoy.id())?;
        Ok(Self {
            compile_ms: compile_ms(&envoy.log()),
            configure: worker.cpu_time()?,
            memory: linear_memory(envoy.id())?,
            resident: resident(envoy.id())?,
        })
    }
}

/// The time between the log's lines about the module and about its first VM.
fn compile_ms(log: &str) -> Option<f64> {
    let moment = |mark: &str| milliseconds(log.lines().find(|line| line.contains(mark))?);
    Some(moment("Thread-Local Wasm created")? - moment("Base Wasm created")?)
}

/// The time of day in a line that begins with `[2026-11-22 09:52:14.536]`.
fn milliseconds(line: &str) -> Option<f64> {
    let (_, time) = line.split(']').next()?.split_once(' ')?;
    let seconds = time.split(':').try_fold(0.0, |seconds, part| {
        Some(seconds * 60.0 + part.parse::<f64>().ok()?)
    });
    Some(seconds? * 1000.0)
}

/// The largest linear memory among the VMs of a process: that of the VM which compiled the module
/// has no configuration in it.
fn linear_memory(process: u32) -> anyhow::Result<u64> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).context("Envoy has ended")?;
    let mappings: Vec<_> = maps.lines().filter_map(Mapping::parse).collect();
    let memories = mappings.windows(2).filter(|pair| {
        let is_guard = !pair[1].is_accessible && pair[1].size() >= GUARD;
        is_guard && pair[0].is_accessible && pair[0].end == pair[1].start
    });
    let sizes = memories.map(|pair| pair[0].size());
    sizes.max().context("Envoy has no VM with memory")
}

struct Mapping {
    start: u64,
    end: u64,
    is_accessible: bool,
}

impl Mapping {
    /// Parses a line like `7f702f1d0000-7f7032200000 rw-p …`.
    fn parse(line: &str) -> Option<Self> {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        Some(Self {
            start: u64::from_str_radix(start, 16).ok()?,
            end: u64::from_str_radix(end, 16).ok()?,
            is_accessible: !rest.starts_with("---"),
        })
    }

    fn size(&self) -> u64 {
        self.end - self.start
    }
}

fn resident(process: u32) -> anyhow::Result<u64> {
    let status =
        fs::read_to_string(format!("/proc/{process}/status")).context("Envoy has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kibibytes.context("the kernel does not tell what is resident")? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_between_two_lines_is_found() {
        let log = "[2026-11-22 09:59:59.536][1][debug][wasm] [x] Base Wasm created 1 now active\n\
                   [2026-11-22 10:00:00.828][1][debug][wasm] [x] Thread-Local Wasm created 2\n\
                   [2026-11-22 10:00:01.000][1][debug][wasm] [x] Thread-Local Wasm created 3\n";
        let time = compile_ms(log).unwrap();
        assert!((time - 1292.0).abs() < 0.01, "{time}");
        assert_eq!(compile_ms("nothing"), None);
    }
}
