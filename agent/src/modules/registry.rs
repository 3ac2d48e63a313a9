//! Modules in OCI registries.

use super::cache::Kept;
use super::error::ObtainError;
use super::fetch::{Fetcher, Job};
use super::options::RegistryMirror;
use super::reference::Reference;

/// How registries are reached.
#[derive(Debug, Default)]
pub(super) struct Registries {
    pub(super) mirrors: Vec<RegistryMirror>,
}

pub(super) async fn fetch(
    _fetcher: &Fetcher,
    reference: &Reference,
    _job: &Job,
) -> Result<Kept, ObtainError> {
    Err(ObtainError::Url {
        cause: reference.to_string(),
    })
}
