//! A module that exports `proxy_on_request_headers` and what Envoy insists on, and does nothing:
//! the least that a Wasm filter can cost.

use walrus::{FunctionBuilder, Module, ModuleConfig, ValType};

/// The module.
pub(super) fn bytes() -> Vec<u8> {
    let mut module = Module::with_config(ModuleConfig::new());
    let memory = module.memories.add_local(false, false, 1, Some(16), None);
    module.exports.add("memory", memory);
    let i32 = ValType::I32;
    export(&mut module, "proxy_abi_version_0_2_1", &[], None);
    // Where the host puts what it hands over: it never hands over anything.
    export(&mut module, "proxy_on_memory_allocate", &[i32], Some(1024));
    // Continue.
    export(&mut module, "proxy_on_request_headers", &[i32; 3], Some(0));
    module.emit_wasm()
}

/// A function that returns a constant.
fn export(module: &mut Module, name: &str, parameters: &[ValType], returned: Option<i32>) {
    let results: &[ValType] = if returned.is_some() {
        &[ValType::I32]
    } else {
        &[]
    };
    let mut function = FunctionBuilder::new(&mut module.types, parameters, results);
    if let Some(constant) = returned {
        function.func_body().i32_const(constant);
    }
    let arguments = parameters
        .iter()
        .map(|&kind| module.locals.add(kind))
        .collect();
    let function = function.finish(arguments, &mut module.funcs);
    module.exports.add(name, function);
}
