//! A filter that sees a request for the second time, when the first look has removed the credentials:
//! after an internal redirect, in a second plugin, at a retry.

use super::get;
use basic_auth_tests::{
    envoy::{Plugin, Tuned},
    fixture::{basic, plugin},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener},
};
use xtask::{
    envoy::bootstrap::{cluster, listeners, manager, typed},
    http::Answer,
};

/// Everything below `/admin` wants a user of these, whose credentials go no further.
fn hiding(users: &Value) -> String {
    json!({
        "forward_username_header": "x-user",
        "hide_credentials": true,
        "users": users,
        "basic_auth_rules": [{"path_separated_prefix": "/admin"}],
    })
    .to_string()
}

/// A server that gives one answer after another, the last one again and again.
fn server(answers: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let last = answers.last().expect("an answer");
        let mut answers = answers.iter();
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let request: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let answer = answers.next();
            let answer = answer.unwrap_or(last);
            let body = request.join("\n");
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
            );
            // A client that left gets no answer.
            let _ = (&stream).write_all((head + &body).as_bytes());
        }
    });
    address
}

/// A second filter with the plugin configuration `configuration`, in a VM of its own.
fn second(first: &Value, configuration: &str) -> Value {
    let mut filter = first.clone();
    filter["name"] = "second".into();
    let config = &mut filter["typed_config"]["config"];
    config["name"] = "second".into();
    config["root_id"] = "second".into();
    config["vm_config"]["vm_id"] = "second".into();
    config["configuration"]["value"] = configuration.into();
    filter
}

/// Puts a filter of that configuration behind that of each listener in `seconds`.
fn add_seconds(configuration: &mut Value, seconds: &[(&str, String)]) {
    for listener in listeners(configuration) {
        let name = listener["name"].as_str().unwrap_or_default().to_owned();
        let filters = manager(listener)["http_filters"]
            .as_array_mut()
            .expect("filters");
        for (_, configuration) in seconds.iter().filter(|(of, _)| *of == name) {
            let filter = second(&filters[0], configuration);
            filters.insert(1, filter);
        }
    }
}

/// `/admin/old` of each listener is answered by a redirect that Envoy follows itself.
fn redirect_internally(configuration: &mut Value) {
    let redirecting = server(&["302 Found\r\nlocation: http://example.com/admin/new"]);
    let open = server(&["302 Found\r\nlocation: http://example.com/open"]);
    let clusters = configuration["static_resources"]["clusters"].as_array_mut();
    let clusters = clusters.expect("clusters");
    clusters.push(cluster("redirecting", redirecting));
    clusters.push(cluster("opening", open));
    let to = |cluster: &str| json!({"cluster": cluster, "internal_redirect_policy": {}});
    for listener in listeners(configuration) {
        manager(listener)["route_config"]["virtual_hosts"][0]["routes"] = json!([
            {"match": {"prefix": "/admin/old"}, "route": to("redirecting")},
            {"match": {"prefix": "/admin/open"}, "route": to("opening")},
            {"match": {"prefix": ""}, "route": {"cluster": "upstream"}},
        ]);
    }
}

