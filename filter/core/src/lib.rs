//! HTTP Basic authentication (RFC 7617) for chosen hosts, paths and methods.
//!
//! Does: parse a configuration into a [`Policy`], decide a [`Request`] on it.
//!
//! Does not: speak Proxy-Wasm, read a clock or a file, log. Values come in, a [`Decision`] goes out.

extern crate alloc;

mod configuration;
mod credentials;
mod credentials_cache;
mod decision;
mod hash;
mod hmac;
mod host;
mod json;
mod method;
mod names;
mod password;
mod path;
mod pattern;
mod policy;
mod prefix_map;
mod quoted;
mod realm;
mod regex;
mod request;
mod rule;
mod rule_index;
mod users;
mod verification_budget;
mod worker;

pub use configuration::{CONFIGURATION_KEYS, ConfigurationError, Problem, RULE_KEYS};
pub use decision::{Allowance, Decision, Denial, Denied};
pub use password::{
    Cost, Format, HashCostCaps, HashError, HtpasswdError, HtpasswdProblem, MAX_PASSWORD_OCTETS,
    Part, Verifier, known_answer_holds, parse_htpasswd, parse_htpasswd_line,
};
pub use policy::Policy;
pub use regex::{Regex, RegexError};
pub use request::{FieldValues, Request, is_spelling_of};
pub use worker::{VerificationCounts, Worker};
