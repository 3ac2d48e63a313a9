//! A filter on the SDK without the exports that a filter of request headers does not use.

use anyhow::Context as _;
use walrus::{Module, ModuleConfig};

/// What remains. The SDK itself needs to hear that contexts come and go.
const EXPORTS: [&str; 10] = [
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_vm_start",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_done",
    "proxy_on_delete",
];

/// Removes the others, and what only they used.
pub(super) fn strip(compiled: &[u8]) -> anyhow::Result<Vec<u8>> {
    let parsed = ModuleConfig::new().parse(compiled);
    let mut module: Module = parsed.context("the compiled module is not valid WebAssembly")?;
    let exports = module.exports.iter();
    let others = exports.filter(|export| !EXPORTS.contains(&export.name.as_str()));
    for other in others.map(|export| export.id()).collect::<Vec<_>>() {
        module.exports.delete(other);
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}
