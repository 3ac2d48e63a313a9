//! What is printed of the trials.

use std::collections::BTreeMap;

use anyhow::bail;
use xtask::say;

use crate::trial::{Hole, Outcome};

/// How many holes of a server and configuration are printed.
const SHOWN: usize = 3;

/// The outcomes so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failures: Vec<String>,
    holes: BTreeMap<String, Vec<Hole>>,
}

impl Report {
    /// A trial that could not be held.
    pub(crate) fn fail(&mut self, server: &str, error: &anyhow::Error) {
        say!("FAILED {server}: {error:#}");
        self.failures.push(server.to_owned());
    }

    /// A trial that came to its end.
    pub(crate) fn add(&mut self, server: &str, outcome: Outcome) {
        let Outcome {
            asked,
            revealing,
            holes,
        } = outcome;
        let verdict = if holes.is_empty() { "ok    " } else { "FAILED" };
        say!(
            "{verdict} {server:<20} {asked:>6} requests, {revealing:>5} served without the filter, {:>5} holes",
            holes.len()
        );
        if holes.is_empty() {
            self.passed += 1;
        } else {
            self.holes.insert(server.to_owned(), holes);
        }
    }

    /// Prints the holes, and fails if there is one or a trial was not held.
    pub(crate) fn finish(self, all_holes: bool) -> anyhow::Result<()> {
        let shown = if all_holes { usize::MAX } else { SHOWN };
        for (server, holes) in &self.holes {
            print_holes(server, holes, shown);
        }
        let failed = self.failures.len() + self.holes.len();
        say!("servers: {} passed, {failed} failed", self.passed);
        if failed > 0 {
            bail!("{failed} servers serve what is protected, or could not be tried");
        }
        if self.passed == 0 {
            bail!("no server was tried");
        }
        Ok(())
    }
}

/// The shortest holes of each configuration.
fn print_holes(server: &str, holes: &[Hole], shown: usize) {
    let mut by_rule_set: BTreeMap<&str, Vec<&Hole>> = BTreeMap::new();
    for hole in holes {
        by_rule_set.entry(hole.rule_set).or_default().push(hole);
    }
    for (rule_set, mut holes) in by_rule_set {
        say!("\n{server}, {rule_set}: {} holes", holes.len());
        holes.sort_by_key(|hole| hole.request.length());
        for hole in holes.iter().take(shown) {
            say!("  {} ({})", hole.request, hole.content.path());
        }
    }
}
