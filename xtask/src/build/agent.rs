//! `cargo xtask build --agent`: the agent as one static file that runs on any Linux of this architecture.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;

use super::compile::Workspace;
use crate::command;
use crate::module::{self, Digest};
use crate::toolchain::{Toolchain, cargo_home};
use crate::{repository_root, target_folder};

/// Static, because its C library is a part of the program.
pub const TARGET: &str = "x86_64-unknown-linux-musl";
const PROGRAM: &str = "wasm-agent";

/// How much time compiling may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum AgentProfile {
    /// As it is released
    #[default]
    Release,
    /// For tests
    Dev,
}

/// The agent's program, and its digest.
pub struct Program {
    /// An ELF file.
    pub octets: Vec<u8>,
    /// Of `octets`.
    pub digest: Digest,
}

/// Builds it into `dist/`, with its checksum beside it.
pub(super) fn run() -> anyhow::Result<()> {
    let program = compile(AgentProfile::Release)?;
    let dist = module::dist_folder();
    publish(&program, &dist)?;
    crate::say!("dist/{PROGRAM}  {} bytes", program.octets.len());
    crate::say!("sha256 {}", program.digest);
    Ok(())
}

/// Puts the program and its checksum into a folder.
pub fn publish(program: &Program, folder: &std::path::Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(PROGRAM);
    let beside = folder.join(format!(".{PROGRAM}"));
    fs::write(&beside, &program.octets)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755))?;
    fs::rename(beside, path)?;
    let line = format!("{}  {PROGRAM}\n", program.digest);
    fs::write(folder.join(format!("{PROGRAM}.sha256")), line)?;
    Ok(())
}

/// The agent of this source. The release has nothing of this machine in it.
pub fn compile(profile: AgentProfile) -> anyhow::Result<Program> {
    let toolchain = Toolchain::pinned()?;
    toolchain.ensure_target(TARGET)?;
    let workspace = Workspace {
        folder: repository_root(),
        target_folder: target_folder(),
        cargo_home: cargo_home()?,
    };
    let octets = workspace.compile_agent(&toolchain, profile)?;
    Ok(Program {
        digest: Digest::of(&octets),
        octets,
    })
}

impl Workspace {
    fn compile_agent(
        &self,
        toolchain: &Toolchain,
        profile: AgentProfile,
    ) -> anyhow::Result<Vec<u8>> {
        command::run(self.cargo(
            toolchain,
            ["fetch", "--quiet", "--locked", "--target", TARGET],
        ))?;
        let (name, folder) = match profile {
            AgentProfile::Release => ("release", "release"),
            AgentProfile::Dev => ("dev", "debug"),
        };
        let arguments = [
            "build",
            "--locked",
            "--package",
            PROGRAM,
            "--bin",
            PROGRAM,
            "--target",
            TARGET,
        ];
        let mut build = self.cargo(toolchain, arguments);
        build
            .args(["--profile", name, "--target-dir"])
            .arg(&self.target_folder)
            .env("CC_x86_64_unknown_linux_musl", c_compiler());
        if profile == AgentProfile::Release {
            build
                .env(
                    "CARGO_ENCODED_RUSTFLAGS",
                    self.remapped(toolchain)?.join("\x1f"),
                )
                .env("CFLAGS_x86_64_unknown_linux_musl", self.c_flags())
                // What a decoder panics at is one download that fails, not the end of the agent.
                .env("CARGO_PROFILE_RELEASE_PANIC", "unwind");
        }
        command::run(build).context("the agent does not compile")?;
        let artifact: PathBuf = self.target_folder.join(TARGET).join(folder).join(PROGRAM);
        fs::read(&artifact).with_context(|| format!("{} cannot be read", artifact.display()))
    }

    /// Paths of this machine do not get into the C parts, either.
    fn c_flags(&self) -> String {
        format!("-g0 -ffile-prefix-map={}=/cargo", self.cargo_home.display())
    }
}

/// The cryptography is partly C, which needs nothing of a C library: the system's compiler will do.
fn c_compiler() -> &'static str {
    let musl = "musl-gcc";
    command::on_path(musl).map_or("cc", |_| musl)
}
