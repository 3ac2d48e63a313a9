//! A bootstrap of `envoy/` as it is shipped, with the addresses and the checksum of the moment.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::repository_root;
use crate::serve::Server;

/// Where the bootstrap with a remote URI is in the repository.
pub(super) const REMOTE: &str = "envoy/envoy.yaml";
/// Where the one is that gets its filter from the agent.
pub(super) const ECDS: &str = "envoy/ecds.yaml";

const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// The configuration in the file, whatever its reader has changed in it.
pub(super) struct Shipped {
    file: &'static str,
    content: Value,
}

impl Shipped {
    /// Reads a file of the repository.
    pub(super) fn read(file: &'static str) -> anyhow::Result<Self> {
        let path = repository_root().join(file);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(file, &text)
    }

    fn parse(file: &'static str, yaml: &str) -> anyhow::Result<Self> {
        let parsed = serde_saphyr::from_str(yaml);
        let content = parsed.with_context(|| format!("{file} is no YAML"))?;
        Ok(Self { file, content })
    }

    /// The name of the listener.
    pub(super) fn listener_name(&mut self) -> anyhow::Result<String> {
        let file = self.file;
        let name = &self.listener()?["name"];
        let name = name.as_str().context("the listener has no name");
        Ok(name.context(file)?.to_owned())
    }

    /// Where it listens.
    pub(super) fn listener_address(&mut self) -> anyhow::Result<SocketAddr> {
        let file = self.file;
        let address = &self.listener()?["address"]["socket_address"];
        let port = address["port_value"].as_u64().map(u16::try_from);
        let host = address["address"].as_str().map(str::parse);
        match (host, port) {
            (Some(Ok(host)), Some(Ok(port))) => Ok(SocketAddr::new(host, port)),
            _ => bail!("{file}: the listener's address is {address}, which is none"),
        }
    }

    /// Moves the listener, and puts `upstream` in the place of that of the file.
    pub(super) fn move_to(
        &mut self,
        listener: SocketAddr,
        upstream: SocketAddr,
    ) -> anyhow::Result<()> {
        set_address(&mut self.listener()?["address"], listener);
        set_address(self.cluster("upstream")?, upstream);
        Ok(())
    }

    /// Puts the agent's `socket` in the place of that of the file.
    pub(super) fn connect_to(&mut self, socket: &Path) -> anyhow::Result<()> {
        *self.cluster("wasm_agent")? = json!({"pipe": {"path": socket}});
        Ok(())
    }

    /// Puts `server` in the place of that of the file.
    pub(super) fn load_from(&mut self, server: &Server) -> anyhow::Result<()> {
        set_address(self.cluster("basic_auth_modules")?, server.address());
        let remote = self.remote_code()?;
        remote["http_uri"]["uri"] = server.module_url().into();
        remote["sha256"] = server.digest().to_string().into();
        Ok(())
    }

    /// As Envoy reads it.
    pub(super) fn to_json(&self) -> String {
        self.content.to_string()
    }

    fn listener(&mut self) -> anyhow::Result<&mut Value> {
        let listeners = &mut self.content["static_resources"]["listeners"];
        let first = listeners.as_array_mut().and_then(|all| all.first_mut());
        first.with_context(|| format!("{} has no listener", self.file))
    }

    /// The address of a cluster's only endpoint.
    fn cluster(&mut self, name: &str) -> anyhow::Result<&mut Value> {
        let clusters = self.content["static_resources"]["clusters"].as_array_mut();
        let mut clusters = clusters.into_iter().flatten();
        let cluster = clusters.find(|cluster| cluster["name"] == name);
        let pointer = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address";
        cluster
            .and_then(|cluster| cluster.pointer_mut(pointer))
            .with_context(|| format!("{} has no cluster `{name}` with an endpoint", self.file))
    }

    fn remote_code(&mut self) -> anyhow::Result<&mut Value> {
        let file = self.file;
        let pointer = "/filter_chains/0/filters/0/typed_config/http_filters";
        let filters = self.listener()?.pointer_mut(pointer);
        let mut filters = filters.and_then(Value::as_array_mut).into_iter().flatten();
        let wasm = filters.find(|filter| filter["typed_config"]["@type"] == WASM);
        wasm.and_then(|filter| filter.pointer_mut("/typed_config/config/vm_config/code/remote"))
            .with_context(|| format!("{file} has no Wasm filter with remote code"))
    }
}

fn set_address(place: &mut Value, address: SocketAddr) {
    *place = json!({"socket_address": {
        "address": address.ip().to_string(),
        "port_value": address.port(),
    }});
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Module;
    use crate::serve::Config;

    #[test]
    fn every_address_of_the_shipped_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let module = Module::from(b"module".to_vec());
        module.publish(folder.path()).unwrap();
        let server = Server::start(Config::local(folder.path().to_path_buf())).unwrap();
        let mut shipped = Shipped::read(REMOTE).unwrap();
        let (listener, upstream) = ("[::1]:5".parse().unwrap(), "127.0.0.2:6".parse().unwrap());
        shipped.move_to(listener, upstream).unwrap();
        shipped.load_from(&server).unwrap();
        assert_eq!(shipped.listener_address().unwrap(), listener);
        let text = shipped.to_json();
        let address =
            |address: &str, port: u16| format!(r#"{{"address":"{address}","port_value":{port}}}"#);
        assert!(text.contains(&address("127.0.0.2", 6)));
        assert!(text.contains(&address("127.0.0.1", server.address().port())));
        assert!(text.contains(&format!(r#""sha256":"{}""#, server.digest())));
        assert!(text.contains(&format!(r#""uri":"{}""#, server.module_url())));
        for shipped in [10000, 8080, 8000] {
            assert!(
                !text.contains(&format!("\"port_value\":{shipped}")),
                "{shipped}"
            );
        }
    }

    #[test]
    fn a_port_that_was_changed_is_the_one_to_listen_on() {
        let path = repository_root().join(REMOTE);
        let text = fs::read_to_string(path).unwrap();
        let changed = text.replace("port_value: 10000", "port_value: 18080");
        let mut shipped = Shipped::parse(REMOTE, &changed).unwrap();
        let address = shipped.listener_address().unwrap();
        assert_eq!(address, SocketAddr::from(([127, 0, 0, 1], 18080)));
        assert_eq!(shipped.listener_name().unwrap(), "main");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |yaml| {
            Shipped::parse(REMOTE, yaml)
                .unwrap()
                .listener_address()
                .unwrap_err()
        };
        assert_eq!(error("{}").to_string(), "envoy/envoy.yaml has no listener");
        let listener = "static_resources: {listeners: [{name: main}]}";
        assert_eq!(
            error(listener).to_string(),
            "envoy/envoy.yaml: the listener's address is null, which is none"
        );
    }
}
