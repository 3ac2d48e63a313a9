//! How many files the agent may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets the agent have as many as the system allows it at all: each stream of an Envoy's is a connection to the xDS
/// server, and each module in use an open file. Usual is 1,024, for the sake of programs that take no more.
pub fn allow_as_many_as_possible() {
    let limit = getrlimit(Resource::Nofile);
    // An error leaves it as it is.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
}
