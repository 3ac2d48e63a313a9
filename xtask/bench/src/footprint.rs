//! What loading a filter takes: time to compile and to configure, and memory.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::bootstrap::bootstrap;
use crate::cores::Thread;
use crate::variant::Variant;
use xtask::envoy::Envoy;
use xtask::process_memory::ProcessMemory;

/// How long Envoy may take to load a filter.
const PATIENCE: Duration = Duration::from_secs(120);

/// Of one filter in an Envoy with one worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    /// From reading the module to its first VM, in milliseconds. Once for all workers.
    pub(crate) compile_ms: Option<f64>,
    /// The CPU time of a worker until it has started its VM and taken the configuration.
    pub(crate) configure: Duration,
    /// The linear memory of a worker's VM, in octets.
    pub(crate) memory: u64,
    /// What is resident of Envoy, in octets.
    pub(crate) resident: u64,
}

impl Footprint {
    /// Starts an Envoy with nothing but the filter of `variant`.
    pub(crate) fn of(variant: &Variant, program: &Path) -> anyhow::Result<Self> {
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
        let ProcessMemory {
            resident,
            linear_memories,
        } = ProcessMemory::of(envoy.id())?;
        Ok(Self {
            compile_ms: compile_ms(&envoy.log()),
            configure: worker.cpu_time()?,
            // That of the VM which compiled the module has no configuration in it.
            memory: linear_memories.into_iter().max().unwrap_or_default(),
            resident,
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
