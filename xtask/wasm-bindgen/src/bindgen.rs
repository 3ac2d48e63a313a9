//! Makes a module for the browser of what Rust compiled for WebAssembly.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen::run_cli_with_args(std::env::args_os())
}
