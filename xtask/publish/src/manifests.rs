//! `cargo xtask manifests`: what an Istio, an Envoy Gateway or an Envoy takes to run the module.

mod check;
mod configuration;
mod envoy;
mod envoy_gateway;
mod files;
mod istio;
mod kubernetes;
mod module_source;
mod scope;
mod template;

use std::path::PathBuf;

use anyhow::bail;
use clap::ValueEnum;
use xtask::module::Digest;

use configuration::Configuration;
use envoy::EnvoyOptions;
use envoy_gateway::GatewayOptions;
use istio::IstioOptions;
use kubernetes::{Name, Namespace};
use module_source::ModuleSource;
use scope::ScopeOptions;

/// Arguments of `cargo xtask manifests`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask manifests --for istio-wasmplugin --url oci://registry.example/team/basic-auth:0.1.0 \\
    --sha256 DIGEST --config envoy/example/config.json --users envoy/example/users.htpasswd \\
    --namespace istio-system --selector istio=ingressgateway -o manifests
  cargo xtask manifests --for envoy-gateway --url oci://registry.example/team/basic-auth@sha256:… \\
    --config envoy/example/config.json --target gateway/public --namespace web -o manifests
  cargo xtask manifests --for envoy-static --url http://modules.example:8000/basic_auth.wasm \\
    --config envoy/example/config.json --upstream app.example:8080 -o manifests

The configuration is read by the filter's own code, and so are the users; nothing is written when something is wrong.")]
pub struct ManifestsArgs {
    /// Who takes the manifests
    #[arg(id = "for", long, value_name = "TARGET", value_enum)]
    target: Target,
    /// Where the module is: http://, https:// or oci://
    #[arg(long, value_name = "URL")]
    url: String,
    /// The module's checksum, or for oci:// the digest that `cargo xtask push` printed [default: of an http:// or
    /// https:// URL, that of the module of this source]
    #[arg(long, value_name = "HEX")]
    sha256: Option<Digest>,
    /// The filter's configuration, JSON
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Users beside those of the configuration, as `htpasswd` writes them; they go into a Secret or a file of their own where that works
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// What the resources are called
    #[arg(long, default_value = "basic-auth")]
    name: Name,
    /// Where they are
    #[arg(long, default_value = "default")]
    namespace: Namespace,
    #[command(flatten)]
    scope: ScopeOptions,
    #[command(flatten)]
    istio: IstioOptions,
    #[command(flatten)]
    gateway: GatewayOptions,
    #[command(flatten)]
    envoy: EnvoyOptions,
    /// Asks neither the URL nor the registry whether the checksum is right
    #[arg(long)]
    offline: bool,
    /// Asks the registry without TLS
    #[arg(long)]
    plain_http: bool,
    /// The folder that the files go to [default: standard output]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Who takes the manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Two EnvoyFilters: before every other filter, but for EnvoyFilters with a higher priority
    IstioEnvoyfilter,
    /// A WasmPlugin
    IstioWasmplugin,
    /// A TrafficExtension, which is alpha and from Istio 1.30 on
    IstioTrafficextension,
    /// An EnvoyExtensionPolicy
    EnvoyGateway,
    /// A complete configuration of Envoy, which loads the module itself when it starts
    EnvoyStatic,
    /// A complete configuration of Envoy behind the agent, and the agent's folder
    EnvoyEcds,
}

impl Target {
    fn is_istio(self) -> bool {
        matches!(
            self,
            Self::IstioEnvoyfilter | Self::IstioWasmplugin | Self::IstioTrafficextension
        )
    }
}

/// What every manifest is made of; everything in it has been checked.
struct Inputs<'a> {
    name: &'a Name,
    namespace: &'a Namespace,
    source: ModuleSource,
    configuration: Configuration,
}

/// Makes the manifests, and writes them all or none.
///
/// # Errors
/// The first thing that is wrong with what was given.
pub fn run(args: &ManifestsArgs) -> anyhow::Result<()> {
    args.refuse_foreign_options()?;
    let configuration = Configuration::read(&args.config, args.users.as_deref())?;
    let source = ModuleSource::parse(&args.url, args.sha256)?;
    let inputs = Inputs {
        name: &args.name,
        namespace: &args.namespace,
        source,
        configuration,
    };
    let files = match args.target {
        Target::IstioEnvoyfilter => istio::envoy_filters(&inputs, &args.scope, &args.istio)?,
        Target::IstioWasmplugin => istio::wasm_plugin(&inputs, &args.scope, &args.istio)?,
        Target::IstioTrafficextension => {
            istio::traffic_extension(&inputs, &args.scope, &args.istio)?
        }
        Target::EnvoyGateway => envoy_gateway::policy(&inputs, &args.scope, &args.gateway)?,
        Target::EnvoyStatic => envoy::complete(&inputs, &args.envoy)?,
        Target::EnvoyEcds => envoy::behind_agent(&inputs, &args.envoy)?,
    };
    for file in &files {
        file.check()?;
    }
    if !args.offline {
        check::fits(&inputs.source, args.plain_http)?;
    }
    for warning in inputs.configuration.warnings() {
        xtask::warn!("warning: {warning}");
    }
    for warning in files.iter().filter_map(|file| file.warning.as_ref()) {
        xtask::warn!("warning: {warning}");
    }
    match &args.output {
        Some(folder) => files::write(folder, &files),
        None => {
            files::print(&files);
            Ok(())
        }
    }
}

impl ManifestsArgs {
    /// An option that would do nothing is a mistake.
    fn refuse_foreign_options(&self) -> anyhow::Result<()> {
        let of_istio = self.istio.given();
        let of_gateway = self.gateway.given();
        let of_envoy = self.envoy.given();
        let is_gateway = self.target == Target::EnvoyGateway;
        let is_envoy = !self.target.is_istio() && !is_gateway;
        let foreign = [
            (of_istio, self.target.is_istio()),
            (of_gateway, is_gateway),
            (of_envoy, is_envoy),
            (self.scope.given(), !is_envoy),
        ];
        let foreign = foreign
            .into_iter()
            .find_map(|(option, is_known)| option.filter(|_| !is_known));
        if let Some(option) = foreign {
            let target = self.target.to_possible_value();
            let target = target.as_ref().map_or("", |value| value.get_name());
            bail!("`{option}` says nothing to {target}: leave it out");
        }
        Ok(())
    }
}
