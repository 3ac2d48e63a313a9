//! Takes out of the compiled module what this filter does not use.

use anyhow::Context as _;
use walrus::{Module, ModuleConfig};

/// What the module may export. Envoy calls every callback that a module exports, on every request,
/// and the SDK exports all of them.
pub const EXPORTS: [&str; 10] = [
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_tick",
    "proxy_on_delete",
];

/// Removes every export that is not one of [`EXPORTS`], what only such exports used, and the custom
/// sections.
///
/// Among the sections are the names of the functions. They are a seventh of what the linker leaves,
/// and serve nothing but the backtrace of a trap; the artifact in `target/` still has them.
pub fn strip(compiled: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false);
    strip_as(compiled, &mut config)
}

/// Does the same, but keeps the names of the functions.
pub(super) fn strip_all_but_names(compiled: &[u8]) -> anyhow::Result<Vec<u8>> {
    strip_as(compiled, &mut ModuleConfig::new())
}

fn strip_as(compiled: &[u8], config: &mut ModuleConfig) -> anyhow::Result<Vec<u8>> {
    config.generate_producers_section(false);
    let mut module = config
        .parse(compiled)
        .context("the compiled module is not valid WebAssembly")?;
    remove_other_exports(&mut module);
    remove_custom_sections(&mut module);
    walrus::passes::gc::run(&mut module);
    let stripped = module.emit_wasm();
    Module::from_buffer(&stripped).context("the stripped module is not valid WebAssembly")?;
    Ok(stripped)
}

fn remove_other_exports(module: &mut Module) {
    let exports = module.exports.iter();
    let others: Vec<_> = exports
        .filter(|export| !EXPORTS.contains(&export.name.as_str()))
        .map(|export| export.id())
        .collect();
    for other in others {
        module.exports.delete(other);
    }
}

fn remove_custom_sections(module: &mut Module) {
    let sections: Vec<_> = module.customs.iter().map(|(id, _)| id).collect();
    for section in sections {
        module.customs.delete(section);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module of which each export calls a function of its own, and with a custom section.
    fn module(exports: &[&str]) -> Vec<u8> {
        let mut module = Module::default();
        for export in exports {
            let mut callee = walrus::FunctionBuilder::new(&mut module.types, &[], &[]);
            callee.func_body().i32_const(7).drop();
            let callee = callee.finish(vec![], &mut module.funcs);
            let mut caller = walrus::FunctionBuilder::new(&mut module.types, &[], &[]);
            caller.func_body().call(callee);
            let caller = caller.finish(vec![], &mut module.funcs);
            module.exports.add(export, caller);
        }
        module.customs.add(walrus::RawCustomSection {
            name: "secret".to_owned(),
            data: b"path".to_vec(),
        });
        module.emit_wasm()
    }

    fn exports(module: &Module) -> Vec<&str> {
        let exports = module.exports.iter();
        exports.map(|export| export.name.as_str()).collect()
    }

    #[test]
    fn custom_sections_go_and_exports_stay() {
        let stripped = Module::from_buffer(&strip(&module(&EXPORTS)).unwrap()).unwrap();
        assert_eq!(exports(&stripped), EXPORTS);
        assert_eq!(stripped.customs.iter().count(), 0);
    }

    #[test]
    fn another_export_goes_with_what_it_calls() {
        let with_another = [&EXPORTS[..], &["proxy_on_log"]].concat();
        let stripped = Module::from_buffer(&strip(&module(&with_another)).unwrap()).unwrap();
        assert_eq!(exports(&stripped), EXPORTS);
        // Each export is a function that calls another one.
        assert_eq!(stripped.funcs.iter().count(), 2 * EXPORTS.len());
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(strip(b"MZ").is_err());
    }
}
