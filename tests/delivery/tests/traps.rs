//! The traps of section B3 of the notes on Envoy: each is shown on Envoy alone, and is absent with the agent.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use delivery_tests::agent::{Agent, free_address};
use delivery_tests::client::status;
use delivery_tests::envoy::{Bootstrap, Proxy, XdsAddress};
use delivery_tests::lab::{Lab, module};
use delivery_tests::messages::{
    HTTP_WASM, LDS, TYPED_STRUCTS, Wasm, any, listener, local, remote, typed_struct,
};
use delivery_tests::module_server::Behaviour;
use delivery_tests::{stays, wait_for};
use wasm_agent::wire::{message, put_varint};

/// Trap 1, in all spellings in which remote code can stand (trap 6, a type URL, among them).
fn spellings(wasm: &Wasm) -> Vec<(&'static str, Vec<u8>)> {
    let encoded = wasm.encode();
    let plain_vm = Wasm {
        code: Vec::new(),
        ..wasm.clone()
    }
    .vm_config();
    let in_second_vm = {
        let code_alone = message(&[(3, &wasm.code)]);
        let plugin = message(&[(1, b"lab"), (3, &plain_vm), (3, &code_alone)]);
        message(&[
            (1, &plugin),
            (1, &message(&[(4, &plugin_configuration(wasm))])),
        ])
    };
    let json = serde_json::json!({"config": {"name": "lab",
        "vmConfig": {"vmId": "lab", "runtime": "envoy.wasm.runtime.v8", "code": {"remote": code_of(wasm)}},
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": wasm.configuration}}});
    const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
    vec![
        ("plain", wasm.any()),
        (
            "another host",
            any(
                "example.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                &encoded,
            ),
        ),
        ("second occurrences", any(WASM, &in_second_vm)),
        (
            "udpa TypedStruct",
            typed_struct(TYPED_STRUCTS[0], WASM, &json),
        ),
        (
            "xds TypedStruct",
            typed_struct(TYPED_STRUCTS[1], WASM, &json),
        ),
        (
            "type without slash",
            typed_struct(
                TYPED_STRUCTS[1],
                "envoy.extensions.filters.http.wasm.v3.Wasm",
                &json,
            ),
        ),
    ]
}

fn plugin_configuration(wasm: &Wasm) -> Vec<u8> {
    any(
        "type.googleapis.com/google.protobuf.StringValue",
        &message(&[(1, wasm.configuration.as_bytes())]),
    )
}

/// `RemoteDataSource` as JSON.
fn code_of(wasm: &Wasm) -> serde_json::Value {
    let source = wasm_agent::wire::last_bytes(&wasm.code, 2)
        .unwrap()
        .unwrap();
    let http_uri = wasm_agent::wire::last_bytes(source, 1).unwrap().unwrap();
    let text = |message: &[u8], number| wasm_agent::wire::text(message, number).unwrap().to_owned();
    serde_json::json!({"http_uri": {"uri": text(http_uri, 1), "cluster": "modules", "timeout": "10s"}, "sha256": text(source, 2)})
}

#[test]
fn trap_1_remote_code_in_an_update_lets_requests_pass_in_envoy_alone() {
    let lab = Lab::alone();
    let proxy = lab.proxy(&lab.bootstrap());
    let address = proxy.address("lab");
    for (spelling, _) in spellings(&lab.remote("/good.wasm", "second:2")) {
        // Code that this Envoy has never loaded, and that nobody serves.
        let sha256 = xtask::module::Digest::of(spelling.as_bytes()).to_string();
        let wasm = Wasm::basic_auth(remote(&lab.modules.url("/404"), &sha256), "second:2");
        let filter = spellings(&wasm)
            .into_iter()
            .find(|(known, _)| *known == spelling)
            .unwrap()
            .1;
        let sent = lab.set(&filter);
        lab.xds.wait_for_acceptance(&sent);
        wait_for(&format!("{spelling}: requests pass"), || {
            (status(address, "/admin", None) == 200).then_some(())
        });
        let sent = lab.set(&lab.local().any());
        lab.xds.wait_for_acceptance(&sent);
        proxy.wait_for_user("lab", "first:1");
    }
    assert_eq!(lab.modules.requests("/404"), 0, "Envoy downloads nothing");
}

#[test]
fn trap_1_remote_code_is_fetched_by_the_agent_in_every_spelling() {
    let lab = Lab::with_agent(&[]);
    let proxy = lab.proxy(&lab.bootstrap());
    let address = proxy.address("lab");
    for (index, (spelling, filter)) in spellings(&lab.remote("/good.wasm", "second:2"))
        .into_iter()
        .enumerate()
    {
        let sent = lab.set(&filter);
        lab.xds.wait_for_acceptance(&sent);
        proxy.wait_for_user("lab", "second:2");
        // And if it cannot be had, the filter at work stays.
        let wasm = Wasm::basic_auth(remote(&lab.modules.url("/404"), &"0".repeat(64)), "third:3");
        let sent = lab.set(&spellings(&wasm)[index].1);
        lab.xds.wait_for_refusal(&sent);
        stays(spelling, Duration::from_millis(200), || {
            status(address, "/admin", None) == 401
                && status(address, "/admin", Some("second:2")) == 200
        });
        let sent = lab.set(&lab.local().any());
        lab.xds.wait_for_acceptance(&sent);
        proxy.wait_for_user("lab", "first:1");
    }
}

/// The type of a filter that is skipped or not, as its matcher says.
const MATCHER: &str =
    "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher";

/// A filter behind a matcher that lets it be skipped for a header.
fn behind_a_matcher(wasm: &Wasm) -> Vec<u8> {
    let input = serde_json::json!({"name": "header", "typed_config": {
        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput", "header_name": "x-skip"}});
    let skip = serde_json::json!({"action": {"name": "skip", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.common.matcher.action.v3.SkipFilter"}}});
    let filter = serde_json::json!({"@type": HTTP_WASM, "config": {"name": "lab",
        "vm_config": {"vm_id": "lab", "runtime": "envoy.wasm.runtime.v8", "code": {"remote": code_of(wasm)}},
        "configuration": {"@type": "type.googleapis.com/google.protobuf.StringValue", "value": wasm.configuration}}});
    let value = serde_json::json!({
        "xds_matcher": {"matcher_tree": {"input": input, "exact_match_map": {"map": {"yes": skip}}}},
        "extension_config": {"name": "wasm", "typed_config": filter}});
    typed_struct(TYPED_STRUCTS[1], MATCHER, &value)
}

/// Trap 1 with the filter inside another, which the agent does not rewrite.
#[test]
fn trap_1_remote_code_inside_another_filter_opens_envoy_alone_and_is_refused_by_the_agent() {
    for lab in [Lab::alone(), Lab::with_agent(&[])] {
        let mut bootstrap = lab.bootstrap();
        bootstrap.type_urls.push(MATCHER.to_owned());
        let proxy = lab.proxy(&bootstrap);
        let address = proxy.address("lab");
        let sha256 = xtask::module::Digest::of(b"nobody serves it").to_string();
        let wasm = Wasm::basic_auth(remote(&lab.modules.url("/404"), &sha256), "second:2");
        let sent = lab.set(&behind_a_matcher(&wasm));
        if lab.agent.is_none() {
            lab.xds.wait_for_acceptance(&sent);
            wait_for("requests pass", || {
                (status(address, "/admin", None) == 200).then_some(())
            });
            continue;
        }
        let refusal = lab.xds.wait_for_refusal(&sent).error.unwrap();
        assert_eq!(
            refusal,
            "lab: a Wasm filter with remote code inside another filter: only one that stands alone is fetched"
        );
        assert_eq!(status(address, "/admin", None), 401);
    }
}

/// A `Struct` without a type is no Wasm filter to Envoy: `type_urls` refuses it.
#[test]
fn a_bare_struct_is_refused_by_envoy() {
    let lab = Lab::alone();
    let proxy = lab.proxy(&lab.bootstrap());
    let wasm = lab.remote("/good.wasm", "second:2");
    let json = serde_json::json!({"config": {"vm_config": {"runtime": "envoy.wasm.runtime.v8", "code": {"remote": code_of(&wasm)}}}});
    let bare = any(
        "type.googleapis.com/google.protobuf.Struct",
        &delivery_tests::messages::structure(&json),
    );
    let sent = lab.set(&bare);
    lab.xds.wait_for_refusal(&sent);
    assert_eq!(status(proxy.address("lab"), "/admin", Some("first:1")), 200);
}

/// Trap 2: with `nack_on_code_cache_miss` Envoy downloads, and then accepts unseen what it refused before.
#[test]
fn trap_2_a_refusal_that_downloads_is_not_applied_when_it_comes_again() {
    // Code that no Envoy has loaded: the module with a section more.
    let other = [&module().bytes[..], b"\0\x02\x01x"].concat();
    let sha256 = xtask::module::Digest::of(&other).to_string();
    for lab in [Lab::alone(), Lab::with_agent(&[])] {
        lab.modules
            .set("/other.wasm", Behaviour::Serve(Bytes::from(other.clone())));
        let mut bootstrap = lab.bootstrap();
        bootstrap.modules = Some(lab.modules.address());
        let proxy = lab.proxy(&bootstrap);
        let wasm = Wasm::basic_auth(remote(&lab.modules.url("/other.wasm"), &sha256), "second:2");
        let mut vm = wasm.vm_config();
        put_varint(&mut vm, 6, 1);
        let filter = any(HTTP_WASM, &wasm.encode_with_vm(&vm));
        let sent = lab.set(&filter);
        if lab.agent.is_some() {
            lab.xds.wait_for_acceptance(&sent);
            proxy.wait_for_user("lab", "second:2");
            continue;
        }
        lab.xds.wait_for_refusal(&sent);
        wait_for("Envoy's download", || {
            (proxy.statistic("wasm.remote_load_fetch_successes") > 0).then_some(())
        });
        let again = lab.xds.repeat("lab");
        lab.xds.wait_for_acceptance(&again);
        proxy.wait_for_user("lab", "first:1");
        assert_eq!(
            status(proxy.address("lab"), "/admin", Some("second:2")),
            401
        );
    }
}

/// Trap 3: what was refused because its file was missing is accepted unseen when it is sent again.
#[test]
fn trap_3_a_file_that_comes_late() {
    for mut lab in [Lab::alone(), Lab::with_agent(&[])] {
        let proxy = lab.proxy(&lab.bootstrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("late.wasm");
        let wasm = Wasm::basic_auth(local(path.to_str().unwrap()), "second:2");
        let sent = lab.set(&wasm.any());
        lab.xds.wait_for_refusal(&sent);
        fs::write(&path, &module().bytes).unwrap();
        if let Some(agent) = lab.agent.take() {
            // It tries again by itself.
            proxy.wait_for_user("lab", "second:2");
            drop(agent);
            continue;
        }
        let again = lab.xds.repeat("lab");
        lab.xds.wait_for_acceptance(&again);
        assert_eq!(
            status(proxy.address("lab"), "/admin", Some("second:2")),
            401
        );
    }
}

/// Trap 4: after a refusal by Envoy, every update of a listener that uses the name is refused.
#[test]
fn trap_4_a_refused_configuration_poisons_listeners() {
    for mut lab in [Lab::alone(), Lab::with_agent(&[])] {
        let mut bootstrap = lab.bootstrap();
        bootstrap.has_lds = true;
        let proxy = lab.proxy(&bootstrap);
        let sent = lab.set(&lab.local().with_configuration("no JSON").any());
        lab.xds.wait_for_refusal(&sent);
        if lab.agent.is_some() {
            let successes = "extension_config_discovery.http_filter.lab.update_success";
            let restored = |least| {
                let is_so = || (proxy.statistic(successes) >= least).then_some(());
                wait_for("the last good configuration again", is_so);
            };
            restored(2);
            // On the next stream, too, the server has nothing else.
            lab.xds.restart();
            wait_for("another refusal", || {
                (lab.xds.refusals().len() >= 2).then_some(())
            });
            restored(3);
        }
        assert_eq!(status(proxy.address("lab"), "/admin", Some("first:1")), 200);
        let address = free_address();
        add_listener(&lab, &bootstrap, address);
        match lab.agent {
            Some(_) => wait_for("the new listener", || {
                (status(address, "/admin", None) == 401).then_some(())
            }),
            None => {
                wait_for("the refusal", || {
                    (proxy.statistic("listener_manager.lds.update_rejected") > 0).then_some(())
                });
                assert_eq!(status(address, "/admin", None), 0);
            }
        }
    }
}

fn add_listener(lab: &Lab, bootstrap: &Bootstrap, address: SocketAddr) {
    let manager = bootstrap.http_connection_manager("lab");
    lab.xds
        .set_all(LDS, &[("more", listener("more", address.port(), &manager))]);
}

/// Trap 5: a module whose file is gone breaks the next listener, and the next update.
#[test]
fn trap_5_a_file_that_is_gone_breaks_what_comes_next() {
    let lab = Lab::alone();
    let mut bootstrap = lab.bootstrap();
    bootstrap.has_lds = true;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("module.wasm");
    fs::write(&path, &module().bytes).unwrap();
    let code = local(path.to_str().unwrap());
    lab.set(&Wasm::basic_auth(code.clone(), "second:2").any());
    let proxy = Proxy::live(&bootstrap);
    proxy.wait_for_user("lab", "second:2");
    fs::remove_file(&path).unwrap();
    add_listener(&lab, &bootstrap, free_address());
    wait_for("the listener's refusal", || {
        (proxy.statistic("listener_manager.lds.update_rejected") > 0).then_some(())
    });
    let sent = lab.set(&Wasm::basic_auth(code, "third:3").any());
    let refusal = lab.xds.wait_for_refusal(&sent).error.unwrap();
    assert!(refusal.contains("Invalid path"), "{refusal}");
    proxy.wait_for_user("lab", "second:2");
}

/// Trap 5 with the agent: a module that Envoy uses is never removed.
#[test]
fn trap_5_a_module_that_is_removed_while_it_is_used() {
    let lab = Lab::with_agent(&[]);
    let mut bootstrap = lab.bootstrap();
    bootstrap.has_lds = true;
    let agent_arguments = [
        ("WASM_MODULE_EXPIRY", "1ms"),
        ("WASM_PURGE_INTERVAL", "10ms"),
    ];
    let agent = Agent::start(&["--upstream", &lab.xds.url()], &agent_arguments);
    bootstrap.xds = XdsAddress::Unix(agent.socket());
    lab.set(&lab.remote("/good.wasm", "second:2").any());
    let proxy = Proxy::live(&bootstrap);
    proxy.wait_for_user("lab", "second:2");
    stays("the file", Duration::from_secs(1), || {
        fs::read_dir(agent.cache())
            .unwrap()
            .any(|entry| find_module(&entry.unwrap().path()))
    });
    let address = free_address();
    add_listener(&lab, &bootstrap, address);
    wait_for("the new listener", || {
        (status(address, "/admin", Some("second:2")) == 200).then_some(())
    });
}

fn find_module(path: &std::path::Path) -> bool {
    let is_module = path
        .extension()
        .is_some_and(|extension| extension == "wasm");
    is_module
        || (path.is_dir()
            && fs::read_dir(path)
                .unwrap()
                .any(|entry| find_module(&entry.unwrap().path())))
}

/// Without the agent a removal makes requests answer 500; with it, the filter stays until Envoy wants it no more.
#[test]
fn a_removal_in_delta_takes_a_filter_away() {
    for lab in [Lab::alone(), Lab::with_agent(&[])] {
        let mut bootstrap = lab.bootstrap().over_delta();
        bootstrap.denies_first = false;
        let proxy = lab.proxy(&bootstrap);
        lab.xds.remove("lab");
        let address = proxy.address("lab");
        match &lab.agent {
            None => wait_for("500", || (status(address, "/", None) == 500).then_some(())),
            Some(agent) => {
                wait_for("the removal", || {
                    agent.log().contains("removal held back").then_some(())
                });
                stays("the filter", Duration::from_millis(500), || {
                    status(address, "/admin", Some("first:1")) == 200
                });
            }
        }
    }
}
