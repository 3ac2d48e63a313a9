//! Everything that a test with an xDS server needs, set up together.

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use tempfile::TempDir;
use xtask::module::Module;

use crate::agent::Agent;
use crate::envoy::{Bootstrap, Proxy, XdsAddress};
use crate::messages::{Wasm, extension_any, local, remote};
use crate::module_server::{Behaviour, ModuleServer};
use crate::xds_server::{Sent, XdsServer};

/// The module of this source.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn module() -> &'static Module {
    xtask::build::of_this_source().unwrap_or_else(|error| panic!("{error:#}"))
}

/// An xDS server, a module server with the module at `/good.wasm`, and perhaps an agent in front of the former.
pub struct Lab {
    /// The module server.
    pub modules: ModuleServer,
    /// The xDS server.
    pub xds: XdsServer,
    /// The agent.
    pub agent: Option<Agent>,
    folder: TempDir,
}

impl Lab {
    /// Without an agent.
    ///
    /// # Panics
    /// If something cannot be started.
    #[must_use]
    pub fn alone() -> Self {
        let modules = ModuleServer::start();
        modules.set("/good.wasm", good());
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("module.wasm"), &module().bytes).expect("a file");
        Self {
            modules,
            xds: XdsServer::start(),
            agent: None,
            folder,
        }
    }

    /// With an agent.
    #[must_use]
    pub fn with_agent(arguments: &[&str]) -> Self {
        let mut lab = Self::alone();
        lab.agent = Some(Agent::with_upstream(&lab.xds.url(), arguments));
        lab
    }

    /// The agent.
    ///
    /// # Panics
    /// If there is none.
    pub fn agent(&self) -> &Agent {
        self.agent.as_ref().expect("an agent")
    }

    /// An Envoy's bootstrap, with the agent as its xDS server if there is one.
    pub fn bootstrap(&self) -> Bootstrap {
        match &self.agent {
            Some(agent) => Bootstrap::at_socket(&agent.socket()),
            None => Bootstrap::new(XdsAddress::Tcp(self.xds.address())),
        }
    }

    /// Over state-of-the-world, and over delta.
    pub fn bootstraps(&self) -> [Bootstrap; 2] {
        [self.bootstrap(), self.bootstrap().over_delta()]
    }

    /// The module in a file.
    pub fn module_path(&self) -> PathBuf {
        self.folder.path().join("module.wasm")
    }

    /// A filter with the module in a file, and the user `first:1`.
    pub fn local(&self) -> Wasm {
        let path = self.module_path();
        Wasm::basic_auth(local(&path.to_string_lossy()), "first:1")
    }

    /// A filter with the module from a path of the server, and one user, `name:password`.
    pub fn remote(&self, path: &str, user: &str) -> Wasm {
        let code = remote(&self.modules.url(path), &module().digest.to_string());
        Wasm::basic_auth(code, user)
    }

    /// Makes the server send the extension configuration `lab`.
    pub fn set(&self, typed_config: &[u8]) -> Sent {
        self.xds.set("lab", extension_any("lab", typed_config))
    }

    /// An Envoy in which local code is at work.
    #[track_caller]
    pub fn proxy(&self, bootstrap: &Bootstrap) -> Proxy {
        self.set(&self.local().any());
        let proxy = Proxy::live(bootstrap);
        proxy.wait_for_user("lab", "first:1");
        proxy
    }
}

/// What serves the module.
#[must_use]
pub fn good() -> Behaviour {
    Behaviour::Serve(Bytes::from_static(&module().bytes))
}
