//! `cargo xtask playground`: the filter's own parser and decision as one page for the browser.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::toolchain::Toolchain;
use crate::{command, console, repository_root, serve, target_folder};

/// What makes a module ready for a browser: a program of `xtask/wasm-bindgen`.
const BINDGEN: &str = "bindgen";

const PACKAGE: &str = "basic-auth-playground";
const TARGET: &str = "wasm32-unknown-unknown";

/// Arguments of `cargo xtask playground`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask playground
  cargo xtask playground --output playground.html

Type a configuration and a request: the page shows what is wrong and where, how the path may be read,
what each rule says, and the answer. The page is one file without a server side; nothing leaves it.")]
pub struct PlaygroundArgs {
    /// Writes the page into this file instead of serving it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

/// Builds the page, and serves it with the module.
pub fn run(args: PlaygroundArgs) -> anyhow::Result<()> {
    let page = build()?;
    let Some(output) = args.output else {
        return serve::run(args.serve);
    };
    fs::write(&output, page).with_context(|| format!("{} cannot be written", output.display()))?;
    console::say(format_args!("{}", output.display()));
    Ok(())
}

/// Where the built page is, for `serve`.
pub fn page_path() -> PathBuf {
    target_folder().join("page/index.html")
}

/// Builds the page.
pub fn build() -> anyhow::Result<String> {
    let toolchain = Toolchain::pinned()?;
    toolchain.ensure_target(TARGET)?;
    let mut cargo = toolchain.cargo(["build", "--locked", "--quiet", "--package", PACKAGE]);
    cargo
        .args(["--target", TARGET, "--profile", "playground"])
        .current_dir(repository_root());
    command::run(cargo)?;
    let folder = target_folder().join("page");
    let module = target_folder()
        .join(TARGET)
        .join("playground/basic_auth_playground.wasm");
    let mut bindgen = command::command(
        toolchain.program(BINDGEN)?,
        ["--target", "no-modules", "--no-typescript", "--out-dir"],
    );
    bindgen.arg(&folder).arg(&module);
    command::run(bindgen)?;
    let page = assemble(&folder)?;
    fs::write(page_path(), &page)?;
    Ok(page)
}

/// Puts what `wasm-bindgen` made into the page.
fn assemble(folder: &Path) -> anyhow::Result<String> {
    let template = repository_root().join("playground/page.html");
    let template = fs::read_to_string(&template)
        .with_context(|| format!("{} cannot be read", template.display()))?;
    let glue = fs::read_to_string(folder.join("basic_auth_playground.js"))?;
    let octets = fs::read(folder.join("basic_auth_playground_bg.wasm"))?;
    // A script ends at the first such tag, wherever it stands.
    let glue = glue.replace("</script", "<\\/script");
    Ok(template
        .replace("/*glue*/", &glue)
        .replace("/*octets*/", &STANDARD.encode(octets)))
}
