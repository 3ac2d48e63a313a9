//! Updates from an xDS server: good ones arrive, bad ones do not, and what works stays.

use std::time::Duration;

use bytes::Bytes;
use delivery_tests::agent::Agent;
use delivery_tests::client::status;
use delivery_tests::envoy::{Bootstrap, Proxy};
use delivery_tests::messages::{Wasm, extension_any, remote};
use delivery_tests::module_server::{Behaviour, ModuleServer};
use delivery_tests::xds_server::XdsServer;
use delivery_tests::{stays, wait_at_most};
use xtask::module::Module;

struct Lab {
    module: Module,
    modules: ModuleServer,
    xds: XdsServer,
    agent: Agent,
}

impl Lab {
    fn new() -> Self {
        Self::with_arguments(&[])
    }

    fn with_arguments(arguments: &[&str]) -> Self {
        let module = Module::open(&xtask::module::dist_folder()).expect("a built module");
        let modules = ModuleServer::start();
        modules.set(
            "/good.wasm",
            Behaviour::Serve(Bytes::from(module.bytes.clone())),
        );
        let xds = XdsServer::start();
        let agent = Agent::with_upstream(&xds.url(), arguments);
        Self {
            module,
            modules,
            xds,
            agent,
        }
    }

    /// The extension configuration `name` with the module from `path`.
    fn basic_auth(&self, name: &str, path: &str, user: &str) -> Bytes {
        let code = remote(&self.modules.url(path), &self.module.digest.to_string());
        extension_any(name, &Wasm::basic_auth(code, user).any())
    }
}

fn bootstraps(lab: &Lab) -> [Bootstrap; 2] {
    let bootstrap = Bootstrap::at_socket(&lab.agent.socket());
    [bootstrap.clone(), bootstrap.over_delta()]
}

#[test]
fn a_module_that_cannot_be_had_is_refused_once_and_delivered_when_it_can() {
    for is_delta in [false, true] {
        let lab = Lab::new();
        let first = lab
            .xds
            .set("lab", lab.basic_auth("lab", "/good.wasm", "first:1"));
        let bootstrap = bootstraps(&lab)[usize::from(is_delta)].clone();
        let proxy = Proxy::live(&bootstrap);
        proxy.wait_for_user("lab", "first:1");
        let second = lab
            .xds
            .set("lab", lab.basic_auth("lab", "/late.wasm", "second:2"));
        let refusal = lab.xds.wait_for_refusal(&second);
        let reason = refusal.error.unwrap();
        assert!(
            reason.starts_with("lab: ") && reason.contains("/late.wasm") && reason.contains("404"),
            "{reason}"
        );
        if !is_delta {
            assert_eq!(
                (refusal.version, refusal.names),
                (first.version, vec!["lab".to_owned()])
            );
        }
        stays(
            "the first configuration is at work",
            Duration::from_secs(3),
            || {
                let address = proxy.address("lab");
                status(address, "/admin", None) == 401
                    && status(address, "/admin", Some("first:1")) == 200
            },
        );
        assert_eq!(lab.xds.refusals().len(), 1, "{:?}", lab.xds.seen());
        lab.modules.set(
            "/late.wasm",
            Behaviour::Serve(Bytes::from(lab.module.bytes.clone())),
        );
        proxy.wait_for_user("lab", "second:2");
        lab.xds.wait_for_acceptance(&second);
        assert_eq!(lab.xds.refusals().len(), 1);
        wait_at_most(Duration::from_secs(5), "the metric", || {
            (lab.agent
                .metric("istio_agent_wasm_config_conversion_count{result=\"success\"}")
                >= 2.0)
                .then_some(())
        });
    }
}
