//! Section 4.5 of the notes on Istio's agent as a table, and everything by which remote code could reach Envoy.

use serde_json::{Value, json};

use super::*;
use crate::discovery::EXTENSION_CONFIG_URL;
use crate::wire::{message, put_bytes, put_varint};

const HTTP_URL: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const NETWORK_URL: &str = "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm";
const URL: &[u8] = b"http://a/m.wasm";
const FILE: &str = "/cache/m.wasm";

fn any(type_url: &str, value: &[u8]) -> Vec<u8> {
    message(&[(1, type_url.as_bytes()), (2, value)])
}

fn remote() -> Vec<u8> {
    let http_uri = message(&[(1, URL), (3, &[0x08, 0x07])]);
    message(&[(2, &message(&[(1, &http_uri), (2, b"ABcd")]))])
}

fn local() -> Vec<u8> {
    message(&[(1, &message(&[(1, FILE.as_bytes())]))])
}

fn inline() -> Vec<u8> {
    message(&[(1, &message(&[(2, b"\0asm")]))])
}

/// A `Wasm` with these fields of `VmConfig` and unknown ones at every level.
fn wasm(vm_fields: &[(u32, &[u8])]) -> Vec<u8> {
    let mut vm = message(&[(1, b"id"), (2, b"v8")]);
    vm.extend(message(vm_fields));
    vm.extend(message(&[(8, b"sandbox"), (2000, b"unknown")]));
    let mut plugin = message(&[(1, b"name"), (3, &vm)]);
    put_varint(&mut plugin, 7, 3);
    message(&[(2000, b"first"), (1, &plugin), (2001, b"last")])
}

fn extension(typed_config: &[u8]) -> Vec<u8> {
    let config = message(&[(1, b"lab"), (2, typed_config), (99, b"unknown")]);
    any(EXTENSION_CONFIG_URL, &config)
}

fn parse(octets: &[u8]) -> Result<Extension, InvalidExtension> {
    Extension::parse(Dialect::StateOfTheWorld, Bytes::copy_from_slice(octets))
}

fn rewritten(octets: &[u8]) -> Vec<u8> {
    parse(octets)
        .unwrap()
        .with_local_code(Path::new(FILE))
        .unwrap()
}

fn reason(octets: &[u8]) -> InvalidReason {
    parse(octets).map(|_| ()).unwrap_err().reason
}

fn module(octets: &[u8]) -> RemoteModule {
    match parse(octets).unwrap().need {
        Need::Module(module) => *module,
        Need::Nothing => panic!("it needs nothing"),
        Need::LocalFile(path) => panic!("it needs {}", path.display()),
    }
}

fn needs_nothing(octets: &[u8]) -> bool {
    matches!(parse(octets).unwrap().need, Need::Nothing)
}

fn structure(value: &Value) -> Vec<u8> {
    let mut fields = Vec::new();
    for (key, value) in value.as_object().unwrap() {
        put_bytes(
            &mut fields,
            1,
            &message(&[(1, key.as_bytes()), (2, &json_value(value))]),
        );
    }
    fields
}

fn json_value(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0x00],
        Value::String(text) => message(&[(3, text.as_bytes())]),
        Value::Bool(value) => vec![0x20, u8::from(*value)],
        Value::Object(_) => message(&[(5, &structure(value))]),
        Value::Number(number) => {
            let mut message = Vec::new();
            wire::put_double(&mut message, 2, number.as_f64().unwrap());
            message
        }
        Value::Array(_) => message(&[(6, b"")]),
    }
}

fn typed_struct(outer: &str, value: &Value) -> Vec<u8> {
    let outer = format!("type.googleapis.com/{outer}");
    let value = structure(value);
    any(
        &outer,
        &message(&[(1, HTTP_URL.as_bytes()), (2, &value), (77, b"unknown")]),
    )
}

fn json_wasm(code: &Value) -> Value {
    json!({"config": {"name": "n", "fail_open": true, "vm_config": {"vm_id": "x", "code": code}, "new_field": 1}})
}

