//! Configurations that are right, with all that is known of them.

use serde_json::{Value, json};

/// Someone who can log in.
pub(crate) struct Account {
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    pub(crate) hash: &'static str,
}

pub(crate) const ACCOUNTS: [Account; 5] = [
    Account {
        user: "alice",
        password: "wonderland",
        hash: "{SHA}tiY7sUhYKUwI5L3866kDY+ENcrQ=",
    },
    Account {
        user: "bob",
        password: "looking-glass",
        hash: "{SSHA256}46VBkI2s9scBy0z90PHignCTIod6co+qphOVVygR46tzYWx0c2FsdA==",
    },
    Account {
        user: "carol",
        password: "correct horse",
        hash: "$apr1$abcdefgh$sIQmFnT1CuEXAsyjuXjUX/",
    },
    Account {
        user: "dave",
        password: "tweedledum",
        hash: "$5$saltsalt$jQN11t0mybR/6T0Jr6jQtrRSZH6zRVYdXdChPg3R9n0",
    },
    Account {
        user: "eve",
        password: "s3cret-carol",
        hash: "$2y$04$U5pMbKdVSDWQ4kvazGOzKe7eWZSnK2RBUWxsQwcY3JMmy7LZdhIWS",
    },
];

/// A rule's own user, in plain text.
pub(crate) const PLAIN: Account = Account {
    user: "frank",
    password: "mock-turtle",
    hash: "frank:mock-turtle",
};

/// The first `count` accounts, as htpasswd text.
pub(crate) fn users(count: usize) -> String {
    let lines = ACCOUNTS[..count]
        .iter()
        .map(|account| format!("{}:{}", account.user, account.hash));
    lines.collect::<Vec<_>>().join("\n")
}

/// A request that one rule of the configuration decides, and no other.
pub(crate) struct Probe {
    pub(crate) path: &'static str,
    pub(crate) host: &'static str,
    /// Whether anyone may pass without credentials.
    pub(crate) is_open: bool,
}

/// `probes[i]` asks the rule `i`.
pub(crate) const PROBES: [Probe; 6] = [
    probe("/healthz", true),
    probe("/admin/x", false),
    probe("/reports.pdf", false),
    probe("/internal/x", false),
    probe("/metrics", false),
    Probe {
        path: "/any",
        host: "secret.example",
        is_open: false,
    },
];

const fn probe(path: &'static str, is_open: bool) -> Probe {
    let host = "www.example";
    Probe {
        path,
        host,
        is_open,
    }
}

/// The rule that has users of its own.
pub(crate) const RULE_OF_PLAIN: usize = 4;

/// A configuration with every kind of rule. Everyone at the top level may do what needs a user.
pub(crate) fn configuration(users: &str) -> Value {
    json!({
        "realm": "staging",
        "users": users,
        "groups": { "all": ["alice", "bob"] },
        "forward_username_header": "x-user",
        "credentials_cache": { "max_entries": 16, "ttl_seconds": 60 },
        "verification_budget": { "share_percent": 100, "burst_ms": 10000 },
        "basic_auth_rules": [
            { "exact": PROBES[0].path, "exempt": true },
            { "path_separated_prefix": "/admin", "request_methods": ["GET", "POST"] },
            { "suffix": ".pdf", "realm": "reports" },
            { "regex": "/(internal|ops)(/.*)?" },
            { "prefix": "/metrics", "credentials": [PLAIN.hash] },
            { "prefix": "/", "hosts": ["secret.example", "*.secret.example"] },
        ],
    })
}
