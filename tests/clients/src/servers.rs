//! The servers behind Envoy: git over HTTP, a container registry, and a gRPC service.

use crate::{program, wait_for};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;
use xtask::child::Child;

/// A server. It ends with the value, and so does its folder.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    _child: Child,
    _folder: TempDir,
}

/// A free port. Another process could take it before the server does: then the server ends, and the
/// test says so.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.expect("a free port")
}

impl Server {
    fn start(mut command: Command, package: &str, address: SocketAddr, folder: TempDir) -> Server {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = Child::spawn(command);
        let mut child =
            child.unwrap_or_else(|error| panic!("{error:#}: apt-get install -y {package}"));
        wait_for(package, || {
            assert_eq!(
                child.try_wait().expect("a child"),
                None,
                "{package} has ended"
            );
            TcpStream::connect(address).ok()
        });
        Server {
            address,
            _child: child,
            _folder: folder,
        }
    }

    /// `git http-backend` behind lighttpd, with the empty repository `/shared.git`, into which everybody
    /// may push who gets there.
    ///
    /// # Panics
    /// When lighttpd or git is missing.
    #[must_use]
    pub fn git() -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = folder.path().join("shared.git");
        let arguments = ["init", "--quiet", "--bare", path(&repository)];
        let _ = program::run("git", "git", arguments).succeeded();
        let arguments = [
            "-C",
            path(&repository),
            "config",
            "http.receivepack",
            "true",
        ];
        let _ = program::run("git", "git", arguments).succeeded();
        let backend = program::run("git", "git", ["--exec-path"]).succeeded() + "/git-http-backend";
        let address = free_port();
        let configuration = format!(
            r#"server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{root}"
server.modules = ("mod_alias", "mod_setenv", "mod_cgi")
alias.url = ("/git" => "{backend}")
setenv.add-environment = ("GIT_PROJECT_ROOT" => "{root}", "GIT_HTTP_EXPORT_ALL" => "1",
  "GIT_CONFIG_COUNT" => "1", "GIT_CONFIG_KEY_0" => "safe.directory", "GIT_CONFIG_VALUE_0" => "*")
cgi.assign = ("" => "")
"#,
            port = address.port(),
            root = path(folder.path()),
        );
        let file = folder.path().join("lighttpd.conf");
        fs::write(&file, configuration).expect("a configuration");
        let mut command = Command::new("lighttpd");
        // Debian has it where only root's PATH looks.
        command
            .env("PATH", with_sbin())
            .args(["-D", "-f", path(&file)]);
        Server::start(command, "lighttpd", address, folder)
    }

    /// A gRPC server that gives back what it gets, one message or many.
    ///
    /// # Panics
    /// When Python or its gRPC is missing.
    #[must_use]
    pub fn grpc() -> Server {
        let address = free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program::DEBIANS_PYTHON);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/grpc_server.py");
        command.args([script, &address.to_string()]);
        Server::start(command, "python3-grpcio", address, folder)
    }

    /// Debian's `docker-registry`.
    ///
    /// # Panics
    /// When it is missing.
    #[must_use]
    pub fn registry() -> Server {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_port();
        let configuration = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: '{address}', relativeurls: true}}\n",
            path(folder.path())
        );
        let file = folder.path().join("config.yml");
        fs::write(&file, configuration).expect("a configuration");
        let mut command = Command::new("docker-registry");
        command.args(["serve", path(&file)]);
        Server::start(command, "docker-registry", address, folder)
    }
}

fn with_sbin() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}

/// A path as text.
///
/// # Panics
/// When it is not UTF-8.
#[must_use]
pub fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
