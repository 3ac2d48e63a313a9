//! What a process keeps in memory, as the kernel accounts for it.

use std::fs;

use anyhow::{Context as _, bail};

/// What V8 reserves behind the memory of a VM, at least, and nobody else does.
const GUARD: u64 = 1 << 32;

/// Of one process, in octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessMemory {
    /// All of it that is in RAM.
    pub resident: u64,
    /// The sizes of the linear memories of its VMs.
    pub linear_memories: Vec<u64>,
}

impl ProcessMemory {
    /// Looks at a process that has at least one VM.
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let read = |file| fs::read_to_string(format!("/proc/{process}/{file}"));
        let linear_memories = linear_memories(&read("maps").context("Envoy has ended")?);
        if linear_memories.is_empty() {
            bail!("Envoy has no VM with memory");
        }
        let resident = resident(&read("status").context("Envoy has ended")?);
        Ok(Self {
            resident: resident.context("the kernel does not tell what is resident")?,
            linear_memories,
        })
    }
}

/// What is in RAM of a process without VMs, in octets.
pub fn resident_of(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"));
    let resident = resident(&status.context("the process has ended")?);
    resident.context("the kernel does not tell what is resident")
}

fn linear_memories(maps: &str) -> Vec<u64> {
    let mappings: Vec<_> = maps.lines().filter_map(Mapping::parse).collect();
    let memories = mappings.windows(2).filter(|pair| {
        let is_guard = !pair[1].is_accessible && pair[1].size() >= GUARD;
        is_guard && pair[0].is_accessible && pair[0].end == pair[1].start
    });
    memories.map(|pair| pair[0].size()).collect()
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_memory_is_what_lies_before_a_guard() {
        let maps = "7f0000000000-7f0000110000 rw-p 00000000 00:00 0\n\
                    7f0000110000-7f0200000000 ---p 00000000 00:00 0\n\
                    7f0300000000-7f0300010000 rw-p 00000000 00:00 0\n\
                    7f0300010000-7f0300020000 ---p 00000000 00:00 0\n";
        assert_eq!(linear_memories(maps), [0x11_0000]);
        assert_eq!(
            resident("Name: envoy\nVmRSS:\t  108 kB\n"),
            Some(108 * 1024)
        );
    }
}
