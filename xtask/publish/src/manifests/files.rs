//! The files that come out: read back before they are written, and written all or none.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// A file, and what has to be said of it.
pub(super) struct Made {
    /// Its place in the folder.
    pub(super) name: &'static str,
    /// Its content.
    pub(super) text: String,
    /// Who may read it.
    pub(super) audience: Audience,
    /// Texts that a reader of the YAML must find at some place, octet by octet.
    pub(super) literals: Vec<String>,
    /// Values that a reader of the YAML must find at some place.
    pub(super) values: Vec<Value>,
    /// What the terminal says, too.
    pub(super) warning: Option<String>,
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Everybody.
    All,
    /// Its owner: it holds password hashes.
    Owner,
}

impl Made {
    /// A file without more ado.
    pub(super) fn new(name: &'static str, text: String) -> Self {
        Self {
            name,
            text,
            audience: Audience::All,
            literals: Vec::new(),
            values: Vec::new(),
            warning: None,
        }
    }

    /// Reads it back: what cannot be said in YAML is refused here, and not by whoever applies it.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if !self.name.ends_with(".yaml") {
            return Ok(());
        }
        let documents: Vec<Value> = serde_saphyr::from_multiple(&self.text).map_err(|error| {
            let location = error.location();
            let line = location.map_or(0, |location| location.line());
            anyhow::anyhow!("{} would be no YAML at line {line}: the configuration holds something that YAML cannot", self.name)
        })?;
        let is_there = |sought: &Value| documents.iter().any(|document| holds(document, sought));
        let literals = self.literals.iter().map(|text| Value::from(text.as_str()));
        if !literals
            .chain(self.values.iter().cloned())
            .all(|value| is_there(&value))
        {
            bail!(
                "the configuration or the users hold something that YAML reads differently, such as a control \
                 character or an escape of a surrogate: write it otherwise"
            );
        }
        Ok(())
    }
}

/// Whether `value` is `sought`, or holds it.
fn holds(value: &Value, sought: &Value) -> bool {
    value == sought
        || match value {
            Value::Array(items) => items.iter().any(|item| holds(item, sought)),
            Value::Object(fields) => fields.values().any(|item| holds(item, sought)),
            _ => false,
        }
}

/// Prints the files as one, for `kubectl apply -f -`.
pub(super) fn print(files: &[Made]) {
    for (index, file) in files.iter().enumerate() {
        let separator = if index > 0 { "---\n" } else { "" };
        xtask::say!("{separator}{}", file.text.trim_end());
    }
}

/// Writes all files, or none: each is complete beside its place before the first is moved there.
pub(super) fn write(folder: &Path, files: &[Made]) -> anyhow::Result<()> {
    let unwritable = || format!("{} cannot be written", folder.display());
    fs::create_dir_all(folder).with_context(unwritable)?;
    let mut complete = Vec::new();
    for file in files {
        let place = folder.join(file.name);
        let parent = place.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(unwritable)?;
        let mut beside = tempfile::Builder::new()
            .prefix(".manifest-")
            .permissions(permissions(file.audience))
            .tempfile_in(parent)
            .with_context(unwritable)?;
        beside
            .write_all(file.text.as_bytes())
            .with_context(unwritable)?;
        complete.push((beside, place));
    }
    for (beside, place) in complete {
        beside
            .persist(&place)
            .with_context(|| format!("{} cannot be written", place.display()))?;
        xtask::say!("{}", place.display());
    }
    Ok(())
}

fn permissions(audience: Audience) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;

    fs::Permissions::from_mode(match audience {
        Audience::All => 0o644,
        Audience::Owner => 0o600,
    })
}
