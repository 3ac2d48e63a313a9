//! The command line and the environment: everything that an operator can set.

mod istio;
mod values;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};
use ipnet::IpNet;

use crate::ecds::OnFailure;
use crate::logging::LogFormat;
use crate::modules::{ModulesOptions, RegistryCa, RegistryMirror};
use crate::server::Listen;
use crate::upstream::{Address, Upstream};
use istio::IstioSettings;

/// Delivers Wasm modules to Envoy over xDS: downloads, verifies and caches them, hands Envoy local files, and keeps
/// from it whatever fails.
#[derive(Debug, Parser)]
#[command(name = "wasm-agent", version, max_term_width = 100, after_help = HELP)]
struct Arguments {
    /// The xDS server: http://HOST:PORT, https://HOST:PORT or unix:PATH
    #[arg(long, value_name = "URL", env = "WASM_AGENT_UPSTREAM", value_parser = values::address)]
    upstream: Option<Address>,
    /// CA certificates that the xDS server's is verified with [default: the system's]
    #[arg(long, value_name = "FILE", env = "WASM_AGENT_UPSTREAM_CA")]
    upstream_ca: Option<PathBuf>,
    /// The agent's own certificate for the xDS server
    #[arg(
        long,
        value_name = "FILE",
        env = "WASM_AGENT_UPSTREAM_CERT",
        requires = "upstream_key"
    )]
    upstream_cert: Option<PathBuf>,
    /// The key of that certificate
    #[arg(
        long,
        value_name = "FILE",
        env = "WASM_AGENT_UPSTREAM_KEY",
        requires = "upstream_cert"
    )]
    upstream_key: Option<PathBuf>,
    /// A file with a bearer token for the xDS server; read again for each stream
    #[arg(long, value_name = "FILE", env = "WASM_AGENT_UPSTREAM_TOKEN_FILE")]
    upstream_token_file: Option<PathBuf>,
    /// A watched folder of extension configurations, in the place of an xDS server
    #[arg(long, value_name = "DIR", env = "WASM_AGENT_RESOURCES")]
    resources: Option<PathBuf>,
    /// Where Envoy connects: HOST:PORT or unix:PATH
    #[arg(long, value_name = "ADDR", env = "WASM_AGENT_LISTEN", default_value = "unix:wasm-agent.sock", value_parser = values::listen)]
    listen: Listen,
    /// Mode of the Unix socket
    #[arg(long, value_name = "MODE", env = "WASM_AGENT_LISTEN_MODE", default_value = "0660", value_parser = values::mode)]
    listen_mode: u32,
    /// Where modules are kept; it is created if it is missing
    #[arg(
        long,
        value_name = "DIR",
        env = "WASM_AGENT_CACHE_DIR",
        default_value = "/var/lib/wasm-agent"
    )]
    cache_dir: PathBuf,
    /// Where metrics, health and modules can be looked at; `off` for nowhere
    #[arg(long, value_name = "ADDR", env = "WASM_AGENT_STATUS", default_value = "127.0.0.1:15020", value_parser = values::status)]
    status: StatusAddress,
    /// What becomes of an update whose module cannot be had: `nack` refuses it and keeps what works, `rbac` puts a
    /// filter in its place that lets all or nothing pass, as Istio does
    #[arg(
        long,
        value_name = "HOW",
        env = "WASM_AGENT_ON_FETCH_FAILURE",
        default_value = "nack"
    )]
    on_fetch_failure: OnFetchFailure,
    /// Refuses a remote module without `sha256`
    #[arg(long, value_name = "on|off", env = "WASM_AGENT_REQUIRE_CHECKSUM", default_value = "off", num_args = 0..=1, default_missing_value = "on", hide_possible_values = true, value_parser = BoolishValueParser::new())]
    require_checksum: bool,
    /// Refuses local code that is missing or no module
    #[arg(long, value_name = "on|off", env = "WASM_AGENT_CHECK_LOCAL", default_value = "on", num_args = 0..=1, default_missing_value = "on", hide_possible_values = true, value_parser = BoolishValueParser::new())]
    check_local: bool,
    /// A registry that is asked before another one; repeated
    #[arg(
        long,
        value_name = "HOST=HOST/PREFIX",
        env = "WASM_AGENT_REGISTRY_MIRROR",
        value_delimiter = ','
    )]
    registry_mirror: Vec<RegistryMirror>,
    /// CA certificates of one registry or module server; repeated
    #[arg(
        long,
        value_name = "HOST=FILE",
        env = "WASM_AGENT_REGISTRY_CA",
        value_delimiter = ','
    )]
    registry_ca: Vec<RegistryCa>,
    /// Addresses that are never connected to, beside link-local and metadata ones; repeated
    #[arg(
        long,
        value_name = "CIDR",
        env = "WASM_AGENT_BLOCK_CIDR",
        value_delimiter = ','
    )]
    block_cidr: Vec<IpNet>,
    /// How the log is written
    #[arg(
        long,
        value_name = "FORMAT",
        env = "WASM_AGENT_LOG_FORMAT",
        default_value = "text"
    )]
    log_format: LogFormat,
    /// Asks the agent that runs here whether it is ready, and ends: 0 if it is
    #[arg(long)]
    check_ready: bool,
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Task {
    /// To run.
    Run(Box<Settings>),
    /// To ask the status server at this address.
    CheckReady(StatusAddress),
}