fn json_remote() -> Value {
    json!({"remote": {"http_uri": {"uri": "http://a/m.wasm", "timeout": "7s"}, "sha256": "ABcd"}})
}

/// Section 4.5: what is refused as malformed.
#[test]
fn what_is_no_wasm_filter_with_code_is_refused() {
    let vm = message(&[(1, b"id"), (2, b"v8"), (3, &remote())]);
    for (row, octets, expected) in [
        (
            "Empty",
            any("x/google.protobuf.Empty", b""),
            InvalidReason::OtherType("google.protobuf.Empty".to_owned()),
        ),
        (
            "TypedStruct of empty Wasm",
            extension(&typed_struct("udpa.type.v1.TypedStruct", &json!({}))),
            InvalidReason::NoCode,
        ),
        (
            "Wasm with empty code",
            extension(&any(HTTP_URL, &wasm(&[(3, b"")]))),
            InvalidReason::NoCode,
        ),
        (
            "Wasm with empty local code",
            extension(&any(HTTP_URL, &wasm(&[(3, &message(&[(1, b"")]))]))),
            InvalidReason::NoCode,
        ),
        (
            "Wasm with empty inline code",
            extension(&any(
                HTTP_URL,
                &wasm(&[(3, &message(&[(1, &message(&[(3, b"")]))]))]),
            )),
            InvalidReason::NoCode,
        ),
        (
            "empty Wasm",
            extension(&any(HTTP_URL, b"")),
            InvalidReason::NoCode,
        ),
        (
            "Wasm without value",
            extension(&message(&[(1, HTTP_URL.as_bytes())])),
            InvalidReason::NoCode,
        ),
        (
            "VmConfig as Wasm",
            extension(&any(HTTP_URL, &vm)),
            InvalidReason::Malformed(Malformed::Truncated),
        ),
        (
            "VmConfig as TypedStruct",
            extension(&any("x/udpa.type.v1.TypedStruct", &vm)),
            InvalidReason::NoCode,
        ),
        (
            "no typed_config",
            any(EXTENSION_CONFIG_URL, &message(&[(1, b"lab")])),
            InvalidReason::NoTypedConfig,
        ),
        (
            "typed_config without type",
            extension(&any("", &wasm(&[(3, &remote())]))),
            InvalidReason::NoTypedConfig,
        ),
        (
            "no name",
            any(
                EXTENSION_CONFIG_URL,
                &message(&[(2, &any(HTTP_URL, &wasm(&[(3, &remote())])))]),
            ),
            InvalidReason::NoName,
        ),
    ] {
        // This row is another filter to the agent, and unknown to Envoy.
        if row == "VmConfig as TypedStruct" {
            assert!(needs_nothing(&octets), "{row}");
            continue;
        }
        assert_eq!(reason(&octets), expected, "{row}");
    }
}

/// Section 4.5: what is passed on as it is.
#[test]
fn other_filters_and_local_code_stay_as_they_are() {
    for octets in [
        extension(&any(
            "x/google.protobuf.Struct",
            &structure(&json_wasm(&json_remote())),
        )),
        extension(&any(
            "x/xds.type.v3.TypedStruct",
            &message(&[(1, b"x/other.Filter"), (2, &structure(&json!({"a": 1})))]),
        )),
        extension(&any(
            HTTP_URL,
            &wasm(&[
                (3, &inline()),
                (
                    7,
                    &message(&[(2, &message(&[(1, b"ISTIO_META_X"), (2, b"y")]))]),
                ),
            ]),
        )),
        extension(&typed_struct(
            "xds.type.v3.TypedStruct",
            &json_wasm(&json!({"local": {"inlineBytes": "AGFzbQ=="}})),
        )),
    ] {
        assert!(needs_nothing(&octets));
        assert_eq!(parse(&octets).unwrap().octets(), &octets);
    }
    for octets in [
        extension(&any(HTTP_URL, &wasm(&[(3, &local())]))),
        extension(&typed_struct(
            "udpa.type.v1.TypedStruct",
            &json_wasm(&json!({"local": {"filename": FILE}})),
        )),
    ] {
        assert!(
            matches!(parse(&octets).unwrap().need, Need::LocalFile(path) if path == Path::new(FILE))
        );
    }
}

