//! Envoy as the forward proxy that a client is configured to use: 407, and the challenge that clients
//! answer.

use super::listener;
use client_tests::{
    program::run,
    proxy::{GOOD, WRONG},
    servers::path,
};
use serde_json::Value;

const TARGET: &str = "http://example.com/a";

fn curl(arguments: &[&str]) -> String {
    let proxy = listener("forward").to_string();
    let always = [
        "--silent",
        "--show-error",
        "--max-time",
        "30",
        "--proxy",
        &proxy,
    ];
    run("curl", "curl", always.iter().chain(arguments)).succeeded()
}

#[test]
fn curl_finds_out_how_the_proxy_is_to_be_asked() {
    let format = "%{http_code} %{http_connect}";
    let status = ["--output", "/dev/null", "--write-out", format, TARGET];
    for (arguments, expected) in [
        (&["--proxy-anyauth", "--proxy-user", GOOD][..], "200 000"),
        (&["--proxy-basic", "--proxy-user", GOOD], "200 000"),
        (&["--proxy-anyauth", "--proxy-user", WRONG], "407 000"),
        (&[], "407 000"),
        // Credentials for the server are none for the proxy.
        (&["--user", GOOD], "407 000"),
        (
            &["--proxytunnel", "--proxy-anyauth", "--proxy-user", GOOD],
            "200 200",
        ),
    ] {
        assert_eq!(
            curl(&[arguments, &status].concat()),
            expected,
            "{arguments:?}"
        );
    }
    let tunnel = [
        "--silent",
        "--proxytunnel",
        "--proxy-anyauth",
        "--proxy-user",
        WRONG,
    ];
    let proxy = listener("forward").to_string();
    let more = ["--proxy", &proxy, "--write-out", "%{http_connect}", TARGET];
    let ended = run("curl", "curl", tunnel.iter().chain(&more));
    assert_eq!((ended.is_success, ended.output.as_str()), (false, "407"));
}

#[test]
fn the_server_gets_its_own_credentials_and_not_those_for_the_proxy() {
    let body = curl(&[
        "--proxy-anyauth",
        "--proxy-user",
        GOOD,
        "--user",
        "bob:two",
        TARGET,
    ]);
    let body: Value = serde_json::from_str(&body).expect("the upstream's answer");
    let fields = body["headers"].as_array().expect("fields");
    let value = |name: &str| {
        let named = fields.iter().find(|field| field[0] == name);
        named.map(|field| field[1].as_str().unwrap_or_default())
    };
    assert_eq!(value("authorization"), Some("Basic Ym9iOnR3bw=="));
    assert_eq!(value("proxy-authorization"), None);
    assert_eq!(value("x-user"), Some("alice"));
}

const JAVA: &str = r#"
import java.net.*;
import java.net.http.*;
public class Ask {
    public static void main(String[] of) throws Exception {
        var proxy = new InetSocketAddress("127.0.0.1", Integer.parseInt(of[0]));
        for (int at = 2; at < of.length; at++) {
            var parts = of[at].split(":");
            var client = HttpClient.newBuilder().proxy(ProxySelector.of(proxy))
                .authenticator(new Authenticator() {
                    protected PasswordAuthentication getPasswordAuthentication() {
                        if (getRequestorType() != RequestorType.PROXY) return null;
                        System.out.print(getRequestingPrompt() + ": ");
                        return new PasswordAuthentication(parts[0], parts[1].toCharArray());
                    }
                }).build();
            var request = HttpRequest.newBuilder(URI.create(of[1])).build();
            try {
                System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode());
            } catch (java.io.IOException refused) {
                System.out.println(refused.getMessage());
            }
        }
    }
}
"#;

#[test]
fn java_asks_its_user_for_the_password_of_the_proxy() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("Ask.java");
    std::fs::write(&source, JAVA).expect("a file");
    let port = listener("forward").port().to_string();
    let arguments = [
        "-XX:TieredStopAtLevel=1",
        path(&source),
        &port,
        TARGET,
        GOOD,
        WRONG,
    ];
    let said = run("java", "default-jdk-headless", arguments).succeeded();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "the way out: 200");
    // It tries three times, as a person would.
    assert!(
        lines[1].starts_with("the way out: ")
            && lines[1].ends_with("too many authentication attempts. Limit: 3"),
        "{said}"
    );
}
