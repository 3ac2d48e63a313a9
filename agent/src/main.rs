//! The binary `wasm-agent`.

use std::process::ExitCode;

use wasm_agent::cli::Task;
use wasm_agent::{cli, logging, open_files, readiness, run};

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), String> {
    let settings = match cli::parse()? {
        Task::Run(settings) => *settings,
        Task::CheckReady(address) => return readiness::check(&address),
    };
    logging::start(settings.log_format);
    open_files::allow_as_many_as_possible();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let ended = runtime.block_on(run::run(settings));
    // What still runs, such as a look at a file, must not delay the end.
    runtime.shutdown_background();
    ended.map_err(|error| error.to_string())
}
