//! Where results go: the screen, a JSON file, and the documentation.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::Stage;
use crate::table::Table;
use xtask::module::Module;
use xtask::{command, repository_root};

/// The page with the tables.
const PAGE: &str = "docs/performance.md";

/// What was measured, and on what.
pub(crate) struct Report {
    /// The command that measures it.
    pub(crate) command: &'static str,
    /// How it was measured, a sentence or two.
    pub(crate) method: String,
    pub(crate) table: Table,
    /// All that was measured, for machines.
    pub(crate) json: Value,
}

/// What everything depends on.
pub(crate) struct Circumstances {
    date: String,
    machine: String,
    envoy: String,
    module: String,
}

impl Circumstances {
    pub(crate) fn of(stage: &Stage) -> anyhow::Result<Self> {
        let module = Module::from(fs::read(&stage.module)?);
        let version = command::output(command::command(&stage.envoy, ["--version"]))?;
        // The path, then `version: <commit>/<version>/<state>/<build>/<TLS>`.
        let version = version
            .split('/')
            .rev()
            .nth(3)
            .unwrap_or("of unknown version");
        Ok(Self {
            date: date(),
            machine: machine(),
            envoy: format!("Envoy {version}"),
            module: format!("{} bytes, sha256 {}", module.bytes.len(), module.digest),
        })
    }

    fn line(&self) -> String {
        let Self {
            date,
            machine,
            envoy,
            module,
        } = self;
        format!("{date}, {machine}, {envoy}, basic_auth.wasm of {module}")
    }
}

impl Report {
    /// Prints the table and writes the JSON file and, if wanted, the documentation.
    pub(crate) fn publish(
        &self,
        circumstances: &Circumstances,
        json: &Path,
        is_documented: bool,
    ) -> anyhow::Result<()> {
        xtask::say!(
            "\n{}\n\n{}.\n\n{}",
            circumstances.line(),
            self.method,
            self.table.text()
        );
        self.write_json(circumstances, json)?;
        xtask::say!("All figures: {}", json.display());
        if is_documented {
            self.write_section(circumstances)?;
            crate::chart::draw_all()?;
            xtask::say!("Table: {PAGE}");
        }
        Ok(())
    }

    fn write_json(&self, circumstances: &Circumstances, path: &Path) -> anyhow::Result<()> {
        let document = json!({
            "command": self.command,
            "date": circumstances.date,
            "machine": circumstances.machine,
            "envoy": circumstances.envoy,
            "module": circumstances.module,
            "method": self.method,
            "results": self.json,
        });
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(path, format!("{document:#}\n"))
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    fn write_section(&self, circumstances: &Circumstances) -> anyhow::Result<()> {
        let page = page();
        let text = fs::read_to_string(&page).with_context(|| format!("{PAGE} cannot be read"))?;
        let section = format!(
            "{}.\n\n{}\n{}.",
            self.method,
            self.table.markdown(),
            circumstances.line()
        );
        fs::write(page, with_section(&text, self.command, &section)?)?;
        Ok(())
    }
}

/// `text` with what stands between the marks of `command` replaced.
fn with_section(text: &str, command: &str, section: &str) -> anyhow::Result<String> {
    let begin = format!("<!-- {command}: begin, written by the command -->\n");
    let end = format!("<!-- {command}: end -->");
    let Some((before, rest)) = text.split_once(&begin) else {
        bail!("{PAGE} has no line {}", begin.trim_end());
    };
    let Some((_, after)) = rest.split_once(&end) else {
        bail!("{PAGE} has no line {end}");
    };
    Ok(format!("{before}{begin}\n{section}\n\n{end}{after}"))
}

fn page() -> PathBuf {
    repository_root().join(PAGE)
}

/// The processor and the number of its cores.
fn machine() -> String {
    let description = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let values = |key: &str| {
        let lines = description.lines().filter(|line| line.starts_with(key));
        lines
            .filter_map(|line| Some(line.split_once(": ")?.1))
            .collect::<Vec<_>>()
    };
    let model = values("model name")
        .first()
        .copied()
        .unwrap_or("unknown processor");
    format!("{model}, {} cores", values("processor").len())
}

/// Today (UTC), as ISO 8601 writes it.
fn date() -> String {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let (year, month, day) = civil(since_epoch.as_secs() / (24 * 60 * 60));
    format!("{year}-{month:02}-{day:02}")
}

/// Year, month and day of a day since 1970, in the Gregorian calendar.
fn civil(day: u64) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is the last.
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agent, filters, flood, passwords, scale};

    #[test]
    fn days_are_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_779), (2026, 11, 22));
    }

    #[test]
    fn only_the_section_of_the_command_is_replaced() {
        let page = "a\n<!-- x: begin, written by the command -->\nold\n<!-- x: end -->\nb\n";
        let written = with_section(page, "x", "new").unwrap();
        assert_eq!(
            written,
            "a\n<!-- x: begin, written by the command -->\n\nnew\n\n<!-- x: end -->\nb\n"
        );
        assert_eq!(with_section(&written, "x", "new").unwrap(), written);
        assert!(with_section(page, "y", "new").is_err());
    }

    #[test]
    fn the_page_has_a_section_for_each_command() {
        let text = fs::read_to_string(page()).unwrap();
        for command in [
            filters::COMMAND,
            scale::COMMAND,
            passwords::COMMAND,
            flood::COMMAND,
            agent::COMMAND,
        ] {
            with_section(&text, command, "new").unwrap();
        }
    }
}
