//! What an extension configuration says of the module that it needs.

use std::time::Duration;

/// When a module that is known is asked for again, as Istio's `ISTIO_META_WASM_IMAGE_PULL_POLICY` means it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// Never, except for the tag `latest` under another resource version.
    #[default]
    Unspecified,
    /// Never.
    IfNotPresent,
    /// Whenever the resource version changes.
    Always,
}

/// A module that a resource names.
#[derive(Clone, Default)]
pub struct ModuleRequest {
    /// `http:`, `https:` or `oci:`.
    pub url: String,
    /// What the resource says; empty and `nil` count as missing.
    pub sha256: Option<String>,
    /// The extension configuration's name.
    pub resource_name: String,
    /// `ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION`, else empty.
    pub resource_version: String,
    /// When to ask again for what is known.
    pub pull_policy: PullPolicy,
    /// A `.dockerconfigjson`, for `oci:`.
    pub pull_secret: Option<Vec<u8>>,
    /// For all attempts together.
    pub timeout: Option<Duration>,
}

impl std::fmt::Debug for ModuleRequest {
    /// Neither the URL, which may hold user information, nor the secret is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModuleRequest")
            .field("resource_name", &self.resource_name)
            .finish_non_exhaustive()
    }
}
