//! The counters: each counts what docs/configuration.md says, and is handed over on the timer.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{
    envoy::Tuned,
    fixture::{basic, get, plugin, vm_with},
    observed::Fields,
};
use std::collections::{BTreeMap, BTreeSet};

/// A request for every counter. bcrypt of `open sesame`, from tests/passwords.
const CONFIGURATION: &str = r#"{
    "allow_cors_preflight": true,
    "verification_budget": {"share_percent": 1, "burst_ms": 1},
    "users": ["ok:{PLAIN}test", "other:{PLAIN}word"],
    "basic_auth_rules": [
        {"path_separated_prefix": "/admin", "allow": ["ok"]},
        {"exact": "/admin/open", "exempt": true},
        {"path_separated_prefix": "/maybe", "allow_missing": true},
        {"path_separated_prefix": "/slow",
         "users": "slow:$2y$04$9Kituig3gNdg3vedn1rUv.u7zG7zRb66G97mDxdbqLuxO4fgH9a/q"}
    ]
}"#;

fn with(mut fields: Fields, more: &[(&str, &str)]) -> Fields {
    let octets =
        |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    fields.extend(more.iter().map(octets));
    fields
}

/// Requests, and the counters that each of them raises.
fn kinds() -> Vec<(Fields, Vec<&'static str>)> {
    let ok = basic("ok:test");
    let mut preflight = with(
        get("/admin", None),
        &[
            ("origin", "https://a.example"),
            ("access-control-request-method", "PUT"),
        ],
    );
    preflight[2].1 = b"OPTIONS".to_vec();
    let scheme = |value| with(get("/admin", None), &[("authorization", value)]);
    vec![
        (
            get("/admin", Some("ok:test")),
            vec!["allowed.authenticated"],
        ),
        (get("/admin/open", None), vec!["allowed.exempt"]),
        (get("/maybe", None), vec!["allowed.missing"]),
        (preflight, vec!["allowed.preflight"]),
        (get("/", None), vec!["allowed.unmatched"]),
        (get("/admin", None), vec!["denied.no_credentials"]),
        (
            with(
                get("/admin", None),
                &[("authorization", &ok), ("authorization", &ok)],
            ),
            vec!["denied.several_credentials"],
        ),
        (scheme("Bearer x"), vec!["denied.other_scheme"]),
        (scheme("Basic !"), vec!["denied.malformed"]),
        (get("/admin", Some("ok:wrong")), vec!["denied.mismatch"]),
        (get("/admin", Some("other:word")), vec!["denied.forbidden"]),
        (
            get("/slow", Some("slow:open sesame")),
            vec!["allowed.authenticated", "credentials_cache.misses"],
        ),
        (
            get("/slow", Some("slow:open sesame")),
            vec!["allowed.authenticated", "credentials_cache.hits"],
        ),
        (
            get("/slow", Some("slow:wrong")),
            vec!["denied.mismatch", "credentials_cache.misses"],
        ),
        (
            get("/slow", Some("slow:wrong")),
            vec!["denied.overloaded", "credentials_cache.misses"],
        ),
    ]
}

/// What differs between two looks at the counters, without their common prefix.
fn raised(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let difference = |(name, value): (&String, &u64)| {
        let name = name.strip_prefix("basic_auth.").unwrap_or(name).to_owned();
        let by = value - before.get(&format!("basic_auth.{name}")).unwrap_or(&0);
        (by > 0).then_some((name, by))
    };
    after.iter().filter_map(difference).collect()
}

#[test]
fn each_request_raises_its_counters_and_no_other() {
    let mut vm = vm_with(CONFIGURATION);
    let mut never_raised: BTreeSet<String> = vm.metrics().into_keys().collect();
    for (request, counters) in kinds() {
        let before = vm.metrics();
        let _ = vm.request(&request);
        assert_eq!(vm.metrics(), before, "handed over before the timer");
        vm.tick().expect("no trap");
        let expected = counters
            .iter()
            .map(|name| ((*name).to_owned(), 1))
            .collect();
        assert_eq!(raised(&before, &vm.metrics()), expected);
        for name in counters {
            never_raised.remove(&format!("basic_auth.{name}"));
        }
    }
    // These need a configuration of their own.
    let others = [
        "allowed.dry_run",
        "denied.insecure_transport",
        "denied.password_too_long",
    ];
    let others = others.map(|name| format!("basic_auth.{name}")).into();
    assert_eq!(never_raised, others, "no request for these");
}

