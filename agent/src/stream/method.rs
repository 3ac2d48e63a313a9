//! A method of the agent's gRPC server: is what it carries looked at, passed on, or not served?

use http::uri::PathAndQuery;

use crate::discovery::Dialect;

const AGGREGATED: &str = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";
const EXTENSIONS: &str = "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/";

/// A method of the agent's gRPC server, as its path names it.
#[derive(Clone, Debug)]
pub struct Method {
    /// The whole path.
    pub path: PathAndQuery,
    pub(super) dialect: Option<Dialect>,
    pub(super) is_ecds_alone: bool,
    may_carry_extensions: bool,
}

impl Method {
    /// Reads a request's path.
    pub fn of(path: PathAndQuery) -> Self {
        let aggregated = path.path().strip_prefix(AGGREGATED);
        let alone = path.path().strip_prefix(EXTENSIONS);
        Self {
            dialect: match (aggregated, alone) {
                (Some("StreamAggregatedResources"), _) | (_, Some("StreamExtensionConfigs")) => {
                    Some(Dialect::StateOfTheWorld)
                }
                (Some("DeltaAggregatedResources"), _) | (_, Some("DeltaExtensionConfigs")) => {
                    Some(Dialect::Delta)
                }
                _ => None,
            },
            is_ecds_alone: alone.is_some(),
            may_carry_extensions: aggregated.is_some() || alone.is_some(),
            path,
        }
    }

    /// Whether it could bring extension configurations to Envoy that nobody converts: `FetchExtensionConfigs`, which
    /// Envoy itself calls only as REST, and what a later version may add.
    pub fn passes_unconverted(&self) -> bool {
        self.may_carry_extensions && self.dialect.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_could_carry_extension_configurations_is_looked_at_or_not_served() {
        for (path, dialect, passes_unconverted) in [
            (
                "StreamExtensionConfigs",
                Some(Dialect::StateOfTheWorld),
                false,
            ),
            ("DeltaExtensionConfigs", Some(Dialect::Delta), false),
            ("FetchExtensionConfigs", None, true),
            ("streamExtensionConfigs", None, true),
        ] {
            let path = format!("{EXTENSIONS}{path}");
            let method = Method::of(path.parse().unwrap());
            assert_eq!(
                (method.dialect, method.passes_unconverted()),
                (dialect, passes_unconverted),
                "{path}"
            );
        }
        let others = "/envoy.service.listener.v3.ListenerDiscoveryService/StreamListeners";
        assert!(!Method::of(others.parse().unwrap()).passes_unconverted());
    }
}
