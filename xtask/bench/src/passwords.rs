//! `cargo xtask bench passwords`: what one verification costs in the VM, and natively.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::bootstrap::Filter;
use crate::modules;
use crate::proxy::Proxy;
use crate::report::Report;
use crate::request::Request;
use crate::rounds::Measured;
use crate::stored_hash::{FAST, LOCKED, SLOW, StoredHash};
use crate::table::Table;
use crate::variant::Variant;
use crate::{Pace, Stage};
use xtask::child::Child;
use xtask::progress::Progress;

const USER_NAME: &str = "alice";

/// Wrong for all: a wrong password takes as long as a right one. The cache is off.
const PASSWORD: &str = "open sesame 1";

/// The command that measures this.
pub(crate) const COMMAND: &str = "cargo xtask bench passwords";

pub(crate) fn measure(stage: &Stage) -> anyhow::Result<Report> {
    xtask::say!("Measuring …");
    let mut native = Native::start()?;
    let mut rows = fast(stage, &mut native)?;
    rows.extend(slow(stage, &mut native)?);
    Ok(Report {
        command: COMMAND,
        method: METHOD.to_owned(),
        table: table(&rows),
        json: figures(&rows),
    })
}

const METHOD: &str = "\
What one verification of a password of 13 octets takes in CPU time: of the worker of a real Envoy, \
beyond what a request of a locked user takes, and natively, by the same code compiled for this \
machine. The lowest of several measurements; in the VM and for the formats of a single round, the median. \
Reference: the ratio when the hash functions were chosen, on another machine";

/// What the difference of two requests has to be for a ratio, in nanoseconds.
const MEASURABLE: f64 = 1e3;

/// What was measured of one hash, in nanoseconds.
struct Row {
    hash: StoredHash,
    in_vm: f64,
    native: f64,
}

/// Too little for one measurement: what they add to what a user costs who never authenticates.
fn fast(stage: &Stage, native: &mut Native) -> anyhow::Result<Vec<Row>> {
    let hashes = std::iter::once(&LOCKED).chain(&FAST);
    let variants: Vec<_> = hashes.map(|hash| variant(hash, &stage.module)).collect();
    let mut proxy = Proxy::start(&stage.envoy, &variants)?;
    let duration = match stage.pace {
        Pace::Quick => Duration::from_secs(10),
        Pace::Thorough => Duration::from_secs(60),
    };
    let measured = Measured::during(duration, &mut proxy, variants.len())?;
    proxy.check_answers(&variants)?;
    let row = |(index, hash): (usize, &StoredHash)| {
        Ok(Row {
            hash: *hash,
            in_vm: measured.added(index + 1).median.max(0.0),
            native: native.verification(hash)?,
        })
    };
    FAST.iter().enumerate().map(row).collect()
}

/// Requests one after another, less what those of a user cost who never authenticates.
fn slow(stage: &Stage, native: &mut Native) -> anyhow::Result<Vec<Row>> {
    let hashes: Vec<_> = std::iter::once(LOCKED).chain(SLOW).collect();
    let variants: Vec<_> = hashes
        .iter()
        .map(|hash| variant(hash, &stage.module))
        .collect();
    let mut proxy = Proxy::start(&stage.envoy, &variants)?;
    let unmeasured = |hash| Row {
        hash,
        in_vm: f64::INFINITY,
        native: f64::INFINITY,
    };
    let mut rows: Vec<_> = hashes.into_iter().map(unmeasured).collect();
    let repetitions = match stage.pace {
        Pace::Quick => 3,
        Pace::Thorough => 12,
    };
    // One beside the other, so that both have the same share of a bad moment.
    let progress = Progress::of_steps(repetitions);
    for _ in 0..repetitions {
        for (variant, row) in rows.iter_mut().enumerate() {
            row.in_vm = row.in_vm.min(proxy.sequence(variant, row.hash.count)?);
            row.native = row.native.min(native.verification(&row.hash)?);
        }
        progress.step();
    }
    proxy.check_answers(&variants)?;
    let locked = rows.remove(0);
    rows.iter_mut().for_each(|row| row.in_vm -= locked.in_vm);
    Ok(rows)
}

/// The program that verifies natively.
struct Native {
    hashes: ChildStdin,
    answers: BufReader<ChildStdout>,
    _child: Child,
}

impl Native {
    fn start() -> anyhow::Result<Self> {
        let program = modules::compile(&["native-passwords"], None)?.join("native-passwords");
        let mut command = Command::new(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = Child::spawn(command)?;
        let process = child.process();
        Ok(Self {
            hashes: process.stdin.take().context("no standard input")?,
            answers: BufReader::new(process.stdout.take().context("no standard output")?),
            _child: child,
        })
    }

    /// In nanoseconds.
    fn verification(&mut self, hash: &StoredHash) -> anyhow::Result<f64> {
        writeln!(self.hashes, "{}", hash.text)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let answer = answer.trim().parse();
        answer.with_context(|| format!("{} cannot be verified natively", hash.name))
    }
}

fn variant(hash: &StoredHash, module: &Path) -> Variant {
    let configuration = json!({
        "users": [format!("{USER_NAME}:{}", hash.text), "bob:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk="],
        "basic_auth_rules": [{"prefix": "/"}],
        "credentials_cache": {"max_entries": 0},
        "verification_budget": {
            "share_percent": 100, "burst_ms": 10_000, "client_share_percent": 100, "max_wait_ms": 0,
        },
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
    let mut table = Table::new(["stored hash", "in the VM", "native", "ratio", "reference"]);
    for row in rows {
        let ratio = match row.in_vm {
            // About as much as one measurement differs from the next.
            0.0..MEASURABLE => String::new(),
            _ => format!("{:.2}", row.in_vm / row.native),
        };
        let cells = [
            row.hash.name.to_owned(),
            duration(row.in_vm),
            duration(row.native),
            ratio,
            row.hash
                .reference
                .map(|ratio| format!("{ratio:.2}"))
                .unwrap_or_default(),
        ];
        table.push(cells);
    }
    table
}

fn figures(rows: &[Row]) -> Value {
    let rows = rows.iter().map(|row| {
        json!({
            "hash": row.hash.name,
            "vm_nanoseconds": row.in_vm,
            "native_nanoseconds": row.native,
            "reference_ratio": row.hash.reference,
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
