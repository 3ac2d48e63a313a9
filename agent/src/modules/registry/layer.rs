//! The module in the layers of an image or an artifact.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::manifest::{Descriptor, Manifest};
use super::session::Session;
use super::{Cause, PullError};
use crate::modules::fetch::{Fetcher, Unboxed, system_text};
use crate::modules::unbox::{self, Contents, Next, UnboxError};
use crate::modules::validation::{MAGIC, shown_head};

/// What a module is called in an image.
const MODULE: &str = "plugin.wasm";
/// All removals of newer layers are kept in memory until the module is found.
const MOST_WHITEOUTS: usize = 10_000;
/// The module itself, whichever tool made the artifact.
const WASM_TYPES: &[&str] = &[
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.module.wasm.content.layer.v1+wasm",
];
/// A layer of an image, compressed in whatever way. `oras` has the first for every file.
const TAR_TYPES: &[&str] = &[
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];

/// The module of a manifest: its layer of Wasm, else `plugin.wasm` of the newest layer that has it.
pub(super) async fn module(
    session: &mut Session<'_>,
    manifest: &Manifest,
) -> Result<Unboxed, PullError> {
    let wasm = manifest
        .layers
        .iter()
        .rev()
        .find(|layer| WASM_TYPES.contains(&layer.media_type.as_str()));
    if let Some(layer) = wasm {
        let file = download(session, layer).await?;
        let fetcher = session.fetcher.clone();
        let work = move || fetcher.unbox(file);
        return session
            .fetcher
            .workbench
            .run(work)
            .await
            .map_err(PullError::from);
    }
    let tars: Vec<_> = manifest
        .layers
        .iter()
        .rev()
        .filter(|layer| TAR_TYPES.contains(&layer.media_type.as_str()))
        .collect();
    if tars.is_empty() {
        return Err(PullError::invalid(unknown_types(manifest)));
    }
    let mut search = Search::new(session.fetcher.clone());
    for layer in tars {
        let file = download(session, layer).await?;
        let work = move || {
            let found = search.look_into(file);
            (found, search)
        };
        let (found, after) = session.fetcher.workbench.run(work).await;
        search = after;
        if let Some(module) = found? {
            return Ok(module);
        }
    }
    Err(PullError::invalid(format!(
        "no layer of the image has {MODULE}"
    )))
}

async fn download(
    session: &mut Session<'_>,
    layer: &Descriptor,
) -> Result<NamedTempFile, PullError> {
    if layer.size > session.fetcher.limits.container {
        return Err(PullError::new(Cause::TooLarge, "a layer is too large"));
    }
    let digest = layer.digest().map_err(PullError::invalid)?;
    session.blob(&digest).await
}

fn unknown_types(manifest: &Manifest) -> String {
    let types: Vec<_> = manifest
        .layers
        .iter()
        .map(|layer| layer.media_type.as_str())
        .collect();
    if types.is_empty() {
        return "the given image is in invalid format as an OCI image: there are no layers"
            .to_owned();
    }
    format!(
        "the given image is in invalid format as an OCI image: could not find a layer of Wasm or of an image among {}",
        types.join(", ")
    )
}

impl From<UnboxError> for PullError {
    fn from(error: UnboxError) -> Self {
        match error {
            UnboxError::Invalid(cause) => Self::invalid(cause),
            UnboxError::TooLarge => Self::new(Cause::TooLarge, "too large"),
            UnboxError::Write(error) => Self::new(Cause::Cache, system_text(&error)),
        }
    }
}

/// Looks for the module from the newest layer to the oldest.
struct Search {
    fetcher: Fetcher,
    hidden: Hidden,
}

/// What newer layers removed from older ones.
#[derive(Clone, Debug, Default)]
struct Hidden {
    paths: BTreeSet<PathBuf>,
    /// Folders whose older content is gone.
    opaque: BTreeSet<PathBuf>,
}

impl Hidden {
    fn hides(&self, path: &Path) -> bool {
        path.ancestors()
            .any(|ancestor| self.paths.contains(ancestor))
            || path
                .ancestors()
                .skip(1)
                .any(|ancestor| self.opaque.contains(ancestor))
    }

