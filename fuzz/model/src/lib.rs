//! What upstreams make of a path, and whether the filter protects what they then serve.
//!
//! Independent of `filter/core/src/path`: the pipelines are those of real servers, step by step in
//! their order. The fuzz target `path` and `tests/tests/readings.rs` compare the filter with them.

mod area;
mod guard;
mod spelling;
mod step;
mod upstream;

pub use area::Area;
pub use guard::{Guard, Hole, Promise};
pub use spelling::{Choices, Spelling};
pub use step::{Escapes, Step};
pub use upstream::{Resolved, Upstream, resolutions};
