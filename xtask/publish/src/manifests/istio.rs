//! Istio: two EnvoyFilters, a WasmPlugin, or a TrafficExtension, and a Secret with the users.

use super::files::{Audience, Made};
use super::scope::{Kind, ScopeOptions};
use super::template::{fill, quoted};
use super::{Inputs, configuration::Users};

/// What only Istio takes.
#[derive(Debug, clap::Args)]
pub(super) struct IstioOptions {
    /// Which proxies [default: gateway]
    #[arg(long, value_name = "PROXY", value_enum)]
    proxy: Option<Proxy>,
    /// Which of several is asked first, that with the highest number: of plugins in a phase, and of EnvoyFilters that insert
    /// in front [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// Only requests to these ports (WasmPlugin, TrafficExtension)
    #[arg(long, value_name = "PORT,…", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    port: Vec<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Proxy {
    /// What is at the edge
    Gateway,
    /// What is beside a workload, for requests that come in
    Sidecar,
}

impl IstioOptions {
    /// An option of these that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let proxy = self.proxy.map(|_| "--proxy");
        let priority = self.priority.map(|_| "--priority");
        proxy
            .or(priority)
            .or((!self.port.is_empty()).then_some("--port"))
    }

    fn proxy(&self) -> Proxy {
        self.proxy.unwrap_or(Proxy::Gateway)
    }

    fn ports(&self) -> String {
        if self.port.is_empty() {
            return String::new();
        }
        let ports = self.port.iter().map(|port| format!("- number: {port}\n"));
        format!("ports:\n{}", ports.collect::<String>())
    }
}

/// The configuration of the extension, and the filter that asks for it.
pub(super) fn envoy_filters(
    inputs: &Inputs<'_>,
    scope: &ScopeOptions,
    options: &IstioOptions,
) -> anyhow::Result<Vec<Made>> {
    scope.check(&[Kind::Gateway])?;
    if !options.port.is_empty() {
        anyhow::bail!("`--port` says nothing to istio-envoyfilter: leave it out");
    }
    let context = match options.proxy() {
        Proxy::Gateway => "GATEWAY",
        Proxy::Sidecar => "SIDECAR_INBOUND",
    };
    let environment = environment(inputs, |users| {
        format!(
            "environment_variables:\n  host_env_keys: [{}]\n",
            users.variable
        )
    })?;
    let template = include_str!("templates/istio_envoyfilter.yaml");
    let scope = scope.to_yaml(["workloadSelector", "labels"]);
    let mut file = Made::new(
        "envoyfilter.yaml",
        filled(
            inputs,
            options,
            template,
            &[
                ("context", context),
                ("scope", &scope),
                ("environment", &environment),
            ],
        ),
    );
    file.literals = vec![format!("{}\n", inputs.configuration.text())];
    with_secret(inputs, file)
}

/// A WasmPlugin.
pub(super) fn wasm_plugin(
    inputs: &Inputs<'_>,
    scope: &ScopeOptions,
    options: &IstioOptions,
) -> anyhow::Result<Vec<Made>> {
    let template = include_str!("templates/istio_wasmplugin.yaml");
    plugin(inputs, scope, options, "wasmplugin.yaml", template)
}

/// A TrafficExtension.
pub(super) fn traffic_extension(
    inputs: &Inputs<'_>,
    scope: &ScopeOptions,
    options: &IstioOptions,
) -> anyhow::Result<Vec<Made>> {
    let template = include_str!("templates/istio_trafficextension.yaml");
    plugin(inputs, scope, options, "trafficextension.yaml", template)
}

fn plugin(
    inputs: &Inputs<'_>,
    scope: &ScopeOptions,
    options: &IstioOptions,
    name: &'static str,
    template: &str,
) -> anyhow::Result<Vec<Made>> {
    scope.check(&[Kind::Gateway, Kind::Service])?;
    // Of a gateway both modes are the same listener; Istio calls it CLIENT.
    let mode = match options.proxy() {
        Proxy::Gateway => "CLIENT_AND_SERVER",
        Proxy::Sidecar => "SERVER",
    };
    // A value may have 2,048 characters; one of the host may be as long as the host allows.
    let environment = environment(inputs, |users| {
        format!(
            "vmConfig:\n  env:\n  - name: {}\n    valueFrom: HOST\n",
            users.variable
        )
    })?;
    let scope = scope.to_yaml(["selector", "matchLabels"]);
    let ports = options.ports();
    let values = [
        ("mode", mode),
        ("ports", &ports),
        ("scope", &scope),
        ("environment", &environment),
    ];
    let mut file = Made::new(name, filled(inputs, options, template, &values));
    file.values = serde_json::from_str(inputs.configuration.text())
        .into_iter()
        .collect();
    with_secret(inputs, file)
}

/// How the module gets at the users, if they are beside the configuration.
fn environment(inputs: &Inputs<'_>, form: impl Fn(&Users) -> String) -> anyhow::Result<String> {
    let users = inputs.configuration.users_in_process()?;
    Ok(users.map(form).unwrap_or_default())
}

fn filled(
    inputs: &Inputs<'_>,
    options: &IstioOptions,
    template: &str,
    own: &[(&str, &str)],
) -> String {
    let (name, namespace) = (inputs.name.to_string(), inputs.namespace.to_string());
    let (url, sha256) = (
        quoted(&inputs.source.url()),
        quoted(&inputs.source.checksum()),
    );
    let priority = options.priority.unwrap_or(100).to_string();
    let note = if inputs.configuration.users().is_some() {
        include_str!("templates/istio_users.txt")
    } else {
        include_str!("templates/istio_inline_users.txt")
    };
    let common = [("name", name.as_str()), ("namespace", &namespace)];
    let note = format!("#\n{}", fill(note, &common));
    let values = [
        ("url", url.as_str()),
        ("sha256", &sha256),
        ("pinned", inputs.source.pinned()),
        ("priority", &priority),
        ("users_note", &note),
        ("configuration", inputs.configuration.text()),
    ];
    fill(template, &[common.as_slice(), &values, own].concat())
}

fn with_secret(inputs: &Inputs<'_>, file: Made) -> anyhow::Result<Vec<Made>> {
    let secret = inputs
        .configuration
        .users()
        .map(|users| secret(inputs, users));
    Ok(secret.into_iter().chain([file]).collect())
}

/// A Secret with the users, for the environment of a container.
pub(super) fn secret(inputs: &Inputs<'_>, users: &Users) -> Made {
    let (name, namespace) = (inputs.name.to_string(), inputs.namespace.to_string());
    let values = [
        ("name", name.as_str()),
        ("namespace", &namespace),
        ("variable", &users.variable),
        ("users", &users.text),
    ];
    let text = fill(include_str!("templates/secret.yaml"), &values);
    let mut file = Made::new("users.yaml", text);
    file.literals = vec![users.text.clone()];
    file.audience = Audience::Owner;
    file
}
