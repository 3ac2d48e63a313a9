//! The messages of xDS, as far as the agent reads and writes them. Pure: octets in, octets out.

pub mod discovery;
pub mod extension;
pub mod module_request;
pub mod wire;
