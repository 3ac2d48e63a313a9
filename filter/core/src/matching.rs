//! Does a rule apply to a request: certainty, host, method, path and its readings, patterns, index.

#[cfg(feature = "analysis")]
mod automaton;
mod certainty;
mod cover;
mod expression;
mod host;
mod host_map;
mod host_pattern;
mod index;
mod method;
mod path;
mod pattern;
mod prefix_map;
mod scope;
mod source;

#[cfg(feature = "analysis")]
pub(crate) use automaton::{Difference, difference};
pub(crate) use certainty::Certainty;
pub use expression::{Expression, ExpressionError};
pub(crate) use host::Host;
pub use host_pattern::HostError;
pub(crate) use host_pattern::HostPattern;
pub(crate) use index::Index;
pub(crate) use method::Methods;
pub(crate) use path::{Readings, names_authority, percent_encoded};
pub(crate) use pattern::{Breadth, Case, PathPattern, Position};
pub(crate) use scope::{Scope, Subject};
pub(crate) use source::parse_block;
pub use source::{BlockError, SourceAddress};
