//! Whatever way code is spelled, the agent reads what Envoy would.

use super::*;

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
