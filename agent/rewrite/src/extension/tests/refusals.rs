//! What Envoy must not see is refused.

use super::*;

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
