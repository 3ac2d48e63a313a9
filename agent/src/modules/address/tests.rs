//! Which addresses are blocked, in every spelling.

use super::*;

fn is_blocked(guard: &Guard, host: &str) -> bool {
    guard
        .check(&Url::parse(&format!("http://{host}/")).unwrap())
        .is_err()
}

/// Section 4.4 of the notes on Istio's agent, and the spellings that it does not know.
#[test]
fn addresses_that_are_always_blocked_in_every_spelling() {
    let guard = Guard::new(&[]);
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "0xa9.0xfe.0xa9.0xfe",
        "0251.0376.0251.0376",
        "169.254.43518",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[::169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[64:ff9b:1::169.254.169.254]",
        "[64:ff9b:1:a9fe:a9:fe00::]",
        "[64:ff9b:1:a9:fe:a9fe::]",
        "[64:ff9b:1:0:a9:fea9:fe00::]",
        "[2002:a9fe:a9fe::1]",
        "[fe80::1]",
        "100.100.100.200",
        "[::ffff:100.100.100.200]",
        "[fd00:ec2::230]",
        "[fd00:ec2::254]",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",
        "0",
        "0x0",
        "0.1.2.3",
        "[::]",
        "[::ffff:0.0.0.0]",
        "[::ffff:0.0.0.1]",
        "metadata.google.internal",
        "METADATA.google.internal.",
    ] {
        assert!(is_blocked(&guard, host), "{host}");
    }
}

#[test]
fn addresses_that_are_not_blocked() {
    let guard = Guard::new(&[]);
    for host in [
        "10.0.0.1",
        "127.0.0.1",
        "8.8.8.8",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fd00:ec3::1]",
        "[64:ff9b:1::8.8.8.8]",
        "169.253.255.255",
        "localhost",
        "example.com",
    ] {
        assert!(!is_blocked(&guard, host), "{host}");
    }
}

#[test]
fn a_configured_block_adds_to_what_is_always_blocked() {
    let guard = Guard::new(&["10.0.0.0/8".parse().unwrap()]);
    for (host, expected) in [
        ("10.1.2.3", true),
        ("[::ffff:10.1.2.3]", true),
        ("11.1.2.3", false),
        ("127.0.0.1", false),
        ("169.254.1.1", true),
    ] {
        assert_eq!(is_blocked(&guard, host), expected, "{host}");
    }
}

#[test]
fn every_constant_is_a_network() {
    assert_eq!(Guard::new(&[]).blocked.len(), ALWAYS_BLOCKED.len());
}
