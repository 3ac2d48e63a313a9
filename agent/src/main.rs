//! The binary `wasm-agent`.

fn main() {}
