//! What to paste into Envoy's configuration to load the served module.

use std::net::SocketAddr;

use crate::module::{Digest, FILE_NAME};

/// The filter and the cluster for a module server at `address`, as YAML.
pub(crate) fn snippet(scheme: &str, address: SocketAddr, digest: Digest) -> String {
    let tls = if scheme == "https" {
        TRANSPORT_SOCKET
    } else {
        ""
    };
    format!("{TEMPLATE}{tls}")
        .replace(
            "<url>",
            &format!("{scheme}://{address}/{digest}/{FILE_NAME}"),
        )
        .replace("<sha256>", &digest.to_string())
        .replace("<host>", &address.ip().to_string())
        .replace("<port>", &address.port().to_string())
}

/// The same with `<configuration>` where the plugin's configuration belongs.
pub(crate) fn with_placeholder(scheme: &str, address: SocketAddr, digest: Digest) -> String {
    snippet(scheme, address, digest).replace(EXAMPLE, "<configuration>")
}

/// The configuration in the snippet.
const EXAMPLE: &str =
    r#"{"basic_auth_rules": [{"prefix": "/admin", "credentials": ["user:password"]}]}"#;

const TEMPLATE: &str = r#"
# <host> is where this server is for Envoy on the same machine. For others, put their name for
# this machine in its place.

# In http_filters, before the router:
- name: basic_auth
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm
    config:
      name: basic_auth
      failure_policy: FAIL_RELOAD
      vm_config:
        vm_id: basic_auth
        runtime: envoy.wasm.runtime.v8
        code:
          remote:
            http_uri: { uri: "<url>", cluster: basic_auth_modules, timeout: 10s }
            sha256: <sha256>
            retry_policy:
              num_retries: 1000
              retry_back_off: { base_interval: 1s, max_interval: 10s }
      configuration:
        "@type": type.googleapis.com/google.protobuf.StringValue
        value: |
          {"basic_auth_rules": [{"prefix": "/admin", "credentials": ["user:password"]}]}

# In clusters:
- name: basic_auth_modules
  type: STRICT_DNS
  connect_timeout: 5s
  load_assignment:
    cluster_name: basic_auth_modules
    endpoints:
    - lb_endpoints:
      - endpoint: { address: { socket_address: { address: "<host>", port_value: <port> } } }
"#;

const TRANSPORT_SOCKET: &str = r#"  transport_socket:
    name: envoy.transport_sockets.tls
    typed_config:
      "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
      common_tls_context:
        validation_context:
          # The authority that issued the server's certificate, and the name in it (san_type: DNS
          # for one that is no address; then also `sni`, beside `common_tls_context`).
          trusted_ca: { filename: /etc/ssl/certs/ca-certificates.crt }
          match_typed_subject_alt_names: [{ san_type: IP_ADDRESS, matcher: { exact: "<host>" } }]
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_filled_in() {
        let digest = Digest::of(b"module");
        for (scheme, address) in [("http", "127.0.0.1:80"), ("https", "[::1]:443")] {
            let snippet = snippet(scheme, address.parse().unwrap(), digest);
            assert!(!snippet.contains('<'), "{snippet}");
            assert!(snippet.contains(&format!(
                "uri: \"{scheme}://{address}/{digest}/basic_auth.wasm\""
            )));
            assert!(snippet.contains(&format!("sha256: {digest}\n")));
        }
    }

    #[test]
    fn an_ipv6_address_has_brackets_in_the_url_only() {
        let snippet = snippet("https", "[::1]:443".parse().unwrap(), Digest::of(b"module"));
        assert!(snippet.contains("{ address: \"::1\", port_value: 443 }"));
        assert!(snippet.contains("exact: \"::1\""));
        assert!(snippet.contains("UpstreamTlsContext"));
    }
}
