//! Section 4.5 of the notes on Istio's agent as a table, and everything by which remote code could reach Envoy.

mod messages;
mod nested;
mod refusals;
mod spellings;

use serde_json::{Value, json};

use super::*;
use crate::discovery::EXTENSION_CONFIG_URL;
use crate::wire::message;
use messages::{
    FILE, HTTP_URL, NETWORK_URL, URL, any, extension, inline, json_remote, json_wasm, local,
    module, needs_nothing, parse, reason, remote, rewritten, structure, typed_struct, wasm,
};

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

#[test]
fn a_resource_of_delta_keeps_its_envelope() {
    let resource = |filter: &[u8]| {
        message(&[
            (1, b"7"),
            (2, &extension(filter)),
            (3, b"lab"),
            (7, b"\x08\x01"),
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

#[test]
fn a_time_to_live_does_not_reach_envoy() {
    let filter = extension(&any(HTTP_URL, &wasm(&[(3, &inline())])));
    let resource = message(&[(1, b"7"), (2, &filter), (3, b"lab")]);
    let mortal = [&resource[..], &message(&[(6, b"\x08\x05")])].concat();
    let heartbeat = message(&[(1, b"7"), (3, b"lab"), (6, b"\x08\x05")]);
    let wrapped = |resource: &Vec<u8>| {
        any(
            "type.googleapis.com/envoy.service.discovery.v3.Resource",
            resource,
        )
    };
    for (dialect, [resource, mortal, heartbeat]) in [
        (
            Dialect::StateOfTheWorld,
            [&resource, &mortal, &heartbeat].map(wrapped),
        ),
        (
            Dialect::Delta,
            [resource.clone(), mortal.clone(), heartbeat.clone()],
        ),
    ] {
        let parsed = Extension::parse(dialect, Bytes::from(mortal.clone())).unwrap();
        assert_eq!(parsed.octets(), &resource);
        let are_heartbeats = [&resource, &mortal, &heartbeat].map(|it| is_heartbeat(dialect, it));
        assert_eq!(are_heartbeats, [false, false, true]);
    }
}