/// Section 4.5: remote code becomes a local file, and nothing else changes.
#[test]
fn only_the_code_changes() {
    for url in [
        HTTP_URL,
        NETWORK_URL,
        "example.com/envoy.extensions.filters.http.wasm.v3.Wasm",
        "a/b/envoy.extensions.filters.http.wasm.v3.Wasm",
    ] {
        let before = extension(&any(url, &wasm(&[(3, &remote())])));
        assert_eq!(
            rewritten(&before),
            extension(&any(url, &wasm(&[(3, &local())]))),
            "{url}"
        );
        let request = module(&before).request.unwrap();
        assert_eq!(
            (request.url.as_str(), request.sha256.as_deref()),
            ("http://a/m.wasm", Some("ABcd"))
        );
        assert_eq!(request.timeout, Some(Duration::from_secs(7)));
        assert!(module(&before).fails_open);
    }
    for outer in ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"] {
        let before = extension(&typed_struct(outer, &json_wasm(&json_remote())));
        let after = extension(&typed_struct(
            outer,
            &json_wasm(&json!({"local": {"filename": FILE}})),
        ));
        assert_eq!(rewritten(&before), after, "{outer}");
        let request = module(&before).request.unwrap();
        assert_eq!(
            (request.url.as_str(), request.sha256.as_deref()),
            ("http://a/m.wasm", Some("ABcd"))
        );
        assert_eq!(request.timeout, Some(Duration::from_secs(7)));
        assert!(module(&before).fails_open);
    }
}

#[test]
fn both_spellings_of_json_are_read() {
    let camel_case = json!({"config": {"vmConfig": {"code": {"remote": {"httpUri": {"uri": "http://a/m.wasm"}}},
        "environmentVariables": {"keyValues": {"ISTIO_META_WASM_IMAGE_PULL_POLICY": "Always", "MINE": "1"}}},
        "failurePolicy": "FAIL_OPEN"}});
    let before = extension(&typed_struct("xds.type.v3.TypedStruct", &camel_case));
    let after = json!({"config": {"vmConfig": {"code": {"local": {"filename": FILE}},
        "environmentVariables": {"keyValues": {"MINE": "1"}}}, "failurePolicy": "FAIL_OPEN"}});
    assert_eq!(
        rewritten(&before),
        extension(&typed_struct("xds.type.v3.TypedStruct", &after))
    );
    assert_eq!(
        module(&before).request.unwrap().pull_policy,
        PullPolicy::Always
    );
    assert!(module(&before).fails_open);
}

/// Section 4.5: a pull secret goes to the cache and not to Envoy.
#[test]
fn the_agents_own_variables_do_not_reach_envoy() {
    let entry = |key: &str, value: &str| message(&[(1, key.as_bytes()), (2, value.as_bytes())]);
    let own = [
        entry(PULL_SECRET, "secret"),
        entry(PULL_POLICY, "IfNotPresent"),
        entry(RESOURCE_VERSION, "7"),
    ];
    let [secret, policy, version] = own.each_ref().map(|entry| (2, entry.as_slice()));
    let mine = entry("MINE", "1");
    for (variables, rest) in [
        (
            message(&[secret, (2, &mine), policy, version]),
            Some(message(&[(2, &mine)])),
        ),
        (message(&[secret, policy, version]), None),
        (
            message(&[secret, policy, version, (1, b"HOST_KEY")]),
            Some(message(&[(1, b"HOST_KEY")])),
        ),
    ] {
        let before = extension(&any(HTTP_URL, &wasm(&[(3, &remote()), (7, &variables)])));
        let after = match &rest {
            Some(rest) => wasm(&[(3, &local()), (7, rest)]),
            None => wasm(&[(3, &local())]),
        };
        assert_eq!(rewritten(&before), extension(&any(HTTP_URL, &after)));
        let request = module(&before).request.unwrap();
        assert_eq!(request.pull_secret.as_deref(), Some(&b"secret"[..]));
        assert_eq!(
            (request.pull_policy, request.resource_version.as_str()),
            (PullPolicy::IfNotPresent, "7")
        );
    }
    let no_secret = message(&[(2, &entry(PULL_SECRET, ""))]);
    let octets = extension(&any(HTTP_URL, &wasm(&[(3, &remote()), (7, &no_secret)])));
    assert_eq!(reason(&octets), InvalidReason::NoPullSecret);
}