#[test]
fn a_dry_run_has_a_counter_of_its_own() {
    let mut vm = vm_with(&CONFIGURATION.replacen('{', r#"{"dry_run": true, "#, 1));
    let before = vm.metrics();
    let _ = vm.request(&get("/admin", None));
    let _ = vm.request(&get("/admin", Some("ok:wrong")));
    let _ = vm.request(&get("/admin", Some("ok:test")));
    vm.tick().expect("no trap");
    let expected = [
        ("dry_run.mismatch".into(), 1),
        ("dry_run.no_credentials".into(), 1),
        ("allowed.dry_run".into(), 2),
        ("allowed.authenticated".into(), 1),
    ]
    .into();
    assert_eq!(raised(&before, &vm.metrics()), expected);
}

#[test]
fn a_password_that_is_not_hashed_has_a_counter_of_its_own() {
    let mut vm = vm_with(CONFIGURATION);
    let before = vm.metrics();
    let too_long = format!("slow:{}", "x".repeat(73));
    let _ = vm.request(&get("/slow", Some(&too_long)));
    vm.tick().expect("no trap");
    let expected = [
        ("denied.password_too_long".into(), 1),
        ("credentials_cache.misses".into(), 1),
    ]
    .into();
    assert_eq!(raised(&before, &vm.metrics()), expected);
}

#[test]
fn a_redirect_has_a_counter_of_its_own() {
    let mut vm = vm_with(&CONFIGURATION.replacen('{', r#"{"https_redirect": true, "#, 1));
    let before = vm.metrics();
    let scheme = |scheme| with(get("/admin", None), &[(":scheme", scheme)]);
    let _ = vm.request(&scheme("http"));
    let _ = vm.request(&scheme("https"));
    vm.tick().expect("no trap");
    let expected = [
        ("denied.insecure_transport".into(), 1),
        ("denied.no_credentials".into(), 1),
    ]
    .into();
    assert_eq!(raised(&before, &vm.metrics()), expected);
}

#[test]
fn the_timer_fires_every_second_while_there_are_requests_and_counts_nothing_twice() {
    let mut vm = vm_with(CONFIGURATION);
    let second = Some(std::time::Duration::from_secs(1));
    assert_eq!(vm.tick_period(), None, "an idle plugin has no timer");
    for requests in 1..3 {
        let _ = vm.request(&get("/admin", None));
        assert_eq!(vm.tick_period(), second);
        vm.tick().expect("no trap");
        assert_eq!(vm.metrics()["basic_auth.denied.no_credentials"], requests);
        assert_eq!(
            vm.tick_period(),
            second,
            "the next request costs no hostcall"
        );
        vm.tick().expect("no trap");
        assert_eq!(vm.metrics()["basic_auth.denied.no_credentials"], requests);
        assert_eq!(vm.tick_period(), None, "nothing was counted for a second");
    }
}

#[test]
fn nothing_is_lost_when_the_configuration_changes() {
    let mut vm = vm_with(CONFIGURATION);
    let _ = vm.request(&get("/admin", None));
    vm.tick().expect("no trap");
    for _ in 0..5 {
        let _ = vm.request(&get("/admin", None));
        let _ = vm.request(&get("/slow", Some("slow:open sesame")));
        vm.configure(CONFIGURATION.as_bytes()).expect("accepted");
        let _ = vm.request(&get("/admin", None));
    }
    vm.tick().expect("no trap");
    let metrics = vm.metrics();
    assert_eq!(metrics["basic_auth.denied.no_credentials"], 11);
    assert_eq!(metrics["basic_auth.credentials_cache.misses"], 5);
}

#[test]
fn a_dry_run_says_in_the_log_what_it_would_deny_once_a_second() {
    let mut vm = vm_with(&CONFIGURATION.replacen('{', r#"{"dry_run": true, "#, 1));
    vm.take_logs();
    let second = std::time::Duration::from_secs(1);
    let mut said = |requests: usize, later| {
        vm.advance(later);
        for _ in 0..requests {
            let _ = vm.request(&get("/admin", Some("ok:wrong")));
        }
        let logs = vm.take_logs();
        logs.into_iter()
            .map(|log| (log.level, log.text))
            .collect::<Vec<_>>()
    };
    let line = |left_out: usize| {
        let text = format!(
            "dry run: would have been denied by basic_auth_rules[0]: mismatch; {left_out} others since the last line"
        );
        vec![(2, text)]
    };
    assert_eq!(said(5, second), line(0));
    assert_eq!(said(3, second / 2), []);
    assert_eq!(said(1, second / 2), line(7));
    assert_eq!(said(1, second * 3600), line(0));
    vm.set_back(second * 7200);
    let _ = vm.request(&get("/admin", Some("ok:wrong")));
    assert_eq!(vm.take_logs().len(), 1, "the clock was set back");
}

#[test]
fn envoy_shows_them_together_in_both_forms_and_apart_by_their_prefix() {
    let staging = CONFIGURATION.replacen('{', r#"{"stat_prefix": "staging", "#, 1);
    let plugins = vec![plugin("main", CONFIGURATION), plugin("staging", &staging)];
    let Tuned { proxy, .. } = &mut Tuned::live(plugins, |_| (), &[]);
    for (listener, requests) in [("main", 3), ("staging", 2)] {
        for _ in 0..requests {
            let answer = xtask::http::get(proxy.listener(listener), "/admin").expect("an answer");
            assert_eq!(answer.status, 401);
        }
    }
    let counted = [
        "wasmcustom.basic_auth.denied.no_credentials: 3",
        "wasmcustom.basic_auth.staging.denied.no_credentials: 2",
    ];
    let body = |envoy: &xtask::envoy::Envoy, path: &str| {
        let answer = envoy.ask_admin(path).ok()?;
        Some(String::from_utf8_lossy(&answer.body).into_owned())
    };
    let stats = proxy
        .envoy
        .wait_for("the timer", basic_auth_tests::envoy::PATIENCE, |envoy| {
            let is_counted =
                |stats: &String| counted.iter().all(|line| stats.lines().any(|l| l == *line));
            body(envoy, "/stats").filter(is_counted)
        });
    let stats = stats.unwrap_or_else(|error| panic!("{error:#}"));
    let names: BTreeSet<&str> = stats
        .lines()
        .filter_map(|line| line.strip_prefix("wasmcustom."))
        .filter_map(|line| line.split(':').next())
        .collect();
    let of_main = vm_with(CONFIGURATION).metrics().into_keys();
    let of_staging = vm_with(&staging).metrics().into_keys();
    let defined: BTreeSet<String> = of_main.chain(of_staging).collect();
    assert_eq!(names, defined.iter().map(String::as_str).collect());

    // Whole names, with all that Envoy puts around them.
    let prometheus = body(&proxy.envoy, "/stats/prometheus").expect("an answer");
    let shown: BTreeSet<&str> = prometheus
        .lines()
        .filter_map(|line| line.split(['{', ' ']).next())
        .filter(|name| name.contains("denied") || name.contains("basic_auth"))
        .collect();
    let in_prometheus: Vec<String> = defined.iter().map(|name| name.replace('.', "_")).collect();
    assert_eq!(shown, in_prometheus.iter().map(String::as_str).collect());
    for name in [
        "basic_auth_denied_mismatch",
        "basic_auth_staging_denied_mismatch",
    ] {
        assert!(shown.contains(name), "{name}");
    }
}
