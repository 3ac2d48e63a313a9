//! Wasm filters that stand inside other filters.

use super::*;

/// An `ExtensionWithMatcher` around a filter.
fn behind_a_matcher(filter: &[u8]) -> Vec<u8> {
    let inner = message(&[(1, b"wasm"), (2, filter)]);
    any(
        "x/envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        &message(&[(3, b"\x0a\x02hi"), (2, &inner), (99, b"unknown")]),
    )
}

/// The same in JSON, with the filter deep in a matcher's actions, as composite filters have it.
fn in_an_action(filter: &Value) -> Vec<u8> {
    let action = json!({"name": "composite", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.composite.v3.ExecuteFilterAction",
        "typed_config": {"name": "wasm", "typed_config": filter}}});
    let value =
        json!({"xds_matcher": {"matcher_list": {"matchers": [{"on_match": {"action": action}}]}}});
    let value = structure(&value);
    let matcher = b"x/envoy.extensions.common.matching.v3.ExtensionWithMatcher";
    any(
        "x/xds.type.v3.TypedStruct",
        &message(&[(1, matcher), (2, &value)]),
    )
}

fn with_type(code: &Value) -> Value {
    let mut filter = json_wasm(code);
    filter["@type"] = json!(HTTP_URL);
    filter
}

fn wrapped(code: &Value) -> Value {
    json!({"@type": "x/udpa.type.v1.TypedStruct", "typeUrl": HTTP_URL, "value": json_wasm(code)})
}

#[test]
fn remote_code_inside_another_filter_is_refused() {
    for (row, filter) in [
        (
            "HTTP",
            behind_a_matcher(&any(HTTP_URL, &wasm(&[(3, &remote())]))),
        ),
        (
            "network",
            behind_a_matcher(&any(NETWORK_URL, &wasm(&[(3, &remote())]))),
        ),
        (
            "TypedStruct",
            behind_a_matcher(&typed_struct(
                "xds.type.v3.TypedStruct",
                &json_wasm(&json_remote()),
            )),
        ),
        (
            "twice",
            behind_a_matcher(&behind_a_matcher(&any(HTTP_URL, &wasm(&[(3, &remote())])))),
        ),
        ("JSON", in_an_action(&with_type(&json_remote()))),
        (
            "TypedStruct in JSON",
            in_an_action(&wrapped(&json_remote())),
        ),
    ] {
        let found = reason(&extension(&filter));
        assert_eq!(found, InvalidReason::NestedRemoteCode, "{row}");
    }
}

#[test]
fn other_code_inside_another_filter_passes() {
    let file = json!({"local": {"filename": FILE}});
    for (row, filter) in [
        (
            "a file",
            behind_a_matcher(&any(HTTP_URL, &wasm(&[(3, &local())]))),
        ),
        (
            "inline",
            behind_a_matcher(&any(HTTP_URL, &wasm(&[(3, &inline())]))),
        ),
        (
            "another filter",
            behind_a_matcher(&any("x/y.Z", &wasm(&[(3, &remote())]))),
        ),
        ("no message", any("x/y.Z", &[0xff; 40])),
        ("JSON", in_an_action(&with_type(&file))),
        ("TypedStruct in JSON", in_an_action(&wrapped(&file))),
    ] {
        assert!(needs_nothing(&extension(&filter)), "{row}");
    }
}

/// Deeper than protobuf lets messages be nested: the agent's stack must hold.
#[test]
fn the_deepest_messages_are_survived() {
    let mut message = any(HTTP_URL, &wasm(&[(3, &remote())]));
    for _ in 0..1_000 {
        message = self::message(&[(7, &message)]);
    }
    assert!(needs_nothing(&extension(&any("x/y.Z", &message))));
}
