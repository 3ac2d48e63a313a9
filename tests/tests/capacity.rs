//! How much the built module takes: large configurations are accepted or refused, never a trap.

#![cfg(not(target_arch = "wasm32"))]

use basic_auth_tests::{
    fixture::{get, vm},
    host::{Log, Outcome, Vm},
};
use std::fmt::Write as _;

const MIB: usize = 1024 * 1024;

fn accept(vm: &mut Vm, configuration: &str) {
    vm.configure(configuration.as_bytes())
        .unwrap_or_else(|refused| panic!("{refused:?}"));
}

fn status(vm: &mut Vm, path: &str, credentials: Option<&str>) -> u32 {
    match vm.request(&get(path, credentials)) {
        Outcome::Continue { .. } => 200,
        Outcome::Reply(response) => response.status,
        other => panic!("{path} {credentials:?}: {other:?}"),
    }
}

#[test]
fn a_hundred_thousand_users_are_accepted() {
    const USERS: usize = 100_000;
    let mut lines = String::new();
    for user in 0..USERS {
        let _ = write!(lines, "user{user}:{{SHA}}W8r/fyL/UzygmbNAjq2HbA67qac=\\n");
    }
    let mut vm = vm();
    let configuration =
        format!(r#"{{"users": "{lines}", "basic_auth_rules": [{{"prefix": "/"}}]}}"#);
    accept(&mut vm, &configuration);
    for user in [0, 1, USERS / 2, USERS - 1] {
        let right = format!("user{user}:open sesame");
        assert_eq!(status(&mut vm, "/", Some(&right)), 200, "{right}");
        assert_eq!(status(&mut vm, "/", Some(&format!("user{user}:x"))), 401);
    }
    assert_eq!(
        status(&mut vm, "/", Some(&format!("user{USERS}:open sesame"))),
        401
    );
}

#[test]
fn ten_thousand_rules_are_accepted() {
    const RULES: usize = 10_000;
    let rule = |rule: usize| {
        let path = match rule % 5 {
            0 => format!(r#""exact": "/exact/{rule}""#),
            1 => format!(r#""prefix": "/prefix/{rule}/""#),
            2 => format!(r#""path_separated_prefix": "/separated/{rule}""#),
            3 => format!(r#""suffix": "/{rule}.php""#),
            _ => format!(r#""exact": "/host", "hosts": ["{rule}.example", "*.{rule}.example"]"#),
        };
        format!(r#"{{{path}, "credentials": ["user{rule}:x"]}}"#)
    };
    let rules: Vec<String> = (0..RULES).map(rule).collect();
    let mut vm = vm();
    accept(
        &mut vm,
        &format!(r#"{{"basic_auth_rules": [{}]}}"#, rules.join(",")),
    );
    for (path, user) in [
        ("/exact/0", 0),
        ("/exact/9995/", 9995),
        ("/prefix/4996/x", 4996),
        ("/separated/9997", 9997),
        ("/x/9998.php/y", 9998),
    ] {
        assert_eq!(status(&mut vm, path, None), 401, "{path}");
        assert_eq!(
            status(&mut vm, path, Some(&format!("user{user}:x"))),
            200,
            "{path}"
        );
        assert_eq!(
            status(&mut vm, path, Some(&format!("user{}:x", user + 1))),
            401,
            "{path}"
        );
    }
    assert_eq!(status(&mut vm, "/exact/1", None), 200, "no rule");
}

#[test]
fn a_group_in_many_rules_is_held_once() {
    const COUNT: usize = 1000;
    let names: Vec<String> = (0..COUNT).map(|user| format!("u{user}")).collect();
    let users: Vec<String> = names
        .iter()
        .map(|name| format!("\"{name}:{{PLAIN}}x\""))
        .collect();
    let rules: Vec<String> = (0..COUNT)
        .map(|rule| format!(r#"{{"exact": "/{rule}", "allow": ["@all"]}}"#))
        .collect();
    let configuration = format!(
        r#"{{"users": [{}], "groups": {{"all": [{}]}}, "basic_auth_rules": [{}]}}"#,
        users.join(","),
        names
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect::<Vec<_>>()
            .join(","),
        rules.join(",")
    );
    let mut vm = vm();
    accept(&mut vm, &configuration);
    assert_eq!(status(&mut vm, "/7", Some("u999:x")), 200);
    assert_in_proportion(&vm, &configuration);
}

#[test]
fn expressions_are_bounded_together() {
    // As large as one can be.
    let rule = r#"{"regex": "/.{1000}", "exempt": true}"#;
    for (count, is_accepted) in [(256, true), (500, false)] {
        let rules = vec![rule; count].join(",");
        let configuration = format!(r#"{{"basic_auth_rules": [{rules}]}}"#);
        let mut vm = vm();
        let answer = vm.configure(configuration.as_bytes());
        assert_eq!(answer.is_ok(), is_accepted, "{count}: {answer:?}");
        assert_in_proportion(&vm, &configuration);
        assert_alive(&mut vm, "expressions");
    }
}

/// Memory is never given back, and every worker has its own.
fn assert_in_proportion(vm: &Vm, configuration: &str) {
    let (size, most) = (vm.memory_size(), 16 * MIB + 64 * configuration.len());
    assert!(
        size < most,
        "{size} octets for a configuration of {}",
        configuration.len()
    );
}

/// Configurations of 64 MiB, each of another shape.
fn enormous() -> Vec<(&'static str, String)> {
    let fill = |before: &str, one: &str, after: &str| {
        let count = 64 * MIB / one.len();
        [before, &one.repeat(count - 1), after].concat()
    };
    vec![
        (
            "one string",
            fill(r#"{"realm": ""#, "aaaaaaaaaaaaaaaa", r#""}"#),
        ),
        ("a list of numbers", fill(r#"{"users": [0"#, ",0", "]}")),
        ("a list of lists", fill(r#"{"users": [[0]"#, ",[0]", "]}")),
        (
            "a list of objects",
            fill(r#"{"basic_auth_rules": [{"":0}"#, r#",{"":0}"#, "]}"),
        ),
        ("blank lines", fill(r#"{"users": [""#, r"\n", r#""]}"#)),
        ("lists in lists", fill("", "[", "")),
        ("blanks", fill("", " ", "")),
    ]
}

/// The same of what means something: users, and rules.
fn enormous_and_valid() -> [(&'static str, String); 2] {
    let lines = |line: &dyn Fn(usize) -> String| {
        let mut text = String::with_capacity(65 * MIB);
        for number in 0.. {
            text += &line(number);
            if text.len() >= 64 * MIB {
                break;
            }
        }
        text
    };
    let users = lines(&|number| format!(r"{number:x}:*\n"));
    let rules = lines(&|number| format!(r#"{{"exact":"/{number:x}","exempt":true}},"#));
    let rules = rules.trim_end_matches(',');
    [
        (
            "users",
            format!(r#"{{"users": "{users}", "basic_auth_rules": [{{"prefix": "/"}}]}}"#),
        ),
        ("rules", format!(r#"{{"basic_auth_rules": [{rules}]}}"#)),
    ]
}

#[test]
fn sixty_four_mib_are_accepted_or_refused_without_a_trap() {
    for (shape, configuration) in enormous().into_iter().chain(enormous_and_valid()) {
        assert!(configuration.len() >= 64 * MIB - 64, "{shape}");
        assert_no_trap(shape, &configuration);
    }
}

fn assert_no_trap(shape: &str, configuration: &str) {
    let mut vm = vm();
    if let Err(refused) = vm.configure(configuration.as_bytes()) {
        let is_trap = |log: &&Log| log.level == Log::CRITICAL;
        if let Some(trap) = refused.0.iter().find(is_trap) {
            panic!("{shape}, {} octets: {}", configuration.len(), trap.text);
        }
        assert!(!refused.0.is_empty(), "{shape}: refused without a word");
    }
    assert_alive(&mut vm, shape);
}

/// Another configuration, after one that was too much.
fn assert_alive(vm: &mut Vm, shape: &str) {
    let configuration = r#"{"basic_auth_rules": [{"prefix": "/", "credentials": ["a:b"]}]}"#;
    let accepted = vm.configure(configuration.as_bytes());
    assert!(accepted.is_ok(), "after {shape}: {accepted:?}");
    assert_eq!(status(vm, "/", None), 401);
    assert_eq!(status(vm, "/", Some("a:b")), 200);
}
