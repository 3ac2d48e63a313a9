//! HTTP Basic authentication (RFC 7617) for chosen hosts, paths and methods.
//!
//! Does: parse a configuration into a [`Policy`], decide a [`Request`] on it.
//!
//! Does not: speak Proxy-Wasm, read a clock or a file, log. Values come in, a [`Decision`] goes out.
//!
//! ```
//! use basic_auth::{Decision, Policy, Request, Worker};
//! use core::time::Duration;
//!
//! let rule = br#"{"basic_auth_rules": [{"prefix": "/admin", "credentials": ["alice:secret"]}]}"#;
//! let policy = Policy::parse(rule, &|_variable| None)?;
//! let mut worker = Worker::new(policy.worker_limits(), [7; 32], || Duration::ZERO);
//! let request = Request {
//!     method: Some(b"GET"),
//!     path: Some(b"/public/..%2fadmin"),
//!     ..Request::default()
//! };
//! assert!(matches!(policy.decide(&request, &mut worker), Decision::Deny(_)));
//! let (_, explanation) = policy.explain(&request, &mut worker, None);
//! assert_eq!(explanation.readings, [&b"/public/..%2Fadmin"[..], b"/public/../admin", b"/admin"]);
//! # Ok::<(), basic_auth::ConfigurationError>(())
//! ```

extern crate alloc;

#[cfg(feature = "analysis")]
mod analysis;
mod config;
mod decision;
mod explanation;
mod matching;
mod names;
mod password;
mod policy;
mod quoted;
mod realm;
mod redirect;
mod request;
mod rule;
mod trace;
mod verify;
mod witness;

#[cfg(feature = "analysis")]
pub use analysis::Effectiveness;
pub use config::{
    CONFIGURATION_KEYS, ConfigurationError, KeyHint, NotJson, PathProblem, Problem, RULE_KEYS,
};
pub use decision::{Allowance, Decision, Denial, Denied, UserName};
pub use explanation::{Explanation, Match, Role, RuleExplanation};
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
pub use verify::{Held, Ready, SharedStore, VerificationCounts, Worker, WorkerLimits};
pub use witness::Witness;
