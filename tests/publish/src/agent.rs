//! The agent of this source, which the tests of `tests/delivery` start, too.

use std::path::Path;
use std::process::Command;
use std::sync::Once;

/// Sees to it that there is one to start. A test of the whole workspace has built it already.
///
/// # Panics
/// If it cannot be built.
pub fn ensure_built() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Tests lie in target/<profile>/deps.
        let test = std::env::current_exe().expect("a path");
        let folder = test.parent().and_then(Path::parent);
        if folder
            .expect("target/<profile>/deps")
            .join("agent-under-test")
            .exists()
        {
            return;
        }
        let status = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--package",
                "delivery-tests",
                "--bin",
                "agent-under-test",
            ])
            .current_dir(xtask::repository_root())
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the agent cannot be built");
    });
}
