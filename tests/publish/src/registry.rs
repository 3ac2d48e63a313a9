//! Debian's `docker-registry`: a real one.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use delivery_tests::agent::free_address;
use delivery_tests::wait_for;
use tempfile::TempDir;
use xtask::child::Child;

/// A registry that ends with the value.
pub struct Registry {
    address: SocketAddr,
    folder: TempDir,
    _child: Child,
}

impl Registry {
    /// A registry that wants nothing, or the password `p` of the user `u`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(access: Access) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        // bcrypt of `p`.
        let users = "u:$2y$05$bMhypVQuD8tWVHcNIRYCSO6mxTxg6bl5f.iZ80xJUdRpOTWA6YBni";
        fs::write(folder.path().join("htpasswd"), users).expect("a file");
        let path = folder.path().display();
        let auth = match access {
            Access::Open => String::new(),
            Access::Password => {
                format!("auth: {{htpasswd: {{realm: Registry, path: {path}/htpasswd}}}}\n")
            }
        };
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {path}/data}}}}\n\
             http: {{addr: \"{address}\", secret: s}}\n{auth}"
        );
        let file = folder.path().join("config.yml");
        fs::write(&file, configuration).expect("a file");
        let mut command = Command::new("docker-registry");
        command
            .arg("serve")
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = Child::spawn(command).expect("apt-get install docker-registry");
        wait_for("the registry listens", || TcpStream::connect(address).ok());
        Self {
            address,
            folder,
            _child: child,
        }
    }

    /// An image in it.
    #[must_use]
    pub fn image(&self, rest: &str) -> String {
        format!("{}/{rest}", self.address)
    }

    /// A folder with a Docker configuration whose credentials for this registry are `u` and `password`.
    ///
    /// # Panics
    /// If it cannot be written.
    #[must_use]
    pub fn docker_configuration(&self, password: &str) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let entry = serde_json::json!({"username": "u", "password": password});
        let configuration = serde_json::json!({"auths": {self.address.to_string(): entry}});
        let file = folder.path().join("config.json");
        fs::write(file, configuration.to_string()).expect("a file");
        folder
    }

    /// Whether it holds anything of a repository.
    #[must_use]
    pub fn knows(&self, repository: &str) -> bool {
        let data = self
            .folder
            .path()
            .join("data/docker/registry/v2/repositories");
        data.join(repository).join("_manifests/tags").exists()
    }
}

/// Who may do something with a registry.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    /// Everybody.
    Open,
    /// Who has the password.
    Password,
}