#[test]
fn code_without_address_is_known_as_such() {
    for code in [
        message(&[(2, b"")]),
        message(&[(2, &message(&[(2, b"abcd")]))]),
    ] {
        let octets = extension(&any(HTTP_URL, &wasm(&[(3, &code)])));
        assert!(module(&octets).request.is_none());
    }
}

/// Remote code in a place that protobuf merges into another is found, and stands nowhere afterwards.
#[test]
fn no_remote_code_is_left_after_rewriting() {
    let vm = message(&[(3, &remote())]);
    let plugin = message(&[(3, &vm)]);
    let harmless = message(&[(1, b"name")]);
    let twice = |number, first: &[u8], second: &[u8]| message(&[(number, first), (number, second)]);
    let direct = |value: &[u8]| extension(&any(HTTP_URL, value));
    let configs = [
        direct(&twice(1, &harmless, &plugin)),
        direct(&twice(1, &plugin, &harmless)),
        direct(&message(&[(1, &twice(3, &message(&[(1, b"id")]), &vm))])),
        direct(&message(&[(1, &twice(3, &vm, &message(&[(1, b"id")])))])),
        direct(&message(&[(
            1,
            &message(&[(3, &twice(3, &local(), &remote()))]),
        )])),
        direct(&message(&[(
            1,
            &message(&[(3, &twice(3, &remote(), b""))]),
        )])),
        // The URL in one occurrence, the checksum in another.
        direct(&message(&[(
            1,
            &message(&[(
                3,
                &twice(3, &remote(), &message(&[(2, &message(&[(2, b"ff")]))])),
            )]),
        )])),
        // `typed_config` twice: the type in the one, the value in the other.
        any(
            EXTENSION_CONFIG_URL,
            &message(&[
                (1, b"lab"),
                (2, &message(&[(1, HTTP_URL.as_bytes())])),
                (2, &message(&[(2, &message(&[(1, &plugin)]))])),
            ]),
        ),
        // The whole extension configuration twice in its `Any`: the last counts.
        message(&[
            (1, EXTENSION_CONFIG_URL.as_bytes()),
            (2, b"\x0a\x01x"),
            (
                2,
                &message(&[(1, b"lab"), (2, &any(HTTP_URL, &message(&[(1, &plugin)])))]),
            ),
        ]),
        // In the wrapper that state-of-the-world may have, too.
        any(
            "x/envoy.service.discovery.v3.Resource",
            &message(&[(3, b"lab"), (2, &direct(&message(&[(1, &plugin)])))]),
        ),
        extension(&typed_struct(
            "xds.type.v3.TypedStruct",
            &json_wasm(&json_remote()),
        )),
    ];
    for octets in configs {
        let after = rewritten(&octets);
        assert!(
            !after.windows(URL.len()).any(|window| window == URL),
            "{octets:?}"
        );
        assert!(
            matches!(parse(&after).unwrap().need, Need::LocalFile(path) if path == Path::new(FILE))
        );
        // What is fit for Envoy stays so.
        assert_eq!(parse(&after).unwrap().name, "lab");
    }
}

