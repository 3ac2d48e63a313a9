//! `cargo xtask check`: whether configurations hold and what they protect, by the filter's own parser.

use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anyhow::bail;
use basic_auth_inspect::{Configuration, Finding, Inspection, Severity, inspect};
use serde_json::{Value, json};

use crate::operator::{self, OutputFormat};

/// Arguments of `cargo xtask check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask check plugin.json
  cargo xtask check envoy.yaml users.htpasswd
  cargo xtask check --strict --format json deploy/*.yaml

Reads the plugin's configuration alone (JSON or YAML), or finds it in Envoy bootstraps, extension
configurations, EnvoyFilter, WasmPlugin, TrafficExtension and EnvoyExtensionPolicy, also within the
files of a ConfigMap; htpasswd files, too. No password and no hash is printed.

Ends with 0 if every configuration holds, with 1 if not: an error, or with --strict a warning.")]
pub struct CheckArgs {
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// `text`, or `json` for other programs
    #[arg(long, value_enum, default_value_t)]
    format: OutputFormat,
    /// Fails on warnings, too
    #[arg(long)]
    strict: bool,
}

/// Checks every file, also after one that is wrong.
pub fn run(args: &CheckArgs) -> anyhow::Result<()> {
    let inspections: Vec<_> = args
        .files
        .iter()
        .map(|file| (file, inspect_file(file)))
        .collect();
    if args.format.is_json() {
        let files: Vec<Value> = inspections
            .iter()
            .map(|(file, found)| to_json(file, found))
            .collect();
        crate::say!("{:#}", json!({"files": files}));
    } else {
        for (file, found) in &inspections {
            print(file, found);
        }
    }
    let least = if args.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    let is_wrong = |found: &anyhow::Result<Inspection>| match found {
        Ok(found) => found.worst() >= Some(least),
        Err(_) => true,
    };
    let wrong = inspections
        .iter()
        .filter(|(_, found)| is_wrong(found))
        .count();
    match wrong {
        0 => Ok(()),
        1 if args.files.len() == 1 => bail!("the file does not hold"),
        _ => bail!("{wrong} of {} files do not hold", args.files.len()),
    }
}

fn inspect_file(file: &Path) -> anyhow::Result<Inspection> {
    let text = operator::read(file)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    // As the agent reads it: relative to the file.
    Ok(inspect(&text, &|path| {
        std::fs::read(folder.join(path)).ok()
    }))
}

fn to_json(file: &Path, found: &anyhow::Result<Inspection>) -> Value {
    let mut json = match found {
        Ok(found) => found.to_json(),
        Err(error) => json!({"findings": [{"severity": "error", "message": format!("{error:#}")}]}),
    };
    json["file"] = file.display().to_string().into();
    json
}

fn print(file: &Path, found: &anyhow::Result<Inspection>) {
    let found = match found {
        Ok(found) => found,
        Err(error) => return crate::warn!("error: {error:#}"),
    };
    let mut findings: Vec<_> = found.all_findings().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in findings {
        crate::warn!("{}", render(file, finding, &found.excerpt));
    }
    let holds = found.worst() < Some(Severity::Error);
    if let Some(users) = found.users.as_ref().filter(|_| holds) {
        crate::say!("{}: htpasswd file", file.display());
        users
            .lines()
            .iter()
            .for_each(|line| crate::say!("  {line}"));
    }
    for configuration in &found.configurations {
        print_summary(file, configuration, &found.excerpt);
    }
    for place in &found.others {
        crate::say!("{}: {place}: another Wasm filter", file.display());
    }
}

fn print_summary(file: &Path, configuration: &Configuration, source: &str) {
    let Some(summary) = &configuration.summary else {
        return;
    };
    let line = operator::line(source, configuration.start);
    let place = &configuration.place;
    crate::say!(
        "{}:{line}: {place} ({})",
        file.display(),
        configuration.form.name()
    );
    summary
        .lines()
        .iter()
        .for_each(|line| crate::say!("  {line}"));
}

/// With the lines that the finding points at.
fn render(file: &Path, finding: &Finding, source: &str) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        _ => Level::NOTE,
    };
    let title = match &finding.place {
        Some(place) => format!("{place}: {}", finding.message),
        None => finding.message.clone(),
    };
    let path = file.display().to_string();
    let end = finding.span.end.min(source.len());
    let start = finding.span.start.min(end);
    let group: Group<'_> = if source.is_empty() {
        let origin = annotate_snippets::Origin::path(&path);
        level.primary_title(&title).element(origin)
    } else {
        let annotation = AnnotationKind::Primary.span(start..end);
        let snippet = Snippet::source(source).path(&path).annotation(annotation);
        level.primary_title(&title).element(snippet)
    };
    let renderer = if operator::is_coloured() {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&[group])
}
