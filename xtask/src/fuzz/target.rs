//! The targets in `fuzz/`: how they are built, and one run of one of them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::progress::Progress;
use crate::toolchain::Toolchain;
use crate::{command, repository_root, target_folder};

/// What makes LLVM count what is covered and trace what is compared, as `cargo fuzz` sets it. The
/// address sanitizer is left out: nothing here is `unsafe`.
const INSTRUMENTATION: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
];

/// A run takes longer than its time by what loads the corpus, and the last input.
const SECONDS_FOR_ONE_INPUT: u32 = 10;

/// What is fuzzed: a file in `fuzz/fuzz_targets/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Target {
    /// A plugin configuration
    Configuration,
    /// htpasswd text and hashes
    Htpasswd,
    /// Values of the credentials' field
    Credentials,
    /// Spellings of a path, and what upstreams make of them
    Path,
    /// Regular expressions and texts, compared with another implementation
    Regex,
    /// Extension configurations, as the agent rewrites them
    Extension,
}

impl Target {
    pub(super) const ALL: [Self; 6] = [
        Self::Configuration,
        Self::Htpasswd,
        Self::Credentials,
        Self::Path,
        Self::Regex,
        Self::Extension,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Htpasswd => "htpasswd",
            Self::Credentials => "credentials",
            Self::Path => "path",
            Self::Regex => "regex",
            Self::Extension => "extension",
        }
    }

    /// The longest input in octets: an attack on a path or a regular expression is
    /// short, and short ones are tried faster.
    fn longest_input(self) -> u32 {
        match self {
            Self::Configuration | Self::Htpasswd => 4096,
            Self::Credentials => 9000,
            Self::Extension => 1024,
            Self::Path => 128,
            Self::Regex => 96,
        }
    }
}

/// The targets, built.
pub(super) struct Targets {
    programs: PathBuf,
    /// `fuzz/` in the repository.
    source: PathBuf,
    /// `fuzz/` in the target folder.
    findings: PathBuf,
}

impl Targets {
    pub(super) fn build(toolchain: &Toolchain) -> anyhow::Result<Self> {
        let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
        if command::on_path(&compiler).is_none() && !Path::new(&compiler).is_file() {
            bail!(
                "a C++ compiler is missing (`{compiler}`): install g++, which compiles libFuzzer"
            );
        }
        let source = repository_root().join("fuzz");
        let findings = target_folder().join("fuzz");
        let host = host(toolchain)?;
        let mut build = toolchain.cargo(["build", "--release", "--bins", "--locked"]);
        // With a target, build scripts and macros are not instrumented.
        build
            .args(["--target", &host])
            .arg("--manifest-path")
            .arg(source.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&findings)
            .env("CARGO_ENCODED_RUSTFLAGS", INSTRUMENTATION.join("\x1f"));
        command::run(build)?;
        Ok(Self {
            programs: findings.join(host).join("release"),
            source,
            findings,
        })
    }

    /// Runs `target` for so long, and says in a line what it did. The same seed tries the same
    /// inputs, as far as the time goes.
    pub(super) fn run(
        &self,
        target: Target,
        time: Duration,
        seed: Option<u32>,
    ) -> anyhow::Result<String> {
        let name = target.name();
        let corpus = self.folder("corpus", name)?;
        let artifacts = self.folder("artifacts", name)?;
        let log = self.folder("logs", name)?.join("last.log");
        let mut run = self.program(target);
        // What is new goes into the first of the two.
        run.arg(&corpus)
            .arg(self.source.join("corpus").join(name))
            .arg(format!("-dict={}", self.dictionary(name).display()))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg(format!("-max_total_time={}", time.as_secs().max(1)))
            .arg(format!("-max_len={}", target.longest_input()))
            .arg(format!("-timeout={SECONDS_FOR_ONE_INPUT}"))
            .args(seed.map(|seed| format!("-seed={seed}")))
            .stderr(File::create(&log)?);
        let outcome = {
            let _progress = Progress::of_time(time);
            command::run(run)
        };
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        outcome.with_context(|| failure(name, &said, &log))?;
        Ok(format!("{name:<14} {}", last_line(&said)))
    }

    /// Runs `target` once, on `input`.
    pub(super) fn reproduce(&self, target: Target, input: &Path) -> anyhow::Result<()> {
        if !input.is_file() {
            bail!("{} is no file", input.display());
        }
        let mut run = self.program(target);
        run.arg(input);
        command::run(run)
    }

    fn program(&self, target: Target) -> Command {
        Command::new(self.programs.join(target.name()))
    }

    fn dictionary(&self, name: &str) -> PathBuf {
        self.source
            .join("dictionaries")
            .join(name)
            .with_extension("dict")
    }

    fn folder(&self, kind: &str, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.findings.join(kind).join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(folder)
    }
}

/// The triple of this machine, by `cargo -vV`.
fn host(toolchain: &Toolchain) -> anyhow::Result<String> {
    let version = command::output(toolchain.cargo(["-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("cargo does not tell its host")?.to_owned())
}

/// What failed, on which input, and how to see it again.
fn failure(name: &str, said: &str, log: &Path) -> String {
    let panic = said
        .lines()
        .skip_while(|line| !line.contains("panicked at"))
        .nth(1)
        .unwrap_or("the target failed");
    let artifact = said
        .lines()
        .find_map(|line| line.split_once("Test unit written to "))
        .map(|(_, file)| file.trim());
    let log = log.display();
    match artifact {
        Some(file) => format!(
            "{name}: {panic}\n  input: {file}\n  again: cargo xtask fuzz --target {name} --input {file}\n  log: {log}"
        ),
        None => format!("{name}: {panic}\n  log: {log}"),
    }
}

/// `Done 550277 runs in 21 second(s)`.
fn last_line(said: &str) -> &str {
    let lines = said.lines().rev();
    lines
        .map(str::trim)
        .find(|line| line.starts_with("Done "))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn a_failure_tells_the_input_and_how_to_see_it_again() {
        let said = "thread '<unnamed>' (7) panicked at fuzz_targets/path.rs:19:17:\nProtected: a hole\n\
                    x; Test unit written to target/fuzz/artifacts/path/crash-1\n";
        let error = failure("path", said, Path::new("last.log"));
        assert!(error.starts_with("path: Protected: a hole\n"), "{error}");
        assert!(
            error.contains("--target path --input target/fuzz/artifacts/path/crash-1\n"),
            "{error}"
        );
    }

    #[test]
    fn every_target_has_its_files() {
        let fuzz = repository_root().join("fuzz");
        for target in Target::ALL {
            let name = target.name();
            assert_eq!(target.to_possible_value().unwrap().get_name(), name);
            assert!(
                fuzz.join("fuzz_targets")
                    .join(name)
                    .with_extension("rs")
                    .is_file()
            );
            assert!(
                fuzz.join("dictionaries")
                    .join(name)
                    .with_extension("dict")
                    .is_file()
            );
            assert!(fuzz.join("corpus").join(name).is_dir());
        }
    }
}