const HELP: &str = "\
Examples:
  wasm-agent --resources /etc/envoy/extensions --listen unix:/run/wasm-agent.sock
  wasm-agent --upstream http://xds.example.com:18000 --listen 127.0.0.1:15010
  wasm-agent --upstream https://istiod.istio-system:15012 --upstream-ca root.pem \\
             --upstream-token-file /var/run/secrets/tokens/istio-token

Also understood, as Istio's agent does:
  ISTIO_AGENT_ENABLE_WASM_REMOTE_LOAD_CONVERSION   false: nothing is looked at [true]
  WASM_INSECURE_REGISTRIES            HOST,HOST or *: certificates are not verified, HTTP is spoken
  WASM_MODULE_EXPIRY                  a module that nobody uses for so long is removed [24h]
  WASM_PURGE_INTERVAL                 how often such modules are looked for [1h]
  WASM_HTTP_REQUEST_TIMEOUT           the time for one attempt [15s]
  WASM_HTTP_REQUEST_MAX_RETRIES       the number of attempts [5]
  ISTIO_WASM_MAX_BINARY_SIZE_BYTES    the size of the largest module [268435456]
  BLOCKED_CIDRS_IN_WASM_FETCH         CIDR,CIDR: never connected to
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY, DOCKER_CONFIG";

/// Where the status server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusAddress {
    /// Nowhere.
    Off,
    /// `host:port`.
    On(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnFetchFailure {
    Nack,
    Rbac,
}

/// Everything that an operator can set.
#[derive(Debug)]
pub struct Settings {
    /// Where extension configurations come from.
    pub source: SourceSettings,
    /// Where Envoy connects.
    pub listen: Listen,
    /// Mode of the Unix socket.
    pub listen_mode: u32,
    /// Where the status server listens.
    pub status: StatusAddress,
    /// What to do with what cannot be delivered.
    pub on_failure: OnFailure,
    /// Whether local code is looked at.
    pub checks_local: bool,
    /// Whether anything is looked at.
    pub converts: bool,
    /// How modules are fetched and kept.
    pub modules: ModulesOptions,
    /// How the log is written.
    pub log_format: LogFormat,
}

/// Where extension configurations come from.
#[derive(Debug)]
pub enum SourceSettings {
    /// An xDS server.
    Upstream(Upstream),
    /// A folder.
    Folder(PathBuf),
}

/// Reads command line and environment. The error is one line; what is asked for by `--help` is printed, and the
/// process ends.
pub fn parse() -> Result<Task, String> {
    let matches = Arguments::command().try_get_matches();
    let matches = matches.map_err(first_line)?;
    let is_flag = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
    let (is_upstream_flag, is_resources_flag) = (is_flag("upstream"), is_flag("resources"));
    let mut arguments = Arguments::from_arg_matches(&matches).map_err(first_line)?;
    if arguments.check_ready {
        return Ok(Task::CheckReady(arguments.status));
    }
    // A flag wins over an environment variable, also over that of the other one.
    if is_upstream_flag && !is_resources_flag {
        arguments.resources = None;
    }
    if is_resources_flag && !is_upstream_flag {
        arguments.upstream = None;
    }
    let settings = arguments.settings(IstioSettings::from_environment()?)?;
    Ok(Task::Run(Box::new(settings)))
}

fn first_line(error: clap::Error) -> String {
    if !error.use_stderr() {
        error.exit();
    }
    let text = error.render().to_string();
    let text = text.split("\n\n").next().unwrap_or_default();
    let text = text.strip_prefix("error: ").unwrap_or(text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Arguments {
    fn settings(self, istio: IstioSettings) -> Result<Settings, String> {
        let source = match (self.upstream, self.resources) {
            (Some(address), None) => SourceSettings::Upstream(Upstream {
                address,
                ca: self.upstream_ca,
                identity: self.upstream_cert.zip(self.upstream_key),
                token: self.upstream_token_file,
            }),
            (None, Some(folder)) => SourceSettings::Folder(folder),
            (Some(_), Some(_)) => {
                return Err("`--upstream` and `--resources` exclude each other".to_owned());
            }
            (None, None) => return Err("`--upstream` or `--resources` is needed".to_owned()),
        };
        let mut modules = istio.modules(self.cache_dir);
        modules.require_checksum = self.require_checksum;
        modules.registry_mirrors = self.registry_mirror;
        modules.registry_cas = self.registry_ca;
        modules.blocked_cidrs.extend(self.block_cidr);
        Ok(Settings {
            source,
            listen: self.listen,
            listen_mode: self.listen_mode,
            status: self.status,
            on_failure: match self.on_fetch_failure {
                OnFetchFailure::Nack => OnFailure::Refuse,
                OnFetchFailure::Rbac => OnFailure::Replace,
            },
            checks_local: self.check_local,
            converts: istio.converts,
            modules,
            log_format: self.log_format,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }
}
