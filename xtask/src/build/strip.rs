//! Takes out of the compiled module what this filter does not use.

use anyhow::{Context as _, bail};
use walrus::{ExportId, Module, ModuleConfig};

/// What the module exports, and nothing else. Envoy calls every callback that a module exports,
/// on every request, and the SDK exports all there are. A callback that is not there means to
/// Envoy what the SDK would have answered.
pub const EXPORTS: [&str; 8] = [
    "memory",
    "_initialize",
    "proxy_abi_version_0_2_1",
    "proxy_on_memory_allocate",
    "proxy_on_context_create",
    "proxy_on_configure",
    "proxy_on_request_headers",
    "proxy_on_tick",
];

/// The filter exports its own callbacks under names with this prefix, because the SDK's have
/// those without it.
const OWN: &str = "direct:";

/// Gives the filter's callbacks their names, and removes the other exports, everything that only
/// they used, and the custom sections.
///
/// Among those are the names of the functions. They are a seventh of what the linker leaves, and
/// serve nothing but the backtrace of a trap; the artifact in `target/` still has them.
pub(super) fn strip(compiled: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config
        .generate_name_section(false)
        .generate_producers_section(false);
    let mut module = config
        .parse(compiled)
        .context("the compiled module is not valid WebAssembly")?;
    let exports: Vec<_> = module
        .exports
        .iter()
        .map(|export| (export.id(), export.name.clone()))
        .collect();
    for (id, name) in &exports {
        settle(&mut module, *id, name)?;
    }
    if let Some(missing) = EXPORTS
        .iter()
        .find(|name| !exports.iter().any(|(_, known)| is_export(known, name)))
    {
        bail!(
            "the filter does not export `{missing}`: correct it or the list in xtask/src/build/strip.rs"
        );
    }
    remove_custom_sections(&mut module);
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

/// Renames, keeps or removes an export.
fn settle(module: &mut Module, id: ExportId, name: &str) -> anyhow::Result<()> {
    match name.strip_prefix(OWN) {
        Some(own) if EXPORTS.contains(&own) => module.exports.get_mut(id).name = own.to_owned(),
        Some(own) => {
            bail!("`{own}` would never be called: add it to the list in xtask/src/build/strip.rs")
        }
        None if EXPORTS.iter().any(|export| is_export(name, export)) => {}
        None => module.exports.delete(id),
    }
    Ok(())
}

/// Whether what is called `name` before is what is called `export` in the end. The SDK's
/// callbacks never are: they know nothing of the contexts that the filter's create.
fn is_export(name: &str, export: &str) -> bool {
    match name.strip_prefix(OWN) {
        Some(own) => own == export,
        None => {
            name == export && (!name.starts_with("proxy_on_") || name == "proxy_on_memory_allocate")
        }
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

    const COMPILED: [&str; 11] = [
        "memory",
        "_initialize",
        "proxy_abi_version_0_2_1",
        "proxy_on_memory_allocate",
        "direct:proxy_on_context_create",
        "proxy_on_context_create",
        "direct:proxy_on_configure",
        "direct:proxy_on_request_headers",
        "direct:proxy_on_tick",
        "proxy_on_tick",
        "proxy_on_log",
    ];

    #[test]
    fn what_is_not_used_goes_with_all_that_only_it_used() {
        let stripped = Module::from_buffer(&strip(&module(&COMPILED)).unwrap()).unwrap();
        let mut exports: Vec<_> = stripped
            .exports
            .iter()
            .map(|export| export.name.as_str())
            .collect();
        exports.sort_unstable();
        let mut expected = EXPORTS;
        expected.sort_unstable();
        assert_eq!(exports, expected);
        assert_eq!(stripped.funcs.iter().count(), 2 * EXPORTS.len());
        assert_eq!(stripped.customs.iter().count(), 0);
    }

    #[test]
    fn a_callback_that_would_never_be_called_is_refused() {
        let with_another = [&COMPILED[..], &["direct:proxy_on_log"]].concat();
        let error = strip(&module(&with_another)).unwrap_err().to_string();
        assert!(
            error.contains("`proxy_on_log` would never be called"),
            "{error}"
        );
    }

    #[test]
    fn the_sdks_callback_does_not_stand_in_for_a_missing_one() {
        let without: Vec<_> = COMPILED
            .into_iter()
            .filter(|name| *name != "direct:proxy_on_tick")
            .collect();
        let error = strip(&module(&without)).unwrap_err().to_string();
        assert!(error.contains("does not export `proxy_on_tick`"), "{error}");
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(strip(b"MZ").is_err());
    }
}
