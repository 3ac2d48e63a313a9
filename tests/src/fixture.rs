//! What many tests begin with: users, requests, the built module, a VM or a server with it.

use crate::observed::Fields;
use base64::{Engine as _, engine::general_purpose::STANDARD};
#[cfg(not(target_arch = "wasm32"))]
pub use native::{host, module, module_server, plugin, root, vm, vm_with};

/// bcrypt of `open sesame`, from tests/passwords.
pub const BCRYPT: &str = "$2y$04$9Kituig3gNdg3vedn1rUv.u7zG7zRb66G97mDxdbqLuxO4fgH9a/q";

/// SHA-1 of `open sesame`.
pub const SHA: &str = "{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=";

/// The header map of `GET path`; `credentials` are `user:password`.
#[must_use]
pub fn get(path: &str, credentials: Option<&str>) -> Fields {
    let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let mut fields = vec![
        field(":authority", "example.com"),
        field(":path", path),
        field(":method", "GET"),
        field(":scheme", "http"),
    ];
    fields.extend(credentials.map(|text| field("authorization", &basic(text))));
    fields
}

/// The field value with `user:password` (RFC 7617, 2).
#[must_use]
pub fn basic(credentials: &str) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use crate::{
        envoy::Plugin,
        host::{Host, Vm},
    };
    use std::path::PathBuf;
    use xtask::{
        build,
        module::Module,
        serve::{Config, Server},
    };

    /// The folder with the workspace's `Cargo.toml`.
    #[must_use]
    pub fn root() -> PathBuf {
        xtask::repository_root()
    }

    /// The module as this source makes it.
    ///
    /// # Panics
    /// With the compiler's errors.
    #[must_use]
    pub fn module() -> &'static Module {
        build::of_this_source().unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The module in the Proxy-Wasm host of this crate.
    ///
    /// # Panics
    /// When it is not one of Proxy-Wasm.
    #[must_use]
    pub fn host() -> Host {
        Host::load(&module().bytes).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A virtual machine with the module and without a configuration.
    ///
    /// # Panics
    /// When the module does not start.
    #[must_use]
    pub fn vm() -> Vm {
        let vm = host().start(&[].into());
        vm.unwrap_or_else(|error| panic!("{error}"))
    }

    /// A virtual machine with the module under a configuration.
    ///
    /// # Panics
    /// With the module's log when it refuses that.
    #[must_use]
    pub fn vm_with(configuration: &str) -> Vm {
        let mut vm = vm();
        let configured = vm.configure(configuration.as_bytes());
        configured.unwrap_or_else(|refused| panic!("{refused:?}"));
        vm
    }

    /// A server of the module.
    ///
    /// # Panics
    /// When the machine has no free port.
    #[must_use]
    pub fn module_server() -> Server {
        let folder = xtask::target_folder().join("served-to-tests");
        let server = module()
            .publish(&folder)
            .and_then(|()| Server::start(Config::local(folder)));
        server.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// A plugin without environment variables.
    #[must_use]
    pub fn plugin(name: &str, configuration: &str) -> Plugin {
        Plugin {
            name: name.into(),
            configuration: configuration.into(),
            environment: [].into(),
        }
    }
}
