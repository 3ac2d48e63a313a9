//! Envoy Gateway: an EnvoyExtensionPolicy, and what the proxies' environment and the order of filters take.

use std::str::FromStr;

use anyhow::bail;

use super::Inputs;
use super::files::Made;
use super::istio::secret;
use super::module_source::ModuleSource;
use super::scope::{Kind, ScopeOptions};
use super::template::{fill, quoted};

/// What only Envoy Gateway takes.
#[derive(Debug, clap::Args)]
pub(super) struct GatewayOptions {
    /// Which Envoy Gateway [default: 1.8]
    #[arg(long, value_name = "1.N")]
    eg_version: Option<Version>,
    /// Puts Wasm before this filter, such as envoy.filters.http.ext_authz; Envoy Gateway has it behind those that authenticate
    #[arg(long, value_name = "FILTER")]
    filter_order: Option<FilterName>,
}

/// `1.N` of those whose fields are known.
#[derive(Clone, Copy, Debug)]
struct Version {
    minor: u32,
}

#[derive(Clone, Debug)]
struct FilterName(String);

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let rest = text.trim_start_matches('v').strip_prefix("1.");
        let minor = rest.and_then(|rest| rest.split('.').next()?.parse().ok());
        match minor {
            Some(minor @ 4..) => Ok(Self { minor }),
            _ => {
                bail!("the fields of Envoy Gateway `{text}` are not known: 1.4 and later ones are")
            }
        }
    }
}

impl FromStr for FilterName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let name = text.strip_prefix("envoy.filters.http.").unwrap_or_default();
        let is_inside = |octet: u8| octet.is_ascii_lowercase() || octet == b'_';
        if name.is_empty() || !name.bytes().all(is_inside) {
            bail!(
                "`{}` is no filter: write envoy.filters.http.ext_authz",
                text.escape_debug()
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl GatewayOptions {
    /// An option of these that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let version = self.eg_version.map(|_| "--eg-version");
        version.or(self.filter_order.as_ref().map(|_| "--filter-order"))
    }

    fn version(&self) -> Version {
        self.eg_version.unwrap_or(Version { minor: 8 })
    }
}

const ON_GATEWAY: &str = "\
# It is attached to the Gateway, and the paths are in the module's own rules: so no route leads past it.
";
const ON_ROUTE: &str = "\
# WARNING: it is attached to a route. A request that takes another route to the same service gets round it; so
# /admin;x and, depending on the normalisation, //admin and /x/..%2fadmin go by a route for / beside one for /admin.
# Attach it to the Gateway, and name the paths in the module's rules (--target gateway/NAME).
";
const ROUTE_WARNING: &str = "the policy is attached to a route: a request that takes another route to the same service \
                             gets round it. Attach it to the Gateway (--target gateway/NAME)";
const MERGES: &str = "\
# `mergeType: StrategicMerge` on that policy keeps this one only if it has no `wasm` list of its own.
";
const IN_SECRET: &str = "\
# The users are in the Secret of users.yaml, and in the environment of the proxies (envoyproxy.yaml).
";
const INLINE: &str = "\
# The users are in the configuration below, and so their hashes are in the cluster's etcd and in Envoy's /config_dump.
# `--users FILE` puts them into a Secret.
";

/// The policy, the users' Secret, and the EnvoyProxy if something of it is needed.
pub(super) fn policy(
    inputs: &Inputs<'_>,
    scope: &ScopeOptions,
    options: &GatewayOptions,
) -> anyhow::Result<Vec<Made>> {
    scope.check(&[Kind::Gateway, Kind::HttpRoute])?;
    if !scope.selector.is_empty() || scope.target.is_empty() {
        bail!("Envoy Gateway attaches a policy to a resource by name: add --target gateway/NAME");
    }
    let version = options.version();
    if version.minor < 6 && scope.target.iter().any(|target| target.section.is_some()) {
        bail!(
            "Envoy Gateway 1.{} cannot name a listener of a Gateway: 1.6 can",
            version.minor
        );
    }
    let is_on_route = scope
        .target
        .iter()
        .any(|target| target.kind == Kind::HttpRoute);
    let users = inputs.configuration.users_in_process()?;
    let environment = users.map(|users| format!("env:\n  hostKeys: [{}]\n", users.variable));
    let (name, namespace) = (inputs.name.to_string(), inputs.namespace.to_string());
    let minor = format!("1.{}", version.minor);
    let scope = scope.to_yaml(["", ""]);
    let code = code(&inputs.source);
    let values = [
        ("name", name.as_str()),
        ("namespace", &namespace),
        ("version", &minor),
        ("warning", if is_on_route { ON_ROUTE } else { ON_GATEWAY }),
        ("merge_note", if version.minor >= 9 { MERGES } else { "" }),
        (
            "users_note",
            if users.is_some() { IN_SECRET } else { INLINE },
        ),
        ("scope", &scope),
        ("code", &code),
        ("environment", environment.as_deref().unwrap_or_default()),
        ("configuration", inputs.configuration.text()),
    ];
    let mut file = Made::new(
        "envoyextensionpolicy.yaml",
        fill(include_str!("templates/envoy_gateway.yaml"), &values),
    );
    file.values = serde_json::from_str(inputs.configuration.text())
        .into_iter()
        .collect();
    file.warning = is_on_route.then(|| ROUTE_WARNING.to_owned());
    let secret = users.map(|users| secret(inputs, users));
    Ok(secret
        .into_iter()
        .chain(envoy_proxy(inputs, options))
        .chain([file])
        .collect())
}

fn code(source: &ModuleSource) -> String {
    let (kind, block, url) = match source {
        ModuleSource::Http { url, .. } => ("HTTP", "http", url.to_string()),
        ModuleSource::Image { reference, .. } => ("Image", "image", reference.to_string()),
    };
    format!(
        "type: {kind}\n{block}:\n  url: {}\n  # {}\n  sha256: {}\n",
        quoted(&url),
        source.pinned(),
        quoted(&source.checksum())
    )
}

fn envoy_proxy(inputs: &Inputs<'_>, options: &GatewayOptions) -> Option<Made> {
    let users = inputs.configuration.users();
    if users.is_none() && options.filter_order.is_none() {
        return None;
    }
    let (name, namespace) = (inputs.name.to_string(), inputs.namespace.to_string());
    let order = options.filter_order.as_ref().map(|filter| {
        format!(
            "filterOrder:\n- name: envoy.filters.http.wasm\n  before: {}\n",
            filter.0
        )
    });
    let provider = users.map(|users| {
        let values = [("name", name.as_str()), ("variable", &users.variable)];
        fill(include_str!("templates/envoy_proxy_users.yaml"), &values)
    });
    let values = [
        ("name", name.as_str()),
        ("namespace", &namespace),
        ("order", order.as_deref().unwrap_or_default()),
        ("provider", provider.as_deref().unwrap_or_default()),
    ];
    let text = fill(include_str!("templates/envoy_proxy.yaml"), &values);
    Some(Made::new("envoyproxy.yaml", text))
}
