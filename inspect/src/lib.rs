//! What operators ask of configurations: do they hold, what do they protect, why is a request answered as
//! it is.
//!
//! Does: find configurations of the filter in files for Envoy, Istio and Envoy Gateway, and have the core
//! parse, analyse and decide on them. Faults have their place in the file.
//!
//! Does not: read files or print. `cargo xtask` does that, and the playground.

mod document;
mod embedded;
mod excerpt;
mod file;
mod findings;
mod found;
mod htpasswd;
mod inquiry;
mod json;
mod place;
mod resources;
mod summary;
mod unknown_users;

pub use file::{Configuration, Inspection, inspect, inspect_configuration};
pub use findings::{Finding, Severity};
pub use found::Form;
pub use inquiry::{Answer, Inquiry};
pub use summary::Summary;

/// Reads a file that an environment variable names (`file://PATH`, as the agent reads it).
pub type ReadFile<'r> = &'r dyn Fn(&str) -> Option<Vec<u8>>;
