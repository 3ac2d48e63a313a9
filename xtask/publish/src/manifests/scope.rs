//! What a policy is attached to: pods by their labels, or resources of the Gateway API.

use std::str::FromStr;

use anyhow::bail;

use super::kubernetes::{is_dns_name, is_label_key, is_label_value};

/// What the manifests apply to.
#[derive(Debug, clap::Args)]
pub(super) struct ScopeOptions {
    /// The pods, by their labels (Istio)
    #[arg(long, value_name = "KEY=VALUE,…", value_delimiter = ',')]
    pub(super) selector: Vec<Label>,
    /// A resource: gateway/NAME, service/NAME (Istio), httproute/NAME (Envoy Gateway), gateway/NAME/LISTENER; repeated
    #[arg(long, value_name = "KIND/NAME")]
    pub(super) target: Vec<Reference>,
}

/// `key=value`.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) key: String,
    pub(super) value: String,
}

/// A resource of the same namespace.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// A listener of a Gateway.
    pub(super) section: Option<String>,
}

/// What a policy can be attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gateway,
    HttpRoute,
    Service,
}

impl Kind {
    /// Its name in manifests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gateway => "Gateway",
            Self::HttpRoute => "HTTPRoute",
            Self::Service => "Service",
        }
    }

    /// Its API group.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Gateway | Self::HttpRoute => "gateway.networking.k8s.io",
            Self::Service => "\"\"",
        }
    }
}

impl ScopeOptions {
    /// An option of these that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let selector = (!self.selector.is_empty()).then_some("--selector");
        selector.or((!self.target.is_empty()).then_some("--target"))
    }

    /// Refuses what Istio and Envoy Gateway would.
    pub(super) fn check(&self, allowed: &[Kind]) -> anyhow::Result<()> {
        if !self.selector.is_empty() && !self.target.is_empty() {
            bail!(
                "`--selector` and `--target` exclude each other: pods by label, or resources by name"
            );
        }
        let foreign = self
            .target
            .iter()
            .find(|target| !allowed.contains(&target.kind));
        if let Some(target) = foreign {
            let allowed: Vec<_> = allowed.iter().map(|kind| kind.name()).collect();
            bail!(
                "a policy of this kind cannot be attached to a {}, but to a {}",
                target.kind.name(),
                allowed.join(" or a ")
            );
        }
        Ok(())
    }

    /// `selector:` or `targetRefs:`, or nothing, which means everything in the namespace. `labels` is what the kind
    /// calls a selector and its labels.
    pub(super) fn to_yaml(&self, labels: [&str; 2]) -> String {
        let mut yaml = String::new();
        if !self.selector.is_empty() {
            yaml = format!("{}:\n  {}:\n", labels[0], labels[1]);
            for label in &self.selector {
                yaml += &format!("    {}: \"{}\"\n", label.key, label.value);
            }
        }
        if !self.target.is_empty() {
            yaml += "targetRefs:\n";
        }
        for target in &self.target {
            let (group, kind) = (target.kind.group(), target.kind.name());
            yaml += &format!(
                "- group: {group}\n  kind: {kind}\n  name: {}\n",
                target.name
            );
            if let Some(section) = &target.section {
                yaml += &format!("  sectionName: {section}\n");
            }
        }
        yaml
    }
}

impl FromStr for Label {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text.split_once('=') {
            Some((key, value)) if is_label_key(key) && is_label_value(value) => Ok(Self {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
            _ => bail!(
                "`{}` is no label: write istio=ingressgateway",
                text.escape_debug()
            ),
        }
    }
}

impl FromStr for Reference {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut parts = text.split('/');
        let kind = match parts.next().map(str::to_ascii_lowercase).as_deref() {
            Some("gateway") => Kind::Gateway,
            Some("httproute") => Kind::HttpRoute,
            Some("service") => Kind::Service,
            _ => bail!(
                "`{}` is no target: write gateway/NAME, service/NAME or httproute/NAME",
                text.escape_debug()
            ),
        };
        let name = parts.next().unwrap_or_default();
        let section = parts.next();
        let is_valid = is_dns_name(name) && section.is_none_or(is_dns_name);
        if !is_valid || parts.next().is_some() || (section.is_some() && kind != Kind::Gateway) {
            bail!(
                "`{}` holds a name that Kubernetes does not allow",
                text.escape_debug()
            );
        }
        Ok(Self {
            kind,
            name: name.to_owned(),
            section: section.map(str::to_owned),
        })
    }
}