    fn count(&self) -> usize {
        self.paths.len() + self.opaque.len()
    }

    /// Notes a whiteout, if `path` is one.
    fn note(&mut self, path: &Path) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return;
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        if name == ".wh..wh..opq" {
            self.opaque.insert(folder.to_owned());
        } else if let Some(hidden) = name.strip_prefix(".wh.") {
            self.paths.insert(folder.join(hidden));
        }
    }
}

impl Search {
    fn new(fetcher: Fetcher) -> Self {
        Self {
            fetcher,
            hidden: Hidden::default(),
        }
    }

    fn look_into(&mut self, file: NamedTempFile) -> Result<Option<Unboxed>, UnboxError> {
        let reader = match unbox::open(
            file.reopen().map_err(UnboxError::Write)?,
            self.fetcher.limits,
        )? {
            Contents::Tar(reader) => reader,
            Contents::Plain(reader) => return self.take_plain(reader),
        };
        // What this layer removes is removed from older layers only.
        let mut own = Hidden::default();
        let mut module = self.fetcher.new_module().map_err(UnboxError::Write)?;
        let mut is_found = false;
        unbox::for_each_entry(reader, |path, content| {
            let Some(path) = path.filter(|path| unbox::is_plain(path)) else {
                return Ok(Next::Continue);
            };
            let path: PathBuf = path
                .components()
                .filter(|part| part.as_os_str() != ".")
                .collect();
            own.note(&path);
            if own.count() + self.hidden.count() > MOST_WHITEOUTS {
                return Err(UnboxError::Invalid(format!(
                    "the image removes more than {MOST_WHITEOUTS} files"
                )));
            }
            if path.file_name().is_none_or(|name| name != MODULE) || self.hidden.hides(&path) {
                return Ok(Next::Continue);
            }
            let Some(content) = content else {
                // A link, say, is no module, and stands where an older layer has one that is no longer meant.
                own.paths.insert(path);
                return Ok(Next::Continue);
            };
            unbox::copy(content, &mut module, self.fetcher.limits)?;
            is_found = true;
            Ok(Next::Stop)
        })?;
        self.hidden.paths.append(&mut own.paths);
        self.hidden.opaque.append(&mut own.opaque);
        if is_found {
            module.finish().map(Some).map_err(UnboxError::Write)
        } else {
            Ok(None)
        }
    }

    /// A module that its tool called a tar.
    fn take_plain(
        &self,
        mut reader: Box<dyn std::io::Read>,
    ) -> Result<Option<Unboxed>, UnboxError> {
        let mut head = Vec::new();
        reader
            .by_ref()
            .take(MAGIC.len() as u64)
            .read_to_end(&mut head)
            .map_err(unbox::read_failure)?;
        // An archive of nothing begins with its end: zeros. A step of a build that changes no file makes such a layer.
        if head.iter().all(|octet| *octet == 0) {
            return Ok(None);
        }
        if head != MAGIC {
            return Err(UnboxError::Invalid(format!(
                "a layer is no archive: it starts with {}",
                shown_head(&head)
            )));
        }
        let mut module = self.fetcher.new_module().map_err(UnboxError::Write)?;
        unbox::copy(
            head.as_slice().chain(reader),
            &mut module,
            self.fetcher.limits,
        )?;
        module.finish().map(Some).map_err(UnboxError::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whiteouts_hide_what_older_layers_have() {
        let mut hidden = Hidden::default();
        for path in [".wh.a", "d/.wh.b", "o/.wh..wh..opq", "plain"] {
            hidden.note(Path::new(path));
        }
        for (path, expected) in [
            ("a", true),
            ("a/x", true),
            ("d/b", true),
            ("d/c", false),
            ("o", false),
            ("o/x", true),
            ("o/x/y", true),
            ("plain", false),
        ] {
            assert_eq!(hidden.hides(Path::new(path)), expected, "{path}");
        }
    }
}