/// Of a oneof the last member counts: this is what Envoy reads, and so must the agent.
#[test]
fn the_last_source_of_code_counts() {
    let both = |first: &[u8], second: &[u8]| {
        let vm = message(&[(3, first), (3, second)]);
        parse(&extension(&any(
            HTTP_URL,
            &message(&[(1, &message(&[(3, &vm)]))]),
        )))
        .unwrap()
        .need
    };
    assert!(matches!(both(&remote(), &local()), Need::LocalFile(_)));
    assert!(matches!(both(&local(), &remote()), Need::Module(_)));
    assert!(matches!(both(&remote(), &inline()), Need::Nothing));
    // What came for a member before another one is forgotten.
    let sha256 = message(&[(2, &message(&[(2, b"ff")]))]);
    let three = [remote(), local(), sha256].concat();
    let Need::Module(module) = both(b"", &three) else {
        panic!("the last is remote");
    };
    assert!(module.request.is_none());
}

#[test]
fn json_that_could_be_read_in_two_ways_is_refused() {
    let remote = json_remote();
    for (value, key) in [
        (
            json!({"config": {"vm_config": {}, "vmConfig": {"code": remote}}}),
            "vm_config",
        ),
        (
            json!({"config": {"vm_config": {"code": {"local": {"filename": "a"}, "remote": remote["remote"]}}}}),
            "code",
        ),
        (
            json!({"config": {"vm_config": {"code": {"remote": {"http_uri": {}, "httpUri": {}}}}}}),
            "http_uri",
        ),
        (
            json!({"config": {"vm_config": {"code": {"local": {"filename": "a", "inline_string": "b"}}}}}),
            "local",
        ),
        (
            json!({"config": {"vm_config": {"code": {"remote": "x"}}}}),
            "remote",
        ),
        (
            json!({"config": {"vm_config": {"code": {"local": "x"}}}}),
            "local",
        ),
        (json!({"config": [1]}), "config"),
    ] {
        let octets = extension(&typed_struct("xds.type.v3.TypedStruct", &value));
        assert_eq!(reason(&octets), InvalidReason::Ambiguous(key), "{value}");
    }
    // Null counts as missing.
    let octets = extension(&typed_struct(
        "xds.type.v3.TypedStruct",
        &json_wasm(&json!({"local": null, "remote": remote["remote"]})),
    ));
    assert!(module(&octets).request.is_some());
}

/// A key of a `Struct` that is there twice: the last counts, and after rewriting there is one.
#[test]
fn a_key_that_is_there_twice_is_read_as_protobuf_reads_maps() {
    let good = structure(&json_wasm(&json!({"local": {"filename": "/x"}})));
    let bad = structure(&json_wasm(&json_remote()));
    let typed = |fields: &[u8]| {
        let value = message(&[(1, HTTP_URL.as_bytes()), (2, fields)]);
        extension(&any("x/xds.type.v3.TypedStruct", &value))
    };
    let octets = typed(&[good.clone(), bad.clone()].concat());
    assert!(module(&octets).request.is_some());
    assert_eq!(
        rewritten(&octets),
        typed(&structure(&json_wasm(
            &json!({"local": {"filename": FILE}})
        )))
    );
    let octets = typed(&[bad, good].concat());
    assert!(matches!(parse(&octets).unwrap().need, Need::LocalFile(_)));
    // In two occurrences of `value`, too.
    let value = message(&[
        (1, HTTP_URL.as_bytes()),
        (2, b""),
        (2, &structure(&json_wasm(&json_remote()))),
    ]);
    assert!(
        module(&extension(&any("x/xds.type.v3.TypedStruct", &value)))
            .request
            .is_some()
    );
    // A struct in two occurrences of `struct_value` is one.
    let inner = structure(&json_wasm(&json_remote()));
    let config = wire::all_bytes(&inner, 1).next().unwrap().unwrap();
    let split = wire::merged(config, 2).unwrap().unwrap();
    let value = message(&[(5, b"")]);
    let entry = message(&[(1, b"config"), (2, &[value, split.to_vec()].concat())]);
    assert!(module(&typed(&message(&[(1, &entry)]))).request.is_some());
}

