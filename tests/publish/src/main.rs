//! The program behind `cargo xtask package`, `push` and `manifests`, built together with its tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    publish::main()
}
