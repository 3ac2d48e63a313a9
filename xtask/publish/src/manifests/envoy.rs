//! Envoy without a control plane: alone, or behind the agent.

use std::str::FromStr;

use anyhow::{Context as _, bail};
use reqwest::Url;

use super::Inputs;
use super::files::{Audience, Made};
use super::kubernetes::is_dns_name;
use super::module_source::ModuleSource;
use super::template::{fill, quoted};

/// What only Envoy's own configuration takes.
#[derive(Debug, clap::Args)]
pub(super) struct EnvoyOptions {
    /// Where clients come in [default: 0.0.0.0:10000]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<Endpoint>,
    /// What is protected [default: 127.0.0.1:8080]
    #[arg(long, value_name = "HOST:PORT")]
    upstream: Option<Endpoint>,
    /// Where the agent listens [default: /run/wasm-agent/wasm-agent.sock] (envoy-ecds)
    #[arg(long, value_name = "PATH")]
    socket: Option<AbsolutePath>,
    /// Where the agent finds the users [default: /etc/wasm-agent/users/htpasswd] (envoy-ecds)
    #[arg(long, value_name = "PATH")]
    users_path: Option<AbsolutePath>,
}

/// A host with a port.
#[derive(Clone, Debug)]
struct Endpoint {
    host: String,
    port: u16,
}

#[derive(Clone, Debug)]
struct AbsolutePath(String);

impl FromStr for Endpoint {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let read = || {
            let (host, port) = text.rsplit_once(':')?;
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let is_address = bare.parse::<std::net::IpAddr>().is_ok();
            let host = (is_address || is_dns_name(host)).then(|| bare.to_owned())?;
            let port = port.parse().ok()?;
            Some(Self { host, port })
        };
        read().with_context(|| format!("`{}` is no HOST:PORT", text.escape_debug()))
    }
}

impl FromStr for AbsolutePath {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if !text.starts_with('/') || text.contains(char::is_control) {
            bail!("`{}` is no absolute path", text.escape_debug());
        }
        Ok(Self(text.to_owned()))
    }
}

impl EnvoyOptions {
    /// An option of these that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let listen = self.listen.as_ref().map(|_| "--listen");
        listen
            .or(self.upstream.as_ref().map(|_| "--upstream"))
            .or(self.given_for_agent())
    }

    fn given_for_agent(&self) -> Option<&'static str> {
        let socket = self.socket.as_ref().map(|_| "--socket");
        socket.or(self.users_path.as_ref().map(|_| "--users-path"))
    }

    /// What both configurations have places for.
    fn values(&self) -> [(&'static str, String); 5] {
        let endpoint = |chosen: &Option<Endpoint>, host: &str, port| {
            let usual = || Endpoint {
                host: host.to_owned(),
                port,
            };
            chosen.clone().unwrap_or_else(usual)
        };
        let listen = endpoint(&self.listen, "0.0.0.0", 10000);
        let upstream = endpoint(&self.upstream, "127.0.0.1", 8080);
        [
            ("host", quoted(&listen.host)),
            ("port", listen.port.to_string()),
            ("upstream", format!("{}:{}", upstream.host, upstream.port)),
            ("upstream_host", quoted(&upstream.host)),
            ("upstream_port", upstream.port.to_string()),
        ]
    }
}

const NO_USERS_BESIDE: &str = "\
# The users are in the configuration, and so their hashes are in Envoy's /config_dump: whoever reaches the admin
# interface sees them.
";
const USERS_IN_VARIABLE: &str = "\
# The users are in a variable of the VM, and so their hashes are in this file and in Envoy's /config_dump: whoever
# reaches the admin interface sees them.
";
const USERS_IN_FILE: &str = "\
# The users are in a file that the agent watches; Envoy gets them with the configuration, and so their hashes are in
# Envoy's /config_dump: whoever reaches the admin interface sees them.
";

