//! How long this machine itself takes to verify a password.
//!
//! Reads stored hashes from its standard input, one a line, and answers each with the nanoseconds
//! of CPU time that one verification takes: the lowest of several measurements.

use basic_auth::{HashCostCaps, Verifier};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::io::{self, BufRead as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What is verified; it is of a usual length.
const PASSWORD: &[u8] = b"open sesame 1";

/// How long one measurement takes, at least: long enough for the clock.
const MEASUREMENT: Duration = Duration::from_millis(20);

/// How long a hash is measured, at least.
const PATIENCE: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    for (number, line) in io::stdin().lock().lines().enumerate() {
        let hash = line.unwrap_or_default();
        let Ok(verifier) = Verifier::parse(hash.as_bytes(), &HashCostCaps::MAXIMUM) else {
            eprintln!("line {} is no hash that is accepted", number + 1);
            return ExitCode::FAILURE;
        };
        println!("{:.1}", lowest(&verifier));
    }
    ExitCode::SUCCESS
}

/// The lowest of several measurements, in nanoseconds for one verification.
fn lowest(verifier: &Verifier) -> f64 {
    let start = Instant::now();
    let mut count = 1;
    let mut lowest = f64::INFINITY;
    while start.elapsed() < PATIENCE || lowest.is_infinite() {
        let taken = time(verifier, count);
        if taken < MEASUREMENT {
            count *= 2;
        } else {
            lowest = lowest.min(taken.as_secs_f64() * 1e9 / f64::from(count));
        }
    }
    lowest
}

fn time(verifier: &Verifier, count: u32) -> Duration {
    let start = cpu_time();
    for _ in 0..count {
        black_box(verifier.verify(black_box(PASSWORD)));
    }
    cpu_time().saturating_sub(start)
}

/// What this thread has used so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
