//! References to images, well-formed and malformed.

use super::*;

const HEX: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

#[test]
fn references_and_what_the_registry_is_asked_for() {
    for (text, shown, api_host, name) in [
        (
            "r.example/p/m:1.2",
            "oci://r.example/p/m:1.2",
            "r.example",
            "1.2",
        ),
        (
            "R.Example:5000/m",
            "oci://r.example:5000/m",
            "r.example:5000",
            "latest",
        ),
        ("localhost/m:v1", "oci://localhost/m:v1", "localhost", "v1"),
        (
            "[::1]:5000/m:v1",
            "oci://[::1]:5000/m:v1",
            "[::1]:5000",
            "v1",
        ),
        (
            "docker.io/m",
            "oci://docker.io/library/m",
            "registry-1.docker.io",
            "latest",
        ),
        (
            "index.docker.io/o/m:x",
            "oci://docker.io/o/m:x",
            "registry-1.docker.io",
            "x",
        ),
        (
            "o/m:x",
            "oci://docker.io/o/m:x",
            "registry-1.docker.io",
            "x",
        ),
        (
            "user:secret@r.example/m:x",
            "oci://r.example/m:x",
            "r.example",
            "x",
        ),
    ] {
        let reference = Reference::parse(text).unwrap();
        assert_eq!(reference.to_string(), shown);
        assert_eq!(format!("{reference:?}"), shown);
        assert_eq!(reference.api_host(), api_host);
        assert_eq!(reference.manifest_name(), name);
    }
}

#[test]
fn a_digest_wins_over_a_tag() {
    let reference =
        Reference::parse(&format!("r.example/m:v1@sha256:{}", HEX.to_uppercase())).unwrap();
    assert_eq!(reference.manifest_name(), format!("sha256:{HEX}"));
    assert_eq!(
        reference.to_string(),
        format!("oci://r.example/m:v1@sha256:{HEX}")
    );
}

#[test]
fn malformed_references_are_refused() {
    let digest = "the digest is malformed: it is sha256: and 64 hexadecimal digits";
    for (text, expected) in [
        ("r.example", "there is no repository behind the host"),
        ("r.example/", "the repository's name is malformed"),
        ("r.example//m", "the repository's name is malformed"),
        ("r.example/../m", "the repository's name is malformed"),
        ("r.example/M", "the repository's name is malformed"),
        ("r.example/m?x=y", "the repository's name is malformed"),
        ("r.example/m%2fn", "the repository's name is malformed"),
        ("r.example/m:", "the tag is malformed"),
        ("r.example/m:a b", "the tag is malformed"),
        ("r.example/m@sha256:abc", digest),
        ("r.example/m@md5:abc", digest),
        ("r.exa mple/m", "the registry's host is malformed"),
        ("r.example:port/m", "the registry's host is malformed"),
    ] {
        assert_eq!(Reference::parse(text).unwrap_err(), expected, "{text}");
    }
}