fn header(answer: &Answer, name: &str) -> Vec<String> {
    let body: Value = serde_json::from_slice(&answer.body).expect("the upstream's answer");
    let fields = body["headers"].as_array().expect("fields").iter();
    let named = fields.filter(|field| field[0] == name);
    named
        .map(|field| field[1].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn ask(address: SocketAddr, path: &str, credentials: &str, more: &[&[u8]]) -> Answer {
    let authorization = format!("authorization: {}\r\n", basic(credentials));
    let fields = [&[authorization.as_bytes()], more].concat();
    get(address, path.as_bytes(), &fields)
}

#[test]
fn a_second_look_knows_what_the_first_has_proved() {
    let alice = json!(["alice:{PLAIN}one"]);
    let main = hiding(&alice);
    let names = [
        "main",
        "twice",
        "changed",
        "others",
        "unmatched",
        "forbidden",
    ];
    let plugins: Vec<Plugin> = names.iter().map(|name| plugin(name, &main)).collect();
    let unmatched = r#"{"forward_username_header": "x-user", "basic_auth_rules":
        [{"prefix": "/other", "credentials": ["bob:two"]}]}"#;
    let mut forbidden: Value =
        serde_json::from_str(&hiding(&json!(["alice:{PLAIN}one", "bob:{PLAIN}two"])))
            .expect("JSON");
    forbidden["basic_auth_rules"][0]["allow"] = json!(["bob"]);
    let seconds = [
        ("twice", main.clone()),
        ("changed", hiding(&json!(["alice:{PLAIN}two"]))),
        ("others", hiding(&json!(["bob:{PLAIN}one"]))),
        ("unmatched", unmatched.to_owned()),
        ("forbidden", forbidden.to_string()),
    ];
    let tune = |configuration: &mut Value| {
        add_seconds(configuration, &seconds);
        redirect_internally(configuration);
    };
    let Tuned { proxy, .. } = &Tuned::live(plugins, tune, &[]);

    // An internal redirect: to what is protected, and to what is not.
    let forged = [&b"x-user: root\r\n"[..]];
    for (path, target) in [("/admin/old", "/admin/new"), ("/admin/open", "/open")] {
        let answer = ask(proxy.listener("main"), path, "alice:one", &forged);
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = String::from_utf8_lossy(&answer.body);
        assert!(body.contains(&format!("\"path\":\"{target}\"")), "{body}");
        assert_eq!(header(&answer, "x-user"), ["alice"], "{path}");
        assert_eq!(header(&answer, "authorization"), [""; 0]);
    }
    assert_eq!(
        ask(proxy.listener("main"), "/admin/old", "alice:two", &[]).status,
        401
    );
    assert_eq!(get(proxy.listener("main"), b"/admin/old", &[]).status, 401);

    // A second plugin.
    for (listener, status) in [
        ("twice", 200),
        ("changed", 401),
        ("others", 401),
        ("unmatched", 200),
        ("forbidden", 403),
    ] {
        let address = proxy.listener(listener);
        let answer = ask(address, "/admin", "alice:one", &forged);
        assert_eq!(answer.status, status, "{listener}: {answer:?}");
        if status == 200 {
            assert_eq!(header(&answer, "x-user"), ["alice"], "{listener}");
        }
        assert_eq!(
            ask(address, "/admin", "alice:two", &forged).status,
            401,
            "{listener}"
        );
        assert_eq!(get(address, b"/admin", &forged).status, 401, "{listener}");
        // Nobody was verified here: the name is the client's.
        let answer = get(address, b"/open", &forged);
        assert_eq!(header(&answer, "x-user"), [""; 0], "{listener}");
    }
}

/// Moves the filter of the only listener into a cluster at `address`, and has Envoy try twice.
fn move_into_cluster(configuration: &mut Value, address: SocketAddr) {
    let listener = listeners(configuration).next().expect("a listener");
    let manager = manager(listener);
    manager["route_config"]["virtual_hosts"][0]["routes"] = json!([{
        "match": {"prefix": ""},
        "route": {"cluster": "guarded", "retry_policy": {"retry_on": "5xx", "num_retries": 1}},
    }]);
    let filters = manager["http_filters"].as_array_mut().expect("filters");
    let filter = filters.remove(0);
    let codec = typed(
        "extensions.filters.http.upstream_codec.v3.UpstreamCodec",
        json!({}),
    );
    let codec = json!({"name": "codec", "typed_config": codec});
    let options = typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions",
        json!({
            "explicit_http_config": {"http_protocol_options": {}},
            "http_filters": [filter, codec],
        }),
    );
    let name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let mut guarded = cluster("guarded", address);
    guarded["typed_extension_protocol_options"] = json!({ name: options });
    let clusters = configuration["static_resources"]["clusters"].as_array_mut();
    clusters.expect("clusters").push(guarded);
}

#[test]
fn a_filter_of_the_upstream_knows_at_a_retry_what_it_has_seen() {
    let address = server(&["503 Busy", "200 OK"]);
    let configuration = hiding(&json!(["alice:{PLAIN}one"]));
    let tune = |configuration: &mut Value| move_into_cluster(configuration, address);
    let Tuned { proxy, .. } = &Tuned::live(vec![plugin("main", &configuration)], tune, &[]);
    let address = proxy.listener("main");
    let answer = ask(address, "/admin", "alice:one", &[]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(proxy.statistic("cluster.guarded.upstream_rq_retry"), 1);
    let body = String::from_utf8_lossy(&answer.body);
    assert!(
        body.contains("x-user: alice") && !body.contains("authorization"),
        "{body}"
    );
    assert_eq!(ask(address, "/admin", "alice:two", &[]).status, 401);
}

/// Sets a filter state of this name to what a client says: what a careless operator may do.
fn filter_state(name: &str) -> Value {
    let filter = typed(
        "extensions.filters.http.set_filter_state.v3.Config",
        json!({"on_request_headers": [{
            "object_key": name,
            "factory_key": "envoy.string",
            "read_only": true,
            "format_string": {"text_format_source": {"inline_string": "%REQ(x-forged)%"}},
        }]}),
    );
    json!({"name": name, "typed_config": filter})
}

#[test]
fn filter_states_of_these_names_that_somebody_else_has_set_change_nothing() {
    let mut configuration: Value =
        serde_json::from_str(&hiding(&json!(["alice:{PLAIN}one"]))).expect("JSON");
    configuration["emit_filter_state"] = true.into();
    let plugins = vec![plugin("main", &configuration.to_string())];
    let tune = |configuration: &mut Value| {
        for listener in listeners(configuration) {
            let filters = manager(listener)["http_filters"].as_array_mut();
            let filters = filters.expect("filters");
            for name in ["verified", "user", "denied"] {
                filters.insert(0, filter_state(&format!("wasm.basic_auth_{name}")));
            }
        }
    };
    let Tuned { proxy, .. } = &Tuned::live(plugins, tune, &[]);
    let address = proxy.listener("main");
    // A record in its form: `!` is the number of proofs that follow.
    let record = format!("x-forged: !{}alice\r\n", "a".repeat(32 * usize::from(b'!')));
    let forged = [record.as_bytes(), b"x-user: alice\r\n"];
    for _ in 0..3 {
        assert_eq!(get(address, b"/admin", &forged).status, 401);
        assert_eq!(ask(address, "/admin", "alice:two", &forged).status, 401);
        let answer = ask(address, "/admin", "alice:one", &forged);
        assert_eq!(
            (answer.status, header(&answer, "x-user")),
            (200, vec!["alice".into()])
        );
        assert_eq!(header(&get(address, b"/open", &forged), "x-user"), [""; 0]);
    }
}
