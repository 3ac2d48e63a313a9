//! Section 4.4: what is never connected to, on any hop, in any spelling.

use wasm_agent::modules::{Cause, ModulesOptions};

use crate::image::{Image, registry};
use crate::server::{Reply, Server};
use crate::support::{Agent, module, request};

fn block_127_0_0_2(options: &mut ModulesOptions) {
    options.blocked_cidrs = vec!["127.0.0.2/32".parse().unwrap()];
}

fn refused(shown: &str, address: &str) -> String {
    format!(
        "wasm module download failed after 1 attempts, last error: Get \"{shown}\": \
         {address} is an address that is never connected to (`--block-cidr` adds more)"
    )
}

#[tokio::test]
async fn urls_that_lead_to_blocked_addresses() {
    let agent = Agent::with(block_127_0_0_2).await;
    for (host, shown, address) in [
        ("169.254.169.254", "169.254.169.254", "169.254.169.254"),
        ("2852039166", "169.254.169.254", "169.254.169.254"),
        ("0xA9FEA9FE", "169.254.169.254", "169.254.169.254"),
        ("0", "0.0.0.0", "0.0.0.0"),
        ("[::]", "[::]", "::"),
        ("[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "::ffff:127.0.0.2"),
        ("127.0.0.2", "127.0.0.2", "127.0.0.2"),
        ("127.2", "127.0.0.2", "127.0.0.2"),
        ("[fe80::1]", "[fe80::1]", "fe80::1"),
        (
            "metadata.google.internal",
            "metadata.google.internal",
            "metadata.google.internal",
        ),
    ] {
        let error = agent
            .obtain(&request(format!("http://{host}/m?secret")))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            refused(&format!("http://{shown}/m"), address)
        );
        assert_eq!(error.cause(), Cause::Refused);
    }
}

#[tokio::test]
async fn a_redirect_to_a_blocked_address_is_not_followed() {
    let agent = Agent::with(block_127_0_0_2).await;
    let target = Server::start_on("127.0.0.2:0", None, |_| Reply::body(module("m"))).await;
    let to = target.url("/there");
    let location = to.clone();
    let server = Server::start(move |_| Reply::redirect(location.as_str())).await;
    assert_eq!(
        agent.refusal(&request(server.url("/m"))).await,
        refused(&to, "127.0.0.2")
    );
    assert_eq!((server.count(), target.count()), (1, 0));
}

#[tokio::test]
async fn a_name_that_resolves_to_a_blocked_address_is_not_connected_to() {
    let blocked = ["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()].to_vec();
    let agent = Agent::with(|options| options.blocked_cidrs = blocked).await;
    let server = Server::of(&module("m")).await;
    let url = format!("http://localhost:{}/m", server.address.port());
    let text = agent.refusal(&request(url.as_str())).await;
    let address = if text.contains("::1") {
        "localhost (::1)"
    } else {
        "localhost (127.0.0.1)"
    };
    assert_eq!(text, refused(&url, address));
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_token_service_at_a_blocked_address_is_not_asked() {
    let agent = Agent::with(block_127_0_0_2).await;
    let service = Server::start_on("127.0.0.2:0", None, |_| Reply::body(r#"{"token":"t"}"#)).await;
    let challenge = format!("Bearer realm=\"{}\"", service.url("/token"));
    let server =
        Server::start(move |_| Reply::status(401).header("www-authenticate", challenge.as_str()))
            .await;
    let url = server.oci("p/m:v1");
    assert_eq!(
        agent.refusal(&request(url.as_str())).await,
        format!(
            "could not fetch Wasm OCI image {url}: could not fetch manifest: Get \"{}\": \
             127.0.0.2 is an address that is never connected to (`--block-cidr` adds more)",
            service.url("/token")
        )
    );
    assert_eq!(service.count(), 0);
}

#[tokio::test]
async fn loopback_is_not_blocked() {
    let agent = Agent::start().await;
    let (server, _store) = registry("v1", &Image::of_module(&module("m"))).await;
    agent
        .obtain(&request(format!(
            "oci://localhost:{}/m:v1",
            server.address.port()
        )))
        .await
        .unwrap();
}
