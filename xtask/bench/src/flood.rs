//! `cargo xtask bench flood`: what people who log in, and floods of wrong passwords, do to everybody else.

mod clients;
mod crowd;
mod lab;

use std::time::Duration;

use serde_json::{Value, json};
use xtask::progress::Progress;

use crate::report::Report;
use crate::table::Table;
use crate::{Pace, Stage};
use crowd::{Crowd, Latencies};
use lab::{BCRYPT_10, BCRYPT_12, Lab, Mechanism};

/// The command that measures this.
pub(crate) const COMMAND: &str = "cargo xtask bench flood";

const METHOD: &str = "\
Latency in milliseconds as clients on the same machine see it, median and 99th percentile: of requests that \
need no password, of users who were verified before, and of new users with right passwords from another \
address, one after another; refused: how many of these new users got 503. Alone: nobody else sends requests. Sliced: the defaults. \
Whole: `max_wait_ms` 0 and `client_share_percent` 100, so that a check is made at once as a whole, or refused";

/// Who else is there while it is measured.
#[derive(Clone, Copy, Debug)]
enum Scene {
    /// Nobody: not even new users.
    Idle,
    /// New users, one after another, and nobody else.
    Alone,
    /// New users, one after another.
    Logins,
    /// Guesses without an end from so many addresses.
    Flood(u8),
    /// The same wrong password ten times a second.
    Device,
}

impl Scene {
    const ALL: [Scene; 6] = [
        Scene::Idle,
        Scene::Alone,
        Scene::Logins,
        Scene::Device,
        Scene::Flood(1),
        Scene::Flood(4),
    ];

    fn name(self) -> String {
        match self {
            Scene::Idle => "idle".to_owned(),
            Scene::Alone => "new users alone".to_owned(),
            Scene::Logins => "new users".to_owned(),
            Scene::Device => "a forgotten device".to_owned(),
            Scene::Flood(1) => "a flood from one address".to_owned(),
            Scene::Flood(count) => format!("a flood from {count} addresses"),
        }
    }
}

/// One line of the table.
struct Row {
    name: String,
    crowd: Crowd,
}

pub(crate) fn measure(stage: &Stage) -> anyhow::Result<Report> {
    let time = match stage.pace {
        Pace::Quick => Duration::from_secs(6),
        Pace::Thorough => Duration::from_secs(40),
    };
    let mut rows = Vec::new();
    for (cost, hash) in [("bcrypt 10", BCRYPT_10), ("bcrypt 12", BCRYPT_12)] {
        for mechanism in [Mechanism::Whole, Mechanism::Sliced] {
            for scene in Scene::ALL {
                // Floods are tried with the costlier one.
                if cost == "bcrypt 10" && matches!(scene, Scene::Flood(_) | Scene::Device) {
                    continue;
                }
                let name = format!("{cost}, {}, {}", mechanism.name(), scene.name());
                xtask::say!("Measuring {name} …");
                let lab = Lab::start(stage, mechanism, hash)?;
                let _progress = Progress::of_time(time);
                let crowd = Crowd::during(time, &lab, scene)?;
                rows.push(Row { name, crowd });
            }
        }
    }
    let updates = [30, 500].map(|users| update(stage, users));
    let mut lines = Vec::new();
    for line in updates {
        lines.push(line?);
    }
    Ok(Report {
        command: COMMAND,
        method: format!("{METHOD}. {}", lines.join(". ")),
        table: table(&rows),
        json: figures(&rows),
    })
}

/// An unrelated user is added while so many users, who were verified, send requests.
fn update(stage: &Stage, users: usize) -> anyhow::Result<String> {
    xtask::say!("Measuring an update with {users} users …");
    let mut lab = Lab::start(stage, Mechanism::Sliced, BCRYPT_10)?;
    let lost = clients::lost_over_update(&mut lab, users)?;
    Ok(format!(
        "An update of the configuration over ECDS with {users} verified users (bcrypt 10) lost {lost} of \
         their requests"
    ))
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new([
        "what goes on",
        "others, median",
        "p99",
        "verified, median",
        "p99",
        "new, median",
        "p99",
        "new",
        "refused",
    ]);
    for Row { name, crowd } in rows {
        let of = |latencies: &Latencies, share: f64| {
            latencies
                .quantile(share)
                .map_or(String::new(), |time| format!("{:.2}", time * 1e3))
        };
        table.push([
            name.clone(),
            of(&crowd.others, 0.5),
            of(&crowd.others, 0.99),
            of(&crowd.verified, 0.5),
            of(&crowd.verified, 0.99),
            of(&crowd.new, 0.5),
            of(&crowd.new, 0.99),
            crowd.new.count().to_string(),
            crowd.refused.to_string(),
        ]);
    }
    table
}

fn figures(rows: &[Row]) -> Value {
    let row = |Row { name, crowd }: &Row| {
        let of = |latencies: &Latencies| {
            json!({
                "count": latencies.count(),
                "median_seconds": latencies.quantile(0.5),
                "p99_seconds": latencies.quantile(0.99),
            })
        };
        json!({
            "name": name,
            "others": of(&crowd.others),
            "verified": of(&crowd.verified),
            "new": of(&crowd.new),
            "refused": crowd.refused,
        })
    };
    rows.iter().map(row).collect()
}
