//! HTTP Basic authentication (RFC 7617) for chosen hosts, paths and methods.
//!
//! Does: parse a configuration into a [`Policy`], decide a [`Request`] on it.
//!
//! Does not: speak Proxy-Wasm, read a clock or a file, log. Values come in, a [`Decision`] goes out.

extern crate alloc;

mod config;
mod decision;
mod matching;
mod names;
mod password;
mod policy;
mod quoted;
mod realm;
mod redirect;
mod request;
mod rule;
mod verify;
mod witness;

pub use config::{
    CONFIGURATION_KEYS, ConfigurationError, KeyHint, NotJson, PathProblem, Problem, RULE_KEYS,
};
pub use decision::{Allowance, Decision, Denial, Denied, UserName};
pub use matching::{BlockError, Expression, ExpressionError, HostError, SourceAddress};
pub use password::{
    Check, Cost, Format, HashCostCaps, HashError, HtpasswdError, HtpasswdProblem, HtpasswdUser,
    MAX_PASSWORD_OCTETS, Part, Progress, Verdict, Verifier, known_answer_holds, looks_like_hash,
    parse_htpasswd, parse_htpasswd_line, parse_htpasswd_users,
};
pub use policy::Policy;
pub use redirect::Redirect;
pub use request::{
    Challenger, FieldNames, FieldValues, Record, Request, StreamMemory, is_spelling_of,
};
pub use verify::{VerificationCounts, Worker, WorkerLimits};
pub use witness::Witness;