/// Envoy alone.
pub(super) fn complete(inputs: &Inputs<'_>, options: &EnvoyOptions) -> anyhow::Result<Vec<Made>> {
    if let Some(option) = options.given_for_agent() {
        bail!("`{option}` says nothing to envoy-static: leave it out");
    }
    let ModuleSource::Http { url, .. } = &inputs.source else {
        bail!(
            "Envoy itself takes no image: use --for envoy-ecds, whose agent does, or an http:// URL"
        );
    };
    let users = inputs.configuration.users();
    let environment = users.map(|users| {
        let lines = users.text.trim_end().replace('\n', "\n      ");
        format!(
            "environment_variables:\n  key_values:\n    {}: |\n      {lines}\n",
            users.variable
        )
    });
    let note = if users.is_some() {
        USERS_IN_VARIABLE
    } else {
        NO_USERS_BESIDE
    };
    let (module_host, tls) = (url.host_str().unwrap_or_default(), tls(url));
    let module_host = quoted(module_host.trim_start_matches('[').trim_end_matches(']'));
    let module_port = url.port_or_known_default().unwrap_or(80).to_string();
    let own = [
        ("users_note", note),
        ("environment", environment.as_deref().unwrap_or_default()),
        ("module_host", &module_host),
        ("module_port", &module_port),
        ("tls", &tls),
    ];
    let text = filled(
        inputs,
        options,
        include_str!("templates/envoy_static.yaml"),
        &own,
    );
    let mut file = Made::new("envoy.yaml", text);
    file.literals = vec![format!("{}\n", inputs.configuration.text())];
    file.literals.extend(users.map(|users| users.text.clone()));
    file.audience = Audience::Owner;
    Ok(vec![file])
}

/// Envoy behind the agent, and the agent's folder.
pub(super) fn behind_agent(
    inputs: &Inputs<'_>,
    options: &EnvoyOptions,
) -> anyhow::Result<Vec<Made>> {
    let socket = options
        .socket
        .as_ref()
        .map_or("/run/wasm-agent/wasm-agent.sock", |path| &path.0);
    let users_path = options
        .users_path
        .as_ref()
        .map_or("/etc/wasm-agent/users/htpasswd", |path| &path.0);
    let users = inputs.configuration.users();
    let environment = users.map(|users| {
        let file = quoted(&format!("file://{users_path}"));
        format!(
            "environment_variables:\n  key_values:\n    {}: {file}\n",
            users.variable
        )
    });
    let note = if users.is_some() {
        USERS_IN_FILE
    } else {
        NO_USERS_BESIDE
    };
    let own = [
        ("users_note", note),
        ("environment", environment.as_deref().unwrap_or_default()),
        ("socket", socket),
    ];
    let bootstrap = filled(
        inputs,
        options,
        include_str!("templates/envoy_ecds.yaml"),
        &own,
    );
    let extension = filled(
        inputs,
        options,
        include_str!("templates/extension.yaml"),
        &own,
    );
    let mut extension = Made::new("extensions/basic_auth.yaml", extension);
    extension.literals = vec![format!("{}\n", inputs.configuration.text())];
    let users = users.map(|users| Made {
        audience: Audience::Owner,
        ..Made::new("users/htpasswd", users.text.clone())
    });
    let bootstrap = Made::new("envoy.yaml", bootstrap);
    Ok(users.into_iter().chain([extension, bootstrap]).collect())
}

fn filled(
    inputs: &Inputs<'_>,
    options: &EnvoyOptions,
    template: &str,
    own: &[(&str, &str)],
) -> String {
    let name = inputs.name.to_string();
    let (url, sha256) = (
        quoted(&inputs.source.url()),
        quoted(&inputs.source.checksum()),
    );
    let options = options.values();
    let options: Vec<_> = options
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let values = [
        ("name", name.as_str()),
        ("url", &url),
        ("sha256", &sha256),
        ("pinned", inputs.source.pinned()),
        ("configuration", inputs.configuration.text()),
    ];
    fill(template, &[values.as_slice(), own, &options].concat())
}

/// How the module's server is spoken to over TLS: by its name, and with the system's certificates.
fn tls(url: &Url) -> String {
    if url.scheme() != "https" {
        return String::new();
    }
    let host = quoted(url.host_str().unwrap_or_default());
    format!(
        "transport_socket:\n  name: envoy.transport_sockets.tls\n  typed_config:\n    \
         \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext\n    \
         sni: {host}\n    common_tls_context:\n      validation_context:\n        \
         trusted_ca: {{ filename: /etc/ssl/certs/ca-certificates.crt }}\n        \
         match_typed_subject_alt_names:\n        - {{ san_type: DNS, matcher: {{ exact: {host} }} }}\n"
    )
}
