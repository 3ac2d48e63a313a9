//! Modules of a few instructions: the least that a Wasm filter can cost.

use walrus::{FunctionBuilder, Module, ModuleConfig, ValType};

const I32: ValType = ValType::I32;

/// The map of a request's header fields, as Proxy-Wasm numbers it.
const REQUEST_HEADERS: i32 = 0;

/// Where the host writes to which address it has handed something over, and its size.
const HANDED_OVER: [i32; 2] = [8, 12];

/// Where the host puts what it hands over.
const BUFFER: i32 = 1024;

/// Goes on to the next filter.
const CONTINUE: i32 = 0;

/// A module that exports `proxy_on_request_headers` and what Envoy insists on, and does nothing.
pub(crate) fn empty() -> Vec<u8> {
    let mut module = module();
    export(&mut module, "proxy_on_request_headers", 3, Some(CONTINUE));
    module.emit_wasm()
}

/// A module that does what a filter for several plugins in one VM cannot do without: it learns
/// which plugin a request is for, and has the host hand over the header fields once.
pub(crate) fn reader() -> Vec<u8> {
    let mut module = module();
    export(&mut module, "proxy_on_context_create", 2, None);
    let hostcall = module.types.add(&[I32; 3], &[I32]);
    let (hostcall, _) = module.add_import_func("env", "proxy_get_header_map_pairs", hostcall);
    let mut function = FunctionBuilder::new(&mut module.types, &[I32; 3], &[I32]);
    let [address, size] = HANDED_OVER;
    function
        .func_body()
        .i32_const(REQUEST_HEADERS)
        .i32_const(address)
        .i32_const(size)
        .call(hostcall)
        .drop()
        .i32_const(CONTINUE);
    finish(&mut module, "proxy_on_request_headers", function, 3);
    module.emit_wasm()
}

/// What both have.
fn module() -> Module {
    let mut module = Module::with_config(ModuleConfig::new());
    let memory = module.memories.add_local(false, false, 1, Some(16), None);
    module.exports.add("memory", memory);
    export(&mut module, "proxy_abi_version_0_2_1", 0, None);
    export(&mut module, "proxy_on_memory_allocate", 1, Some(BUFFER));
    module
}

/// Exports a function that returns a constant.
fn export(module: &mut Module, name: &str, parameters: usize, returned: Option<i32>) {
    let results = returned.map(|_| I32);
    let parameter_kinds = vec![I32; parameters];
    let mut function =
        FunctionBuilder::new(&mut module.types, &parameter_kinds, results.as_slice());
    if let Some(constant) = returned {
        function.func_body().i32_const(constant);
    }
    finish(module, name, function, parameters);
}

fn finish(module: &mut Module, name: &str, function: FunctionBuilder, parameters: usize) {
    let arguments = (0..parameters).map(|_| module.locals.add(I32)).collect();
    let function = function.finish(arguments, &mut module.funcs);
    module.exports.add(name, function);
}
