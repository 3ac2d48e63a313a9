//! The metrics' names, labels and texts, as Istio's agent has them, and as the module side counts.

use std::time::Duration;

use wasm_agent::metrics::{Conversion, Metrics};

/// Section 3 of the notes on Istio's agent: no `_total` at the ends, and milliseconds from 1 to 16,384.
#[test]
fn istios_metrics_have_istios_names() {
    let metrics = Metrics::new();
    for conversion in [
        Conversion::Success,
        Conversion::NoRemoteLoad,
        Conversion::MarshalFailure,
        Conversion::UnmarshalFailure,
        Conversion::FetchFailure,
        Conversion::MissRemoteFetchHint,
    ] {
        metrics.converted(conversion);
    }
    metrics.conversion_took(Duration::from_micros(1500));
    let text = metrics.render();
    let of =
        |name: &str| -> Vec<&str> { text.lines().filter(|line| line.contains(name)).collect() };
    assert_eq!(
        of("istio_agent_wasm_cache_entries"),
        [
            "# HELP istio_agent_wasm_cache_entries number of Wasm remote fetch cache entries.",
            "# TYPE istio_agent_wasm_cache_entries gauge",
            "istio_agent_wasm_cache_entries 0",
        ]
    );
    assert_eq!(
        of("istio_agent_wasm_config_conversion_count"),
        [
            "# HELP istio_agent_wasm_config_conversion_count number of Wasm config conversions and results, including success, no remote load, marshal failure, remote fetch failure, miss remote fetch hint.",
            "# TYPE istio_agent_wasm_config_conversion_count counter",
            "istio_agent_wasm_config_conversion_count{result=\"fetch_failure\"} 1",
            "istio_agent_wasm_config_conversion_count{result=\"marshal_failure\"} 1",
            "istio_agent_wasm_config_conversion_count{result=\"miss_remote_fetch_hint\"} 1",
            "istio_agent_wasm_config_conversion_count{result=\"no_remote_load\"} 1",
            "istio_agent_wasm_config_conversion_count{result=\"success\"} 1",
            "istio_agent_wasm_config_conversion_count{result=\"unmarshal_failure\"} 1",
        ]
    );
    let buckets: Vec<String> = (0..15)
        .map(|power| {
            let (bound, count) = (1_u32 << power, u32::from(power > 0));
            format!("istio_agent_wasm_config_conversion_duration_bucket{{le=\"{bound}\"}} {count}")
        })
        .chain(["istio_agent_wasm_config_conversion_duration_bucket{le=\"+Inf\"} 1".to_owned()])
        .collect();
    assert_eq!(of("conversion_duration_bucket"), buckets);
    assert_eq!(
        of("conversion_duration_sum"),
        ["istio_agent_wasm_config_conversion_duration_sum 1.5"]
    );
    assert!(!text.contains("_total"));
}
