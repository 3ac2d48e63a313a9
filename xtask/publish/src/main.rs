//! The command line of what `cargo xtask package`, `push` and `manifests` run.

use std::process::ExitCode;

fn main() -> ExitCode {
    publish::main()
}
