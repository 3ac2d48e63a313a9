//! `cargo xtask bench passwords`: what one verification costs in the VM, and natively.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::Pace;
use super::bootstrap::Filter;
use super::modules;
use super::proxy::Proxy;
use super::report::Report;
use super::request::Request;
use super::rounds::Measured;
use super::stored_hash::{FAST, LOCKED, SLOW, StoredHash};
use super::table::Table;
use super::variant::Variant;
use crate::child::Child;

const USER_NAME: &str = "alice";

/// Wrong for all: a wrong password takes as long as a right one, and is never remembered.
const PASSWORD: &str = "open sesame 1";

pub(super) fn measure(program: &Path, pace: Pace) -> anyhow::Result<Report> {
    let module = modules::basic_auth()?;
    let hashes: Vec<_> = FAST.iter().chain(&SLOW).copied().collect();
    println!("Measuring natively …");
    let native = native(&hashes)?;
    println!("Measuring in the VM …");
    let mut in_vm = fast_in_vm(program, &module, pace)?;
    in_vm.extend(slow_in_vm(program, &module, pace)?);
    let measured = hashes.iter().zip(in_vm).zip(native);
    let rows: Vec<_> = measured
        .map(|((hash, in_vm), native)| Row {
            hash: *hash,
            in_vm,
            native,
        })
        .collect();
    Ok(Report {
        command: "cargo xtask bench passwords",
        method: METHOD.to_owned(),
        table: table(&rows),
        json: figures(&rows),
    })
}

const METHOD: &str = "\
What one verification of a password of 13 octets takes in CPU time: of the worker of a real Envoy, \
beyond what a request of a locked user takes, and natively, by the same code compiled for this \
machine. The lowest of several measurements; in the VM and for the formats of a single round, the median";

/// What was measured of one hash, in nanoseconds.
struct Row {
    hash: StoredHash,
    in_vm: f64,
    native: f64,
}

/// What the program of the bench prints for each hash.
fn native(hashes: &[StoredHash]) -> anyhow::Result<Vec<f64>> {
    let program = modules::compile(&["native-passwords"], None)?.join("native-passwords");
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = Child::spawn(command)?;
    let mut input = child.process().stdin.take().context("no standard input")?;
    for hash in hashes {
        writeln!(input, "{}", hash.text)?;
    }
    drop(input);
    let output = child
        .process()
        .stdout
        .take()
        .context("no standard output")?;
    let printed = std::io::read_to_string(output)?;
    if !child.wait()?.success() {
        bail!("the native verification failed");
    }
    let numbers = printed.lines().map(str::parse::<f64>);
    Ok(numbers.collect::<Result<_, _>>()?)
}

/// Too little for one measurement: what they add to what a user costs who never authenticates.
fn fast_in_vm(program: &Path, module: &Path, pace: Pace) -> anyhow::Result<Vec<f64>> {
    let hashes = std::iter::once(&LOCKED).chain(&FAST);
    let variants: Vec<_> = hashes.map(|hash| variant(hash, module)).collect();
    let mut proxy = Proxy::start(program, &variants)?;
    let duration = match pace {
        Pace::Quick => Duration::from_secs(10),
        Pace::Thorough => Duration::from_secs(60),
    };
    let measured = Measured::during(duration, &mut proxy, variants.len())?;
    proxy.check_answers(&variants)?;
    Ok((1..variants.len())
        .map(|index| measured.added(index).median)
        .collect())
}

/// Requests one after another, less what those of a user cost who never authenticates.
fn slow_in_vm(program: &Path, module: &Path, pace: Pace) -> anyhow::Result<Vec<f64>> {
    let hashes: Vec<_> = std::iter::once(&LOCKED).chain(&SLOW).collect();
    let variants: Vec<_> = hashes.iter().map(|hash| variant(hash, module)).collect();
    let mut proxy = Proxy::start(program, &variants)?;
    let mut lowest = vec![f64::INFINITY; variants.len()];
    let repetitions = match pace {
        Pace::Quick => 3,
        Pace::Thorough => 12,
    };
    for _ in 0..repetitions {
        for (variant, lowest) in lowest.iter_mut().enumerate() {
            *lowest = lowest.min(proxy.sequence(variant, hashes[variant].count)?);
        }
    }
    proxy.check_answers(&variants)?;
    Ok(lowest[1..].iter().map(|cost| cost - lowest[0]).collect())
}

fn variant(hash: &StoredHash, module: &Path) -> Variant {
    let configuration = json!({
        "users": [format!("{USER_NAME}:{}", hash.text), "bob:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="],
        "basic_auth_rules": [{"prefix": "/"}],
        "credentials_cache": {"max_entries": 0},
        "verification_budget": {"share_percent": 100, "burst_ms": 10_000},
        "max_hash_cost": {"pbkdf2_sha1_iterations": 1_300_000},
    });
    Variant {
        name: hash.name.to_owned(),
        filter: Filter::Wasm {
            module: module.to_path_buf(),
            configuration: configuration.to_string(),
        },
        request: Request::new("/", USER_NAME, PASSWORD),
        status: 401,
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(["stored hash", "in the VM", "native", "ratio"]);
    for row in rows {
        table.push([
            row.hash.name.to_owned(),
            duration(row.in_vm),
            duration(row.native),
            format!("{:.2}", row.in_vm / row.native),
        ]);
    }
    table
}

fn figures(rows: &[Row]) -> Value {
    let rows = rows.iter().map(|row| {
        json!({
            "hash": row.hash.name,
            "vm_nanoseconds": row.in_vm,
            "native_nanoseconds": row.native,
        })
    });
    rows.collect()
}

/// With three digits at most.
fn duration(nanoseconds: f64) -> String {
    let microseconds = nanoseconds / 1e3;
    match microseconds {
        0.0..10.0 => format!("{microseconds:.2} µs"),
        10.0..1e3 => format!("{microseconds:.0} µs"),
        1e3..1e4 => format!("{:.1} ms", microseconds / 1e3),
        _ => format!("{:.0} ms", microseconds / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_a_fitting_unit() {
        let written = [214.0, 187_400.0, 1_720_000.0, 53_000_000.0].map(duration);
        assert_eq!(written, ["0.21 µs", "187 µs", "1.7 ms", "53 ms"]);
    }
}
