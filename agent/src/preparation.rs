//! The work on one extension configuration: getting its module, and writing the file's name into it.

use std::panic::AssertUnwindSafe;
use std::path::Path;

use bytes::Bytes;
use futures_util::FutureExt as _;

use crate::ecds::{Failure, Prepared};
use crate::extension::{Extension, Need, RemoteModule};
use crate::metrics::Conversion;
use crate::modules::{Modules, PANICKED};

/// Makes extension configurations fit for Envoy.
#[derive(Clone)]
pub struct Preparation {
    /// Where modules come from.
    pub modules: Modules,
    /// Whether local code is looked at, too.
    pub checks_local: bool,
}

impl Preparation {
    /// Works on `extension` until it is ready or cannot be had. Dropping the future gives up.
    pub async fn prepare(&self, extension: &Extension) -> Result<Prepared, Failure> {
        caught(self.try_to_prepare(extension)).await
    }

    async fn try_to_prepare(&self, extension: &Extension) -> Result<Prepared, Failure> {
        match &extension.need {
            Need::LocalFile(path) if self.checks_local => self.with_file(extension, path).await,
            Need::LocalFile(_) | Need::Nothing => Ok(unchanged(extension)),
            Need::Module(module) => self.with_module(extension, module).await,
        }
    }

    async fn with_file(&self, extension: &Extension, path: &Path) -> Result<Prepared, Failure> {
        let (modules, path) = (self.modules.clone(), path.to_owned());
        let checked = tokio::task::spawn_blocking(move || modules.check_local(&path)).await;
        match checked {
            Ok(Ok(())) => Ok(unchanged(extension)),
            Ok(Err(error)) => Err(failure(error.to_string(), Conversion::FetchFailure)),
            Err(error) => Err(failure(error.to_string(), Conversion::FetchFailure)),
        }
    }

    async fn with_module(
        &self,
        extension: &Extension,
        module: &RemoteModule,
    ) -> Result<Prepared, Failure> {
        let refused = |reason, counted_as| Failure {
            fallback: extension.with_fallback(module).ok().map(|octets| Prepared {
                octets: Bytes::from(octets),
                module: None,
            }),
            ..failure(reason, counted_as)
        };
        let Some(request) = &module.request else {
            let reason = "remote code without `http_uri.uri`".to_owned();
            return Err(refused(reason, Conversion::MissRemoteFetchHint));
        };
        let mut request = request.clone();
        request.resource_name.clone_from(&extension.name);
        let file = self.modules.obtain(&request).await;
        let file = file.map_err(|error| refused(error.to_string(), Conversion::FetchFailure))?;
        let octets = extension
            .with_local_code(&file.path)
            .map_err(|error| failure(error.to_string(), Conversion::MarshalFailure))?;
        Ok(Prepared {
            octets: Bytes::from(octets),
            module: Some(file),
        })
    }
}

/// A panic is a failure like others: the server hears of it, and the other resources go on.
async fn caught(
    work: impl Future<Output = Result<Prepared, Failure>>,
) -> Result<Prepared, Failure> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(_) => Err(failure(PANICKED.to_owned(), Conversion::MarshalFailure)),
    }
}

fn unchanged(extension: &Extension) -> Prepared {
    Prepared {
        octets: extension.octets().clone(),
        module: None,
    }
}

fn failure(reason: String, counted_as: Conversion) -> Failure {
    Failure {
        reason,
        fallback: None,
        counted_as,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_failure_like_others() {
        let outcome = caught(async { panic!("at a configuration") }).await;
        let failure = outcome.expect_err("a failure");
        assert_eq!(
            (failure.reason.as_str(), failure.counted_as),
            (PANICKED, Conversion::MarshalFailure)
        );
        assert!(failure.fallback.is_none());
    }
}
