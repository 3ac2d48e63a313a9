//! `cargo xtask fuzz`: foreign octets, made up by libFuzzer, for what parses them. What it finds
//! interesting is kept in `target/fuzz/corpus/`, what it fails with in `target/fuzz/artifacts/`.

mod target;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use crate::toolchain::Toolchain;
use target::{Target, Targets};

/// Arguments of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask fuzz --minutes 60
  cargo xtask fuzz --target path --minutes 10
  cargo xtask fuzz --target path --input target/fuzz/artifacts/path/crash-…")]
pub struct FuzzArgs {
    /// How long, for all targets together
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    minutes: f64,
    /// Runs this target only
    #[arg(long, value_enum)]
    target: Option<Target>,
    /// Runs the target once, on this file: to reproduce a failure
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// Builds the targets and runs each for its share of the time, also after a failure of another.
pub fn run(args: &FuzzArgs) -> anyhow::Result<()> {
    let chosen: Vec<Target> = match args.target {
        Some(target) => vec![target],
        None => Target::ALL.to_vec(),
    };
    let Ok(time) = Duration::try_from_secs_f64(args.minutes * 60.0) else {
        bail!("--minutes must be a number of minutes, such as 0.5 or 60");
    };
    let targets = Targets::build(&Toolchain::pinned()?)?;
    if let (Some(target), Some(input)) = (args.target, &args.input) {
        return targets.reproduce(target, input);
    }
    run_each(&targets, &chosen, time / u32::try_from(chosen.len())?, None)
}

/// Builds the targets and runs each for so long.
pub(crate) fn run_briefly(toolchain: &Toolchain, time_each: Duration) -> anyhow::Result<()> {
    // A test must not fail by chance: what is new is looked for by `cargo xtask fuzz`.
    run_each(
        &Targets::build(toolchain)?,
        &Target::ALL,
        time_each,
        Some(7617),
    )
}

fn run_each(
    targets: &Targets,
    chosen: &[Target],
    time: Duration,
    seed: Option<u32>,
) -> anyhow::Result<()> {
    let mut failures = Vec::new();
    for target in chosen {
        crate::say!(
            "       {}, for {} s …",
            target.name(),
            time.as_secs().max(1)
        );
        match targets.run(*target, time, seed) {
            Ok(line) => crate::say!("ok     {line}"),
            Err(error) => {
                crate::say!("FAILED {}", target.name());
                failures.push(format!("{error:#}"));
            }
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    Ok(())
}
