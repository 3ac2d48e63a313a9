//! A real Envoy that loads the module over HTTP/2.

use std::collections::BTreeMap;

use serde_json::json;
use xtask::build;
use xtask::envoy::{Envoy, bootstrap, locate};
use xtask::http::get;
use xtask::serve::{Config, Server};

use super::*;

const CONFIGURATION: &str =
    r#"{"basic_auth_rules": [{"prefix": "/admin", "credentials": ["a:b"]}]}"#;

#[test]
fn a_cluster_that_speaks_http2_loads_the_module() {
    let folder = tempfile::tempdir().unwrap();
    build::of_this_source()
        .unwrap()
        .publish(folder.path())
        .unwrap();
    let server = Server::start(Config::local(folder.path().to_path_buf())).unwrap();
    let code = json!({"remote": {
        "http_uri": {"uri": server.module_url(), "cluster": "modules", "timeout": "10s"},
        "sha256": server.digest().to_string(),
    }});
    let filter = bootstrap::wasm("main", CONFIGURATION, &BTreeMap::new(), code);
    let listener = bootstrap::listener("main", [filter], &bootstrap::answer());
    let mut cluster = bootstrap::cluster("modules", server.address());
    cluster["http2_protocol_options"] = json!({});
    let configuration = bootstrap::bootstrap([listener], [cluster]).to_string();
    let mut envoy = Envoy::start(&locate().unwrap(), &configuration, &[]).unwrap();
    envoy.wait_until_live(SOON).unwrap();
    let address = envoy.wait_for_listener("main", SOON).unwrap();
    assert_eq!(get(address, "/").unwrap().status, 200);
    assert_eq!(get(address, "/admin").unwrap().status, 401);
    let over_http2 = envoy.statistic("cluster.modules.upstream_cx_http2_total");
    assert_eq!(over_http2.unwrap(), Some(1));
}
