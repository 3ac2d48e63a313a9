//! A slip in a file of cases is a mistake and not a case that proves nothing.

use super::{Corpus, Runner};

const GOOD: &str = r#"
configuration = '{}'
not_on = { vm = "a reason" }
[[request]]
name = "passes"
expect = { status = 200 }
not_on = { envoy_http2 = "a reason" }
"#;

fn mistake(text: &str) -> String {
    Corpus::parse(&[("x.toml", text)])
        .expect_err(text)
        .join("\n")
}

#[test]
fn defaults_and_left_out_runners() {
    let corpus = Corpus::parse(&[("x.toml", GOOD)]).unwrap();
    let case = &corpus.cases[0];
    let request = &case.requests[0];
    assert_eq!(request.method.as_deref(), Some(&b"GET"[..]));
    assert_eq!(request.authority.as_deref(), Some(&b"example.com"[..]));
    assert_eq!(request.path.as_deref(), Some(&b"/"[..]));
    let is_run = |runner| case.requests_on(runner).count() == 1;
    assert!(is_run(Runner::Core) && is_run(Runner::Wasm) && is_run(Runner::EnvoyHttp1));
    assert!(!is_run(Runner::Vm) && !is_run(Runner::EnvoyHttp2));
}

#[test]
fn a_slip_is_refused() {
    for (from, to, expected) in [
        ("vm =", "v8 =", "unknown variant `v8`"),
        (r#"vm = "a reason""#, r#"vm = """#, "no reason"),
        ("name =", "nmae =", "unknown field `nmae`"),
        (
            "status = 200",
            "status = 204",
            "200, 301, 308, 401, 403, 407 or 503",
        ),
        ("status = 200", r#"status = 200, realm = "x""#, "challenge"),
        (
            "status = 200",
            r#"status = 403, denial = "mismatch""#,
            "another status",
        ),
        (
            "status = 200",
            r#"status = 200, denial = "mismatsch""#,
            "unknown variant",
        ),
        ("expect =", "path = '\\x0'\nexpect =", "neither"),
        ("configuration = '{}'", "", "no `configuration`"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let mistake = mistake(&GOOD.replacen(from, to, 1));
        assert!(mistake.contains(expected), "{to}: {mistake}");
    }
}

#[test]
fn what_nobody_runs_is_refused() {
    assert!(mistake("").contains("proves nothing"));
    assert!(mistake("configuration = '{}'").contains("proves nothing"));
    let nowhere = r#"not_on = { core = "x", vm = "x", wasm = "x", envoy = "x" }"#;
    let text = GOOD.replace(r#"not_on = { vm = "a reason" }"#, nowhere);
    assert!(mistake(&text).contains("no runner claims it"));
}

#[test]
fn a_name_stands_for_one_request() {
    let twice = format!("{GOOD}\n[[request]]\nname = \"passes\"\nexpect = {{ status = 200 }}");
    assert!(mistake(&twice).contains("named `passes`"));
}
