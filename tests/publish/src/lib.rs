//! What the tests share: the program, a real registry, and one that refuses.

pub mod agent;
pub mod golden;
pub mod listeners;
pub mod monitoring;
pub mod pip;
pub mod program;
pub mod refusing_registry;
pub mod registry;

pub use delivery_tests::wait_for;
