//! git over HTTP: clone, a push of megabytes, a wrong password.

use super::listener;
use client_tests::{
    program::{Ended, run},
    servers::path,
};
use std::path::Path;

fn git(folder: &Path, arguments: &[&str]) -> Ended {
    let always = [
        "-C",
        path(folder),
        "-c",
        "user.name=alice",
        "-c",
        "user.email=alice@example.com",
    ];
    run("git", "git", always.iter().chain(arguments))
}

#[test]
fn git_clones_and_pushes_with_the_password_and_is_told_when_it_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let address = listener("git");
    let url = |credentials: &str| format!("http://{credentials}{address}/git/shared.git");
    let (good, wrong) = (url("alice:open%20sesame@"), url("alice:open%20barley@"));

    let _ = git(folder.path(), &["clone", "--quiet", &good, "first"]).succeeded();
    let first = folder.path().join("first");
    // More than git's buffer of 1 MB: it is sent in chunks, whose size git does not know before.
    let mut state = 7_u32;
    let noise = (0..3 << 20).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    std::fs::write(first.join("noise"), noise.collect::<Vec<u8>>()).expect("a file");
    let _ = git(&first, &["add", "noise"]).succeeded();
    let _ = git(&first, &["commit", "--quiet", "--message", "noise"]).succeeded();
    let _ = git(&first, &["push", "--quiet", "origin", "HEAD:main"]).succeeded();

    let _ = git(
        folder.path(),
        &["clone", "--quiet", "--branch", "main", &good, "second"],
    )
    .succeeded();
    let same = [first, folder.path().join("second")]
        .map(|clone| std::fs::read(clone.join("noise")).expect("a file"));
    assert!(same[0] == same[1]);

    let failed = git(folder.path(), &["clone", "--quiet", &wrong, "third"]).failed();
    assert_eq!(
        failed,
        format!("fatal: Authentication failed for 'http://{address}/git/shared.git/'")
    );
    // Without a password git would ask for one, and has no terminal.
    let failed = git(folder.path(), &["clone", "--quiet", &url(""), "third"]).failed();
    assert_eq!(
        failed,
        format!("fatal: could not read Username for 'http://{address}': terminal prompts disabled")
    );
}
