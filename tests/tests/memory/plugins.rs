//! The configurations of the two plugins that the requests go through.

use basic_auth_tests::fixture::{BCRYPT, SHA};
use serde_json::json;

/// How many users have a slow hash. More than the cache has entries, so that it turns over.
pub(super) const SLOW_USERS: usize = 100;

/// Of `open sesame`: just slow enough for the cache.
const PBKDF2: &str = "$pbkdf2-sha1$i=300,l=20$c2FsdHNhbHQ$vrWZOMpVPY5rOOFKJ0W7EGxnvyM";

/// For every kind of request but the scarce one.
pub(super) fn main() -> String {
    let slow = |number| format!("slow-{number}:{PBKDF2}");
    let slow: Vec<String> = (0..SLOW_USERS).map(slow).collect();
    json!({
        "allow_cors_preflight": true,
        "credentials_cache": {"max_entries": 64, "ttl_seconds": 1},
        "emit_filter_state": true,
        "forward_username_header": "x-user",
        "hide_credentials": true,
        "users": ["plain:{PLAIN}open sesame", format!("sha:{SHA}")],
        "verification_budget": {"share_percent": 100, "burst_ms": 10_000},
        "basic_auth_rules": [
            {"path_separated_prefix": "/admin"},
            {"path_separated_prefix": "/admin/staff", "allow": ["sha"]},
            {"exact": "/admin/open", "exempt": true},
            {"path_separated_prefix": "/bcrypt", "users": format!("bcrypt:{BCRYPT}")},
            {"path_separated_prefix": "/maybe", "allow_missing": true},
            {"path_separated_prefix": "/slow", "users": slow},
            {"regex": "/[a-z]+/[0-9]+", "hosts": ["regex.example"]},
        ],
    })
    .to_string()
}

/// For the scarce kind: the budget is spent most of the time.
pub(super) fn scarce() -> String {
    json!({
        "users": format!("slow:{PBKDF2}"),
        "verification_budget": {"share_percent": 1, "burst_ms": 1, "max_wait_ms": 0, "client_share_percent": 100},
        "basic_auth_rules": [{"prefix": "/"}],
    })
    .to_string()
}