#[test]
fn names_outside_and_inside_must_agree() {
    let config = message(&[(1, b"inner"), (2, &any(HTTP_URL, &wasm(&[(3, &inline())])))]);
    let resource = message(&[
        (1, b"7"),
        (2, &any(EXTENSION_CONFIG_URL, &config)),
        (3, b"outer"),
    ]);
    let parsed = Extension::parse(Dialect::Delta, Bytes::from(resource)).map(|_| ());
    assert_eq!(
        parsed.unwrap_err().reason,
        InvalidReason::OtherName("inner".to_owned())
    );
}

#[test]
fn a_resource_of_delta_keeps_its_envelope() {
    let resource = |filter: &[u8]| {
        message(&[
            (1, b"7"),
            (2, &extension(filter)),
            (3, b"lab"),
            (6, b"\x08\x05"),
        ])
    };
    let before = resource(&any(HTTP_URL, &wasm(&[(3, &remote())])));
    let parsed = Extension::parse(Dialect::Delta, Bytes::from(before)).unwrap();
    assert_eq!(
        (parsed.name.as_str(), parsed.version.as_str()),
        ("lab", "7")
    );
    let after = parsed.with_local_code(Path::new(FILE)).unwrap();
    assert_eq!(after, resource(&any(HTTP_URL, &wasm(&[(3, &local())]))));
}

#[test]
fn a_fallback_denies_or_allows_as_the_filter_would() {
    let fallback = |filter: &[u8]| {
        let extension = parse(&extension(filter)).unwrap();
        let Need::Module(module) = &extension.need else {
            panic!("no module");
        };
        extension.with_fallback(module).unwrap()
    };
    let open = wasm(&[(3, &remote())]);
    let closed = message(&[(1, &message(&[(3, &message(&[(3, &remote())]))]))]);
    let http = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
    let network = "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC";
    let allow = |number| message(&[(number, b"wasm-default-allow")]);
    let deny = |number| message(&[(1, b""), (number, b"wasm-default-deny")]);
    assert_eq!(
        fallback(&any(HTTP_URL, &open)),
        extension(&any(http, &allow(6)))
    );
    assert_eq!(
        fallback(&any(HTTP_URL, &closed)),
        extension(&any(http, &deny(6)))
    );
    assert_eq!(
        fallback(&any(NETWORK_URL, &open)),
        extension(&any(network, &allow(3)))
    );
    assert_eq!(
        fallback(&any(NETWORK_URL, &closed)),
        extension(&any(network, &deny(3)))
    );
}

/// Octets that were changed at random never make the reader panic, and what it lets through needs nothing more.
#[test]
fn hostile_octets_are_read_or_refused() {
    let seeds = [
        extension(&any(HTTP_URL, &wasm(&[(3, &remote())]))),
        extension(&typed_struct(
            "xds.type.v3.TypedStruct",
            &json_wasm(&json_remote()),
        )),
    ];
    let mut random = fastrand::Rng::with_seed(17);
    for round in 0..20_000 {
        let mut octets = seeds[round % seeds.len()].clone();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..octets.len());
            match random.u8(..4) {
                0 => octets[at] = random.u8(..),
                1 => octets.truncate(at.max(1)),
                2 => octets.insert(at, random.u8(..)),
                _ => {
                    let piece = octets[at..].to_vec();
                    octets.extend_from_slice(&piece[..random.usize(..=piece.len().min(64))]);
                }
            }
        }
        for dialect in [Dialect::StateOfTheWorld, Dialect::Delta] {
            let Ok(extension) = Extension::parse(dialect, Bytes::from(octets.clone())) else {
                continue;
            };
            if let Need::Module(_) = extension.need {
                let after = extension.with_local_code(Path::new(FILE)).unwrap();
                let after = Extension::parse(dialect, Bytes::from(after)).unwrap();
                assert!(matches!(after.need, Need::LocalFile(path) if path == Path::new(FILE)));
            }
        }
    }
}
