//! `cargo xtask bench scale`: what more rules and more users cost.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xtask::progress::Progress;

use crate::bootstrap::Filter;
use crate::footprint::Footprint;
use crate::proxy::Proxy;
use crate::report::Report;
use crate::request::Request;
use crate::rounds::{Measured, SEED, Summary};
use crate::table::Table;
use crate::variant::Variant;
use crate::{Pace, Stage};

const RULES: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const USERS: [usize; 6] = [1, 10, 100, 1_000, 10_000, 100_000];

const PASSWORD: &str = "wonderland";
const HASH: &str = "{SHA}tiY7sUhYKUwI5L3866kDY+ENcrQ=";

/// The command that measures this.
pub(crate) const COMMAND: &str = "cargo xtask bench scale";

pub(crate) fn measure(stage: &Stage) -> anyhow::Result<Report> {
    let module = &stage.module;
    let rules = RULES.iter().map(|&count| with_rules(module, count));
    let users = USERS.iter().map(|&count| with_users(module, count));
    let variants: Vec<_> = std::iter::once(without_filter())
        .chain(rules)
        .chain(users)
        .collect();
    let duration = match stage.pace {
        Pace::Quick => Duration::from_secs(20),
        Pace::Thorough => Duration::from_secs(180),
    };
    xtask::say!("Measuring requests for {} s …", duration.as_secs());
    let mut proxy = Proxy::start(&stage.envoy, &variants)?;
    let measured = Measured::during(duration, &mut proxy, variants.len())?;
    proxy.check_answers(&variants)?;
    drop(proxy);
    xtask::say!("Measuring each configuration …");
    let progress = Progress::of_steps(variants.len() - 1);
    let rows = variants.iter().enumerate().skip(1).map(|(index, variant)| {
        let footprint = Footprint::of(variant, &stage.envoy)?;
        progress.step();
        Ok(Row {
            name: variant.name.clone(),
            configuration: configuration(variant).len(),
            request: measured.added(index),
            footprint,
        })
    });
    let rows: Vec<_> = rows.collect::<anyhow::Result<_>>()?;
    Ok(Report {
        command: COMMAND,
        method: method(&measured, &rows),
        table: table(&rows),
        json: figures(&rows),
    })
}

/// What was measured of one configuration.
struct Row {
    name: String,
    /// The length of its text, in octets.
    configuration: usize,
    request: Summary,
    footprint: Footprint,
}

fn without_filter() -> Variant {
    Variant {
        name: "no filter".to_owned(),
        filter: Filter::None,
        request: Request::new("/area-0/reports", "user-0", PASSWORD),
        status: 200,
    }
}

/// `count` rules of various kinds, of which one is about the request, and one user.
fn with_rules(module: &Path, count: usize) -> Variant {
    let rules: Vec<_> = (0..count).map(rule).collect();
    let last = (count - 1) / 4 * 4;
    Variant {
        name: counted(count, "rule"),
        filter: filter(
            module,
            &json!({"basic_auth_rules": rules, "users": user(0, 1)}),
        ),
        request: Request::new(&format!("/area-{last}/reports"), "user-0", PASSWORD),
        status: 200,
    }
}

fn rule(number: usize) -> Value {
    match number % 4 {
        0 => json!({"prefix": format!("/area-{number}/")}),
        1 => json!({"path_separated_prefix": format!("/area-{number}")}),
        2 => json!({"exact": format!("/area-{number}")}),
        _ => json!({"prefix": "/", "hosts": [format!("host-{number}.example.com")]}),
    }
}

/// One rule and `count` users, of whom the last one sends the request.
fn with_users(module: &Path, count: usize) -> Variant {
    let users: Vec<_> = (0..count).map(|number| user(number, count)).collect();
    let configuration = json!({
        "basic_auth_rules": [{"prefix": "/area-0/"}],
        "users": users.join("\n"),
    });
    Variant {
        name: counted(count, "user"),
        filter: filter(module, &configuration),
        request: Request::new("/area-0/reports", &format!("user-{}", count - 1), PASSWORD),
        status: 200,
    }
}

/// A line of htpasswd text. Only the last of `count` users has a password that is known.
fn user(number: usize, count: usize) -> String {
    if number + 1 == count {
        return format!("user-{number}:{HASH}");
    }
    let digest = Sha256::digest(number.to_le_bytes());
    format!(
        "user-{number}:{{SHA}}{}",
        BASE64_STANDARD.encode(&digest[..20])
    )
}

fn filter(module: &Path, configuration: &Value) -> Filter {
    Filter::Wasm {
        module: module.to_path_buf(),
        configuration: configuration.to_string(),
    }
}

fn configuration(variant: &Variant) -> &str {
    match &variant.filter {
        Filter::Wasm { configuration, .. } => configuration,
        _ => "",
    }
}

fn method(measured: &Measured, rows: &[Row]) -> String {
    let compile = rows.iter().filter_map(|row| row.footprint.compile_ms);
    format!(
        "What a configuration costs by its size. Request: what the filter adds to the CPU time of \
         Envoy's worker for one request that is authenticated by the last rule or user, in \
         microseconds ({} rounds, seed {SEED}). Configure: the CPU time of a worker until it has \
         started its VM and taken the configuration. VM: the linear memory of one worker's VM. \
         Resident: all of Envoy with one worker, whose main thread has a VM of its own. Envoy \
         compiled the module in {:.0} ms, once for all workers",
        measured.rounds(),
        compile.fold(f64::INFINITY, f64::min),
    )
}

fn table(rows: &[Row]) -> Table {
    let head = [
        "configuration",
        "text, kB",
        "request, quartile",
        "median, µs",
        "configure, ms",
        "VM, MB",
        "resident, MB",
    ];
    let mut table = Table::new(head);
    for row in rows {
        table.push([
            row.name.clone(),
            format!("{:.1}", row.configuration as f64 / 1e3),
            format!("{:.2}", row.request.quartile / 1e3),
            format!("{:.2}", row.request.median / 1e3),
            format!("{:.1}", row.footprint.configure.as_secs_f64() * 1e3),
            format!("{:.1}", row.footprint.memory as f64 / 1e6),
            format!("{:.0}", row.footprint.resident as f64 / 1e6),
        ]);
    }
    table
}

fn figures(rows: &[Row]) -> Value {
    let rows = rows.iter().map(|row| {
        json!({
            "configuration": row.name,
            "octets": row.configuration,
            "request_nanoseconds": row.request.json(),
            "compile_ms": row.footprint.compile_ms,
            "configure_ms": row.footprint.configure.as_secs_f64() * 1e3,
            "vm_octets": row.footprint.memory,
            "resident_octets": row.footprint.resident,
        })
    });
    rows.collect()
}

fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// A number with its thousands apart.
fn grouped(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}
