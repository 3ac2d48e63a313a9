//! `cargo xtask bench`: what a request costs with this filter and with others.

use std::time::Duration;

use serde_json::{Value, json};

use crate::modules::Modules;
use crate::proxy::{self, Proxy};
use crate::report::Report;
use crate::request;
use crate::rounds::{Measured, SEED, Summary};
use crate::table::Table;
use crate::variant::{EMPTY_SDK, LUA_CHECK, USUAL_SDK, Variant, variants};
use crate::{Pace, Stage};

/// The command that measures this.
pub(crate) const COMMAND: &str = "cargo xtask bench";

pub(crate) fn measure(stage: &Stage) -> anyhow::Result<Report> {
    let variants = variants(&Modules::beside(&stage.module)?);
    let mut proxy = Proxy::start(&stage.envoy, &variants)?;
    let duration = match stage.pace {
        Pace::Quick => Duration::from_secs(30),
        Pace::Thorough => Duration::from_secs(240),
    };
    xtask::say!("Measuring for {} s …", duration.as_secs());
    let measured = Measured::during(duration, &mut proxy, variants.len())?;
    proxy.check_answers(&variants)?;
    Ok(Report {
        command: COMMAND,
        method: method(&measured),
        table: table(&variants, &measured),
        json: figures(&variants, &measured),
    })
}

fn method(measured: &Measured) -> String {
    format!(
        "CPU time of Envoy's worker thread for one HTTP/2 request with 4 pseudo-header fields and \
         {} others, in microseconds: the whole without a filter, and what each filter adds to \
         that. {} rounds of {} requests for each filter, in shuffled order (seed {SEED}), each \
         between two without a filter. The ratios are those of the medians",
        request::FIELD_COUNT,
        measured.rounds(),
        proxy::SLICE,
    )
}

/// The row without a filter shows the whole, the others what they add to it.
fn costs<'m>(
    variants: &'m [Variant],
    measured: &'m Measured,
) -> impl Iterator<Item = (&'m Variant, Summary)> {
    variants
        .iter()
        .enumerate()
        .map(|(index, variant)| match index {
            0 => (variant, measured.base()),
            _ => (variant, measured.added(index)),
        })
}

fn table(variants: &[Variant], measured: &Measured) -> Table {
    let median = |name: &str| {
        let mut all = costs(variants, measured);
        all.find(|(variant, _)| variant.name == name)
            .map_or(f64::NAN, |(_, cost)| cost.median)
    };
    let [empty, usual, lua] = [EMPTY_SDK, USUAL_SDK, LUA_CHECK].map(median);
    let head = [
        "filter", "minimum", "quartile", "median", "÷ empty", "÷ usual", "÷ Lua",
    ];
    let mut table = Table::new(head);
    for (index, (variant, cost)) in costs(variants, measured).enumerate() {
        let microseconds = |nanoseconds: f64| format!("{:.2}", nanoseconds / 1000.0);
        let ratio = |other: f64| match index {
            0 => String::new(),
            _ => format!("{:.2}", cost.median / other),
        };
        table.push([
            variant.name.clone(),
            microseconds(cost.minimum),
            microseconds(cost.quartile),
            microseconds(cost.median),
            ratio(empty),
            ratio(usual),
            ratio(lua),
        ]);
    }
    table
}

fn figures(variants: &[Variant], measured: &Measured) -> Value {
    let rows = costs(variants, measured).map(|(variant, cost)| {
        json!({
            "filter": variant.name,
            "status": variant.status,
            "nanoseconds": cost.json(),
        })
    });
    json!({
        "seed": SEED,
        "rounds": measured.rounds(),
        "requests_per_slice": proxy::SLICE,
        "rows": rows.collect::<Vec<_>>(),
    })
}
